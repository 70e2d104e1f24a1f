//! `postern quarantine export`.

use std::{
    fs::OpenOptions,
    io::{BufRead, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::Held;
use crate::{
    cli::exit::Failure,
    gateway::{QuarantineAnswer, QuarantineRequest},
    mail::QueueId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passphrase {
    /// The first line of the input.
    Read,
    /// Made here and shown once.
    Made,
}

impl From<bool> for Passphrase {
    fn from(from_stdin: bool) -> Self {
        if from_stdin { Self::Read } else { Self::Made }
    }
}

impl Held<'_> {
    pub(super) fn export(
        &self,
        id: QueueId,
        to: &Path,
        reason: String,
        passphrase: Passphrase,
    ) -> Result<(), Failure> {
        let secret = match passphrase {
            Passphrase::Read => first_line()?,
            Passphrase::Made => made()?,
        };
        let request = QuarantineRequest::Export { id, passphrase: secret.clone(), reason };
        let QuarantineAnswer::Sealed { archive } = self.ask(request)? else {
            return Err(Failure::negative("the gateway gave no archive"));
        };
        let archive = BASE64.decode(archive).map_err(Failure::bad_data)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        let mut file =
            file.map_err(|cause| Failure::cannot_create(format!("{}: {cause}", to.display())))?;
        file.write_all(&archive)?;
        file.sync_all()?;
        let mut out = std::io::stdout().lock();
        let shown = Some(secret.as_str()).filter(|_| passphrase == Passphrase::Made);
        if self.json {
            let told = serde_json::json!({ "file": to, "passphrase": shown });
            writeln!(out, "{told}")?;
        } else {
            writeln!(out, "{} is written.", to.display())?;
            if let Some(secret) = shown {
                writeln!(out, "Its passphrase, which is shown this once: {secret}")?;
            }
        }
        Ok(())
    }
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let secret = line.trim_end_matches(['\r', '\n']).to_owned();
    match secret.is_empty() {
        true => Err(Failure::no_input("the input has no passphrase")),
        false => Ok(secret),
    }
}

/// 125 bits, in groups that can be read out.
fn made() -> Result<String, Failure> {
    let mut random = [0; GROUPS * LETTERS];
    aws_lc_rs::rand::fill(&mut random).map_err(Failure::unavailable)?;
    let letter = |octet: &u8| {
        let letter = ALPHABET.get(usize::from(*octet) % ALPHABET.len());
        char::from(letter.copied().unwrap_or(b'0'))
    };
    let groups = random.chunks(LETTERS).map(|group| group.iter().map(letter).collect::<String>());
    Ok(groups.collect::<Vec<_>>().join("-"))
}

/// Crockford's base 32: 32 letters, so that none comes oftener.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 5;
const LETTERS: usize = 5;
