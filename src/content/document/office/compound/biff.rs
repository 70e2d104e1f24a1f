//! Excel 5 to 2003 (MS-XLS): records of a workbook and its sheets.

use std::collections::{HashMap, VecDeque};

use super::{biff_cells::Cells, biff_strings::Segments};
use crate::{
    content::{
        charset,
        document::{
            gatherer::Gatherer,
            octets::Octets,
            office::sheets::{Epoch, NumberFormat, Rows, without_codes},
            ole::{self, CompoundFile},
        },
    },
    mail::OpaqueReason,
};

pub(super) fn read(
    file: &mut CompoundFile<'_>,
    stream: &str,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let octets = ole::stream(file, stream, gatherer)?;
    let mut book = Workbook { code_page: 1252, ..Workbook::default() };
    for record in Records(Octets(&octets)) {
        book.take(&record)?;
    }
    book.end_sheet();
    for (number, sheet) in book.sheets.into_iter().enumerate() {
        sheet.finish(&format!("{path}:sheet {}", number + 1), gatherer);
    }
    gatherer.text(&format!("{path}:aside"), book.aside);
    if book.has_picture {
        gatherer.unread(path, OpaqueReason::Picture);
    }
    Ok(())
}

/// Strings of a cache that a pivot table shows.
pub(super) fn read_pivot(
    file: &mut CompoundFile<'_>,
    stream: &str,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let octets = ole::stream(file, stream, gatherer)?;
    let mut text = String::new();
    for record in Records(Octets(&octets)).filter(|record| record.kind == PIVOT_STRING) {
        let mut segments = record.segments();
        let count = segments.u16().unwrap_or(0);
        text.push_str(&segments.string(usize::from(count)).unwrap_or_default());
        text.push('\n');
    }
    gatherer.text(path, text);
    Ok(())
}

/// A record with those that continue it.
#[derive(Debug)]
pub(super) struct Record<'r> {
    pub(super) kind: u16,
    pub(super) octets: &'r [u8],
    all: Vec<&'r [u8]>,
}

impl<'r> Record<'r> {
    pub(super) fn segments(&self) -> Segments<'r> {
        Segments::new(self.all.clone())
    }
}

struct Records<'r>(Octets<'r>);

impl<'r> Records<'r> {
    fn one(&mut self) -> Option<(u16, &'r [u8])> {
        let kind = self.0.u16()?;
        let length = usize::from(self.0.u16()?);
        Some((kind, self.0.take_up_to(length)))
    }
}

impl<'r> Iterator for Records<'r> {
    type Item = Record<'r>;

