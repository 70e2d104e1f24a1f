//! XML of no kind that is known here: all its text, and what stands in
//! attributes, a line each. Custom XML, charts' data, inserted stories.

use super::xml::{Element, Visit};

#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) text: String,
}

impl Data {
    fn line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }
}

impl Visit for Data {
    fn start(&mut self, element: &Element<'_>) {
        self.line();
        for (_, value) in element.attributes() {
            // Switches, measures and identifiers say nothing to a person.
            let says = !value.starts_with('{');
            if says && value.chars().filter(|c| c.is_alphanumeric()).count() >= SHORTEST {
                self.text.push_str(value.trim());
                self.text.push('\n');
            }
        }
    }

    fn end(&mut self, _: &str) {
        self.line();
    }

    fn text(&mut self, text: &str) {
        if !text.trim().is_empty() || !self.text.ends_with('\n') && !self.text.is_empty() {
            self.text.push_str(text);
        }
    }
}

const SHORTEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::office::xml;

    #[test]
    fn every_text_and_attribute_is_a_line() {
        let mut data = Data::default();
        let xml = "<p n='999 000 0018' m='1'>\n<name>A &amp; B</name><born>1961</born></p>";
        assert_eq!(xml::walk(xml, &mut data), Ok(()));
        assert_eq!(data.text, "999 000 0018\nA & B\n1961\n");
    }
}
