//! Lines of the trail as searches and SIEMs have them.

use serde_json::{Value, json};

use super::*;

fn held() -> Value {
    json!({
        "seq": 7, "prev": "ab", "v": 1, "at": "2026-11-22T17:12:05.123Z", "event": "decision",
        "id": "01dcayhax6g00", "client": "192.0.2.1", "policy": "3f2a",
        "facts": { "level": 4, "reverse_path": "Dr.A@nhs.test.example" },
        "findings": [{ "kind": "nhs_number", "subject": "00ff" }],
        "recipients": [
            { "recipient": "b@mail.gov.test.example", "disposition": "hold", "rule": "a=b|c\\d" },
            { "recipient": "c@x.example", "disposition": "relay", "rule": null },
        ],
    })
}

fn deed(words: &str) -> Value {
    json!({
        "at": "2026-11-22T17:12:05.123Z", "event": "deed", "kind": "viewed", "by": "uid 7",
        "from": "2001:db8::1", "words": words,
    })
}

#[test]
fn each_field_of_a_search_finds_what_it_asks_for_and_nothing_else() {
    let some = |text: &str| Some(text.to_owned());
    let none = TrailFilter::default;
    let at = |text: &str| Some(text.parse().unwrap());
    let cases = [
        (TrailFilter { since: at("2026-11-22T17:12:05Z"), ..none() }, true),
        (TrailFilter { since: at("2026-11-22T17:12:06Z"), ..none() }, false),
        (TrailFilter { until: at("2026-11-22T17:12:06Z"), ..none() }, true),
        (TrailFilter { until: at("2026-11-22T17:12:05.123Z"), ..none() }, false),
        (TrailFilter { event: some("decision"), ..none() }, true),
        (TrailFilter { event: some("deed"), ..none() }, false),
        (TrailFilter { id: some("01dcayhax6g00"), ..none() }, true),
        (TrailFilter { id: some("01dcayhax6g0"), ..none() }, false),
        (TrailFilter { sender: some("dr.a@nhs.test.example"), ..none() }, true),
        (TrailFilter { sender: some("c@x.example"), ..none() }, false),
        (TrailFilter { recipient: some("c@x.example"), ..none() }, true),
        (TrailFilter { recipient: some("dr.a@nhs.test.example"), ..none() }, false),
        (TrailFilter { domain: some("gov.test.example"), ..none() }, true),
        (TrailFilter { domain: some("ov.test.example"), ..none() }, false),
        (TrailFilter { rule: some("a=b|c\\d"), ..none() }, true),
        (TrailFilter { rule: some("a"), ..none() }, false),
        (TrailFilter { disposition: some("hold"), ..none() }, true),
        (TrailFilter { disposition: some("reject"), ..none() }, false),
        (TrailFilter { subjects: vec!["aa".to_owned(), "00ff".to_owned()], ..none() }, true),
        (TrailFilter { subjects: vec!["00f".to_owned()], ..none() }, false),
        (TrailFilter { text: some("NHS_Number"), ..none() }, true),
        (TrailFilter { text: some("nothing of it"), ..none() }, false),
        (TrailFilter { by: some("uid 7"), ..none() }, false),
        (none(), true),
    ];
    for (filter, is_wanted) in cases {
        let found = filter.matched(held().to_string().as_bytes());
        assert_eq!(found.is_some(), is_wanted, "{filter:?}");
    }
    for event in ["deed", "viewed", "deed/viewed"] {
        let filter = TrailFilter { event: some(event), by: some("UID 7"), ..none() };
        assert!(filter.matched(deed("x").to_string().as_bytes()).is_some(), "{event}");
    }
}

#[test]
fn the_record_of_a_search_holds_no_identifier() {
    let filter = TrailFilter {
        text: Some("999 000 0018".to_owned()),
        subjects: vec!["00ff".to_owned()],
        ..TrailFilter::default()
    };
    assert_eq!(filter.words(), "text (not recorded)");
}

#[test]
fn cef_escapes_what_would_begin_a_field_or_end_the_event() {
    let line = held();
    let shown = cef(&Entry::of(&line), &line);
    let (head, rest) = shown.split_at(shown.find("rt=").unwrap());
    assert_eq!(head, "CEF:0|Postern|postern|0.1.0|decision|Message decided|7|");
    for field in [
        "rt=1795367525123 ",
        "externalId=7 ",
        "act=hold ",
        "suser=Dr.A@nhs.test.example ",
        "duser=b@mail.gov.test.example,c@x.example ",
        "src=192.0.2.1 ",
        "cs1Label=queueId cs1=01dcayhax6g00 ",
        "cs2Label=rule cs2=a\\=b|c\\\\d ",
        "cn1Label=level cn1=4",
    ] {
        assert!(rest.contains(field), "{field}: {rest}");
    }
    let line = deed("two\nlines = a|b");
    let shown = cef(&Entry::of(&line), &line);
    assert!(shown.contains("msg=viewed: two\\nlines \\= a|b "), "{shown}");
    assert!(shown.contains("c6a2=2001:db8::1") && !shown.contains(" src="), "{shown}");
    assert!(shown.starts_with("CEF:0|Postern|postern|0.1.0|deed/viewed|"), "{shown}");
}

#[test]
fn syslog_messages_keep_to_rfc_5424() {
    let line = held();
    let shown = syslog(&Entry::of(&line), &line, &Host::named("mx1.example"));
    let start = "<107>1 2026-11-22T17:12:05.123Z mx1.example postern - decision \
                 [postern@32473 seq=\"7\" event=\"decision\" id=\"01dcayhax6g00\" level=\"4\" ";
    assert!(shown.starts_with(start), "{shown}");
    assert!(shown.contains(" rule=\"a=b|c\\\\d\" "), "{shown}");
    assert!(shown.contains("] \u{feff}level 4, from <Dr.A@nhs.test.example>; "), "{shown}");
    let mut line = deed("a\nb");
    line["by"] = "x\"] [y".into();
    let shown = syslog(&Entry::of(&line), &line, &Host::named("a b\n"));
    assert!(
        shown.contains("Z ab postern - deed ") && shown.contains("by=\"x\\\"\\] [y\""),
        "{shown}"
    );
    assert!(!shown.contains('\n'), "{shown}");
}
