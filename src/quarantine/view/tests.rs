//! What a view shows, and above all what it does not.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    classify::{Input, Part, TestRange},
    content::{File, InPlace},
    policy::{Context, Policy, Sources},
};

fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let today = jiff::civil::date(2026, 11, 23);
        let test_range = Some(TestRange::Count);
        let context = Context { today, local_domains: &[], test_range };
        let mut sources = Sources::new("policies");
        add(&mut sources, &folder, &folder);
        Policy::compile(&sources, &context).0.unwrap()
    })
}

fn add(sources: &mut Sources, root: &Path, folder: &Path) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => add(sources, root, &path),
            false => {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                sources.add(name, &std::fs::read(&path).unwrap());
            }
        }
    }
}

struct Seen {
    classification: Classification,
    masked: MessageView,
    revealed: MessageView,
}

fn seen(raw: &[u8]) -> Seen {
    let content = Content::parse(Bytes::copy_from_slice(raw));
    let extract = content.extract(&mut InPlace::default());
    let files = extract.files.iter();
    let parts: Vec<_> = files.map(|File { path, octets }| Part { path, content: octets }).collect();
    let input = Input { readings: &extract.readings, parts: &parts, opaque: &extract.opaque };
    let classification = policy().classify(&input);
    let left_out = policy().left_out(&extract.readings);
    let judged = Judged {
        content: &content,
        extract: &extract,
        classification: &classification,
        left_out: &left_out,
    };
    let masked = MessageView::of(judged, Sight::Masked);
    let revealed = MessageView::of(judged, Sight::Revealed);
    Seen { classification, masked, revealed }
}

fn letter(text: &str) -> Seen {
    seen(text.replace('\n', "\r\n").as_bytes())
}

