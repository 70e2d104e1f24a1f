//! What a gateway needs of its machine, as its postern.toml says: the
//! addresses it listens on, and the files it may use.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    config::{Config, SOCKET_OF_CONSOLE, SOCKET_OF_METRICS},
    mail::NextHop,
    service::Files,
};

use super::keys::credentials_directory;

/// Every address that is listened on, by the name that a socket handed down
/// for it has.
pub fn addresses(config: &Config) -> Vec<(&str, SocketAddr)> {
    let listeners =
        config.listeners.iter().map(|listener| (listener.name.as_str(), listener.address));
    let console = config.console.as_ref().map(|console| (SOCKET_OF_CONSOLE, console.address));
    listeners.chain([(SOCKET_OF_METRICS, config.metrics)]).chain(console).collect()
}

/// The files that a gateway with this configuration uses, of which `program`
/// is the binary and `file` the postern.toml.
pub fn files(config: &Config, file: &Path, program: &Path) -> Files {
    let node = &config.node;
    // Folders: what is reloaded is put in the old one's place.
    let folders = config.paths.iter().chain([&node.passage_key]).filter_map(|path| path.parent());
    let mut read: Vec<PathBuf> = folders.map(Path::to_owned).collect();
    read.extend(file.parent().map(Path::to_owned));
    read.extend(config.paths.iter().cloned());
    // git's own files, for the commit that a policy's folder is at.
    let policies = std::fs::canonicalize(&node.policies).unwrap_or(node.policies.clone());
    let checkout = policies.ancestors().find(|above| above.join(".git").exists());
    read.extend(checkout.map(Path::to_owned));
    read.push(policies);
    read.extend(credentials_directory());
    read.extend(SYSTEM.iter().map(PathBuf::from));

    let mut write = vec![node.data_dir.clone(), "/dev/null".into()];
    write.extend(node.control_socket.parent().map(Path::to_owned));
    if !node.passage_key.exists() {
        write.extend(node.passage_key.parent().map(Path::to_owned));
    }
    write.extend(maildirs(config).map(Path::to_owned));

    // A reader is this program, started again.
    let mut run = vec![program.to_owned()];
    run.extend(LIBRARIES.iter().map(PathBuf::from));
    Files { read, run, write }
}

/// The folders that mail is delivered into.
pub fn maildirs(config: &Config) -> impl Iterator<Item = &Path> {
    config.routes.iter().filter_map(|route| match &route.next_hop {
        NextHop::Maildir(path) => Some(path.as_path()),
        _ => None,
    })
}

/// Names, time zones, trust anchors, chance, and what the kernel tells.
const SYSTEM: &[&str] = &[
    "/etc",
    "/run/systemd/resolve",
    "/usr/share",
    "/var/lib/ca-certificates",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
];
const LIBRARIES: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
