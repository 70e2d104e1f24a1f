//! The framing of content, whatever comes: `postern::smtp::invariants`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| postern::smtp::invariants::content(octets));
