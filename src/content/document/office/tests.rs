//! Whole documents, made by hand: what is read of them and where it stands.

use super::samples::{compound, package, place, read, read_within};
use crate::{content::document::Limits, mail::OpaqueReason};

const TYPES: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");

fn paragraph(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn words() -> Vec<u8> {
    let document = format!("<w:document>{}</w:document>", paragraph("body"));
    let header = format!("<w:hdr>{}</w:hdr>", paragraph("header"));
    let footnotes = format!("<w:footnotes>{}</w:footnotes>", paragraph("foot"));
    let comments = format!("<w:comments>{}</w:comments>", paragraph("remark"));
    package(&[
        TYPES,
        ("word/document.xml", document.as_bytes()),
        ("word/comments.xml", comments.as_bytes()),
        ("word/footnotes.xml", footnotes.as_bytes()),
        ("word/header1.xml", header.as_bytes()),
        ("word/styles.xml", b"<w:styles><w:t>no text</w:t></w:styles>"),
        ("docProps/core.xml", b"<coreProperties><title>T</title></coreProperties>"),
        ("customXml/item1.xml", b"<a><b>custom</b></a>"),
        (
            "word/_rels/document.xml.rels",
            b"<Relationships><Relationship Id='r' TargetMode='External' Target='http://a.example/'/>",
        ),
        ("word/media/image1.png", b"\x89PNG\r\n"),
        ("word/media/image2.emf", b"\x01\0\x09\0 and so on"),
        ("word/embeddings/note.txt", b"within"),
    ])
}

fn book() -> Vec<u8> {
    let sheet = |cells: &str| format!("<worksheet><sheetData>{cells}</sheetData></worksheet>");
    let first = sheet(
        "<row><c r='A1' t='s'><v>0</v></c><c r='C1' t='inlineStr'><is><t>in line</t></is></c></row>\
         <row hidden='1'><c r='A2' s='1'><v>9.990000018E9</v></c><c r='B2' s='2'><v>22365</v></c>\
         <c r='C2' t='str'><f>\"x\"</f><v>result</v></c></row>",
    );
    let second = sheet("<row><c t='s'><v>1</v></c></row>");
    package(&[
        TYPES,
        (
            "xl/workbook.xml",
            b"<workbook><sheets><sheet name='Ward' r:id='r2'/><sheet name='Hid' state='hidden' r:id='r1'/>\
              </sheets><definedNames><definedName name='n'>\"d\"</definedName></definedNames></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships><Relationship Id='r1' Target='worksheets/sheet1.xml'/>\
              <Relationship Id='r2' Target='/xl/worksheets/sheet2.xml'/></Relationships>",
        ),
        ("xl/worksheets/sheet1.xml", second.as_bytes()),
        ("xl/worksheets/sheet2.xml", first.as_bytes()),
        (
            "xl/sharedStrings.xml",
            b"<sst><si><r><t>NHS </t></r><r><t>no</t></r><rPh><t>x</t></rPh></si><si><t>hidden</t></si></sst>",
        ),
        (
            "xl/styles.xml",
            b"<styleSheet><numFmts><numFmt numFmtId='164' formatCode='000 000 0000'/></numFmts>\
              <cellXfs><xf/><xf numFmtId='164'/><xf numFmtId='14'/></cellXfs></styleSheet>",
        ),
    ])
}

fn open_document(manifest: &str) -> Vec<u8> {
    package(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        (
            "content.xml",
            b"<office:document-content><text:p>body</text:p></office:document-content>",
        ),
        ("styles.xml", b"<office:document-styles><text:p>header</text:p></office:document-styles>"),
        ("meta.xml", b"<office:document-meta><dc:title>T</dc:title></office:document-meta>"),
        ("Object 1/content.xml", b"<d><text:p>object</text:p></d>"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("Thumbnails/thumbnail.png", b"\x89PNG"),
    ])
}

/// A document of two stories in two pieces, of which one is compressed.
fn old_words(flags: u16) -> Vec<u8> {
    let mut document = vec![0; 0x600];
    document[..4].copy_from_slice(&[0xec, 0xa5, 0xc1, 0]);
    document[0x0a..0x0c].copy_from_slice(&flags.to_le_bytes());
    // Characters of the body and of its comment.
    document[0x4c] = 13;
    document[0x5c] = 7;
    document[0x1a6] = 33;
    document[0x400..0x408].copy_from_slice(b"999 000 ");
    for (index, octet) in b"0018\rremark\r".iter().enumerate() {
        document[0x500 + index * 2] = *octet;
    }
    let mut table = vec![2, 28, 0, 0, 0];
    for cp in [0_u32, 8, 20] {
        table.extend(cp.to_le_bytes());
    }
    for place in [0x800 | 1 << 30, 0x500_u32] {
        table.extend([0, 0]);
        table.extend(place.to_le_bytes());
        table.extend([0, 0]);
    }
    compound(&[("/WordDocument", document), ("/0Table", table)])
}

fn record(kind: u16, octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, octets].concat()
}

