//! Workbooks of Office Open XML (ECMA-376 part 1 section 18): sheets in their
//! order, hidden ones too.

use super::{cells::Cells, number_format::Epoch, styles::Styles};
use crate::content::document::office::{
    ooxml::Parts,
    xml::{Element, Visit},
};

/// Elements whose parts are read here.
pub(in crate::content::document::office) const ROOTS: [&str; 7] =
    ["workbook", "worksheet", "chartsheet", "dialogsheet", "macrosheet", "sst", "styleSheet"];

pub(in crate::content::document::office) fn read_workbook(parts: &mut Parts<'_>) {
    let mut workbook = Workbook::default();
    let mut sheets: Vec<String> =
        ROOTS[1..5].iter().flat_map(|root| parts.with_root(root)).collect();
    let mut ordered = Vec::new();
    for name in parts.with_root("workbook") {
        parts.walk(&name, &mut workbook);
        for (title, id) in std::mem::take(&mut workbook.sheets) {
            let target = parts.relationships.target(&name, &id);
            let known = |sheet: &String| target.is_some_and(|t| t.eq_ignore_ascii_case(sheet));
            match sheets.iter().position(known) {
                Some(index) => ordered.push((title, sheets.remove(index))),
                None => workbook.lost_titles.push(title),
            }
        }
    }
    // Without their relationships sheets still have the order of their names.
    let mut titles = std::mem::take(&mut workbook.lost_titles).into_iter();
    ordered.extend(sheets.into_iter().map(|sheet| (titles.next().unwrap_or_default(), sheet)));
    if ordered.is_empty() {
        return;
    }
    let mut strings = Strings::default();
    let mut styles = Styles::default();
    for name in parts.with_root("sst") {
        parts.walk(&name, &mut strings);
    }
    for name in parts.with_root("styleSheet") {
        parts.walk(&name, &mut styles);
    }
    for (number, (title, sheet)) in ordered.into_iter().enumerate() {
        let mut cells = Cells::new(&title, &strings.all, &styles, workbook.epoch);
        parts.walk(&sheet, &mut cells);
        let place = format!(":sheet {}", number + 1);
        let (rows, aside) = cells.finish();
        rows.finish(&format!("{}{place}", parts.path), parts.gatherer);
        parts.text(&format!("{place} aside"), aside);
    }
    parts.text(":names", workbook.names);
}

#[derive(Default)]
struct Workbook {
    /// Titles, and identifiers of relationships.
    sheets: Vec<(String, String)>,
    lost_titles: Vec<String>,
    epoch: Epoch,
    /// Defined names with what they stand for, a line each.
    names: String,
    inside_name: bool,
}

impl Visit for Workbook {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "sheet" => {
                let value = |name| element.attribute(name).unwrap_or_default();
                self.sheets.push((value("name"), value("id")));
            }
            "workbookPr" => {
                let is_1904 = element.attribute("date1904");
                if is_1904.is_some_and(|value| matches!(value.as_str(), "1" | "true")) {
                    self.epoch = Epoch::Year1904;
                }
            }
            "definedName" => {
                self.inside_name = true;
                for name in ["name", "comment", "description"] {
                    if let Some(value) = element.attribute(name) {
                        self.names.push_str(&value);
                        self.names.push('\t');
                    }
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "definedName" {
            self.inside_name = false;
            self.names.push('\n');
        }
    }

    fn text(&mut self, text: &str) {
        if self.inside_name {
            self.names.push_str(text);
        }
    }
}

/// The strings that cells share, without the phonetic runs beside them.
#[derive(Default)]
struct Strings {
    all: Vec<String>,
    inside_text: bool,
    phonetic: bool,
}

impl Visit for Strings {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "si" => self.all.push(String::new()),
            "rPh" => self.phonetic = true,
            "t" => self.inside_text = !self.phonetic,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "rPh" => self.phonetic = false,
            "t" => self.inside_text = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(string) = self.all.last_mut().filter(|_| self.inside_text) {
            string.push_str(text);
        }
    }
}
