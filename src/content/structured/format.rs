//! What a text is, by looking at it: names and types are only claims, and here
//! not even those are needed, but to tell a table of two rows.

use super::{
    calendar, card, cda, delimited, edifact, fhir, hl7, json, keyed,
    rendering::{Lines, Rendered},
    tree::Tree,
    xml,
};
use crate::content::sniff::is_html;

/// What is said of a text by where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::content) enum Expected {
    /// A letter, displayed as it is: rows in it stay as they were typed.
    Letter,
    /// A file of any kind.
    File,
    /// A file that is called a table.
    Table,
}

impl Expected {
    /// Of an attachment, by its media type and its name.
    pub(in crate::content) fn of(media: Option<(&str, &str)>, name: Option<&str>) -> Self {
        let by_type = media.is_some_and(|(_, subtype)| {
            ["csv", "tab-separated-values", "comma-separated-values", "x-csv", "vnd.ms-excel"]
                .contains(&subtype)
        });
        let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
        let by_name = ending.is_some_and(|ending| {
            ["csv", "tsv", "tab", "psv"].iter().any(|table| ending.eq_ignore_ascii_case(table))
        });
        if by_type || by_name { Self::Table } else { Self::File }
    }
}

/// The text as its reader sees it; nothing where it is what it looks like.
pub(in crate::content) fn rendered(text: &str, expected: Expected) -> Option<Rendered> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let mut lines = Lines::of(text);
    match start.chars().next()? {
        '{' | '[' => return keyed(&json::parse(text), lines),
        '<' if looks_like_xml(start) && !is_html(start) => return keyed(&xml::parse(text), lines),
        _ if begins(start, "BEGIN:VCARD") => card::render(text, &mut lines),
        _ if begins(start, "BEGIN:V") => calendar::render(text, &mut lines),
        _ if edifact::is_interchange(start) => edifact::render(text, &mut lines),
        _ if hl7::has_segments(text) => hl7::render(text, &mut lines),
        _ => {
            let said = match expected {
                Expected::Letter => return None,
                Expected::File => delimited::Said::Nothing,
                Expected::Table => delimited::Said::Table,
            };
            let delimiter = delimited::delimiter(text, said)?;
            delimited::render(text, delimiter, &mut lines);
        }
    }
    Some(lines.finish())
}

/// Of a tree that is broken the original is read as well; of one in which
/// nothing has a name, only that.
fn keyed<'s>(tree: &Tree<'s>, mut lines: Lines<'s>) -> Option<Rendered> {
    let has_names = tree.roots().any(|root| tree.is_inner(root));
    if tree.is_broken && !has_names {
        return None;
    }
    if fhir::is_fhir(tree) {
        fhir::render(tree, &mut lines);
    } else if cda::is_version_3(tree) {
        cda::render(tree, &mut lines);
    } else {
        keyed::render(tree, &mut lines);
    }
    if tree.is_broken {
        lines.keep_original();
    }
    Some(lines.finish())
}

fn begins(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// A declaration, a comment, or an element; not an address between angles.
fn looks_like_xml(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('<') else { return false };
    let name_end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/');
    let name = rest.get(..name_end.unwrap_or(rest.len())).unwrap_or_default();
    rest.starts_with("?xml")
        || rest.starts_with("!DOCTYPE")
        || rest.starts_with("!--")
        || name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c))
            && !name.starts_with("http")
            && text.contains("</")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::structured::rendering::Original;

    #[test]
    fn letters_stay_as_they_are() {
        for letter in [
            "Dear Jane,\n\nthank you.\n",
            "[CAUTION: external]\nDear all",
            "<jane@example.org> wrote:\n> hello",
            "a,b,c\n1,2,3\n4,5,6\n",
            "",
        ] {
            assert!(rendered(letter, Expected::Letter).is_none(), "{letter}");
        }
        assert!(rendered("a,b,c\n1,2,3\n4,5,6\n", Expected::File).is_some());
    }

    #[test]
    fn a_fault_keeps_the_original() {
        let read = rendered(r#"{"nhsNumber": "9990000018", "dob""#, Expected::File).unwrap();
        assert_eq!(read.original, Original::Kept);
        assert_eq!(read.text.trim(), "Nhs number: 9990000018");
    }

    #[test]
    fn a_key_of_any_length_is_still_read() {
        let text = format!(
            "{{\"{} NHS no 999 000 0018\": [{{\"a\": 1}}, {{\"a\": 2}}]}}",
            "k".repeat(300)
        );
        assert_eq!(rendered(&text, Expected::File).unwrap().original, Original::Kept);
    }

    #[test]
    fn a_file_is_a_table_by_type_or_name() {
        assert_eq!(Expected::of(Some(("text", "csv")), None), Expected::Table);
        assert_eq!(Expected::of(Some(("text", "plain")), Some("list.CSV")), Expected::Table);
        assert_eq!(Expected::of(Some(("text", "plain")), Some("notes.txt")), Expected::File);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_within_bounds(text in text()) {
            if let Some(read) = rendered(&text, Expected::Table) {
                prop_assert!(read.text.len() <= 5 * text.len() + 8192);
                for (at, _) in read.text.char_indices() {
                    prop_assert!(read.map.source(at) <= text.len());
                }
            }
        }
    }

    /// Pieces of all the formats, in any order.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z0-9 é,;|\t\"'\\\\:+?^~&{}<>/=\\[\\]\r\n]{0,8}",
            proptest::sample::select(vec![
                "MSH|^~\\&|",
                "\rPID|1||9990000018^^^NHS^NH",
                "\rOBX|1|ED|a||^^^Base64^JVBE",
                "UNA:+.? '",
                "UNB+A'",
                "PNA+PAT+9990000018:OPI+++SU:A'",
                "BEGIN:VCARD\n",
                "BEGIN:VCALENDAR\n",
                "N;ENCODING=QUOTED-PRINTABLE:a=\n",
                "{\"resourceType\":\"Patient\",",
                "\"name\":[{\"family\":",
                "\"a\"",
                "}]",
                "\"\\u00",
                "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">",
                "<id root='1' extension='2'/>",
                "<Patient xmlns=\"http://hl7.org/fhir\">",
                "<name><given value=\"a\"/></name>",
                "<![CDATA[",
                "]]>",
                "<!-- ",
                "-->",
                "&#x41;",
                "sep=;\n",
                "=\"1\"",
                "H|\\^&|",
                "\nP|1|",
                "</",
                "<a b='",
            ])
            .prop_map(str::to_owned),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }
}
