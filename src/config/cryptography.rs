//! The lists of cipher suites and groups that `ciphers` names, for the side
//! that listens and the side that delivers alike.

use rustls::{
    SupportedCipherSuite,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{
            cipher_suite::{
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256,
                TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
            },
            default_provider,
            kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768},
        },
    },
};

use crate::mail::Ciphers;

/// Of a TLS server or client that may use these and no others.
pub fn cryptography(ciphers: Ciphers) -> CryptoProvider {
    let (suites, groups) = match ciphers {
        Ciphers::Intermediate => (INTERMEDIATE, INTERMEDIATE_GROUPS),
        Ciphers::Ncsc => (NCSC, NCSC_GROUPS),
    };
    CryptoProvider {
        cipher_suites: suites.to_vec(),
        kx_groups: groups.to_vec(),
        ..default_provider()
    }
}

/// Mozilla's intermediate configuration, version 5.7, without its finite-field
/// Diffie-Hellman, which rustls does not have.
const INTERMEDIATE: &[SupportedCipherSuite] = &[
    TLS13_AES_128_GCM_SHA256,
    TLS13_AES_256_GCM_SHA384,
    TLS13_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// The hybrid first: what is recorded today must not be read by the quantum
/// computers of a patient's lifetime.
const INTERMEDIATE_GROUPS: &[&dyn SupportedKxGroup] =
    &[X25519MLKEM768, X25519, SECP256R1, SECP384R1];

/// What the NCSC's "Using TLS to protect data" recommends: ECDHE over these
/// curves, AES-GCM. The order, the longer key first, is ours.
const NCSC: &[SupportedCipherSuite] = &[
    TLS13_AES_256_GCM_SHA384,
    TLS13_AES_128_GCM_SHA256,
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
];
const NCSC_GROUPS: &[&dyn SupportedKxGroup] = &[SECP256R1, SECP384R1, X25519];
