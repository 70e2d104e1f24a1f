//! Properties of content and transform that hold for every message: generated
//! trees, arbitrary octets, and the development corpus where it is at hand.

use std::path::PathBuf;

use bytes::Bytes;
use postern::{
    content::Protected,
    transform::{DisclaimerOutcome, invariants},
};
use proptest::prelude::*;

fn check(raw: Vec<u8>) -> Result<(), TestCaseError> {
    let raw = Bytes::from(raw);
    let broken = |why| TestCaseError::fail(format!("{why}\n---\n{}", raw.escape_ascii()));
    invariants::message(&raw).map_err(broken)
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
    for path in corpus() {
        let raw = Bytes::from(std::fs::read(&path).unwrap());
        if let Err(why) = invariants::message(&raw) {
            failures.push(format!("{}: {why}", path.display()));
        }
        let ill_formed = DisclaimerOutcome::Protected(Protected::IllFormed);
        assert_ne!(invariants::with_tag_line(&raw).disclaimer, ill_formed, "{}", path.display());
    }
    assert!(failures.is_empty(), "{failures:#?}");
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
