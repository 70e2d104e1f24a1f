//! The pages of quarantine over a desk of two messages.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::{
    console::{
        Acted, DeskError, HeldMessage, HeldQuery, Pending, Ports, QuarantineDesk, Which,
        testing::Fixture,
    },
    mail::{
        Actor, Direction, Finding, HeldAct, HeldEntry, HeldPage, Hold, Kind, KnownBy, Level,
        Masked, Proposal, Protection, QueueId, QueuedMessage, QueuedRecipient, Role, Timestamp,
    },
    quarantine::{Mark, MessageView, PartView, Sight, Span},
};

pub(in crate::console) fn id(number: u64) -> QueueId {
    QueueId::at(NOW.unix_milliseconds(), u16::try_from(number).unwrap_or(0))
}

/// Tells what it was asked for.
#[derive(Default)]
pub(in crate::console) struct Desk {
    asked: Mutex<Vec<String>>,
    proposal: Option<Proposal>,
}

impl Desk {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn note(&self, words: String) {
        self.asked.lock().unwrap().push(words);
    }

    fn entry(&self, number: u64) -> HeldEntry {
        HeldEntry {
            id: id(number),
            received_at: NOW,
            direction: Direction::Outbound,
            sender: "\"<img src=x onerror=alert(1)>\"@trust.example".parse().unwrap(),
            recipients: ["gp@x.example", "b@y.example"].map(|one| one.parse().unwrap()).to_vec(),
            subject: HOSTILE.to_owned(),
            size: 1_500,
            level: Level::SPECIALLY_PROTECTED,
            rule: format!("rule {HOSTILE}"),
            kinds: vec![Kind::NhsNumber],
            organisations: vec!["rxx".to_owned()],
            due_at: Timestamp::from_unix_milliseconds(1_000),
            expires_at: Some(NOW),
            legal_hold: false,
            proposal: self.proposal.clone(),
            requests: Vec::new(),
        }
    }
}

impl QuarantineDesk for Desk {
    fn list<'a>(&'a self, who: &'a Actor, wanted: &'a HeldQuery) -> Pending<'a, HeldPage> {
        self.note(format!("list {} {:?} {}", who.name, wanted.filter.level, wanted.offset));
        let entries = vec![self.entry(1), self.entry(2)];
        Box::pin(async move { Ok(HeldPage { entries, total: 2 }) })
    }

    fn message<'a>(&'a self, _: &'a Actor, asked: QueueId) -> Pending<'a, HeldMessage> {
        Box::pin(async move {
            if asked != id(1) {
                return Err(DeskError::Unknown);
            }
            let entry = self.entry(1);
            let finding = Finding {
                detector: "nhs".to_owned(),
                kind: Kind::NhsNumber,
                part: "1".to_owned(),
                line: 3,
                masked: Masked::of("999 000 0018"),
                confidence: 97,
                why: HOSTILE.to_owned(),
            };
            let (rule, reason) = (entry.rule.clone(), HOSTILE.to_owned());
            let recipients = entry.recipients.iter().cloned();
            let queued = QueuedMessage {
                id: asked,
                received_at: NOW,
                direction: entry.direction,
                reverse_path: entry.sender.clone(),
                body: Default::default(),
                encoding: Default::default(),
                requests: Default::default(),
                level: entry.level,
                policy: "abc".to_owned(),
                size: entry.size,
                redirect: None,
                hold: None,
                recourse: Default::default(),
                delay_notice: Default::default(),
                custody: Default::default(),
                recipients: recipients
                    .map(|one| QueuedRecipient::new(one, Protection::default(), NOW))
                    .collect(),
            };
            let hold = Hold {
                rule,
                reason,
                findings: vec![finding],
                tell: Vec::new(),
                case: Default::default(),
            };
            Ok(HeldMessage { entry, hold, queued, needs_approval: true })
        })
    }

    fn view<'a>(&'a self, who: &'a Actor, _: QueueId, sight: Sight) -> Pending<'a, MessageView> {
        self.note(format!("view {} {sight:?}", who.name));
        Box::pin(async move {
            let text = match sight {
                Sight::Masked => "••• ••• ••18",
                Sight::Revealed => "999 000 0018",
            };
            let why = HOSTILE.to_owned();
            let mark = Mark { kind: Kind::NhsNumber, confidence: 97, why };
            let plain = |text: &str| Span { text: text.to_owned(), mark: None };
            Ok(MessageView {
                sight,
                header: vec![("Subject".to_owned(), vec![plain(HOSTILE)])],
                parts: vec![PartView {
                    path: "1".to_owned(),
                    file_name: Some(format!("{HOSTILE}.html")),
                    media_type: "text/html".to_owned(),
                    size: 12,
                    text: vec![
                        plain("NHS No "),
                        Span { text: text.to_owned(), mark: Some(mark) },
                        plain("\n</div><script>alert(3)</script>"),
                    ],
                    remark: None,
                }],
                rendering: Some("<!doctype html><body>laid out</body>".to_owned()),
            })
        })
    }

    fn act<'a>(
        &'a self,
        who: &'a Actor,
        which: &'a Which,
        act: &'a HeldAct,
        reason: &'a str,
    ) -> Pending<'a, Acted> {
        let many = match which {
            Which::These(ids) => ids.len().to_string(),
            Which::All(filter) => {
                format!("all of {:?} before {}", filter.level, filter.until.is_some())
            }
        };
        self.note(format!("{} {} {many}: {reason}", who.name, act.name()));
        Box::pin(async move { Ok(Acted { done: 1, ..Acted::default() }) })
    }

    fn export<'a>(
        &'a self,
        who: &'a Actor,
        _: QueueId,
        passphrase: &'a str,
        reason: &'a str,
    ) -> Pending<'a, Bytes> {
        self.note(format!("export {} {passphrase}: {reason}", who.name));
        Box::pin(async move { Ok(Bytes::from_static(b"PK")) })
    }
}

