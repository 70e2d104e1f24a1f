//! The PROXY protocol, versions 1 and 2: who has connected to the balancer in
//! front of us. Refuses connections without a whole and sound header.

use std::{io, net::SocketAddr};

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::{io::AsyncReadExt, net::TcpStream};

/// Reads the header and not one octet more, since a TLS handshake may follow.
/// None is a connection of the balancer's own, such as a health check.
pub(super) async fn read_header(tcp: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = Vec::new();
    loop {
        let mut window = [0; WINDOW];
        let seen = tcp.peek(&mut window).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let before = header.len();
        header.extend_from_slice(window.get(..seen).unwrap_or_default());
        match client(&header) {
            Ok((client, length)) => {
                consume(tcp, length.saturating_sub(before)).await?;
                return Ok(client);
            }
            // All of it belongs to the header, which is longer still.
            Err(Error::BufferTooShort) if header.len() < MAX_HEADER => consume(tcp, seen).await?,
            Err(_) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn client(header: &[u8]) -> Result<(Option<SocketAddr>, usize), Error> {
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    let (header, length) = ProxyHeader::parse(header, config)?;
    match header.proxied_address() {
        None => Ok((None, length)),
        Some(address) if address.protocol == Protocol::Stream => Ok((Some(address.source), length)),
        Some(_) => Err(Error::Invalid),
    }
}

async fn consume(tcp: &mut TcpStream, mut octets: usize) -> io::Result<()> {
    let mut scrap = [0; WINDOW];
    while octets > 0 {
        let piece = scrap.get_mut(..octets.min(WINDOW)).unwrap_or_default();
        octets -= tcp.read_exact(piece).await?;
    }
    Ok(())
}

/// Holds every header of version 1, and of version 2 without long extras.
const WINDOW: usize = 256;
const MAX_HEADER: usize = 4_096;

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    /// Sends each piece on its own; gives the client found and what follows.
    async fn read(pieces: &[&[u8]]) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut far = TcpStream::connect(listener.local_addr()?).await?;
        far.set_nodelay(true)?;
        let (mut near, _) = listener.accept().await?;
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let sender = tokio::spawn(async move {
            for piece in pieces {
                far.write_all(&piece).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        });
        let client = read_header(&mut near).await;
        sender.await.unwrap();
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await?;
        Ok((client?, rest))
    }

    fn version_2() -> Vec<u8> {
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        header.extend_from_slice(&[192, 0, 2, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 25]);
        header
    }

    #[tokio::test]
    async fn headers_of_both_versions_name_the_client_and_nothing_after_them_is_lost() {
        let v1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 12345 25\r\n";
        let wanted = Some("192.0.2.7:12345".parse().unwrap());
        for header in [v1.to_vec(), version_2()] {
            let whole = [&header[..], b"EHLO x\r\n"].concat();
            let (client, rest) = read(&[&whole]).await.unwrap();
            assert_eq!((client, &rest[..]), (wanted, &b"EHLO x\r\n"[..]));
            for cut in [1, 14, 20] {
                let (client, rest) = read(&[&whole[..cut], &whole[cut..]]).await.unwrap();
                assert_eq!((client, &rest[..]), (wanted, &b"EHLO x\r\n"[..]), "cut at {cut}");
            }
        }
    }

    /// `command` is 0x20 for LOCAL, 0x21 for PROXY; `family` and transport as
    /// the specification has them.
    fn version_2_with(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
    }

    const IPV4: &[u8] = &[192, 0, 2, 7, 192, 0, 2, 1, 0x30, 0x39, 0, 25];

    #[tokio::test]
    async fn a_header_may_come_an_octet_at_a_time() {
        for header in [b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 25\r\n".to_vec(), version_2()] {
            let whole = [&header[..], b"EHLO x\r\n"].concat();
            let octets: Vec<&[u8]> = whole.chunks(1).collect();
            let (client, rest) = read(&octets).await.unwrap();
            assert_eq!(client.map(|client| client.port()), Some(12_345));
            assert_eq!(rest, b"EHLO x\r\n");
        }
    }

    #[tokio::test]
    async fn what_else_a_balancer_says_is_passed_over() {
        // PP2_TYPE_AUTHORITY, and 600 octets of nothing (PP2_TYPE_NOOP).
        let extras = [&[0x02, 0, 2, b'm', b'x', 0x04, 2, 88][..], &[0; 600]].concat();
        let header = version_2_with(0x21, 0x11, &[IPV4, &extras].concat());
        let whole = [&header[..], b"EHLO x\r\n"].concat();
        let (client, rest) = read(&[&whole]).await.unwrap();
        assert_eq!((client, &rest[..]), ("192.0.2.7:12345".parse().ok(), &b"EHLO x\r\n"[..]));
    }

    #[tokio::test]
    async fn the_balancers_own_connections_name_nobody() {
        let unknown = b"PROXY UNKNOWN\r\n".to_vec();
        let with_addresses = b"PROXY UNKNOWN 192.0.2.7 192.0.2.1 1 2\r\n".to_vec();
        let local = version_2_with(0x20, 0, b"");
        let local_with_addresses = version_2_with(0x20, 0x11, IPV4);
        let unspecified = version_2_with(0x21, 0, b"");
        for header in [unknown, with_addresses, local, local_with_addresses, unspecified] {
            let (client, rest) = read(&[&header, b"QUIT\r\n"]).await.unwrap();
            assert_eq!((client, &rest[..]), (None, &b"QUIT\r\n"[..]), "{}", header.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_connection_without_a_sound_header_is_refused() {
        for wrong in [
            b"EHLO client.example\r\n".to_vec(),
            b"PROXY TCP4 x y 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 192.0.2.1 1 65536\r\n".to_vec(),
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n".to_vec(),
            b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n".to_vec(),
            [b"PROXY TCP4 ", &[b'1'; 5_000][..]].concat(),
            // Over UDP; of an unknown version, command and family.
            version_2_with(0x21, 0x12, IPV4),
            version_2_with(0x11, 0x11, IPV4),
            version_2_with(0x22, 0x11, IPV4),
            version_2_with(0x21, 0x41, IPV4),
            // Too short for its addresses; longer than any that is borne with.
            version_2_with(0x21, 0x11, &IPV4[..11]),
            version_2_with(0x21, 0x11, &[IPV4, &[0x04, 0x10, 0][..], &[0; 5_000]].concat()),
        ] {
            assert!(read(&[&wrong]).await.is_err(), "{}", wrong.escape_ascii());
        }
    }
}
