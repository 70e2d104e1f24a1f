//! What a reader is asked: one document, and how much may come of it.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::frame::{FrameError, receive_head, receive_octets, send_head};
use crate::content::{Document, Limits};

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    path: String,
    octets: usize,
    limits: Limits,
}

pub(super) fn send(stream: &mut impl Write, document: &Document, limits: Limits) -> io::Result<()> {
    let head = Head { path: document.path.clone(), octets: document.octets.len(), limits };
    send_head(stream, &head)?;
    stream.write_all(&document.octets)?;
    stream.flush()
}

pub(super) fn receive(stream: &mut impl Read) -> Result<(Document, Limits), FrameError> {
    let Head { path, octets, limits } = receive_head(stream, LONGEST_HEAD)?;
    let octets = receive_octets(stream, octets)?.into();
    Ok((Document { path, octets }, limits))
}

const LONGEST_HEAD: usize = 64 << 10;
