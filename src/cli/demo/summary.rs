//! The summary: all messages at one glance, who was told, where to look next.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    scene::{HOSPITAL, Scene},
    story::Story,
    telling::disposition,
    watch::{Arrived, Log},
};
use crate::cli::page::{Ink, Page, Piece, piece};
use crate::{
    content::Content,
    mail::{CertificateVerdict, Disposition, Outcome, ReversePath, Told},
};

/// What is known only after all messages: the notices that have arrived, and
/// that what waits has gone nowhere meanwhile.
pub(super) struct Aftermath {
    pub(super) notices: Vec<Notice>,
    pub(super) differences: Vec<String>,
}

/// A notice or report as it arrived.
pub(super) struct Notice {
    to: String,
    subject: String,
}

impl Aftermath {
    /// Waits until everybody who is to be told has been.
    pub(super) async fn of(scene: &Scene, stories: &[Story]) -> Self {
        let expected = stories.iter().map(|story| owed(scene, story)).sum();
        let all_there = |log: &Log| (notices(log).len() >= expected).then_some(());
        let told = scene.watch.until(PATIENCE, all_there).await;
        let log = scene.watch.log();
        let notices = notices(&log);
        let mut differences = Vec::new();
        if told.is_none() {
            let found = notices.len();
            differences.push(format!("{expected} notices were expected, {found} arrived"));
        }
        for story in stories.iter().filter(|story| waits(story)) {
            let to = &story.letter.to;
            if log.arrived.iter().any(|arrived| arrived.is_for(to)) {
                differences.push(format!("what had to wait for {to} has gone there"));
            }
        }
        Self { notices, differences }
    }
}

/// How many notices a message leads to.
fn owed(scene: &Scene, story: &Story) -> usize {
    match story.decision() {
        Some(decision) if decision.disposition == Disposition::Hold => {
            let owed = |told: &Told| match told {
                Told::Sender => 1,
                Told::Officers => scene.policy.officers().len(),
            };
            decision.tell.iter().map(owed).sum()
        }
        // Its sender is told that it is late.
        _ => usize::from(waits(story)),
    }
}

fn waits(story: &Story) -> bool {
    matches!(story.outcome(), Some(Outcome::Transient(_)))
}

fn notices(log: &Log) -> Vec<Notice> {
    let is_notice = |arrived: &&Arrived| arrived.envelope.reverse_path == ReversePath::Null;
    let notice = |arrived: &Arrived| {
        let to = arrived.envelope.recipients.iter().map(|to| to.address.to_string());
        let to: Vec<_> = to.collect();
        let subject = Content::parse(arrived.content.clone()).subject().unwrap_or_default();
        Notice { to: to.join(", "), subject }
    };
    log.arrived.iter().filter(is_notice).map(notice).collect()
}

pub(super) fn summarise(
    page: &mut Page<impl Write>,
    stories: &[Story],
    aftermath: &Aftermath,
    took: Duration,
) -> io::Result<()> {
    page.heading("", "Summary")?;
    page.empty_line()?;
    let rows: Vec<_> = stories.iter().zip(1..).map(|(story, number)| row(number, story)).collect();
    page.table(&["#", "Message", "Level", "Decision", "On the wire", "OK?"], &rows)?;
    page.empty_line()?;
    page.row("", &counts(stories))?;
    tell_notices(page, &aftermath.notices)?;
    for difference in &aftermath.differences {
        page.row("UNEXPECTED", &[piece(Ink::Bad, difference)])?;
    }
    page.empty_line()?;
    let wrong = stories.iter().filter(|story| !story.differences.is_empty()).count();
    let seconds = took.as_secs_f64();
    let verdict = match wrong + aftermath.differences.len() {
        0 => {
            let all = format!("Every message met the fate it should, in {seconds:.1} seconds.");
            piece(Ink::Good, all)
        }
        _ => piece(
            Ink::Bad,
            format!("{wrong} of {} messages did not go as expected.", stories.len()),
        ),
    };
    page.text(&[verdict])
}

fn row(number: usize, story: &Story) -> Vec<Piece> {
    let (ink, word) = match story.disposition() {
        Some(known) => disposition(known),
        None => (Ink::Bad, "none"),
    };
    let expected = match story.differences.is_empty() {
        true => piece(Ink::Good, "yes"),
        false => piece(Ink::Bad, "NO"),
    };
    let level = story.level().map(|level| level.to_string()).unwrap_or_default();
    vec![
        piece(Ink::Quiet, format!("{number:>2}")),
        piece(Ink::Plain, story.scenario.name),
        piece(Ink::Plain, level),
        piece(ink, word),
        piece(Ink::Plain, wire(story)),
        expected,
    ]
}

