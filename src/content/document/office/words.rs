//! Text in paragraphs and tables: WordprocessingML, DrawingML with its charts
//! and diagrams, and VML (ECMA-376 part 1 sections 17, 21; part 4 section 14).
//! They have the same names for the same things.

use super::{
    flow::{Aside, Flow, Kind},
    xml::{Element, Visit},
};

/// Gathers one story, or several that are read one after the other.
#[derive(Debug, Default)]
pub(super) struct Words {
    flow: Flow,
    /// Alternative texts, codes of fields, choices of lists: a line each.
    aside: String,
    inside: Inside,
    deletions: usize,
    insertions: usize,
    text_boxes: usize,
    /// What the choices of each open alternative said.
    choices: Vec<String>,
    placeholders: Placeholders,
    is_placeholder: bool,
}

/// What the text between tags is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    /// Layout of the XML itself.
    #[default]
    Markup,
    Text,
    Instruction,
}

/// Shapes that a slide fills, on masters and layouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Placeholders {
    #[default]
    Read,
    /// They only prompt: "Click to add title".
    PassedOver,
}

/// What was read.
pub(super) struct Told {
    pub(super) text: String,
    /// Paragraphs as they were before tracked changes.
    pub(super) before_changes: String,
    pub(super) aside: String,
}

impl Words {
    pub(super) fn without_placeholders() -> Self {
        Self { placeholders: Placeholders::PassedOver, ..Self::default() }
    }

    pub(super) fn finish(self) -> Told {
        let (text, before_changes) = self.flow.finish();
        Told { text, before_changes, aside: self.aside }
    }

    /// Text of the story.
    fn push(&mut self, text: &str) {
        if self.deletions > 0 {
            self.flow.deleted(text);
        } else if self.insertions > 0 {
            self.flow.inserted(text);
        } else {
            self.flow.push(text);
        }
    }

    fn note(&mut self, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            self.aside.push_str(value.trim());
            self.aside.push('\n');
        }
    }

    /// What is neither a block nor text: signs, and words in attributes.
    fn sign(&mut self, element: &Element<'_>) {
        match element.name() {
            // A tab stop of a style has a value, a tab in text has none.
            "tab" if element.attribute("val").is_none() => self.push("\t"),
            "ptab" => self.push("\t"),
            "br" | "cr" => self.push("\n"),
            "noBreakHyphen" => self.push("-"),
            "sym" => {
                if let Some(character) = symbol(element) {
                    self.push(character.encode_utf8(&mut [0; 4]));
                }
            }
            "gridSpan" => self.flow.span(element.number("val").unwrap_or(1)),
            "gridBefore" => self.flow.skip(element.number("val").unwrap_or(0)),
            "docPr" | "cNvPr" | "shape" | "rect" => {
                for name in ["title", "descr", "alt"] {
                    self.note(element.attribute(name));
                }
            }
            "textpath" => self.note(element.attribute("string")),
            "fldSimple" => self.note(element.attribute("instr")),
            "hyperlink" | "hlinkClick" => self.note(element.attribute("tooltip")),
            "listItem" => self.note(element.attribute("displayText")),
            "alias" | "default" | "docVar" | "helpText" | "listEntry" | "statusText"
            | "tblCaption" | "tblDescription" | "lvlText" => self.note(element.attribute("val")),
            _ => {}
        }
    }

    /// The other version of what a choice said, told if it says other things.
    fn fallback(&mut self, fallback: &Aside) {
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let choice = self.choices.last().map(|choice| squeezed(choice)).unwrap_or_default();
        if !choice.contains(&squeezed(&fallback.text)) {
            self.flow.put(fallback);
        }
    }
}

