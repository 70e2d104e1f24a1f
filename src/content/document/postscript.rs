//! PostScript, encapsulated or not (PLRM section 3.2): a program that draws. What
//! it shows is only known to who runs it; its strings, which are most of what it
//! shows, and its comments are read, and it stays unread.

use super::{extract::Document, gatherer::Gatherer, octets::Octets};
use crate::{
    content::charset::{self, Charset},
    mail::OpaqueReason,
};

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let program = within_previews(&document.octets).unwrap_or(&document.octets);
    let said = strings(program);
    gatherer.text(&document.path, charset::decode(&said, Charset::of(&said, None)).0);
    Err(OpaqueReason::Unreadable)
}

/// The program in a file that has previews for those who cannot run it (EPSF
/// section 5.2).
fn within_previews(octets: &[u8]) -> Option<&[u8]> {
    let mut fields = Octets(octets.strip_prefix(PREVIEWED)?);
    let (start, length) = (fields.length()?, fields.length()?);
    Some(Octets::from(octets, start)?.take_up_to(length))
}

/// Strings and comments, in the lines in which they stand.
fn strings(program: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    let mut rest = program;
    while let Some(at) = rest.iter().position(|octet| b"(%\r\n".contains(octet)) {
        let (mark, tail) = rest.get(at..).and_then(<[u8]>::split_first).unwrap_or((&0, &[]));
        rest = match mark {
            b'(' => {
                if said.last().is_some_and(|last| *last != b'\n') {
                    said.push(b' ');
                }
                string(tail, &mut said)
            }
            b'%' => {
                let end = tail.iter().position(|octet| b"\r\n".contains(octet));
                let (comment, after) = tail.split_at(end.unwrap_or(tail.len()));
                said.extend_from_slice(comment);
                after
            }
            _ => {
                if said.last().is_some_and(|last| *last != b'\n') {
                    said.push(b'\n');
                }
                tail
            }
        };
    }
    said
}

/// Reads a string to its end; returns what follows.
fn string<'p>(program: &'p [u8], said: &mut Vec<u8>) -> &'p [u8] {
    let (mut rest, mut depth) = (program, 0_usize);
    while let Some((octet, tail)) = rest.split_first() {
        rest = tail;
        match octet {
            b'\\' => rest = escape(tail, said),
            b')' if depth == 0 => return rest,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if *octet != b'\\' {
            said.push(*octet);
        }
    }
    rest
}

/// What follows a backslash: up to three octal digits, a letter, itself.
fn escape<'p>(tail: &'p [u8], said: &mut Vec<u8>) -> &'p [u8] {
    let digits = tail.iter().take(3).take_while(|octet| matches!(octet, b'0'..=b'7')).count();
    if let Some((octal, after)) = tail.split_at_checked(digits).filter(|_| digits > 0) {
        let code = octal.iter().fold(0_u16, |code, digit| code * 8 + u16::from(digit - b'0'));
        said.push(u8::try_from(code & 0xff).unwrap_or_default());
        return after;
    }
    let Some((octet, after)) = tail.split_first() else { return tail };
    match octet {
        b'n' | b'r' => said.push(b'\n'),
        b't' | b'b' | b'f' => said.push(b' '),
        b'\r' | b'\n' => {}
        _ => said.push(*octet),
    }
    after
}

pub(super) const PREVIEWED: &[u8] = b"\xc5\xd0\xd3\xc6";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    const PROGRAM: &[u8] = b"%!PS-Adobe-3.0 EPSF-3.0\n%%Title: a letter\n/Courier 10 selectfont\n\
        72 700 moveto (NHS number) show 5 0 rmoveto (999 \\060\\060\\060 0018) show\n\
        72 680 moveto (a \\(b\\) (c) \\\nd) show\nshowpage (never ends";

    #[test]
    fn strings_and_comments_are_read_and_the_program_is_not() {
        let text = "!PS-Adobe-3.0 EPSF-3.0\n%Title: a letter\nNHS number 999 000 0018\n\
                    a (b) (c) d\nnever ends";
        let previewed = [PREVIEWED, &[12, 0, 0, 0], &[0xff, 0, 0, 0], PROGRAM, b" (more"].concat();
        let extract = read(PROGRAM);
        assert_eq!(texts(&extract), [("2", text)]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Unreadable)]);
        assert!(texts(&read(previewed))[0].1.starts_with("!PS-Adobe"));
    }
}