fn house(desk: Desk) -> (Fixture, Arc<Desk>) {
    let desk = Arc::new(desk);
    let quarantine = Arc::clone(&desk) as Arc<dyn QuarantineDesk>;
    (Fixture::with(|ports| Ports { quarantine, ..ports }), desk)
}

fn path(end: &str) -> String {
    format!("/quarantine/{}{end}", id(1))
}

/// What a stranger wrote stands in the page as text, and nowhere as markup.
fn assert_harmless(page: &str) {
    for markup in
        ["<script>alert", "<img src=x", "\" onmouseover=", "</title><script", "</textarea><"]
    {
        assert!(!page.contains(markup), "{markup} in {page}");
    }
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
}

#[tokio::test]
async fn hostile_subjects_names_rules_and_reasons_stay_text() {
    let (house, _) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    for page in ["/quarantine".to_owned(), path("")] {
        let shown = officer.get(&page).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert_harmless(&shown.body);
        assert!(!shown.response.headers().iter().any(|(name, _)| name.as_str() == "x-evil"));
    }
    let bulk = officer.post("/quarantine/bulk", &format!("which=these&id={}", id(1))).await;
    assert_harmless(&bulk.body);
}

#[tokio::test]
async fn the_list_tells_by_when_to_judge_in_words() {
    let (house, desk) = house(Desk::default());
    let shown = house.browser(&[Role::Officer]).get("/quarantine?level=4&offset=50").await;
    assert!(shown.body.contains("overdue by"), "{}", shown.body);
    assert_eq!(desk.take(), ["list jane Some(Level(4)) 50"]);
    let wrong = house.browser(&[Role::Officer]).get("/quarantine?level=nine").await;
    assert!(wrong.body.contains("Choose one that is in the list") && desk.take().is_empty());
}

#[tokio::test]
async fn a_message_is_shown_masked_until_somebody_says_why_they_must_see_it() {
    let (house, desk) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    let masked = officer.get(&path("")).await;
    assert!(masked.body.contains("••18") && !masked.body.contains("999 000 0018"));
    let silent = officer.post(&path("/reveal"), "reason=+").await;
    assert!(silent.body.contains("Say why") && !silent.body.contains("999 000 0018"));
    desk.take();
    house.deeds.take();
    let revealed = officer.post(&path("/reveal"), "reason=born+01%2F02%2F1980%2C+wrong+ward").await;
    assert_eq!(revealed.status, 303);
    assert_eq!(house.deeds.take(), ["revealed jane born ••/••/••••, wrong ward"]);
    assert!(officer.get(&path("")).await.body.contains("999 000 0018"));
    // It was for her, and for this message.
    let other = crate::mail::Actor {
        name: "joan".to_owned(),
        door: crate::mail::ActorDoor::Console,
        known_by: KnownBy::Account,
        roles: vec![Role::Officer],
        scope: crate::mail::Scope::Everybody,
    };
    assert!(!house.browser_of(other).get(&path("")).await.body.contains("999 000 0018"));
    assert_eq!(desk.take(), ["view jane Revealed", "view joan Masked"]);
}

