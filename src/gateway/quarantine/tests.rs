//! The quarantine with a real spool and a small policy; no mail comes or goes.

mod conditions;
mod terms;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::sync::watch;

use super::judging::Quarantine;
use crate::{
    console::{Acted, DeskError, HeldQuery, QuarantineDesk, Which},
    gateway::{
        parts::{open_queue, passage_key, request_key},
        policies::{GoingLive, Policies},
        queue::now,
        reports::Reports,
        testing::config,
        trail::Trail,
    },
    mail::{
        Actor, ActorDoor, Address, Direction, Event, HeldAct, HeldFilter, Hold, KnownBy, Level,
        Observer, Protection, QueueId, QueuedMessage, QueuedRecipient, ReversePath, Role, Scope,
        Timestamp,
    },
    observe::{Audit, AuditSettings, Metrics, Observatory},
    quarantine::Sight,
    reader::{self, Pool},
    spool::Batch,
    transform::Signer,
};

const COPY: &[u8] = b"Subject: x\r\n\r\nhello\r\ntag line\r\n";
const ORIGINAL: &[u8] = b"Subject: x\r\n\r\nhello 999 000 0018\r\n";
const HARMFUL: &[u8] = b"Subject: x\r\n\r\nbad stuff\r\n";

/// Handed over and deeds, in short words.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Observer for Heard {
    fn observe(&self, event: Event<'_>) {
        let told = match event {
            Event::Handled { id, action, by, reason } => {
                format!("{action} {id} by {by}: {}", reason.unwrap_or_default())
            }
            Event::Done(deed) => {
                let about = deed.about.map(|id| id.to_string()).unwrap_or_default();
                format!(
                    "{} {about} by {}: {}",
                    deed.kind.name(),
                    deed.by,
                    deed.words.unwrap_or_default()
                )
            }
            Event::Noticed { to, .. } => format!("notice to {to}"),
            Event::Exempted { id, exemption } => {
                format!("exempted {id} to {} by {}", exemption.tls, exemption.by)
            }
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }
}

impl Heard {
    fn has(&self, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|told| told.contains(part))
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Scene {
    quarantine: Quarantine,
    heard: Heard,
    folder: tempfile::TempDir,
}

/// Received now, or so many seconds before.
pub(super) fn message(number: u64, level: Level) -> QueuedMessage {
    let received_at = Timestamp::from_unix_milliseconds(now().unix_milliseconds() - number * 1000);
    let recipient = |to: &str| {
        let to: Address = to.parse().unwrap();
        QueuedRecipient::new(to, Protection::default(), received_at)
    };
    QueuedMessage {
        id: QueueId::at(received_at.unix_milliseconds(), number as u16),
        received_at,
        direction: Direction::Outbound,
        reverse_path: ReversePath::Mailbox("dr@nhs.test.example".parse().unwrap()),
        body: Default::default(),
        encoding: Default::default(),
        requests: Default::default(),
        level,
        policy: "p".to_owned(),
        size: COPY.len() as u64,
        redirect: None,
        hold: Some(Hold {
            rule: "r".to_owned(),
            reason: "why".to_owned(),
            findings: Vec::new(),
            tell: Vec::new(),
            case: Default::default(),
        }),
        custody: Default::default(),
        recourse: Default::default(),
        delay_notice: Default::default(),
        recipients: ["a@x.example", "b@y.example"].map(recipient).to_vec(),
    }
}

fn person(name: &str, role: Role, scope: Scope) -> Actor {
    let (door, known_by) = (ActorDoor::Console, KnownBy::Account);
    Actor { name: name.to_owned(), door, known_by, roles: vec![role], scope }
}

fn officer(name: &str) -> Actor {
    person(name, Role::Officer, Scope::Everybody)
}

fn approver(name: &str) -> Actor {
    person(name, Role::Approver, Scope::Everybody)
}

fn release() -> HeldAct {
    HeldAct::Release { recipients: Vec::new(), exemption: None, false_positive: false }
}

fn write_policy(home: &Path) {
    let folder = home.join("policies");
    fs::create_dir_all(folder.join("yara")).unwrap();
    fs::create_dir_all(home.join("data")).unwrap();
    let files = [
        ("policy.toml", POLICY),
        ("domains.toml", ""),
        ("classification.toml", ""),
        ("rules.toml", ""),
        ("yara/malware.yar", YARA),
    ];
    files.into_iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
}

impl Scene {
    fn begin(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_policy(folder.path());
        Self::on(folder, more)
    }

