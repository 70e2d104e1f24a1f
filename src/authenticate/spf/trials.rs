//! Whole checks against a name server over a real socket. The suite of RFC 7208
//! (`tests/peers/test_outside_suites.py`) has the grammar and most evaluation;
//! here stand its limits, and what a failing DNS makes of each mechanism.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{A, AAAA, CNAME, MX, PTR, TXT},
    },
};
use mail_auth::SpfResult::{self, Fail, Neutral, None, Pass, PermError, SoftFail, TempError};
use tokio::net::UdpSocket;

use super::{Asked, check};
use crate::config;

/// What there is: a name, a type and a value on each line. A type `SERVFAIL` or
/// `REFUSED` is a name that cannot be asked for.
type Zone = Vec<(String, String, String)>;

/// Every question, as `name TYPE`.
type Questions = Arc<Mutex<Vec<String>>>;

const CLIENT: &str = "192.0.2.1";
const HELO: &str = "mail.x.example";

fn zone(lines: &str) -> Zone {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let parts = lines.map(|line| {
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        (part(), part(), part())
    });
    parts.collect()
}

fn data(kind: &str, value: &str) -> RData {
    let name = || Name::from_ascii(format!("{value}.")).unwrap();
    match kind {
        "TXT" => RData::TXT(TXT::new(vec![value.to_owned()])),
        "A" => RData::A(A(value.parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(value.parse().unwrap())),
        "MX" => RData::MX(MX::new(10, name())),
        "PTR" => RData::PTR(PTR(name())),
        "CNAME" => RData::CNAME(CNAME(name())),
        other => panic!("no such type here: {other}"),
    }
}

fn answer(query: &Message, zone: &Zone, questions: &Questions) -> Message {
    let question = query.queries[0].clone();
    let (name, kind) = (question.name().to_lowercase().to_utf8(), question.query_type());
    let name = name.trim_end_matches('.');
    questions.lock().unwrap().push(format!("{name} {kind}"));
    let mut response = Message::response(query.metadata.id, OpCode::Query);
    response.add_query(question.clone());
    response.metadata.recursion_available = true;
    response.metadata.response_code = ResponseCode::NXDomain;
    for (_, written, value) in zone.iter().filter(|(owner, ..)| owner == name) {
        response.metadata.response_code = match written.as_str() {
            "SERVFAIL" => ResponseCode::ServFail,
            "REFUSED" => ResponseCode::Refused,
            _ => ResponseCode::NoError,
        };
        if *written == kind.to_string() || written == "CNAME" {
            let data = data(written, value);
            response.add_answer(Record::from_rdata(question.name().clone(), 60, data));
        }
    }
    response
}

async fn name_server(zone: Zone) -> (SocketAddr, Questions) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let questions = Questions::default();
    let asked = Arc::clone(&questions);
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let response = answer(&query, &zone, &asked).to_vec().unwrap();
            socket.send_to(&response, from).await.unwrap();
        }
    });
    (address, questions)
}

async fn asked(ip: &str, sender: &str, lines: &str) -> (SpfResult, Vec<String>) {
    let (server, questions) = name_server(zone(lines)).await;
    let resolver = config::resolver(&[server]).unwrap().build().unwrap();
    let result = check(&resolver, Asked { ip: ip.parse().unwrap(), helo: HELO, sender }).await;
    let questions = questions.lock().unwrap().clone();
    (result, questions)
}

async fn result(lines: &str) -> SpfResult {
    asked(CLIENT, "a@x.example", lines).await.0
}