#[tokio::test]
async fn an_auditor_looks_and_can_do_nothing() {
    let (house, desk) = house(Desk::default());
    let auditor = house.browser(&[Role::Auditor]);
    let shown = auditor.get(&path("")).await;
    assert!(shown.status == 200 && !shown.body.contains("name=\"act\""), "{}", shown.body);
    assert!(!shown.body.contains("/reveal") && !shown.body.contains("/export"));
    desk.take();
    for (end, fields) in [
        ("/reveal", "reason=x"),
        ("/act", "act=reject&reason=x"),
        ("/act", "act=legal-hold&reason=x"),
        ("/act", "act=approve&proposed_at=2026-11-23T12%3A00%3A00Z&reason=x"),
        ("/export", "passphrase=long+enough+word&reason=x"),
    ] {
        assert_eq!(auditor.post(&path(end), fields).await.status, 403, "{end} {fields}");
    }
    assert_eq!(
        auditor.post("/quarantine/bulk/act", "which=all&act=release&reason=x").await.status,
        403
    );
    assert_eq!(house.browser(&[Role::Operator]).get("/quarantine").await.status, 403);
    assert_eq!(desk.take(), Vec::<String>::new());
}

#[tokio::test]
async fn an_act_needs_a_reason_and_a_fault_leaves_the_form_as_it_was() {
    let (house, desk) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    let shown = officer.post(&path("/act"), "act=extend&until=2020-01-01&reason=").await;
    assert!(shown.body.contains("There is a problem") && shown.body.contains("Say why"));
    assert!(
        shown.body.contains("value=\"extend\" checked")
            && shown.body.contains("value=\"2020-01-01\"")
    );
    assert!(desk.take().iter().all(|asked| asked.starts_with("view")));
    let done = officer.post(&path("/act"), "act=reject&reason=not+ours").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/quarantine"));
    assert_eq!(desk.take(), ["jane reject 1: not ours"]);
}

#[tokio::test]
async fn what_is_done_to_all_is_counted_first_and_spares_what_comes_later() {
    let (house, desk) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    let confirm = officer.post("/quarantine/bulk", "which=all&query=level%3D4").await;
    assert!(confirm.body.contains("Decide on 2 messages"), "{}", confirm.body);
    let (_, rest) = confirm.body.split_once("name=\"before\" value=\"").unwrap();
    let before = rest.split('"').next().unwrap().replace(':', "%3A");
    desk.take();
    let fields = format!("which=all&query=level%3D4&before={before}&act=release&reason=bad+rule");
    let done = officer.post("/quarantine/bulk/act", &fields).await;
    assert!(done.body.contains("Released"), "{}", done.body);
    assert_eq!(desk.take(), ["jane release all of Some(Level(4)) before true: bad rule"]);
    let none = officer.post("/quarantine/bulk", "which=these").await;
    assert_eq!(none.header("location"), "/quarantine");
}

#[tokio::test]
async fn nobody_approves_what_they_have_proposed_themselves() {
    let proposal = |by: &str, known_by| {
        let (act, reason) = (HeldAct::Reject, HOSTILE.to_owned());
        Some(Proposal { act, by: by.to_owned(), known_by, at: NOW, reason })
    };
    for (by, known_by, offered) in [
        ("jane", KnownBy::Account, false),
        ("joan", KnownBy::Account, true),
        ("uid 1001", KnownBy::UnixUser, false),
    ] {
        let (house, _) = house(Desk { proposal: proposal(by, known_by), ..Desk::default() });
        let shown = house.browser(&[Role::Approver]).get(&path("")).await;
        assert_harmless(&shown.body);
        assert_eq!(shown.body.contains("value=\"approve\""), offered, "{by}");
        assert!(shown.body.contains("value=\"withdraw\""));
        assert!(!shown.body.contains("value=\"release\""), "one thing after the other");
    }
    let (house, _) =
        house(Desk { proposal: proposal("joan", KnownBy::Account), ..Desk::default() });
    let officer = house.browser(&[Role::Officer]).get(&path("")).await;
    for part in ["joan proposes: Reject it", "An approver must agree"] {
        assert!(officer.body.contains(part), "{part} not in {}", officer.body);
    }
    for act in ["approve", "withdraw", "release"] {
        assert!(!officer.body.contains(&format!("value=\"{act}\"")), "{act}");
    }
}

