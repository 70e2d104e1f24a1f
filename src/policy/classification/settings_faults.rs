//! Faults that show only when the settings are compiled, as diagnostics.

use std::sync::Arc;

use crate::{
    classify::{Fault, SettingsError},
    policy::diagnostics::{Diagnostic, Severity, SourceFile},
};

/// Whether the fault is there whatever else could not be read.
pub(super) fn stands_alone(error: &SettingsError) -> bool {
    !matches!(
        error.fault,
        Fault::UnknownEvidence(_)
            | Fault::UnknownSource(_)
            | Fault::MissedExample { .. }
            | Fault::FalseExample { .. }
    )
}

pub(super) fn diagnostic(error: &SettingsError, files: &[Arc<SourceFile>]) -> Option<Diagnostic> {
    let file = files.iter().find(|file| *file.path == *error.place.file)?;
    let (code, label, help) = words(&error.fault);
    Some(Diagnostic {
        severity: Severity::Error,
        code,
        message: error.fault.to_string().lines().next().unwrap_or_default().to_owned(),
        file: Arc::clone(file),
        span: Some(error.place.span.clone()),
        label: label.to_owned(),
        help: Some(help),
    })
}

fn words(fault: &Fault) -> (&'static str, &'static str, String) {
    match fault {
        Fault::Pattern(error) => ("detector-pattern", "this pattern", error.clone()),
        Fault::LargePattern => (
            "detector-large-pattern",
            "takes too much memory",
            r"write [A-Za-z] instead of \p{L} and {1,20} instead of {1,500}, or cut it in two detectors"
                .to_owned(),
        ),
        Fault::SlowPattern(boundary) => (
            "detector-slow-pattern",
            "slow on any text beyond ASCII",
            format!("write (?-u:{boundary}) instead of {boundary}"),
        ),
        Fault::EmptyMatch => (
            "detector-empty-match",
            "also matches nothing at all",
            "make at least one character of it compulsory".to_owned(),
        ),
        Fault::MissedExample { .. } => (
            "detector-missed-example",
            "must be found, and is not",
            "widen the pattern, add points, or take the example out".to_owned(),
        ),
        Fault::FalseExample { .. } => (
            "detector-false-example",
            "must not be found, and is",
            "narrow the pattern, add words that speak against it, or take the example out"
                .to_owned(),
        ),
        Fault::UnknownEvidence(_) => (
            "combination-unknown-evidence",
            "asks for it",
            "use the name of an [[evidence]] table, letter by letter".to_owned(),
        ),
        Fault::UnknownSource(_) => (
            "evidence-unknown-source",
            "asks for it",
            "use the name of a [[detector]] or [[list]], letter by letter".to_owned(),
        ),
        Fault::Twice { .. } => {
            ("name-twice", "the second of this name", "give each its own name".to_owned())
        }
        Fault::Yara(_) => ("yara-rule", "in this rule", "see the YARA-X documentation".to_owned()),
    }
}
