//! Admission: who may bring mail, from whom and for whom. Answers what a
//! session asks on the way to the content.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    reception::{Processor, refused},
    strangers::Strangers,
};
use crate::{
    authenticate::Authenticator,
    config::{Users, Verdict as Password, Verifier},
    listen::{Reception, Verdict},
    mail::{Direction, Envelope, Origin, Recipient, Refusal, Submission},
    smtp::server::{Credentials, Proof, Refused, ScramVerifier},
};

/// What one listener asks.
pub(super) struct Desk {
    /// The listener's name.
    pub(super) listener: String,
    pub(super) users: Arc<Users>,
    /// Absent where senders are not looked at.
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) strangers: Arc<Strangers>,
    pub(super) processor: Arc<Processor>,
    /// Places in the pool for messages that would keep an IO thread too long.
    pub(super) pool: Arc<Semaphore>,
}

impl Reception for Desk {
    async fn sender(&self, _: &Origin, _: &Envelope) -> Result<(), Refused> {
        Ok(())
    }

    async fn recipient(
        &self,
        origin: &Origin,
        _: &Envelope,
        recipient: &Recipient,
    ) -> Result<(), Refused> {
        match origin.direction {
            Direction::Inbound => self.strangers.admit(origin, &recipient.address).await,
            Direction::Outbound => Ok(()),
        }
    }

    async fn authenticate(&self, _: &Origin, credentials: &Credentials) -> Result<String, Refused> {
        let identity = match credentials {
            Credentials::Password { user, password } => {
                match self.users.verify(user, password.reveal()) {
                    Password::Right => Some(user),
                    Password::Wrong => None,
                }
            }
            Credentials::Scram { user, proof: Proof::Right } => Some(user),
            Credentials::Scram { proof: Proof::Wrong, .. } => None,
            Credentials::Certificate { name } => Some(name),
        };
        identity.cloned().ok_or_else(|| {
            refused(Refusal::Authentication, 535, (5, 7, 8), "authentication failed")
        })
    }

    fn verifier(&self, _: &Origin, user: &str) -> ScramVerifier {
        let Verifier { iterations, salt, stored_key, server_key } = self.users.verifier(user);
        ScramVerifier { iterations, salt, stored_key, server_key }
    }

    async fn message(&self, submission: Submission) -> Verdict {
        self.take(submission).await
    }
}