#[tokio::test]
async fn the_rendering_can_do_nothing_and_is_framed_by_ours_alone() {
    let (house, _) = house(Desk::default());
    let shown = house.browser(&[Role::Officer]).get(&path("/rendering")).await;
    let policy = shown.header("content-security-policy");
    for part in ["default-src 'none'", "sandbox", "frame-ancestors 'self'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("img-src"), "{policy}");
    let page = house.browser(&[Role::Officer]).get(&path("")).await;
    assert!(page.body.contains("sandbox=\"\""));
}

#[tokio::test]
async fn an_export_is_named_by_its_id_and_sealed_by_a_long_passphrase() {
    let (house, desk) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    let short = officer.post(&path("/export"), "passphrase=short&reason=x").await;
    assert!(
        short.body.contains("12 characters")
            && !desk.take().iter().any(|a| a.starts_with("export"))
    );
    let file = officer.post(&path("/export"), "passphrase=long+enough+word&reason=case").await;
    assert_eq!(
        file.header("content-disposition"),
        format!("attachment; filename=\"{}.zip\"", id(1))
    );
    assert_eq!(desk.take(), ["export jane long enough word: case"]);
}

#[tokio::test]
async fn programs_can_do_what_the_pages_can() {
    let (house, desk) = house(Desk::default());
    let officer = house.browser(&[Role::Officer]);
    let list: serde_json::Value =
        serde_json::from_str(&officer.get("/api/quarantine?level=4").await.body).unwrap();
    assert_eq!((&list["total"], &list["entries"][0]["level"]), (&2.into(), &4.into()));
    let view = officer.get(&format!("/api{}", path("/view"))).await;
    assert!(view.body.contains("••18"));
    desk.take();
    let acts = |body: &str| body.replace("ID", &id(1).to_string());
    let done = officer
        .post_json(
            "/api/quarantine/acts",
            &acts(r#"{"ids":["ID"],"act":{"act":"reject"},"reason":"x"}"#),
        )
        .await;
    assert_eq!((done.status.as_u16(), desk.take()), (200, vec!["jane reject 1: x".to_owned()]));
    for wrong in [
        r#"{"ids":[],"act":{"act":"reject"},"reason":"x"}"#,
        r#"{"ids":["ID"],"filter":{},"act":{"act":"reject"},"reason":"x"}"#,
        r#"{"ids":["ID"],"act":{"act":"reject"},"reason":" "}"#,
    ] {
        assert_eq!(
            officer.post_json("/api/quarantine/acts", &acts(wrong)).await.status,
            400,
            "{wrong}"
        );
    }
    let approve =
        acts(r#"{"ids":["ID"],"act":{"act":"approve","proposed_at":1795367525123},"reason":"x"}"#);
    assert_eq!(officer.post_json("/api/quarantine/acts", &approve).await.status, 403);
    let auditor = house.browser(&[Role::Auditor]);
    let reveal = auditor.post_json(&format!("/api{}", path("/reveal")), r#"{"reason":"x"}"#).await;
    assert_eq!((reveal.status.as_u16(), desk.take().len()), (403, 0));
    for odd in
        ["/quarantine/..%2f..%2fetc", "/quarantine/%3Cscript%3E", "/api/quarantine/x%0d%0aX-Evil:1"]
    {
        let shown = officer.get(odd).await;
        assert_eq!(shown.status, 404, "{odd}");
        assert!(shown.header("x-evil").is_empty() && !shown.body.contains("<script>"));
    }
}

const NOW: Timestamp = Timestamp::from_unix_milliseconds(1_795_367_525_123);
const HOSTILE: &str =
    "a\" onmouseover=\"alert(2)</title><script>alert(1)</script></textarea>\r\nX-Evil: 1";
