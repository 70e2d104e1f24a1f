//! Tokens of content streams, CMaps and Type 1 fonts: ISO 32000-1 section
//! 7.2 and 7.3. What makes no sense is passed over, as viewers do.

/// Arrays and dictionaries as they are written in content streams, where no
/// references stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(Vec<u8>),
    Name(Vec<u8>),
    Array(Vec<Token>),
    /// Keys and values.
    Dictionary(Vec<(Vec<u8>, Token)>),
    /// An operator, or a word such as `true`.
    Word(Vec<u8>),
    /// A bracket that closes nothing.
    Stray,
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The next token; nothing at the end.
    pub(super) fn next(&mut self) -> Option<Token> {
        self.token(DEEPEST)
    }

    /// Passes over the octets of an inline image (section 8.9.7): up to `EI`
    /// between white space, after which nothing looks like image data.
    pub(super) fn skip_inline_image(&mut self) {
        self.at += 1;
        while let Some(found) = memchr::memmem::find(self.rest(), b"EI") {
            let at = self.at + found;
            let before = at.checked_sub(1).and_then(|at| self.octets.get(at));
            self.at = at + 2;
            let after = self.rest();
            let after = after.get(..LOOK_AHEAD.min(after.len())).unwrap_or_default();
            if before.is_none_or(|&octet| is_space(octet))
                && after.first().is_none_or(|&octet| is_space(octet))
                && after.iter().all(|&octet| is_space(octet) || (0x20..0x7f).contains(&octet))
            {
                return;
            }
        }
        self.at = self.octets.len();
    }

    fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.at += 1;
        Some(octet)
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&octet| !keep(octet)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        loop {
            self.take_while(is_space);
            if self.peek() != Some(b'%') {
                return;
            }
            self.take_while(|octet| !matches!(octet, b'\r' | b'\n'));
        }
    }

    fn token(&mut self, depth: usize) -> Option<Token> {
        self.skip_space();
        Some(match self.take()? {
            b'(' => Token::Text(self.literal()),
            b'<' if self.peek() == Some(b'<') => {
                self.at += 1;
                self.dictionary(depth)
            }
            b'<' => Token::Text(self.hexadecimal()),
            b'[' => self.array(depth),
            b'/' => Token::Name(self.name()),
            b'>' if self.peek() == Some(b'>') => {
                self.at += 1;
                Token::Stray
            }
            b']' | b'>' | b'{' | b'}' | b')' => Token::Stray,
            _ => {
                self.at -= 1;
                let word = self.take_while(is_regular);
                number(word).map_or_else(|| Token::Word(word.to_vec()), Token::Number)
            }
        })
    }

    fn array(&mut self, depth: usize) -> Token {
        let mut items = Vec::new();
        while let Some(deeper) = depth.checked_sub(1) {
            self.skip_space();
            if self.peek() == Some(b']') {
                self.at += 1;
                break;
            }
            match self.token(deeper) {
                Some(Token::Stray) | None => break,
                Some(item) => items.push(item),
            }
        }
        Token::Array(items)
    }

    fn dictionary(&mut self, depth: usize) -> Token {
        let mut entries = Vec::new();
        let Some(deeper) = depth.checked_sub(1) else { return Token::Dictionary(entries) };
        while let Some(Token::Name(key)) = self.token(deeper) {
            match self.token(deeper) {
                Some(Token::Stray) | None => break,
                Some(value) => entries.push((key, value)),
            }
        }
        Token::Dictionary(entries)
    }

    fn name(&mut self) -> Vec<u8> {
        let mut rest = self.take_while(is_regular);
        let mut name = Vec::with_capacity(rest.len());
        while let Some((&octet, after)) = rest.split_first() {
            let pair = after.split_first_chunk::<2>();
            let escaped = pair
                .filter(|_| octet == b'#')
                .and_then(|(&[high, low], after)| Some((digit(high)? * 16 + digit(low)?, after)));
            let (octet, after) = escaped.unwrap_or((octet, after));
            name.push(octet);
            rest = after;
        }
        name
    }

    fn hexadecimal(&mut self) -> Vec<u8> {
        let written = self.take_while(|octet| octet != b'>');
        self.at += 1;
        let digits: Vec<u8> = written.iter().filter_map(|&octet| digit(octet)).collect();
        digits
            .chunks(2)
            .map(|pair| {
                let low = pair.get(1).copied().unwrap_or_default();
                pair.first().copied().unwrap_or_default() * 16 + low
            })
            .collect()
    }

    fn literal(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut open = 1_usize;
        while let Some(octet) = self.take() {
            match octet {
                b'(' => open += 1,
                b')' => open -= 1,
                b'\\' => {
                    self.escape(&mut text);
                    continue;
                }
                _ => {}
            }
            if open == 0 {
                break;
            }
            text.push(octet);
        }
        text
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(octet) = self.take() else { return };
        match octet {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            // A line that goes on.
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'\n' => {}
            b'0'..=b'7' => {
                let mut code = u32::from(octet - b'0');
                for _ in 0..2 {
                    let Some(octet @ b'0'..=b'7') = self.peek() else { break };
                    code = code * 8 + u32::from(octet - b'0');
                    self.at += 1;
                }
                text.push(u8::try_from(code & 0xff).unwrap_or_default());
            }
            other => text.push(other),
        }
    }
}

