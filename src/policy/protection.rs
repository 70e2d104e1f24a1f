//! How an approved domain's entry has the journey to it protected.

use crate::mail::{
    Ciphers, KeyPin, Level, MxName, Protection, TlsRequirement, TlsVersion, Trust, Voucher,
};

use super::{
    nearest::did_you_mean,
    written::{Fault, Table, Value},
};

/// The names of certificates are those in the folder of certificates.
pub(super) fn read(
    table: &Table<'_>,
    certificates: &[&str],
    clearance: Option<Level>,
) -> Option<Protection> {
    let tls_value = table.required("tls");
    let tls = tls_value.and_then(|value| value.choice(&TLS));
    let mx_names = optional(table, "mx_names", |names| {
        names.list(|name| name.parsed::<MxName>("domain-mx-name"))
    });
    let vouched_by = optional(table, "vouched_by", |vouchers| {
        vouchers.list(|voucher| voucher.choice(&VOUCHERS)).map(Some)
    });
    let trust = read_trust(table, certificates);
    let min_version = optional(table, "min_tls_version", |value| value.choice(&VERSIONS));
    let ciphers = match table.value("ciphers") {
        Some(value) => value.choice(&CIPHERS),
        None => Some(Ciphers::Ncsc),
    };
    let protection = Protection {
        tls: tls?,
        mx_names: mx_names?,
        vouched_by: vouched_by?,
        trust: trust?,
        min_version: min_version?,
        ciphers: ciphers?,
    };
    warn_unvouched(table, &protection, clearance, tls_value.as_ref());
    warn_unenforced(table, &protection);
    Some(protection)
}

/// What is not written is as it is everywhere.
fn optional<'a, T: Default>(
    table: &Table<'a>,
    key: &str,
    read: impl Fn(&Value<'a>) -> Option<T>,
) -> Option<T> {
    table.value(key).map_or_else(|| Some(T::default()), |value| read(&value))
}

fn read_trust(table: &Table<'_>, certificates: &[&str]) -> Option<Trust> {
    match (table.value("trust_anchors"), table.value("pinned_keys")) {
        (None, None) => Some(Trust::System),
        (Some(name), None) => read_anchors(&name, certificates),
        (None, Some(pins)) => {
            pins.list(|pin| pin.parsed::<KeyPin>("domain-pinned-key")).map(Trust::Keys)
        }
        (Some(_), Some(pins)) => {
            let message = "an entry has `trust_anchors` or `pinned_keys`, not both";
            table.faults().error(
                pins.fault("domain-two-trusts", message)
                    .help("keep `pinned_keys` if you know the very keys of its servers"),
            );
            None
        }
    }
}

fn read_anchors(value: &Value<'_>, certificates: &[&str]) -> Option<Trust> {
    let name = value.sentence()?;
    if certificates.contains(&name) {
        return Some(Trust::Anchors(name.to_owned()));
    }
    let message = format!("there is no file `{name}` in the folder of certificates");
    value.faults().error(
        value
            .fault("domain-trust-anchors", message)
            .label("not there")
            .help("put the PEM file into `certs`, beside the folder of policies")
            .help_if_any(did_you_mean(name, certificates)),
    );
    None
}

fn warn_unvouched(
    table: &Table<'_>,
    protection: &Protection,
    clearance: Option<Level>,
    written: Option<&Value<'_>>,
) {
    let named = !protection.mx_names.is_empty()
        || protection.vouched_by.is_some()
        || matches!(protection.trust, Trust::Keys(_));
    let (TlsRequirement::Verified, false, Some(clearance)) = (protection.tls, named, clearance)
    else {
        return;
    };
    let span = written.map_or(table.span(), Value::span);
    table.faults().warning(
        Fault::new(
            "domain-unvouched",
            "`verified` TLS needs somebody who vouches for the MX names, and the entry names nobody",
        )
        .at(span)
        .label(format!(
            "mail up to level {clearance} would wait unless the domain has MTA-STS or DNSSEC"
        ))
        .help("add `mx_names = [\"…\"]`, or say `vouched_by = [\"mta-sts\"]` if the domain has it"),
    );
}

/// Who pins a key expects that no other is taken.
fn warn_unenforced(table: &Table<'_>, protection: &Protection) {
    let written = table.value("trust_anchors").or_else(|| table.value("pinned_keys"));
    let Some(value) = written.filter(|_| protection.tls < TlsRequirement::Verified) else {
        return;
    };
    table.faults().warning(
        value
            .fault(
                "domain-trust-unenforced",
                format!("`{}` is only held to where TLS must be verified", value.key()),
            )
            .label(format!("`{}` TLS takes any certificate", protection.tls))
            .help("write `tls = \"verified\"`, unless a rule asks for it"),
    );
}

/// What says how the journey is protected, and a retired domain has none of.
pub(super) const KEYS: [&str; 7] =
    ["tls", "mx_names", "vouched_by", "trust_anchors", "pinned_keys", "min_tls_version", "ciphers"];

/// `none` is missing: TLS is switched off by operators, for next hops on the
/// same machine, never by an approval.
pub(super) const TLS: [(&str, TlsRequirement); 4] = [
    ("opportunistic", TlsRequirement::Opportunistic),
    ("encrypted", TlsRequirement::Encrypted),
    ("verified", TlsRequirement::Verified),
    ("dane", TlsRequirement::Dane),
];

/// `dane` is the older word for `dnssec`: whoever has TLSA records that count
/// has signed everything else.
const VOUCHERS: [(&str, Voucher); 4] = [
    ("mta-sts", Voucher::MtaSts),
    ("dnssec", Voucher::Dnssec),
    ("dane", Voucher::Dnssec),
    ("route", Voucher::Route),
];

pub(super) const VERSIONS: [(&str, TlsVersion); 2] =
    [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];

const CIPHERS: [(&str, Ciphers); 2] =
    [("ncsc", Ciphers::Ncsc), ("intermediate", Ciphers::Intermediate)];
