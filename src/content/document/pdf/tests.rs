//! Small documents written by hand, and what is read in them.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};

use crate::{
    content::{
        Document, Extract, InPlace, Limits, ReadDocument,
        document::samples::{opaque, read, texts},
    },
    mail::OpaqueReason,
};

/// Objects 1 and on, as they are written, with a table of where they stand.
fn document(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(out.len());
        out.extend(format!("{number} 0 obj\n").bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    let size = places.len() + 1;
    out.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R /Info 9 0 R >>\nstartxref\n{table}\n%%EOF")
            .bytes(),
    );
    out
}

pub(super) fn stream(entries: &str, octets: &[u8]) -> Vec<u8> {
    let mut out = format!("<< {entries} /Length {} >>\nstream\n", octets.len()).into_bytes();
    out.extend(octets);
    out.extend(b"\nendstream");
    out
}

/// One page with this content and these resources; further objects are
/// numbered from 5 on.
pub(super) fn page(content: &[u8], resources: &str, more: &[Vec<u8>]) -> Vec<u8> {
    with_page("", content, resources, more)
}

pub(super) fn with_page(
    entries: &str,
    content: &[u8],
    resources: &str,
    more: &[Vec<u8>],
) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R \
         /Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> \
         >> {resources} >> {entries} >>"
    );
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] >> >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        stream("", content),
    ];
    objects.extend_from_slice(more);
    document(&objects)
}

/// A page whose font F is this one.
fn with_font(content: &str, font: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let resources = format!(">> /Resources << /Font << /F {font} >>");
    page(content.as_bytes(), &resources, more)
}

fn all(octets: Vec<u8>) -> Extract {
    read(octets)
}

/// What the pages show.
fn shown(octets: Vec<u8>) -> String {
    let extract = all(octets);
    assert_eq!(opaque(&extract), []);
    texts(&extract).iter().find(|(at, _)| *at == "2").map_or("", |(_, text)| text).to_owned()
}

fn shows(content: &str, expected: &str) {
    assert_eq!(shown(page(content.as_bytes(), "", &[])), expected, "{content}");
}

fn reasons(octets: Vec<u8>) -> Vec<OpaqueReason> {
    opaque(&all(octets)).iter().map(|(_, reason)| *reason).collect()
}

#[test]
fn words_are_told_by_their_gaps() {
    shows(
        "BT /F 10 Tf 50 700 Td [(NHS) -300 (num) 20 (ber:) -280 (94) 15 (34)] TJ ET",
        "NHS number: 9434",
    );
    shows("BT /F 10 Tf 50 700 Td 0.4 Tc (spread) Tj ET", "spread");
    shows("BT /F 10 Tf 50 700 Td 4 Tc (spread wide) Tj ET", "spread wide");
}

#[test]
fn lines_stand_as_they_are_displayed_whatever_their_order() {
    shows(
        "BT /F 10 Tf 1 0 0 1 50 600 Tm (second) Tj 1 0 0 1 50 700 Tm (first) Tj \
         1 0 0 1 86 600.5 Tm (line) Tj ET",
        "first\nsecond line",
    );
    shows("BT /F 10 Tf 12 TL 50 700 Td (a) Tj T* (b) Tj (c) ' 0 0 (d) \" ET", "a\nb\nc\nd");
}

#[test]
fn cells_of_a_table_are_kept_apart() {
    shows(
        "BT /F 10 Tf 1 0 0 1 50 700 Tm (Name) Tj 1 0 0 1 200 700 Tm (NHS number) Tj \
         1 0 0 1 50 680 Tm (A B) Tj 1 0 0 1 200 680 Tm (943 476 5919) Tj ET",
        "Name\tNHS number\nA B\t943 476 5919",
    );
    shows("BT /F 10 Tf 50 700 Td (Name  DOB. Typed.  Next) Tj ET", "Name\tDOB. Typed. Next");
}

#[test]
fn columns_of_prose_are_read_one_after_the_other() {
    let mut content = "BT /F 8 Tf ".to_owned();
    for line in 0..6 {
        for (column, left) in [("left", 50), ("right", 320)] {
            let at = 700 - 12 * line;
            let text = format!("{column} {line} goes on with words to fill the line");
            content.push_str(&format!("1 0 0 1 {left} {at} Tm ({text}) Tj "));
        }
    }
    let text = shown(page(content.as_bytes(), "", &[]));
    let words = |word: &str| text.find(word).unwrap();
    assert!(words("left 5") < words("right 0"), "{text}");
    assert!(!text.contains('\t'));
}