impl Visit for Words {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "t" | "delText" => self.inside = Inside::Text,
            "instrText" | "delInstrText" => self.inside = Inside::Instruction,
            // A comment; a value that a chart shows.
            "text" | "v" => {
                self.flow.begin(Kind::Paragraph);
                self.inside = Inside::Text;
            }
            "p" => self.flow.begin(Kind::Paragraph),
            "tr" => self.flow.begin(Kind::Row),
            "tc" => self.flow.begin(Kind::Cell),
            "del" | "moveFrom" => self.deletions += 1,
            "ins" | "moveTo" => self.insertions += 1,
            "textbox" => {
                self.flow.begin(Kind::Paragraph);
                self.text_boxes += 1;
            }
            "AlternateContent" => self.choices.push(String::new()),
            "Choice" | "Fallback" => self.flow.begin(Kind::Aside),
            "sp" if self.placeholders == Placeholders::PassedOver => {
                self.is_placeholder = false;
                self.flow.begin(Kind::Aside);
            }
            "ph" => self.is_placeholder = true,
            _ => self.sign(element),
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "t" | "delText" => self.inside = Inside::Markup,
            "instrText" | "delInstrText" => {
                self.inside = Inside::Markup;
                self.aside.push('\n');
            }
            "p" | "text" | "v" => {
                self.inside = Inside::Markup;
                self.flow.end(Kind::Paragraph);
            }
            "tr" => self.flow.end(Kind::Row),
            "tc" => self.flow.end(Kind::Cell),
            "del" | "moveFrom" => self.deletions = self.deletions.saturating_sub(1),
            "ins" | "moveTo" => self.insertions = self.insertions.saturating_sub(1),
            "textbox" => {
                self.flow.end(Kind::Paragraph);
                self.text_boxes = self.text_boxes.saturating_sub(1);
            }
            "Choice" => {
                if let Some(choice) = self.flow.end_aside() {
                    if let Some(said) = self.choices.last_mut() {
                        said.push_str(&choice.text);
                    }
                    self.flow.put(&choice);
                }
            }
            "Fallback" => {
                if let Some(fallback) = self.flow.end_aside() {
                    self.fallback(&fallback);
                }
            }
            "AlternateContent" => {
                self.choices.pop();
            }
            "sp" if self.placeholders == Placeholders::PassedOver => {
                let shape = self.flow.end_aside().filter(|_| !self.is_placeholder);
                if let Some(shape) = shape {
                    self.flow.put(&shape);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        match self.inside {
            Inside::Text => self.push(text),
            Inside::Instruction => self.aside.push_str(text),
            Inside::Markup if self.text_boxes > 0 && !text.trim().is_empty() => self.push(text),
            Inside::Markup => {}
        }
    }
}

/// A character of a symbol font. Those fonts have their own characters from
/// F000 on, with digits where ASCII has them (part 1 section 17.3.3.30).
fn symbol(element: &Element<'_>) -> Option<char> {
    let code = u32::from_str_radix(element.attribute("char")?.trim(), 16).ok()?;
    let code = if (0xf020..=0xf07e).contains(&code) { code - 0xf000 } else { code };
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::office::xml;

    fn told(xml: &str) -> Told {
        let mut words = Words::default();
        assert_eq!(xml::walk(xml, &mut words), Ok(()));
        words.finish()
    }

    #[test]
    fn runs_join_and_paragraphs_break() {
        let xml = "<w:p><w:r><w:t>999 0</w:t></w:r>\n<w:r><w:rPr><w:vanish/></w:rPr><w:t>00</w:t>\
            <w:tab/><w:t>18</w:t><w:br/></w:r></w:p><w:p><w:pPr><w:tabs><w:tab w:val='left'/></w:tabs>\
            </w:pPr><w:r><w:t>b</w:t><w:noBreakHyphen/><w:sym w:char='F039'/></w:r></w:p>";
        assert_eq!(told(xml).text, "999 000\t18\n\nb-9\n");
    }

    #[test]
    fn tables_keep_their_columns_where_cells_span() {
        let cell = |text: &str, span: &str| {
            format!("<w:tc><w:tcPr>{span}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
        };
        let xml = format!(
            "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}{}</w:tr></w:tbl>",
            cell("wide", "<w:gridSpan w:val='2'/>"),
            cell("c", ""),
            cell("1", ""),
            cell("2", ""),
            cell("3", ""),
        );
        assert_eq!(told(&xml).text, "wide\t\tc\n1\t2\t3\n");
    }

    #[test]
    fn a_change_is_read_with_and_without() {
        let xml = "<w:p><w:r><w:t>no 99</w:t></w:r><w:del><w:r><w:delText>8</w:delText></w:r></w:del>\
            <w:ins><w:r><w:t>9</w:t></w:r></w:ins><w:r><w:t> z</w:t></w:r></w:p>";
        let told = told(xml);
        assert_eq!(
            (told.text.as_str(), told.before_changes.as_str()),
            ("no 999 z\n", "no 998 z\n")
        );
    }

    #[test]
    fn an_alternative_is_read_once_unless_it_differs() {
        let shape = |choice: &str, fallback: &str| {
            format!(
                "<w:p><w:r><w:t>be</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p>\
                 <w:r><w:t>{choice}</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback>\
                 <v:textbox><w:txbxContent><w:p><w:r><w:t>{fallback}</w:t></w:r></w:p>\
                 </w:txbxContent></v:textbox></mc:Fallback></mc:AlternateContent></w:r>\
                 <w:r><w:t>fore</w:t></w:r></w:p>"
            )
        };
        assert_eq!(told(&shape("box", "box")).text, "before\nbox\n");
        assert!(told(&shape("box", "other")).text.starts_with("before\nbox\n"));
        assert!(told(&shape("box", "other")).text.contains("other"));
    }

    #[test]
    fn words_in_attributes_and_fields_are_told_aside() {
        let xml = "<w:p><wp:docPr id='1' name='Picture 1' descr='scan of letter'/><w:r><w:instrText>\
            HYPERLINK \"x\"</w:instrText></w:r><w:listItem w:displayText='Ward 7'/></w:p>";
        assert_eq!(told(xml).aside, "scan of letter\nHYPERLINK \"x\"\nWard 7\n");
    }

    #[test]
    fn values_of_a_chart_are_lines() {
        let xml = "<c:tx><c:v>NHS 999</c:v></c:tx><c:pt idx='0'><c:v>1</c:v></c:pt>";
        assert_eq!(told(xml).text, "NHS 999\n1\n");
    }

    #[test]
    fn placeholders_of_a_master_are_passed_over() {
        let mut words = Words::without_placeholders();
        let sp = |ph: &str, text: &str| {
            format!("<p:sp>{ph}<a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sp>")
        };
        let xml = format!("<x>{}{}</x>", sp("<p:ph/>", "Click"), sp("", "Ward 7"));
        assert_eq!(xml::walk(&xml, &mut words), Ok(()));
        assert_eq!(words.finish().text, "Ward 7\n");
    }
}
