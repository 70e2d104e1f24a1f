//! `postern prove`: that no combination of facts breaks an invariant.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::{exit::Failure, folder::Folder};
use crate::{
    decide::decide,
    mail::{Decision, Timestamp},
    policy::{Counterexample, Proof, ProofOutcome, prove as prove_all},
};

#[derive(Debug, Args)]
pub struct ProveArguments {
    #[command(flatten)]
    folder: Folder,
    /// A line of JSON an invariant
    #[arg(long)]
    json: bool,
}

pub fn prove(arguments: &ProveArguments, now: Timestamp) -> Result<(), Failure> {
    let policy = arguments.folder.policy(&[], now)?;
    let proofs = prove_all(&policy, decide);
    let mut out = std::io::stdout().lock();
    for proof in &proofs {
        match arguments.json {
            true => writeln!(out, "{}", as_json(proof))?,
            false => show(&mut out, proof)?,
        }
    }
    let held = proofs.iter().filter(|proof| proof.holds()).count();
    if !arguments.json {
        writeln!(out, "{held} passed, {} failed", proofs.len() - held)?;
    }
    match held == proofs.len() {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

fn show(out: &mut impl Write, proof: &Proof) -> std::io::Result<()> {
    let (name, combinations) = (&proof.invariant, proof.combinations);
    match &proof.outcome {
        ProofOutcome::Holds => writeln!(out, "ok    {name} ({combinations} combinations)"),
        ProofOutcome::NotShown => {
            writeln!(out, "FAIL  {name}: {combinations} combinations, more than can be reasoned of")
        }
        ProofOutcome::Broken(example) => {
            writeln!(out, "FAIL  {name}")?;
            show_example(out, example)
        }
    }
}

/// The message that breaks it, as an officer can picture it, and the rules.
fn show_example(out: &mut impl Write, example: &Counterexample) -> std::io::Result<()> {
    let Counterexample { decision, picture, near, .. } = example;
    let Decision { disposition, protection, decided_by, .. } = decision;
    writeln!(out, "      {picture}")?;
    match decided_by {
        Some(rule) => writeln!(
            out,
            "      would come to: {disposition}, TLS {}, by the rule `{}`",
            protection.tls, rule.rule
        )?,
        None => writeln!(
            out,
            "      would come to: {disposition}, TLS {}, for no rule says otherwise",
            protection.tls
        )?,
    }
    for near in near {
        writeln!(out, "      nearly kept by: `{}` {}", near.rule, near.why)?;
    }
    Ok(())
}

fn as_json(proof: &Proof) -> serde_json::Value {
    let outcome = match &proof.outcome {
        ProofOutcome::Holds => "holds",
        ProofOutcome::NotShown => "not shown",
        ProofOutcome::Broken(_) => "broken",
    };
    let mut line = json!({
        "invariant": proof.invariant,
        "outcome": outcome,
        "combinations": proof.combinations,
    });
    if let (ProofOutcome::Broken(example), Some(line)) = (&proof.outcome, line.as_object_mut()) {
        let Decision { disposition, protection, decided_by, .. } = &example.decision;
        let near = example.near.iter().map(|near| json!({ "rule": near.rule, "why": near.why }));
        let counterexample = json!({
            "picture": example.picture,
            "facts": example.message,
            "recipient": example.recipient,
            "disposition": disposition,
            "tls": protection.tls,
            "decided_by": decided_by,
            "near": near.collect::<Vec<_>>(),
        });
        line.insert("counterexample".to_owned(), counterexample);
    }
    line
}
