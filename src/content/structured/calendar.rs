//! Calendars (RFC 5545): what an invitation says, who comes, what is attached.

use super::{
    content_line::{ContentLine, render_by_name, render_data, render_each, unescaped},
    fhir::sentence,
    labels, people,
    rendering::Lines,
};

pub(super) fn render(source: &str, lines: &mut Lines<'_>) {
    render_each(source, lines, render_line);
}

fn render_line(line: &ContentLine<'_>, lines: &mut Lines<'_>) {
    let at = line.at;
    match line.name.as_str() {
        "BEGIN" => lines.gap(),
        "END" | "VERSION" | "PRODID" | "CALSCALE" => {}
        "SUMMARY" | "DESCRIPTION" | "COMMENT" | "LOCATION" => {
            // People's own words: what they are called is no help beside them.
            lines.plain(&unescaped(&line.value), at);
        }
        "X-ALT-DESC" => lines.markup(&unescaped(&line.value), at),
        "ATTENDEE" | "ORGANIZER" | "CONTACT" => {
            let person = line.parameter("CN").unwrap_or_default();
            let (_, address) = people::contact(&line.value);
            let text = people::joined([person, &unescaped(address)], ", ");
            lines.labelled(&sentence(&labels::words(&line.name).to_lowercase()), &text, at);
        }
        "DTSTART" | "DTEND" | "DUE" | "DTSTAMP" | "CREATED" | "LAST-MODIFIED" => {
            let label = if line.name == "DTSTART" { "Starts" } else { "Date" };
            lines.labelled(label, &moment(&line.value), at);
        }
        "UID" => lines.labelled("Message id", &line.value, at),
        "ATTACH" if line.value.starts_with("data:") => {
            render_data(line, lines);
        }
        _ => render_by_name(line, lines),
    }
}

/// `20250401T090000Z`
fn moment(value: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    labels::date(&digits).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_read_as_it_is_shown() {
        let source = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1@x\r\nDTSTART:20250401T090000Z\r\nSUMMARY:Clinic\r\n\
                      DESCRIPTION:Jane Example 999 000\r\n  0018\\nDOB 04/03/1961\r\n\
                      ATTENDEE;CN=\"Example, Jo\":mailto:jo@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        assert_eq!(
            lines.finish().text,
            "Message id: 1@x\nStarts: 2025-04-01 09:00\nClinic\nJane Example 999 000 0018\nDOB 04/03/1961\n\
             Attendee: Example, Jo, jo@example.org\n"
        );
    }

    #[test]
    fn an_attachment_is_handed_on_and_html_is_displayed() {
        let source = "BEGIN:VCALENDAR\nATTACH;FMTTYPE=application/pdf;ENCODING=BASE64;VALUE=BINARY:JVBERi0xLjQKJcfs\n\
                      X-ALT-DESC;FMTTYPE=text/html:<p>99<b>9</b></p>\nEND:VCALENDAR";
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        let read = lines.finish();
        assert!(read.embedded.first().unwrap().starts_with(b"%PDF-1.4"));
        assert_eq!(read.text, "999\n");
    }
}
