//! Which number format a cell's style has (ECMA-376 part 1 section 18.8).

use std::collections::HashMap;

use super::number_format::NumberFormat;
use crate::content::document::office::xml::{Element, Visit};

#[derive(Debug, Default)]
pub(super) struct Styles {
    codes: HashMap<usize, NumberFormat>,
    /// The number format of each style of cells, by its place in the list.
    formats: Vec<usize>,
    inside_cells: bool,
    built_in: HashMap<usize, NumberFormat>,
    general: NumberFormat,
}

impl Styles {
    pub(super) fn format(&self, style: usize) -> &NumberFormat {
        let id = self.formats.get(style);
        let of = |id| self.codes.get(id).or_else(|| self.built_in.get(id));
        id.and_then(of).unwrap_or(&self.general)
    }
}

impl Visit for Styles {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "numFmt" => {
                let code = element.attribute("formatCode").unwrap_or_default();
                if let Some(id) = element.number("numFmtId") {
                    self.codes.insert(id, NumberFormat::parse(&code));
                }
            }
            "cellXfs" => self.inside_cells = true,
            "xf" if self.inside_cells => {
                let id = element.number("numFmtId").unwrap_or(0);
                self.built_in.entry(id).or_insert_with(|| NumberFormat::built_in(id));
                self.formats.push(id);
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if name == "cellXfs" {
            self.inside_cells = false;
        }
    }

    fn text(&mut self, _: &str) {}
}
