//! The driver's part of AUTH: the randomness that SCRAM needs, and what a
//! failure costs. Its answer is delayed, and it is counted against the client
//! over all its sessions (`shut_out`).
//!
//! Whoever is made to wait holds nothing but a session of its own.

use std::{net::IpAddr, time::Instant};

use aws_lc_rs::rand;

use super::{listener::Shared, reception::Reception, shut_out::shut_out_now};
use crate::{
    mail::{AuthenticationResult, EnhancedStatusCode, Event, Refusal, Reply},
    smtp::server::{AuthenticationQuestion, Mechanism, Nonce, Refused, VerifierQuestion},
};

/// Lets SCRAM go on, for names that do not exist as well.
pub(super) async fn challenge<R: Reception>(shared: &Shared<R>, question: VerifierQuestion<'_>) {
    let client = question.origin().client;
    if shared.orders.shut_out.holds(client, Instant::now()) {
        tell(shared, client, Mechanism::ScramSha256, AuthenticationResult::ShutOut, None);
        tokio::time::sleep(shared.orders.shut_out.delay()).await;
        return question.refuse(shut_out_now(454));
    }
    let mut random = [0; 18];
    if rand::fill(&mut random).is_err() {
        tell(shared, client, Mechanism::ScramSha256, AuthenticationResult::Unavailable, None);
        return question.refuse(no_randomness());
    }
    let verifier = shared.orders.reception.verifier(question.origin(), question.user());
    question.answer(verifier, &Nonce::new(random));
}

/// Asks who it is, unless the client is shut out. Whether the claim was good
/// is not told to one that was shut out meanwhile, in another session: many
/// sessions at once must not bring more guesses.
pub(super) async fn decide<R: Reception>(shared: &Shared<R>, question: AuthenticationQuestion<'_>) {
    let shut_out = &shared.orders.shut_out;
    let client = question.origin().client;
    let mut verdict = Err(shut_out_now(454));
    if !shut_out.holds(client, Instant::now()) {
        let reception = &shared.orders.reception;
        verdict = reception.authenticate(question.origin(), question.credentials()).await;
        if shut_out.holds(client, Instant::now()) {
            verdict = Err(shut_out_now(454));
        }
    }
    let result = match &verdict {
        Ok(_) => AuthenticationResult::Accepted,
        Err(refused) if refused.reason == Refusal::Authentication => {
            shut_out.count(client, Instant::now());
            AuthenticationResult::Refused
        }
        Err(refused) if refused.reason == Refusal::ShutOut => AuthenticationResult::ShutOut,
        Err(_) => AuthenticationResult::Unavailable,
    };
    let identity = verdict.as_ref().ok().map(String::as_str);
    tell(shared, client, question.mechanism(), result, identity);
    if verdict.is_err() {
        tokio::time::sleep(shut_out.delay()).await;
    }
    question.answer(verdict);
}

fn tell<R>(
    shared: &Shared<R>,
    client: IpAddr,
    mechanism: Mechanism,
    result: AuthenticationResult,
    identity: Option<&str>,
) {
    let listener = &shared.door.settings.listener;
    let mechanism = mechanism.name();
    shared.observe(Event::Authentication { listener, client, mechanism, result, identity });
}

fn no_randomness() -> Refused {
    let text = "temporary authentication failure";
    let reply = Reply::new(454, EnhancedStatusCode(4, 7, 0), text);
    Refused { reason: Refusal::Authentication, reply }
}
