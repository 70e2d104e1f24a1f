//! Octets as control words, groups and text (specification 1.9.1,
//! "Conventions of an RTF Reader").

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'r> {
    Open,
    Close,
    Word(&'r str, Option<i32>),
    /// A control symbol: `\~`, `\*`, `\_`.
    Symbol(u8),
    /// `\'hh`
    Octet(u8),
    /// Without the line ends that mean nothing.
    Text(&'r [u8]),
    /// What follows `\bin`.
    Binary(&'r [u8]),
}

pub(super) struct Lexer<'r> {
    rest: &'r [u8],
}

impl<'r> Lexer<'r> {
    pub(super) fn new(octets: &'r [u8]) -> Self {
        Self { rest: octets }
    }

    fn take(&mut self, length: usize) -> &'r [u8] {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn control(&mut self) -> Token<'r> {
        let Some(&first) = self.rest.first() else { return Token::Text(&[]) };
        if first == b'\'' {
            let digits = self.rest.get(1..3).and_then(|pair| std::str::from_utf8(pair).ok());
            let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            self.take(if octet.is_some() { 3 } else { 1 });
            return octet.map_or(Token::Symbol(b'\''), Token::Octet);
        }
        if !first.is_ascii_alphabetic() {
            self.take(1);
            return Token::Symbol(first);
        }
        let length = self.rest.iter().take_while(|octet| octet.is_ascii_alphabetic()).count();
        let word = std::str::from_utf8(self.take(length)).unwrap_or_default();
        let parameter = self.parameter();
        if self.rest.first() == Some(&b' ') {
            self.take(1);
        }
        if word == "bin" {
            let length = parameter.and_then(|length| usize::try_from(length).ok());
            return Token::Binary(self.take(length.unwrap_or(0)));
        }
        Token::Word(word, parameter)
    }

    fn parameter(&mut self) -> Option<i32> {
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits = self.rest.iter().skip(sign).take_while(|octet| octet.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let written = std::str::from_utf8(self.take(sign + digits)).unwrap_or_default();
        Some(written.parse().unwrap_or(if sign == 1 { i32::MIN } else { i32::MAX }))
    }
}

impl<'r> Iterator for Lexer<'r> {
    type Item = Token<'r>;

    fn next(&mut self) -> Option<Token<'r>> {
        while matches!(self.rest.first(), Some(b'\r' | b'\n' | 0)) {
            self.take(1);
        }
        let first = *self.rest.first()?;
        Some(match first {
            b'{' | b'}' => {
                self.take(1);
                if first == b'{' { Token::Open } else { Token::Close }
            }
            b'\\' => {
                self.take(1);
                self.control()
            }
            _ => {
                let ends = |octet: &u8| matches!(octet, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
                Token::Text(self.take(length))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_cut_into_tokens() {
        let tokens: Vec<_> = Lexer::new(b"{\\b0 a\r\nb\\u-3 ?\\~\\'e9\\bin2 }{\\x}").collect();
        assert_eq!(
            tokens,
            [
                Token::Open,
                Token::Word("b", Some(0)),
                Token::Text(b"a"),
                Token::Text(b"b"),
                Token::Word("u", Some(-3)),
                Token::Text(b"?"),
                Token::Symbol(b'~'),
                Token::Octet(0xe9),
                Token::Binary(b"}{"),
                Token::Word("x", None),
                Token::Close,
            ]
        );
    }

    #[test]
    fn what_breaks_off_is_what_there_is() {
        for octets in [&b"\\"[..], b"\\'", b"\\'e", b"\\bin99 ab", b"\\a-", b"\\a99999999999"] {
            assert!(Lexer::new(octets).count() < 4);
        }
    }
}
