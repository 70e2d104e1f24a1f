//! `postern queue`: the spool of the running gateway.

use std::{io::Write, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::exit::Failure;
use crate::{
    gateway::{Answer, Request, Selection, ask},
    mail::{QueueId, QueuedMessage, QueuedRecipient, RecipientState, Timestamp},
};

#[derive(Debug, Args)]
pub struct QueueArguments {
    /// The gateway's control socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        default_value = "/var/lib/postern/control.sock"
    )]
    control: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// List the messages in the spool, oldest first
    List {
        #[arg(value_enum, default_value_t = Selection::All)]
        selection: Selection,
    },
    /// Show one message: recipients, attempts, findings (masked)
    Show { id: QueueId },
    /// Let a held message go on to its recipients
    Release {
        id: QueueId,
        /// Why, for the audit trail
        #[arg(long)]
        reason: Option<String>,
    },
    /// Return a held message to its sender
    Reject {
        id: QueueId,
        /// Why, for the sender and the audit trail
        #[arg(long)]
        reason: Option<String>,
    },
    /// Try a waiting message now, or all of them
    Retry { id: Option<QueueId> },
    /// Give up on a waiting message and return it to its sender
    Bounce {
        id: QueueId,
        #[arg(long)]
        reason: Option<String>,
    },
}

pub fn queue(arguments: QueueArguments, now: Timestamp) -> Result<(), Failure> {
    let QueueArguments { control, json, command } = arguments;
    let detailed = matches!(command, QueueCommand::Show { .. });
    let request = match command {
        QueueCommand::List { selection } => Request::List { selection },
        QueueCommand::Show { id } => Request::Show { id },
        QueueCommand::Release { id, reason } => Request::Release { id, reason },
        QueueCommand::Reject { id, reason } => Request::Reject { id, reason },
        QueueCommand::Retry { id } => Request::Retry { id },
        QueueCommand::Bounce { id, reason } => Request::Bounce { id, reason },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::unavailable)?;
    let answer = runtime.block_on(ask(&control, &request)).map_err(Failure::unavailable)?;
    let mut out = std::io::stdout().lock();
    match answer {
        Answer::Refused { why } => return Err(Failure::negative(why)),
        answer if json => writeln!(out, "{}", serde_json::json!(answer))?,
        Answer::Messages { messages } if detailed => {
            messages.iter().try_for_each(|message| show(&mut out, message))?;
        }
        Answer::Messages { messages } => list(&mut out, &messages, now)?,
        Answer::Done { messages } => writeln!(out, "{messages} done")?,
    }
    Ok(())
}

fn list(out: &mut impl Write, messages: &[QueuedMessage], now: Timestamp) -> std::io::Result<()> {
    writeln!(
        out,
        "{:13}  {:>6}  {:>9}  {:5}  {:7}  SENDER → RECIPIENTS",
        "ID", "AGE", "SIZE", "LEVEL", "STATE"
    )?;
    for message in messages {
        let age = short(now.saturating_since(message.received_at));
        let state = if message.is_held() { "held" } else { "waiting" };
        let recipients: Vec<_> =
            message.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
        writeln!(
            out,
            "{}  {age:>6}  {:>9}  {:5}  {state:7}  <{}> → {}",
            message.id,
            message.size,
            message.level.to_string(),
            message.reverse_path,
            recipients.join(", "),
        )?;
    }
    writeln!(out, "{} messages", messages.len())
}

fn show(out: &mut impl Write, message: &QueuedMessage) -> std::io::Result<()> {
    writeln!(out, "{}", message.id)?;
    writeln!(out, "  received   {}, {}", message.received_at, message.direction)?;
    writeln!(out, "  sender     <{}>", message.reverse_path)?;
    writeln!(out, "  size       {} octets", message.size)?;
    writeln!(out, "  level      {} (policy {})", message.level, message.policy)?;
    if let Some(redirect) = &message.redirect {
        writeln!(out, "  redirected to {redirect}")?;
    }
    if let Some(hold) = &message.hold {
        writeln!(out, "  held by    {}", hold.rule)?;
        writeln!(out, "             {}", hold.reason)?;
        for finding in &hold.findings {
            writeln!(
                out,
                "    {:22} {:24} part {}, line {}: {}",
                finding.kind.name(),
                finding.masked,
                finding.part,
                finding.line,
                finding.why
            )?;
        }
    }
    for recipient in &message.recipients {
        let QueuedRecipient { address, protection, state, .. } = recipient;
        writeln!(out, "  recipient  {address}: {}", progress(state))?;
        writeln!(out, "             TLS {}", protection.tls)?;
    }
    Ok(())
}

fn progress(state: &RecipientState) -> String {
    match state {
        RecipientState::Pending { attempts: 0, .. } => "not tried yet".to_owned(),
        RecipientState::Pending { attempts, next_attempt_at, last } => {
            let last = last.as_deref().unwrap_or("no reply");
            format!("tried {attempts} times, again at {next_attempt_at}; last: {last}")
        }
        RecipientState::Delivered { at, reply } => format!("delivered {at}: {reply}"),
        RecipientState::Failed { at, reply } => format!("failed {at}: {reply}"),
    }
}

/// `3d`, `14h`, `5m`, `9s`: the largest unit is enough in a list.
fn short(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