/// What a record says where `more` is beside it.
async fn of(record: &str, more: &str) -> SpfResult {
    result(&format!("x.example TXT v=spf1 {record}\n{more}")).await
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_neither_a_match_nor_none() {
    for code in ["SERVFAIL", "REFUSED"] {
        assert_eq!(result(&format!("x.example {code}")).await, TempError);
        for record in [
            "a:y.example -all",
            "mx:y.example -all",
            "exists:y.example -all",
            "include:y.example -all",
            "redirect=y.example",
        ] {
            let found = of(record, &format!("y.example {code}")).await;
            assert_eq!(found, TempError, "{record} {code}");
        }
        // The name of an exchange, too.
        let exchange = format!("y.example MX mx.example\nmx.example {code}");
        assert_eq!(of("mx:y.example -all", &exchange).await, TempError);
    }
}

#[tokio::test]
async fn a_match_stands_before_what_cannot_be_looked_up_behind_it() {
    let failing = "y.example SERVFAIL";
    assert_eq!(of("ip4:192.0.2.1 a:y.example -all", failing).await, Pass);
    assert_eq!(of("-ip4:192.0.2.1 include:y.example", failing).await, Fail);
}

#[tokio::test]
async fn where_names_of_the_address_cannot_be_looked_up_ptr_only_does_not_match() {
    let reverse = "1.2.0.192.in-addr.arpa";
    assert_eq!(of("ptr ~all", &format!("{reverse} SERVFAIL")).await, SoftFail);
    let one_fails = format!(
        "{reverse} PTR y.x.example
         {reverse} PTR z.x.example
         y.x.example SERVFAIL
         z.x.example A 192.0.2.1"
    );
    assert_eq!(of("ptr -all", &one_fails).await, Pass, "the other leads back");
    assert_eq!(of("ptr:y.x.example -all", &one_fails).await, Fail);
}

#[tokio::test]
async fn a_name_of_the_address_that_does_not_lead_back_to_it_is_nobodys() {
    let names = "1.2.0.192.in-addr.arpa PTR mail.x.example
                 mail.x.example A 192.0.2.2";
    assert_eq!(of("ptr -all", names).await, Fail);
    let other = "1.2.0.192.in-addr.arpa PTR notx.example
                 notx.example A 192.0.2.1";
    assert_eq!(of("ptr -all", other).await, Fail, "it ends alike, and is not below");
}

#[tokio::test]
async fn an_alias_that_leads_nowhere_does_not_exist() {
    let alias = "y.example CNAME z.example";
    assert_eq!(of("exists:y.example -all", alias).await, Fail);
    assert_eq!(of("exists:y.example -all", &format!("{alias}\nz.example TXT x")).await, Fail);
    let led = format!("{alias}\nz.example A 127.0.0.2");
    assert_eq!(of("exists:y.example -all", &led).await, Pass);
}

#[tokio::test]
async fn ten_terms_that_need_the_dns_are_as_many_as_there_may_be() {
    let terms = |count: usize| vec!["a:y.example"; count].join(" ");
    let y = "y.example A 192.0.2.2";
    assert_eq!(of(&format!("{} -all", terms(10)), y).await, Fail);
    assert_eq!(of(&format!("{} -all", terms(11)), y).await, PermError);
    // Those of all records count together, whatever leads from one to another.
    for leads in ["include:z.example -all", "redirect=z.example"] {
        for (count, expected) in [(4, Fail), (5, PermError)] {
            let more = format!("{y}\nz.example TXT v=spf1 {} -all", terms(count));
            let found = of(&format!("{} {leads}", terms(5)), &more).await;
            assert_eq!(found, expected, "{leads} {count}");
        }
    }
    // Those that need none do not count.
    assert_eq!(of(&format!("{} -all", ["ip4:192.0.2.9"; 11].join(" ")), "").await, Fail);
}

#[tokio::test]
async fn a_record_that_leads_to_itself_comes_to_an_end() {
    for record in ["include:x.example -all", "redirect=x.example"] {
        assert_eq!(of(record, "").await, PermError, "{record}");
    }
}

#[tokio::test]
async fn the_third_lookup_that_leads_nowhere_is_an_error() {
    let y = "y.example TXT x";
    for (record, expected) in [
        ("a:n1.example mx:n2.example -all", Fail),
        ("a:n1.example mx:n2.example exists:n3.example -all", PermError),
        // A name that exists and has nothing of the kind is as void as none.
        ("a:y.example mx:y.example exists:n3.example -all", PermError),
        ("a:n1.example exists:n2.example include:z.example -all", PermError),
        // A match before the third is one.
        ("a:n1.example mx:n2.example ip4:192.0.2.1 exists:n3.example", Pass),
    ] {
        let more = format!("{y}\nz.example TXT v=spf1 a:n4.example -all");
        assert_eq!(of(record, &more).await, expected, "{record}");
    }
}

#[tokio::test]
async fn a_domain_of_more_than_ten_exchanges_is_an_error_and_no_more_are_asked_for() {
    let exchanges = |count: usize| {
        let lines = (1..=count).map(|number| {
            format!(
                "x.example MX mx{number}.example\nmx{number}.example A 192.0.2.{}\n",
                100 + number
            )
        });
        format!("x.example TXT v=spf1 mx -all\n{}", lines.collect::<String>())
    };
    assert_eq!(result(&exchanges(10)).await, Fail);
    let (found, questions) = asked(CLIENT, "a@x.example", &exchanges(11)).await;
    assert_eq!(found, PermError);
    assert_eq!(questions.len(), 12, "{questions:?}");
}

#[tokio::test]
async fn of_the_names_of_an_address_ten_are_looked_at() {
    let named = |own: usize| {
        let lines = (1..=11).map(|number| {
            let name =
                if number == own { "x.example".to_owned() } else { format!("y{number}.example") };
            format!("1.2.0.192.in-addr.arpa PTR {name}\n{name} A 192.0.2.1\n")
        });
        lines.collect::<String>()
    };
    assert_eq!(of("ptr -all", &named(10)).await, Pass);
    assert_eq!(of("ptr -all", &named(11)).await, Fail);
}

#[tokio::test]
async fn what_another_record_says_is_a_match_only_where_it_passes() {
    for (included, expected) in [
        ("v=spf1 +all", Pass),
        ("v=spf1 -all", Neutral),
        ("v=spf1 ~all", Neutral),
        ("v=spf1 ?all", Neutral),
        ("v=spf1", Neutral),
        ("v=spf1 a:", PermError),
        ("no SPF", PermError),
    ] {
        let y = format!("y.example TXT {included}");
        assert_eq!(of("include:y.example ?all", &y).await, expected, "{included}");
    }
    assert_eq!(of("-include:y.example +all", "y.example TXT v=spf1 +all").await, Fail);
}

#[tokio::test]
async fn a_record_elsewhere_takes_the_place_of_one_that_decides_nothing() {
    for (other, expected) in [
        ("v=spf1 a:%{d} -all", Pass),
        ("v=spf1 ~all", SoftFail),
        ("v=spf1", Neutral),
        ("v=spf1 foo", PermError),
        ("no SPF", PermError),
    ] {
        let y = format!("y.example TXT {other}\ny.example A 192.0.2.1");
        assert_eq!(of("redirect=y.example", &y).await, expected, "{other}");
        assert_eq!(of("redirect=y.example ~all", &y).await, SoftFail, "what stands here decides");
    }
}

#[tokio::test]
async fn a_record_with_a_fault_anywhere_is_an_error_though_a_match_stands_before_it() {
    for record in ["ip4:192.0.2.1 a:%{d -all", "+all a:%{z}.example", "+all redirect=%"] {
        assert_eq!(of(record, "").await, PermError, "{record}");
    }
    let two = "x.example TXT v=spf1 +all\nx.example TXT v=spf1 +all";
    assert_eq!(result(two).await, PermError);
    assert_eq!(result("x.example TXT no SPF").await, None);
}

#[tokio::test]
async fn without_a_sender_postmaster_at_the_name_in_ehlo_is_meant() {
    let lines = "mail.x.example TXT v=spf1 exists:%{l}.%{o}.y.example -all
                 postmaster.mail.x.example.y.example A 127.0.0.2
                 x.example TXT v=spf1 -all";
    assert_eq!(asked(CLIENT, "", lines).await.0, Pass);
    assert_eq!(asked(CLIENT, "a@x.example", lines).await.0, Fail);
    assert_eq!(asked(CLIENT, "a@z.example", lines).await.0, None, "EHLO stands for no sender");
}

#[tokio::test]
async fn a_domain_is_the_same_in_either_case() {
    let lines = "x.example TXT v=spf1 exists:%{p}.y.example -all
                 1.2.0.192.in-addr.arpa PTR first.example
                 1.2.0.192.in-addr.arpa PTR x.example
                 first.example A 192.0.2.1
                 x.example A 192.0.2.1
                 x.example.y.example A 127.0.0.2";
    for sender in ["a@x.example", "a@X.Example"] {
        assert_eq!(asked(CLIENT, sender, lines).await.0, Pass, "{sender}");
    }
}

#[tokio::test]
async fn an_ipv6_client_is_asked_for_by_its_own_kind_and_one_in_ipv4_clothes_is_ipv4() {
    let lines = "x.example TXT v=spf1 a mx -all
                 x.example A 192.0.2.1
                 x.example AAAA 2001:db8::1
                 x.example MX mx.example
                 mx.example AAAA 2001:db8::2";
    for (client, expected) in [
        ("2001:db8::1", Pass),
        ("2001:db8::2", Pass),
        ("2001:db8::3", Fail),
        ("192.0.2.1", Pass),
        ("::ffff:192.0.2.1", Pass),
        ("::ffff:192.0.2.2", Fail),
    ] {
        assert_eq!(asked(client, "a@x.example", lines).await.0, expected, "{client}");
    }
}
