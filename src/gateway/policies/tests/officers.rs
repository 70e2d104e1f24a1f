//! What officers do: approve, refuse, return, and take up again.

use super::*;
use crate::gateway::{CameTo, PolicyStatus, VersionName};

const SECOND: &str = "[going_live]\napproval = \"second officer\"\n";
const ANNA: u32 = 1001;
const BEN: u32 = 1002;

fn name(version: &Version) -> VersionName {
    version.short().parse().unwrap()
}

fn approve(bench: &Bench, officer: &str, uid: u32, version: &Version) -> Result<Outcome, String> {
    let (version, officer) = (name(version), officer.to_owned());
    bench.ask(uid, PolicyRequest::Approve { version, officer, reason: None })
}

fn propose(bench: &Bench, officer: &str, uid: u32, reason: Option<&str>) -> Outcome {
    let (officer, reason) = (officer.to_owned(), reason.map(str::to_owned));
    bench.ask(uid, PolicyRequest::Propose { officer, reason }).unwrap()
}

fn give_back(bench: &Bench, version: Option<VersionName>) -> Result<Outcome, String> {
    let (officer, reason) = ("Anna".to_owned(), "it holds too much".to_owned());
    bench.ask(ANNA, PolicyRequest::Return { version, officer, reason })
}

fn status(bench: &Bench) -> PolicyStatus {
    match bench.going_live.answer(PolicyRequest::Status, &Signatory::user(0), bench.now) {
        PolicyAnswer::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proposed_version_waits_until_another_officer_approves_it() {
    let bench = Bench::new(SECOND);
    bench.heard.take();
    let outcome = propose(bench.write("reject"), "Anna", ANNA, Some("partners leave"));
    assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Waiting, "hold"));
    assert_eq!(bench.heard.take(), ["proposed by Anna (uid 1001)", "mail: waiting"]);
    assert_eq!(bench.going_live.metrics().waiting, 1);
    let version = version_in(&bench.policies());
    for (officer, uid) in [("anna", BEN), ("Ben", ANNA), ("", BEN)] {
        assert!(approve(&bench, officer, uid, &version).is_err(), "{officer} of {uid}");
    }
    let outcome = approve(&bench, "Ben", BEN, &version).unwrap();
    assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Live, "reject"));
    assert_eq!(bench.going_live.metrics().waiting, 0);
}

#[test]
fn after_a_signal_which_names_nobody_two_officers_are_needed() {
    let bench = Bench::new(SECOND);
    assert_eq!(bench.write("reject").reload().came_to, CameTo::Waiting);
    let version = version_in(&bench.policies());
    assert_eq!(approve(&bench, "Anna", ANNA, &version).unwrap().came_to, CameTo::Waiting);
    assert!(approve(&bench, "Anna", ANNA, &version).is_err());
    assert_eq!(bench.live(), "hold");
    assert_eq!(approve(&bench, "Ben", BEN, &version).unwrap().came_to, CameTo::Live);
}

#[test]
fn what_is_approved_is_what_was_looked_at_whatever_the_folder_has_since() {
    let bench = Bench::new(SECOND);
    propose(bench.write("reject"), "Anna", ANNA, None);
    let looked_at = version_in(&bench.policies());
    bench.write("defer");
    approve(&bench, "Ben", BEN, &looked_at).unwrap();
    assert_eq!(bench.live(), "reject");
    let other = version_in(&bench.policies());
    assert!(approve(&bench, "Ben", BEN, &other).is_err(), "never proposed");
}

#[test]
fn a_restart_keeps_what_waits_and_lets_nothing_else_in() {
    let bench = Bench::new(SECOND);
    propose(bench.write("reject"), "Anna", ANNA, Some("why"));
    let version = version_in(&bench.policies());
    let bench = bench.restart();
    assert_eq!(bench.live(), "hold");
    assert!(bench.heard.take().contains(&"mail: waiting".to_owned()), "officers are reminded");
    let waiting = &status(&bench).waiting;
    assert_eq!((waiting.len(), &waiting[0].version), (1, &version));
    assert!(approve(&bench, "Anna", ANNA, &version).is_err(), "who proposed it is not forgotten");
    bench.write("defer");
    let bench = bench.restart();
    assert_eq!((bench.live().as_str(), status(&bench).waiting.len()), ("hold", 2));
    assert_eq!(approve(&bench, "Ben", BEN, &version).unwrap().came_to, CameTo::Live);
    assert!(status(&bench).waiting.is_empty(), "another was taken");
}

