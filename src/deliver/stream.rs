//! The octets under a session: in clear, or encrypted once the handshake is
//! made.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

pub(super) enum Stream {
    Clear(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
    /// In the middle of a handshake, or after one that failed.
    None,
}

impl Stream {
    pub(super) async fn write(&mut self, pieces: &mut Pieces) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write_buf(pieces).await,
            Self::Encrypted(stream) => stream.write_buf(pieces).await,
            Self::None => Err(gone()),
        }
    }

    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer).await,
            Self::Encrypted(stream) => stream.read(buffer).await,
            Self::None => Err(gone()),
        }
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush().await,
            Self::Encrypted(stream) => stream.flush().await,
            Self::None => Err(gone()),
        }
    }

    pub(super) async fn shutdown(&mut self) {
        async fn end(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
            // Nothing depends on how a finished connection closes.
            let _ = tokio::time::timeout(LAST_WORDS, stream.shutdown()).await;
        }
        match self {
            Self::Clear(stream) => end(stream).await,
            Self::Encrypted(stream) => end(stream).await,
            Self::None => {}
        }
    }
}

fn gone() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

/// Pieces written with as few calls as the socket takes, uncopied.
pub(super) struct Pieces(VecDeque<Bytes>);

impl From<Vec<Bytes>> for Pieces {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self(pieces.into())
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.iter().find(|piece| !piece.is_empty()).map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.0.iter().filter(|piece| !piece.is_empty());
        let filled = slices.iter_mut().zip(pieces);
        filled.map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(piece) = self.0.front_mut() {
            if count < piece.len() {
                piece.advance(count);
                return;
            }
            count -= piece.len();
            self.0.pop_front();
        }
    }
}

/// For what a peer may have to say when it is over.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);
