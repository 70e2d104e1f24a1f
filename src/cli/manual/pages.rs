//! The pages there are.

use super::{
    metrics, reference,
    text::{Block, read},
};

pub(super) struct Page {
    /// As `postern manual` knows it.
    pub(super) name: &'static str,
    /// Of the manual: 5 for files, 7 for what is explained.
    pub(super) section: u8,
    pub(super) about: &'static str,
    source: Source,
}

enum Source {
    Written(&'static str),
    Made(fn() -> Vec<Block>),
}

impl Page {
    pub(super) fn man_name(&self) -> String {
        match self.name {
            "postern.toml" => self.name.to_owned(),
            name => format!("postern-{name}"),
        }
    }

    /// Below the folder of manuals.
    pub(super) fn file(&self) -> String {
        format!("man{section}/{}.{section}", self.man_name(), section = self.section)
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        match self.source {
            Source::Written(text) => markdown(text),
            Source::Made(make) => make(),
        }
    }
}

/// Each is read by a test: what cannot be read is not shipped.
pub(super) fn markdown(text: &str) -> Vec<Block> {
    read(text).unwrap_or_default()
}

const fn written(name: &'static str, about: &'static str, text: &'static str) -> Page {
    Page { name, section: 7, about, source: Source::Written(text) }
}

pub(super) const PAGES: &[Page] = &[
    Page {
        name: "postern.toml",
        section: 5,
        about: "every setting of the gateway",
        source: Source::Made(reference::configuration),
    },
    Page {
        name: "policies",
        section: 5,
        about: "every key of the officers' files",
        source: Source::Made(reference::policies),
    },
    Page {
        name: "metrics",
        section: 7,
        about: "every metric, with its labels",
        source: Source::Made(metrics::blocks),
    },
    written("officers", "the security officers' guide", include_str!("officers.md")),
    written("runbooks", "what to do at each alert", include_str!("runbooks.md")),
    written(
        "exchange-online",
        "between Exchange Online and the world",
        include_str!("exchange-online.md"),
    ),
    written("openid", "signing in to the console with a provider", include_str!("openid.md")),
    written("load-balancer", "behind a load balancer", include_str!("load-balancer.md")),
    written("logs", "log lines and the audit trail, by name", include_str!("logs.md")),
    written("upgrades", "versions, formats, and what is retired", include_str!("upgrades.md")),
    written("threats", "the threat model", include_str!("threats.md")),
    written(
        "hazards",
        "hazards to patients, for the clinical safety case",
        include_str!("hazards.md"),
    ),
];
