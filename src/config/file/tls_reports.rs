//! `[tls_reports]`: who tells other domains of their TLS. Nobody is told
//! where the table is not written.

use super::fields::{Reader, optional};
use crate::{
    config::{SigningKey, TlsReporting},
    mail::{Address, Domain},
    policy::written::Table,
};

impl Reader<'_> {
    pub(super) fn tls_reports(
        &self,
        root: &Table<'_>,
        signing: &[SigningKey],
    ) -> Option<TlsReporting> {
        let table = root.value("tls_reports")?.table("[tls_reports]", KEYS)?;
        let organisation = table.required("organisation").and_then(|value| value.sentence());
        let contact = table.required("contact").and_then(|value| value.parsed("bad-address"));
        let from = table.required("from").and_then(|value| {
            let from: Address = value.parsed("bad-address")?;
            match is_signed(from.domain(), signing) {
                true => Some(from),
                false => {
                    let domain = from.domain();
                    let why = format!(
                        "receivers ignore reports without a DKIM signature, and no [[signing.key]] is for {domain}"
                    );
                    value.invalid("unsigned-reports", why)
                }
            }
        });
        let trust_anchors =
            optional(&table, "trust_anchors", None, |value| self.path(value).map(Some));
        Some(TlsReporting {
            organisation: organisation?.to_owned(),
            contact: contact?,
            from: from?,
            trust_anchors,
        })
    }
}

/// By a key for the domain itself, or for one above it.
fn is_signed(domain: &Domain, signing: &[SigningKey]) -> bool {
    signing.iter().any(|key| key.domain == *domain || domain.is_below(&key.domain))
}

const KEYS: &[&str] = &["organisation", "contact", "from", "trust_anchors"];
