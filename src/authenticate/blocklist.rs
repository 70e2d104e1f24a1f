//! DNS block lists: whether somebody keeps a list on which a client stands
//! (RFC 5782). All lists are asked at once; one that gives no answer refuses
//! nobody.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use hickory_resolver::{
    TokioResolver,
    lookup::Lookup,
    net::{DnsError, NetError, NoRecords},
    proto::rr::{Name, RData, RecordType},
};
use moka::{Expiry, sync::Cache};
use tokio::{task::JoinSet, time::timeout_at};

use super::authenticator::AuthenticatorError;
use crate::{
    config::{self, Blocklist},
    mail::{BlocklistAnswer, Domain, Event, Observer},
};

/// The lists that postern.toml names.
pub struct Blocklists {
    lists: Vec<Arc<List>>,
    /// Of each list, by its place.
    answers: Cache<(usize, IpAddr), Answer>,
    observer: Arc<dyn Observer>,
}

/// A client stands on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    pub zone: Domain,
    /// What the list has to say of it; ASCII, one short line.
    pub text: Option<String>,
}

struct List {
    settings: Blocklist,
    resolver: TokioResolver,
}

/// What one list says of a client, and for how long.
#[derive(Clone)]
struct Answer {
    standing: Standing,
    lasts: Duration,
}

#[derive(Clone, PartialEq, Debug)]
enum Standing {
    Listed(Option<String>),
    NotListed,
    Failed(String),
}

impl Blocklists {
    /// `servers` empty for the system's own resolvers.
    pub fn new(
        lists: &[Blocklist],
        servers: &[SocketAddr],
        observer: Arc<dyn Observer>,
    ) -> Result<Self, AuthenticatorError> {
        let mut builder = config::resolver(servers)?;
        let options = builder.options_mut();
        options.timeout = LOOKUP_TIMEOUT;
        options.attempts = LOOKUP_ATTEMPTS;
        // Answers are remembered here, failures among them.
        options.cache_size = 0;
        let resolver = builder.build()?;
        let list = |settings: &Blocklist| {
            Arc::new(List { settings: settings.clone(), resolver: resolver.clone() })
        };
        let answers = Cache::builder().max_capacity(MOST).expire_after(AsItLasts).build();
        Ok(Self { lists: lists.iter().map(list).collect(), answers, observer })
    }

    /// The first list, in the order of the file, on which a client stands.
    /// Never fails, and takes no longer than the time limit. Clients of our
    /// own networks stand on none.
    pub async fn listing(&self, client: IpAddr) -> Option<Listing> {
        let client = client.to_canonical();
        if !is_public(client) {
            return None;
        }
        let mut asking = JoinSet::new();
        let mut standings: Vec<Option<Standing>> = Vec::new();
        for (place, list) in self.lists.iter().enumerate() {
            let known = self.answers.get(&(place, client)).map(|answer| answer.standing);
            if known.is_none() {
                let list = Arc::clone(list);
                asking.spawn(async move { (place, list.ask(client).await) });
            }
            standings.push(known);
        }
        while let Some(answered) = asking.join_next().await {
            // One that panicked has no answer, and none is not listed.
            let Ok((place, answer)) = answered else { continue };
            self.tell(place, client, &answer.standing);
            if let Some(standing) = standings.get_mut(place) {
                *standing = Some(answer.standing.clone());
            }
            self.answers.insert((place, client), answer);
        }
        standings.into_iter().zip(&self.lists).find_map(|(standing, list)| match standing? {
            Standing::Listed(text) => Some(Listing { zone: list.settings.zone.clone(), text }),
            _ => None,
        })
    }

    fn tell(&self, place: usize, client: IpAddr, standing: &Standing) {
        let Some(list) = self.lists.get(place) else { return };
        let (answer, cause) = match standing {
            Standing::Listed(_) => (BlocklistAnswer::Listed, None),
            Standing::NotListed => (BlocklistAnswer::NotListed, None),
            Standing::Failed(cause) => (BlocklistAnswer::Failed, Some(cause.as_str())),
        };
        let zone = &list.settings.zone;
        self.observer.observe(Event::BlocklistAsked { zone, client, answer, cause });
    }
}

