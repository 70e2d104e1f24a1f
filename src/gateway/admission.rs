//! Admission: who may bring mail, from whom and for whom. Answers what a
//! session asks on the way to the content.

use std::sync::Arc;

use super::{
    accounts::Accounts, prober::NextHops, reception::Intake, replies::refused, strangers::Strangers,
};
use crate::{
    config::{Certified, Verdict as Password, Verifier},
    listen::{Reception, Verdict},
    mail::{Direction, Envelope, Origin, Recipient, Refusal, Submission},
    smtp::server::{Credentials, Proof, Refused, ScramVerifier},
};

/// What one listener asks.
pub(super) struct Desk {
    /// The listener's name.
    pub(super) listener: String,
    pub(super) accounts: Arc<Accounts>,
    /// The sending systems it knows by their certificates.
    pub(super) certified: Vec<Certified>,
    pub(super) strangers: Arc<Strangers>,
    pub(super) next_hops: Arc<NextHops>,
    pub(super) intake: Intake,
}

impl Reception for Desk {
    async fn sender(&self, origin: &Origin, envelope: &Envelope) -> Result<(), Refused> {
        self.sender_entitled(origin, envelope)
    }

    async fn recipient(
        &self,
        origin: &Origin,
        envelope: &Envelope,
        recipient: &Recipient,
    ) -> Result<(), Refused> {
        let address = &recipient.address;
        let ours = self.intake.processor.config.node.local_domains.contains(address.domain());
        // Asked first: a next hop cannot say who exists of those it cannot read.
        if origin.direction == Direction::Outbound || ours {
            self.next_hops.carry(envelope, address).await?;
        }
        match origin.direction {
            Direction::Inbound => self.strangers.admit(origin, address).await,
            Direction::Outbound => Ok(()),
        }
    }

    async fn authenticate(&self, _: &Origin, credentials: &Credentials) -> Result<String, Refused> {
        let identity = match credentials {
            Credentials::Password { user, password } => {
                match self.accounts.verify(user, password.reveal()).await {
                    Some(Password::Right) => Some(user),
                    Some(Password::Wrong) => None,
                    None => return Err(not_now()),
                }
            }
            Credentials::Scram { user, proof: Proof::Right } => {
                self.accounts.has(user).then_some(user)
            }
            Credentials::Scram { proof: Proof::Wrong, .. } => None,
            Credentials::Certificate { name } => Some(name),
        };
        identity.cloned().ok_or_else(|| {
            refused(Refusal::Authentication, 535, (5, 7, 8), "authentication failed")
        })
    }

    fn verifier(&self, _: &Origin, user: &str) -> ScramVerifier {
        let Verifier { iterations, salt, stored_key, server_key } = self.accounts.verifier(user);
        ScramVerifier { iterations, salt, stored_key, server_key }
    }

    async fn message(&self, submission: Submission) -> Verdict {
        match self.authors_entitled(&submission) {
            Ok(()) => self.intake.take(submission).await,
            Err(refused) => Verdict::Refused(refused),
        }
    }
}

/// No fault of the client's: it is not counted as one.
fn not_now() -> Refused {
    refused(Refusal::Policy, 454, (4, 7, 0), "temporary authentication failure")
}
