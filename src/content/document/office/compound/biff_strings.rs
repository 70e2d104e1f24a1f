//! Strings of BIFF8 (MS-XLS sections 2.5.293 and 2.5.294), which may go on in
//! a record of their own, where they may change their width.

/// A record with those that continue it.
#[derive(Clone, Debug)]
pub(super) struct Segments<'r> {
    all: Vec<&'r [u8]>,
    /// The next octet: of which segment, and which of it.
    segment: usize,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    One,
    Two,
}

impl Width {
    fn of(flags: u8) -> Self {
        if flags & 1 == 0 { Self::One } else { Self::Two }
    }

    fn octets(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl<'r> Segments<'r> {
    pub(super) fn new(all: Vec<&'r [u8]>) -> Self {
        Self { all, segment: 0, at: 0 }
    }

    /// The segments behind the first, each a string without its length: so
    /// text boxes have theirs.
    pub(super) fn characters(&mut self, count: usize) -> Option<String> {
        self.segment = 1;
        self.at = 0;
        let width = Width::of(self.u8()?);
        Some(self.text(count, width))
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        loop {
            let segment = self.all.get(self.segment)?;
            if let Some(octet) = segment.get(self.at) {
                self.at += 1;
                return Some(*octet);
            }
            self.segment += 1;
            self.at = 0;
        }
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    pub(super) fn skip(&mut self, mut count: usize) {
        while count > 0 {
            let Some(segment) = self.all.get(self.segment) else { return };
            let here = segment.len().saturating_sub(self.at).min(count);
            count -= here;
            self.at += here;
            if count > 0 {
                self.segment += 1;
                self.at = 0;
            }
        }
    }

    /// A string of so many characters: flags, runs of formatting and phonetic
    /// text around it are passed over.
    pub(super) fn string(&mut self, count: usize) -> Option<String> {
        let flags = self.u8()?;
        let runs = if flags & 8 == 0 { 0 } else { usize::from(self.u16()?) };
        let extended = if flags & 4 == 0 { 0 } else { usize::try_from(self.u32()?).ok()? };
        let text = self.text(count, Width::of(flags));
        self.skip(runs * 4);
        self.skip(extended);
        Some(text)
    }

    fn text(&mut self, count: usize, mut width: Width) -> String {
        let mut units: Vec<u16> = Vec::new();
        while units.len() < count {
            let Some(segment) = self.all.get(self.segment) else { break };
            let rest = segment.get(self.at..).unwrap_or_default();
            if rest.len() < width.octets() {
                // The next record says anew how wide it is.
                self.segment += 1;
                let flags = self.all.get(self.segment).and_then(|segment| segment.first());
                let Some(flags) = flags else { break };
                width = Width::of(*flags);
                self.at = 1;
                continue;
            }
            let taken = (count - units.len()).min(rest.len() / width.octets());
            let octets = rest.get(..taken * width.octets()).unwrap_or_default();
            match width {
                Width::One => units.extend(octets.iter().copied().map(u16::from)),
                Width::Two => {
                    let pairs = octets.chunks_exact(2);
                    units
                        .extend(pairs.filter_map(|p| Some(u16::from_le_bytes(p.try_into().ok()?))));
                }
            }
            self.at += taken * width.octets();
        }
        String::from_utf16_lossy(&units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_goes_on_in_another_width() {
        let first = [&[5, 0, 0][..], b"ab"].concat();
        let second = [1, b'c', 0, 0xe9, 0, b'e', 0, 7, 7];
        let mut segments = Segments::new(vec![&first, &second]);
        let count = usize::from(segments.u16().unwrap());
        assert_eq!(segments.string(count).as_deref(), Some("abcée"));
        assert_eq!(segments.u16(), Some(0x0707));
        assert_eq!(segments.string(9), None);
    }

    #[test]
    fn formatting_and_phonetic_text_are_passed_over() {
        let octets = [1, 0, 0x0c, 1, 0, 2, 0, 0, 0, b'a', 1, 2, 3, 4, 5, 6, b'z'];
        let mut segments = Segments::new(vec![&octets]);
        let count = usize::from(segments.u16().unwrap());
        assert_eq!(segments.string(count).as_deref(), Some("a"));
        assert_eq!(segments.u8(), Some(b'z'));
    }
}