impl List {
    async fn ask(&self, client: IpAddr) -> Answer {
        let failed = |cause: String| Answer { standing: Standing::Failed(cause), lasts: SHORTEST };
        let name = match Name::from_ascii(question(client, &self.settings.zone)) {
            Ok(name) => name,
            Err(error) => return failed(error.to_string()),
        };
        let deadline = tokio::time::Instant::now() + TIME_LIMIT;
        let asking = self.resolver.lookup(name.clone(), RecordType::A);
        let Ok(answer) = timeout_at(deadline, asking).await else {
            return failed("no answer in time".to_owned());
        };
        let (standing, lasts) = match answer {
            Ok(lookup) => (self.standing(&lookup), Some(left(&lookup))),
            Err(NetError::Dns(DnsError::NoRecordsFound(NoRecords { negative_ttl, .. }))) => {
                let lasts = negative_ttl.map(|seconds| Duration::from_secs(seconds.into()));
                (Standing::NotListed, lasts)
            }
            Err(error) => return failed(error.to_string()),
        };
        let standing = match standing {
            Standing::Listed(_) => {
                Standing::Listed(timeout_at(deadline, self.text(name)).await.ok().flatten())
            }
            other => other,
        };
        Answer { standing, lasts: lasts.unwrap_or_default().clamp(SHORTEST, LONGEST) }
    }

    /// What its answers mean.
    fn standing(&self, lookup: &Lookup) -> Standing {
        let answers: Vec<Ipv4Addr> = lookup
            .answers()
            .iter()
            .filter_map(|record| match record.data {
                RData::A(address) => Some(address.0),
                _ => None,
            })
            .collect();
        let counts = |answer: &Ipv4Addr| {
            let networks = &self.settings.answers;
            networks.iter().any(|network| network.contains(IpAddr::V4(*answer)))
        };
        if let Some(refused) = answers.iter().find(|answer| is_no_answer(**answer)) {
            return Standing::Failed(format!("it answers {refused}, which lists nobody"));
        }
        match answers.iter().any(counts) {
            true => Standing::Listed(None),
            false => Standing::NotListed,
        }
    }

    /// What a person is told who finds out why.
    async fn text(&self, name: Name) -> Option<String> {
        let lookup = self.resolver.lookup(name, RecordType::TXT).await.ok()?;
        let text = lookup.answers().iter().find_map(|record| match &record.data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        })?;
        let shown = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
        let text: Vec<u8> = text.into_iter().filter(shown).take(MAX_TEXT).collect();
        String::from_utf8(text).ok().filter(|text| !text.trim().is_empty())
    }
}

/// The client's address backwards, in the zone (RFC 5782 sections 2.1 and
/// 2.4): `2.0.0.127.zone.`, and a label a nibble for IPv6.
fn question(client: IpAddr, zone: &Domain) -> String {
    let labels: Vec<String> = match client {
        IpAddr::V4(client) => client.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(client) => {
            let nibbles = |octet: &u8| [format!("{:x}", octet & 0xf), format!("{:x}", octet >> 4)];
            client.octets().iter().rev().flat_map(nibbles).collect()
        }
    };
    format!("{}.{zone}.", labels.join("."))
}

/// Answers that say something of the list and nothing of the client: a
/// refusal or quota (127.255.255.0/24), and addresses that no list may use,
/// as of a zone that has been given up and parked (RFC 5782 section 2.1).
fn is_no_answer(answer: Ipv4Addr) -> bool {
    !answer.is_loopback() || matches!(answer.octets(), [127, 255, 255, _])
}

fn is_public(client: IpAddr) -> bool {
    match client {
        IpAddr::V4(client) => {
            let shared = matches!(client.octets(), [100, 64..=127, ..]);
            let local = client.is_loopback() || client.is_private() || client.is_link_local();
            !(shared || local || client.is_unspecified())
        }
        IpAddr::V6(client) => {
            let local = client.is_unique_local() || client.is_unicast_link_local();
            !(local || client.is_loopback() || client.is_unspecified())
        }
    }
}

