//! What tests of several parts of the gateway need.

use std::{path::Path, sync::Arc};

use crate::{config::Config, policy::diagnostics::SourceFile};

/// A gateway's with `data` and `policies` in a folder, and `more` in its
/// postern.toml.
pub(super) fn config(home: &Path, more: &str) -> Config {
    let text = format!(
        "[node]\nname = \"gw.test.example\"\ndata_dir = \"{0}/data\"\npolicies = \"{0}/policies\"\n\
         [spool]\nephemeral = \"allow\"\n[[listener]]\nname = \"m\"\naddress = \"127.0.0.1:0\"\n\
         direction = \"outbound\"\ntls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n{more}",
        home.display()
    );
    let path = home.join("postern.toml").display().to_string();
    let (config, faults) = Config::read(&Arc::new(SourceFile { path, text }));
    config.unwrap_or_else(|| panic!("{faults:?}"))
}
