//! Every metric, as the registry has it.

use super::text::{Block, Style, run, sentence};
use crate::observe::{MetricDescription, Metrics};

pub(super) fn blocks() -> Vec<Block> {
    let heading = |text: &str| Block::Heading { level: 1, text: text.to_owned() };
    let paragraph = |text: &str| Block::Paragraph(sentence(text));
    let mut blocks = vec![heading("Description"), paragraph(WHERE), heading("Metrics")];
    blocks.extend(described().iter().map(metric));
    blocks.extend([heading("Labels"), paragraph(CLOSED)]);
    blocks.extend(LABELS.iter().map(|(label, says)| Block::Term {
        term: vec![run(Style::Strong, *label)],
        says: sentence(says),
    }));
    blocks
}

/// Nothing that is shipped makes a registry that refuses its own metrics: a
/// gateway would not start.
pub(super) fn described() -> Vec<MetricDescription> {
    Metrics::new().map(|metrics| metrics.described().to_vec()).unwrap_or_default()
}

fn metric(metric: &MetricDescription) -> Block {
    let mut term = vec![run(Style::Strong, &metric.name)];
    if !metric.labels.is_empty() {
        term.push(run(Style::Plain, format!("{{{}}}", metric.labels.join(", "))));
    }
    Block::Term {
        term,
        says: vec![run(Style::Plain, format!("{} ({})", metric.help, metric.kind))],
    }
}

const WHERE: &str = "`GET /metrics` at the address of `[metrics]` in postern.toml, \
                     127.0.0.1:9464 where none is written, in the format of Prometheus. Counters \
                     count from the start of the process; the others say what is at the moment of \
                     the scrape. Times are in seconds, sizes in octets.";

const CLOSED: &str = "What a label may say comes from closed sets: never an address of mail, a \
                      queue id, a subject or anything found in a message.";

/// What each label says.
pub(super) const LABELS: &[(&str, &str)] = &[
    ("act", "on held mail: such as `release` or `reject`"),
    (
        "action",
        "what a person did with a message: `release`, `reject`, `retry`, `exempt`, `redirect`, `bounce`",
    ),
    ("answer", "of whoever was asked: `yes`, `no`, or that none was had"),
    (
        "arm",
        "of a trial: `canary` for senders whom the new version decides for, `before` for the rest",
    ),
    (
        "certificate",
        "of deliveries what its certificate was found to be, `valid`, `dane`, `pinned`, `unchecked`, `invalid` or `absent`; of listeners its first name",
    ),
    (
        "change",
        "of a destination: that it died, was tried in vain (`trial_failed`), answered again",
    ),
    ("commit", "of git, where the policies are a checkout"),
    ("destination_class", "`local`, `approved` or `internet`"),
    ("direction", "`inbound`: from outside; `outbound`: from our mailboxes"),
    ("disposition", "`relay`, `redirect`, `defer`, `hold` or `reject`"),
    ("dns", "what DNS publishes of a key"),
    ("during", "what the spool was doing: `accept`, `record` or `read`"),
    ("kind", "of a finding, a notice or an act: a name of the closed set it is one of"),
    ("level", "0 to 4, as policy.toml names them"),
    ("listener", "its name in postern.toml"),
    ("mechanism", "of AUTH, such as `SCRAM-SHA-256`"),
    ("mode", "of a rule: `enforce` or `observe`"),
    ("outcome", "what came of it: of attempts `delivered`, `transient` or `permanent`"),
    ("reason", "why, in a word of a closed set; `none` where there was no failure"),
    (
        "requirement",
        "the TLS that was needed: `none`, `opportunistic`, `encrypted`, `verified`, `dane`",
    ),
    ("result", "what came of it"),
    ("reuse", "whether a connection was open already"),
    ("rule", "its name in rules.toml or organisations/"),
    ("source", "who knows recipients: a file, a directory, the next hop"),
    ("state", "of what is counted, such as `active` or `held` of messages"),
    (
        "step",
        "of a version of the policies: proposed, approved, refused, tried, live, returned from",
    ),
    ("tls_version", "such as `1.3`; `none` without TLS"),
    ("version", "of the program, or of the policies: twelve hexadecimal digits"),
    ("way", "how a TLS report went: by mail or by HTTPS"),
    ("what", "octets of what: `live` messages, or the `disk` they stand on"),
];
