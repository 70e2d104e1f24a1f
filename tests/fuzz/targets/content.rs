//! The framing of content, whatever comes: `postern::smtp::invariants`.
#![no_main]

use postern::smtp::invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::content(octets));
