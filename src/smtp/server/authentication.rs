//! AUTH (RFC 4954): which mechanisms this session may use, the exchange up to
//! the claim, and the two questions it leads to. Passwords are taken under TLS
//! only, and EXTERNAL is there for those whose certificate is known.

use super::{
    complaint::{Complaint, Refused},
    sasl::{Claim, Credentials, Exchange, Mechanism, Turn},
    scram::{ClientFirst, Nonce, Proof, ScramVerifier},
    session::{Phase, Session, Step},
    settings::Sasl,
};
use crate::mail::Origin;

/// What does it take to check this user's SCRAM proof?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct VerifierQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) origin: Box<Origin>,
    pub(super) first: ClientFirst,
}

/// Who is this?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct AuthenticationQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) origin: Box<Origin>,
    pub(super) claim: Claim,
}

impl Session {
    /// Those that EHLO has after AUTH; none where it has no AUTH.
    pub(super) fn mechanisms(&self) -> Vec<Mechanism> {
        let usable = |mechanism: &Mechanism| match mechanism {
            _ if self.peer.tls.is_none() => false,
            Mechanism::Plain | Mechanism::Login | Mechanism::ScramSha256 => {
                self.settings.sasl == Sasl::UnderTls
            }
            Mechanism::External => self.peer.certified.is_some(),
        };
        Mechanism::ALL.into_iter().filter(usable).collect()
    }

    pub(super) fn authenticate(&mut self, mechanism: &str, response: Option<&str>) -> Option<Step> {
        match self.may_authenticate(mechanism) {
            Err(complaint) => {
                self.complain(&complaint);
                None
            }
            Ok(mechanism) => match std::mem::take(&mut self.phase) {
                Phase::Idle(origin) => {
                    let turn = mechanism.begin(response, &origin);
                    self.sasl_turn(origin, turn)
                }
                phase => {
                    self.out_of_order(phase);
                    None
                }
            },
        }
    }

    fn may_authenticate(&self, mechanism: &str) -> Result<Mechanism, Complaint> {
        let offered = self.mechanisms();
        if offered.is_empty() {
            return Err(match self.settings.sasl {
                Sasl::UnderTls => Complaint::SaslNeedsTls,
                Sasl::NotOffered => Complaint::SaslNotOffered,
            });
        }
        match &self.phase {
            Phase::Idle(origin) if origin.authenticated.is_some() => Err(Complaint::SaslAlready),
            Phase::Envelope(_) | Phase::Chunked(_) => Err(Complaint::TransactionOpen),
            _ => offered
                .into_iter()
                .find(|offered| offered.name().eq_ignore_ascii_case(mechanism))
                .ok_or(Complaint::SaslMechanism),
        }
    }

    pub(super) fn sasl_turn(
        &mut self,
        origin: Box<Origin>,
        turn: Result<Turn, Complaint>,
    ) -> Option<Step> {
        match turn {
            Ok(Turn::Claim(claim)) => return Some(Step::Authenticate(origin, claim)),
            Ok(Turn::Verifier(first)) => return Some(Step::Verifier(origin, first)),
            Ok(Turn::Challenge(challenge, exchange)) => {
                self.challenge(origin, &challenge, exchange);
            }
            Ok(Turn::Done { identity }) => self.authenticated(origin, identity),
            Err(complaint) => {
                self.phase = Phase::Idle(origin);
                self.complain(&complaint);
            }
        }
        None
    }

    fn challenge(&mut self, origin: Box<Origin>, challenge: &str, exchange: Exchange) {
        self.reply(&format!("334 {challenge}"));
        self.resume(Phase::Authenticating(origin, exchange));
    }

    fn authenticated(&mut self, mut origin: Box<Origin>, identity: String) {
        origin.authenticated = Some(identity);
        self.reply("235 2.7.0 authenticated");
        self.resume(Phase::Idle(origin));
    }

    fn not_authenticated(&mut self, origin: Box<Origin>, refused: Refused) {
        self.refuse(refused);
        self.resume(Phase::Idle(origin));
        self.count_authentication_failure();
    }
}

impl VerifierQuestion<'_> {
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn user(&self) -> &str {
        &self.first.user
    }

    /// There is a verifier for every name, known or not, so that nobody can
    /// find out which are. `nonce` must never have been used before.
    pub fn answer(self, verifier: ScramVerifier, nonce: &Nonce) {
        let (message, exchange) = Exchange::scram(self.first.challenge(verifier, nonce));
        self.session.challenge(self.origin, &message, exchange);
    }

    pub fn refuse(self, refused: Refused) {
        self.session.not_authenticated(self.origin, refused);
    }
}

impl AuthenticationQuestion<'_> {
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn mechanism(&self) -> Mechanism {
        self.claim.mechanism
    }

    pub fn credentials(&self) -> &Credentials {
        &self.claim.credentials
    }

    /// The identity as the gateway knows it from here on.
    pub fn answer(self, verdict: Result<String, Refused>) {
        let wrong =
            matches!(self.claim.credentials, Credentials::Scram { proof: Proof::Wrong, .. });
        match (verdict, self.claim.server_final) {
            // Whatever the gateway says: it was proven wrong here.
            (Ok(_), _) if wrong => {
                let refused = Complaint::SaslWrong.refused();
                self.session.not_authenticated(self.origin, refused);
            }
            (Ok(identity), None) => self.session.authenticated(self.origin, identity),
            (Ok(identity), Some(proof)) => {
                self.session.challenge(self.origin, &proof, Exchange::ScramEnd { identity });
            }
            (Err(refused), _) => self.session.not_authenticated(self.origin, refused),
        }
    }
}
