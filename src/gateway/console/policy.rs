//! The policy as the console shows it: what decides, what waits, what it would
//! change, and what officers say to that.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::replay::replayed;
use crate::{
    console::{
        ChangeExample, DeskError, Pending, PolicyChange, PolicyComparison, PolicyDesk, PolicyFault,
        PolicyFile, PolicyProof, PolicyStanding, PolicyStepShown, PolicyTurn, PolicyVerdict,
        RefusedPolicy, WaitingPolicy,
    },
    decide::decide,
    gateway::{
        CanaryShown, PolicyAnswer, PolicyRequest, PolicyStatus, Refused, VersionName, Waiting,
        policies::{GoingLive, Signatory},
        queue::now,
    },
    mail::{Actor, Decision, PolicyStep},
    policy::{Differences, Policy, Proof, ProofOutcome, Sentence, Turn, differences, prove},
};

/// Blocks on disk and processor, so each answer is worked out on a thread that
/// may be kept.
pub(in crate::gateway) struct PolicyOffice {
    pub(in crate::gateway) going_live: Arc<GoingLive>,
    /// Of the audit trail.
    pub(in crate::gateway) trail: PathBuf,
}

impl PolicyDesk for PolicyOffice {
    fn standing(&self) -> Pending<'_, PolicyStanding> {
        Box::pin(self.elsewhere(|going_live| {
            let ask = |request| going_live.answer(request, &Signatory::default(), now());
            let PolicyAnswer::Status(status) = ask(PolicyRequest::Status) else {
                return Err(unexpected());
            };
            let PolicyAnswer::History { steps } = ask(PolicyRequest::History) else {
                return Err(unexpected());
            };
            let version = VersionName::from(&status.live);
            let PolicyAnswer::Files { files, .. } = ask(PolicyRequest::Show { version }) else {
                return Err(unexpected());
            };
            let files = files.iter().map(|(path, text)| file(path, text)).collect();
            Ok(standing(*status, &steps, files))
        }))
    }

    fn file<'a>(&'a self, version: &'a str, path: &'a str) -> Pending<'a, String> {
        Box::pin(async move {
            let (version, path) = (named(version)?, path.to_owned());
            self.elsewhere(move |going_live| {
                match going_live.answer(
                    PolicyRequest::Show { version },
                    &Signatory::default(),
                    now(),
                ) {
                    PolicyAnswer::Files { mut files, .. } => {
                        files.remove(&path).ok_or(DeskError::Unknown)
                    }
                    _ => Err(DeskError::Unknown),
                }
            })
            .await
        })
    }

    fn comparison<'a>(&'a self, version: &'a str) -> Pending<'a, PolicyComparison> {
        Box::pin(async move {
            let (version, trail) = (named(version)?, self.trail.clone());
            self.elsewhere(move |going_live| {
                let (live, new) =
                    going_live.beside_live(&version, now()).map_err(DeskError::Refused)?;
                let alike = |policy: &Policy| policy.clone().with_one_local_domain();
                let (before, after) = (alike(&live.policy), alike(&new.policy));
                let told = differences((&before, &live.sources), (&after, &new.sources), decide);
                let files = new.sources.iter().map(|(path, read)| file(path, &read.text));
                Ok(PolicyComparison {
                    proofs: prove(&new.policy, decide).iter().map(proved).collect(),
                    replay: replayed(&trail, &new.policy, now(), REPLAY_TIME),
                    files: files.collect(),
                    ..told.map(|told| compared(&told)).unwrap_or_default()
                })
            })
            .await
        })
    }

    fn judge<'a>(
        &'a self,
        who: &'a Actor,
        version: &'a str,
        verdict: PolicyVerdict,
        reason: &'a str,
    ) -> Pending<'a, String> {
        Box::pin(async move {
            let (version, officer) = (named(version)?, who.name.clone());
            let (reason, signatory) = (reason.to_owned(), Signatory::in_console(who));
            let request = match verdict {
                PolicyVerdict::Approve => {
                    PolicyRequest::Approve { version, officer, reason: Some(reason) }
                }
                PolicyVerdict::Refuse => PolicyRequest::Refuse { version, officer, reason },
            };
            self.elsewhere(move |going_live| match going_live.answer(request, &signatory, now()) {
                PolicyAnswer::Outcome(outcome) => Ok(outcome.words),
                PolicyAnswer::Declined { why } => Err(DeskError::Refused(why)),
                _ => Err(unexpected()),
            })
            .await
        })
    }
}