fn old_book(first: &[u8]) -> Vec<u8> {
    let short = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let workbook = [
        record(0x809, &short(&[0x0600, 5, 0, 0])),
        first.to_vec(),
        record(0x41e, &[&[164, 0, 12, 0, 0][..], b"000 000 0000"].concat()),
        record(0xe0, &short(&[0, 0])),
        record(0xe0, &short(&[0, 164])),
        record(0x85, &[&[0; 6][..], &[4, 0], b"Ward"].concat()),
        record(0xfc, &[&[1, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0][..], b"NHS"].concat()),
        record(0x3c, b"\0 no"),
        record(0x0a, &[]),
        record(0x809, &short(&[0x0600, 0x10, 0, 0])),
        record(0xfd, &short(&[0, 1, 0, 0, 0])),
        record(0x203, &[short(&[1, 1, 1]), 9_990_000_018_f64.to_le_bytes().to_vec()].concat()),
        record(0x1b6, &short(&[0, 0, 0, 0, 0, 4, 0, 0, 0])),
        record(0x3c, b"\0note"),
        record(0x0a, &[]),
    ];
    compound(&[("/Workbook", workbook.concat())])
}

#[test]
fn a_letter_is_one_text_with_its_margins() {
    let extract = read(words());
    assert_eq!(place(&extract, "2"), "header\nbody\nfoot\n");
    assert_eq!(place(&extract, "2:comments"), "remark\n");
    assert_eq!(place(&extract, "2:properties"), "T\n");
    assert_eq!(place(&extract, "2:data"), "custom\n");
    assert_eq!(place(&extract, "2:links"), "http://a.example/");
    assert!(!extract.readings.iter().any(|reading| reading.text.contains("no text")));
}

#[test]
fn files_within_are_read_and_pictures_are_told_once() {
    let extract = read(words());
    assert!(extract.readings.iter().any(|reading| reading.text == "within"));
    let reasons: Vec<_> = extract.opaque.iter().map(|opaque| opaque.reason).collect();
    assert_eq!(reasons, [OpaqueReason::Picture]);
}

#[test]
fn sheets_stand_in_their_order_as_displayed() {
    let extract = read(book());
    let first = "Ward\nNHS no\t\tin line\n999 000 0018\t25/03/1961\tresult\n";
    assert_eq!(place(&extract, "2:sheet 1"), first);
    assert_eq!(place(&extract, "2:sheet 2"), "Hid\nhidden\n");
    assert_eq!(place(&extract, "2:names"), "n\t\"d\"\n");
    assert_eq!(extract.opaque, []);
}