    fn on(folder: tempfile::TempDir, more: &str) -> Self {
        let heard = Heard::default();
        let config = Arc::new(config(folder.path(), more));
        let observer: Arc<dyn Observer> = Arc::new(heard.clone());
        let going_live = GoingLive::begin(&config, Arc::clone(&observer), now());
        let policies: Arc<Policies> =
            going_live.unwrap_or_else(|error| panic!("{error}")).policies();
        let queue = Arc::new(open_queue(&config).unwrap_or_else(|error| panic!("{error}")));
        let data = config.node.data_dir.clone();
        let audit = Audit::open(AuditSettings::of(&config)).unwrap();
        let observatory = Arc::new(Observatory::new(Metrics::new().unwrap(), audit));
        let reports = Reports {
            alarms: Arc::default(),
            requests: Arc::new(request_key(&data).unwrap_or_else(|error| panic!("{error}"))),
            config: Arc::clone(&config),
            policies: Arc::clone(&policies),
            queue: Arc::clone(&queue),
            passage_key: Arc::new(
                passage_key(&config.node.passage_key).unwrap_or_else(|error| panic!("{error}")),
            ),
            signer: Arc::new(Signer::default()),
            observer: Arc::clone(&observer),
        };
        let readers = Pool::new(reader::Settings::default(), None);
        let trail = Trail::of(&observatory);
        let quarantine = Quarantine::new(&reports, readers, trail);
        let (queue, ward) = (&quarantine.queue, quarantine.queue.lines().ward());
        ward.read_all(queue.spool(), || false);
        Self { quarantine, heard, folder }
    }

    /// As after a power cut.
    fn restart(self, more: &str) -> Self {
        let Self { quarantine, folder, .. } = self;
        drop(quarantine);
        Self::on(folder, more)
    }

    async fn hold_with(&self, mut message: QueuedMessage, original: &[u8]) -> QueueId {
        message.id = self.quarantine.queue.next_id();
        message.custody.copy_ends = Some(COPY.len() as u64);
        let id = message.id;
        let content: Bytes = [COPY, original].concat().into();
        let accepted = self.quarantine.queue.accept(Batch::new(), (message, content), []).await;
        // Nobody waits for a reply.
        accepted.map(drop).unwrap();
        id
    }

    async fn hold(&self, level: Level) -> QueueId {
        self.hold_with(message(0, level), ORIGINAL).await
    }

    async fn act(&self, who: &Actor, which: Which, act: &HeldAct) -> Result<Acted, DeskError> {
        self.quarantine.act(who, &which, act, "agreed", watch::Sender::default()).await
    }

    async fn act_on(
        &self,
        who: &Actor,
        id: QueueId,
        act: &HeldAct,
    ) -> Result<(usize, usize), String> {
        match self.act(who, Which::These(vec![id]), act).await {
            Ok(acted) => match acted.refused.first() {
                Some((_, why)) => Err(why.clone()),
                None => Ok((acted.done, acted.proposed)),
            },
            Err(error) => Err(error.to_string()),
        }
    }

    fn queued(&self, id: QueueId) -> Option<QueuedMessage> {
        self.quarantine.queue.spool().message(id).unwrap()
    }

    /// What is proposed for it now.
    fn approve(&self, id: QueueId) -> HeldAct {
        let proposal = self.queued(id).unwrap().hold.unwrap().case.proposal.unwrap();
        HeldAct::Approve { proposed_at: proposal.at }
    }

