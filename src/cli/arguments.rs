//! The command line: what may be written, and which command it calls.

use std::{process::ExitCode, time::SystemTime};

use clap::{CommandFactory, Parser, Subcommand};

use super::{
    account::{AccountArguments, account},
    audit::{AuditArguments, audit},
    check::{CheckArguments, check},
    classify::{ClassifyArguments, classify},
    completions::{CompletionsArguments, completions},
    demo::{DemoArguments, demo},
    diff::{DiffArguments, diff},
    domains::{DomainsArguments, domains},
    explain::{ExplainArguments, explain},
    health::{HealthArguments, health},
    keys::{KeysArguments, keys},
    manual::{ManualArguments, manual},
    policy::{PolicyArguments, policy},
    probe::{ProbeArguments, probe},
    prove::{ProveArguments, prove},
    quarantine::{QuarantineArguments, quarantine},
    queue::{QueueArguments, queue},
    reader::{ReaderArguments, reader},
    replay::{ReplayArguments, replay},
    rewrite::{RewriteArguments, rewrite},
    run::{RunArguments, run},
    schema::{SchemaArguments, schema},
    settings::{SettingsArguments, settings},
    spool::{SpoolArguments, spool},
    test::{TestArguments, test},
    user::{UserArguments, user},
};

/// A secure-mail gateway and policy relay for mail that can carry patient data
#[derive(Debug, Parser)]
#[command(name = "postern", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A complete gateway on loopback, example messages through it, and what became of each
    Demo(DemoArguments),
    /// Run the gateway: SIGHUP reloads policies and certificates, SIGTERM drains
    Run(RunArguments),
    /// Ask whether the gateway of this machine takes mail, or lives
    Health(HealthArguments),
    /// Validate postern.toml and the policies; every fault at once
    Check(CheckArguments),
    /// Write what editors need to complete and explain the files: JSON Schemas
    Schema(SchemaArguments),
    /// Run the officers' own cases in the policies' `tests/`
    Test(TestArguments),
    /// Show that no combination of facts breaks an invariant
    Prove(ProveArguments),
    /// Decide recorded mail again under other policies, and show what would change
    Replay(ReplayArguments),
    /// Tell in words what another policy changes, and for whom
    Diff(DiffArguments),
    /// Show what would happen to a message, and why
    Explain(ExplainArguments),
    /// Show findings and level of messages
    Classify(ClassifyArguments),
    /// Write a message as it would leave
    Rewrite(RewriteArguments),
    /// List and show the approved domains, import the published list, see what is due
    Domains(DomainsArguments),
    /// Look at the mail systems of domains: which TLS they would meet, and for which mail
    Probe(ProbeArguments),
    /// List, show, trace, release, reject, retry and return messages of the running gateway
    Queue(QueueArguments),
    /// Find held messages, release, reject, redirect, keep and export them
    Quarantine(QuarantineArguments),
    /// Show which version decides; propose, approve and return from versions
    Policy(PolicyArguments),
    /// Verify, search, export and sign the audit trail; certificates of protection
    Audit(AuditArguments),
    /// Check or export the spool of a stopped gateway
    Spool(SpoolArguments),
    /// Make, show and look up the keys that sign mail (DKIM, ARC)
    Keys(KeysArguments),
    /// Keep the file of users who may authenticate
    User(UserArguments),
    /// Keep the file of those who sign in to the console
    Account(AccountArguments),
    /// Look up a setting or policy key: what it means, its unit, what holds without it
    Settings(SettingsArguments),
    /// Read the manual here, or write it as man pages
    Manual(ManualArguments),
    /// Write what a shell needs to complete commands and options
    Completions(CompletionsArguments),
    #[command(hide = true)]
    Reader(ReaderArguments),
}

/// What may be written, for the manual and for shells.
pub(super) fn command() -> clap::Command {
    let mut command = Arguments::command();
    command.build();
    command
}

/// The whole program: reads the arguments, runs the command, gives the code
/// to leave with.
pub fn main() -> ExitCode {
    let now = SystemTime::now().into();
    let done = match Arguments::parse().command {
        Command::Demo(arguments) => demo(arguments),
        Command::Run(arguments) => run(&arguments),
        Command::Health(arguments) => health(&arguments),
        Command::Check(arguments) => check(arguments, now),
        Command::Schema(arguments) => schema(&arguments),
        Command::Test(arguments) => test(&arguments, now),
        Command::Prove(arguments) => prove(&arguments, now),
        Command::Replay(arguments) => replay(arguments, now),
        Command::Diff(arguments) => diff(&arguments, now),
        Command::Explain(arguments) => explain(arguments, now),
        Command::Classify(arguments) => classify(&arguments, now),
        Command::Rewrite(arguments) => rewrite(arguments, now),
        Command::Domains(arguments) => domains(arguments, now),
        Command::Probe(arguments) => probe(arguments, now),
        Command::Queue(arguments) => queue(arguments, now),
        Command::Quarantine(arguments) => quarantine(arguments, now),
        Command::Policy(arguments) => policy(arguments),
        Command::Audit(arguments) => audit(arguments, now),
        Command::Spool(arguments) => spool(arguments),
        Command::Keys(arguments) => keys(arguments),
        Command::User(arguments) => user(arguments),
        Command::Account(arguments) => account(arguments),
        Command::Settings(arguments) => settings(&arguments),
        Command::Manual(arguments) => manual(&arguments),
        Command::Completions(arguments) => completions(&arguments),
        Command::Reader(arguments) => reader(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