#[test]
fn slides_stand_in_the_order_of_the_show_with_their_notes() {
    let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>");
    let extract = read(package(&[
        TYPES,
        (
            "ppt/presentation.xml",
            b"<p:presentation><p:sldId id='256' r:id='r2'/><p:sldId id='257' r:id='r1'/></p:presentation>",
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            b"<Relationships><Relationship Id='r1' Target='slides/slide1.xml'/>\
              <Relationship Id='r2' Target='slides/slide2.xml'/></Relationships>",
        ),
        (
            "ppt/slides/_rels/slide2.xml.rels",
            b"<Relationships><Relationship Id='r1' Target='../notesSlides/n.xml' Type='x/notesSlide'/>",
        ),
        ("ppt/slides/slide1.xml", slide("last").as_bytes()),
        ("ppt/slides/slide2.xml", slide("first").as_bytes()),
        ("ppt/notesSlides/n.xml", b"<p:notes><a:p><a:t>note</a:t></a:p></p:notes>"),
    ]));
    assert_eq!(place(&extract, "2"), "first\nnote\nlast\n");
}

#[test]
fn open_documents_have_headers_objects_and_properties() {
    let extract = read(open_document("<manifest/>"));
    assert_eq!(place(&extract, "2"), "header\nbody\nobject\n");
    assert_eq!(place(&extract, "2:properties"), "T\n");
    assert_eq!(extract.opaque, []);
    let extract = read(open_document("<m><file-entry><encryption-data/></file-entry></m>"));
    assert_eq!(extract.readings, []);
    assert_eq!(extract.opaque[0].reason, OpaqueReason::Encrypted);
}

#[test]
fn old_documents_are_put_together_of_their_pieces() {
    let extract = read(old_words(0));
    assert_eq!(place(&extract, "2"), "999 000 0018\n");
    assert_eq!(place(&extract, "2:comments"), "remark\n");
    let extract = read(old_words(0x0100));
    assert_eq!(extract.opaque[0].reason, OpaqueReason::Encrypted);
}

#[test]
fn old_sheets_are_read_as_displayed() {
    let extract = read(old_book(&[]));
    assert_eq!(place(&extract, "2:sheet 1"), "Ward\n\tNHS no\n\t999 000 0018\n");
    assert_eq!(place(&extract, "2:aside"), "note\n");
    let extract = read(old_book(&record(0x2f, &[1, 0])));
    assert_eq!(extract.opaque[0].reason, OpaqueReason::Encrypted);
}

#[test]
fn a_part_that_breaks_off_is_damage_and_the_rest_is_read() {
    let document = format!("<w:document>{}<w:p", paragraph("body"));
    let extract = read(package(&[TYPES, ("word/document.xml", document.as_bytes())]));
    assert_eq!(place(&extract, "2"), "body\n");
    assert_eq!(extract.opaque[0].reason, OpaqueReason::Damaged);
}

#[test]
fn a_document_over_the_limit_is_told() {
    let limits = Limits { octets: 100, ..Limits::default() };
    let extract = read_within(words(), limits);
    assert!(extract.opaque.iter().any(|opaque| opaque.reason == OpaqueReason::OverLimit));
    let limits = Limits { text: 3, ..Limits::default() };
    assert_eq!(place(&read_within(words(), limits), "2"), "");
}

/// Whatever octets come, a reader comes to its end.
#[test]
fn changed_octets_never_panic() {
    let samples =
        [words(), book(), open_document("<manifest/>"), old_words(0), old_book(&[]), rich_text()];
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap()
    };
    for sample in samples {
        for _ in 0..150 {
            let mut octets = sample.clone();
            for _ in 0..=random() % 8 {
                let at = random() % octets.len();
                octets[at] = u8::try_from(random() % 256).unwrap();
            }
            octets.truncate(octets.len() - random() % 2 * (random() % octets.len()));
            read(octets);
        }
    }
}

fn rich_text() -> Vec<u8> {
    b"{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset0 A;}}{\\header h\\par}\\trowd a\\cell b\\cell\\row \\u233?\\'e9\
      {\\object{\\*\\objdata 0105000002000000}}{\\*\\annotation c}{\\pict\\bin3 abc}d\\par}"
        .to_vec()
}
