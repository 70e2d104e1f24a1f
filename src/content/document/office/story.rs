//! The text of an OpenDocument, whatever its kind (ISO/IEC 26300 part 1):
//! paragraphs, tables, sheets, slides with their notes, and what stands beside
//! them.

use bytes::Bytes;

use super::{
    flow::{Flow, Kind},
    sheets::{Rows, stored},
    xml::{Element, Visit},
};
use crate::content::{document::gatherer::Gatherer, transfer};

#[derive(Default)]
pub(super) struct Story {
    flow: Flow,
    modes: Vec<(String, Mode)>,
    comments: String,
    /// Alternative texts, addresses, hidden values: a line each.
    aside: String,
    deletions: Deletions,
    sheets: Sheets,
    /// Files written into the document, in base64.
    files: Vec<Bytes>,
    binary: String,
}

/// What text is for, by the innermost element that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Paragraph,
    Silent,
    Aside,
    Binary,
}

/// Deleted text stands in front of a document, and marks where it was.
#[derive(Default)]
struct Deletions {
    region: String,
    all: Vec<(String, String)>,
    /// Changes whose text stands between marks in the text itself.
    open: Vec<String>,
}

#[derive(Default)]
struct Sheets {
    is_spreadsheet: bool,
    done: Vec<Rows>,
    open: Option<Rows>,
    column: usize,
    /// Of the open cell.
    repeated: usize,
    value: Option<f64>,
}

impl Story {
    pub(super) fn finish(mut self, path: &str, gatherer: &mut Gatherer) {
        self.end_sheet();
        let (text, before_changes) = self.flow.finish();
        gatherer.text(path, text);
        for (number, rows) in self.sheets.done.into_iter().enumerate() {
            rows.finish(&format!("{path}:sheet {}", number + 1), gatherer);
        }
        gatherer.text(&format!("{path}:comments"), self.comments);
        gatherer.text(&format!("{path}:before changes"), before_changes);
        gatherer.text(&format!("{path}:aside"), self.aside);
        for (number, octets) in self.files.into_iter().enumerate() {
            gatherer.file(&format!("{path}/{}", number + 1), None, octets);
        }
    }

    fn is_in_paragraph(&self) -> bool {
        matches!(self.modes.last(), Some((_, Mode::Paragraph)))
    }

    fn is_silent(&self) -> bool {
        matches!(self.modes.last(), Some((_, Mode::Silent)))
    }

    fn enter(&mut self, element: &Element<'_>, mode: Mode) {
        self.modes.push((element.name().to_owned(), mode));
    }

    /// Signs within a paragraph, and words in attributes.
    fn sign(&mut self, element: &Element<'_>) {
        match element.name() {
            "s" if self.is_in_paragraph() => {
                let count = element.number("c").unwrap_or(1).min(MAX_SPACES);
                self.flow.push(&" ".repeat(count));
            }
            "tab" if self.is_in_paragraph() => self.flow.push("\t"),
            "line-break" if self.is_in_paragraph() => self.flow.push("\n"),
            "change" => self.deletion(element.attribute("change-id").as_deref()),
            "change-start" if self.deletions.open.len() < MAX_OPEN => {
                self.deletions.open.extend(element.attribute("change-id"));
            }
            "change-end" => {
                let id = element.attribute("change-id");
                self.deletions.open.retain(|open| Some(open) != id.as_ref());
            }
            _ => {
                for (name, value) in element.attributes() {
                    let says = WORDS.contains(&name)
                        || name == "href" && !value.starts_with(['#', '.'])
                        || matches!(name, "formula" | "expression") && value.contains('"');
                    if says {
                        self.aside.push_str(value.trim());
                        self.aside.push('\n');
                    }
                }
            }
        }
    }

    fn deletion(&mut self, id: Option<&str>) {
        let found = self.deletions.all.iter().find(|(known, _)| Some(known.as_str()) == id);
        if let Some((_, text)) = found {
            self.flow.deleted(text);
        }
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        if self.sheets.open.is_none() {
            self.flow.begin(Kind::Cell);
            self.flow.span(element.number("number-columns-repeated").unwrap_or(1));
            return;
        }
        self.flow.begin(Kind::Aside);
        self.sheets.repeated = element.number("number-columns-repeated").unwrap_or(1).max(1);
        let value = element.attribute("value").filter(|_| {
            // Days and currencies are read as they are displayed.
            element.attribute("value-type").as_deref() == Some("float")
        });
        self.sheets.value = value.and_then(|value| value.trim().parse().ok());
    }

