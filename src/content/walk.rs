//! The walk that finds the parts (RFC 2046 section 5.1), in one pass and
//! without recursion: nesting costs an entry on a list that is capped.
//!
//! It sees what the common mail programs see. A delimiter is a whole line, so
//! that a boundary which is the beginning of another is no trouble; the
//! delimiter of an outer multipart ends all that stands open within; a
//! multipart whose boundary is already in use finds no delimiter of its own.

use std::ops::Range;

use memchr::memmem;

use super::{
    header::{self, Section, line_end, without_line_end},
    media::{MediaType, Parameters, split_value},
    part::{Class, Delimiters, Disposition, Flaw, Multipart, Part, PartId, TransferEncoding},
};

/// The parts of a message, in the order in which they start; the first is the
/// whole.
pub(super) fn walk(raw: &[u8]) -> Vec<Part> {
    let mut walker = Walker {
        raw,
        parts: Vec::new(),
        open: Vec::new(),
        leaf: None,
        fields_left: MAX_FIELDS,
        line_start: memmem::Finder::new(b"\n--"),
    };
    let mut at = walker.begin(None, String::new(), 0);
    while let Some(hit) = walker.next_delimiter(at) {
        walker.end_below(hit.level, hit.line.start);
        at = hit.line.end;
        match hit.kind {
            DelimiterKind::Close => walker.close(hit.level, hit.line),
            DelimiterKind::Next if walker.parts.len() >= MAX_PARTS => {
                walker.give_up(hit.level);
                break;
            }
            DelimiterKind::Next => at = walker.begin_child(hit.level, at),
        }
    }
    walker.end_all();
    walker.parts
}

struct Walker<'a> {
    raw: &'a [u8],
    parts: Vec<Part>,
    /// The containers around the place reached, outermost first.
    open: Vec<Open>,
    /// The part without parts whose body is being passed over.
    leaf: Option<usize>,
    fields_left: usize,
    line_start: memmem::Finder<'static>,
}

struct Open {
    part: usize,
    /// None for a message within the message, which has no delimiters.
    boundary: Option<Vec<u8>>,
    /// After the closing delimiter all is epilogue.
    closed: bool,
}

struct Hit {
    level: usize,
    line: Range<usize>,
    kind: DelimiterKind,
}

#[derive(Clone, Copy)]
enum DelimiterKind {
    Next,
    Close,
}

