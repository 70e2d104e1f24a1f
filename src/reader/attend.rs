//! What a reader does all its life: it confines itself, says so, and reads
//! what it is given until nobody gives it any more.
//!
//! The gateway is at the other end of its standard input, a socket. It has one
//! thread and nothing else open but where its last words go.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    os::fd::{AsFd, AsRawFd},
    panic,
};

use nix::unistd::close;
use serde::{Deserialize, Serialize};

use super::{
    answer,
    confine::{ConfineError, Confined, Terms, confine},
    frame::{FrameError, send_head},
    request,
};
use crate::content::{Document, Extract, InPlace, Limits, ReadDocument};

/// Why a reader has ended, beside that nobody needs it.
#[derive(Debug, thiserror::Error)]
pub enum AttendError {
    #[error("it cannot be confined: {0}")]
    Unconfined(#[from] ConfineError),
    #[error("standard input is no gateway's socket: {0}")]
    Socket(#[from] io::Error),
    #[error("what it was asked: {0}")]
    Asked(String),
}

/// The first that a reader says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Hello {
    Confined(Confined),
    /// It reads nothing, and says why.
    Unconfined(String),
}

/// Ends when the other end is closed.
pub fn attend(terms: &Terms) -> Result<(), AttendError> {
    attend_with(terms, |document, limits| InPlace(limits).read(document))
}

pub(super) fn attend_with(
    terms: &Terms,
    read: impl FnMut(&Document, Limits) -> Extract,
) -> Result<(), AttendError> {
    speak_of_panics_without_their_words();
    close_all_but_three()?;
    let socket = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (mut asked, mut answers) = (BufReader::new(&socket), BufWriter::new(&socket));
    let confined = confine(terms);
    let hello = match &confined {
        Ok(confined) => Hello::Confined(*confined),
        Err(error) => Hello::Unconfined(error.to_string()),
    };
    send_head(&mut answers, &hello)?;
    answers.flush()?;
    confined?;
    serve(&mut asked, &mut answers, read)
}

fn serve(
    asked: &mut impl io::Read,
    answers: &mut impl Write,
    mut read: impl FnMut(&Document, Limits) -> Extract,
) -> Result<(), AttendError> {
    loop {
        let (document, limits) = match request::receive(asked) {
            Ok(request) => request,
            Err(FrameError::Broken(end)) if end.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(());
            }
            Err(error) => return Err(AttendError::Asked(error.to_string())),
        };
        let extract = answer::cut(read(&document, limits), &document, limits);
        answer::send(answers, &extract)?;
    }
}

/// Whoever started the gateway may have left it descriptors that outlive an
/// exec, and it them to us.
fn close_all_but_three() -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    for descriptor in names.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok()) {
        if descriptor > io::stderr().as_raw_fd() {
            // The folder's own is closed already.
            _ = close(descriptor);
        }
    }
    Ok(())
}

/// A panic's message may quote the document, and the gateway logs what it
/// learns of one.
fn speak_of_panics_without_their_words() {
    panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            // There is nobody to tell that this failed.
            _ = writeln!(io::stderr(), "{PANIC}{}:{}", place.file(), place.line());
        }
    }));
}

pub(super) const PANIC: &str = "panic at ";
