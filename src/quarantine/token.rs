//! What a sender's link proves: that we have told them of this message.

use aws_lc_rs::hmac;

use crate::mail::QueueId;

/// The secret behind the links.
pub struct RequestKey(hmac::Key);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret of senders' requests has at least 32 octets, found {0}")]
pub struct RequestKeyError(usize);

impl RequestKey {
    pub fn new(secret: &[u8]) -> Result<Self, RequestKeyError> {
        if secret.len() < LEAST {
            return Err(RequestKeyError(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// `ID-CODE`, fit for a link: the message's id and 128 bits that nobody
    /// else can make.
    pub fn token(&self, id: QueueId) -> String {
        let code = hmac::sign(&self.0, &signed(id));
        let code: String =
            code.as_ref().iter().take(OCTETS).map(|octet| format!("{octet:02x}")).collect();
        format!("{id}-{code}")
    }

    /// The message that a token is for.
    pub fn message(&self, token: &str) -> Option<QueueId> {
        let (id, _) = token.split_once('-')?;
        let id: QueueId = id.parse().ok()?;
        let expected = self.token(id);
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), token.as_bytes())
            .ok()
            .map(|()| id)
    }
}

fn signed(id: QueueId) -> Vec<u8> {
    format!("Postern release request\n{id}").into_bytes()
}

const LEAST: usize = 32;
/// Of the code.
const OCTETS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_message_and_made_by_us_alone() {
        let (ours, theirs) =
            (RequestKey::new(&[1; 32]).unwrap(), RequestKey::new(&[2; 32]).unwrap());
        let (id, other) = (QueueId::at(1000, 1), QueueId::at(1000, 2));
        let token = ours.token(id);
        assert_eq!(ours.message(&token), Some(id));
        let (_, code) = token.split_once('-').unwrap();
        for forged in [
            theirs.token(id),
            format!("{other}-{code}"),
            format!("{id}-"),
            format!("{token}0"),
            token.to_uppercase(),
            String::new(),
        ] {
            assert_eq!(ours.message(&forged), None, "{forged}");
        }
        assert!(RequestKey::new(&[1; 31]).is_err());
    }
}
