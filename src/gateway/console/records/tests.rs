//! Whose messages a local administrator finds: traces over a trail that has
//! several organisations' mail.

use std::{fs, path::Path};

use super::*;
use crate::{
    gateway::{parts::open_queue, policies::GoingLive, testing::config},
    mail::{ActorDoor, KnownBy, Role},
    observe::{Audit, AuditSettings, Metrics, Observatory},
};

const POLICY: &str = "[levels]\n0 = \"a\"\n1 = \"b\"\n2 = \"c\"\n3 = \"d\"\n4 = \"e\"\n";

struct Silent;

impl Observer for Silent {
    fn observe(&self, _: Event<'_>) {}
}

/// Mail of two organisations, each from its own domain and to the other's,
/// and from a third domain that is nobody's.
struct House {
    records: Records,
    _folder: tempfile::TempDir,
}

fn write_policy(home: &Path) {
    let folder = home.join("policies");
    fs::create_dir_all(folder.join("organisations")).unwrap();
    fs::create_dir_all(home.join("data")).unwrap();
    let organisation = |ods: &str| {
        let domain = ods.to_lowercase();
        format!(
            "ods = \"{ods}\"\nname = \"Trust {ods}\"\n\
             sender_domains = [\"{domain}.nhs.test.example\"]\n"
        )
    };
    for (name, text) in [
        ("policy.toml", POLICY.to_owned()),
        ("domains.toml", String::new()),
        ("classification.toml", String::new()),
        ("rules.toml", String::new()),
        ("organisations/RXX.toml", organisation("RXX")),
        ("organisations/ABC.toml", organisation("ABC")),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn decision(number: u64, from: &str, to: &str) -> String {
    format!(
        "{{\"at\":\"2026-11-22T17:12:05.123Z\",\"event\":\"decision\",\"id\":\"{}\",\"v\":1,\
         \"policy\":\"p\",\"facts\":{{\"direction\":\"outbound\",\
         \"reverse_path\":\"dr@{from}\",\"level\":1,\"kinds\":{{}},\"marking\":null,\
         \"secure_tag\":\"absent\",\"opaque\":[],\"authentication\":null,\
         \"arrival\":\"clear\",\"size\":312}},\"recipients\":[{{\
         \"recipient\":\"a@{to}\",\"disposition\":\"relay\",\"rule\":null,\"observed\":[],\
         \"tls\":\"opportunistic\",\"redirect\":null,\"class\":\"internet\",\
         \"clearance\":1}}]}}\n",
        QueueId::from_bits(number)
    )
}

const RXX: &str = "rxx.nhs.test.example";
const ABC: &str = "abc.nhs.test.example";
const ELSEWHERE: &str = "elsewhere.example";

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_policy(folder.path());
        let config = Arc::new(config(folder.path(), ""));
        let observer: Arc<dyn Observer> = Arc::new(Silent);
        let going_live = GoingLive::begin(&config, Arc::clone(&observer), now());
        let policies = going_live.unwrap_or_else(|error| panic!("{error}")).policies();
        let queue = Arc::new(open_queue(&config).unwrap_or_else(|error| panic!("{error}")));
        let audit = Audit::open(AuditSettings::of(&config)).unwrap();
        let observatory = Arc::new(Observatory::new(Metrics::new().unwrap(), audit));
        let trail = folder.path().join("trail");
        fs::create_dir(&trail).unwrap();
        let lines = [
            decision(1, RXX, ELSEWHERE),
            decision(2, ABC, ELSEWHERE),
            decision(3, ELSEWHERE, RXX),
            decision(4, ABC, RXX),
            decision(5, ELSEWHERE, ELSEWHERE),
        ];
        fs::write(trail.join("audit.jsonl"), lines.concat()).unwrap();
        let trail = Trail { observatory, folder: trail };
        let records = Records { trail, policies, queue, observer, places: Semaphore::new(READS) };
        Self { records, _folder: folder }
    }

    async fn found(&self, who: &Actor, filter: &TrailFilter) -> Vec<QueueId> {
        let found = self.records.find(who, filter).await.unwrap();
        assert_eq!(found.found, found.entries.len(), "nothing is counted that is not shown");
        let mut ids: Vec<QueueId> =
            found.entries.iter().filter_map(|entry| entry.id.as_ref()?.parse().ok()).collect();
        ids.sort();
        ids
    }
}

fn actor(role: Role, scope: Scope) -> Actor {
    let (door, known_by) = (ActorDoor::Console, KnownBy::Account);
    Actor { name: "jane".to_owned(), door, known_by, roles: vec![role], scope }
}

fn local(ods: &str) -> Actor {
    actor(Role::LocalAdministrator, Scope::Organisations(vec![ods.to_owned()]))
}

fn ids(numbers: &[u64]) -> Vec<QueueId> {
    numbers.iter().copied().map(QueueId::from_bits).collect()
}

#[tokio::test]
async fn a_local_administrator_finds_mail_from_and_for_their_organisation_alone() {
    let (house, all) = (House::new(), TrailFilter::default());
    assert_eq!(house.found(&local("rxx"), &all).await, ids(&[1, 3, 4]));
    assert_eq!(house.found(&local("abc"), &all).await, ids(&[2, 4]));
    assert_eq!(house.found(&local("nobody"), &all).await, ids(&[]));
    let officer = actor(Role::Officer, Scope::Everybody);
    assert_eq!(house.found(&officer, &all).await, ids(&[1, 2, 3, 4, 5]));
    // Asking for another's message by its id finds nothing either.
    let others =
        TrailFilter { id: Some(QueueId::from_bits(2).to_string()), ..TrailFilter::default() };
    assert_eq!(house.found(&local("rxx"), &others).await, ids(&[]));
    assert_eq!(house.found(&local("abc"), &others).await, ids(&[2]));
}

#[tokio::test]
async fn the_way_of_another_organisation_s_message_is_unknown_to_a_local_administrator() {
    let house = House::new();
    for (who, number, is_seen) in [
        (local("rxx"), 1, true),
        (local("rxx"), 2, false),
        (local("rxx"), 4, true),
        (local("rxx"), 5, false),
        (local("abc"), 3, false),
        (actor(Role::Officer, Scope::Everybody), 5, true),
        (actor(Role::Officer, Scope::Everybody), 6, false),
    ] {
        let story = house.records.story(&who, QueueId::from_bits(number)).await;
        match is_seen {
            true => assert!(story.is_ok(), "{number}: {story:?}"),
            false => assert_eq!(story.unwrap_err(), DeskError::Unknown, "{number}"),
        }
    }
}

#[tokio::test]
async fn the_trail_of_everybody_is_closed_to_a_local_administrator() {
    let (house, who, all) = (House::new(), local("rxx"), TrailFilter::default());
    assert_eq!(house.records.search(&who, &all).await.unwrap_err(), DeskError::Denied);
    assert_eq!(house.records.verify(&who).await.unwrap_err(), DeskError::Denied);
    let exported = house.records.export(&who, &all, ExportFormat::Json).await;
    assert_eq!(exported.unwrap_err(), DeskError::Denied);
}
