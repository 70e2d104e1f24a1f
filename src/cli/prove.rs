//! `postern prove`: that no combination of facts breaks an invariant.

use std::{io::Write, path::PathBuf};

use clap::Args;

use super::{exit::Failure, files};
use crate::{
    decide::decide,
    mail::{Decision, MessageFacts, Timestamp},
    policy::{Counterexample, ProofOutcome, prove as prove_all},
};

#[derive(Debug, Args)]
pub struct ProveArguments {
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
}

pub fn prove(arguments: &ProveArguments, now: Timestamp) -> Result<(), Failure> {
    let policy = files::policy(&arguments.policies, &[], now)?;
    let proofs = prove_all(&policy, decide);
    let mut out = std::io::stdout().lock();
    for proof in &proofs {
        let (name, tried) = (&proof.invariant, proof.combinations);
        match &proof.outcome {
            ProofOutcome::Holds => writeln!(out, "ok    {name} ({tried} combinations)")?,
            ProofOutcome::TooMany => {
                writeln!(out, "FAIL  {name}: {tried} combinations are more than can be tried")?;
            }
            ProofOutcome::Broken(example) => {
                writeln!(out, "FAIL  {name}")?;
                show(&mut out, example)?;
            }
        }
    }
    let held = proofs.iter().filter(|proof| proof.holds()).count();
    writeln!(out, "{held} passed, {} failed", proofs.len() - held)?;
    match held == proofs.len() {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

/// The message that breaks it, as an officer can picture it.
fn show(out: &mut impl Write, example: &Counterexample) -> std::io::Result<()> {
    let Counterexample { message, recipient, decision } = example;
    let MessageFacts { direction, reverse_path, level, .. } = message;
    writeln!(out, "      an {direction} message of level {level}")?;
    writeln!(out, "      from <{reverse_path}> to {recipient}")?;
    for (kind, count) in &message.kinds {
        writeln!(out, "      with {count} of {kind}")?;
    }
    if let Some(marking) = &message.marking {
        writeln!(out, "      marked {marking}")?;
    }
    for reason in &message.opaque {
        writeln!(out, "      with a part that cannot be read: {reason}")?;
    }
    let Decision { disposition, protection, decided_by, .. } = decision;
    let rule = decided_by.as_ref().map_or("no rule", |rule| rule.rule.as_str());
    writeln!(out, "      would come to: {disposition}, TLS {}, by {rule}", protection.tls)
}
