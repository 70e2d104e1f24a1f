//! What `postern check` says of the machine that `[node]` counts on: its
//! accounts, its groups, and where the passage key is to be.

use std::sync::Arc;

use crate::{
    config::{Config, Place},
    gateway::{check_passage_key, group_number},
    policy::{
        diagnostics::{Diagnostics, Severity, SourceFile},
        written::Fault,
    },
    service::check_account,
};

/// Each of them keeps the gateway from starting.
pub(super) fn faults(config: &Config, postern_toml: &Arc<SourceFile>) -> Diagnostics {
    let node = &config.node;
    let mut faults = Diagnostics::default();
    let mut add = |key, label: &str, fault: Fault| {
        let fault = match Place::Section("node").of(postern_toml, key) {
            Some(span) => fault.at(span).label(label),
            None => fault,
        };
        faults.push(fault.of(postern_toml, Severity::Error));
    };
    if let Some(Err(why)) = node.user.as_deref().map(check_account) {
        let help = "name an account of the gateway's own (`useradd --system postern`)";
        add(
            "user",
            "no account for a gateway",
            Fault::new("node-user-unusable", why.to_string()).help(help),
        );
    }
    if let Some(Err(why)) = node.control_group.as_deref().map(group_number) {
        let help = "name a group of /etc/group, or a number (`groupadd --system postern`)";
        add(
            "control_group",
            "no such group",
            Fault::new("control-group-unknown", why.to_string()).help(help),
        );
    }
    if let Err(why) = check_passage_key(node) {
        let help = "name a file in a folder that is there: the first start makes the key";
        add(
            "passage_key",
            "no key is there, or can be",
            Fault::new("passage-key-unusable", why.to_string()).help(help),
        );
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostics::Diagnostic;

    /// What is said of a `[node]` with this line more: the code, and the text
    /// that is underlined.
    fn told(line: &str) -> Vec<(&'static str, String)> {
        let text = format!(
            "[node]\nname = \"mx1.example\"\ndata_dir = \"/nonexistent/data\"\npolicies = \"p\"\n\
             {line}\n[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n\
             direction = \"inbound\"\ntls = \"none\"\n\
             [[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n"
        );
        let file = Arc::new(SourceFile { path: "/etc/postern/postern.toml".to_owned(), text });
        let config = Config::read(&file).0.unwrap();
        let underlined = |one: &Diagnostic| file.text.get(one.span.clone().unwrap()).unwrap();
        let told = faults(&config, &file);
        told.iter().map(|one| (one.code, underlined(one).to_owned())).collect()
    }

    #[test]
    fn what_is_not_written_needs_nothing_of_the_machine() {
        assert_eq!(told(""), []);
    }

    #[test]
    fn an_account_that_is_none_or_is_root_is_a_fault() {
        for wrong in ["\"no such account\"", "\"root\""] {
            let expected = ("node-user-unusable", wrong.to_owned());
            assert_eq!(told(&format!("user = {wrong}")), [expected]);
        }
        assert_eq!(told("user = \"nobody\""), []);
    }

    #[test]
    fn a_group_that_is_none_is_a_fault() {
        let expected = ("control-group-unknown", "\"no such group\"".to_owned());
        assert_eq!(told("control_group = \"no such group\""), [expected]);
        assert_eq!(told("control_group = \"root\""), []);
        assert_eq!(told("control_group = \"4711\""), []);
    }

    #[test]
    fn a_passage_key_that_cannot_be_read_or_made_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let told_of = |path: &std::path::Path| {
            let told = told(&format!("passage_key = \"{}\"", path.display()));
            told.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        let path = folder.path().join("passage.key");
        assert_eq!(told_of(&path), [""; 0]);
        assert!(!path.exists(), "whoever asks makes no key");
        assert_eq!(told_of(&folder.path().join("none/passage.key")), ["passage-key-unusable"]);
        std::fs::write(&path, "short").unwrap();
        assert_eq!(told_of(&path), ["passage-key-unusable"]);
        std::fs::write(&path, [7; 64]).unwrap();
        assert_eq!(told_of(&path), [""; 0]);
        // Those above the folder of data are made with it.
        assert_eq!(told_of("/nonexistent/passage.key".as_ref()), [""; 0]);
    }
}