    /// That are not held.
    fn going(&self) -> Vec<QueuedMessage> {
        let ids = self.quarantine.queue.spool().ids();
        let queued = ids.into_iter().filter_map(|id| self.queued(id));
        queued.filter(|message| !message.is_held()).collect()
    }
}

#[tokio::test]
async fn what_is_released_goes_as_its_copy_and_has_its_whole_time() {
    let scene = Scene::begin("");
    let three_days_ago = message(3 * 24 * 3600, Level::CLINICAL);
    let id = scene.hold_with(three_days_ago, ORIGINAL).await;
    let before = now();
    assert_eq!(scene.act_on(&officer("ann"), id, &release()).await, Ok((1, 0)));
    let (queued, copy) = scene.quarantine.queue.spool().load(id).await.unwrap().unwrap();
    assert_eq!(copy, COPY);
    assert!(!queued.is_held() && queued.released_at() >= before);
    assert!(queued.summary().starts_at().unwrap() >= before);
    assert!(scene.heard.has(&format!("release {id} by ann: agreed")), "{:?}", scene.heard.all());
    let again = scene.act_on(&officer("ann"), id, &release()).await;
    assert_eq!(again, Err("there is no such message in quarantine".to_owned()));
}

#[tokio::test]
async fn some_recipients_get_theirs_and_the_rest_stays_held_over_a_restart() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::CLINICAL).await;
    let some = HeldAct::Release {
        recipients: vec!["b@y.example".parse().unwrap()],
        exemption: None,
        false_positive: true,
    };
    assert_eq!(scene.act_on(&officer("ann"), id, &some).await, Ok((1, 0)));
    assert!(scene.heard.has(&format!("false_positive_reported {id}")));
    let scene = scene.restart("");
    let [part] = scene.going().try_into().unwrap();
    assert_eq!(part.recipients[0].address.to_string(), "b@y.example");
    assert_eq!(scene.quarantine.queue.spool().content(part.id).unwrap().unwrap(), COPY);
    let rest = scene.queued(id).unwrap();
    assert!(rest.is_held() && rest.recipients.len() == 1);
    let entry = scene.quarantine.queue.lines().ward().find(id).unwrap();
    assert_eq!(entry.recipients[0].to_string(), "a@x.example");
    assert_eq!(scene.quarantine.queue.spool().original(id).unwrap().unwrap(), ORIGINAL);
}

#[tokio::test]
async fn level_4_takes_two_people_and_goes_exactly_as_proposed() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::SPECIALLY_PROTECTED).await;
    let one = HeldAct::Release {
        recipients: vec!["a@x.example".parse().unwrap()],
        exemption: None,
        false_positive: false,
    };
    assert_eq!(scene.act_on(&approver("ann"), id, &one).await, Ok((0, 1)));
    assert!(scene.going().is_empty());
    let approve = scene.approve(id);
    let alone = scene.act_on(&approver("ann"), id, &approve).await;
    assert!(alone.unwrap_err().contains("another person"));
    let scene = scene.restart("");
    let withdraw = HeldAct::Withdraw { proposed_at: Timestamp::from_unix_milliseconds(1) };
    let another = scene.act_on(&approver("bob"), id, &withdraw).await;
    assert!(another.unwrap_err().contains("something else"));
    assert_eq!(scene.act_on(&approver("bob"), id, &approve).await, Ok((1, 0)));
    let [part] = scene.going().try_into().unwrap();
    assert_eq!(part.recipients.len(), 1);
    assert!(scene.queued(id).unwrap().hold.unwrap().case.proposal.is_none());
    assert!(scene.heard.has("by bob") && scene.heard.has("ann had proposed it"));
}

#[tokio::test]
async fn what_is_harmful_by_now_is_not_released_by_anybody() {
    let scene = Scene::begin("");
    let id = scene.hold_with(message(0, Level::CLINICAL), HARMFUL).await;
    let refused = scene.act_on(&officer("ann"), id, &release()).await.unwrap_err();
    assert!(refused.contains("harmful"), "{refused}");
    assert!(scene.queued(id).unwrap().is_held());
    assert_eq!(scene.act_on(&officer("ann"), id, &HeldAct::Reject).await, Ok((1, 0)));
    assert_eq!(scene.queued(id), None);
    assert!(scene.heard.has("notice to dr@nhs.test.example"));
}

