//! Properties of content and transform that hold for every message: generated
//! trees, arbitrary octets, and the development corpus where it is at hand.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use postern::{
    content::{Class, Content, Disposition, InPlace, Part, Protected, Reading, ReadingKind},
    mail::Disclaimer,
    transform::{Change, DisclaimerOutcome, Edits, HeaderField, Rewritten, downgrade, rewrite},
};
use proptest::prelude::*;

const ASCII: &str = "This message is from the Example Hospitals Trust (postern tag line). It may hold\n\
                     confidential information. If it is not for you, tell the sender and delete it.\n\
                     Do not copy or disclose it to anybody else.";
const WIDE: &str = "Daw\u{2019}r neges hon o Ymddiriedolaeth Esiampl (postern tag line) \u{2013} gall fod yn\n\
                    gyfrinachol. Os nad i chi y mae, rhowch w\u{175}bod i\u{2019}r anfonwr a\u{2019}i dileu.";

fn edits(plain: &str) -> Edits {
    let html = format!("<hr>\n<div lang=\"en\"><p>{}</p></div>", plain.replace('\n', "<br>\n"));
    let disclaimer = Disclaimer { name: "lab".into(), plain: plain.into(), html };
    Edits {
        prepend: vec![HeaderField::new("X-Test", "1").unwrap()],
        remove: Vec::new(),
        disclaimer: Some(Arc::new(disclaimer)),
    }
}

fn rewritten(raw: &Bytes, plain: &str) -> Rewritten {
    rewrite(&Content::parse(raw.clone()), &edits(plain))
}

/// All that must hold of any message at all.
fn holds(raw: &Bytes, plain: &str) -> Result<(), String> {
    let before = Content::parse(raw.clone());
    readable(&before);
    let done = rewrite(&before, &edits(plain));
    rest_is_identical(raw, &done)?;
    lines_are_fit(raw, &done)?;
    let outcome = done.disclaimer.clone();
    let once = done.into_bytes();
    let after = Content::parse(once.clone());
    untouched_parts_are_identical(&before, &after, &outcome)?;
    let displays = match &outcome {
        DisclaimerOutcome::Protected(_) | DisclaimerOutcome::NotAsked => true,
        // A branch of an alternative is displayed though it has a file's name.
        DisclaimerOutcome::Appended { plain, html } => {
            plain.iter().chain(html).all(|path| is_read_in(&after, path))
        }
        _ => displayed_count(&after) > 0,
    };
    if !displays {
        return Err(format!("not displayed after {outcome:?}"));
    }
    says_the_same_in_seven_bits(&after)?;
    let twice = rewritten(&once, plain);
    match twice.disclaimer {
        DisclaimerOutcome::AlreadyThere | DisclaimerOutcome::Protected(_) => Ok(()),
        other => Err(format!("first {outcome:?}, then {other:?}")),
    }
}

fn says_the_same_in_seven_bits(content: &Content) -> Result<(), String> {
    let Some(light) = downgrade(content) else { return Ok(()) };
    let light = Content::parse(light.into_bytes());
    if !light.raw().is_ascii() {
        return Err("not in seven bits".into());
    }
    let octets = |content: &Content| -> Vec<(String, Bytes)> {
        let leaves = content.parts().iter().filter(|part| part.children.is_empty());
        leaves.map(|part| (part.path.clone(), content.decoded(part.id))).collect()
    };
    match octets(content) == octets(&light) {
        true => Ok(()),
        false => Err(format!("{:?} is in seven bits {:?}", octets(content), octets(&light))),
    }
}

/// Reading must come to an end, and every way back must stay in the message.
fn readable(content: &Content) {
    for reading in content.readings() {
        let end = reading.map.source(reading.text.len());
        let mut last = 0;
        for at in (0..=reading.text.len()).step_by(7) {
            let source = reading.map.source(at);
            assert!(source >= last, "the way back goes back: {reading:?}");
            last = source;
        }
        assert!(last <= end.max(last) && last <= content.raw().len() + 4, "{reading:?}");
    }
    let _ = content.extract(&mut InPlace::default());
}

fn rest_is_identical(raw: &[u8], done: &Rewritten) -> Result<(), String> {
    let (mut from, mut to) = (0, 0);
    let message = done.message();
    for Change { source, inserted } in &done.changes {
        let kept = source.start - from;
        if raw[from..source.start] != message[to..to + kept] {
            return Err(format!("differs before {source:?}"));
        }
        to += kept;
        if message[to..to + inserted.len()] != inserted[..] {
            return Err(format!("other octets at {source:?}"));
        }
        to += inserted.len();
        from = source.end;
    }
    if raw[from..] == message[to..] { Ok(()) } else { Err("differs at the end".into()) }
}

