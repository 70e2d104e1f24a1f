//! Officers' files, whatever is in them: `postern::policy::invariants`.
#![no_main]

use postern::policy::invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| invariants::file(octets));