#[tokio::test]
async fn of_another_organisation_a_local_administrator_learns_nothing() {
    let scene = Scene::begin("");
    let mut theirs = message(0, Level::CLINICAL);
    theirs.hold.as_mut().unwrap().case.organisations = vec!["RXX".to_owned()];
    let (theirs, others) =
        (scene.hold_with(theirs, ORIGINAL).await, scene.hold(Level::CLINICAL).await);
    let local = person("lea", Role::LocalAdministrator, Scope::Organisations(vec!["RXX".into()]));
    let desk: &dyn QuarantineDesk = &scene.quarantine;
    let all = HeldQuery { limit: 9, ..HeldQuery::default() };
    assert_eq!(desk.list(&local, &all).await.unwrap().total, 1);
    let unknown = desk.message(&local, QueueId::at(1, 1)).await.unwrap_err();
    assert_eq!(desk.message(&local, others).await.unwrap_err(), unknown);
    assert_eq!(desk.view(&local, others, Sight::Masked).await.unwrap_err(), unknown);
    let before = scene.heard.all().len();
    assert!(scene.act_on(&local, others, &release()).await.is_err());
    assert_eq!(scene.heard.all().len(), before);
    assert!(desk.message(&local, theirs).await.is_ok());
    let acted = scene.act(&local, Which::All(HeldFilter::default()), &release()).await.unwrap();
    assert_eq!(acted.done, 1);
    assert!(scene.queued(others).unwrap().is_held());
}

#[tokio::test]
async fn looks_are_on_record_and_so_is_who_was_not_allowed_to() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::CLINICAL).await;
    let desk: &dyn QuarantineDesk = &scene.quarantine;
    let auditor = person("aud", Role::Auditor, Scope::Everybody);
    desk.view(&auditor, id, Sight::Masked).await.unwrap();
    assert_eq!(desk.view(&auditor, id, Sight::Revealed).await, Err(DeskError::Denied));
    assert!(scene.act_on(&auditor, id, &release()).await.is_err());
    desk.view(&officer("ann"), id, Sight::Revealed).await.unwrap();
    let heard = scene.heard.all();
    let kinds: Vec<&str> = heard.iter().filter_map(|told| told.split(' ').next()).collect();
    assert_eq!(kinds, ["viewed", "denied", "denied", "viewed"], "{heard:?}");
}

#[tokio::test]
async fn one_act_reaches_all_that_are_meant_and_each_once() {
    let scene = Scene::begin("");
    for number in 0..200 {
        let mut message = message(0, Level::CLINICAL);
        message.hold.as_mut().unwrap().rule = format!("rule {}", number % 2);
        scene.hold_with(message, ORIGINAL).await;
    }
    let filter = HeldFilter { rule: Some("rule 1".to_owned()), ..HeldFilter::default() };
    let (telling, heard) = watch::channel(Default::default());
    let which = Which::All(filter);
    let acted =
        scene.quarantine.act(&officer("ann"), &which, &release(), "agreed", telling).await.unwrap();
    assert_eq!((acted.done, acted.refusals), (100, 0));
    assert_eq!(heard.borrow().judged, 100);
    assert_eq!(scene.going().len(), 100);
    let again = scene.act(&officer("ann"), which, &release()).await.unwrap();
    assert_eq!(again, Acted::default());
    let released = scene.heard.all().iter().filter(|told| told.starts_with("release ")).count();
    assert_eq!(released, 100);
}

#[tokio::test]
async fn of_two_who_release_at_once_one_does() {
    let scene = Scene::begin("");
    for _ in 0..20 {
        let id = scene.hold(Level::CLINICAL).await;
        let act = release();
        let (ann, bob) = (officer("ann"), officer("bob"));
        let both = tokio::join!(scene.act_on(&ann, id, &act), scene.act_on(&bob, id, &act));
        assert_ne!(both.0.is_ok(), both.1.is_ok(), "{both:?}");
    }
    let released = scene.heard.all().iter().filter(|told| told.starts_with("release ")).count();
    assert_eq!((released, scene.going().len()), (20, 20));
}

const POLICY: &str = "officers = [\"ig@nhs.test.example\"]\n\
    [levels]\n0 = \"a\"\n1 = \"b\"\n2 = \"c\"\n3 = \"d\"\n4 = \"e\"\n";
const YARA: &str = "rule bad { meta: kind = \"malware\" description = \"bad\" \
    strings: $a = \"bad stuff\" condition: $a }\n";
