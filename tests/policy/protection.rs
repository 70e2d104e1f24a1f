//! How the journey to an approved domain is protected: what its entry says, and
//! what rules add.

use postern::mail::{Ciphers, Protection, TlsRequirement, TlsVersion, Trust, Voucher};

use super::support::{DOMAINS, ask, message, must_compile, with_files};

fn entry(tls: &str, more: &str) -> String {
    format!(
        "{DOMAINS}[[domain]]\nname = \"keys.example\"\nclearance = 3\ntls = \"{tls}\"\n{more}\n\
         owner = \"A. Officer\"\nevidence = \"seen\"\nreview = 2027-01-01\n"
    )
}

fn obliging(tls: &str) -> String {
    format!(
        "[[rule]]\nname = \"TLS\"\nwhen = {{ direction = \"outbound\" }}\ntls = \"{tls}\"\nreason = \"patients\"\n"
    )
}

#[test]
fn the_stronger_of_a_rule_and_the_entry_holds_dane_above_all() {
    let levels = ["opportunistic", "encrypted", "verified", "dane"];
    for (i, by_entry) in levels.iter().enumerate() {
        for (j, by_rule) in levels.iter().enumerate() {
            let domains = entry(by_entry, "vouched_by = \"dnssec\"");
            let rules = obliging(by_rule);
            let files = [("domains.toml", domains.as_str()), ("rules.toml", rules.as_str())];
            let policy = must_compile(with_files(&files));
            let decision = ask(&policy, &message(3), "x@keys.example");
            assert_eq!(decision.protection.tls.name(), levels[i.max(j)], "{by_entry} {by_rule}");
        }
    }
}

#[test]
fn whom_the_officers_trust_travels_with_the_decision() {
    let pin = format!("sha256:{}", "0a".repeat(32));
    let more = format!("pinned_keys = [\"{pin}\"]\nmin_tls_version = \"1.3\"");
    let domains = entry("verified", &more);
    let policy = must_compile(with_files(&[("domains.toml", &domains)]));
    let protection = ask(&policy, &message(3), "x@keys.example").protection;
    assert_eq!(protection.trust, Trust::Keys(vec![pin.parse().unwrap()]));
    assert_eq!(protection.min_version, TlsVersion::Tls13);
    assert_eq!(protection.ciphers, Ciphers::Ncsc, "an approved entry's default");
    assert_eq!(protection.vouched_by, None);

    let more = "trust_anchors = \"partner.pem\"\nciphers = \"intermediate\"\n\
                vouched_by = [\"dane\", \"mta-sts\"]";
    let domains = entry("verified", more);
    let policy = must_compile(with_files(&[("domains.toml", &domains)]));
    let protection = ask(&policy, &message(3), "x@keys.example").protection;
    assert_eq!(protection.trust, Trust::Anchors("partner.pem".to_owned()));
    assert_eq!(protection.ciphers, Ciphers::Intermediate);
    assert_eq!(protection.vouched_by, Some(vec![Voucher::Dnssec, Voucher::MtaSts]));

    let elsewhere = ask(&policy, &message(0), "x@internet.example").protection;
    assert_eq!(elsewhere, Protection::default());
    assert_eq!(elsewhere.ciphers, Ciphers::Intermediate);
}

#[test]
fn a_redirect_keeps_the_level_and_leaves_whom_the_domain_trusts() {
    let pin = format!("pinned_keys = [\"sha256:{}\"]", "0a".repeat(32));
    let domains = entry("verified", &pin);
    let rules = "[[rule]]\nname = \"portal\"\nwhen = { direction = \"outbound\" }\nthen = \"redirect\"\n\
        redirect_to = \"smtp://portal.test.example:25\"\nreason = \"patients\"\n";
    let files = [("domains.toml", domains.as_str()), ("rules.toml", rules)];
    let protection =
        ask(&must_compile(with_files(&files)), &message(3), "x@keys.example").protection;
    assert_eq!(protection.tls, TlsRequirement::Verified);
    assert_eq!(protection.trust, Trust::System);
    assert_eq!(protection.mx_names, ["portal.test.example".parse().unwrap()]);
}
