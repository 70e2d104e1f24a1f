//! The SASL mechanisms, as AUTH carries them (RFC 4954): PLAIN (RFC 4616),
//! LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256 (`scram`) and EXTERNAL
//! (RFC 4422 appendix A). Owns the exchange up to the claim; whether it is
//! good is for others to say.
//!
//! Nobody may act for another, whatever the mechanism.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    complaint::Complaint,
    scram::{Challenge, ClientFirst, Outcome, Proof},
};
use crate::mail::Origin;

/// A claim to an identity.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials {
    Password {
        user: String,
        password: Password,
    },
    /// SCRAM: the session has checked the proof against the user's verifier.
    Scram {
        user: String,
        proof: Proof,
    },
    /// EXTERNAL: the sending system whose certificate the listener has
    /// verified.
    Certificate {
        name: String,
    },
}

/// Never shown, by accident or otherwise.
#[derive(PartialEq, Eq)]
pub struct Password(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    Login,
    ScramSha256,
    External,
}

/// What the client is expected to send next.
#[derive(Debug)]
pub(super) enum Exchange {
    Plain,
    LoginUser,
    LoginPassword {
        user: String,
    },
    ScramFirst,
    ScramLast(Box<Challenge>),
    /// Both sides have proven themselves; the client says nothing more.
    ScramEnd {
        identity: String,
    },
    External {
        name: String,
    },
}

#[derive(Debug)]
pub(super) enum Turn {
    /// To be sent after 334, and what then is expected.
    Challenge(String, Exchange),
    /// What it takes to go on with this user must be asked for.
    Verifier(ClientFirst),
    Claim(Claim),
    /// All has been said and answered.
    Done {
        identity: String,
    },
}

/// Who the client says it is, and what it is told before it is believed.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) mechanism: Mechanism,
    pub(super) credentials: Credentials,
    /// Without the 334: SCRAM's server proves itself, too.
    pub(super) server_final: Option<String>,
}

impl Mechanism {
    /// In the order in which EHLO has them. Devices that take the first they
    /// know mostly know the first two only.
    pub(super) const ALL: [Self; 4] = [Self::Plain, Self::Login, Self::ScramSha256, Self::External];

    /// As IANA has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::External => "EXTERNAL",
        }
    }

    /// The server's first turn, after AUTH with or without an initial response.
    pub(super) fn begin(
        self,
        initial_response: Option<&str>,
        origin: &Origin,
    ) -> Result<Turn, Complaint> {
        let (challenge, exchange) = match self {
            Self::Plain => ("", Exchange::Plain),
            Self::Login => (USER_CHALLENGE, Exchange::LoginUser),
            Self::ScramSha256 => ("", Exchange::ScramFirst),
            Self::External => {
                let name = origin.certified.clone().ok_or(Complaint::SaslMechanism)?;
                ("", Exchange::External { name })
            }
        };
        match initial_response {
            None => Ok(Turn::Challenge(challenge.to_owned(), exchange)),
            // RFC 4954 section 4: `=` stands for an empty response.
            Some("=") => exchange.respond(""),
            // And nothing else does.
            Some("") => Err(Complaint::SaslEncoding),
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
            Self::Plain => plain(&text).map(|claim| claim.made_by(Mechanism::Plain)),
            Self::LoginUser if is_prepared(&text) => {
                let exchange = Self::LoginPassword { user: text };
                Ok(Turn::Challenge(PASSWORD_CHALLENGE.to_owned(), exchange))
            }
            Self::LoginPassword { user } if is_prepared(&text) => {
                let password = Password(text);
                Ok(Credentials::Password { user, password }.made_by(Mechanism::Login))
            }
            Self::ScramFirst => ClientFirst::parse(&text).map(Turn::Verifier),
            Self::ScramLast(challenge) => challenge.respond(&text).map(Turn::from),
            Self::ScramEnd { identity } if text.is_empty() => Ok(Turn::Done { identity }),
            Self::External { name } => match text.is_empty() || text == name {
                true => Ok(Credentials::Certificate { name }.made_by(Mechanism::External)),
                false => Err(Complaint::SaslIdentity),
            },
            Self::LoginUser | Self::LoginPassword { .. } | Self::ScramEnd { .. } => {
                Err(Complaint::SaslEncoding)
            }
        }
    }

    /// SCRAM goes on, now that the user's verifier is known.
    pub(super) fn scram(challenge: Challenge) -> (String, Self) {
        (BASE64.encode(challenge.message()), Self::ScramLast(Box::new(challenge)))
    }
}

impl Credentials {
    fn made_by(self, mechanism: Mechanism) -> Turn {
        Turn::Claim(Claim { mechanism, credentials: self, server_final: None })
    }
}

impl From<Outcome> for Turn {
    fn from(Outcome { user, proof, server_final }: Outcome) -> Self {
        Self::Claim(Claim {
            mechanism: Mechanism::ScramSha256,
            credentials: Credentials::Scram { user, proof },
            server_final: Some(BASE64.encode(server_final)),
        })
    }
}

/// `[authzid] NUL authcid NUL password`.
fn plain(message: &str) -> Result<Credentials, Complaint> {
    let mut fields = message.split('\0');
    let mut field = || fields.next().ok_or(Complaint::SaslEncoding);
    let (authorisation, user, password) = (field()?, field()?, field()?);
    if fields.next().is_some() || !is_prepared(user) || !is_prepared(password) {
        return Err(Complaint::SaslEncoding);
    }
    if !authorisation.is_empty() && authorisation != user {
        return Err(Complaint::SaslIdentity);
    }
    let password = Password(password.to_owned());
    Ok(Credentials::Password { user: user.to_owned(), password })
}

/// As much of SASLprep (RFC 4013) as guards us: what it prohibits of control
/// characters. Normalising (NFKC) is left out: names and passwords are the
/// very characters that `postern user add` was given.
fn is_prepared(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn decode(response: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(response).ok()?).ok()
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

    fn plain_of(message: &str) -> Result<Credentials, Complaint> {
        plain(message)
    }

    #[test]
    fn nobody_acts_for_another() {
        assert!(plain_of("\0lab\0secret").is_ok());
        assert!(plain_of("lab\0lab\0secret").is_ok());
        assert_eq!(plain_of("chief\0lab\0secret"), Err(Complaint::SaslIdentity));
        let external = |text: &str| {
            Exchange::External { name: "lab".to_owned() }.respond(&BASE64.encode(text))
        };
        assert!(matches!(external(""), Ok(Turn::Claim(_))));
        assert!(matches!(external("lab"), Ok(Turn::Claim(_))));
        assert!(matches!(external("chief"), Err(Complaint::SaslIdentity)));
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        for wrong in ["", "lab", "\0lab", "\0\0secret", "\0lab\0", "\0lab\0a\0b", "\0l\tb\0x"] {
            assert_eq!(plain_of(wrong), Err(Complaint::SaslEncoding), "{wrong:?} was accepted");
        }
        assert!(Exchange::Plain.respond("not base64!").is_err());
        assert!(Exchange::Plain.respond("/w==").is_err(), "not UTF-8");
    }

    #[test]
    fn a_password_is_not_shown() {
        let credentials = plain_of("\0lab\0secret").unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
