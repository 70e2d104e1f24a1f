//! vCards (RFC 6350; 3.0; 2.1).

use super::{
    content_line::{ContentLine, components, render_by_name, render_data, render_each, unescaped},
    labels,
    people::{self, Name},
    rendering::Lines,
};

pub(super) fn render(source: &str, lines: &mut Lines<'_>) {
    render_each(source, lines, render_line);
}

fn render_line(line: &ContentLine<'_>, lines: &mut Lines<'_>) {
    let at = line.at;
    match line.name.as_str() {
        "BEGIN" => lines.gap(),
        "END" | "VERSION" | "PRODID" | "REV" => {}
        "FN" => lines.labelled("Name", &unescaped(&line.value), at),
        "N" => lines.labelled("Full name", &name(&line.value), at),
        "BDAY" => lines.labelled("Date of birth", &labels::date(&line.value), at),
        "DEATHDATE" => lines.labelled("Date of death", &labels::date(&line.value), at),
        "ADR" => {
            let pieces = components(&line.value);
            let whole = people::joined(pieces.iter().map(AsRef::as_ref), ", ");
            lines.labelled("Address", &whole, at);
        }
        "TEL" => lines.labelled("Phone", people::contact(&line.value).1, at),
        "EMAIL" => lines.labelled("Email", people::contact(&line.value).1, at),
        "ORG" => {
            let pieces = components(&line.value);
            let whole = people::joined(pieces.iter().map(AsRef::as_ref), ", ");
            lines.labelled("Organisation", &whole, at);
        }
        "PHOTO" | "LOGO" | "SOUND" | "KEY" if line.value.starts_with("data:") => {
            render_data(line, lines);
        }
        _ => render_by_name(line, lines),
    }
}

/// Family name, given name, additional names, prefixes, suffixes.
fn name(value: &str) -> String {
    let pieces = components(value);
    let at = |index: usize| pieces.get(index).map_or("", AsRef::as_ref);
    let name = Name {
        family: vec![at(0)],
        given: vec![at(1), at(2)],
        prefix: vec![at(3)],
        suffix: vec![at(4)],
    };
    name.full()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_as_a_person_reads_it() {
        let source = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Jane Example\r\nN:Example;Jane;;Mrs;\r\nBDAY:19610304\r\n\
                      ADR;TYPE=home:;;1 High Street;Leeds;;LS1 1AA;UK\r\nTEL;TYPE=CELL:tel:01632960018\r\n\
                      NOTE:NHS number 999 000\r\n  0018\\, asthma\r\nX-HOSPITAL-NO:T1\r\nEND:VCARD\r\n";
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        assert_eq!(
            lines.finish().text,
            "Name: Jane Example\nFull name: Mrs Jane Example\nDate of birth: 1961-03-04\n\
             Address: 1 High Street, Leeds, LS1 1AA, UK\nPhone: 01632960018\n\
             Note: NHS number 999 000 0018, asthma\nHospital no: T1\n"
        );
    }

    #[test]
    fn a_picture_is_handed_on() {
        let source =
            "BEGIN:VCARD\nPHOTO;ENCODING=b;TYPE=PNG:iVBORw0KGgoAAAANSUhE\n  Ug==\nEND:VCARD";
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        assert!(lines.finish().embedded.first().unwrap().starts_with(b"\x89PNG"));
    }
}