impl PolicyOffice {
    async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GoingLive) -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let going_live = Arc::clone(&self.going_live);
        let done = tokio::task::spawn_blocking(move || work(&going_live)).await;
        done.unwrap_or_else(|panic| Err(DeskError::Failed(panic.to_string())))
    }
}

/// What is no version's name names none.
fn named(version: &str) -> Result<VersionName, DeskError> {
    version.parse().map_err(|_| DeskError::Unknown)
}

fn unexpected() -> DeskError {
    DeskError::Failed("the policy is not told of as it should be".to_owned())
}

fn file(path: &str, text: &str) -> PolicyFile {
    PolicyFile { path: path.to_owned(), lines: text.lines().count() }
}

fn standing(status: PolicyStatus, steps: &[PolicyStep], files: Vec<PolicyFile>) -> PolicyStanding {
    PolicyStanding {
        version: status.live.to_string(),
        commit: status.commit,
        since: status.since.as_ref().map(step),
        files,
        canary: status.canary.as_ref().map(on_trial),
        waiting: status.waiting.iter().map(waiting).collect(),
        refused: status.refused.map(refused),
        history: steps.iter().rev().take(MOST_STEPS).map(step).collect(),
    }
}

fn step(step: &PolicyStep) -> PolicyStepShown {
    PolicyStepShown {
        at: step.at,
        step: step.step.name(),
        version: step.version.clone(),
        by: step.by.to_string(),
        reason: step.reason.clone(),
    }
}

fn on_trial(canary: &CanaryShown) -> String {
    format!("{} decides for {} of senders: {}", canary.version.short(), canary.share, canary.words)
}

fn waiting(waiting: &Waiting) -> WaitingPolicy {
    WaitingPolicy {
        version: waiting.version.to_string(),
        commit: waiting.commit.clone(),
        since: waiting.since,
        proposed_by: waiting.proposed_by.to_string(),
        reason: waiting.reason.clone(),
        officers: waiting.officers.iter().map(ToString::to_string).collect(),
    }
}

fn refused(refused: Refused) -> RefusedPolicy {
    let faults = refused.faults.into_iter().map(|fault| PolicyFault {
        code: fault.code,
        file: fault.file,
        line: fault.line,
        message: fault.message,
        help: fault.help,
    });
    RefusedPolicy { at: refused.at, headline: refused.headline, faults: faults.collect() }
}

fn compared(told: &Differences<'_>) -> PolicyComparison {
    PolicyComparison {
        changes: told.sentences.iter().take(MOST_CHANGES).map(change).collect(),
        also: told.outside.iter().take(MOST_CHANGES).cloned().collect(),
        is_complete: told.complete && told.sentences.len().max(told.outside.len()) <= MOST_CHANGES,
        ..PolicyComparison::default()
    }
}

fn change(sentence: &Sentence) -> PolicyChange {
    PolicyChange {
        turn: match sentence.turn {
            Turn::Tightening => PolicyTurn::Tighter,
            Turn::Loosening => PolicyTurn::Looser,
            Turn::Other => PolicyTurn::Otherwise,
        },
        scope: sentence.scope.clone(),
        what: sentence.changes.clone(),
        example: sentence.example.as_ref().map(|example| ChangeExample {
            picture: example.picture.clone(),
            before: brief(&example.before),
            after: brief(&example.after),
        }),
    }
}

fn brief(decision: &Decision) -> String {
    let by = decision.decided_by.as_ref().map(|rule| format!(", by “{}”", rule.rule));
    let tls = decision.protection.tls;
    format!("{}, TLS {tls}{}", decision.disposition, by.unwrap_or_default())
}

fn proved(proof: &Proof) -> PolicyProof {
    PolicyProof {
        invariant: proof.invariant.clone(),
        holds: proof.holds(),
        words: match &proof.outcome {
            ProofOutcome::Holds => None,
            ProofOutcome::Broken(example) => {
                Some(format!("{} would come to: {}", example.picture, brief(&example.decision)))
            }
            ProofOutcome::NotShown => Some("there is more than can be reasoned of".to_owned()),
        },
    }
}

/// Somebody waits for the page.
const REPLAY_TIME: Duration = Duration::from_secs(4);
/// Law 7.
const MOST_STEPS: usize = 50;
const MOST_CHANGES: usize = 200;
