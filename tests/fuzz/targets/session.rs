//! A session, whatever its client sends: `postern::smtp::invariants`.
#![no_main]

use std::time::Instant;

use postern::smtp::invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::session(octets, Instant::now()));
