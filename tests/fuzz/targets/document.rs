//! Readers of documents and archives, whatever comes:
//! `postern::content::invariants`.
#![no_main]

use postern::content::invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::document(octets));