    fn end_cell(&mut self) {
        let Some(rows) = &mut self.sheets.open else { return self.flow.end(Kind::Cell) };
        let shown = self.flow.end_aside().map(|cell| cell.text).unwrap_or_default();
        let shown = shown.trim();
        let stored = self.sheets.value.take().and_then(|value| stored(value, shown));
        if !shown.is_empty() || stored.is_some() {
            for column in 0..self.sheets.repeated.min(MAX_REPEATED) {
                rows.cell(self.sheets.column.saturating_add(column), shown, stored.as_deref());
            }
        }
        self.sheets.column = self.sheets.column.saturating_add(self.sheets.repeated);
    }

    fn begin_sheet(&mut self, element: &Element<'_>) {
        if self.sheets.is_spreadsheet {
            self.end_sheet();
            let name = element.attribute("name").unwrap_or_default();
            self.sheets.open = Some(Rows::titled(&name));
        }
    }

    fn end_sheet(&mut self) {
        self.sheets.done.extend(self.sheets.open.take());
    }

    fn end_binary(&mut self) {
        let octets = transfer::base64_octets(std::mem::take(&mut self.binary).as_bytes());
        if !octets.is_empty() {
            self.files.push(octets.into());
        }
    }

    /// White space of the XML is one space (section 6.1.2).
    fn push(&mut self, text: &str) {
        let mut shown = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\t' | '\n' | '\r' | ' ' if shown.ends_with(' ') => {}
                '\t' | '\n' | '\r' => shown.push(' '),
                other => shown.push(other),
            }
        }
        let deletion = |id: &String| self.deletions.all.iter().any(|(known, _)| known == id);
        if self.deletions.open.is_empty() {
            self.flow.push(&shown);
        } else if self.deletions.open.iter().any(deletion) {
            self.flow.deleted(&shown);
        } else {
            self.flow.inserted(&shown);
        }
    }
}

