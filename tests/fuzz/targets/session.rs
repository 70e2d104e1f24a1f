//! A session, whatever its client sends: `postern::smtp::invariants`.
#![no_main]

use std::time::Instant;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| postern::smtp::invariants::session(octets, Instant::now()));
