//! ID tokens: whether one is from our provider, for us, for this sign-in, and
//! of now (OpenID Connect Core 1.0 section 3.1.3.7).
//!
//! Only signatures that a public key proves are looked at: with HS256 our own
//! secret, or a public key taken for one, could sign. Keys come from the
//! provider's own set, never from the token.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde_json::Value;

use super::claims::Claims;

/// What a token must say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenFault {
    #[error("an ID token that is none")]
    Malformed,
    #[error("an ID token signed in a way that proves nothing")]
    Algorithm,
    /// Perhaps of keys that are new since we asked for them.
    #[error("an ID token signed with a key that is not the provider's")]
    UnknownKey,
    #[error("an ID token whose signature is wrong")]
    Signature,
    #[error("an ID token of another issuer")]
    Issuer,
    #[error("an ID token for another client")]
    Audience,
    #[error("an ID token of another sign-in")]
    Nonce,
    #[error("an ID token that has expired, or is not good yet")]
    Time,
    #[error("an ID token about nobody")]
    Subject,
}

/// What the token says, if it can be believed.
pub(super) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
) -> Result<Claims, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
    if !ALGORITHMS.contains(&header.alg) || header.crit.is_some() {
        return Err(TokenFault::Algorithm);
    }
    let key = DecodingKey::from_jwk(key(&header, keys)?).map_err(|_| TokenFault::UnknownKey)?;
    let mut signature_only = Validation::new(header.alg);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    let claims: Claims =
        decode(token, &key, &signature_only).map_err(|_| TokenFault::Signature)?.claims;
    check(&claims, expected)?;
    Ok(claims)
}

/// The one of that name; of a provider with a single key, that.
fn key<'k>(header: &Header, keys: &'k [Jwk]) -> Result<&'k Jwk, TokenFault> {
    let mut fitting = keys.iter().filter(|key| fits(key, header.alg));
    match &header.kid {
        Some(kid) => fitting.find(|key| key.common.key_id.as_ref() == Some(kid)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
    .ok_or(TokenFault::UnknownKey)
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::*;
    let is_of_kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => {
            matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512)
        }
        AlgorithmParameters::EllipticCurve(curve) => matches!(
            (&curve.curve, algorithm),
            (EllipticCurve::P256, ES256) | (EllipticCurve::P384, ES384)
        ),
        AlgorithmParameters::OctetKeyPair(pair) => {
            pair.curve == EllipticCurve::Ed25519 && algorithm == EdDSA
        }
        _ => false,
    };
    let is_for_signatures =
        key.common.public_key_use.as_ref().is_none_or(|meant| *meant == PublicKeyUse::Signature);
    let named = key.common.key_algorithm.map(|named| named.to_string());
    is_of_kind && is_for_signatures && named.is_none_or(|named| named == format!("{algorithm:?}"))
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenFault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenFault::Issuer);
    }
    if !is_for(claims, expected.client_id) {
        return Err(TokenFault::Audience);
    }
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenFault::Nonce);
    }
    if !is_of_now(claims, expected.now) {
        return Err(TokenFault::Time);
    }
    match text("sub").is_some_and(|subject| (1..=LONGEST_SUBJECT).contains(&subject.len())) {
        true => Ok(()),
        false => Err(TokenFault::Subject),
    }
}

/// For us; where it is for others too, they must have got it for us.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let party = claims.get("azp");
    let is_ours = |value: &Value| value.as_str() == Some(client_id);
    let is_meant = match claims.get("aud") {
        Some(Value::Array(audience)) => {
            audience.iter().any(is_ours) && (audience.len() == 1 || party.is_some())
        }
        Some(audience) => is_ours(audience),
        None => false,
    };
    is_meant && party.is_none_or(is_ours)
}

