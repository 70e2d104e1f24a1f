//! Groups and their state; text to where it belongs.

use super::{
    characters::Characters,
    destination::{self, Destination, Starts},
    lexer::{Lexer, Token},
    page::{Change, Page},
};
use crate::{
    content::document::{embedded, extract::Document, gatherer::Gatherer},
    mail::OpaqueReason,
};

pub(in crate::content::document) fn read(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let mut reader = Reader::default();
    for token in Lexer::new(&document.octets) {
        reader.take(token);
    }
    reader.finish(&document.path, gatherer);
    Ok(())
}

#[derive(Default)]
struct Reader {
    characters: Characters,
    group: Group,
    groups: Vec<Group>,
    /// The body's page, and those open within it.
    pages: Vec<Page>,
    page: Page,
    before_changes: String,
    comments: String,
    properties: String,
    aside: String,
    shape_name: String,
    shape_has_text: bool,
    /// Fallback characters still to be passed over after `\u`.
    fallback: usize,
    font_defined: i32,
    from_html: bool,
    html: String,
    object: Vec<u8>,
    objects: Vec<Vec<u8>>,
    has_picture: bool,
}

/// What a group inherits from the one around it.
#[derive(Clone, Debug, Default)]
struct Group {
    destination: Destination,
    /// Where text goes that is written twice, for old and new programs.
    around: Destination,
    page_ends: PageEnd,
    starred: bool,
    font: i32,
    /// Characters of fallback after each `\u`.
    fallback: Option<usize>,
    change: Change,
    in_table: bool,
    /// Between `\htmlrtf` and `\htmlrtf0`: only for programs that know no
    /// HTML.
    only_rtf: bool,
}

/// What becomes of a page at the end of its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PageEnd {
    #[default]
    Stays,
    Block,
    Comment,
}

