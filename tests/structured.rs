//! Structured texts in messages, from the octets to the level: each file of
//! `tests/structured` under the shipped policies.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use postern::{
    classify::{Classification, TestRange},
    content::{Content, Document, Extract, InPlace, ReadDocument},
    gateway::classify,
    mail::{Kind, OpaqueReason},
    policy::{Context, Policy},
};

use super::policy::support::{TODAY, must_compile, read_folder};

/// The file, the least level it must have, and who is in it by their numbers.
const PATIENTS: [(&str, u8, &[&str]); 19] = [
    ("admission.hl7", 3, &["9990000387"]),
    ("analyser.astm", 3, &["9990002231"]),
    ("batch.hl7", 3, &["9990001499", "9990001863"]),
    ("bundle.json", 3, &["9990002975"]),
    ("clinic.csv", 3, &["9990005567", "9990005931", "9990006679"]),
    ("contact.vcf", 3, &["9990004455"]),
    ("discharge.cda.xml", 3, &["9990003718"]),
    ("export.csv", 3, &["9990007047", "9990007411"]),
    ("extract.xml", 3, &["9990008892"]),
    ("letter.cda.xml", 3, &["9990004080"]),
    ("mailing.tsv", 3, &[]),
    ("meeting.ics", 3, &["9990005192"]),
    ("pasted.txt", 4, &["9990009260"]),
    ("patient.xml", 3, &["9990003343"]),
    ("record.json", 3, &["9990007780"]),
    ("report.edi", 3, &["9990002606"]),
    ("result.hl7", 3, &["9990000751"]),
    ("rows.json", 3, &["9990011486", "9990011850"]),
    ("stream.ndjson", 3, &["9990008159", "9990008523"]),
];

/// The same kinds of file, with numbers that pass the same check.
const NOBODY: [&str; 3] = ["delivery.xml", "invoice.json", "orders.csv"];

fn policy() -> Policy {
    let sources = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), "policies");
    let local = ["mytrust.nhs.test.example".parse().unwrap()];
    let context =
        Context { today: TODAY, local_domains: &local, test_range: Some(TestRange::Count) };
    must_compile(Policy::compile(&sources, &context))
}

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/structured");
    fs::read(folder.join(name)).unwrap()
}

/// A message with the octets attached, under a name and a type that say
/// nothing.
fn attached(octets: &[u8]) -> Content {
    let message = format!(
        "Subject: as discussed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nPlease see the file.\r\n--b\r\nContent-Type: application/octet-stream; name=data\r\n\
         Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        STANDARD.encode(octets)
    );
    Content::parse(Bytes::from(message))
}

fn numbers(classification: &Classification) -> Vec<String> {
    let mut numbers: Vec<String> = classification
        .findings
        .iter()
        .filter(|found| found.finding.kind == Kind::NhsNumber)
        .map(|found| found.value.chars().filter(char::is_ascii_digit).collect())
        .collect();
    numbers.sort();
    numbers.dedup();
    numbers
}

#[test]
fn patients_in_structured_files_are_found_whatever_carries_them() {
    let policy = policy();
    for (name, level, patients) in PATIENTS {
        let octets = file(name);
        let wide: Vec<u8> = format!("\u{feff}{}", String::from_utf8(octets.clone()).unwrap())
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (carried, octets) in [("as it is", octets), ("in UTF-16", wide)] {
            let found = classify(&policy, &attached(&octets).extract(&mut InPlace::default()));
            assert_eq!(numbers(&found), patients, "{name} {carried}");
            let reached = u8::from(found.level);
            assert!(reached >= level, "{name} {carried} has level {reached}: {:?}", found.why);
            assert!(found.opaque.is_empty(), "{name} {carried}: {:?}", found.opaque);
        }
    }
}

#[test]
fn numbers_of_other_things_in_structured_files_are_nobodys() {
    let policy = policy();
    for name in NOBODY {
        let found = classify(&policy, &attached(&file(name)).extract(&mut InPlace::default()));
        assert!(numbers(&found).is_empty(), "{name}: {:?}", numbers(&found));
        assert!(u8::from(found.level) <= 1, "{name}: {:?}", found.why);
    }
}

#[test]
fn saved_mail_is_read_as_mail_whatever_it_is_called() {
    let inner = format!(
        "From: a@ward.example\r\nSubject: =?utf-8?q?NHS_number_999_000_0387?=\r\nMIME-Version: 1.0\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        STANDARD.encode("She has asthma.")
    );
    let mailbox = format!("From a Mon\r\n{inner}\r\nFrom b Tue\r\n{inner}");
    let policy = policy();
    for octets in [inner, mailbox] {
        let found =
            classify(&policy, &attached(octets.as_bytes()).extract(&mut InPlace::default()));
        assert_eq!((numbers(&found), u8::from(found.level)), (vec!["9990000387".to_owned()], 3));
    }
}

/// Stands for the confined processes.
#[derive(Default)]
struct Asked(Vec<Document>);

impl ReadDocument for Asked {
    fn read(&mut self, document: &Document) -> Extract {
        self.0.push(document.clone());
        Extract::unread(document, OpaqueReason::Unreadable)
    }
}

#[test]
fn documents_in_texts_are_handed_to_who_reads_documents() {
    let pdf = STANDARD.encode("%PDF-1.4 and more");
    for text in [
        format!("MSH|^~\\&|A|B\rOBX|1|ED|L^Letter||^AP^PDF^Base64^{pdf}||||||F\r"),
        format!(
            "{{\"resourceType\":\"Binary\",\"contentType\":\"application/pdf\",\"data\":\"{pdf}\"}}"
        ),
        format!(
            "<html><body><object data=\"data:application/pdf;base64,{pdf}\"></object></body></html>"
        ),
        format!(
            "BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:{pdf}\r\nEND:VCALENDAR\r\n"
        ),
        format!(
            "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><component><nonXMLBody><text \
             mediaType=\"application/pdf\" representation=\"B64\">{pdf}</text></nonXMLBody></component>\
             </ClinicalDocument>"
        ),
    ] {
        let mut asked = Asked::default();
        let extract = attached(text.as_bytes()).extract(&mut asked);
        let handed: Vec<_> = asked.0.iter().map(|d| (d.path.as_str(), &d.octets[..8])).collect();
        assert_eq!(handed, [("2/1", &b"%PDF-1.4"[..])], "{text}");
        assert_eq!(extract.opaque.first().map(|opaque| opaque.part.as_str()), Some("2/1"));
        assert!(extract.readings.iter().all(|reading| !reading.text.contains(&pdf)), "{text}");
    }
}

#[test]
fn mail_in_mail_in_mail_comes_to_an_end() {
    let outer = "From: a\r\nSubject: b\r\nMIME-Version: 1.0\r\n\r\n";
    let extract = attached(outer.repeat(2000).as_bytes()).extract(&mut InPlace::default());
    assert!((1..100).contains(&extract.readings.len()), "{} readings", extract.readings.len());
}
