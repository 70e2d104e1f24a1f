//! A version on trial: for whom it decides, when it takes over, and when the
//! one before comes back.

use super::*;
use crate::{gateway::CameTo, mail::Disposition};

/// The band is right for a policy that holds every other message.
const HALF: &str = "[going_live.canary]\nshare = \"50%\"\nlasts = \"1h\"\nleast_messages = 20\n\
                    hold_rate = \"90%..100%\"\n";
/// And this for one that stops nothing.
const FEW: &str = "[going_live.canary]\nshare = \"50%\"\nlasts = \"1h\"\nleast_messages = 20\n\
                   hold_rate = \"0%..10%\"\n";

fn senders(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("person{number}@nhs.example"))
}

/// Sends so many, and gives how many the version on trial has decided.
fn send(bench: &Bench, numbers: std::ops::Range<usize>) -> usize {
    senders(numbers)
        .filter(|sender| bench.decide(sender).disposition == Disposition::Reject)
        .count()
}

fn status(bench: &Bench) -> Option<crate::gateway::CanaryShown> {
    match bench.going_live.answer(PolicyRequest::Status, &Signatory::user(0), bench.now) {
        PolicyAnswer::Status(status) => status.canary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_decides_for_its_share_and_the_version_before_for_the_rest() {
    let bench = Bench::new(HALF);
    assert_eq!(bench.write("reject").reload().came_to, CameTo::Canary);
    let decided = send(&bench, 0..200);
    assert!((60..140).contains(&decided), "{decided} of 200");
    assert_eq!(send(&bench, 0..200), decided, "the same senders again");
    let shown = status(&bench).unwrap();
    assert_eq!(shown.messages, 2 * decided as u64);
    assert_eq!(bench.reload().came_to, CameTo::Unchanged, "it is on trial already");
    assert_eq!(status(&bench).unwrap().messages, 2 * decided as u64);
}

#[test]
fn without_fault_it_takes_over_whole_when_its_time_is_up() {
    let mut bench = Bench::new(HALF);
    bench.write("reject").reload();
    send(&bench, 0..100);
    bench.later(3_599);
    assert_eq!(bench.live(), "hold");
    bench.heard.take();
    bench.later(1);
    assert_eq!((bench.live().as_str(), status(&bench)), ("reject", None));
    assert_eq!(bench.heard.take()[0], "live by the gateway");
}

#[test]
fn with_too_few_messages_it_goes_on_past_its_time_until_an_officer_says_enough() {
    let mut bench = Bench::new(HALF);
    bench.write("reject").reload();
    assert!(send(&bench, 0..10) < 20);
    bench.later(7_200);
    assert!(status(&bench).is_some());
    let complete = PolicyRequest::Complete { officer: "Anna".into(), reason: "seen enough".into() };
    assert_eq!(bench.ask(1001, complete.clone()).unwrap().came_to, CameTo::Live);
    assert_eq!((bench.live().as_str(), status(&bench)), ("reject", None));
    assert!(bench.ask(1001, complete).is_err(), "there is none any longer");
}

#[test]
fn a_hold_rate_out_of_its_band_brings_the_version_before_back_and_officers_are_told() {
    let mut bench = Bench::new(FEW);
    bench.write("reject").reload();
    // Three mails decide nothing.
    send(&bench, 0..6);
    bench.later(1);
    assert!(status(&bench).is_some());
    send(&bench, 0..100);
    bench.heard.take();
    bench.later(1);
    assert_eq!((bench.live().as_str(), status(&bench)), ("hold", None));
    assert_eq!(send(&bench, 0..100), 0);
    let told = bench.heard.take();
    let version = bench.going_live.policies.live().version().to_owned();
    let expected = [
        "returned by the gateway",
        &format!("loaded {version}"),
        "refused returned",
        "mail: returned",
    ];
    assert_eq!(told, expected);
    // Its files still stand in the folder, and come back by no reload or start.
    assert_eq!(bench.reload().refused.unwrap().reason.name(), "returned");
    assert_eq!(bench.restart().live(), "hold");
}

#[test]
fn a_restart_in_the_middle_goes_on_with_the_same_senders_time_and_counts() {
    let mut bench = Bench::new(HALF);
    bench.write("reject").reload();
    let decided = send(&bench, 0..100);
    bench.later(1_800);
    bench.going_live.save();
    let mut bench = bench.restart();
    let shown = status(&bench).unwrap();
    assert_eq!((shown.messages, shown.seconds_left), (decided as u64, 1_800));
    assert_eq!(send(&bench, 0..100), decided);
    bench.later(1_800);
    assert_eq!(bench.live(), "reject");
}

#[test]
fn an_edit_taken_back_ends_the_trial() {
    let bench = Bench::new(HALF);
    bench.write("reject").reload();
    assert_eq!(bench.write("hold").reload().came_to, CameTo::Live);
    assert_eq!((send(&bench, 0..50), status(&bench)), (0, None));
}

#[test]
fn a_trial_turns_with_the_day_and_goes_on() {
    let mut bench = Bench::new(&HALF.replace("1h", "4d"));
    bench.write("reject").reload();
    let decided = send(&bench, 0..100);
    bench.later(24 * 3_600);
    assert_eq!(status(&bench).unwrap().messages, decided as u64);
    assert_eq!(send(&bench, 0..100), decided);
}
