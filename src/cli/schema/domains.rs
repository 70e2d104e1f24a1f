//! `domains.toml`.

use serde_json::Value;

use super::{
    rules::tls,
    words::{absent, any_of, choice, day, example, level, table, tables, text, usual},
};
use crate::mail::{Ciphers, TlsVersion};

pub(super) fn schema() -> Value {
    let name =
        "One domain, or \"*.gov.uk\" for every domain below gov.uk. The most specific counts.";
    let vouchers = ["mta-sts", "dnssec", "dane", "route"];
    let keys = vec![
        ("name", example(name, &["nhs.net", "*.gov.uk"])),
        (
            "clearance",
            absent(level("The highest level that may be sent there."), "needed, unless retired"),
        ),
        (
            "tls",
            absent(
                tls("How well the journey is protected; rules may ask for more."),
                "needed, unless retired",
            ),
        ),
        ("mx_names", absent(any_of(&example("An MX name you vouch for.", &["*.nhs.net"])), "none")),
        (
            "vouched_by",
            absent(any_of(&choice("Who else may vouch for MX names.", vouchers)), VOUCHERS),
        ),
        (
            "trust_anchors",
            absent(
                example(
                    "A file in certs/: its certificate must come from there.",
                    &["partner.pem"],
                ),
                "the system's own",
            ),
        ),
        (
            "pinned_keys",
            absent(any_of(&example("A key its servers have.", &["sha256:…"])), "any key will do"),
        ),
        (
            "min_tls_version",
            usual("The oldest TLS it may have.", TlsVersion::ALL.map(TlsVersion::name), "1.2"),
        ),
        (
            "ciphers",
            usual("The cipher suites it may have.", Ciphers::ALL.map(Ciphers::name), "ncsc"),
        ),
        ("owner", text("Who answers for the entry.")),
        ("evidence", text("Where it is seen that the domain deserves it.")),
        ("review", absent(day("When somebody must look again."), "needed, unless retired")),
        (
            "retired",
            absent(text("Why the domain is out of use: it is then no approval."), "it is approved"),
        ),
    ];
    let domain = table("An approved or retired domain.", keys, &["name", "owner", "evidence"]);
    table("The approved domains.", vec![("domain", tables(&domain))], &[])
}

const VOUCHERS: &str = "any of them that needs no trust in plain DNS";
