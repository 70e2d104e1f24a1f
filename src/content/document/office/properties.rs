//! Document properties: title, subject, keywords and what else a person can
//! write about a document (ECMA-376 part 2 section 8, part 1 section 22.2,
//! 22.3; ISO/IEC 26300 part 1 section 4).

use super::xml::{Element, Visit};

/// A line a property. Counts of words and the like are left out.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub(super) text: String,
    name: String,
    value: String,
}

impl Visit for Properties {
    fn start(&mut self, element: &Element<'_>) {
        element.name().clone_into(&mut self.name);
        self.value.clear();
        // The names of custom properties stand beside their values.
        if let Some(name) = element.attribute("name") {
            self.text.push_str(&name);
            self.text.push('\t');
        }
    }

    fn end(&mut self, _: &str) {
        let counts = COUNTS.contains(&self.name.as_str());
        if !counts && !self.value.trim().is_empty() {
            self.text.push_str(self.value.trim());
            self.text.push('\n');
        }
        self.name.clear();
        self.value.clear();
    }

    fn text(&mut self, text: &str) {
        self.value.push_str(text);
    }
}

/// What programs write for themselves.
const COUNTS: [&str; 24] = [
    "AppVersion",
    "Application",
    "Characters",
    "CharactersWithSpaces",
    "DocSecurity",
    "HiddenSlides",
    "HyperlinksChanged",
    "Lines",
    "LinksUpToDate",
    "MMClips",
    "Notes",
    "Pages",
    "Paragraphs",
    "PresentationFormat",
    "ScaleCrop",
    "SharedDoc",
    "Slides",
    "Template",
    "TotalTime",
    "Words",
    "editing-cycles",
    "editing-duration",
    "generator",
    "i4",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::office::xml;

    #[test]
    fn properties_are_lines_and_counts_are_none() {
        let mut properties = Properties::default();
        let xml = "<Properties><Title>T</Title><Pages>4</Pages>\
            <property name='Ward'><vt:lpwstr>7</vt:lpwstr></property></Properties>";
        assert_eq!(xml::walk(xml, &mut properties), Ok(()));
        assert_eq!(properties.text, "T\nWard\t7\n");
    }
}
