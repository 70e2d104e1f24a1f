//! SASL PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login), as AUTH
//! carries them (RFC 4954). Owns the exchange up to the credentials; whether
//! they are good is for others to say.

use std::{fmt, num::NonZeroU32};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::complaint::Complaint;

/// A claim to an identity.
#[derive(Debug, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: Password,
}

/// What it takes to check a proof of knowing a password, and not to know it
/// (RFC 5802 section 3; SHA-256).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramVerifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

/// Never shown, by accident or otherwise.
#[derive(PartialEq, Eq)]
pub struct Password(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Login,
}

/// What the client is expected to send next.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginUser,
    LoginPassword { user: String },
}

#[derive(Debug)]
pub(super) enum Turn {
    /// To be sent after 334, and what then is expected.
    Challenge(&'static str, Exchange),
    Done(Credentials),
}

impl Mechanism {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            _ if name.eq_ignore_ascii_case("PLAIN") => Some(Self::Plain),
            _ if name.eq_ignore_ascii_case("LOGIN") => Some(Self::Login),
            _ => None,
        }
    }

    /// The server's first turn, after AUTH with or without an initial response.
    pub(super) fn begin(self, initial_response: Option<&str>) -> Result<Turn, Complaint> {
        let (challenge, exchange) = match self {
            Self::Plain => ("", Exchange::Plain),
            Self::Login => (USER_CHALLENGE, Exchange::LoginUser),
        };
        match initial_response {
            None => Ok(Turn::Challenge(challenge, exchange)),
            // RFC 4954 section 4: `=` stands for an empty response.
            Some("=") => exchange.respond(""),
            Some(response) => exchange.respond(response),
        }
    }
}

impl Exchange {
    /// Takes the client's response, in base64 and without its line end.
    pub(super) fn respond(self, response: &str) -> Result<Turn, Complaint> {
        if response == "*" {
            return Err(Complaint::SaslCancelled);
        }
        let text = decode(response).ok_or(Complaint::SaslEncoding)?;
        match self {
            Self::Plain => plain(&text).ok_or(Complaint::SaslEncoding).map(Turn::Done),
            Self::LoginUser => {
                Ok(Turn::Challenge(PASSWORD_CHALLENGE, Self::LoginPassword { user: text }))
            }
            Self::LoginPassword { user } => {
                Ok(Turn::Done(Credentials { user, password: Password(text) }))
            }
        }
    }
}

/// `[authzid] NUL authcid NUL password`. Nobody may act for another here.
fn plain(message: &str) -> Option<Credentials> {
    let mut fields = message.split('\0');
    let (authorisation, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    let for_itself = authorisation.is_empty() || authorisation == user;
    if !for_itself || user.is_empty() || fields.next().is_some() {
        return None;
    }
    Some(Credentials { user: user.to_owned(), password: Password(password.to_owned()) })
}

fn decode(response: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(response).ok()?).ok()
}

impl Password {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(password)")
    }
}

/// `Username:` and `Password:`.
const USER_CHALLENGE: &str = "VXNlcm5hbWU6";
const PASSWORD_CHALLENGE: &str = "UGFzc3dvcmQ6";

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(message: &str) -> Result<Turn, Complaint> {
        Mechanism::Plain.begin(Some(&STANDARD.encode(message)))
    }

    #[test]
    fn nobody_acts_for_another() {
        assert!(matches!(plain_of("\0lab\0secret"), Ok(Turn::Done(_))));
        assert!(matches!(plain_of("lab\0lab\0secret"), Ok(Turn::Done(_))));
        assert!(plain_of("chief\0lab\0secret").is_err());
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        for wrong in ["", "lab", "\0lab", "\0\0secret", "\0lab\0secret\0more"] {
            assert!(plain_of(wrong).is_err(), "{wrong:?} was accepted");
        }
        assert!(Mechanism::Plain.begin(Some("not base64!")).is_err());
        assert!(Mechanism::Plain.begin(Some("/w==")).is_err(), "not UTF-8");
    }

    #[test]
    fn a_password_is_not_shown() {
        let Ok(Turn::Done(credentials)) = plain_of("\0lab\0secret") else { panic!("refused") };
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
