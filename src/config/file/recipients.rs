//! `[[recipients]]` and `[[blocklist]]`: what is asked about those who send
//! to us, and those they send to.

use std::time::Duration;

use super::fields::{Reader, domains, duration, optional};
use crate::{
    config::{Blocklist, Directory, DirectoryBind, DirectoryTls, Filter, RecipientSource, Source},
    policy::written::{Table, Value},
};

impl Reader<'_> {
    pub(super) fn recipients(&self, table: &Table<'_>) -> Option<RecipientSource> {
        let domains = table.required("domains").and_then(|value| domains(&value));
        let source = table.required("source").and_then(|value| self.source(table, &value));
        let cache = duration(table, "cache", RecipientSource::CACHE);
        let refusal_cache = duration(table, "refusal_cache", RecipientSource::REFUSAL_CACHE);
        Some(RecipientSource { domains: domains?, source: source?, cache, refusal_cache })
    }

    fn source(&self, table: &Table<'_>, value: &Value<'_>) -> Option<Source> {
        let written = value.string()?;
        let source = match written.split_once(':') {
            _ if written == "next_hop" => Source::NextHop,
            Some(("file", path)) => Source::File(self.rooted(path)),
            Some(("ldap" | "ldaps", _)) => {
                return self.directory(table, value).map(Source::Directory);
            }
            _ => return value.expected("`file:PATH`, `ldap://HOST`, `ldaps://HOST` or `next_hop`"),
        };
        for key in DIRECTORY {
            if let Some(value) = table.value(key) {
                value.invalid::<()>("not-a-directory", "only a directory (ldap://) has this");
            }
        }
        Some(source)
    }

    fn directory(&self, table: &Table<'_>, url: &Value<'_>) -> Option<Directory> {
        let written = url;
        let url = url.parsed("bad-directory");
        let base = table.required("base").and_then(|value| value.string().map(str::to_owned));
        let filter =
            optional(table, "filter", Filter::default(), |value| value.parsed("bad-filter"));
        let start_tls = optional(table, "start_tls", DirectoryTls::AsTheUrlSays, |value| {
            value.either(DirectoryTls::StartTls, DirectoryTls::AsTheUrlSays)
        });
        let trust_anchors =
            optional(table, "trust_anchors", None, |value| self.path(value).map(Some));
        let bind = table.value("bind_dn").and_then(|dn| {
            let dn = dn.sentence().map(str::to_owned);
            let password_file =
                table.required("bind_password_file").and_then(|value| self.path(&value));
            Some(DirectoryBind { dn: dn?, password_file: password_file? })
        });
        let directory =
            Directory { url: url?, start_tls, base: base?, filter, bind, trust_anchors };
        if directory.bind.is_some() && !directory.is_encrypted() && !directory.url.is_local() {
            let why = "the password would go in clear: use `ldaps://`, or `start_tls = true`";
            written.invalid::<()>("password-in-clear", why);
        }
        Some(directory)
    }
}

impl RecipientSource {
    /// How long a yes counts, and a no, where the file does not say.
    pub const CACHE: Duration = Duration::from_secs(60 * 60);
    pub const REFUSAL_CACHE: Duration = Duration::from_secs(5 * 60);
}

pub(super) fn blocklist(table: &Table<'_>) -> Option<Blocklist> {
    let zone = table.required("zone").and_then(|value| value.parsed("bad-domain"));
    let listed = "127.0.0.0/8".parse().ok();
    let answers = optional(table, "answers", listed.into_iter().collect(), |value| {
        value.list(|value| value.parsed("bad-network"))
    });
    Some(Blocklist { zone: zone?, answers })
}

pub(super) const RECIPIENTS: &[&str] = &[
    "domains",
    "source",
    "cache",
    "refusal_cache",
    "start_tls",
    "base",
    "filter",
    "bind_dn",
    "bind_password_file",
    "trust_anchors",
];
/// Of those, what only a directory has.
const DIRECTORY: &[&str] =
    &["start_tls", "base", "filter", "bind_dn", "bind_password_file", "trust_anchors"];
pub(super) const BLOCKLIST: &[&str] = &["zone", "answers"];
