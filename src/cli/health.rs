//! `postern health`: whether the gateway of this machine takes mail, or at
//! least lives, for health checks of containers and for scripts.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::PathBuf,
    time::Duration,
};

use clap::Args;

use super::{exit::Failure, files};

#[derive(Debug, Args)]
pub struct HealthArguments {
    /// postern.toml, which names the metrics address
    #[arg(long, value_name = "FILE", default_value = "/etc/postern/postern.toml")]
    config: PathBuf,
    /// Ask here, and read no postern.toml
    #[arg(long, value_name = "ADDRESS:PORT")]
    address: Option<SocketAddr>,
    /// Ask whether it lives only: a full disk is not mended by another start
    #[arg(long)]
    live: bool,
}

/// Tells what the gateway says. The exit code is 0 where all is well, and 1
/// where it is not or nobody answers.
pub fn health(arguments: &HealthArguments) -> Result<(), Failure> {
    let address = match arguments.address {
        Some(address) => address,
        None => files::configuration(&arguments.config)?.metrics,
    };
    let path = if arguments.live { "/healthz" } else { "/readyz" };
    let said = ask(reachable(address), path, PATIENCE)
        .map_err(|cause| Failure::negative(format!("no gateway answers at {address}: {cause}")))?;
    match said {
        Said { status: 200, words } => writeln!(io::stdout(), "{words}")?,
        Said { words, .. } => return Err(Failure::negative(words)),
    }
    Ok(())
}

/// What listens on every address of the machine is asked on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: u16,
    words: String,
}

/// One GET, to its end. Each step takes `patience` at most.
fn ask(address: SocketAddr, path: &str, patience: Duration) -> io::Result<Said> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    // HTTP/1.0: the answer ends with the connection, and is in one piece.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let not_http = || io::Error::new(io::ErrorKind::InvalidData, "its answer is not HTTP");
    let (head, words) = answer.split_once("\r\n\r\n").ok_or_else(not_http)?;
    let (version, rest) = head.split_once(' ').ok_or_else(not_http)?;
    let status = rest.get(..3).and_then(|status| status.parse().ok());
    match status {
        Some(status) if version.starts_with("HTTP/1.") => {
            Ok(Said { status, words: words.trim_end().to_owned() })
        }
        _ => Err(not_http()),
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_ANSWER: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// What is said of a server that answers so, whatever it is asked.
    fn said_of(answer: &'static str) -> io::Result<Said> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let request = lines.next().unwrap();
            assert!(lines.any(|line| line.is_empty()), "a request ends with an empty line");
            stream.write_all(answer.as_bytes()).unwrap();
            request
        });
        let said = ask(address, "/readyz", PATIENCE);
        assert_eq!(server.join().unwrap(), "GET /readyz HTTP/1.0");
        said
    }

    #[test]
    fn what_a_gateway_says_is_passed_on() {
        let ready = said_of("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n").unwrap();
        assert_eq!(ready, Said { status: 200, words: "ready".into() });
        let full = said_of("HTTP/1.0 503 Service Unavailable\r\n\r\nthe disk is full\n").unwrap();
        assert_eq!(full, Said { status: 503, words: "the disk is full".into() });
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for answer in ["", "220 mx1.example ESMTP\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/2 200\r\n\r\n"]
        {
            assert_eq!(said_of(answer).unwrap_err().kind(), io::ErrorKind::InvalidData, "{answer}");
        }
    }

    #[test]
    fn a_gateway_that_is_silent_or_gone_does_not_answer() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let waited = ask(address, "/readyz", Duration::from_millis(20)).unwrap_err().kind();
        assert!(matches!(waited, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{waited}");
        drop(silent);
        assert!(ask(address, "/readyz", PATIENCE).is_err());
    }

    #[test]
    fn every_address_of_the_machine_is_asked_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:9464", "127.0.0.1:9464"),
            ("[::]:9464", "[::1]:9464"),
            ("10.0.0.25:9464", "10.0.0.25:9464"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
