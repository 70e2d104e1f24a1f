//! Building a policy aside: read, checked, tried on the officers' cases and
//! proved, before it may decide anything. Blocks; asks no clock.

use std::{path::PathBuf, sync::Arc};

use super::{
    cases::{case_context, judge_case},
    version::Version,
};
use crate::{
    config::read_policies,
    decide::decide,
    mail::{Domain, PolicyRefusal, Timestamp},
    policy::{
        Context, Counterexample, Policy, Proof, ProofOutcome, Sources,
        diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
        prove, read_cases,
    },
    reader::{Pool, Settings},
};

/// What policies are built with.
pub(super) struct Workbench {
    pub(super) folder: PathBuf,
    pub(super) local_domains: Vec<Domain>,
    /// Of the processes that read the documents of cases.
    pub(super) reader: Settings,
}

/// A policy that may decide, and what it was made of.
#[derive(Clone)]
pub(in crate::gateway) struct Built {
    pub(super) version: Version,
    pub(in crate::gateway) sources: Arc<Sources>,
    pub(in crate::gateway) policy: Arc<Policy>,
}

/// Files that make no policy, or none that may decide.
pub(super) struct Unfit {
    pub(super) reason: PolicyRefusal,
    /// None where not all could be read.
    pub(super) version: Option<Version>,
    /// What is wrong, where no place in a file can be named.
    pub(super) words: String,
    pub(super) faults: Diagnostics,
    /// What was compiled before it failed.
    pub(super) built: Option<Built>,
}

impl Workbench {
    /// From the officers' folder as it now is.
    pub(super) fn build_folder(&self, now: Timestamp) -> Result<Built, Unfit> {
        let sources = read_policies(&self.folder).map_err(|error| Unfit {
            reason: PolicyRefusal::Read,
            version: None,
            words: error.to_string(),
            faults: Diagnostics::default(),
            built: None,
        })?;
        self.build(Arc::new(sources), now)
    }

    /// From files that were read before: these and no others are looked at.
    pub(super) fn build(&self, sources: Arc<Sources>, now: Timestamp) -> Result<Built, Unfit> {
        let built = self.compile(sources, now)?;
        let unfit = |reason, words: &str, faults| Unfit {
            reason,
            version: Some(built.version.clone()),
            words: words.to_owned(),
            faults,
            built: Some(built.clone()),
        };
        self.try_cases(&built.sources, now)
            .map_err(|(words, faults)| unfit(PolicyRefusal::Test, &words, faults))?;
        prove_invariants(&built)
            .map_err(|faults| unfit(PolicyRefusal::Prove, "an invariant can be broken", faults))?;
        Ok(built)
    }

    /// For this day, without trying it.
    pub(super) fn compile(&self, sources: Arc<Sources>, now: Timestamp) -> Result<Built, Unfit> {
        let version = Version::of(&sources);
        let local_domains = &self.local_domains;
        let context = Context { today: now.date(), local_domains, test_range: None };
        let (policy, faults) = Policy::compile(&sources, &context);
        match policy {
            Some(policy) => Ok(Built { version, sources, policy: Arc::new(policy) }),
            None => Err(Unfit {
                reason: PolicyRefusal::Check,
                version: Some(version),
                words: "the files have faults".to_owned(),
                faults: errors(&faults),
                built: None,
            }),
        }
    }

    /// As `postern test` does.
    fn try_cases(&self, sources: &Sources, now: Timestamp) -> Result<(), (String, Diagnostics)> {
        let (policy, faults) = Policy::compile(sources, &case_context(now.date()));
        let Some(policy) = policy.map(Policy::fully_enforced) else {
            return Err(("the files have faults".to_owned(), faults));
        };
        let (cases, mut faults) = read_cases(sources);
        if faults.has_errors() {
            return Err(("a case cannot be read".to_owned(), errors(&faults)));
        }
        // Idle readers would stay for the next reload: this pool ends here.
        let pool = Pool::new(Settings { processes: 1, ..self.reader.clone() }, None);
        for case in &cases {
            let unread =
                || ("documents of cases cannot be read now".to_owned(), Diagnostics::default());
            let mut reader = pool.reader_now().map_err(|_| unread())?;
            let (facts, _) = judge_case(&policy, case, sources, &mut reader)
                .map_err(|error| (error.to_string(), Diagnostics::default()))?;
            if reader.is_unavailable() {
                return Err(unread());
            }
            faults.extend(case.check(&policy, &facts, decide));
        }
        match faults.has_errors() {
            true => Err(("a case does not come out as expected".to_owned(), errors(&faults))),
            false => Ok(()),
        }
    }
}

impl Unfit {
    /// The first fault with its file and line, or what else is wrong.
    pub(super) fn headline(&self) -> String {
        self.faults.iter().next().map_or_else(|| self.words.clone(), ToString::to_string)
    }
}

/// As `postern prove` does, but with this gateway's own domains.
fn prove_invariants(built: &Built) -> Result<(), Diagnostics> {
    let mut faults = Diagnostics::default();
    for proof in prove(&built.policy, decide).iter().filter(|proof| !proof.holds()) {
        faults.push(unproved(proof, &built.sources));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults),
    }
}

fn unproved(proof: &Proof, sources: &Sources) -> Diagnostic {
    let name = &proof.invariant;
    let absent = || Arc::new(SourceFile { path: "policy.toml".to_owned(), text: String::new() });
    let file = sources.file("policy.toml").cloned().unwrap_or_else(absent);
    let span = file.text.find(name.as_str()).map(|start| start..start + name.len());
    let label = match &proof.outcome {
        ProofOutcome::Broken(example) => broken_by(example),
        _ => "it could not be proved".to_owned(),
    };
    Diagnostic {
        severity: Severity::Error,
        code: "invariant-broken",
        message: format!("the invariant `{name}` can be broken"),
        file,
        span,
        label,
        help: Some("`postern prove` shows the message that breaks it, and the rule".to_owned()),
    }
}

fn broken_by(example: &Counterexample) -> String {
    let Counterexample { picture, decision, .. } = example;
    let rule = decision.decided_by.as_ref().map_or("no rule", |rule| rule.rule.as_str());
    let (disposition, tls) = (decision.disposition, decision.protection.tls);
    format!("{picture} would come to: {disposition}, TLS {tls}, by {rule}")
}

/// Warnings are for `postern check`.
fn errors(faults: &Diagnostics) -> Diagnostics {
    let mut errors = Diagnostics::default();
    for fault in faults.iter().filter(|fault| fault.severity == Severity::Error) {
        errors.push(fault.clone());
    }
    errors
}