impl Reader {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Text(octets) => self.octets(octets),
            Token::Octet(octet) if self.fallback > 0 => {
                let _ = octet;
                self.fallback -= 1;
            }
            Token::Octet(octet) => self.octets(&[octet]),
            Token::Open => {
                self.flush();
                self.fallback = 0;
                self.open();
            }
            Token::Close => {
                self.flush();
                self.fallback = 0;
                self.close();
            }
            Token::Binary(octets) => {
                if self.group.destination == Destination::Object {
                    self.object.extend_from_slice(octets);
                }
            }
            Token::Word(word, parameter) => {
                self.flush();
                self.word(word, parameter);
            }
            Token::Symbol(symbol) => {
                self.flush();
                self.symbol(symbol);
            }
        }
    }

    fn octets(&mut self, octets: &[u8]) {
        let passed = self.fallback.min(octets.len());
        self.fallback -= passed;
        let octets = octets.get(passed..).unwrap_or_default();
        match self.group.destination {
            Destination::Skipped | Destination::Picture | Destination::FontTable => {}
            Destination::Object => self.object.extend_from_slice(octets),
            _ => self.characters.push(octets, self.group.font),
        }
    }

    fn flush(&mut self) {
        if let Some(text) = self.characters.flush() {
            self.text(&text);
        }
    }

    fn text(&mut self, text: &str) {
        match self.group.destination {
            Destination::Page => {
                if self.from_html && !self.group.only_rtf {
                    self.html.push_str(text);
                } else if !self.from_html {
                    self.page.push(text, self.group.change);
                }
            }
            Destination::HtmlTag => self.html.push_str(text),
            Destination::Property => self.properties.push_str(text),
            Destination::Aside => self.aside.push_str(text),
            Destination::ShapeName => self.shape_name.push_str(text),
            Destination::ShapeValue if SHAPE_TEXTS.contains(&self.shape_name.trim()) => {
                self.aside.push_str(text);
            }
            _ => {}
        }
    }

    fn open(&mut self) {
        if self.groups.len() >= MAX_GROUPS {
            return;
        }
        let inner = Group { starred: false, page_ends: PageEnd::Stays, ..self.group.clone() };
        self.groups.push(std::mem::replace(&mut self.group, inner));
    }

    fn close(&mut self) {
        let Some(around) = self.groups.pop() else { return };
        let group = std::mem::replace(&mut self.group, around);
        if group.destination != self.group.destination {
            self.end_destination(group.destination);
        }
        if group.page_ends == PageEnd::Stays {
            return;
        }
        let page = std::mem::replace(&mut self.page, self.pages.pop().unwrap_or_default());
        let (lines, before) = page.finish();
        self.before_changes.push_str(&before);
        if group.page_ends == PageEnd::Comment {
            self.comments.push_str(&lines);
        } else {
            self.page.block(&lines);
        }
    }

    fn end_destination(&mut self, destination: Destination) {
        match destination {
            Destination::Property => self.properties.push('\n'),
            Destination::Aside | Destination::ShapeValue => self.aside.push('\n'),
            Destination::Object => {
                let written = std::mem::take(&mut self.object);
                self.objects.push(from_hexadecimal(written));
            }
            _ => {}
        }
    }

    fn word(&mut self, word: &str, parameter: Option<i32>) {
        if self.fallback > 0 && word != "u" {
            self.fallback -= 1;
            return;
        }
        if let Some(starts) = destination::of(word) {
            return self.start(starts);
        }
        if std::mem::take(&mut self.group.starred) {
            // An unknown destination, which its star says may be passed over.
            self.group.destination = Destination::Skipped;
            return;
        }
        if self.state(word, parameter) {
            return;
        }
        match word {
            "par" | "line" | "sect" | "page" | "column" | "softline" | "softpage" => {
                self.end_line(word);
            }
            "cell" | "row" | "nestcell" | "nestrow" => self.end_cell(word),
            "u" => {
                let character = self.characters.unit(parameter.unwrap_or(0));
                if let Some(character) = character {
                    self.text(character.encode_utf8(&mut [0; 4]));
                }
                self.fallback = self.group.fallback.unwrap_or(1);
            }
            _ => {
                let sign = SIGNS.iter().find(|(name, _)| *name == word);
                if let Some((_, sign)) = sign {
                    self.text(sign);
                }
            }
        }
    }

    /// Words that change what the group is like; false for other words.
    fn state(&mut self, word: &str, parameter: Option<i32>) -> bool {
        let on = parameter != Some(0);
        match word {
            "ansicpg" => self.characters.code_page(parameter.unwrap_or(0)),
            "mac" => self.characters.code_page(10000),
            "f" if self.group.destination == Destination::FontTable => {
                self.font_defined = parameter.unwrap_or(0);
            }
            "f" => self.group.font = parameter.unwrap_or(0),
            "fcharset" => {
                self.characters.font_charset(self.font_defined, parameter.unwrap_or(0));
            }
            "cpg" => self.characters.font_code_page(self.font_defined, parameter.unwrap_or(0)),
            "uc" => {
                let count = parameter.and_then(|count| usize::try_from(count).ok());
                self.group.fallback = count.map(|count| count.min(MAX_FALLBACK));
            }
            "deleted" => self.group.change = if on { Change::Deleted } else { Change::None },
            "revised" => self.group.change = if on { Change::Inserted } else { Change::None },
            "plain" => self.group.change = Change::None,
            "intbl" => self.group.in_table = true,
            "pard" => self.group.in_table = false,
            "fromhtml" => self.from_html = on,
            "htmlrtf" => self.group.only_rtf = on,
            _ => return false,
        }
        true
    }

    fn start(&mut self, starts: Starts) {
        self.group.starred = false;
        // Within what is passed over only a text in Unicode is worth reading.
        let skipped = self.group.destination == Destination::Skipped;
        match starts {
            Starts::Unicode => self.group.destination = self.group.around,
            _ if skipped => {}
            Starts::Text(destination) => {
                self.has_picture |= destination == Destination::Picture;
                if destination == Destination::ShapeName {
                    self.shape_name.clear();
                }
                self.group.around = self.group.destination;
                self.group.destination = destination;
            }
            Starts::Block => self.start_page(PageEnd::Block),
            Starts::Comment => self.start_page(PageEnd::Comment),
            Starts::Shape => self.shape_has_text = false,
            Starts::ShapeText => {
                self.shape_has_text = true;
                self.start_page(PageEnd::Block);
            }
            Starts::ShapeResult if self.shape_has_text => {
                self.group.destination = Destination::Skipped;
            }
            Starts::ShapeResult | Starts::Through => {}
        }
    }

    fn start_page(&mut self, end: PageEnd) {
        if self.group.page_ends == PageEnd::Stays && self.pages.len() < MAX_PAGES {
            self.pages.push(std::mem::take(&mut self.page));
            self.group.page_ends = end;
        }
        self.group.destination = Destination::Page;
        self.group.in_table = false;
    }

    fn end_line(&mut self, word: &str) {
        if self.from_html || self.group.destination != Destination::Page {
            return self.text("\n");
        }
        match word {
            "line" | "softline" => self.page.push("\n", self.group.change),
            _ if self.group.in_table => self.page.end_paragraph_in_cell(),
            _ => self.page.end_paragraph(),
        }
    }

    fn end_cell(&mut self, word: &str) {
        if self.from_html || self.group.destination != Destination::Page {
            return;
        }
        match word {
            "cell" => self.page.end_cell(),
            "row" => self.page.end_row(),
            // A table within a cell: its own rows and columns there.
            "nestcell" => self.page.push("\t", Change::None),
            _ => self.page.push("\n", Change::None),
        }
    }

    fn symbol(&mut self, symbol: u8) {
        if self.fallback > 0 {
            self.fallback -= 1;
            return;
        }
        match symbol {
            b'*' => self.group.starred = true,
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("-"),
            b'\\' | b'{' | b'}' => self.octets(&[symbol]),
            b'\r' | b'\n' => self.end_line("par"),
            b'\t' => self.text("\t"),
            _ => {}
        }
    }

    fn finish(mut self, path: &str, gatherer: &mut Gatherer) {
        self.flush();
        while !self.groups.is_empty() {
            self.close();
        }
        let (text, before) = self.page.finish();
        self.before_changes.push_str(&before);
        gatherer.html(path, &self.html);
        gatherer.text(path, text);
        gatherer.text(&format!("{path}:comments"), self.comments);
        gatherer.text(&format!("{path}:properties"), self.properties);
        gatherer.text(&format!("{path}:before changes"), self.before_changes);
        gatherer.text(&format!("{path}:aside"), self.aside);
        for (number, octets) in self.objects.iter().enumerate() {
            let (name, octets) = embedded::file_within(octets);
            let octets = bytes::Bytes::copy_from_slice(octets);
            gatherer.file(&format!("{path}/{}", number + 1), name.as_deref(), octets);
        }
        if self.has_picture {
            gatherer.unread(path, OpaqueReason::Picture);
        }
    }
}

