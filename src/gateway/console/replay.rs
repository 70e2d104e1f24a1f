//! What a version would have decided otherwise of the last days' mail: as
//! `postern replay` asks it, as far as a few seconds go. Facts and rules alone:
//! no address and nothing that was found is told.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    console::{PolicyReplay, PolicyTurn, ReplayedChange},
    decide::decide,
    mail::{RecordedDecision, Timestamp},
    observe::{More, TrailLine, search_trail},
    policy::{Cause, Change, Policy, Replay, Tally, Turn},
};

/// Reads the trail in `folder`: blocks for `time` at the most.
pub(super) fn replayed(
    folder: &Path,
    policy: &Policy,
    now: Timestamp,
    time: Duration,
) -> PolicyReplay {
    let began = Instant::now();
    let since = now.unix_milliseconds().saturating_sub(A_WEEK);
    let since = Timestamp::from_unix_milliseconds(since);
    let mut replay = Replay::new(policy, decide);
    let (mut unread, mut is_complete) = (0, true);
    let mut each = |line: TrailLine<'_>| {
        if began.elapsed() >= time {
            is_complete = false;
            return More::Unwanted;
        }
        match RecordedDecision::read(line.octets()) {
            Ok(Some(mut decision)) if decision.facts.received_at >= Some(since) => {
                replay.ask(&mut decision);
            }
            Ok(_) => {}
            Err(_) => unread += 1,
        }
        More::Wanted
    };
    let read = search_trail(folder, Some(since), &mut each);
    let report = replay.finish();
    let mut changes: Vec<ReplayedChange> =
        report.changes.iter().map(|(change, tally)| shown(change, tally)).collect();
    changes.sort_by_key(|change| (change.turn, std::cmp::Reverse(change.copies)));
    let of = |turn| changes.iter().filter(|one| one.turn == turn).map(|one| one.copies).sum();
    PolicyReplay {
        is_complete,
        messages: report.messages,
        from: report.from,
        to: report.to,
        looser: of(PolicyTurn::Looser),
        tighter: of(PolicyTurn::Tighter),
        otherwise: of(PolicyTurn::Otherwise),
        unchanged: report.unchanged,
        held_before: report.held_before,
        held_after: report.held_after,
        not_asked: report.not_asked.values().sum(),
        unread,
        remarks: read.unwrap_or_else(|error| vec![error.to_string()]),
        changes: changes.into_iter().take(MOST_CHANGES).collect(),
    }
}

fn shown(change: &Change, tally: &Tally) -> ReplayedChange {
    ReplayedChange {
        turn: match change.effect.turn() {
            Turn::Tightening => PolicyTurn::Tighter,
            Turn::Loosening => PolicyTurn::Looser,
            Turn::Other => PolicyTurn::Otherwise,
        },
        what: change.effect.to_string(),
        why: match &change.cause {
            Cause::Rule(rule) => format!("by “{rule}”"),
            Cause::NoLonger(rule) => format!("no longer by “{rule}”"),
            Cause::Policy => "by the policy as a whole".to_owned(),
        },
        copies: tally.copies,
        messages: tally.messages,
        examples: tally.examples.iter().map(ToString::to_string).collect(),
    }
}

/// Decisions that are asked again, in milliseconds.
const A_WEEK: u64 = 7 * 24 * 3600 * 1_000;
/// Law 7.
const MOST_CHANGES: usize = 100;

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::policy::{Context, Sources};

    const LONG: Duration = Duration::from_secs(600);

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn policy(rules: &str) -> Policy {
        let mut sources = Sources::new("");
        let levels = b"[levels]\n0 = \"a\"\n1 = \"b\"\n2 = \"c\"\n3 = \"d\"\n4 = \"e\"\n";
        sources.add("policy.toml", levels);
        sources.add("domains.toml", b"");
        sources.add("classification.toml", b"");
        sources.add("rules.toml", rules.as_bytes());
        let context = Context { today: date(2026, 11, 23), local_domains: &[], test_range: None };
        Policy::compile(&sources, &context).0.unwrap()
    }

    /// A message of level 3, relayed on that day by the policy of then.
    fn relayed(day: u8, number: u64) -> String {
        let id = crate::mail::QueueId::from_bits(number);
        format!(
            "{{\"at\":\"2026-11-{day:02}T10:00:00.000Z\",\"event\":\"decision\",\"id\":\"{id}\",\
             \"v\":1,\"policy\":\"old\",\"facts\":{{\"direction\":\"outbound\",\
             \"reverse_path\":\"dr@nhs.test.example\",\"level\":3,\"kinds\":{{}},\
             \"marking\":null,\"secure_tag\":\"absent\",\"opaque\":[],\"authentication\":null,\
             \"arrival\":\"clear\",\"size\":312,\"attachment_types\":[],\
             \"visible_recipients\":1}},\"recipients\":[{{\
             \"recipient\":\"a@elsewhere.example\",\"disposition\":\"relay\",\"rule\":null,\
             \"observed\":[],\"tls\":\"opportunistic\",\"redirect\":null,\"class\":\"internet\",\
             \"clearance\":1}}]}}\n"
        )
    }

    fn trail(lines: &[String]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("audit.jsonl"), lines.concat()).unwrap();
        folder
    }

    const HOLDS: &str = "[[rule]]\nname = \"held now\"\nwhen = { level = \"3..4\" }\n\
                         then = \"hold\"\nreason = \"Because.\"\n";

    #[test]
    fn what_a_version_would_have_held_is_counted_and_no_address_told() {
        let folder = trail(&[relayed(2, 1), relayed(22, 2), relayed(23, 3), "{damaged\n".into()]);
        let told = replayed(folder.path(), &policy(HOLDS), now(), LONG);
        assert_eq!((told.messages, told.is_complete, told.unread), (2, true, 1), "of a week");
        assert_eq!((told.tighter, told.looser, told.otherwise, told.unchanged), (2, 0, 0, 0));
        assert_eq!((told.held_before, told.held_after), (0, 2));
        let [change] = told.changes.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (change.what.as_str(), change.why.as_str()),
            ("held instead of relayed", "by “held now”")
        );
        assert_eq!(
            change.examples,
            [2, 3].map(|one| crate::mail::QueueId::from_bits(one).to_string())
        );
        assert!(!format!("{told:?}").contains('@'));
        let same = replayed(folder.path(), &policy(""), now(), LONG);
        assert_eq!((same.unchanged, same.changes.len()), (2, 0));
    }

    #[test]
    fn what_there_was_no_time_to_ask_is_told_of() {
        let folder = trail(&[relayed(22, 1)]);
        let told = replayed(folder.path(), &policy(HOLDS), now(), Duration::ZERO);
        assert_eq!((told.messages, told.is_complete), (0, false));
        let gone = replayed(Path::new("/no/such/folder"), &policy(HOLDS), now(), LONG);
        assert_eq!((gone.messages, gone.remarks.len()), (0, 1));
    }
}