#[test]
fn a_word_parted_at_the_end_of_a_line_is_joined() {
    shows(
        "BT /F 10 Tf 12 TL 50 700 Td (dia-) Tj T* (betes) Tj T* (B-) Tj T* (12) Tj ET",
        "diabetes\nB-\n12",
    );
}

#[test]
fn what_is_hidden_is_read_like_what_is_shown() {
    for hidden in ["3 Tr", "1 g", "0 0 1 1 re W n", "7 Tr"] {
        shows(&format!("{hidden} BT /F 10 Tf 50 700 Td (hidden) Tj ET"), "hidden");
    }
    shows("BT /F 10 Tf -900 9000 Td (outside) Tj ET", "outside");
    shows("/OC /Off BDC BT /F 10 Tf 50 700 Td (layer) Tj ET EMC", "layer");
}

#[test]
fn text_drawn_twice_to_look_bold_is_read_once() {
    shows("BT /F 10 Tf 50 700 Td (Name) Tj 0.3 0 Td (Name) Tj ET", "Name");
}

#[test]
fn text_that_lies_over_other_text_does_not_mix_with_it() {
    let text =
        shown(page(b"BT /F 10 Tf 50 700 Td (943 476 5919) Tj 1 1 Td (Recognised) Tj ET", "", &[]));
    assert!(text.contains("943 476 5919") && text.contains("Recognised"), "{text}");
}

#[test]
fn text_that_runs_another_way_is_read_along() {
    shows("BT /F 10 Tf 0 1 -1 0 300 100 Tm (up the margin) Tj ET", "up the margin");
    shows("BT /F 10 Tf -1 0 0 -1 300 100 Tm (on its head) Tj ET", "on its head");
}

#[test]
fn codes_are_read_by_the_names_of_their_glyphs() {
    let encoding = "/Encoding << /Differences [1 /nine /four /three /eacute /f_i] >>";
    let font = format!("<< /Subtype /Type1 /BaseFont /ABCDEF+Own {encoding} >>");
    assert_eq!(shown(with_font("BT /F 10 Tf 50 700 Td <0102030405> Tj ET", &font, &[])), "943éfi");
}

#[test]
fn a_fonts_own_map_to_text_comes_first() {
    let map = stream(
        "",
        b"2 beginbfrange <0001> <0003> <0037> <0004> <0005> [<00480049> <0021>] endbfrange",
    );
    let font = "<< /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R \
                /DescendantFonts [<< /Subtype /CIDFontType2 /DW 500 >>] >>";
    let more = [b"null".to_vec(), map];
    assert_eq!(
        shown(with_font("BT /F 10 Tf 50 700 Td <00010002000300040005> Tj ET", font, &more)),
        "789HI!"
    );
}

#[test]
fn what_a_fonts_map_leaves_out_its_program_is_asked() {
    let map = stream("", b"1 beginbfchar <01> <0037> endbfchar");
    let program = stream("", b"%!PS\n/Encoding 256 array dup 1 /one put dup 2 /nine put def eexec");
    let font = "<< /Subtype /Type1 /FirstChar 1 /LastChar 2 /Widths [500 500] /ToUnicode 6 0 R \
                /FontDescriptor << /Flags 4 /FontFile 7 0 R >> >>";
    let more = [b"null".to_vec(), map, program];
    assert_eq!(shown(with_font("BT /F 10 Tf 50 700 Td <0102> Tj ET", font, &more)), "79");
}

#[test]
fn codes_of_known_charsets_are_read() {
    for (encoding, codes, expected) in [
        ("90ms-RKSJ-H", "3934938c8b9e", "94東京"),
        ("UniJIS-UTF16-H", "003900346771", "94東"),
        ("GBK-EUC-H", "3934b1b1", "94北"),
    ] {
        let font = format!(
            "<< /Subtype /Type0 /Encoding /{encoding} /DescendantFonts [<< /DW 1000 >>] >>"
        );
        let content = format!("BT /F 10 Tf 50 700 Td <{codes}> Tj ET");
        assert_eq!(shown(with_font(&content, &font, &[])), expected, "{encoding}");
    }
}

#[test]
fn text_in_a_font_that_does_not_say_what_it_shows_is_unreadable() {
    let composite = "<< /Subtype /Type0 /Encoding /Identity-H /DescendantFonts [<< /DW 500 >>] >>";
    let own = "<< /Subtype /Type3 /FontMatrix [0.01 0 0 0.01 0 0] /FirstChar 65 /Widths [60 60 60 60] \
               /Encoding << /Differences [65 /g1 /g2 /g3 /g4] >> >>";
    for (font, codes) in [(composite, "<0041004200430044>"), (own, "(ABCD)")] {
        let content = format!("BT /F 10 Tf 50 700 Td {codes} Tj ET");
        assert_eq!(reasons(with_font(&content, font, &[])), [OpaqueReason::Unreadable], "{font}");
        // A mark or two is no text.
        let content = format!(
            "BT /F 10 Tf 50 700 Td {} Tj ET",
            codes.replace("00430044", "").replace("CD", "")
        );
        assert_eq!(reasons(with_font(&content, font, &[])), [], "{font}");
    }
}