impl Visit for Story {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "p" | "h" => {
                self.flow.begin(Kind::Paragraph);
                self.enter(element, Mode::Paragraph);
            }
            "annotation" => {
                self.flow.begin(Kind::Aside);
                self.enter(element, Mode::Silent);
            }
            "changed-region" => {
                self.deletions.region = element.attribute("id").unwrap_or_default();
            }
            "deletion" => {
                self.flow.begin(Kind::Aside);
                self.enter(element, Mode::Silent);
            }
            // A footnote's number would be read into the number before it.
            "note-citation" | "creator" | "date" | "meta" => self.enter(element, Mode::Silent),
            "title" | "desc" | "header-decl" | "footer-decl" if !self.is_silent() => {
                self.enter(element, Mode::Aside);
            }
            "binary-data" => self.enter(element, Mode::Binary),
            "spreadsheet" => self.sheets.is_spreadsheet = true,
            "table" => self.begin_sheet(element),
            "table-row" if self.sheets.open.is_some() => self.sheets.column = 0,
            "table-row" => self.flow.begin(Kind::Row),
            "table-cell" | "covered-table-cell" => {
                self.begin_cell(element);
                self.sign(element);
            }
            _ => self.sign(element),
        }
    }

    fn end(&mut self, name: &str) {
        if self.modes.last().is_some_and(|(open, _)| open == name) {
            self.modes.pop();
        }
        match name {
            "p" | "h" => self.flow.end(Kind::Paragraph),
            "annotation" => {
                let comment = self.flow.end_aside().map(|comment| comment.text);
                self.comments.push_str(comment.unwrap_or_default().trim_end());
                self.comments.push('\n');
            }
            "deletion" => {
                let text = self.flow.end_aside().map(|text| text.text).unwrap_or_default();
                let region = std::mem::take(&mut self.deletions.region);
                if self.deletions.all.len() < MAX_DELETIONS {
                    self.deletions.all.push((region, text.trim_end().to_owned()));
                }
            }
            "title" | "desc" | "header-decl" | "footer-decl" if !self.is_silent() => {
                self.aside.push('\n');
            }
            "binary-data" => self.end_binary(),
            "spreadsheet" => {
                self.end_sheet();
                self.sheets.is_spreadsheet = false;
            }
            "table" if self.sheets.is_spreadsheet => self.end_sheet(),
            "table-row" => match &mut self.sheets.open {
                Some(rows) => rows.end_row(),
                None => self.flow.end(Kind::Row),
            },
            "table-cell" | "covered-table-cell" => self.end_cell(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        match self.modes.last() {
            Some((_, Mode::Paragraph)) => self.push(text),
            Some((_, Mode::Aside)) => self.aside.push_str(text.trim()),
            Some((_, Mode::Binary)) => self.binary.push_str(text),
            Some((_, Mode::Silent)) | None => {}
        }
    }
}

/// Attributes with text that a person wrote.
const WORDS: [&str; 9] = [
    "current-value",
    "label",
    "string-value",
    "string-value-if-false",
    "string-value-if-true",
    "help-text",
    "target-frame-name",
    "description",
    "default-value",
];
const MAX_SPACES: usize = 100;
/// Cells that are repeated with text in them; empty ones cost nothing.
const MAX_REPEATED: usize = 256;
const MAX_DELETIONS: usize = 10_000;
const MAX_OPEN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::{limits::Limits, office::xml};

    fn told(xml: &str) -> Vec<(String, String)> {
        let mut story = Story::default();
        assert_eq!(xml::walk(xml, &mut story), Ok(()));
        let mut gatherer = Gatherer::new(Limits::default());
        story.finish("2", &mut gatherer);
        let readings = gatherer.finish().readings.into_iter();
        readings.map(|reading| (reading.part, reading.text)).collect()
    }

    fn text(xml: &str) -> String {
        told(xml).swap_remove(0).1
    }

    #[test]
    fn spans_join_and_notes_stand_behind_their_paragraph() {
        let xml = "<text:p>999 <text:span>0\n  00</text:span><text:s text:c='2'/><text:note>\
            <text:note-citation>1</text:note-citation><text:note-body><text:p>foot</text:p>\
            </text:note-body></text:note>z<text:tab/></text:p><text:h>b</text:h>";
        assert_eq!(text(xml), "999 0 00  z\t\nfoot\nb\n");
    }

    #[test]
    fn comments_deletions_and_descriptions_have_places_of_their_own() {
        let xml = "<d><text:tracked-changes><text:changed-region text:id='c1'><text:deletion>\
            <office:change-info><dc:creator>A</dc:creator></office:change-info><text:p>old</text:p>\
            </text:deletion></text:changed-region></text:tracked-changes><text:p>a<office:annotation>\
            <dc:creator>A</dc:creator><text:p>remark</text:p></office:annotation>\
            <text:change text:change-id='c1'/>z<draw:frame><svg:desc>scan</svg:desc></draw:frame>\
            <text:a xlink:href='http://a.example/'>k</text:a></text:p></d>";
        let told = told(xml);
        let place = |part: &str| told.iter().find(|(p, _)| p == part).unwrap().1.as_str();
        assert_eq!(place("2"), "azk\n");
        assert_eq!(place("2:comments"), "remark\n");
        assert_eq!(place("2:before changes"), "aoldzk\n");
        assert_eq!(place("2:aside"), "scan\nhttp://a.example/\n");
    }

    #[test]
    fn a_deletion_between_marks_is_read_with_and_without() {
        let xml = "<d><text:changed-region text:id='c1'><text:deletion/></text:changed-region>\
            <text:changed-region text:id='c2'><text:insertion/></text:changed-region><text:p>99\
            <text:change-start text:change-id='c1'/>8<text:change-end text:change-id='c1'/>\
            <text:change-start text:change-id='c2'/>9<text:change-end text:change-id='c2'/>z</text:p></d>";
        let expected = [("2", "999z\n"), ("2:before changes", "998z\n")];
        assert_eq!(told(xml), expected.map(|(part, text)| (part.to_owned(), text.to_owned())));
    }

    #[test]
    fn sheets_are_read_as_displayed_and_repeated_cells_stay_few() {
        let cell = |repeated: &str, text: &str| {
            format!(
                "<table:table-cell table:number-columns-repeated='{repeated}'><text:p>{text}</text:p>\
                 </table:table-cell>"
            )
        };
        let xml = format!(
            "<office:spreadsheet><table:table table:name='S'><table:table-row>{}{}{}</table:table-row>\
             <table:table-row table:number-rows-repeated='1048576'>{}</table:table-row><table:table-row>\
             <table:table-cell office:value-type='float' office:value='9990000018'><text:p>9.99E+09\
             </text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>",
            cell("1", "a"),
            cell("2", ""),
            cell("1", "d"),
            cell("16384", ""),
        );
        let told = told(&xml);
        assert_eq!(told[0], ("2:sheet 1".into(), "S\na\t\t\td\n9.99E+09\t\t\t\n".into()));
        assert_eq!(told[1], ("2:sheet 1 as stored".into(), "a\t\t\td\n9990000018\t\t\t\n".into()));
    }
}
