//! `[node]`: the gateway itself, its folders, and what it gives up.

use std::path::PathBuf;

use crate::mail::Domain;

#[derive(Clone, Debug)]
pub struct Node {
    /// In the banner, EHLO, Received and Authentication-Results.
    pub name: Domain,
    pub data_dir: PathBuf,
    pub policies: PathBuf,
    /// The domains whose mailboxes stand behind this gateway.
    pub local_domains: Vec<Domain>,
    /// The Unix socket on which `postern queue` and the like talk to it.
    pub control_socket: PathBuf,
    /// Its members may use that socket beside root and the gateway's own
    /// account: a name in /etc/group, or a number.
    pub control_group: Option<String>,
    /// The secret that marks messages which have been through; made at the
    /// first start where there is none, and the same on all nodes.
    pub passage_key: PathBuf,
    /// Whom a gateway that is started as root becomes, once it has its sockets.
    pub user: Option<String>,
    pub confinement: Confinement,
}

/// Whether the gateway gives up the files and system calls it has no need of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confinement {
    /// It does not start where that cannot be done.
    Required,
    /// As far as the kernel, or the container, allows.
    #[default]
    BestEffort,
    Off,
}
