//! Frames, in both directions: a head, whose length goes before it in four
//! octets, and the octets that it speaks of, raw and in its order.
//!
//! The head is JSON and small; octets are never escaped. Every length has a
//! bound that the receiver knows beforehand.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Why a frame could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("{0}")]
    Broken(#[from] io::Error),
    #[error("a head of {found} octets, where {most} are the most")]
    Head { found: usize, most: usize },
    #[error("a head that is none: {0}")]
    Malformed(#[from] serde_json::Error),
}

pub(super) fn send_head(stream: &mut impl Write, head: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; LENGTH];
    serde_json::to_writer(&mut frame, head)?;
    let length = u32::try_from(frame.len() - LENGTH).map_err(io::Error::other)?;
    frame.splice(..LENGTH, length.to_be_bytes());
    stream.write_all(&frame)
}

pub(super) fn receive_head<H: DeserializeOwned>(
    stream: &mut impl Read,
    most: usize,
) -> Result<H, FrameError> {
    let mut length = [0; LENGTH];
    stream.read_exact(&mut length)?;
    let found = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if found > most {
        return Err(FrameError::Head { found, most });
    }
    Ok(serde_json::from_slice(&receive_octets(stream, found)?)?)
}

/// Memory is taken as octets come, not as they are promised.
pub(super) fn receive_octets(stream: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::with_capacity(count.min(AT_ONCE));
    let promised = u64::try_from(count).unwrap_or(u64::MAX);
    stream.take(promised).read_to_end(&mut octets)?;
    match octets.len() == count {
        true => Ok(octets),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

const LENGTH: usize = 4;
const AT_ONCE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_as_it_went_and_takes_no_more_than_its_own() {
        let mut wire = Vec::new();
        send_head(&mut wire, &["a", "b\n"]).unwrap();
        wire.extend_from_slice(b"rest");
        let mut stream = wire.as_slice();
        assert_eq!(receive_head::<Vec<String>>(&mut stream, 64).unwrap(), ["a", "b\n"]);
        assert_eq!(stream, b"rest");
    }

    #[test]
    fn a_head_that_is_too_long_or_none_is_refused() {
        let too_long = u32::MAX.to_be_bytes();
        let refused = receive_head::<String>(&mut too_long.as_slice(), 64).unwrap_err();
        assert!(matches!(refused, FrameError::Head { most: 64, .. }), "{refused}");
        let none = b"\0\0\0\x02no";
        let refused = receive_head::<String>(&mut none.as_slice(), 64).unwrap_err();
        assert!(matches!(refused, FrameError::Malformed(_)), "{refused}");
    }

    #[test]
    fn octets_that_are_promised_and_do_not_come_take_no_memory() {
        let error = receive_octets(&mut b"abc".as_slice(), usize::MAX >> 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
