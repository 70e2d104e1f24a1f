//! `[tls_reports]`: who tells other domains of their TLS. Nobody is told
//! where the table is not written.

use super::fields::{Reader, optional};
use crate::{
    config::{KeyState, SigningKey, TlsReporting},
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

/// By an active key for the domain itself, or for one above it.
fn is_signed(domain: &Domain, signing: &[SigningKey]) -> bool {
    let mut active = signing.iter().filter(|key| key.state == KeyState::Active);
    active.any(|key| key.domain == *domain || domain.is_below(&key.domain))
}

const KEYS: &[&str] = &["organisation", "contact", "from", "trust_anchors"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        config::{Config, TlsReporting},
        policy::diagnostics::SourceFile,
    };

    const REST: &str = r#"
        [node]
        name = "mx1.example.nhs.uk"
        data_dir = "data"
        policies = "policies"
        [[listener]]
        name = "mailboxes"
        address = "0.0.0.0:2525"
        direction = "outbound"
        tls = "none"
        [[route]]
        domain = "*"
        next_hop = "mx"
        [[signing.key]]
        domain = "example.nhs.uk"
        selector = "s1"
        file = "dkim.key"
    "#;

    fn read(table: &str) -> Result<Option<TlsReporting>, String> {
        let text = format!("{REST}\n{table}");
        let file = Arc::new(SourceFile { path: "postern.toml".to_owned(), text });
        let (config, faults) = Config::read(&file);
        config.map(|config| config.tls_reports).ok_or_else(|| format!("{faults:?}"))
    }

    fn table(from: &str) -> String {
        format!(
            "[tls_reports]\norganisation = \"X\"\ncontact = \"a@b.example\"\nfrom = \"{from}\"\n"
        )
    }

    #[test]
    fn nobody_is_told_where_nothing_is_written() {
        assert_eq!(read(""), Ok(None));
        let written = read(&table("tls@mx1.example.nhs.uk")).unwrap().unwrap();
        assert_eq!(written.organisation, "X");
    }

    #[test]
    fn reports_that_nobody_would_believe_are_a_fault() {
        let fault = read(&table("tls@elsewhere.example")).unwrap_err();
        assert!(fault.contains("unsigned-reports"), "{fault}");
        assert!(read("[tls_reports]\norganisation = \"X\"\n").is_err());
    }
}
