//! Listening sockets that are there before the gateway is: handed down by
//! systemd (sd_listen_fds(3)), each named as its listener in postern.toml is,
//! or bound here while this is still root.

use std::{
    collections::BTreeMap,
    env, io,
    net::{SocketAddr, TcpListener},
};

use listenfd::ListenFd;
use nix::sys::socket::{Backlog, listen};

/// By the names of listeners, `metrics` and `console`.
#[derive(Debug, Default)]
pub struct Sockets(BTreeMap<String, TcpListener>);

#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("the socket `{name}` that systemd hands down: {cause}")]
    Inherited { name: String, cause: io::Error },
    #[error("systemd hands down two sockets named `{0}`: a listener has one address")]
    Twice(String),
    #[error("{name} cannot have {address}: {cause}")]
    Bind { name: String, address: SocketAddr, cause: io::Error },
}

impl Sockets {
    /// What systemd hands down; nothing where it has not started this.
    pub fn inherited() -> Result<Self, SocketError> {
        // `from_env` takes the variables out, and the names with them.
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut handed = ListenFd::from_env();
        let mut names = names.split(':').filter(|name| !name.is_empty());
        let mut sockets = BTreeMap::new();
        for index in 0..handed.len() {
            let name = names.next().unwrap_or("unknown").to_owned();
            let taken = handed.take_tcp_listener(index).and_then(|socket| {
                let socket = socket.ok_or(io::ErrorKind::NotConnected)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            let socket =
                taken.map_err(|cause| SocketError::Inherited { name: name.clone(), cause })?;
            if sockets.insert(name.clone(), socket).is_some() {
                return Err(SocketError::Twice(name));
            }
        }
        Ok(Self(sockets))
    }

    /// Binds what is not there yet.
    pub fn bind(&mut self, name: &str, address: SocketAddr) -> Result<(), SocketError> {
        if self.0.contains_key(name) {
            return Ok(());
        }
        let bound = TcpListener::bind(address).and_then(|socket| {
            socket.set_nonblocking(true)?;
            // More than the 128 that the standard library asks for.
            listen(&socket, Backlog::new(BACKLOG)?)?;
            Ok(socket)
        });
        let socket =
            bound.map_err(|cause| SocketError::Bind { name: name.to_owned(), address, cause })?;
        self.0.insert(name.to_owned(), socket);
        Ok(())
    }

    pub fn take(&mut self, name: &str) -> Option<TcpListener> {
        self.0.remove(name)
    }

    /// Those nobody has taken: their names stand in no postern.toml.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Connections that wait to be accepted, where the system allows as many.
const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_taken_once_and_one_that_is_there_is_not_bound_again() {
        let mut sockets = Sockets::default();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        sockets.bind("mailboxes", any).unwrap();
        let bound = sockets.take("mailboxes").unwrap();
        let address = bound.local_addr().unwrap();
        let taken = sockets.bind("mailboxes", address).unwrap_err();
        assert!(taken.to_string().starts_with("mailboxes cannot have 127.0.0.1"), "{taken}");
        sockets.0.insert("mailboxes".to_owned(), bound);
        sockets.bind("mailboxes", address).unwrap();
        assert_eq!(sockets.names().collect::<Vec<_>>(), ["mailboxes"]);
    }
}
