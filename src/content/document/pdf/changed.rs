//! Documents that somebody has meddled with: whatever is changed in them,
//! their reader comes to an end.

use proptest::prelude::*;

use super::tests::{page, stream, with_page};
use crate::content::document::samples::read;

/// A document with something of everything, for those that change it.
fn sample() -> Vec<u8> {
    let form =
        stream("/Subtype /Form /Matrix [1 0 0 1 30 0]", b"BT /F 10 Tf 50 700 Td (943) Tj ET");
    let map = stream("", b"1 beginbfrange <0001> <0003> <0037> endbfrange");
    let font = b"<< /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R \
        /DescendantFonts [<< /Subtype /CIDFontType2 /DW 500 /W [1 [500 600] 3 9 700] >>] >>";
    let field = b"<< /Subtype /Widget /FT /Tx /T (n) /V (7) /Rect [120 695 300 712] >>";
    let information = b"<< /Title (A) /Patient <feff00420042> >>".to_vec();
    let content =
        b"q 1 0 0 1 5 5 cm BT /F 10 Tf 50 700 Td [(ab) -300 (cd)] TJ /G 9 Tf <00010002> Tj ET Q \
        /X Do BI /W 1 /H 1 ID abc EI";
    let more = [form, map, font.to_vec(), field.to_vec(), information];
    let resources = "/XObject << /X 5 0 R >> /Font << /G 7 0 R >>";
    with_page("/Annots [8 0 R]", content, resources, &more)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_change_of_a_document_breaks_its_reader(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..12)
    ) {
        let mut octets = sample();
        for (at, octet, kind) in changes {
            let at = at.index(octets.len() - 8) + 8;
            match kind {
                0 => octets[at] = octet,
                1 => { octets.remove(at); }
                2 => octets.insert(at, octet),
                // Numbers are what leads astray.
                _ => octets[at] = b'0' + octet % 10,
            }
        }
        let extract = read(octets);
        let length: usize = extract.readings.iter().map(|reading| reading.text.len()).sum();
        prop_assert!(length < 100_000);
    }

    #[test]
    fn no_content_breaks_its_reader(content in "(([0-9.]{1,4}|-1|\\(a\\)|\\[|\\]|<<|>>|/F|BT|ET|Tf|Td|Tm|cm|Tj|TJ|q|Q|Do|BI|ID|EI|Tc|Tz|') ){0,60}") {
        let extract = read(page(content.as_bytes(), "", &[]));
        prop_assert!(extract.readings.iter().all(|reading| reading.text.len() < 10_000));
    }
}