impl Token {
    pub(super) fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub(super) fn text(&self) -> Option<&[u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn name_octets(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }
}

/// Numbers as viewers take them: `--5`, `5-3` and `.` are written by some.
fn number(word: &[u8]) -> Option<f64> {
    let (&first, _) = word.split_first()?;
    if !matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    let text = std::str::from_utf8(word).ok()?;
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let digits = text.trim_start_matches(['-', '+']);
    let end = digits.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let digits = digits.get(..end.unwrap_or(digits.len()))?;
    let number = if digits.is_empty() || digits == "." { 0.0 } else { digits.parse().ok()? };
    Some(if first == b'-' { -number } else { number })
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

pub(super) fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(octet: u8) -> bool {
    !is_space(octet)
        && !matches!(octet, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// Arrays within arrays.
const DEEPEST: usize = 32;
const LOOK_AHEAD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(octets: &[u8]) -> Vec<Token> {
        let mut lexer = Lexer::new(octets);
        std::iter::from_fn(|| lexer.next()).collect()
    }

    fn text(octets: &[u8]) -> Token {
        Token::Text(octets.to_vec())
    }

    #[test]
    fn strings_are_read_in_each_of_their_spellings() {
        let literal = br"(a\(b\)(c)\101\r\
d)<4 1 4>";
        assert_eq!(tokens(literal), [text(b"a(b)(c)A\rd"), text(b"A@")]);
    }

    #[test]
    fn numbers_are_read_as_viewers_read_them() {
        let numbers: Vec<_> =
            tokens(b"1 -2.5 +.5 --3 4-5 . 6.").iter().filter_map(Token::number).collect();
        assert_eq!(numbers, [1.0, -2.5, 0.5, -3.0, 4.0, 0.0, 6.0]);
    }

    #[test]
    fn arrays_and_dictionaries_hold_their_items() {
        let array = Token::Array(vec![text(b"a"), Token::Number(-250.0), text(b"b")]);
        let entries = vec![(b"A B".to_vec(), Token::Array(Vec::new()))];
        let expected = [array, Token::Word(b"TJ".to_vec()), Token::Dictionary(entries)];
        assert_eq!(tokens(b"[(a)-250(b)]TJ<</A#20B[]>>"), expected);
    }

    #[test]
    fn nesting_without_end_is_given_up() {
        assert!(!tokens(&b"[".repeat(100_000)).is_empty());
        assert!(!tokens(&b"<</A".repeat(100_000)).is_empty());
    }

    #[test]
    fn the_octets_of_an_inline_image_are_no_operators() {
        let mut lexer = Lexer::new(b" \x80EI (x) Tj\x90\x91 EI Q");
        lexer.skip_inline_image();
        assert_eq!(lexer.next(), Some(Token::Word(b"Q".to_vec())));
    }
}