/// Clocks may differ a little. A sign-in takes minutes, so its token is young.
fn is_of_now(claims: &Claims, now: i64) -> bool {
    let moment = |name: &str| claims.get(name).and_then(seconds);
    let has_begun = |moment: i64| moment <= now.saturating_add(LEEWAY);
    let (Some(expiry), Some(issued)) = (moment("exp"), moment("iat")) else { return false };
    let not_before = claims.get("nbf").is_none_or(|value| seconds(value).is_some_and(has_begun));
    expiry > now.saturating_sub(LEEWAY)
        && has_begun(issued)
        && issued > now.saturating_sub(OLDEST)
        && not_before
}

/// A NumericDate may have a fraction.
fn seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Seconds.
const LEEWAY: i64 = 60;
const OLDEST: i64 = 15 * 60;
/// OpenID Connect Core 1.0 section 2.
const LONGEST_SUBJECT: usize = 255;

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rsa::{KeyPair as RsaKeyPair, KeySize},
        signature::Ed25519KeyPair,
    };
    use serde_json::json;

    use super::*;
    use crate::console::openid::peer::{Key, encoded};

    const NOW: i64 = 1_800_000_000;

    fn good() -> Value {
        json!({
            "iss": "https://login.example", "aud": "postern", "sub": "1", "nonce": "n",
            "iat": NOW - 5, "exp": NOW + 300,
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good();
        claims[name] = value;
        claims
    }

    fn set(keys: &[Value]) -> Vec<Jwk> {
        keys.iter().map(|key| serde_json::from_value(key.clone()).unwrap()).collect()
    }

    fn verified(token: &str, keys: &[Jwk]) -> Result<Claims, TokenFault> {
        let (issuer, client_id, nonce) = ("https://login.example", "postern", "n");
        verify(token, keys, &Expected { issuer, client_id, nonce, now: NOW })
    }

    #[test]
    fn a_token_of_ours_is_believed_in_each_algorithm() {
        let rsa = || Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        for (algorithm, key) in [
            ("ES256", Key::ec()),
            ("EdDSA", Key::Ed(Ed25519KeyPair::generate().unwrap())),
            ("RS256", rsa()),
            ("PS256", rsa()),
        ] {
            let keys = set(&[key.jwk("a")]);
            let token = key.sign(&json!({ "alg": algorithm, "kid": "a" }), &good());
            assert_eq!(verified(&token, &keys).unwrap()["sub"], "1", "{algorithm}");
            let unnamed = key.sign(&json!({ "alg": algorithm }), &good());
            assert!(verified(&unnamed, &keys).is_ok(), "a single key needs no name");
        }
    }

    #[test]
    fn what_the_token_says_must_be_of_this_issuer_client_sign_in_and_time() {
        let key = Key::ec();
        let keys = set(&[key.jwk("a")]);
        let said = |claims: &Value| {
            verified(&key.sign(&json!({ "alg": "ES256", "kid": "a" }), claims), &keys)
        };
        for (name, value, fault) in [
            ("iss", json!("https://login.example/"), TokenFault::Issuer),
            ("iss", json!(["https://login.example"]), TokenFault::Issuer),
            ("iss", Value::Null, TokenFault::Issuer),
            ("aud", json!("other"), TokenFault::Audience),
            ("aud", json!([]), TokenFault::Audience),
            ("aud", json!(["postern", "other"]), TokenFault::Audience),
            ("aud", Value::Null, TokenFault::Audience),
            ("azp", json!("other"), TokenFault::Audience),
            ("nonce", json!("m"), TokenFault::Nonce),
            ("nonce", Value::Null, TokenFault::Nonce),
            ("exp", json!(NOW - 60), TokenFault::Time),
            ("exp", Value::Null, TokenFault::Time),
            ("iat", json!(NOW + 61), TokenFault::Time),
            ("iat", json!(NOW - 15 * 60), TokenFault::Time),
            ("iat", Value::Null, TokenFault::Time),
            ("nbf", json!(NOW + 61), TokenFault::Time),
            ("nbf", json!("soon"), TokenFault::Time),
            ("sub", json!(""), TokenFault::Subject),
            ("sub", json!(7), TokenFault::Subject),
        ] {
            assert_eq!(said(&with(name, value.clone())), Err(fault), "{name}: {value}");
        }
        for (name, value) in [
            ("aud", json!(["postern"])),
            ("azp", json!("postern")),
            ("exp", json!(NOW - 59)),
            ("exp", json!(NOW as f64 + 0.5)),
            ("iat", json!(NOW + 60)),
            ("nbf", json!(NOW)),
        ] {
            assert!(said(&with(name, value.clone())).is_ok(), "{name}: {value}");
        }
        let mut shared = with("aud", json!(["postern", "other"]));
        shared["azp"] = json!("postern");
        assert!(said(&shared).is_ok());
    }

    #[test]
    fn a_signature_is_by_a_key_of_the_provider_in_a_way_that_proves_it() {
        let (key, stranger) = (Key::ec(), Key::ec());
        let keys = set(&[key.jwk("a")]);
        let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
        let es256 = header("ES256", "a");
        assert_eq!(verified(&stranger.sign(&es256, &good()), &keys), Err(TokenFault::Signature));
        let of_other_name = key.sign(&header("ES256", "b"), &good());
        assert_eq!(verified(&of_other_name, &keys), Err(TokenFault::UnknownKey));
        let token = key.sign(&es256, &good());
        let changed = token.replace(
            &encoded(good().to_string().as_bytes()),
            &encoded(with("sub", json!("2")).to_string().as_bytes()),
        );
        assert_ne!(changed, token);
        assert_eq!(verified(&changed, &keys), Err(TokenFault::Signature));
        let two = set(&[key.jwk("a"), stranger.jwk("b")]);
        let unnamed = key.sign(&json!({ "alg": "ES256" }), &good());
        assert_eq!(verified(&unnamed, &two), Err(TokenFault::UnknownKey), "which of them?");
        let critical = key.sign(&json!({ "alg": "ES256", "kid": "a", "crit": ["exp"] }), &good());
        assert_eq!(verified(&critical, &keys), Err(TokenFault::Algorithm));
        assert_eq!(verified("a.b.c", &keys), Err(TokenFault::Malformed));
        assert_eq!(verified("", &keys), Err(TokenFault::Malformed));
    }

    #[test]
    fn nothing_unsigned_and_nothing_that_a_secret_signs_is_believed() {
        let key = Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        let jwk = key.jwk("a");
        let claims = encoded(good().to_string().as_bytes());
        let unsigned = format!("{}.{claims}.", encoded(br#"{"alg":"none","kid":"a"}"#));
        assert_eq!(
            verified(&unsigned, &set(std::slice::from_ref(&jwk))),
            Err(TokenFault::Malformed)
        );
        // The public key, taken for a secret that both sides have.
        let signed = format!("{}.{claims}", encoded(br#"{"alg":"HS256","kid":"a"}"#));
        let secret = jwk["n"].as_str().unwrap().to_owned();
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = aws_lc_rs::hmac::sign(&mac, signed.as_bytes());
        let token = format!("{signed}.{}", encoded(tag.as_ref()));
        assert_eq!(verified(&token, &set(&[jwk])), Err(TokenFault::Algorithm));
        let shared = json!({ "kty": "oct", "k": encoded(secret.as_bytes()), "kid": "a" });
        assert_eq!(verified(&token, &set(&[shared])), Err(TokenFault::Algorithm));
    }

    #[test]
    fn a_key_is_used_for_nothing_but_what_it_is_for() {
        let key = Key::ec();
        let token = key.sign(&json!({ "alg": "ES256", "kid": "a" }), &good());
        let with = |name: &str, value: &str| {
            let mut jwk = key.jwk("a");
            jwk[name] = json!(value);
            verified(&token, &set(&[jwk])).map(|_| ())
        };
        assert_eq!(with("use", "sig"), Ok(()));
        assert_eq!(with("alg", "ES256"), Ok(()));
        assert_eq!(with("use", "enc"), Err(TokenFault::UnknownKey));
        assert_eq!(with("alg", "ES384"), Err(TokenFault::UnknownKey));
        assert_eq!(with("crv", "P-384"), Err(TokenFault::UnknownKey));
    }
}