fn lines_are_fit(raw: &[u8], done: &Rewritten) -> Result<(), String> {
    let longest = |octets: &[u8]| octets.split(|&o| o == b'\n').map(<[u8]>::len).max().unwrap_or(0);
    if longest(done.message()) > longest(raw).max(999) + 4 {
        return Err(format!("a line of {}", longest(done.message())));
    }
    for change in &done.changes {
        let inserted = String::from_utf8_lossy(&change.inserted);
        let bare = inserted.replace("\r\n", "");
        // What was ill-formed before may have been moved as it stood.
        let was = raw.iter().enumerate().any(|(at, octet)| match octet {
            b'\n' => at == 0 || raw[at - 1] != b'\r',
            b'\r' => raw.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        if !was && bare.contains(['\r', '\n']) && !wide(&bare) {
            return Err(format!("a bare CR or LF in {inserted:?}"));
        }
    }
    Ok(())
}

/// UTF-16 without a transfer encoding has CR and LF of its own.
fn wide(text: &str) -> bool {
    text.contains('\0')
}

/// Parts that are not displayed text keep every octet of their content.
fn untouched_parts_are_identical(
    before: &Content,
    after: &Content,
    outcome: &DisclaimerOutcome,
) -> Result<(), String> {
    let bodies = |content: &Content| -> Vec<(String, Bytes)> {
        let leaf = |part: &&Part| part.children.is_empty() && !is_text_body(part);
        content
            .parts()
            .iter()
            .filter(leaf)
            .map(|part| {
                let body = content.raw().slice(part.body.clone());
                // The last line end of a multipart without parts is nobody's,
                // also of one within a message that is not read in place.
                let body = if part.is_multipart() || part.media.kind == "message" {
                    body.slice(..body.trim_ascii_end().len())
                } else {
                    body
                };
                (part.media.subtype.clone(), body)
            })
            .collect()
    };
    let (was, is) = (bodies(before), bodies(after));
    if was == is { Ok(()) } else { Err(format!("{outcome:?}: {was:?} became {is:?}")) }
}

fn is_text_body(part: &Part) -> bool {
    matches!(part.class, Class::Plain | Class::Html) && part.disposition != Disposition::Attachment
}

fn displayed_count(content: &Content) -> usize {
    content
        .readings()
        .iter()
        .filter(|reading| matches!(reading.kind, ReadingKind::Plain | ReadingKind::Html))
        .filter(|reading| has_tag_line(reading))
        .count()
}

fn is_read_in(content: &Content, path: &str) -> bool {
    content.readings().iter().any(|reading| reading.part == path && has_tag_line(reading))
}

fn has_tag_line(reading: &Reading) -> bool {
    folded(&reading.text).contains("posterntagline")
}

fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

fn check(raw: Vec<u8>) -> Result<(), TestCaseError> {
    let raw = Bytes::from(raw);
    for plain in [ASCII, WIDE] {
        holds(&raw, plain)
            .map_err(|why| TestCaseError::fail(format!("{why}\n---\n{}", raw.escape_ascii())))?;
    }
    Ok(())
}

#[derive(Clone, Debug)]
enum Node {
    Leaf { fields: String, body: Vec<u8> },
    Multipart { kind: &'static str, children: Vec<Node>, closed: bool },
    Message(Box<Node>),
}

impl Node {
    fn write(&self, counter: &mut usize, out: &mut Vec<u8>) {
        match self {
            Self::Leaf { fields, body } => {
                out.extend(fields.as_bytes());
                out.extend(b"\r\n");
                out.extend(body);
            }
            Self::Message(inner) => {
                out.extend(b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n");
                inner.write(counter, out);
            }
            Self::Multipart { kind, children, closed } => {
                *counter += 1;
                // Each boundary is the beginning of the next.
                let boundary = format!("=_{}", "b".repeat(*counter));
                let head =
                    format!("Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n");
                out.extend(head.as_bytes());
                for child in children {
                    out.extend(format!("\r\n--{boundary}\r\n").as_bytes());
                    child.write(counter, out);
                }
                if *closed {
                    out.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
                }
            }
        }
    }
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,90}",
        "[a-zà-ÿ ]{0,40}",
        Just("> quoted \r\n".to_owned()),
        Just("--=_b".to_owned()),
        Just("-- ".to_owned()),
        Just("soft =".to_owned()),
        Just("日本語 text".to_owned()),
    ]
}

fn leaf() -> impl Strategy<Value = Node> {
    let types = prop::sample::select(vec![
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain; charset=us-ascii\r\n",
        "Content-Type: text/plain; charset=utf-8; format=flowed\r\n",
        "Content-Type: text/plain; charset=\"iso-8859-1\"\r\n",
        "Content-Type: text/plain; charset=utf-16\r\n",
        "Content-Type: text/plain; charset=iso-2022-jp\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "Content-Type: text/html\r\n",
        "Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment\r\n",
        "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n",
        "Content-Type: text/calendar; method=REQUEST\r\n",
        "Content-Type: image/png\r\n",
    ]);
    let encodings =
        prop::sample::select(vec!["", "7bit", "8bit", "quoted-printable", "base64", "x-odd"]);
    let markup = prop::sample::select(vec![
        ("", ""),
        ("<html><body>", "</body></html>"),
        ("<p>", "<!-- open"),
        ("<body>", "</body><script>'</body>'</script>"),
    ]);
    (types, encodings, markup, prop::collection::vec(line(), 0..5), any::<bool>()).prop_map(
        |(kind, encoding, (before, after), lines, encode)| {
            let mut text = lines.join("\r\n");
            if kind.contains("html") {
                text = format!("{before}{text}{after}");
            }
            let mut body = text.into_bytes();
            if kind.contains("utf-16") {
                body = String::from_utf8_lossy(&body)
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect();
            }
            // Well-formed most of the time, and as it comes for the rest.
            if encode && encoding == "base64" {
                use base64::Engine;
                let encoded = base64::engine::general_purpose::STANDARD.encode(&body);
                body = encoded.as_bytes().chunks(76).collect::<Vec<_>>().join(&b"\r\n"[..]);
            }
            let field = match encoding {
                "" => String::new(),
                _ => format!("Content-Transfer-Encoding: {encoding}\r\n"),
            };
            Node::Leaf { fields: format!("{kind}{field}"), body }
        },
    )
}

fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let kinds = vec!["mixed", "alternative", "related", "mixed", "digest", "signed", "report"];
        let children = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            4 => (prop::sample::select(kinds), children, any::<bool>())
                .prop_map(|(kind, children, closed)| Node::Multipart { kind, children, closed }),
            1 => inner.prop_map(|node| Node::Message(Box::new(node))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_messages_are_edited_without_loss(node in tree(), head in "(Subject: [ -~]{0,60}\r\n)?") {
        let mut raw = head.into_bytes();
        node.write(&mut 0, &mut raw);
        check(raw)?;
    }

    #[test]
    fn arbitrary_octets_are_edited_without_loss(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        check(raw)?;
    }

    #[test]
    fn messages_with_octets_flipped_are_edited_without_loss(
        node in tree(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut raw = b"From: a@x.example\r\n".to_vec();
        node.write(&mut 0, &mut raw);
        for (index, octet) in flips {
            let at = index.index(raw.len());
            raw[at] = octet;
        }
        check(raw)?;
    }
}

#[test]
fn the_development_corpus_is_edited_without_loss() {
    let mut failures = Vec::new();
    let mut protected = 0;
    for path in corpus() {
        let raw = Bytes::from(std::fs::read(&path).unwrap());
        for plain in [ASCII, WIDE] {
            if let Err(why) = holds(&raw, plain) {
                failures.push(format!("{}: {why}", path.display()));
            }
        }
        let outcome = rewritten(&raw, ASCII).disclaimer;
        protected += usize::from(matches!(outcome, DisclaimerOutcome::Protected(_)));
        assert_ne!(
            outcome,
            DisclaimerOutcome::Protected(Protected::IllFormed),
            "{}",
            path.display()
        );
    }
    assert!(failures.is_empty(), "{protected} protected; {failures:#?}");
}

/// The messages of the corpus; none where it is not at hand.
fn corpus() -> Vec<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let places = std::env::var_os("POSTERN_SHARED")
        .map(PathBuf::from)
        .into_iter()
        .chain([beside.join("../shared"), beside.join("../../shared")]);
    let Some(folder) = places.map(|place| place.join("corpus-dev/mail")).find(|p| p.is_dir())
    else {
        return Vec::new();
    };
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    paths.sort();
    paths
}
