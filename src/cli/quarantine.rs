//! `postern quarantine`: what the running gateway holds.

mod export;
mod filter;
mod proposals;
mod show;

use std::{
    io::{BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{
    control::{Control, asked, asked_telling},
    exit::Failure,
};
use crate::{
    config::Span,
    console::{Acted, Which},
    gateway::{Answer, LessTls, QuarantineAnswer, QuarantineRequest, Request},
    mail::{Address, HeldAct, HeldFilter, HeldOrder, LesserTls, NextHop, QueueId, Timestamp},
};
use filter::{FilterArguments, word};

#[derive(Debug, Args)]
pub struct QuarantineArguments {
    #[command(flatten)]
    control: Control,
    #[command(subcommand)]
    command: QuarantineCommand,
}

#[derive(Debug, Subcommand)]
enum QuarantineCommand {
    /// List what is held, what must be judged first on top
    List {
        #[command(flatten)]
        filter: FilterArguments,
        /// due, newest, oldest or level
        #[arg(long, value_parser = word::<HeldOrder>, default_value = "due")]
        order: HeldOrder,
        #[arg(long, default_value_t = 0)]
        offset: usize,
        /// 500 at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show why one is held: its findings (masked), its terms, who has asked
    Show { id: QueueId },
    /// Let messages go on to their recipients
    Release {
        #[command(flatten)]
        which: WhichArguments,
        /// To this recipient alone, and others that are named so; the rest stays held
        #[arg(long = "for-recipient", value_name = "ADDRESS")]
        recipients: Vec<Address>,
        /// What they may go with, though policy asks for better TLS
        #[arg(long, value_enum)]
        tls: Option<LessTls>,
        /// For how long: 30m, 4h, 2d
        #[arg(long = "for", value_name = "TIME", default_value = "4h", requires = "tls")]
        time: Span,
        /// They should not have been held: `postern replay` can try policies on them
        #[arg(long)]
        false_positive: bool,
    },
    /// Return messages to their senders
    Reject {
        #[command(flatten)]
        which: WhichArguments,
    },
    /// Send messages another way, as well protected: to an encryption portal
    Redirect {
        #[command(flatten)]
        which: WhichArguments,
        /// smtp://host:port; the portal of postern.toml where it is not said
        #[arg(long, value_name = "NEXT HOP")]
        to: Option<NextHop>,
    },
    /// Keep messages longer
    Extend {
        #[command(flatten)]
        which: WhichArguments,
        /// From now on: 7d, 60d
        #[arg(long = "for", value_name = "TIME")]
        time: Span,
    },
    /// Keep messages whatever their term says, until it is lifted
    Hold {
        #[command(flatten)]
        which: WhichArguments,
        /// Let their terms run again
        #[arg(long)]
        lift: bool,
    },
    /// Do what another person has proposed: it is read and shown first
    Approve {
        #[command(flatten)]
        which: WhichArguments,
    },
    /// Take back what was proposed, or refuse it
    Withdraw {
        #[command(flatten)]
        which: WhichArguments,
    },
    /// Write a message and what is known of it into a zip archive under AES-256
    Export {
        id: QueueId,
        /// Where to
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        /// Read the passphrase from the first line of the input; one is made and shown otherwise
        #[arg(long)]
        passphrase_stdin: bool,
    },
}

/// Which messages are meant, and why.
#[derive(Debug, Args)]
struct WhichArguments {
    #[arg(required_unless_present = "all_matching", conflicts_with = "all_matching")]
    ids: Vec<QueueId>,
    /// All that the options below mean, and all that is held without any
    #[arg(long)]
    all_matching: bool,
    #[command(flatten)]
    filter: FilterArguments,
    /// Why, for the audit trail; the senders of rejected messages read it too
    #[arg(long)]
    reason: String,
    /// Do not ask whether so many are meant
    #[arg(long)]
    yes: bool,
}

pub fn quarantine(arguments: QuarantineArguments, now: Timestamp) -> Result<(), Failure> {
    let QuarantineArguments { control: Control { control, json }, command } = arguments;
    let held = Held { control: &control, json };
    match command {
        QuarantineCommand::List { filter, order, offset, limit } => {
            let filter = filter.into();
            held.show(QuarantineRequest::List { filter, order, offset, limit }, now)
        }
        QuarantineCommand::Show { id } => held.show(QuarantineRequest::Show { id }, now),
        QuarantineCommand::Release { which, recipients, tls, time: Span(time), false_positive } => {
            let exemption = tls.map(|tls| LesserTls { tls: tls.into(), seconds: time.as_secs() });
            held.act(which, HeldAct::Release { recipients, exemption, false_positive })
        }
        QuarantineCommand::Reject { which } => held.act(which, HeldAct::Reject),
        QuarantineCommand::Redirect { which, to: Some(to) } => {
            held.act(which, HeldAct::Redirect { to })
        }
        QuarantineCommand::Redirect { which, to: None } => {
            let (which, reason) = held.meant(which)?;
            held.tell_acted(QuarantineRequest::Portal { which, reason })
        }
        QuarantineCommand::Extend { which, time: Span(time) } => {
            held.act(which, HeldAct::Extend { until: now + time })
        }
        QuarantineCommand::Hold { which, lift } => {
            held.act(which, if lift { HeldAct::LiftLegalHold } else { HeldAct::LegalHold })
        }
        QuarantineCommand::Approve { which } => {
            held.answer(which, |proposed_at| HeldAct::Approve { proposed_at })
        }
        QuarantineCommand::Withdraw { which } => {
            held.answer(which, |proposed_at| HeldAct::Withdraw { proposed_at })
        }
        QuarantineCommand::Export { id, to, reason, passphrase_stdin } => {
            held.export(id, &to, reason, passphrase_stdin.into())
        }
    }
}

/// The gateway that is asked, and how its answers are told.
struct Held<'a> {
    control: &'a Path,
    json: bool,
}

impl Held<'_> {
    fn ask(&self, request: QuarantineRequest) -> Result<QuarantineAnswer, Failure> {
        of_quarantine(asked(self.control, &Request::Quarantine(request))?)
    }

    fn show(&self, request: QuarantineRequest, now: Timestamp) -> Result<(), Failure> {
        let answer = self.ask(request)?;
        let mut out = std::io::stdout().lock();
        match answer {
            answer if self.json => writeln!(out, "{}", serde_json::json!(answer))?,
            QuarantineAnswer::Page(page) => show::page(&mut out, &page, now)?,
            QuarantineAnswer::Held { entry, queued, needs_approval } => {
                show::message(&mut out, &entry, &queued, needs_approval, now)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn act(&self, which: WhichArguments, act: HeldAct) -> Result<(), Failure> {
        let (which, reason) = self.meant(which)?;
        self.tell_acted(QuarantineRequest::Act { which, act, reason })
    }

    /// Of all that a filter means nobody judges without having heard how many
    /// there are.
    fn meant(&self, arguments: WhichArguments) -> Result<(Which, String), Failure> {
        let WhichArguments { ids, all_matching, filter, reason, yes } = arguments;
        if !all_matching {
            return Ok((Which::These(ids), reason));
        }
        let filter: HeldFilter = filter.into();
        if !yes {
            let count = QuarantineRequest::List {
                filter: filter.clone(),
                order: HeldOrder::default(),
                offset: 0,
                limit: 0,
            };
            let QuarantineAnswer::Page(page) = self.ask(count)? else {
                return Err(Failure::negative("the gateway did not say how many there are"));
            };
            confirmed(page.total)?;
        }
        Ok((Which::All(filter), reason))
    }

    fn tell_acted(&self, request: QuarantineRequest) -> Result<(), Failure> {
        let is_watched = std::io::stderr().is_terminal() && !self.json;
        let progress = |judged, of| {
            if is_watched {
                eprint!("\r{judged} of {of}");
            }
        };
        let answer = self.ask_telling(request, progress)?;
        if is_watched {
            eprint!("\r");
        }
        self.told(answer)
    }

    fn ask_telling(
        &self,
        request: QuarantineRequest,
        progress: impl Fn(usize, usize),
    ) -> Result<QuarantineAnswer, Failure> {
        of_quarantine(asked_telling(self.control, &Request::Quarantine(request), progress)?)
    }

    fn told(&self, answer: QuarantineAnswer) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::json!(answer))?;
        }
        let QuarantineAnswer::Acted(acted) = answer else { return Ok(()) };
        if !self.json {
            show::acted(&mut out, &acted)?;
        }
        match acted {
            Acted { refusals: 0, .. } => Ok(()),
            _ => Err(Failure::silent(1)),
        }
    }
}

fn of_quarantine(answer: Answer) -> Result<QuarantineAnswer, Failure> {
    match answer {
        Answer::Quarantine(QuarantineAnswer::Refused { why }) => Err(Failure::negative(why)),
        Answer::Quarantine(answer) => Ok(answer),
        _ => Err(Failure::negative("the gateway's answer is about something else")),
    }
}

fn confirmed(count: usize) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::negative(format!(
            "{count} messages are meant: say --yes, for nobody can be asked here"
        )));
    }
    eprint!("{count} messages are meant. Go on? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::negative("nothing was done")),
    }
}