impl Walker<'_> {
    fn begin_child(&mut self, level: usize, at: usize) -> usize {
        let Some(parent) = self.open.get(level).map(|open| open.part) else { return at };
        let Some(part) = self.parts.get(parent) else { return at };
        let number = part.children.len() + 1;
        let path = if part.path.is_empty() {
            number.to_string()
        } else {
            format!("{}.{number}", part.path)
        };
        self.begin(Some(parent), path, at)
    }

    /// Begins the part at `at`, and where it is a message the part within it.
    /// Returns where the body of the last one starts.
    fn begin(&mut self, parent: Option<usize>, path: String, at: usize) -> usize {
        let (mut parent, mut path, mut at) = (parent, path, at);
        loop {
            let index = self.parts.len();
            let part = self.read_part(parent, path.clone(), at);
            at = part.body.start;
            if let Some(parent) = parent.and_then(|parent| self.parts.get_mut(parent)) {
                parent.children.push(PartId(index));
            }
            let (class, in_place) = (part.class, part.encoding.is_identity());
            self.parts.push(part);
            let opened = match class {
                Class::Multipart(_) => self.open_multipart(index),
                Class::Message => self.open_message(index, in_place),
                _ => false,
            };
            if !opened {
                self.leaf = Some(index);
                return at;
            }
            self.leaf = None;
            if class != Class::Message {
                return at;
            }
            parent = Some(index);
            path = self.parts.get(index).map(|part| part.path.clone()).unwrap_or_default();
        }
    }

    fn open_multipart(&mut self, index: usize) -> bool {
        let too_deep = self.open.len() >= MAX_DEPTH;
        let Some(part) = self.parts.get_mut(index) else { return false };
        let boundary = part.media.parameters.get("boundary").map(|b| b.trim_end().as_bytes());
        let usable = |boundary: &&[u8]| {
            (1..=MAX_BOUNDARY).contains(&boundary.len())
                && !self.open.iter().any(|open| open.boundary.as_deref() == Some(*boundary))
        };
        match boundary.filter(usable) {
            _ if too_deep => part.flaw = Some(Flaw::OverLimit),
            None => part.flaw = Some(Flaw::NoParts),
            Some(boundary) => {
                let boundary = Some(boundary.to_vec());
                self.open.push(Open { part: index, boundary, closed: false });
                return true;
            }
        }
        false
    }

    fn open_message(&mut self, index: usize, in_place: bool) -> bool {
        if !in_place {
            return false;
        }
        if self.open.len() >= MAX_DEPTH || self.parts.len() >= MAX_PARTS {
            if let Some(part) = self.parts.get_mut(index) {
                part.flaw = Some(Flaw::OverLimit);
            }
            return false;
        }
        self.open.push(Open { part: index, boundary: None, closed: false });
        true
    }

    fn read_part(&mut self, parent: Option<usize>, path: String, at: usize) -> Part {
        let section = header::scan(self.raw, at, self.fields_left, |line| {
            self.open.iter().any(|open| open.delimiter(line).is_some())
        });
        self.fields_left -= section.fields.len();
        let outer = parent.and_then(|parent| self.parts.get(parent));
        let default = match outer.map(|outer| (outer.class, outer.media.subtype.as_str())) {
            Some((Class::Multipart(_), "digest")) => MediaType::new("message", "rfc822"),
            _ => MediaType::new("text", "plain"),
        };
        let within_multipart = outer.is_some_and(Part::is_multipart);
        let is_whole = |media: &MediaType| media.kind == "multipart" && !within_multipart;
        let mut part = described(self.raw, section, default);
        // A message that is one part has that part at number 1.
        part.path = if within_multipart || is_whole(&part.media) {
            path
        } else if path.is_empty() {
            "1".to_owned()
        } else {
            format!("{path}.1")
        };
        part.id = PartId(self.parts.len());
        part.parent = parent.map(PartId);
        part
    }

    fn next_delimiter(&self, at: usize) -> Option<Hit> {
        if self.open.iter().all(|open| open.boundary.is_none() || open.closed) {
            return None;
        }
        let mut at = at;
        loop {
            let line_start = self.line_of_dashes(at)?;
            let end = line_end(self.raw, line_start);
            let line = without_line_end(self.raw.get(line_start..end)?);
            for (level, open) in self.open.iter().enumerate() {
                if let Some(kind) = open.delimiter(line) {
                    return Some(Hit { level, line: line_start..end, kind });
                }
            }
            at = end;
        }
    }

    /// The next line from `at` on, itself the start of a line, that starts
    /// with two hyphens.
    fn line_of_dashes(&self, at: usize) -> Option<usize> {
        if self.raw.get(at..)?.starts_with(b"--") {
            return Some(at);
        }
        self.line_start.find(self.raw.get(at..)?).map(|offset| at + offset + 1)
    }

    /// Ends everything within the container at `level`.
    fn end_below(&mut self, level: usize, delimiter: usize) {
        let inner = self.open.split_off((level + 1).min(self.open.len()));
        let ended = inner.iter().map(|open| open.part).chain(self.leaf.take());
        for part in ended {
            self.end_part(part, delimiter);
        }
        let Some(open) = self.open.get(level) else { return };
        let Some(part) = self.parts.get_mut(open.part) else { return };
        if part.delimiters.is_none() {
            let boundary = open.boundary.clone().unwrap_or_default();
            part.delimiters = Some(Delimiters { boundary, first: delimiter, close: None });
        }
    }

    /// A body ends before the line break in front of the delimiter.
    fn end_part(&mut self, part: usize, delimiter: usize) {
        let before = self.raw.get(..delimiter).unwrap_or_default();
        let end = without_line_end(before).len();
        if let Some(part) = self.parts.get_mut(part) {
            part.body.end = end.max(part.body.start);
        }
    }

    fn end_at_last(&mut self, part: usize, within_unclosed: bool) {
        if within_unclosed {
            self.end_part(part, self.raw.len());
        } else if let Some(part) = self.parts.get_mut(part) {
            part.body.end = self.raw.len();
        }
    }

    fn close(&mut self, level: usize, line: Range<usize>) {
        let Some(open) = self.open.get_mut(level) else { return };
        open.closed = true;
        if let Some(delimiters) =
            self.parts.get_mut(open.part).and_then(|part| part.delimiters.as_mut())
        {
            delimiters.close = Some(line);
        }
    }

    /// What follows is not known: a flaw of the whole as well.
    fn give_up(&mut self, level: usize) {
        let open = self.open.get(level).map(|open| open.part);
        for part in open.into_iter().chain([0]) {
            if let Some(part) = self.parts.get_mut(part) {
                part.flaw = Some(Flaw::OverLimit);
            }
        }
    }

    /// Ends all at the end of the message. Within a multipart that lacks its
    /// last delimiter the last line break is taken to belong to that one.
    fn end_all(&mut self) {
        let mut within = false;
        let open = std::mem::take(&mut self.open);
        for open in &open {
            self.end_at_last(open.part, within);
            within |= open.boundary.is_some() && !open.closed;
        }
        if let Some(leaf) = self.leaf.take() {
            self.end_at_last(leaf, within);
        }
        if self.fields_left == 0
            && let Some(whole) = self.parts.first_mut()
        {
            whole.flaw = Some(Flaw::OverLimit);
        }
        for part in &mut self.parts {
            if part.is_multipart() && part.children.is_empty() && part.flaw.is_none() {
                part.flaw = Some(Flaw::NoParts);
            }
        }
    }
}