/// Octets as they are where they are no digits: `\bin` brings those.
fn from_hexadecimal(written: Vec<u8>) -> Vec<u8> {
    let digits: Vec<u8> = written.iter().copied().filter(|o| !o.is_ascii_whitespace()).collect();
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return written;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0);
    let pair = |pair: &[u8]| pair.iter().fold(0, |octet, digit| octet * 16 + value(*digit));
    digits.chunks(2).map(|digits| u8::try_from(pair(digits)).unwrap_or_default()).collect()
}

const SIGNS: [(&str, &str); 12] = [
    ("tab", "\t"),
    ("emdash", "—"),
    ("endash", "–"),
    ("emspace", "\u{2003}"),
    ("enspace", "\u{2002}"),
    ("qmspace", "\u{2005}"),
    ("bullet", "•"),
    ("lquote", "‘"),
    ("rquote", "’"),
    ("ldblquote", "“"),
    ("rdblquote", "”"),
    ("zwnj", "\u{200c}"),
];
/// Descriptions of pictures, and text that is drawn.
const SHAPE_TEXTS: [&str; 4] = ["wzDescription", "gtextUNICODE", "pihlShape", "wzTooltip"];
const MAX_GROUPS: usize = 10_000;
const MAX_PAGES: usize = 100;
const MAX_FALLBACK: usize = 100;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::content::document::{Extract, InPlace, ReadDocument};

    fn extract(rtf: &str) -> Extract {
        let octets = Bytes::from(format!("{{\\rtf1\\ansi {rtf}}}"));
        InPlace::default().read(&Document { path: "2".into(), octets })
    }

    fn place(extract: &Extract, part: &str) -> String {
        let mut readings = extract.readings.iter();
        readings.find(|reading| reading.part == part).map(|r| r.text.clone()).unwrap_or_default()
    }

    fn body(rtf: &str) -> String {
        place(&extract(rtf), "2")
    }

    #[test]
    fn formatting_does_not_cut_numbers() {
        assert_eq!(body("{\\b 99}9\\b0  000\r\n 00{\\i 1}8\\par z"), "999 000 0018\nz\n");
    }

    #[test]
    fn characters_are_read_by_charset_and_in_unicode() {
        let fonts = "{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset204 Arial Cyr;}}";
        assert_eq!(body(&format!("{fonts}caf\\'e9 \\f1 \\'ef\\par")), "café п\n");
        assert_eq!(
            body("\\uc1\\u233?\\u-10179 ?\\u-8704\\'3f x{\\uc2\\u8211\\'96\\'96}y\\par"),
            "é😀 x–y\n"
        );
        assert_eq!(body("\\uc0\\u57\\u57 9\\par"), "999\n");
        assert_eq!(body("{\\upr{ansi}{\\*\\ud{uni}}}\\par"), "uni\n");
    }

    #[test]
    fn tables_have_rows_and_columns() {
        let row = |a: &str, b: &str| {
            format!("\\trowd\\cellx1\\cellx2\\pard\\intbl {a}\\cell {b}\\cell\\row")
        };
        let rtf = format!("head\\par {}{}\\pard tail\\par", row("a", "b\\par c"), row("1", ""));
        assert_eq!(body(&rtf), "head\na\tb c\n1\t\ntail\n");
    }

    #[test]
    fn headers_notes_boxes_and_fields_are_read() {
        let rtf = "{\\header Ward 7\\par}{\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt 99}}9\
            {\\footnote foot}{\\shp{\\*\\shpinst{\\sp{\\sn wzDescription}{\\sv scan}}{\\shptxt box\\par}}\
            {\\shprslt box}} z{\\*\\annotation remark}{\\v hidden}\\par";
        let extract = extract(rtf);
        assert_eq!(place(&extract, "2"), "999 zhidden\nWard 7\nfoot\nbox\n");
        assert_eq!(place(&extract, "2:comments"), "remark\n");
        assert_eq!(place(&extract, "2:aside"), "HYPERLINK \"x\"\nscan\n");
    }

    #[test]
    fn properties_are_read_and_tables_of_styles_are_not() {
        let rtf = "{\\info{\\title T}{\\*\\company C}}{\\stylesheet{\\s0 Normal;}}{\\colortbl;\\red0;}\
            {\\*\\generator G}{\\*\\unknown U}b{\\*\\bkmkstart name}\\par";
        let extract = extract(rtf);
        assert_eq!(place(&extract, "2"), "b\n");
        assert_eq!(place(&extract, "2:properties"), "T\nC\n");
    }

    #[test]
    fn a_tracked_change_is_read_with_and_without() {
        let extract = extract("no 99{\\deleted 8}{\\revised 9} z\\par");
        assert_eq!(place(&extract, "2"), "no 999 z\n");
        assert_eq!(place(&extract, "2:before changes"), "no 998 z\n");
    }

    #[test]
    fn html_within_is_html() {
        let rtf = "\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf {\\par bold\\htmlrtf0 99{\\*\\htmltag84 <b>}9\
            {\\*\\htmltag84 &nbsp;}\\htmlrtf \\'a0\\htmlrtf0 000{\\*\\mhtmltag x}\\htmlrtf }\\htmlrtf0";
        assert_eq!(body(rtf), "999\u{a0}000\n".trim_end());
    }

    #[test]
    fn objects_are_files_and_pictures_are_told_once() {
        let rtf = "{\\object{\\*\\objclass X}{\\*\\objdata 6e686e6f\n3a20}}{\\pict{\\*\\picprop{\\sp{\\sn wzDescription}{\\sv scan}}}\\pngblip 89504e47}\
            {\\*\\shppict{\\pict\\bin3 }{}}a\\par";
        let extract = extract(rtf);
        assert_eq!(place(&extract, "2/1"), "nhno: ");
        assert_eq!(place(&extract, "2"), "a\n");
        assert_eq!(place(&extract, "2:aside"), "scan\n");
        assert_eq!(extract.opaque.len(), 1);
    }

    #[test]
    fn broken_nesting_is_read_on() {
        assert_eq!(body("a}b{{{c"), "abc\n");
        let deep = format!("{}x", "{\\shptxt ".repeat(100_000));
        assert_eq!(body(&deep).trim(), "x");
    }
}
