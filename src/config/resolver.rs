//! Who is asked for names, and whether what they say is proved: `[dns]`, as
//! the resolver library wants it. How patient to be is for those who ask.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::dnssec::TrustAnchors,
};

/// `[dns]`.
#[derive(Clone, Debug, Default)]
pub struct Dns {
    /// Empty for the system's own.
    pub servers: Vec<SocketAddr>,
    /// For the names of next hops.
    pub dnssec: Dnssec,
    /// DNSKEY records, as in a zone file; none for the root's, as built in.
    pub trust_anchors: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dnssec {
    /// What its owner has signed must be as its owner has signed it.
    #[default]
    Validate,
    /// All answers are believed, and none vouches for anything.
    Off,
}

#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    #[error("the resolver cannot be set up: {0}")]
    Net(#[from] NetError),
    #[error("the DNSSEC trust anchors in {path}: {cause}", path = path.display())]
    TrustAnchors { path: PathBuf, cause: String },
}

impl Dns {
    /// Whether names could be proved with the anchors that are named.
    pub fn check_trust_anchors(&self) -> Result<(), ResolverError> {
        match (self.dnssec, &self.trust_anchors) {
            (Dnssec::Validate, Some(path)) => trust_anchors(path).map(drop),
            _ => Ok(()),
        }
    }
}

/// Asks these servers only, over UDP and TCP; the system's own if there are
/// none.
pub fn resolver(servers: &[SocketAddr]) -> Result<ResolverBuilder<TokioRuntimeProvider>, NetError> {
    if servers.is_empty() {
        return TokioResolver::builder_tokio();
    }
    let servers = servers.iter().map(|server| {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        connections.iter_mut().for_each(|connection| connection.port = server.port());
        NameServerConfig::new(server.ip(), true, connections)
    });
    let config = ResolverConfig::from_parts(None, vec![], servers.collect());
    Ok(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
}

/// Likewise, and proves what it is told where `dns` asks for that.
pub fn proving_resolver(dns: &Dns) -> Result<TokioResolver, ResolverError> {
    let mut builder = resolver(&dns.servers)?;
    let options = builder.options_mut();
    options.edns0 = true;
    // Each alias is looked at for its own proof.
    options.preserve_intermediates = true;
    // Over TCP, where answers with keys and signatures go; deliveries are many.
    options.max_active_requests = 1_024;
    options.validate = dns.dnssec == Dnssec::Validate;
    if let (Dnssec::Validate, Some(path)) = (dns.dnssec, &dns.trust_anchors) {
        builder = builder.with_trust_anchor(Arc::new(trust_anchors(path)?));
    }
    Ok(builder.build()?)
}

fn trust_anchors(path: &std::path::Path) -> Result<TrustAnchors, ResolverError> {
    let wrong = |cause: String| ResolverError::TrustAnchors { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let anchors: TrustAnchors = text.parse().map_err(|error| wrong(format!("{error}")))?;
    if anchors.is_empty() {
        // Every name is proved from the root down.
        return Err(wrong("there is no DNSKEY record of the root".to_owned()));
    }
    Ok(anchors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TrustAnchors, ResolverError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        trust_anchors(file.path())
    }

    const KEY: &str = "DNSKEY 257 3 13 \
        mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";

    #[test]
    fn a_key_of_the_root_is_a_trust_anchor() {
        assert_eq!(read(&format!(". 3600 IN {KEY}\n")).unwrap().len(), 1);
    }

    #[test]
    fn trust_anchors_that_cannot_prove_anything_are_a_fault() {
        for wrong in ["", "nonsense\n", &format!("example. 3600 IN {KEY}\n")] {
            assert!(read(wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