fn left(lookup: &Lookup) -> Duration {
    lookup.valid_until().saturating_duration_since(Instant::now())
}

struct AsItLasts;

impl Expiry<(usize, IpAddr), Answer> for AsItLasts {
    fn expire_after_create(
        &self,
        _: &(usize, IpAddr),
        answer: &Answer,
        _: Instant,
    ) -> Option<Duration> {
        Some(answer.lasts)
    }

    fn expire_after_update(
        &self,
        _: &(usize, IpAddr),
        answer: &Answer,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.lasts)
    }
}

/// For all lists, as they are asked at once.
const TIME_LIMIT: Duration = Duration::from_secs(3);
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(1_400);
const LOOKUP_ATTEMPTS: usize = 2;
const MAX_TEXT: usize = 200;
/// However short its time to live, an answer holds for a whole session.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);
/// How many answers are remembered.
const MOST: u64 = 100_000;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hickory_resolver::proto::{
        op::{Message, OpCode, ResponseCode},
        rr::{
            Record,
            rdata::{A, TXT},
        },
    };
    use tokio::net::UdpSocket;

    use super::*;

    /// What was told, as `zone answer`.
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Observer for Told {
        fn observe(&self, event: Event<'_>) {
            if let Event::BlocklistAsked { zone, answer, .. } = event {
                self.0.lock().unwrap().push(format!("{zone} {}", answer.name()));
            }
        }
    }

    /// Names with their addresses; one without an address is never answered,
    /// and names not given do not exist. Every TXT record says why.
    async fn name_server(names: &'static [(&'static str, &'static str)]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let question = query.queries[0].clone();
                let asked = question.name().to_lowercase().to_utf8();
                let mut response = Message::response(query.metadata.id, OpCode::Query);
                response.add_query(question.clone());
                let found = names.iter().find(|(name, _)| *name == asked.trim_end_matches('.'));
                let data = match (found, question.query_type()) {
                    (Some((_, "")), _) => continue,
                    (Some((_, address)), RecordType::A) => {
                        Some(RData::A(A(address.parse().unwrap())))
                    }
                    (Some(_), RecordType::TXT) => {
                        Some(RData::TXT(TXT::new(vec!["see\r\n https://bl.example/".to_owned()])))
                    }
                    (Some(_), _) => None,
                    (None, _) => {
                        response.metadata.response_code = ResponseCode::NXDomain;
                        None
                    }
                };
                if let Some(data) = data {
                    response.add_answer(Record::from_rdata(question.name().clone(), 1, data));
                }
                socket.send_to(&response.to_vec().unwrap(), from).await.unwrap();
            }
        });
        server
    }

    async fn blocklists(
        names: &'static [(&'static str, &'static str)],
        zones: &[(&str, &str)],
    ) -> (Blocklists, Arc<Told>) {
        let list = |&(zone, answers): &(&str, &str)| Blocklist {
            zone: zone.parse().unwrap(),
            answers: vec![answers.parse().unwrap()],
        };
        let lists: Vec<_> = zones.iter().map(list).collect();
        let told = Arc::new(Told::default());
        let observer: Arc<dyn Observer> = Arc::<Told>::clone(&told);
        let blocklists = Blocklists::new(&lists, &[name_server(names).await], observer).unwrap();
        (blocklists, told)
    }

    async fn zone_of(blocklists: &Blocklists, client: &str) -> Option<String> {
        let listing = blocklists.listing(client.parse().unwrap()).await?;
        Some(listing.zone.to_string())
    }

    #[test]
    fn a_question_is_the_address_backwards() {
        let zone: Domain = "bl.example".parse().unwrap();
        assert_eq!(question("192.0.2.99".parse().unwrap(), &zone), "99.2.0.192.bl.example.");
        // RFC 5782 section 2.4.
        assert_eq!(
            question("2001:db8:1:2:3:4:567:89ab".parse().unwrap(), &zone),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example."
        );
    }

    #[tokio::test]
    async fn a_listed_client_is_named_with_the_list_and_its_reason() {
        let names = &[
            ("7.2.0.192.bl.example", "127.0.0.2"),
            (
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example",
                "127.0.0.2",
            ),
        ];
        let (blocklists, _) = blocklists(names, &[("bl.example", "127.0.0.0/8")]).await;
        let listing = blocklists.listing("192.0.2.7".parse().unwrap()).await.unwrap();
        assert_eq!(listing.zone.as_str(), "bl.example");
        // Whoever keeps the list cannot break a reply of ours.
        assert_eq!(listing.text.as_deref(), Some("see https://bl.example/"));
        assert_eq!(zone_of(&blocklists, "::ffff:192.0.2.7").await.as_deref(), Some("bl.example"));
        assert_eq!(zone_of(&blocklists, "2001:db8::1").await.as_deref(), Some("bl.example"));
        assert_eq!(zone_of(&blocklists, "192.0.2.8").await, None);
        assert_eq!(zone_of(&blocklists, "2001:db8::2").await, None);
    }

    #[tokio::test]
    async fn only_the_answers_that_mean_listed_count() {
        let names = &[
            ("7.2.0.192.bl.example", "127.0.0.10"),
            ("8.2.0.192.bl.example", "127.0.0.2"),
            ("9.2.0.192.bl.example", "127.255.255.254"),
            ("10.2.0.192.bl.example", "203.0.113.1"),
        ];
        let (blocklists, told) = blocklists(names, &[("bl.example", "127.0.0.2/31")]).await;
        for (client, zone) in [
            ("192.0.2.7", None),
            ("192.0.2.8", Some("bl.example")),
            ("192.0.2.9", None),
            ("192.0.2.10", None),
        ] {
            assert_eq!(zone_of(&blocklists, client).await.as_deref(), zone, "{client}");
        }
        let told = told.0.lock().unwrap().clone();
        assert_eq!(
            told,
            [
                "bl.example not_listed",
                "bl.example listed",
                "bl.example failed",
                "bl.example failed"
            ]
        );
    }

    #[tokio::test]
    async fn a_quota_is_no_listing_though_every_answer_of_the_network_is() {
        let names = &[("9.2.0.192.bl.example", "127.255.255.254")];
        let (blocklists, _) = blocklists(names, &[("bl.example", "127.0.0.0/8")]).await;
        assert_eq!(zone_of(&blocklists, "192.0.2.9").await, None);
    }

    #[tokio::test]
    async fn a_list_that_gives_no_answer_refuses_nobody_and_hides_no_other() {
        let names = &[
            ("7.2.0.192.dead.example", ""),
            ("8.2.0.192.dead.example", ""),
            ("8.2.0.192.bl.example", "127.0.0.2"),
        ];
        let zones = [("dead.example", "127.0.0.0/8"), ("bl.example", "127.0.0.0/8")];
        let (blocklists, told) = blocklists(names, &zones).await;
        let (clean, listed) =
            tokio::join!(zone_of(&blocklists, "192.0.2.7"), zone_of(&blocklists, "192.0.2.8"));
        assert_eq!((clean, listed.as_deref()), (None, Some("bl.example")));
        // A dead list is waited for once, not at every recipient.
        assert_eq!(zone_of(&blocklists, "192.0.2.7").await, None);
        let failed = told.0.lock().unwrap().iter().filter(|told| told.ends_with("failed")).count();
        assert_eq!(failed, 2);
    }

    #[tokio::test]
    async fn our_own_networks_are_not_asked_about() {
        let (blocklists, told) = blocklists(&[], &[("bl.example", "127.0.0.0/8")]).await;
        for client in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "100.64.0.1",
        ] {
            assert_eq!(zone_of(&blocklists, client).await, None);
        }
        assert!(told.0.lock().unwrap().is_empty());
    }
}
