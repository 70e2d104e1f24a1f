//! The way to a provider, against one that answers as each test has it.

use std::fs;

use serde_json::json;

use super::*;
use crate::console::openid::{
    peer::{KEYS, Key, METADATA, NONCE, Peer, Reply, TOKEN, USER_INFO},
    token::TokenFault,
};

const REDIRECT: &str = "https://gw.example/sign-in/openid/callback";
const JSON: &str = "application/json";

fn provider(peer: &Peer) -> Provider {
    of(peer.settings())
}

fn of(settings: OpenId) -> Provider {
    Provider { patience: Duration::from_secs(30), ..Provider::new(settings).unwrap() }
}

impl Provider {
    /// What is known here was asked for longer ago.
    async fn age(&self, by: Duration) {
        let Known { metadata, keys, renewed, failed } = &mut *self.known.lock().await;
        let times =
            [metadata.as_mut().map(|known| &mut known.1), keys.as_mut().map(|known| &mut known.1)];
        let times = times.into_iter().chain([renewed.as_mut(), failed.as_mut()]).flatten();
        times.for_each(|time| *time = time.checked_sub(by).unwrap());
    }

    /// Whom a code stands for.
    async fn vouch(&self) -> Result<Claims, ProviderError> {
        self.vouch_in_sign_in(NONCE).await
    }

    async fn vouch_in_sign_in(&self, nonce: &str) -> Result<Claims, ProviderError> {
        let metadata = self.metadata().await?;
        self.claims(&metadata, "a code", "v", REDIRECT, nonce).await
    }
}

fn fault<T: std::fmt::Debug>(answer: Result<T, ProviderError>) -> TokenFault {
    match answer {
        Err(ProviderError::Token(fault)) => fault,
        other => panic!("no fault of a token: {other:?}"),
    }
}

/// What a provider may answer that says nothing, and what is told of it.
fn unusable(peer: &Peer) -> Vec<(Reply, &'static str)> {
    let whole = |status, kind, body: &str| Reply::Whole(status, kind, body.to_owned());
    vec![
        (whole("404 Not Found", JSON, "{}"), "127.0.0.1 answers 404 Not Found"),
        (
            whole("500 Internal Server Error", JSON, "{}"),
            "127.0.0.1 answers 500 Internal Server Error",
        ),
        (whole("201 Created", JSON, "{}"), "127.0.0.1 answers 201 Created"),
        (Reply::Elsewhere(format!("{}{KEYS}", peer.issuer)), "127.0.0.1 answers 302 Found"),
        (whole("200 OK", "text/html", "{}"), "127.0.0.1 answers with something else than expected"),
        (Reply::CutShort, "127.0.0.1: its answer: "),
        (Reply::Endless, "127.0.0.1: its answer: length limit exceeded"),
    ]
}

fn is_told<T: std::fmt::Debug>(answer: Result<T, ProviderError>, words: &str) {
    let error = answer.unwrap_err();
    assert!(error.to_string().starts_with(words), "{error}, not {words}");
    assert!(!error.is_about_the_answer(), "{error}: nobody who signs in is at fault");
}