#[test]
fn forms_are_drawn_where_they_are_asked_for() {
    let form =
        stream("/Subtype /Form /Matrix [1 0 0 1 30 0]", b"BT /F 10 Tf 50 700 Td (943) Tj ET");
    let content = b"BT /F 10 Tf 40 700 Td (NHS) Tj ET /X Do";
    assert_eq!(shown(page(content, "/XObject << /X 5 0 R >>", &[form])), "NHS\t943");
}

#[test]
fn a_form_within_itself_is_drawn_once() {
    let form = stream(
        "/Subtype /Form /Resources << /XObject << /X 5 0 R >> >>",
        b"BT 9 9 Td (x) Tj ET /X Do",
    );
    assert_eq!(shown(page(b"/X Do", "/XObject << /X 5 0 R >>", &[form])), "x");
}

#[test]
fn forms_that_multiply_come_to_an_end() {
    let forms: Vec<_> = (6..30)
        .map(|next| {
            let own = format!("/Subtype /Form /Resources << /XObject << /X {next} 0 R >> >>");
            stream(&own, &b"/X Do ".repeat(100))
        })
        .collect();
    let found = reasons(page(b"/X Do", "/XObject << /X 5 0 R >>", &forms));
    assert_eq!(found, [OpaqueReason::OverLimit]);
}

fn deflated(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_unfolds_without_end_is_over_the_limit() {
    let mut bomb = deflated(&vec![b' '; 1 << 20]);
    for _ in 0..2 {
        bomb = deflated(&bomb);
    }
    let filters = "/Filter [/FlateDecode /FlateDecode /FlateDecode]";
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        format!("<< /Type /Page /Contents [{}] >>", "4 0 R 5 0 R 6 0 R 7 0 R 8 0 R ").into_bytes(),
    ];
    let bombs = std::iter::repeat_n(stream(filters, &bomb), 5);
    let objects: Vec<_> = objects.into_iter().chain(bombs).collect();
    let document = Document { path: "2".to_owned(), octets: document(&objects).into() };
    let found = |octets| InPlace(Limits { octets, ..Limits::default() }).read(&document);
    assert_eq!(opaque(&found(1 << 20)), [("2", OpaqueReason::OverLimit)]);
    assert_eq!(opaque(&found(1 << 24)), []);
}

#[test]
fn each_filter_is_undone() {
    let lzw = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
    let text = "BT /F 10 Tf 50 700 Td (943) Tj ET";
    let hexadecimal: String = text.bytes().map(|octet| format!("{octet:02x}")).collect();
    let mut runs = vec![u8::try_from(text.len() - 1).unwrap()];
    runs.extend(text.bytes());
    runs.push(128);
    for (filter, octets) in [
        ("/AHx", format!("{hexadecimal}>").into_bytes()),
        ("/RunLengthDecode", runs),
        ("[/A85 /Fl]", ascii_85(&deflated(text.as_bytes()))),
    ] {
        let objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            b"<< /Type /Page /Contents 4 0 R >>".to_vec(),
            stream(&format!("/Filter {filter}"), &octets),
        ];
        assert_eq!(shown(document(&objects)), "943", "{filter}");
    }
    // The specification's own example of LZW.
    let dictionary = hayro_syntax::object::Dict::default();
    let undone = super::filter::apply(b"LZWDecode", &dictionary, &lzw, 100);
    assert_eq!(undone.octets, [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
}

fn ascii_85(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in octets.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let mut value = u32::from_be_bytes(four);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = b'!' + u8::try_from(value % 85).unwrap();
            value /= 85;
        }
        out.extend(&digits[..=group.len()]);
    }
    out.extend(b"~>");
    out
}

#[test]
fn a_damaged_stream_gives_what_there_was() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(b"BT /F 10 Tf 50 700 Td (first) Tj ET                ").unwrap();
    let whole = encoder.finish().unwrap();
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Contents 4 0 R >>".to_vec(),
        stream("/Filter /FlateDecode", &whole[..whole.len() - 9]),
    ];
    let extract = all(document(&objects));
    assert_eq!(texts(&extract), [("2", "first")]);
    assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
}

