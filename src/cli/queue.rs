//! `postern queue`: the spool of the running gateway.

use std::{io::Write, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{
    control::{Control, asked},
    exit::Failure,
    story::Story,
};
use crate::{
    config::Span,
    gateway::{Answer, LessTls, Request, Selection},
    mail::{
        ByMode, Exemption, NextHop, Notify, QueueId, QueuedMessage, QueuedRecipient,
        RecipientState, Recourse, Requests, RequireTls, Timestamp, TlsFault, TlsNotice, Unmet,
        Urgency,
    },
    report::story::{fates, timeline},
};

#[derive(Debug, Args)]
pub struct QueueArguments {
    #[command(flatten)]
    control: Control,
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
    /// Tell the whole story of a message, in the queue or long gone
    Trace {
        id: QueueId,
        /// Read the audit trail in this folder, and ask no gateway
        #[arg(long, value_name = "DIR")]
        audit: Option<PathBuf>,
    },
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
    /// Let one message go with less TLS than policy asks for, for a while
    Exempt {
        id: QueueId,
        /// What it may go with
        #[arg(long, value_enum)]
        tls: LessTls,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        /// For how long: 30m, 4h, 2d
        #[arg(long = "for", value_name = "TIME", default_value = "4h")]
        time: Span,
    },
    /// Send what waits of a message another way, as well protected
    Redirect {
        id: QueueId,
        /// smtp://host:port
        #[arg(long, value_name = "NEXT HOP")]
        to: NextHop,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
    },
    /// Give up on a waiting message and return it to its sender
    Bounce {
        id: QueueId,
        #[arg(long)]
        reason: Option<String>,
    },
}

pub fn queue(arguments: QueueArguments, now: Timestamp) -> Result<(), Failure> {
    let QueueArguments { control: Control { control, json }, command } = arguments;
    if let QueueCommand::Trace { id, audit } = command {
        return trace(id, &Story::find(id, &control, audit.as_deref())?, json);
    }
    let detailed = matches!(command, QueueCommand::Show { .. });
    let request = match command {
        QueueCommand::List { selection } => Request::List { selection },
        QueueCommand::Show { id } => Request::Show { id },
        QueueCommand::Trace { id, .. } => Request::Trace { id },
        QueueCommand::Release { id, reason } => Request::Release { id, reason },
        QueueCommand::Reject { id, reason } => Request::Reject { id, reason },
        QueueCommand::Retry { id } => Request::Retry { id },
        QueueCommand::Exempt { id, tls, reason, time: Span(time) } => {
            Request::Exempt { id, tls, reason, seconds: time.as_secs() }
        }
        QueueCommand::Redirect { id, to, reason } => Request::Redirect { id, to, reason },
        QueueCommand::Bounce { id, reason } => Request::Bounce { id, reason },
    };
    let answer = asked(&control, &request)?;
    let mut out = std::io::stdout().lock();
    match answer {
        answer if json => writeln!(out, "{}", serde_json::json!(answer))?,
        Answer::Messages { messages } if detailed => {
            messages.iter().try_for_each(|message| show(&mut out, message))?;
        }
        Answer::Messages { messages } => list(&mut out, &messages, now)?,
        Answer::Done { messages } => writeln!(out, "{messages} done")?,
        Answer::Trail { .. }
        | Answer::Report { .. }
        | Answer::Policy(_)
        | Answer::Quarantine(_)
        | Answer::Audit(_)
        | Answer::Refused { .. } => {}
    }
    Ok(())
}

/// A timeline for people; for programs the lines of the audit trail, and what
/// has become of each recipient's copy as the last one.
fn trace(id: QueueId, story: &Story, json: bool) -> Result<(), Failure> {
    let Story { lines, remarks, queued } = story;
    let queued = queued.as_deref();
    let mut out = std::io::stdout().lock();
    if !json {
        write!(out, "{}", timeline(id, lines, queued, remarks))?;
        return Ok(());
    }
    let events = lines.iter().map(|line| line.value.clone());
    let fate = serde_json::json!({
        "event": "fate", "id": id, "recipients": fates(id, lines, queued), "remarks": remarks,
    });
    let events: Vec<serde_json::Value> = events.chain([fate]).collect();
    writeln!(out, "{}", serde_json::json!(events))?;
    Ok(())
}

fn list(out: &mut impl Write, messages: &[QueuedMessage], now: Timestamp) -> std::io::Result<()> {
    let states: Vec<String> = messages.iter().map(|message| state(message, now)).collect();
    let width = states.iter().map(|state| state.len()).max().unwrap_or(0).max("waiting".len());
    writeln!(
        out,
        "{:13}  {:>6}  {:>9}  {:5}  {:width$}  SENDER → RECIPIENTS",
        "ID", "AGE", "SIZE", "LEVEL", "STATE"
    )?;
    for (message, state) in messages.iter().zip(states) {
        let age = short(now.saturating_since(message.received_at));
        let recipients: Vec<_> =
            message.recipients.iter().map(|recipient| recipient.address.to_string()).collect();
        writeln!(
            out,
            "{}  {age:>6}  {:>9}  {:5}  {state:width$}  <{}> → {}",
            message.id,
            message.size,
            message.level.to_string(),
            message.reverse_path,
            recipients.join(", "),
        )?;
    }
    writeln!(out, "{} messages", messages.len())
}

fn state(message: &QueuedMessage, now: Timestamp) -> String {
    let unmet_since = message.waiting_for_tls().map(|(_, unmet)| unmet.since).min();
    match unmet_since {
        _ if message.is_held() => "held".to_owned(),
        _ if message.released_at() > now => "waiting for release".to_owned(),
        Some(since) => format!("waiting for TLS {}", short(now.saturating_since(since))),
        None => "waiting".to_owned(),
    }
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
    recourse(out, &message.recourse)?;
    requests(out, message)?;
    for recipient in &message.recipients {
        let QueuedRecipient { address, protection, state, notify, unmet, .. } = recipient;
        writeln!(out, "  recipient  {address}: {}", progress(state))?;
        writeln!(out, "             TLS {}", protection.tls)?;
        if let Some(Unmet { since, fault, told, .. }) = unmet.as_deref() {
            let fault = fault.map_or("not to be had", TlsFault::name);
            let told = match told {
                TlsNotice::Due => "nobody has been told yet",
                TlsNotice::Sent => "people have been told",
            };
            writeln!(out, "             waits for it since {since}: {fault}; {told}")?;
        }
        if let Some(notify) = notify {
            writeln!(out, "             sender is told of {}", told_of(*notify))?;
        }
    }
    Ok(())
}

/// What follows when TLS cannot be had.
fn recourse(out: &mut impl Write, recourse: &Recourse) -> std::io::Result<()> {
    let Recourse { urgency, fallback, exemption } = recourse;
    if *urgency == Urgency::Urgent {
        writeln!(out, "  urgent     people hear at once if its TLS cannot be had")?;
    }
    if let Some(next_hop) = fallback {
        writeln!(out, "  or else    {next_hop}, if its TLS cannot be had")?;
    }
    if let Some(Exemption { tls, by, reason, until }) = exemption {
        writeln!(out, "  exempt     TLS {tls} is enough until {until}, by {by}: {reason}")?;
    }
    Ok(())
}

/// What the sender has asked for beside delivery.
fn requests(out: &mut impl Write, message: &QueuedMessage) -> std::io::Result<()> {
    let Requests { envelope_id, require_tls, priority, deliver_by, release, .. } =
        &message.requests;
    if release.is_some() {
        writeln!(out, "  release    held until {}", message.released_at())?;
    }
    if let Some(priority) = priority {
        writeln!(out, "  priority   {}", priority.value())?;
    }
    if let Some(by) = deliver_by {
        let (moment, otherwise) = match by.mode {
            ByMode::Return => (message.requests.returned_at(message.received_at), "or returned"),
            ByMode::Notify => {
                (message.requests.noticed_at(message.received_at), "or its sender is told")
            }
        };
        let moment = moment.unwrap_or(message.received_at);
        writeln!(out, "  deliver by {moment}, {otherwise}")?;
    }
    if *require_tls == RequireTls::Yes {
        writeln!(out, "  REQUIRETLS verified TLS at every hop")?;
    }
    if let Some(id) = envelope_id {
        writeln!(out, "  envelope   {}", id.escape_debug())?;
    }
    Ok(())
}

fn told_of(notify: Notify) -> String {
    let kinds = [("success", notify.success), ("failure", notify.failure), ("delay", notify.delay)];
    let told: Vec<&str> =
        kinds.into_iter().filter_map(|(name, told)| told.then_some(name)).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
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

#[cfg(test)]
mod tests {
    use super::*;

    const ASKING: &str = r#"{"id":"01dcayhax6g00","received_at":1795367525123,
        "direction":"outbound","reverse_path":"dr@nhs.test.example","level":0,"policy":"p",
        "size":312,"requests":{"envelope_id":"QQ1","require_tls":"yes","priority":4,
        "deliver_by":{"seconds":600,"mode":"return","trace":"no"},
        "release":{"at":1795367585123}},
        "recipients":[{"address":"a@x.example","protection":{"tls":"verified"},
        "notify":{"success":false,"failure":false,"delay":false},
        "state":{"pending":{"attempts":0,"next_attempt_at":1795367525123,"last":null}}}]}"#;

    const WAITING: &str = r#"{"id":"01dcayhax6g00","received_at":1795367525123,
        "direction":"outbound","reverse_path":"dr@nhs.test.example","level":3,"policy":"p",
        "size":312,"recourse":{"urgency":"urgent","fallback":"smtp://portal.example:25",
        "exemption":{"tls":"encrypted","by":"uid 1000","reason":"agreed by telephone",
        "until":1795367585123}},
        "recipients":[{"address":"a@x.example","protection":{"tls":"verified"},
        "unmet":{"since":1795367525123,"told":"sent","fault":"certificate-expired",
        "reply":{"code":451,"enhanced":[4,7,5],"text":"no TLS"}},
        "state":{"pending":{"attempts":1,"next_attempt_at":1795367525123,"last":"no TLS"}}}]}"#;

    fn written(write: impl Fn(&mut Vec<u8>) -> std::io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_shows_what_its_sender_has_asked_for() {
        let message: QueuedMessage = serde_json::from_str(ASKING).unwrap();
        let shown = written(|out| show(out, &message));
        for line in [
            "  release    held until 2026-11-22T17:13:05.123Z\n",
            "  priority   4\n",
            "  deliver by 2026-11-22T17:22:05.123Z, or returned\n",
            "  REQUIRETLS verified TLS at every hop\n",
            "  envelope   QQ1\n",
            "  recipient  a@x.example: not tried yet\n",
            "             sender is told of nothing\n",
        ] {
            assert!(shown.contains(line), "{line:?} is missing in {shown}");
        }
    }

    #[test]
    fn what_waits_for_tls_shows_since_when_why_and_what_may_be_done_about_it() {
        let message: QueuedMessage = serde_json::from_str(WAITING).unwrap();
        let shown = written(|out| show(out, &message));
        for line in [
            "  urgent     people hear at once if its TLS cannot be had\n",
            "  or else    smtp://portal.example:25, if its TLS cannot be had\n",
            "  exempt     TLS encrypted is enough until 2026-11-22T17:13:05.123Z, by uid 1000: \
             agreed by telephone\n",
            "             waits for it since 2026-11-22T17:12:05.123Z: certificate-expired; \
             people have been told\n",
        ] {
            assert!(shown.contains(line), "{line:?} is missing in {shown}");
        }
        let later = message.received_at + Duration::from_secs(1500);
        let listed = written(|out| list(out, std::slice::from_ref(&message), later));
        assert!(listed.contains("waiting for TLS 25m"), "{listed}");
    }

    #[test]
    fn what_is_not_to_go_yet_waits_for_release_and_then_like_any_other() {
        let message: QueuedMessage = serde_json::from_str(ASKING).unwrap();
        let released_at = message.released_at();
        let messages = [message];
        let before = written(|out| list(out, &messages, messages[0].received_at));
        assert!(before.contains("  waiting for release  <dr@nhs.test.example>"), "{before}");
        let after = written(|out| list(out, &messages, released_at));
        assert!(after.contains("  waiting  <dr@nhs.test.example>"), "{after}");
    }
}
