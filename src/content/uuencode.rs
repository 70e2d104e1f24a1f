//! Files that stand in text, as uuencode writes them (POSIX.1-2017,
//! "uuencode": the historical algorithm and base64).

use memchr::memmem;

use super::{
    header::{line_end, without_line_end},
    transfer,
};

/// A file between `begin` and `end`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uuencoded {
    pub(super) name: String,
    pub(super) octets: Vec<u8>,
    /// A line is not encoded as it should be, or the end is missing.
    pub(super) damaged: bool,
    /// Where it ends in the text.
    end: usize,
}

/// All files in a text, in order.
pub(super) fn files(text: &[u8]) -> impl Iterator<Item = Uuencoded> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let file = next(text, at)?;
        at = file.end;
        Some(file)
    })
}

/// The content of a part that is sent so: one file, or nothing that is one.
pub(super) fn body(text: &[u8]) -> Option<Uuencoded> {
    next(text, 0)
}

fn next(text: &[u8], at: usize) -> Option<Uuencoded> {
    let mut at = at;
    loop {
        at += memmem::find(text.get(at..)?, b"begin")?;
        let starts_line = at.checked_sub(1).is_none_or(|before| text.get(before) == Some(&b'\n'));
        if let Some(file) = starts_line.then(|| file_at(text, at)).flatten() {
            return Some(file);
        }
        at += b"begin".len();
    }
}

/// The file whose first line starts at `at`.
fn file_at(text: &[u8], at: usize) -> Option<Uuencoded> {
    let mut lines = Lines { text, at };
    let (encoding, name) = begin(lines.next()?)?;
    // `begin 600 …` may be prose: its next line is not.
    if encoding == Encoding::Historical {
        let first = lines.clone().next()?;
        let empty = matches!(first, b"`" | b" " | b"" | b"end");
        if !(empty || row(first).is_some()) {
            return None;
        }
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let mut file = Uuencoded { name, octets: Vec::new(), damaged: false, end: 0 };
    let ended = match encoding {
        Encoding::Historical => file.read_rows(&mut lines),
        Encoding::Base64 => file.read_base64(&mut lines),
    };
    file.damaged |= !ended;
    file.end = lines.at;
    Some(file)
}

impl Uuencoded {
    /// Reads up to the end; false where it is missing.
    fn read_rows(&mut self, lines: &mut Lines<'_>) -> bool {
        loop {
            let ahead = lines.clone();
            match lines.next() {
                None => return false,
                Some(b"end") => return true,
                Some(b"" | b"`" | b" ") => {}
                Some(line) => match row(line) {
                    Some(octets) => self.octets.extend(octets),
                    None => {
                        *lines = ahead;
                        return false;
                    }
                },
            }
        }
    }

    fn read_base64(&mut self, lines: &mut Lines<'_>) -> bool {
        let start = lines.at;
        loop {
            let end = lines.at;
            let line = lines.next();
            if line.is_some_and(|line| line != b"====") {
                continue;
            }
            let decoded = transfer::base64(lines.text.get(start..end).unwrap_or_default());
            self.damaged |= decoded.damaged;
            self.octets = decoded.octets;
            return line.is_some();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Historical,
    Base64,
}

/// `begin 644 letter.doc`.
fn begin(line: &[u8]) -> Option<(Encoding, &[u8])> {
    let rest = line.strip_prefix(b"begin")?;
    let (encoding, rest) = match rest.strip_prefix(b"-base64") {
        Some(rest) => (Encoding::Base64, rest),
        None => (Encoding::Historical, rest),
    };
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let digits = rest.iter().take_while(|octet| (b'0'..=b'7').contains(octet)).count();
    let name = rest.get(digits..)?.strip_prefix(b" ")?.trim_ascii();
    ((3..=4).contains(&digits) && !name.is_empty()).then_some((encoding, name))
}

/// The octets of one line: how many, then four characters for three. Blanks
/// at its end may have been lost on the way, and a sum may follow.
fn row(line: &[u8]) -> Option<Vec<u8>> {
    let (length, characters) = line.split_first()?;
    let length = usize::from(sextet(*length)?);
    let needed = length.div_ceil(3) * 4;
    let enough = characters.len() + MOST_BLANKS_LOST >= needed && characters.len() <= needed + 2;
    if length == 0 || !enough {
        return None;
    }
    let mut octets = Vec::with_capacity(needed);
    for quantum in characters.get(..needed.min(characters.len()))?.chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            bits = bits << 6 | u32::from(sextet(*quantum.get(at).unwrap_or(&b' '))?);
        }
        let [_, three @ ..] = bits.to_be_bytes();
        octets.extend(three);
    }
    octets.resize(length, 0);
    Some(octets)
}

fn sextet(character: u8) -> Option<u8> {
    matches!(character, 0x20..=0x60).then_some((character & 0x7f).wrapping_sub(0x20) & 0x3f)
}

#[derive(Clone)]
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = line_end(rest, 0);
        self.at += end;
        Some(without_line_end(rest.get(..end)?))
    }
}

const MOST_BLANKS_LOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, String, bool) {
        let file = files(text.as_bytes()).next().unwrap();
        (file.name, String::from_utf8(file.octets).unwrap(), file.damaged)
    }

    #[test]
    fn a_file_within_text_is_decoded() {
        let text = "Dear all,\r\nbegin 644 a letter.txt\r\n#0V%T\r\n`\r\nend\r\nRegards\r\n";
        assert_eq!(one(text), ("a letter.txt".into(), "Cat".into(), false));
    }

    #[test]
    fn a_file_in_base64_is_decoded() {
        let text = "begin-base64 644 a\nQ2F0\n====\n";
        assert_eq!(one(text), ("a".into(), "Cat".into(), false));
    }

    #[test]
    fn several_files_are_decoded_in_order() {
        let file = "begin 644 a\n#0V%T\n`\nend\n";
        assert_eq!(files([file, "and\n", file].concat().as_bytes()).count(), 2);
    }

    #[test]
    fn a_file_without_its_end_is_damaged_and_read() {
        assert_eq!(one("begin 644 a\n#0V%T\n"), ("a".into(), "Cat".into(), true));
        assert_eq!(one("begin 644 a\n#0V%T\nRegards, Ann\nend\n").2, true);
    }

    #[test]
    fn blanks_lost_at_the_end_of_a_line_are_put_back() {
        assert_eq!(one("begin 644 a\n$0V%T    \nend\n"), one("begin 644 a\n$0V%T\nend\n"));
    }

    #[test]
    fn prose_that_begins_is_no_file() {
        for text in [
            "begin 644 metres from here\nand go left\n",
            "to begin 644 a\n#0V%T\n`\nend\n",
            "begin 999 a\n#0V%T\n`\nend\n",
            "begin again\n",
        ] {
            assert!(files(text.as_bytes()).next().is_none(), "{text}");
        }
    }
}