fn text_of(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// Every text that a view puts before a person.
fn shown(view: &MessageView) -> Vec<String> {
    let header = view.header.iter().map(|(name, value)| format!("{name}: {}", text_of(value)));
    let parts = view.parts.iter().flat_map(|part| {
        let line = [Some(&part.path), part.file_name.as_ref(), Some(&part.media_type)];
        let line = line.into_iter().flatten().chain(&part.remark).cloned();
        line.chain([text_of(&part.text)])
    });
    let all = view.header.iter().map(|(_, spans)| spans);
    let spans = all.chain(view.parts.iter().map(|part| &part.text)).flatten();
    let reasons = spans.filter_map(|span| span.mark.as_ref()).map(|mark| mark.why.clone());
    let rendering = view.rendering.iter().map(|html| without_tags(html));
    header.chain(parts).chain(reasons).chain(rendering).collect()
}

fn without_tags(html: &str) -> String {
    let (_, body) = html.split_once("<body>").unwrap();
    // What stands before the first tag is text too.
    body.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect()
}

/// Whether a value can be read in a text: a short one as a word of its own.
fn tells(text: &str, value: &str) -> bool {
    let long = value.chars().filter(|c| c.is_alphanumeric()).count() >= 5;
    text.match_indices(value).any(|(at, _)| {
        let before = text.get(..at).unwrap().chars().next_back();
        let after = text.get(at + value.len()..).unwrap().chars().next();
        let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        long || (is_edge(before) && is_edge(after))
    })
}

/// What must hold of any message.
fn check(raw: &[u8]) -> Result<(), String> {
    let Seen { classification, masked, revealed } = seen(raw);
    let secret = classification.findings.iter().filter(|found| {
        let length = found.value.chars().filter(|c| c.is_alphanumeric()).count();
        found.source.is_some() && found.counts() && !found.finding.kind.names_nobody() && length > 0
    });
    let texts = shown(&masked);
    for found in secret {
        if let Some(text) = texts.iter().find(|text| tells(text, &found.value)) {
            return Err(format!("{:?} ({:?}) stands in {text:?}", found.value, found.finding));
        }
    }
    for view in [&masked, &revealed] {
        let texts = shown(view);
        let octets: usize = texts.iter().map(String::len).sum();
        if octets > 4 << 20 {
            return Err(format!("{octets} octets"));
        }
        let unseen = |c: char| {
            (c.is_control() && !matches!(c, '\n' | '\t')) || ('\u{202A}'..='\u{202E}').contains(&c)
        };
        if let Some(text) = texts.iter().find(|text| text.contains(unseen)) {
            return Err(format!("it has what cannot be seen: {text:?}"));
        }
    }
    Ok(())
}

const CLINIC: &str = "From: Ward <ward@nhs.example>
To: \"Mavis Sykes\" <mavis@x.example>
Date: Mon, 02 Nov 2026 09:12:13 +0000
Subject: Re: Mrs Mavis Sykes 999 000 0018
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Re: Mrs Mavis Sykes, DOB 04/03/1961, NHS No 999 000 0018
Diagnosis: HIV, on treatment. See the archive. Seen 12 March, ref 7654321.
--b
Content-Type: text/html

<p onclick=\"x()\">NHS No 999 <b>000</b> 0018<script>alert(1)</script> for <i>Mavis</i> Sykes
<img src=\"https://tracker.example/x.png\"></p><iframe src=x></iframe>
--b
Content-Type: application/octet-stream; name=\"Sykes_Mavis-9990000018.bin\"
Content-Disposition: attachment; filename=\"Sykes_Mavis-9990000018.bin\"
Content-Transfer-Encoding: base64

AAECAwQFBgcICQ==
--b--
";

#[test]
fn what_was_found_is_masked_in_every_place_and_however_written() {
    let Seen { masked, .. } = letter(CLINIC);
    let all = shown(&masked).join("\n");
    for secret in ["999 000", "9990000018", "0018", "Sykes", "Mavis", "1961", "HIV", "7654321"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    for kept in ["Mon, 02 Nov 2026 09:12:13", "on treatment. See the archive", "•"] {
        assert!(all.contains(kept), "{kept} not in {all}");
    }
    let name = masked.parts.iter().find_map(|part| part.file_name.as_deref());
    assert_eq!(name, Some("•••es_•••is-••••••••18.bin"));
}

#[test]
fn in_revealed_sight_values_stand_and_are_marked() {
    let Seen { revealed, .. } = letter(CLINIC);
    let text: Vec<&Span> = revealed.parts.iter().flat_map(|part| &part.text).collect();
    let number = text.iter().find(|span| span.text == "999 000 0018").unwrap();
    assert_eq!(number.mark.as_ref().unwrap().kind, Kind::NhsNumber);
    assert!(text.iter().any(|span| span.text.contains("ref 7654321") && span.mark.is_none()));
    assert!(
        revealed.header.iter().any(|(name, value)| name == "Subject"
            && text_of(value) == "Re: Mrs Mavis Sykes 999 000 0018")
    );
}

#[test]
fn a_rendering_is_of_our_own_markup_and_masked_across_tags() {
    let Seen { masked, revealed, .. } = letter(CLINIC);
    let html = masked.rendering.unwrap();
    assert!(html.contains("••• <b>•••</b>") || html.contains("••• </mark><b>"), "{html}");
    for view in [html, revealed.rendering.unwrap()] {
        for outside in ["onclick", "script", "alert", "img", "iframe", "tracker", "http"] {
            assert!(!view.contains(outside), "{outside} in {view}");
        }
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    let Seen { masked, .. } = letter(CLINIC);
    let file = masked.parts.iter().find(|part| part.file_name.is_some()).unwrap();
    assert_eq!(file.remark.as_deref(), Some("Nothing here can read it."));
    assert_eq!((file.size, file.text.len()), (10, 0));
}

#[test]
fn controls_are_seen_and_directions_are_not_turned() {
    let Seen { revealed, .. } =
        letter("Subject: a\u{1B}[2Jb\u{202E}fdp.exe\n\nx\u{7}\u{0}y\u{200B}z\n");
    assert_eq!(text_of(&revealed.header[0].1), "a␛[2Jb\u{FFFD}fdp.exe");
    assert_eq!(text_of(&revealed.parts[0].text), "x␇␀yz\n");
}

#[test]
fn a_value_that_stands_across_the_end_is_left_out_whole() {
    let filler = "word ".repeat(13_105);
    let Seen { masked, revealed, .. } =
        letter(&format!("Subject: x\n\n{filler}NHS no 999 000 0018 end\n"));
    for view in [masked, revealed] {
        let text = text_of(&view.parts[0].text);
        assert!(text.len() < 66_000 && !text.contains("999"), "{}", text.len());
        assert!(view.parts[0].remark.as_deref().unwrap().contains("There is more"));
    }
}

#[test]
fn where_not_all_findings_are_kept_no_text_is_shown_masked() {
    let many = (0..Classification::MOST_FINDINGS + 10).fold(String::new(), |text, number| {
        text + &format!("person{number}@mail{number}.example\n")
    });
    let Seen { classification, masked, revealed } = letter(&format!("Subject: x\n\n{many}"));
    assert_eq!(classification.findings.len(), Classification::MOST_FINDINGS);
    assert!(masked.parts[0].text.is_empty());
    assert!(masked.parts[0].remark.as_deref().unwrap().contains("more than can be masked"));
    assert!(!revealed.parts[0].text.is_empty());
}

#[test]
fn no_message_of_the_development_corpus_shows_a_value_masked() {
    let failures: Vec<String> = corpus()
        .iter()
        .filter_map(|path| {
            let why = check(&std::fs::read(path).unwrap()).err()?;
            Some(format!("{}: {why}", path.display()))
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The messages of the corpus; none where it is not at hand.
fn corpus() -> Vec<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let places = [beside.join("../shared"), beside.join("../../shared")];
    let folder = places.map(|place| place.join("corpus-dev/mail")).into_iter().find(|p| p.is_dir());
    let Some(entries) = folder.and_then(|folder| std::fs::read_dir(folder).ok()) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_arrangement_of_values_is_shown_masked(
        pieces in proptest::collection::vec(prop_oneof![
            Just("NHS No 999 000 0018"), Just("9990000018"), Just("999-000-0018"), Just("9\u{200B}990000018"),
            Just("Mrs Mavis Sykes"), Just("SYKES, Mavis"), Just("DOB 04/03/1961"), Just("4 March 1961"),
            Just("HIV"), Just("hiv"), Just("chlamydia"), Just("QQ 12 34 56 C"), Just("LS2 7EB"),
            Just("07700 900123"), Just("a.b@x.example"), Just("</p><p>"), Just("<b>"), Just("\n"),
            Just(" "), Just("x"), Just("patient "), Just("&nbsp;"), Just("\u{FF19}99 000 0018"), Just("ﬁ"),
        ], 0..24),
        html in any::<bool>(),
    ) {
        let text = pieces.concat();
        let kind = if html { "html" } else { "plain" };
        let line = text.replace('\n', " ");
        let raw = format!(
            "Subject: {line}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/{kind}; charset=utf-8\r\n\r\n{text}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
             Subject: {line}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Disposition: attachment; filename=\"{line}.txt\"\r\n\r\n{text}\r\n--b--\r\n"
        );
        prop_assert_eq!(check(raw.as_bytes()), Ok(()));
    }

    #[test]
    fn no_octets_make_a_view_panic(
        octets in proptest::collection::vec(any::<u8>(), 0..600),
        html in "[<>/a-zA-Z &#;'\"=!-]{0,300}",
    ) {
        prop_assert_eq!(check(&octets), Ok(()));
        let raw = format!("Subject: x\r\nContent-Type: text/html\r\n\r\n{html}");
        prop_assert_eq!(check(raw.as_bytes()), Ok(()));
        let mut named = b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>".to_vec();
        named.extend(&octets);
        prop_assert_eq!(check(&named), Ok(()));
    }
}