#[tokio::test]
async fn a_code_is_exchanged_once_for_what_the_provider_says_of_somebody() {
    let peer = Peer::start().await;
    let claims = provider(&peer).vouch().await.unwrap();
    assert_eq!((&claims["sub"], &claims["preferred_username"]), (&json!("1"), &json!("jane")));
    let asked = peer.asked(TOKEN);
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        "grant_type=authorization_code&code=a%20code&redirect_uri=\
         https%3A%2F%2Fgw.example%2Fsign-in%2Fopenid%2Fcallback&code_verifier=v&client_id=postern"
    );
    assert!(head.starts_with("POST /token HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(!head.contains("authorization:"), "{head}");
    assert_eq!(peer.asked(USER_INFO), [""; 0], "the token says all");
}

#[tokio::test]
async fn a_secret_is_shown_as_the_provider_takes_it_and_only_while_nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let peer = Peer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "a:b c\n").unwrap();
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    let settings = || OpenId { client_secret: Some(file.clone()), ..peer.settings() };
    mode(0o600);
    for (methods, in_head, in_body) in [
        // `postern:a%3Ab%20c`
        (json!(["client_secret_basic"]), "Basic cG9zdGVybjphJTNBYiUyMGM=\r\n", ""),
        (json!(["client_secret_post"]), "", "&client_id=postern&client_secret=a%3Ab%20c"),
    ] {
        let mut metadata = peer.metadata();
        metadata["token_endpoint_auth_methods_supported"] = methods;
        peer.says(METADATA, &metadata);
        of(settings()).vouch().await.unwrap();
        let request = peer.asked(TOKEN).pop().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(in_head) && body.ends_with(in_body), "{request}");
        assert_eq!(head.contains("authorization:"), !in_head.is_empty(), "{request}");
        assert_eq!(body.contains("secret"), !in_body.is_empty(), "{request}");
    }
    let before = peer.asked(TOKEN).len();
    mode(0o640);
    is_told(of(settings()).vouch().await, "client_secret_file: others on this machine");
    fs::remove_file(&file).unwrap();
    is_told(of(settings()).vouch().await, "client_secret_file: ");
    assert_eq!(peer.asked(TOKEN).len(), before);
}

#[tokio::test]
async fn what_it_says_of_itself_and_its_keys_are_asked_for_once_an_hour() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    for asked in [1, 1, 2, 2] {
        provider.vouch().await.unwrap();
        assert_eq!((peer.asked(METADATA).len(), peer.asked(KEYS).len()), (asked, asked));
        provider.age(KEPT / 2).await;
    }
}

#[tokio::test]
async fn a_provider_that_does_not_say_what_it_is_is_left_alone_for_a_while() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let mut replies = unusable(&peer);
    let mut other = peer.metadata();
    other["issuer"] = json!("https://127.0.0.1");
    let whole = |body: String| Reply::Whole("200 OK", JSON, body);
    replies.push((whole(other.to_string()), "it calls itself otherwise"));
    replies.push((whole("{".to_owned()), "what it says of itself cannot be read"));
    for (number, (reply, words)) in replies.into_iter().enumerate() {
        peer.replies(METADATA, reply);
        is_told(provider.metadata().await, words);
        is_told(provider.metadata().await, "it was not reached a moment ago");
        assert_eq!(peer.asked(METADATA).len(), number + 1, "{words}");
        provider.age(PAUSE).await;
    }
    assert_eq!(peer.asked(KEYS), [""; 0], "nobody is led elsewhere");
    peer.says(METADATA, &peer.metadata());
    assert!(provider.metadata().await.is_ok());
}

#[tokio::test]
async fn what_it_said_of_itself_is_believed_for_as_long_as_it_says_nothing_new() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let said = provider.metadata().await.unwrap();
    provider.age(KEPT).await;
    for reply in [Reply::CutShort, Reply::Whole("200 OK", JSON, "{}".to_owned())] {
        peer.replies(METADATA, reply);
        let before = peer.asked(METADATA).len();
        for _ in 0..2 {
            assert_eq!(provider.metadata().await.unwrap(), said);
        }
        assert_eq!(peer.asked(METADATA).len(), before + 1);
        provider.age(PAUSE).await;
    }
    let mut metadata = peer.metadata();
    metadata["userinfo_endpoint"] = Value::Null;
    peer.says(METADATA, &metadata);
    assert_eq!(provider.metadata().await.unwrap().user_info, None, "which is new");
}

#[tokio::test]
async fn a_silent_provider_is_waited_for_once_for_all() {
    let peer = Peer::start().await;
    let provider = Provider { patience: Duration::from_millis(300), ..provider(&peer) };
    peer.replies(METADATA, Reply::Silence);
    let (one, other) = tokio::join!(provider.metadata(), provider.metadata());
    is_told(one, "127.0.0.1: no answer in time");
    is_told(other, "it was not reached a moment ago");
    assert_eq!(peer.asked(METADATA).len(), 1);
}