impl Open {
    fn delimiter(&self, line: &[u8]) -> Option<DelimiterKind> {
        if self.closed {
            return None;
        }
        let after = line.strip_prefix(b"--")?.strip_prefix(self.boundary.as_deref()?)?;
        let (rest, kind) = match after.strip_prefix(b"--") {
            Some(rest) => (rest, DelimiterKind::Close),
            None => (after, DelimiterKind::Next),
        };
        rest.iter().all(|&octet| octet == b' ' || octet == b'\t').then_some(kind)
    }
}

/// What the fields of a section say of the part. Path and place in the tree
/// are the walker's to fill in.
fn described(raw: &[u8], section: Section, default: MediaType) -> Part {
    let value = |name: &str| {
        let mut named = section.fields.iter().filter(|field| {
            raw.get(field.name.clone()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
        });
        let values = |field: &header::Field| raw.get(field.value.clone()).unwrap_or_default();
        let first = named.next().map(values);
        let differs = named.any(|field| {
            first.is_some_and(|first| {
                !first.trim_ascii().eq_ignore_ascii_case(values(field).trim_ascii())
            })
        });
        (first.map(header::unfolded), differs)
    };
    let (content_type, types_differ) = value("Content-Type");
    let (encoding, encodings_differ) = value("Content-Transfer-Encoding");
    let (disposition, _) = value("Content-Disposition");
    let media = content_type.map_or(default, |value| MediaType::parse(&value));
    let disposition = disposition.unwrap_or_default();
    let (placement, parameters) = split_value(&disposition);
    let file_name = Parameters::parse(parameters)
        .get("filename")
        .or(media.parameters.get("name"))
        .map(|name| header::readable(name.as_bytes(), &(0..name.len())).0)
        .filter(|name| !name.is_empty());
    let over_limit = section.overflowed.then_some(Flaw::OverLimit);
    let ambiguous = (types_differ || encodings_differ).then_some(Flaw::Ambiguous);
    let body_start = section.separator.end;
    Part {
        id: PartId(0),
        path: String::new(),
        parent: None,
        children: Vec::new(),
        header: section.header,
        separator: section.separator,
        body: body_start..body_start,
        class: Class::of(&media),
        disposition: Disposition::parse(placement),
        file_name,
        encoding: encoding.map_or_else(TransferEncoding::default, |e| TransferEncoding::parse(&e)),
        media,
        delimiters: None,
        flaw: over_limit.or(ambiguous),
        fields: section.fields,
    }
}

impl Multipart {
    /// Whether its parts are shown one after another.
    pub fn is_sequence(self) -> bool {
        matches!(self, Self::Mixed | Self::Other)
    }
}

const MAX_DEPTH: usize = 32;
const MAX_PARTS: usize = 2_000;
const MAX_FIELDS: usize = 20_000;
/// RFC 2046 allows 70; mailers have been seen to go beyond.
const MAX_BOUNDARY: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(raw: &str) -> Vec<(String, String, String)> {
        walk(raw.as_bytes())
            .iter()
            .map(|part| {
                let body = raw.get(part.body.clone()).unwrap().to_owned();
                (part.path.clone(), format!("{}/{}", part.media.kind, part.media.subtype), body)
            })
            .collect()
    }

    fn paths(raw: &str) -> Vec<String> {
        tree(raw).into_iter().map(|(path, ..)| path).collect()
    }

    #[test]
    fn a_message_of_one_part_is_part_1() {
        let raw = "Subject: a\r\n\r\nhello\r\n";
        assert_eq!(tree(raw), [("1".into(), "text/plain".into(), "hello\r\n".into())]);
    }

    #[test]
    fn bodies_end_before_the_delimiters_line_break() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n\r\n--b\r\n\
                   Content-Type: text/html\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n";
        let parts = tree(raw);
        assert_eq!(parts[1], ("1".into(), "text/plain".into(), "one\r\n".into()));
        assert_eq!(parts[2], ("2".into(), "text/html".into(), "two".into()));
        let whole = &walk(raw.as_bytes())[0];
        let delimiters = whole.delimiters.as_ref().unwrap();
        assert!(raw.get(delimiters.first..).unwrap().starts_with("--b\r\n"));
        assert_eq!(raw.get(delimiters.close.clone().unwrap()).unwrap(), "--b--\r\n");
        assert_eq!(whole.body.end, raw.len());
    }

    #[test]
    fn a_boundary_that_begins_another_is_no_trouble() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                   Content-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n\
                   --b\r\n\r\ny\r\n--b--\r\n";
        assert_eq!(paths(raw), ["", "1", "1.1", "2"]);
    }

    #[test]
    fn an_outer_delimiter_ends_an_inner_multipart_without_its_end() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\
                   Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--a\n\ny\n";
        assert_eq!(paths(raw), ["", "1", "1.1", "2"]);
        assert_eq!(tree(raw)[3].2, "y");
    }

    #[test]
    fn a_boundary_in_use_finds_no_parts() {
        let raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\
                   Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a--\r\n";
        let parts = walk(raw.as_bytes());
        assert_eq!(parts[1].flaw, Some(Flaw::NoParts));
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn a_message_within_goes_on_with_the_path() {
        let raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n--a\r\n\
                   Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\
                   Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ny\r\n--b--\r\n--a\r\n\
                   Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nz\r\n--a--\r\n";
        assert_eq!(paths(raw), ["", "1", "2", "2", "2.1", "3", "3.1"]);
    }

    #[test]
    fn a_tower_of_messages_is_cut_at_the_limit() {
        let raw = "Content-Type: message/rfc822\r\n\r\n".repeat(40_000);
        let parts = walk(raw.as_bytes());
        assert!(parts.len() <= MAX_DEPTH + 1);
        assert_eq!(parts.last().unwrap().flaw, Some(Flaw::OverLimit));
    }

    #[test]
    fn the_number_of_parts_is_limited() {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n{}",
            "--a\r\n\r\n".repeat(MAX_PARTS * 2)
        );
        let parts = walk(raw.as_bytes());
        assert_eq!((parts.len(), parts[0].flaw), (MAX_PARTS, Some(Flaw::OverLimit)));
    }

    #[test]
    fn a_part_without_its_empty_line_ends_at_the_delimiter() {
        let raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nX: y\r\n--a--\r\n";
        let parts = walk(raw.as_bytes());
        assert!(parts[1].separator.is_empty() && parts[1].body.is_empty());
        assert_eq!(parts[1].fields.len(), 1);
    }
}
