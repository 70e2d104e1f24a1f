//! Text and HTML made to cost more than they say. They are read in the process
//! of the gateway, so what comes of them is counted: octets of text, files,
//! reasons. How long that takes is no test's business, but one that grew as the
//! square of its size would never come to its end here.

use bytes::Bytes;

use super::{Content, Extract, InPlace, Limits};
use crate::mail::OpaqueReason;

fn extract(kind: &str, body: &str) -> Extract {
    let raw = format!("Content-Type: {kind}\r\nContent-Disposition: attachment\r\n\r\n{body}");
    Content::parse(Bytes::from(raw)).extract(&mut InPlace::default())
}

/// Octets of all that is read of it.
fn read(extract: &Extract) -> usize {
    extract.readings.iter().map(|reading| reading.text.len()).sum()
}

fn holds(extract: &Extract, text: &str) -> bool {
    extract.readings.iter().any(|reading| reading.text.contains(text))
}

#[test]
fn tags_in_each_other_are_no_more_than_their_text() {
    for tag in ["b", "div", "table", "svg", "blockquote", "select", "template"] {
        let html = format!("<html>{}NHS number 999 000 0018", format!("<{tag}>").repeat(100_000));
        let extract = extract("text/html", &html);
        assert!(holds(&extract, "999 000 0018"), "{tag}");
        assert!(read(&extract) <= html.len() + 100, "{tag}: {}", read(&extract));
        assert_eq!(extract.opaque, [], "{tag}");
    }
}

#[test]
fn one_line_of_tags_between_all_letters_is_its_letters() {
    let html = "<i>9</i>".repeat(1 << 17);
    let extract = extract("text/html", &html);
    assert_eq!(read(&extract), 1 << 17);
}

#[test]
fn style_sheets_and_attributes_say_nothing_however_long() {
    let rules = "a[href^=b]>c:not(:nth-child(2n+1)){d:url(e)}@import 'f';".repeat(20_000);
    let attributes = " x='y' style='a:b'".repeat(50_000);
    let html = format!("<style>{rules}</style><p{attributes}>999 000 0018</p>");
    let extract = extract("text/html", &html);
    assert!(holds(&extract, "999 000 0018"));
    assert!(read(&extract) < 100, "{}", read(&extract));
}

#[test]
fn what_never_ends_is_read_once() {
    for open in ["<!--", "<![CDATA[", "<a b='", "<", "</", "&#x", "&", "<!doctype ", "<?"] {
        let html = format!("<html>{}999 000 0018", open.repeat(50_000));
        assert!(read(&extract("text/html", &html)) <= 2 * html.len(), "{open}");
    }
}

#[test]
fn files_in_addresses_end_at_the_limit() {
    let html = "<img src='data:image/png;base64,iVBORw0KGgo='>".repeat(12_000);
    let extract = extract("text/html", &html);
    let most = Limits::default().files;
    assert_eq!(extract.files.len(), most + 1);
    let pictures = extract.opaque.iter().filter(|opaque| opaque.reason == OpaqueReason::Picture);
    assert_eq!(pictures.count(), most);
    assert_eq!(extract.opaque[0].reason, OpaqueReason::OverLimit);
}

#[test]
fn records_without_number_grow_by_their_labels_only() {
    let header = "MSH|^~\\&|a|b|c|d|20260101||ORU^R01|1|P|2.4\r";
    for (kind, head, record) in [
        ("text/plain", header, "NTE|1||x\r"),
        ("text/plain", header, "PID|1||9990000018^^^NHS^NH||A^B\r"),
        ("application/json", "", "{\"a\":[[1],[2]]}\n"),
        ("application/xml", "<?xml version='1.0'?>", "<a b='c'>d</a>"),
        ("text/csv", "a,b,c\r\n", "1,2,3\r\n"),
        ("text/calendar", "BEGIN:VCALENDAR\r\n", "X:y\r\n"),
        ("application/edifact", "UNB+UNOA:1+A+B'", "FTX+AAI+++x'"),
    ] {
        let text = format!("{head}{}", record.repeat(30_000));
        let extract = extract(kind, &text);
        assert!(read(&extract) >= 30_000, "{record}: {}", read(&extract));
        assert!(read(&extract) <= 6 * text.len() + 8192, "{record}: {}", read(&extract));
    }
}
