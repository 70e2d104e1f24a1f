//! Zstandard (RFC 8878): frames in a row are one file, and some frames hold
//! nothing of it.

use std::io::{self, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder, errors::FrameDecoderError};

use super::{limits::DICTIONARY_KIB, octets::Octets};

/// What one frame unfolds to, and where that would take too much memory no
/// decoder.
pub(super) fn frame<R: Read>(input: R) -> io::Result<StreamingDecoder<R, FrameDecoder>> {
    let most = u64::from(DICTIONARY_KIB) << 10;
    StreamingDecoder::new_with_max_window_size(input, most).map_err(|error| match error {
        FrameDecoderError::WindowSizeTooBig { .. } => io::ErrorKind::OutOfMemory.into(),
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

/// All frames, one after another.
pub(super) struct Frames<'o> {
    rest: &'o [u8],
    frame: Option<StreamingDecoder<&'o [u8], FrameDecoder>>,
}

impl<'o> Frames<'o> {
    pub(super) fn of(octets: &'o [u8]) -> Self {
        Self { rest: octets, frame: None }
    }

    /// Passes over what is for programs only (section 3.1.2).
    fn skip(&mut self) -> Option<()> {
        let mut fields = Octets(self.rest);
        (fields.u32()? & !0xf == SKIPPABLE).then_some(())?;
        let length = fields.length()?;
        fields.take_up_to(length);
        self.rest = fields.0;
        Some(())
    }

    /// Its sum is for us to look at.
    fn end(&mut self) -> io::Result<()> {
        let Some(frame) = self.frame.take() else { return Ok(()) };
        let (rest, decoder) = frame.into_parts();
        self.rest = rest;
        let said = decoder.get_checksum_from_data();
        match said.is_none() || said == decoder.get_calculated_checksum() {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
                self.end()?;
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            if self.skip().is_none() {
                self.frame = Some(frame(self.rest)?);
            }
        }
    }
}

/// Sixteen marks, which differ in their last four bits.
const SKIPPABLE: u32 = 0x184d_2a50;
