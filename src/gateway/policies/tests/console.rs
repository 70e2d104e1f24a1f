//! What officers see of versions in the console, and say to them there.

use std::path::PathBuf;

use super::*;
use crate::{
    console::{DeskError, PolicyDesk, PolicyTurn, PolicyVerdict},
    gateway::console::PolicyOffice,
    mail::{Actor, ActorDoor, KnownBy, Role, Scope},
};

const SECOND: &str = "[going_live]\napproval = \"second officer\"\n";

fn person(name: &str, known_by: KnownBy) -> Actor {
    let (roles, scope) = (vec![Role::Approver], Scope::Everybody);
    Actor { name: name.to_owned(), door: ActorDoor::Console, known_by, roles, scope }
}

fn office(bench: &Bench) -> PolicyOffice {
    PolicyOffice { going_live: Arc::clone(&bench.going_live), trail: PathBuf::from("no/trail") }
}

/// A version that waits, as ann has proposed it at the socket.
fn proposed() -> (Bench, String) {
    let bench = Bench::new(SECOND);
    let (officer, reason) = ("whoever".to_owned(), Some("partners leave".to_owned()));
    let ann = Signatory::at_socket(1001, &person("ann", KnownBy::Account));
    let request = PolicyRequest::Propose { officer, reason };
    let answer = bench.write("reject").going_live.answer(request, &ann, bench.now);
    assert!(matches!(answer, PolicyAnswer::Outcome(_)), "{answer:?}");
    let version = version_in(&bench.policies()).to_string();
    (bench, version)
}

#[tokio::test]
async fn a_version_is_approved_by_somebody_else_than_has_proposed_it_at_the_socket() {
    let (bench, version) = proposed();
    let office = office(&bench);
    for (second, why) in [
        (person("ann", KnownBy::Account), "stands for this version already"),
        (person("openid:ben", KnownBy::Provider), "may be you"),
    ] {
        let refused = office.judge(&second, &version, PolicyVerdict::Approve, "seen").await;
        let Err(DeskError::Refused(said)) = refused else { panic!("{refused:?}") };
        assert!(said.contains(why), "{said}");
        assert_eq!(bench.live(), "hold");
    }
    bench.heard.take();
    let ben = person("ben", KnownBy::Account);
    office.judge(&ben, &version, PolicyVerdict::Approve, "seen").await.unwrap();
    assert_eq!(bench.live(), "reject");
    assert!(bench.heard.take().contains(&"approved by ben (console)".to_owned()));
    let again = office.judge(&ben, &version, PolicyVerdict::Approve, "seen").await;
    assert!(matches!(again, Err(DeskError::Refused(_))), "{again:?}");
}

#[tokio::test]
async fn a_version_that_is_refused_waits_no_longer_and_decides_nothing() {
    let (bench, version) = proposed();
    let (office, ben) = (office(&bench), person("ben", KnownBy::Account));
    let without = office.judge(&ben, &version, PolicyVerdict::Refuse, " ").await;
    assert!(matches!(without, Err(DeskError::Refused(_))), "a reason is needed: {without:?}");
    assert_eq!(office.standing().await.unwrap().waiting.len(), 1);
    office.judge(&ben, &version, PolicyVerdict::Refuse, "too strict").await.unwrap();
    let standing = office.standing().await.unwrap();
    assert_eq!((standing.waiting.len(), bench.live().as_str()), (0, "hold"));
    assert_eq!(standing.history[0].reason.as_deref(), Some("too strict"));
    assert_eq!(standing.history[0].by, "ben (console)");
}

#[tokio::test]
async fn a_version_that_waits_is_shown_beside_the_one_that_decides() {
    let (bench, version) = proposed();
    let office = office(&bench);
    let standing = office.standing().await.unwrap();
    assert_ne!(standing.version, version);
    let [waiting] = standing.waiting.as_slice() else { panic!("{:?}", standing.waiting) };
    assert_eq!((&waiting.version, waiting.reason.as_deref()), (&version, Some("partners leave")));
    assert_eq!(waiting.proposed_by, "ann (uid 1001)", "whatever they wrote");
    let compared = office.comparison(&version).await.unwrap();
    assert!(compared.is_complete);
    let [change] = compared.changes.as_slice() else { panic!("{:?}", compared.changes) };
    assert_eq!(change.turn, PolicyTurn::Tighter);
    let example = change.example.as_ref().unwrap();
    assert!(example.before.starts_with("hold") && example.after.starts_with("reject"));
    assert!(compared.proofs.iter().all(|proof| proof.holds) && compared.proofs.len() == 1);
    let rules = office.file(&version, "rules.toml").await.unwrap();
    assert!(rules.contains("then = \"reject\""), "{rules}");
}

#[tokio::test]
async fn what_is_no_version_or_none_of_its_files_is_not_there() {
    let (bench, version) = proposed();
    let (office, ben) = (office(&bench), person("ben", KnownBy::Account));
    for wrong in ["", "../../etc", "0123456789abcdef"] {
        let judged = office.judge(&ben, wrong, PolicyVerdict::Approve, "seen").await;
        assert!(judged.is_err(), "{wrong}");
        assert!(office.comparison(wrong).await.is_err(), "{wrong}");
        assert_eq!(office.file(wrong, "rules.toml").await, Err(DeskError::Unknown), "{wrong}");
    }
    for wrong in ["", "../postern.toml", "/etc/passwd"] {
        assert_eq!(office.file(&version, wrong).await, Err(DeskError::Unknown), "{wrong}");
    }
    assert_eq!(bench.live(), "hold");
}
