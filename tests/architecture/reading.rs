//! Rust source as far as paths need it: words, `::` and punctuation, and the
//! paths they make. No comment and no literal is read as code.
#![expect(clippy::string_slice, reason = "cut where something has just been found")]

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Word(String),
    /// `::`
    Path,
    Other(char),
    /// A line feed, kept for the numbers of faults.
    Line,
}

/// A path as named somewhere in a file.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// Words, `::` and punctuation; no comments, no literals, no line ends.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    lexed(source).into_iter().filter(|token| *token != Token::Line).collect()
}

/// Every path of two segments or more, `use` groups taken apart.
pub(crate) fn paths(source: &str) -> Vec<Place> {
    let mut reader = Reader { tokens: lexed(source), at: 0, line: 1, found: Vec::new() };
    while reader.at < reader.tokens.len() {
        reader.item();
    }
    reader.found
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    line: usize,
    found: Vec<Place>,
}

impl Reader {
    fn peek(&mut self) -> Option<Token> {
        while self.tokens.get(self.at) == Some(&Token::Line) {
            self.line += 1;
            self.at += 1;
        }
        self.tokens.get(self.at).cloned()
    }

    fn item(&mut self) {
        match self.peek() {
            Some(Token::Word(word)) if word == "use" => {
                self.at += 1;
                self.tree(&[]);
            }
            Some(Token::Word(_)) => self.path(&[]),
            Some(_) => self.at += 1,
            None => {}
        }
    }

    /// A `use` tree: a path, a group, or a path ending in a group.
    fn tree(&mut self, prefix: &[String]) {
        match self.peek() {
            Some(Token::Other('{')) => {
                self.at += 1;
                loop {
                    match self.peek() {
                        Some(Token::Other('}')) => {
                            self.at += 1;
                            return;
                        }
                        Some(Token::Other(',')) => self.at += 1,
                        Some(Token::Word(_) | Token::Other('{' | '*') | Token::Path) => {
                            self.tree(prefix);
                        }
                        _ => return,
                    }
                }
            }
            Some(Token::Path) => {
                self.at += 1;
                self.tree(prefix);
            }
            Some(Token::Other('*')) => {
                self.at += 1;
                self.note(prefix, "*");
            }
            Some(Token::Word(_)) => self.path(prefix),
            _ => {}
        }
    }

    fn path(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        while let Some(Token::Word(word)) = self.peek() {
            self.at += 1;
            path.push(word);
            if self.peek() != Some(Token::Path) {
                if let Some(Token::Word(word)) = self.peek()
                    && word == "as"
                    && !prefix.is_empty()
                {
                    self.at += 1;
                    self.peek();
                    self.at += 1;
                }
                break;
            }
            self.at += 1;
            if matches!(self.peek(), Some(Token::Other('{' | '*'))) {
                return self.tree(&path);
            }
        }
        if path.len() > 1 {
            self.found.push(Place { path, line: self.line });
        }
    }

    fn note(&mut self, prefix: &[String], last: &str) {
        let mut path = prefix.to_vec();
        path.push(last.to_owned());
        self.found.push(Place { path, line: self.line });
    }
}

fn lexed(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\n' => {
                tokens.push(Token::Line);
                1
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, 1),
            '\'' => quote(rest),
            _ if first.is_alphanumeric() || first == '_' => word(rest, &mut tokens),
            ':' if rest.starts_with("::") => {
                tokens.push(Token::Path);
                2
            }
            _ => {
                if !first.is_whitespace() {
                    tokens.push(Token::Other(first));
                }
                first.len_utf8()
            }
        };
        let skipped = &rest[..length];
        if first != '\n' {
            tokens.extend(skipped.matches('\n').map(|_| Token::Line));
        }
        rest = &rest[length..];
    }
    tokens
}

/// A word, or the literal it is the prefix of (`b"…"`, `r#"…"#`).
fn word(rest: &str, tokens: &mut Vec<Token>) -> usize {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    match word {
        "r" | "br" | "cr" if after.starts_with(['"', '#']) => {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if !after[hashes..].starts_with('"') {
                return end + hashes; // a raw identifier: its name follows
            }
            let close = format!("\"{}", "#".repeat(hashes));
            let opened = end + hashes + 1;
            rest[opened..].find(&close).map_or(rest.len(), |at| opened + at + close.len())
        }
        "b" | "c" if after.starts_with('"') => quoted(rest, end + 1),
        "b" if after.starts_with('\'') => end + quote(after),
        _ => {
            tokens.push(Token::Word(word.to_owned()));
            end
        }
    }
}

/// The length of a string literal whose text begins at `from`.
fn quoted(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip_while(|(at, _)| *at < from) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal, or of the tick of a lifetime.
fn quote(rest: &str) -> usize {
    let mut after = rest[1..].char_indices();
    match (after.next(), after.next()) {
        (Some((_, '\\')), Some((escaped, c))) => {
            let from = 1 + escaped + c.len_utf8();
            rest[from..].find('\'').map_or(1, |at| from + at + 1)
        }
        (Some(_), Some((at, '\''))) => 1 + at + 1,
        _ => 1,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}