    fn next(&mut self) -> Option<Record<'r>> {
        let (kind, octets) = self.one()?;
        let mut all = vec![octets];
        loop {
            let before = self.0;
            match self.one() {
                Some((CONTINUE, more)) => all.push(more),
                _ => {
                    self.0 = before;
                    return Some(Record { kind, octets, all });
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// Excel 5 and 95: strings in a code page.
    Five,
    #[default]
    Eight,
}

/// What cells refer to.
#[derive(Debug, Default)]
pub(super) struct Globals {
    pub(super) version: Version,
    pub(super) epoch: Epoch,
    pub(super) strings: Vec<String>,
    formats: HashMap<u16, NumberFormat>,
    /// The number format of each style of cells.
    styles: Vec<u16>,
    code_page: u16,
}

impl Globals {
    pub(super) fn format(&self, style: u16) -> NumberFormat {
        let id = self.styles.get(usize::from(style)).copied().unwrap_or(0);
        let known = self.formats.get(&id).cloned();
        known.unwrap_or_else(|| NumberFormat::built_in(usize::from(id)))
    }

    /// A string with its length in two octets.
    pub(super) fn string(&self, segments: &mut Segments<'_>) -> Option<String> {
        let count = usize::from(segments.u16()?);
        self.characters(count, segments)
    }

    /// One with its length in a single octet.
    fn short_string(&self, segments: &mut Segments<'_>) -> Option<String> {
        let count = usize::from(segments.u8()?);
        self.characters(count, segments)
    }

    fn characters(&self, count: usize, segments: &mut Segments<'_>) -> Option<String> {
        if self.version == Version::Eight {
            return segments.string(count);
        }
        let octets: Vec<u8> = (0..count).map_while(|_| segments.u8()).collect();
        Some(charset::text_of(&octets, Some(&format!("windows-{}", self.code_page))))
    }
}

#[derive(Default)]
struct Workbook {
    globals: Globals,
    code_page: u16,
    titles: VecDeque<String>,
    sheets: Vec<Rows>,
    open: Option<Cells>,
    depth: usize,
    /// Notes, text boxes, headers, prompts, names: a line each.
    aside: String,
    has_picture: bool,
}

impl Workbook {
    fn take(&mut self, record: &Record<'_>) -> Result<(), OpaqueReason> {
        match record.kind {
            BEGIN => self.begin(record),
            END => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end_sheet();
                }
            }
            FILE_PASS => return Err(OpaqueReason::Encrypted),
            _ if self.global(record).is_some() => {}
            _ => {
                self.beside(record).unwrap_or_default();
                if let Some(cells) = &mut self.open {
                    cells.take(record, &self.globals);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record<'_>) {
        let mut octets = Octets(record.octets);
        let version = octets.u16();
        let is_globals = octets.u16() == Some(GLOBALS);
        if self.depth == 0 {
            let five = version.is_some_and(|version| version < 0x0600);
            self.globals.version = if five { Version::Five } else { Version::Eight };
        }
        self.globals.code_page = self.code_page;
        // Charts have a beginning and an end within their sheet's.
        if self.depth == 0 && !is_globals {
            self.open = Some(Cells::titled(&self.titles.pop_front().unwrap_or_default()));
        }
        self.depth += 1;
    }

    fn end_sheet(&mut self) {
        self.sheets.extend(self.open.take().map(Cells::finish));
    }

    /// None for records that say nothing of the whole workbook.
    fn global(&mut self, record: &Record<'_>) -> Option<()> {
        let mut segments = record.segments();
        match record.kind {
            CODE_PAGE => {
                self.code_page = segments.u16()?;
                self.globals.code_page = self.code_page;
            }
            DATE_1904 => {
                if segments.u16()? == 1 {
                    self.globals.epoch = Epoch::Year1904;
                }
            }
            SHEET => {
                segments.skip(6);
                self.titles.push_back(self.globals.short_string(&mut segments)?);
            }
            FORMAT => {
                let id = segments.u16()?;
                let code = match self.globals.version {
                    Version::Five => self.globals.short_string(&mut segments)?,
                    Version::Eight => self.globals.string(&mut segments)?,
                };
                self.globals.formats.insert(id, NumberFormat::parse(&code));
            }
            STYLE_OF_CELLS => {
                segments.skip(2);
                self.globals.styles.push(segments.u16()?);
            }
            SHARED_STRINGS => {
                segments.skip(8);
                while let Some(string) = self.globals.string(&mut segments) {
                    self.globals.strings.push(string);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Words that stand in no cell.
    fn beside(&mut self, record: &Record<'_>) -> Option<()> {
        let mut segments = record.segments();
        match record.kind {
            TEXT_OBJECT => {
                let count = Octets::from(record.octets, 10)?.u16()?;
                self.note(&segments.characters(usize::from(count))?);
            }
            // Excel 5 has a note's text in the note itself.
            NOTE if self.globals.version == Version::Five => {
                segments.skip(4);
                let text = self.globals.string(&mut segments)?;
                self.note(&text);
            }
            HEADER | FOOTER if !record.octets.is_empty() => {
                let text = match self.globals.version {
                    Version::Five => self.globals.short_string(&mut segments)?,
                    Version::Eight => self.globals.string(&mut segments)?,
                };
                self.note(&without_codes(&text));
            }
            VALIDATION => {
                segments.skip(4);
                for _ in 0..4 {
                    let text = self.globals.string(&mut segments)?;
                    self.note(text.trim_matches('\0'));
                }
            }
            // Addresses stand in them as UTF-16, between numbers.
            HYPERLINK | NAME => {
                let words = words_of(record.octets);
                self.note(&words);
            }
            PICTURES => {
                self.has_picture |= PICTURE_RECORDS
                    .iter()
                    .any(|magic| memchr::memmem::find(record.octets, magic).is_some())
            }
            _ => {}
        }
        Some(())
    }

    fn note(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.aside.push_str(text.trim());
            self.aside.push('\n');
        }
    }
}

/// Runs of letters and digits, in octets or in pairs of them.
fn words_of(octets: &[u8]) -> String {
    let mut words = String::new();
    for start in 0..2 {
        let mut run = String::new();
        for pair in octets.get(start..).unwrap_or_default().chunks_exact(2) {
            let pair: [u8; 2] = pair.try_into().unwrap_or_default();
            match char::from_u32(u32::from(u16::from_le_bytes(pair))) {
                Some(character @ ' '..='\u{17f}') => run.push(character),
                _ => end_run(&mut run, &mut words),
            }
        }
        end_run(&mut run, &mut words);
    }
    let mut run = String::new();
    for octet in octets {
        match char::from(*octet) {
            character @ ' '..='~' => run.push(character),
            _ => end_run(&mut run, &mut words),
        }
    }
    end_run(&mut run, &mut words);
    words
}

fn end_run(run: &mut String, words: &mut String) {
    if run.chars().count() >= SHORTEST_RUN {
        words.push_str(run);
        words.push('\n');
    }
    run.clear();
}

const BEGIN: u16 = 0x0809;
const END: u16 = 0x000a;
const CONTINUE: u16 = 0x003c;
const FILE_PASS: u16 = 0x002f;
const CODE_PAGE: u16 = 0x0042;
const DATE_1904: u16 = 0x0022;
const SHEET: u16 = 0x0085;
const FORMAT: u16 = 0x041e;
const STYLE_OF_CELLS: u16 = 0x00e0;
const SHARED_STRINGS: u16 = 0x00fc;
const TEXT_OBJECT: u16 = 0x01b6;
const NOTE: u16 = 0x001c;
const HEADER: u16 = 0x0014;
const FOOTER: u16 = 0x0015;
const VALIDATION: u16 = 0x01be;
const HYPERLINK: u16 = 0x01b8;
const NAME: u16 = 0x0018;
const PICTURES: u16 = 0x00eb;
const PIVOT_STRING: u16 = 0x00cd;
/// The kind of a beginning.
const GLOBALS: u16 = 0x0005;
const PICTURE_RECORDS: [&[u8]; 3] = [b"\x89PNG", b"\xff\xd8\xff", b" EMF"];
const SHORTEST_RUN: usize = 5;