fn wire(story: &Story) -> String {
    let Some(evidence) = story.evidence() else {
        return match story.disposition() {
            Some(Disposition::Hold) => "in quarantine".to_owned(),
            _ => format!("refused with {}", story.reply.code),
        };
    };
    let version = evidence.tls.as_ref().map_or("in clear", |tls| tls.version.as_str());
    match (story.outcome(), &evidence.certificate) {
        (Some(Outcome::Delivered(_)), CertificateVerdict::Valid { .. }) => {
            format!("{version}, verified")
        }
        (Some(Outcome::Delivered(_)), _) => format!("{version}, not verified"),
        (_, CertificateVerdict::Invalid(_)) => "waiting: bad certificate".to_owned(),
        (Some(outcome), _) => outcome.name().to_owned(),
        (None, _) => String::new(),
    }
}

fn counts(stories: &[Story]) -> Vec<Piece> {
    let mut pieces = vec![piece(Ink::Strong, format!("{} messages:", stories.len()))];
    let count = |fits: &dyn Fn(&Story) -> bool| stories.iter().filter(|story| fits(story)).count();
    let delivered = count(&|story| matches!(story.outcome(), Some(Outcome::Delivered(_))));
    let held = count(&|story| story.disposition() == Some(Disposition::Hold));
    let refused = count(&|story| story.disposition() == Some(Disposition::Reject));
    let waiting = count(&waits);
    let text = format!("{delivered} delivered, {waiting} waiting, {held} held, {refused} refused");
    pieces.push(piece(Ink::Plain, text));
    pieces
}

/// The same notice to many is one line.
fn tell_notices(page: &mut Page<impl Write>, notices: &[Notice]) -> io::Result<()> {
    let mut told: Vec<(&Notice, usize)> = Vec::new();
    for notice in notices {
        let same = |(known, _): &&mut (&Notice, usize)| {
            known.to == notice.to && known.subject == notice.subject
        };
        match told.iter_mut().find(same) {
            Some((_, times)) => *times += 1,
            None => told.push((notice, 1)),
        }
    }
    told.sort_by_key(|(notice, _)| notice.to.as_str());
    let mut label = "Told";
    for (notice, times) in told {
        let times = if times > 1 { format!("({times} times)") } else { String::new() };
        page.row(
            label,
            &[
                piece(Ink::Plain, format!("{}:", notice.to)),
                piece(Ink::Quiet, format!("“{}”", notice.subject)),
                piece(Ink::Plain, times),
            ],
        )?;
        label = "";
    }
    Ok(())
}

/// Whether all went as it should.
pub(super) fn is_as_expected(stories: &[Story], aftermath: &Aftermath) -> bool {
    aftermath.differences.is_empty() && stories.iter().all(|story| story.differences.is_empty())
}

/// Before anything is sent: who stands where.
pub(super) fn introduce(page: &mut Page<impl Write>, scene: &Scene) -> io::Result<()> {
    page.heading("", "Postern: a gateway for mail that can carry patient data")?;
    page.text(&[piece(
        Ink::Plain,
        "A complete gateway runs on loopback, with certificates and keys made a moment ago, and \
         around it stand-ins for the world. Every message goes through real sockets. The patients \
         are invented, and their NHS numbers belong to nobody.",
    )])?;
    page.empty_line()?;
    let gateway = format!("{}, for the mailboxes of {HOSPITAL}", scene.smtp_address());
    page.row("Gateway", &[piece(Ink::Strong, gateway)])?;
    let version = format!("version {}, with these destinations added", scene.policy.version());
    page.row(
        "Policy",
        &[piece(Ink::Strong, format!("{},", scene.policies)), piece(Ink::Plain, version)],
    )?;
    let mut label = "World";
    for (place, address) in &scene.stand_ins {
        page.row(
            label,
            &[
                piece(Ink::Strong, place.domain),
                piece(Ink::Plain, format!("at {address}:")),
                piece(Ink::Quiet, place.what),
            ],
        )?;
        label = "";
    }
    Ok(())
}

const PATIENCE: Duration = Duration::from_secs(15);
