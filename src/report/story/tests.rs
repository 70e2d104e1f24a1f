//! Stories from lines as the trail has them, and what may be concluded.

use super::*;
use crate::mail::{Address, QueueId, Timestamp};

const ID: &str = "01dcayhax6g00";
const DECISION: &str = r#"{"at":"2026-11-22T17:12:05.123Z","class":"x","event":"decision","id":"01dcayhax6g00","v":1,
    "listener":"mailboxes","client":"127.0.0.1","policy":"3f2a","findings":[],
    "facts":{"direction":"outbound","reverse_path":"dr@nhs.test.example","level":3,"kinds":{},"marking":null,
    "secure_tag":"absent","opaque":[],"authentication":null,"arrival":"tls","size":312},
    "recipients":[{"recipient":"a@gov.test.example","disposition":"relay","rule":null,"observed":[],
    "tls":"verified","redirect":null,"class":"approved","clearance":4}]}"#;
const ACCEPTED: &str = r#"{"at":"2026-11-22T17:12:05.124Z","event":"accepted","id":"01dcayhax6g00","v":1,
    "received_at":1795367525123,"listener":"mailboxes","direction":"outbound","client":"127.0.0.1",
    "helo":"ward","tls":{"version":"TLSv1.3","cipher":"X"},"sender":"dr@nhs.test.example","size":312,
    "require_tls":"no","message_id_sha256":"aa","copies":[{"id":"01dcayhax6g00","what":"copy",
    "recipients":["a@gov.test.example"],"size":400}]}"#;
const ATTEMPT: &str = r#"{"at":"2026-11-22T17:12:06.000Z","event":"attempt","id":"01dcayhax6g00","v":1,
    "domain":"gov.test.example","next_hop":"mx","requirement":"verified","asked_by":["policy"],
    "tries":[{"host":"mx.gov.test.example","address":"192.0.2.1:25","started_at":1795367525200,
    "milliseconds":12,"tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384"},
    "certificate":{"valid":{"name":"mx.gov.test.example"}},"chain":[{"names":["mx.gov.test.example"],
    "issuer":"CN=Lab","fingerprint":"f00d","key_fingerprint":"beef","expires":1795967525123}],
    "vouched_by":["officers"],"require_tls":"absent","took":["a@gov.test.example"]}],
    "recipients":[{"recipient":"a@gov.test.example","outcome":"delivered","reason":null,
    "reply":"250 2.0.0 taken"}]}"#;

fn id() -> QueueId {
    ID.parse().unwrap()
}

fn lines(texts: &[&str]) -> Vec<Line> {
    texts.iter().map(|text| Line::read(text.replace('\n', " "))).collect()
}

fn concluded(attempt: &str) -> Conclusion {
    let lines = lines(&[DECISION, ACCEPTED, attempt]);
    let certificate = certify(id(), &lines, None, None, Timestamp::default());
    assert_eq!(certificate.is_proof(), certificate.recipients[0].conclusion.is_proof());
    certificate.recipients[0].conclusion
}

#[test]
fn a_timeline_tells_arrival_decision_attempt_and_fate() {
    let told = timeline(id(), &lines(&[DECISION, ACCEPTED, ATTEMPT]), None, &[]);
    for words in [
        "2026-11-22 17:12:05.123  decided    level 3",
        "a@gov.test.example: relay by no rule; approved, cleared for level 4; TLS verified",
        "2026-11-22 17:12:05.124  accepted   from 127.0.0.1 (ward) on listener mailboxes, TLSv1.3",
        "2026-11-22 17:12:06.000  tried      gov.test.example by mx; TLS verified, asked for by policy",
        "at mx.gov.test.example [192.0.2.1]:25: TLSv1.3 with TLS_AES_256_GCM_SHA384; 12 ms",
        "valid certificate for mx.gov.test.example; the host's name was vouched for by officers",
        "now        a@gov.test.example: delivered 2026-11-22 17:12:06.000: 250 2.0.0 taken",
    ] {
        assert!(told.contains(words), "{words:?} is missing in\n{told}");
    }
}

