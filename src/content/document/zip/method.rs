//! How members are packed (APPNOTE section 4.4.5): a reader for each way that
//! programs write.

use std::io::{self, BufRead, Read};

use deflate64::Deflate64Decoder;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use ppmd_rust::Ppmd8Decoder;

use super::super::{limits::DICTIONARY_KIB, zstandard};

pub(super) const STORED: u16 = 0;
pub(super) const LZMA: u16 = 14;

/// What a member unfolds to; `length` is how much that is, where it is known.
/// A decoder that cannot be made fails when it is read.
pub(super) fn decoder<'r>(
    method: u16,
    input: impl BufRead + 'r,
    length: Option<u64>,
) -> Box<dyn Read + 'r> {
    let decoder: io::Result<Box<dyn Read + 'r>> = match method {
        STORED => Ok(Box::new(input)),
        8 => Ok(Box::new(DeflateDecoder::new(input))),
        9 => Ok(Box::new(Deflate64Decoder::with_buffer(input))),
        12 => Ok(Box::new(bzip2::bufread::BzDecoder::new(input))),
        LZMA => lzma(input, length),
        // 20 is what WinZip wrote for a while.
        20 | 93 => zstandard::frame(input).map(|frame| Box::new(frame) as Box<dyn Read>),
        95 => Ok(Box::new(XzReader::new_mem_limit(input, true, DICTIONARY_KIB))),
        98 => ppmd(input, length),
        // What nobody writes any more, and sounds and pictures of WinZip's.
        _ => Err(io::ErrorKind::Unsupported.into()),
    };
    decoder.unwrap_or_else(|error| Box::new(Failing(Some(error))))
}

/// Section 5.8.8: a version, the length of the properties, the properties.
fn lzma<'r>(mut input: impl Read + 'r, length: Option<u64>) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = [0; 9];
    input.read_exact(&mut head)?;
    let [_, _, 5, 0, properties, dictionary @ ..] = head else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let dictionary = u32::from_le_bytes(dictionary);
    if lzma_rust2::lzma_get_memory_usage_by_props(dictionary, properties)? > DICTIONARY_KIB {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let length = length.unwrap_or(u64::MAX);
    Ok(Box::new(LzmaReader::new_with_props(input, length, properties, dictionary, None)?))
}

/// Section 5.10: the order of the model, its memory in MiB and what is done
/// when that is full. Nothing in it says where it ends.
fn ppmd<'r>(mut input: impl Read + 'r, length: Option<u64>) -> io::Result<Box<dyn Read + 'r>> {
    let mut head = [0; 2];
    input.read_exact(&mut head)?;
    let head = u32::from(u16::from_le_bytes(head));
    let (order, mebibytes) = ((head & 0xf) + 1, ((head >> 4) & 0xff) + 1);
    if mebibytes << 10 > DICTIONARY_KIB {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let decoder = Ppmd8Decoder::new(input, order, mebibytes << 20, (head >> 12).into());
    let decoder = decoder.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(Box::new(decoder.take(length.unwrap_or(u64::MAX))))
}

/// A decoder that could not be made.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