#[test]
fn what_an_officer_refused_does_not_wait_again_before_somebody_says_why() {
    let bench = Bench::new(SECOND);
    propose(bench.write("reject"), "Anna", ANNA, None);
    let version = name(&version_in(&bench.policies()));
    let refuse =
        PolicyRequest::Refuse { version, officer: "Ben".into(), reason: "too strict".into() };
    bench.ask(BEN, refuse).unwrap();
    let refused = bench.reload().refused.unwrap();
    assert_eq!(refused.reason.name(), "approval");
    assert!(refused.headline.contains("Ben (uid 1002) (too strict)"), "{}", refused.headline);
    assert_eq!(propose(&bench, "Anna", ANNA, None).came_to, CameTo::Refused);
    assert_eq!(propose(&bench, "Anna", ANNA, Some("agreed by Ben")).came_to, CameTo::Waiting);
}

#[test]
fn a_version_that_was_returned_from_is_not_brought_back_by_a_reload_or_a_start() {
    let bench = Bench::new("");
    bench.write("reject").reload();
    let outcome = give_back(&bench, None).unwrap();
    assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Live, "hold"));
    // A hook that renews certificates sends SIGHUP too.
    assert_eq!(bench.reload().refused.unwrap().reason.name(), "returned");
    let bench = bench.restart();
    assert_eq!(bench.live(), "hold");
    assert_eq!(propose(&bench, "Anna", ANNA, Some("mended elsewhere")).came_to, CameTo::Live);
    assert_eq!(bench.live(), "reject");
}

#[test]
fn only_what_has_decided_here_can_be_returned_to() {
    let bench = Bench::new(SECOND);
    propose(bench.write("reject"), "Anna", ANNA, None);
    let waits = version_in(&bench.policies());
    assert!(give_back(&bench, Some(name(&waits))).unwrap_err().contains("never decided"));
    assert!(give_back(&bench, None).is_err(), "nothing earlier is known");
    assert!(give_back(&bench, Some("000000000000".parse().unwrap())).is_err());
}

#[test]
fn every_act_says_who_and_why() {
    let bench = Bench::new("");
    bench.write("reject").reload();
    let long = "why ".repeat(1_000);
    for (officer, reason) in [("", "why"), ("Anna", " "), ("x\u{7}y", "why"), ("Anna", &long)] {
        let (officer, reason) = (officer.to_owned(), reason.to_owned());
        let version = None;
        assert!(bench.ask(ANNA, PolicyRequest::Return { version, officer, reason }).is_err());
    }
    assert_eq!(bench.live(), "reject");
    give_back(&bench, None).unwrap();
    let PolicyAnswer::History { steps } =
        bench.going_live.answer(PolicyRequest::History, &Signatory::user(0), bench.now)
    else {
        panic!("no history");
    };
    let returned = steps.iter().find(|step| step.step.name() == "returned").unwrap();
    assert_eq!(returned.by.to_string(), "Anna (uid 1001)");
    assert_eq!(returned.reason.as_deref(), Some("it holds too much"));
}

#[test]
fn the_files_of_a_version_are_shown_as_they_were() {
    let bench = Bench::new("");
    let first = version_in(&bench.policies());
    bench.write("reject").reload();
    let request = PolicyRequest::Show { version: name(&first) };
    match bench.going_live.answer(request, &Signatory::user(0), bench.now) {
        PolicyAnswer::Files { version, files, .. } => {
            assert_eq!((version, files["rules.toml"].as_str()), (first, rule("hold").as_str()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_officer_in_the_console_is_another_than_one_at_the_socket() {
    let bench = Bench::new(SECOND);
    propose(bench.write("reject"), "Anna", ANNA, Some("partners leave"));
    let version = version_in(&bench.policies());
    let approve = |officer: &str| {
        let (version, officer) = (name(&version), officer.to_owned());
        let request = PolicyRequest::Approve { version, officer, reason: None };
        bench.going_live.answer(request, &Signatory::default(), bench.now)
    };
    assert!(matches!(approve("anna"), PolicyAnswer::Declined { .. }));
    let PolicyAnswer::Outcome(outcome) = approve("ben") else { panic!("declined") };
    assert_eq!((outcome.came_to, bench.live().as_str()), (CameTo::Live, "reject"));
    assert!(bench.heard.take().contains(&"approved by ben (console)".to_owned()));
}