#[tokio::test]
async fn a_code_that_comes_to_nothing_is_at_fault_only_where_the_provider_says_so() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let mut replies = unusable(&peer);
    let whole = |status, body: &str| Reply::Whole(status, JSON, body.to_owned());
    replies.extend([
        (whole("401 Unauthorized", r#"{"error":"invalid_client"}"#), "127.0.0.1 answers 401"),
        (whole("200 OK", r#"{"access_token":"t"}"#), "127.0.0.1 answers with something else"),
        (whole("200 OK", r#"{"id_token":7}"#), "127.0.0.1 answers with something else"),
        (whole("200 OK", ""), "127.0.0.1 answers with something else"),
    ]);
    for (reply, words) in replies {
        peer.replies(TOKEN, reply);
        is_told(provider.vouch().await, words);
    }
    peer.replies(TOKEN, whole("400 Bad Request", r#"{"error":"invalid_grant"}"#));
    let refused = provider.vouch().await.unwrap_err();
    assert!(matches!(refused, ProviderError::Code) && refused.is_about_the_answer(), "{refused}");
    assert_eq!(peer.asked(KEYS), [""; 0], "there was no token yet");
}

#[tokio::test]
async fn a_token_is_of_this_issuer_client_and_sign_in() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    for (name, value, expected) in [
        ("iss", json!("https://127.0.0.1"), TokenFault::Issuer),
        ("aud", json!("other"), TokenFault::Audience),
        ("exp", json!(1), TokenFault::Time),
    ] {
        let mut claims = peer.claims();
        claims[name] = value;
        peer.gives(&peer.token(&claims));
        assert_eq!(fault(provider.vouch().await), expected, "{name}");
    }
    peer.gives(&peer.token(&peer.claims()));
    assert_eq!(fault(provider.vouch_in_sign_in("another").await), TokenFault::Nonce);
    peer.gives("no.token");
    assert_eq!(fault(provider.vouch().await), TokenFault::Malformed);
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_proves_nothing() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let stranger = Key::ec();
    let theirs = stranger.jwk("a");
    let url = format!("{}/elsewhere", peer.issuer);
    for (name, value) in [("jwk", theirs), ("jku", json!(url)), ("x5u", json!(url))] {
        let mut header = json!({ "alg": "ES256", "kid": "a" });
        header[name] = value;
        peer.gives(&stranger.sign(&header, &peer.claims()));
        assert_eq!(fault(provider.vouch().await), TokenFault::Signature, "{name}");
    }
    assert_eq!(peer.asked("/elsewhere"), [""; 0]);
}

#[tokio::test]
async fn new_keys_are_taken_up_at_once_but_asked_for_once_a_minute() {
    let peer = Peer::start().await;
    // Of a provider with one key, it need not have a name.
    let unnamed = |key: &Key| {
        let mut jwk = key.jwk("");
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    for named in [true, false] {
        let provider = provider(&peer);
        let signs_with = |key: &Key, kid: &str| {
            let (jwk, header) = match named {
                true => (key.jwk(kid), json!({ "alg": "ES256", "kid": kid })),
                false => (unnamed(key), json!({ "alg": "ES256" })),
            };
            peer.says(KEYS, &json!({ "keys": [jwk] }));
            peer.gives(&key.sign(&header, &peer.claims()));
        };
        let asked = || peer.asked(KEYS).len();
        let before = asked();
        signs_with(&Key::ec(), "a");
        provider.vouch().await.unwrap();
        assert_eq!(asked(), before + 1);
        signs_with(&Key::ec(), "b");
        provider.vouch().await.unwrap();
        assert_eq!(asked(), before + 2, "named: {named}");
        signs_with(&Key::ec(), "c");
        for _ in 0..3 {
            let refused = provider.vouch().await;
            assert!(matches!(refused, Err(ProviderError::Token(_))), "{refused:?}");
        }
        assert_eq!(asked(), before + 2, "named: {named}");
        provider.age(RENEWAL).await;
        provider.vouch().await.unwrap();
        assert_eq!(asked(), before + 3, "named: {named}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_or_read_make_nobody_anybody() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let mut replies = unusable(&peer);
    for unreadable in ["", "[]", r#"{"keys":{}}"#, "{}"] {
        let whole = Reply::Whole("200 OK", JSON, unreadable.to_owned());
        replies.push((whole, "127.0.0.1 answers with something else than expected"));
    }
    for (reply, words) in replies {
        peer.replies(KEYS, reply);
        is_told(provider.vouch().await, words);
    }
    // A provider of no keys, or of kinds that nobody knows, has signed nothing.
    for none in [json!([]), json!([7, { "kty": "new" }, { "kty": "EC", "crv": "P-256" }])] {
        peer.says(KEYS, &json!({ "keys": none }));
        assert_eq!(fault(provider.vouch().await), TokenFault::UnknownKey);
        provider.age(KEPT).await;
    }
    peer.says(KEYS, &json!({ "keys": [7, { "kty": "new" }, peer.key.jwk("a")] }));
    provider.vouch().await.unwrap();
}

#[tokio::test]
async fn keys_of_an_hour_ago_prove_nothing_where_the_provider_has_no_others() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    provider.vouch().await.unwrap();
    peer.replies(KEYS, Reply::CutShort);
    provider.vouch().await.unwrap();
    provider.age(KEPT).await;
    is_told(provider.vouch().await, "127.0.0.1: its answer: ");
}

#[tokio::test]
async fn of_a_hundred_keys_no_more_are_looked_at() {
    let peer = Peer::start().await;
    let other = Key::ec();
    let keys = |before: usize| {
        let others = (0..before).map(|number| other.jwk(&format!("other-{number}")));
        json!({ "keys": others.chain([peer.key.jwk("a")]).collect::<Vec<_>>() })
    };
    peer.says(KEYS, &keys(99));
    provider(&peer).vouch().await.unwrap();
    peer.says(KEYS, &keys(100));
    assert_eq!(fault(provider(&peer).vouch().await), TokenFault::UnknownKey);
}

#[tokio::test]
async fn what_the_token_does_not_say_the_user_info_may_but_it_takes_nothing_back() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let mut claims = peer.claims();
    claims.as_object_mut().unwrap().remove("roles");
    peer.gives(&peer.token(&claims));
    peer.says(
        USER_INFO,
        &json!({ "sub": "1", "roles": ["approvers"], "preferred_username": "boss", "ods": "ALL" }),
    );
    let claims = provider.vouch().await.unwrap();
    assert_eq!(claims["roles"], json!(["approvers"]));
    assert_eq!((&claims["preferred_username"], &claims["ods"]), (&json!("jane"), &json!("RXX")));
    let asked = peer.asked(USER_INFO);
    assert!(asked.len() == 1 && asked[0].contains("authorization: Bearer t\r\n"), "{asked:?}");
}

#[tokio::test]
async fn user_info_of_nobody_or_of_somebody_else_signs_nobody_in() {
    let peer = Peer::start().await;
    let provider = provider(&peer);
    let mut claims = peer.claims();
    claims.as_object_mut().unwrap().remove("roles");
    peer.gives(&peer.token(&claims));
    for about in [json!("2"), json!(1), Value::Null] {
        peer.says(USER_INFO, &json!({ "sub": about, "roles": ["officers"] }));
        let refused = provider.vouch().await.unwrap_err();
        assert!(matches!(refused, ProviderError::OtherSubject), "{about}: {refused}");
        assert!(refused.is_about_the_answer());
    }
    peer.says(USER_INFO, &json!({ "roles": ["officers"] }));
    assert!(matches!(provider.vouch().await, Err(ProviderError::OtherSubject)));
    let mut replies = unusable(&peer);
    replies.push((
        Reply::Whole("200 OK", JSON, "[]".to_owned()),
        "127.0.0.1 answers with something else than expected",
    ));
    for (reply, words) in replies {
        peer.replies(USER_INFO, reply);
        is_told(provider.vouch().await, words);
    }
}
