//! A provider for the tests: TLS over a real socket, keys of its own, and
//! answers by path, as the test has them.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::tests::settings;
use crate::config::OpenId;

/// A key of one kind, to sign tokens with.
pub(super) enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

pub(super) fn encoded(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

impl Key {
    pub(super) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encoded(&point[1..33]), encoded(&point[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid })
            }
            Self::Ed(pair) => {
                let x = encoded(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid })
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = encoded(public.modulus().big_endian_without_leading_zero());
                let e = encoded(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": e, "kid": kid })
            }
        }
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!(
            "{}.{}",
            encoded(header.to_string().as_bytes()),
            encoded(claims.to_string().as_bytes())
        );
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let way: &dyn RsaEncoding = match header["alg"].as_str().unwrap() {
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(way, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", encoded(&signature))
    }
}

/// What is answered at a path.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Status, media type and body.
    Whole(&'static str, &'static str, String),
    /// To another place.
    Elsewhere(String),
    /// A body shorter than it is said to be.
    CutShort,
    /// A body of more than anybody wants.
    Endless,
    Silence,
}

/// One that answers well until it is told otherwise.
pub(super) struct Peer {
    pub(super) issuer: String,
    pub(super) key: Key,
    replies: Arc<Mutex<HashMap<&'static str, Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
    anchors: PathBuf,
    _directory: tempfile::TempDir,
}

impl Peer {
    pub(super) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let anchors = directory.path().join("ca.pem");
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(&anchors, certified.cert.pem()).unwrap();
        let chain = vec![CertificateDer::from(certified.cert.der().to_vec())];
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Self {
            issuer: format!("https://{}", listener.local_addr().unwrap()),
            key: Key::ec(),
            replies: Arc::default(),
            asked: Arc::default(),
            anchors,
            _directory: directory,
        };
        let (replies, asked) = (Arc::clone(&peer.replies), Arc::clone(&peer.asked));
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), replies, asked));
        peer.says(METADATA, &peer.metadata());
        peer.says(KEYS, &json!({ "keys": [peer.key.jwk("a")] }));
        peer.gives(&peer.token(&peer.claims()));
        peer
    }

    /// Whoever trusts it, as a client without a secret.
    pub(super) fn settings(&self) -> OpenId {
        let trust_anchors = Some(self.anchors.clone());
        OpenId { issuer: self.issuer.parse().unwrap(), trust_anchors, ..settings() }
    }

    pub(super) fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at(TOKEN),
            "jwks_uri": at(KEYS),
            "userinfo_endpoint": at(USER_INFO),
        })
    }

    /// All that is asked of somebody.
    pub(super) fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": self.issuer, "aud": "postern", "sub": "1", "nonce": NONCE,
            "iat": now, "exp": now + 300,
            "preferred_username": "jane", "roles": ["officers"], "ods": "RXX",
        })
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        self.key.sign(&json!({ "alg": "ES256", "kid": "a" }), claims)
    }

    /// For any code.
    pub(super) fn gives(&self, id_token: &str) {
        let tokens = json!({ "id_token": id_token, "access_token": "t", "token_type": "Bearer" });
        self.says(TOKEN, &tokens);
    }

    pub(super) fn says(&self, path: &'static str, what: &Value) {
        self.replies(path, Reply::Whole("200 OK", "application/json", what.to_string()));
    }

    pub(super) fn replies(&self, path: &'static str, reply: Reply) {
        self.replies.lock().unwrap().insert(path, reply);
    }

    /// The requests for a path, whole.
    pub(super) fn asked(&self, path: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let is_for = |request: &&String| request.split(' ').nth(1) == Some(path);
        asked.iter().filter(is_for).cloned().collect()
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    replies: Arc<Mutex<HashMap<&'static str, Reply>>>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, replies, asked) = (tls.clone(), Arc::clone(&replies), Arc::clone(&asked));
        tokio::spawn(async move {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let Some(request) = request(&mut stream).await else { return };
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            asked.lock().unwrap().push(request);
            let reply = replies.lock().unwrap().get(path.as_str()).cloned();
            let head = |status: &str, fields: &str, length: usize| {
                format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n")
            };
            let json = "Content-Type: application/json\r\n";
            let answer = match reply {
                None => head("404 Not Found", "", 0),
                Some(Reply::Whole(status, kind, body)) => {
                    head(status, &format!("Content-Type: {kind}\r\n"), body.len()) + &body
                }
                Some(Reply::Elsewhere(to)) => {
                    head("302 Found", &format!("{json}Location: {to}\r\n"), 0)
                }
                Some(Reply::CutShort) => head("200 OK", json, 100) + "{}",
                Some(Reply::Endless) => {
                    let _ =
                        stream.write_all(head("200 OK", json, usize::MAX >> 2).as_bytes()).await;
                    while stream.write_all(&[b' '; 8_192]).await.is_ok() {}
                    return;
                }
                Some(Reply::Silence) => return std::future::pending().await,
            };
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        });
    }
}

/// Head and body; none where it ends before.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = String::new();
    let mut piece = [0; 2_048];
    loop {
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        request.push_str(std::str::from_utf8(&piece[..length]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let lengths = head.lines().filter_map(|line| line.strip_prefix("content-length: "));
        let expected: usize = lengths.map(|length| length.parse::<usize>().unwrap()).sum();
        if body.len() >= expected {
            return Some(request);
        }
    }
}

pub(super) const METADATA: &str = "/.well-known/openid-configuration";
pub(super) const KEYS: &str = "/keys";
pub(super) const TOKEN: &str = "/token";
pub(super) const USER_INFO: &str = "/me";
pub(super) const NONCE: &str = "n";