#[test]
fn what_was_seen_must_fulfil_what_was_required() {
    assert_eq!(concluded(ATTEMPT), Conclusion::Protected);
    let valid = r#"{"valid":{"name":"mx.gov.test.example"}}"#;
    let tls = r#""tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384"},"#;
    let unproved = [
        ATTEMPT.replace(valid, r#""unchecked""#),
        ATTEMPT.replace(valid, r#"{"invalid":"expired"}"#),
        ATTEMPT.replace(r#"["officers"]"#, "[]"),
        ATTEMPT.replace(tls, r#""tls":null,"#),
        ATTEMPT.replace(r#""requirement":"verified""#, r#""requirement":"dane""#),
        ATTEMPT.replace(r#""took":["a@gov.test.example"]"#, r#""took":[]"#),
    ];
    for attempt in unproved {
        assert_eq!(concluded(&attempt), Conclusion::Unproved, "{attempt}");
    }
    let dane = ATTEMPT
        .replace(valid, r#"{"dane":{"record":"3 1 1"}}"#)
        .replace(r#""requirement":"verified""#, r#""requirement":"dane""#);
    assert_eq!(concluded(&dane), Conclusion::Protected);
}

#[test]
fn what_went_in_clear_is_no_proof_even_where_nothing_more_was_asked_for() {
    let clear = ATTEMPT
        .replace(r#""tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384"},"#, "")
        .replace(r#""requirement":"verified""#, r#""requirement":"opportunistic""#);
    assert_eq!(concluded(&clear), Conclusion::InClear);
    assert!(!Conclusion::InClear.is_proof());
}

#[test]
fn what_was_not_delivered_is_not_called_protected() {
    let waits = ATTEMPT.replace("\"delivered\"", "\"transient\"");
    assert_eq!(concluded(&waits), Conclusion::NotDelivered);
    let lines = lines(&[DECISION]);
    let refused = certify(id(), &lines, None, None, Timestamp::default());
    assert_eq!(refused.recipients[0].conclusion, Conclusion::NotDelivered);
    assert!(refused.recipients[0].sentence.contains("not taken"));
    let stranger: Address = "b@gov.test.example".parse().unwrap();
    let nobody = certify(id(), &lines, None, Some(&stranger), Timestamp::default());
    assert!(nobody.recipients.is_empty() && !nobody.is_proof());
}

#[test]
fn the_page_has_what_information_governance_asks_for() {
    let lines = lines(&[DECISION, ACCEPTED, ATTEMPT]);
    let page = certify(id(), &lines, None, None, Timestamp::default()).page();
    for words in [
        "Message        01dcayhax6g00",
        "Sender         <dr@nhs.test.example>",
        "Required       TLS verified, by policy",
        "Host           mx.gov.test.example [192.0.2.1]:25",
        "SHA-256 f00d",
        "expires 2026-11-29",
        "Vouched for    the host's name was vouched for by officers",
        "Reply          250 2.0.0 taken",
        "Conclusion     It was protected as required",
        "zgrep -hE '\"01dcayhax6g00\"' audit.jsonl*",
    ] {
        assert!(page.contains(words), "{words:?} is missing in\n{page}");
    }
}

#[test]
fn the_digest_is_over_the_lines_in_whatever_order_they_were_found() {
    let digest = |texts: &[&str]| {
        certify(id(), &lines(texts), None, None, Timestamp::default()).trail.sha256
    };
    assert_eq!(digest(&[DECISION, ACCEPTED, ATTEMPT]), digest(&[ATTEMPT, DECISION, ACCEPTED]));
    assert_ne!(digest(&[DECISION, ACCEPTED]), digest(&[DECISION, ACCEPTED, ATTEMPT]));
}

#[test]
fn a_persons_refusal_and_a_wait_are_told() {
    let handled = r#"{"at":"2026-11-22T18:00:00.000Z","event":"handled","id":"01dcayhax6g00",
        "action":"reject","by":"uid 7","reason":"wrong clinic","v":1}"#;
    let settled = r#"{"at":"2026-11-22T17:30:00.000Z","event":"settled","id":"01dcayhax6g00","v":1,
        "recipients":[{"recipient":"a@gov.test.example","state":"waiting","attempts":1,
        "next_attempt_at":1795367585123}]}"#;
    let waits = ATTEMPT.replace("\"delivered\"", "\"transient\"");
    let lines = lines(&[DECISION, ACCEPTED, &waits, settled, handled, "not JSON"]);
    let told = timeline(id(), &lines, None, &["cut".to_owned()]);
    assert!(told.contains("waits; attempt 2 at 2026-11-22 17:13:05.123"), "{told}");
    assert!(told.contains("person     reject by uid 7: wrong clinic"), "{told}");
    assert!(told.contains("taken out of the queue"), "{told}");
    assert!(told.contains("remark     cut"), "{told}");
}

#[test]
fn another_way_and_who_allowed_it_are_told_to_the_whole_and_to_the_part() {
    let redirected = r#"{"at":"2026-11-22T17:40:00.000Z","event":"redirected","id":"01dcayhax6g01",
        "part_of":"01dcayhax6g00","to":"smtp://portal.example:25","recipients":1,"by":"policy",
        "reason":"the TLS it needs could not be had","v":1}"#;
    let exempted = r#"{"at":"2026-11-22T17:50:00.000Z","event":"exempted","id":"01dcayhax6g00",
        "tls":"encrypted","by":"uid 7","reason":"agreed","until":"2026-11-22T21:50:00.000Z","v":1}"#;
    let lines = lines(&[DECISION, ACCEPTED, redirected, exempted]);
    let whole = timeline(id(), &lines, None, &[]);
    let told = "redirected to smtp://portal.example:25 (in part, as 01dcayhax6g01) by policy";
    assert!(whole.contains(told), "{whole}");
    assert!(whole.contains("TLS encrypted allowed until 2026-11-22 21:50:00"), "{whole}");
    let part = timeline("01dcayhax6g01".parse().unwrap(), &lines, None, &[]);
    assert!(part.contains("(a part of the message) by policy"), "{part}");
}