#[test]
fn pages_that_are_counted_but_not_there_are_damage() {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R 7 0 R] /Count 2 >>".to_vec(),
        b"<< /Type /Page >>".to_vec(),
    ];
    assert_eq!(reasons(document(&objects)), [OpaqueReason::Damaged]);
    assert_eq!(reasons(b"%PDF-1.7\nnothing".to_vec()), [OpaqueReason::Damaged]);
}

#[test]
fn a_page_that_is_a_picture_is_said_to_be_one() {
    let image = stream("/Subtype /Image /Width 1 /Height 1 /Filter /DCTDecode", b"\xff\xd8");
    let with = |content: &str| {
        page(content.as_bytes(), "/XObject << /X 5 0 R >>", std::slice::from_ref(&image))
    };
    assert_eq!(reasons(with("600 0 0 800 0 0 cm /X Do")), [OpaqueReason::Picture]);
    assert_eq!(reasons(with("60 0 0 80 0 0 cm /X Do")), []);
    let text = "BT /F 10 Tf 50 700 Td (A letter that is long enough to be what the page says, all of it and no less than that) Tj ET";
    assert_eq!(reasons(with(&format!("{text} 600 0 0 800 0 0 cm /X Do"))), []);
}

#[test]
fn a_fields_value_stands_beside_its_label() {
    let field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (nhs) /TU (NHS number) \
                  /V (943 476 5919) /Rect [112 695 300 712] >>";
    let content = b"BT /F 10 Tf 50 700 Td (NHS number:) Tj ET";
    let extract = all(with_page("/Annots [5 0 R]", content, "", &[field.to_vec()]));
    let found = texts(&extract);
    assert!(found.contains(&("2", "NHS number: 943 476 5919")), "{found:?}");
    assert!(found.contains(&("2:form", "NHS number nhs: 943 476 5919\n")), "{found:?}");
}

#[test]
fn an_appearance_is_drawn_at_its_place() {
    let look = stream("/Subtype /Form /BBox [0 0 100 20]", b"BT 2 5 Td (943) Tj ET");
    let stamp =
        b"<< /Subtype /Stamp /Rect [113 695 213 715] /AP << /N 6 0 R >> /Contents (seen) >>";
    let content = b"BT /F 12 Tf 80 700 Td (NHS:) Tj ET";
    let extract = all(with_page("/Annots [5 0 R]", content, "", &[stamp.to_vec(), look]));
    assert!(texts(&extract).contains(&("2", "NHS: 943")), "{:?}", texts(&extract));
    assert!(texts(&extract).contains(&("2:annotations", "seen\n")), "{:?}", texts(&extract));
}

#[test]
fn a_document_may_stand_behind_other_octets() {
    let octets =
        [b"HTTP/1.1 200 OK\r\n\r\n\0".to_vec(), page(b"BT 9 9 Td (x) Tj ET", "", &[])].concat();
    assert_eq!(shown(octets), "x");
    let mention = b"Files that begin with %PDF- are documents.".to_vec();
    assert_eq!(crate::content::document::Format::of(&mention), None);
}

#[test]
fn any_key_of_the_information_is_read() {
    let mut more = vec![b"null".to_vec(); 4];
    more.push(b"<< /Title (A) /Patient <feff00420042> /CreationDate (D:2026) >>".to_vec());
    let extract = all(page(b"", "", &more));
    assert_eq!(texts(&extract), [("2:properties", "Patient: BB\nTitle: A\n")]);
}

#[test]
fn what_an_earlier_revision_showed_is_read() {
    let mut octets = page(b"BT /F 10 Tf 50 700 Td (NHS 943 476 5919) Tj ET", "", &[]);
    let last = octets.windows(9).rposition(|word| word == b"startxref").unwrap();
    let previous = String::from_utf8_lossy(&octets[last + 10..]).lines().next().unwrap().to_owned();
    octets.push(b'\n');
    let at = octets.len();
    octets.extend(b"4 0 obj\n");
    octets.extend(stream("", b"BT /F 10 Tf 50 700 Td (taken out) Tj ET"));
    octets.extend(b"\nendobj\n");
    let table = octets.len();
    octets.extend(format!("xref\n4 1\n{at:010} 00000 n \ntrailer\n").bytes());
    octets.extend(format!("<< /Size 5 /Root 1 0 R /Prev {previous} >>\n").bytes());
    octets.extend(format!("startxref\n{table}\n%%EOF").bytes());
    let extract = all(octets);
    assert_eq!(texts(&extract), [("2", "taken out"), ("2:earlier", "NHS 943 476 5919\n")]);
}
