//! Messages read and rewritten, whatever comes:
//! `postern::transform::invariants`.
#![no_main]

use postern::transform::invariants;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    if let Err(why) = invariants::message(&octets.to_vec().into()) {
        panic!("{why}");
    }
});
