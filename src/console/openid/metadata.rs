//! What a provider says of itself, at an address that follows from its name
//! (OpenID Connect Discovery 1.0 section 4).

use serde::Deserialize;

use crate::config::{HttpsUrl, OpenId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization: HttpsUrl,
    pub(super) token: HttpsUrl,
    pub(super) keys: HttpsUrl,
    pub(super) user_info: Option<HttpsUrl>,
    /// Where people sign out (RP-Initiated Logout 1.0).
    pub(super) end_session: Option<HttpsUrl>,
    pub(super) authentication: ClientAuthentication,
    answers: Answers,
}

/// How a client with a secret shows it (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientAuthentication {
    Basic,
    Post,
}

/// Whether its answers say whose they are (RFC 9207).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Signed,
    PerhapsSigned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum MetadataFault {
    #[error("what it says of itself cannot be read")]
    Unreadable,
    #[error("it calls itself otherwise than `issuer` does")]
    Issuer,
    #[error("its `{0}` is no https:// address")]
    Address(&'static str),
    #[error("it takes a secret neither as client_secret_basic nor as client_secret_post")]
    Authentication,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Where it stands.
    pub(super) fn address(issuer: &HttpsUrl) -> Result<HttpsUrl, MetadataFault> {
        let issuer = issuer.as_str().trim_end_matches('/');
        address("issuer", &format!("{issuer}/.well-known/openid-configuration"))
    }

    pub(super) fn read(document: &[u8], settings: &OpenId) -> Result<Self, MetadataFault> {
        let document: Document =
            serde_json::from_slice(document).map_err(|_| MetadataFault::Unreadable)?;
        if document.issuer != settings.issuer.as_str() {
            return Err(MetadataFault::Issuer);
        }
        let optional = |name, written: Option<String>| {
            written.map(|written| address(name, &written)).transpose()
        };
        let methods = document.token_endpoint_auth_methods_supported;
        Ok(Self {
            authorization: address("authorization_endpoint", &document.authorization_endpoint)?,
            token: address("token_endpoint", &document.token_endpoint)?,
            keys: address("jwks_uri", &document.jwks_uri)?,
            user_info: optional("userinfo_endpoint", document.userinfo_endpoint)?,
            end_session: optional("end_session_endpoint", document.end_session_endpoint)?,
            authentication: match settings.client_secret {
                Some(_) => ClientAuthentication::one_of(methods.as_deref())?,
                None => ClientAuthentication::Post,
            },
            answers: match document.authorization_response_iss_parameter_supported {
                true => Answers::Signed,
                false => Answers::PerhapsSigned,
            },
        })
    }

    /// Whether an answer that says this of its issuer can be the provider's:
    /// one of another is a mix-up, perhaps a wilful one.
    pub(super) fn is_answer_of(&self, issuer: &HttpsUrl, said: Option<&str>) -> bool {
        match said {
            Some(said) => said == issuer.as_str(),
            None => self.answers == Answers::PerhapsSigned,
        }
    }
}

impl ClientAuthentication {
    /// Basic where nothing is said.
    fn one_of(methods: Option<&[String]>) -> Result<Self, MetadataFault> {
        let takes = |method: &str| {
            methods.is_none_or(|methods| methods.iter().any(|taken| taken == method))
        };
        match () {
            () if takes("client_secret_basic") => Ok(Self::Basic),
            () if takes("client_secret_post") => Ok(Self::Post),
            () => Err(MetadataFault::Authentication),
        }
    }
}

fn address(name: &'static str, written: &str) -> Result<HttpsUrl, MetadataFault> {
    written.parse().map_err(|_| MetadataFault::Address(name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::console::openid::tests::settings;

    fn document() -> Value {
        json!({
            "issuer": "https://login.example",
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://token.example/token",
            "jwks_uri": "https://login.example/keys",
        })
    }

    fn read(name: &str, value: Value) -> Result<Metadata, MetadataFault> {
        let mut document = document();
        document[name] = value;
        let secret = Some("secret".into());
        Metadata::read(
            document.to_string().as_bytes(),
            &OpenId { client_secret: secret, ..settings() },
        )
    }

    #[test]
    fn it_stands_below_the_issuer() {
        for issuer in ["https://login.example/tenant", "https://login.example/tenant/"] {
            let address = Metadata::address(&issuer.parse().unwrap()).unwrap();
            let expected = "https://login.example/tenant/.well-known/openid-configuration";
            assert_eq!(address.as_str(), expected);
        }
    }

    #[test]
    fn a_provider_that_calls_itself_otherwise_or_is_reached_in_clear_is_not_asked() {
        for (name, value, fault) in [
            ("issuer", json!("https://login.example/"), MetadataFault::Issuer),
            ("issuer", json!("https://{tenant}.example"), MetadataFault::Issuer),
            (
                "token_endpoint",
                json!("http://token.example"),
                MetadataFault::Address("token_endpoint"),
            ),
            ("jwks_uri", json!("//login.example"), MetadataFault::Address("jwks_uri")),
            (
                "userinfo_endpoint",
                json!("javascript:x"),
                MetadataFault::Address("userinfo_endpoint"),
            ),
            ("authorization_endpoint", Value::Null, MetadataFault::Unreadable),
        ] {
            assert_eq!(read(name, value), Err(fault), "{name}");
        }
    }

    #[test]
    fn a_secret_is_shown_as_the_provider_takes_it() {
        let method = "token_endpoint_auth_methods_supported";
        let shown = |value: Value| read(method, value).map(|metadata| metadata.authentication);
        assert_eq!(shown(Value::Null), Ok(ClientAuthentication::Basic));
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert_eq!(shown(both), Ok(ClientAuthentication::Basic));
        assert_eq!(shown(json!(["client_secret_post"])), Ok(ClientAuthentication::Post));
        assert_eq!(shown(json!(["private_key_jwt"])), Err(MetadataFault::Authentication));
    }

    #[test]
    fn an_answer_of_another_provider_is_none_of_ours() {
        let issuer = settings().issuer;
        let signed = "authorization_response_iss_parameter_supported";
        for says in [false, true] {
            let metadata = read(signed, json!(says)).unwrap();
            assert!(metadata.is_answer_of(&issuer, Some("https://login.example")));
            assert!(!metadata.is_answer_of(&issuer, Some("https://other.example")));
            assert_eq!(metadata.is_answer_of(&issuer, None), !says);
        }
    }
}
