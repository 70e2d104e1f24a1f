//! Terms, what senders ask, and what is taken out.

use std::time::Duration;

use super::{ORIGINAL, Scene, message, officer, person, release};
use crate::{
    console::{DeskError, QuarantineDesk, RequestDesk},
    gateway::queue::now,
    mail::{HeldAct, Level, RequestKind, Role, Scope},
};

#[tokio::test]
async fn what_nobody_judges_goes_back_and_what_is_under_legal_hold_never() {
    let scene = Scene::begin("[quarantine]\nexpiry = \"1h\"\n");
    let old = || message(2 * 3600, Level::CLINICAL);
    let (back, kept) =
        (scene.hold_with(old(), ORIGINAL).await, scene.hold_with(old(), ORIGINAL).await);
    let young = scene.hold(Level::CLINICAL).await;
    assert_eq!(scene.act_on(&officer("ann"), kept, &HeldAct::LegalHold).await, Ok((1, 0)));
    let scene = scene.restart("[quarantine]\nexpiry = \"1h\"\n");
    let stop = tokio_util::sync::CancellationToken::new();
    let keeping = tokio::spawn(scene.quarantine.clone().keep_terms(stop.clone()));
    let done = || {
        scene.heard.has(&format!("expire {back}"))
            && scene.heard.has("notice to ig@nhs.test.example")
    };
    while !done() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    keeping.await.unwrap();
    assert_eq!(scene.queued(back), None);
    assert!(scene.heard.has("notice to dr@nhs.test.example"));
    assert!(scene.queued(kept).unwrap().is_held() && scene.queued(young).unwrap().is_held());
    // One notice of all that is late.
    let digests = scene
        .going()
        .into_iter()
        .filter(|message| message.recipients[0].address.to_string() == "ig@nhs.test.example");
    assert_eq!(digests.count(), 1);
}

#[tokio::test]
async fn a_sender_asks_by_the_link_and_officers_hear_of_it() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::CLINICAL).await;
    let token = scene.quarantine.reports.requests.token(id);
    let desk: &dyn RequestDesk = &scene.quarantine;
    assert_eq!(desk.page(&token).await.unwrap().reference, id);
    let forged = token.replace('-', "-0");
    assert_eq!(desk.page(&forged).await, Err(DeskError::Unknown));
    for _ in 0..5 {
        desk.ask(&token, RequestKind::FalsePositive, "no patient in it", None).await.unwrap();
    }
    let more = desk.ask(&token, RequestKind::Release, "please", None).await;
    assert!(matches!(more, Err(DeskError::Refused(_))));
    let entry = scene.quarantine.queue.lines().ward().find(id).unwrap();
    assert_eq!(entry.requests.len(), 5);
    assert_eq!(entry.requests[0].justification, "no patient in it");
    assert!(scene.heard.has(&format!("false_positive_reported {id} by its sender")));
    assert!(scene.heard.has("notice to ig@nhs.test.example"));
    assert_eq!(scene.act_on(&officer("ann"), id, &release()).await, Ok((1, 0)));
    assert_eq!(desk.page(&token).await, Err(DeskError::Unknown));
}

#[tokio::test]
async fn an_export_opens_with_its_passphrase_alone_and_has_the_original() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::CLINICAL).await;
    let desk: &dyn QuarantineDesk = &scene.quarantine;
    let passphrase = "correct horse battery";
    let local = person("lea", Role::LocalAdministrator, Scope::Everybody);
    assert_eq!(desk.export(&local, id, passphrase, "why").await, Err(DeskError::Denied));
    for (passphrase, reason) in [("short", "why"), (passphrase, " ")] {
        let refused = desk.export(&officer("ann"), id, passphrase, reason).await;
        assert!(matches!(refused, Err(DeskError::Refused(_))));
    }
    let sealed = desk.export(&officer("ann"), id, passphrase, "for the police").await.unwrap();
    assert!(!sealed.windows(5).any(|octets| octets == b"hello"));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(sealed)).unwrap();
    let name = format!("{id}.original.eml");
    assert!(archive.by_name_decrypt(&name, b"correct horse batterz").is_err());
    let mut original = Vec::new();
    let mut file = archive.by_name_decrypt(&name, passphrase.as_bytes()).unwrap();
    std::io::Read::read_to_end(&mut file, &mut original).unwrap();
    assert_eq!(original, ORIGINAL);
    assert!(scene.heard.has(&format!("exported {id} by ann: for the police")));
}

#[tokio::test]
async fn terms_are_extended_and_portals_reached() {
    let scene = Scene::begin("");
    let (kept, away) = (scene.hold(Level::CLINICAL).await, scene.hold(Level::CLINICAL).await);
    let until = now() + Duration::from_secs(60 * 24 * 3600);
    assert_eq!(scene.act_on(&officer("ann"), kept, &HeldAct::Extend { until }).await, Ok((1, 0)));
    let entry = scene.quarantine.queue.lines().ward().find(kept).unwrap();
    assert_eq!(entry.expires_at, Some(until));
    let to: crate::mail::NextHop = "smtp://portal.example:25".parse().unwrap();
    let redirect = HeldAct::Redirect { to: to.clone() };
    assert_eq!(scene.act_on(&officer("ann"), away, &redirect).await, Ok((1, 0)));
    let gone = scene.queued(away).unwrap();
    assert_eq!((gone.is_held(), gone.redirect), (false, Some(to)));
}
