//! One message's verdicts, each within its time.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hickory_resolver::{TokioResolver, config::ResolverOpts, net::NetError};
use mail_auth::{
    ArcOutput, AuthenticatedMessage, AuthenticationResults, DkimOutput, DkimResult, DmarcOutput,
    DmarcResult, IprevOutput, IprevResult, MessageAuthenticator, SpfOutput, SpfResult,
    dmarc::{Policy, verify::DmarcParameters},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    chain::{self, Chain},
    evidence::{author, is_aligned, seals},
    spf,
};
use crate::{
    config,
    mail::{AuthenticationFacts, Domain, ReversePath},
};

/// Works out who really sent a message.
pub struct Authenticator {
    verifier: MessageAuthenticator,
    authserv_id: Domain,
    time_limit: Duration,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Empty for the system's own resolvers.
    pub servers: Vec<SocketAddr>,
    /// Whose results these are: the first word of the field.
    pub authserv_id: Domain,
    /// For all verdicts of one message together; `TIME_LIMIT` is RFC 7208's
    /// advice. What is not known by then is a temporary error.
    pub time_limit: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum AuthenticatorError {
    #[error("the resolver cannot be set up: {0}")]
    Resolver(#[from] NetError),
}

/// What is known of a message's sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    pub facts: AuthenticationFacts,
    /// The value of an Authentication-Results field, folded, without its
    /// final CRLF.
    pub header: String,
}

impl Authentication {
    /// The field's value, unfolded.
    pub fn value(&self) -> String {
        self.header.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Settings {
    /// At least 20 seconds are to be allowed (RFC 7208 section 4.6.4).
    pub const TIME_LIMIT: Duration = Duration::from_secs(20);
}

impl Authenticator {
    pub fn new(settings: Settings) -> Result<Self, AuthenticatorError> {
        let verifier = MessageAuthenticator(resolver(&settings.servers)?);
        let Settings { authserv_id, time_limit, .. } = settings;
        Ok(Self { verifier, authserv_id, time_limit })
    }

    /// All verdicts on one message. Never fails and never takes longer than
    /// the time limit; cancelling does nothing but stop the lookups.
    ///
    /// `content` is hashed in place: run it where that may take its time.
    pub async fn authenticate(
        &self,
        client: IpAddr,
        helo: &str,
        reverse_path: &ReversePath,
        content: &[u8],
    ) -> Authentication {
        let deadline = Instant::now() + self.time_limit;
        // DMARC needs what the others found: they leave it a quarter.
        let first = Instant::now() + self.time_limit.mul_f32(0.75);
        let sender = reverse_path.to_string();
        let mut message = parse(content);
        let chain = message.as_mut().map_or(Chain::None, chain::read);

        let (spf, helo_spf, dkim, arc, iprev) = tokio::join!(
            timeout_at(first, self.spf(client, helo, &sender)),
            timeout_at(first, self.helo_spf(client, helo, &sender)),
            timeout_at(first, self.dkim(message.as_ref())),
            timeout_at(first, self.arc(message.as_ref(), chain)),
            timeout(REVERSE_PATIENCE, self.verifier.verify_iprev(client)),
        );
        let spf_domain = reverse_path.domain().map_or(helo, Domain::as_str);
        let spf = spf.unwrap_or_else(|_| late(spf_domain));
        let helo_spf = helo_spf.unwrap_or_else(|_| Some(late(helo)));
        let dkim = Dkim::of(dkim.ok());
        let dmarc = match &message {
            Some(message) if has_one_author_field(message) => {
                let parameters = DmarcParameters::new(message, &dkim.outputs, spf_domain, &spf);
                timeout_at(deadline, self.verifier.verify_dmarc(parameters)).await.ok()
            }
            _ => Some(DmarcOutput::default().with_spf_result(no_single_author())),
        };
        let found = Found {
            spf_domain,
            spf,
            helo_spf,
            dkim,
            chain,
            arc: arc.ok(),
            dmarc,
            iprev: iprev.ok(),
        };
        let facts = found.facts(message.as_ref());
        let header = found.header(self.authserv_id.as_str(), &facts, client, helo, &sender);
        Authentication { facts, header }
    }

    /// None where the verdict on the sender is the one on this name.
    async fn helo_spf(&self, client: IpAddr, helo: &str, sender: &str) -> Option<SpfOutput> {
        match sender {
            "" => None,
            _ => Some(self.spf(client, helo, "").await),
        }
    }

    /// A null reverse path stands for postmaster at the name in EHLO (RFC 7208
    /// section 2.4).
    async fn spf(&self, client: IpAddr, helo: &str, sender: &str) -> SpfOutput {
        let asked = spf::Asked { ip: client, helo, sender };
        let result = spf::check(&self.verifier.0, asked).await;
        let domain = sender.rsplit_once('@').map_or(helo, |(_, domain)| domain);
        SpfOutput::new(domain.to_owned()).with_result(result)
    }

    async fn dkim<'m>(&self, message: Option<&'m AuthenticatedMessage<'m>>) -> Vec<DkimOutput<'m>> {
        match message {
            Some(message) => self.verifier.verify_dkim(message).await,
            None => Vec::new(),
        }
    }

    /// None where the chain is not one to ask the DNS about.
    async fn arc<'m>(
        &self,
        message: Option<&'m AuthenticatedMessage<'m>>,
        chain: Chain,
    ) -> ArcOutput<'m> {
        match message {
            Some(message) if chain == Chain::Whole => self.verifier.verify_arc(message).await,
            _ => ArcOutput::default(),
        }
    }
}

/// All verdicts; none where there was no time for one.
struct Found<'m> {
    spf_domain: &'m str,
    spf: SpfOutput,
    helo_spf: Option<SpfOutput>,
    dkim: Dkim<'m>,
    chain: Chain,
    arc: Option<ArcOutput<'m>>,
    dmarc: Option<DmarcOutput>,
    iprev: Option<IprevOutput>,
}

impl Found<'_> {
    fn facts(&self, message: Option<&AuthenticatedMessage<'_>>) -> AuthenticationFacts {
        let Self { spf, helo_spf, dkim, chain, arc, dmarc, iprev, .. } = self;
        let author = message.filter(|message| has_one_author_field(message)).and_then(author);
        let arc = arc_word(*chain, arc.as_ref());
        let seals = match message {
            Some(message) if arc == "pass" => seals(message, author.as_ref()),
            _ => Vec::new(),
        };
        AuthenticationFacts {
            spf: spf_word(spf.result()).to_owned(),
            spf_helo: spf_word(helo_spf.as_ref().unwrap_or(spf).result()).to_owned(),
            dkim: dkim.word().to_owned(),
            dmarc: dmarc_word(dmarc.as_ref(), spf, dkim).to_owned(),
            dmarc_policy: policy_word(dmarc.as_ref()).to_owned(),
            alignment: self.alignment(author.as_ref()).to_owned(),
            arc: arc.to_owned(),
            // Policy knows who is trusted.
            trusted_arc: "none".to_owned(),
            iprev: iprev_word(iprev.as_ref()).to_owned(),
            seals,
        }
    }

    fn alignment(&self, author: Option<&Domain>) -> &'static str {
        let Some(author) = author else { return "none" };
        let unsure =
            self.spf.result() == SpfResult::TempError || self.dkim.lookups == Lookups::Unfinished;
        match is_aligned(author, (self.spf.result(), self.spf_domain), &self.dkim.outputs) {
            true => "pass",
            false if unsure => "temperror",
            false => "none",
        }
    }

    /// One field for all (RFC 8601 section 2.2). The sender's SPF comes before
    /// that of EHLO: some who read the field take the first.
    fn header(
        &self,
        authserv_id: &str,
        facts: &AuthenticationFacts,
        client: IpAddr,
        helo: &str,
        sender: &str,
    ) -> String {
        let Self { spf, helo_spf, dkim, dmarc, .. } = self;
        let mut results =
            AuthenticationResults::new(authserv_id).with_dkim_results(&dkim.outputs, "");
        results = match sender {
            "" => results.with_spf_ehlo_result(spf, client, helo),
            _ => results.with_spf_mailfrom_result(spf, client, sender, helo),
        };
        if let Some(helo_spf) = helo_spf {
            results = results.with_spf_ehlo_result(helo_spf, client, helo);
        }
        let mut header = match dmarc {
            Some(dmarc) if facts.dmarc == dmarc_word_alone(dmarc) => {
                results.with_dmarc_result(dmarc).to_string()
            }
            _ => format!("{results};\r\n\tdmarc={}", facts.dmarc),
        };
        if dkim.outputs.is_empty() {
            header.push_str(&format!("; dkim={}", facts.dkim));
        }
        header.push_str(&format!("; arc={}", facts.arc));
        let address = match client {
            IpAddr::V4(client) => client.to_string(),
            IpAddr::V6(client) => format!("\"{client}\""),
        };
        header.push_str(&format!("; iprev={} policy.iprev={address}", facts.iprev));
        header
    }
}

/// What there was no time for.
fn late(domain: &str) -> SpfOutput {
    SpfOutput::new(domain.to_owned()).with_result(SpfResult::TempError)
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let mut builder = config::resolver(servers)?;
    let options: &mut ResolverOpts = builder.options_mut();
    options.timeout = LOOKUP_TIMEOUT;
    options.attempts = LOOKUP_ATTEMPTS;
    builder.build()
}

/// None where there is no header section at all. Signatures past the limit
/// are left out: each costs a lookup and a verification (law 7).
fn parse(content: &[u8]) -> Option<AuthenticatedMessage<'_>> {
    let mut message = AuthenticatedMessage::parse(content)?;
    message.dkim_headers.truncate(MAX_SIGNATURES);
    Some(message)
}

/// mail-auth takes every address of every From field together; a second field
/// is how a spoofed author is shown to a person while another is checked.
fn has_one_author_field(message: &AuthenticatedMessage<'_>) -> bool {
    let fields = message.headers.iter();
    fields.filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"From")).count() == 1
}

fn no_single_author() -> DmarcResult {
    DmarcResult::PermError(mail_auth::Error::ParseError)
}

/// The signatures' verdicts, and whether there was time for them.
struct Dkim<'m> {
    outputs: Vec<DkimOutput<'m>>,
    lookups: Lookups,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookups {
    Complete,
    Unfinished,
}

impl<'m> Dkim<'m> {
    fn of(outputs: Option<Vec<DkimOutput<'m>>>) -> Self {
        match outputs {
            None => Self { outputs: Vec::new(), lookups: Lookups::Unfinished },
            Some(outputs) => {
                let failed =
                    |output: &DkimOutput<'_>| matches!(output.result(), DkimResult::TempError(_));
                let lookups = if outputs.iter().any(failed) {
                    Lookups::Unfinished
                } else {
                    Lookups::Complete
                };
                Self { outputs, lookups }
            }
        }
    }

    /// The best of the signatures; none is better than one that might have
    /// passed had its key been found.
    fn word(&self) -> &'static str {
        let words = || self.outputs.iter().map(|output| dkim_word(output.result()));
        if words().any(|word| word == "pass") {
            return "pass";
        }
        if self.lookups == Lookups::Unfinished {
            return "temperror";
        }
        ["fail", "permerror", "neutral"]
            .into_iter()
            .find(|&worst| words().any(|word| word == worst))
            .unwrap_or("none")
    }
}

const fn spf_word(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "pass",
        SpfResult::Fail => "fail",
        SpfResult::SoftFail => "softfail",
        SpfResult::Neutral => "neutral",
        SpfResult::TempError => "temperror",
        SpfResult::PermError => "permerror",
        SpfResult::None => "none",
    }
}

const fn dkim_word(result: &DkimResult) -> &'static str {
    match result {
        DkimResult::Pass => "pass",
        DkimResult::Neutral(_) => "neutral",
        DkimResult::Fail(_) => "fail",
        DkimResult::PermError(_) => "permerror",
        DkimResult::TempError(_) => "temperror",
        DkimResult::None => "none",
    }
}

/// A failure counts as one only once every lookup it rests on was answered.
fn dmarc_word(dmarc: Option<&DmarcOutput>, spf: &SpfOutput, dkim: &Dkim<'_>) -> &'static str {
    let unsure = spf.result() == SpfResult::TempError || dkim.lookups == Lookups::Unfinished;
    match dmarc.map(dmarc_word_alone) {
        None => "temperror",
        Some("fail") if unsure => "temperror",
        Some(word) => word,
    }
}

fn dmarc_word_alone(dmarc: &DmarcOutput) -> &'static str {
    match dmarc.result() {
        DmarcResult::Pass => "pass",
        DmarcResult::Fail(_) => "fail",
        DmarcResult::TempError(_) => "temperror",
        DmarcResult::PermError(_) => "permerror",
        DmarcResult::None => "none",
    }
}

/// What the author's domain asks for; `absent` where it publishes nothing.
fn policy_word(dmarc: Option<&DmarcOutput>) -> &'static str {
    let Some(dmarc) = dmarc else { return "temperror" };
    match (dmarc.dmarc_record(), dmarc.policy()) {
        (None, _) if dmarc_word_alone(dmarc) == "temperror" => "temperror",
        (None, _) => "absent",
        (Some(_), Policy::Reject) => "reject",
        (Some(_), Policy::Quarantine) => "quarantine",
        (Some(_), _) => "none",
    }
}

/// RFC 8601 section 2.7.3.
fn iprev_word(iprev: Option<&IprevOutput>) -> &'static str {
    match iprev.map(|iprev| &iprev.result) {
        Some(IprevResult::Pass) => "pass",
        Some(IprevResult::Fail(_)) => "fail",
        Some(IprevResult::PermError(_)) => "permerror",
        Some(IprevResult::None) => "none",
        None | Some(IprevResult::TempError(_)) => "temperror",
    }
}

/// RFC 8617 knows three: a chain that cannot be checked has failed.
fn arc_word(chain: Chain, arc: Option<&ArcOutput<'_>>) -> &'static str {
    match (chain, arc.map(ArcOutput::result)) {
        (Chain::None, _) => "none",
        (Chain::Whole, Some(DkimResult::Pass)) => "pass",
        _ => "fail",
    }
}

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
const LOOKUP_ATTEMPTS: usize = 2;
const MAX_SIGNATURES: usize = 20;
/// Many networks leave their reverse zone unanswered: no mail waits long for it.
const REVERSE_PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{
        op::{Message, OpCode, ResponseCode},
        rr::{Name, RData, Record, RecordType, rdata::TXT},
    };
    use mail_auth::{
        common::{
            crypto::{Ed25519Key, SigningKey},
            headers::HeaderWriter,
        },
        dkim::DkimSigner,
    };
    use tokio::net::UdpSocket;

    use super::*;

    /// TXT records by name; a name with `TIMEOUT` is never answered, and names
    /// not given do not exist.
    async fn name_server(zone: Vec<(String, String)>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let query = Message::from_vec(&buffer[..length]).unwrap();
                let question = query.queries[0].clone();
                let asked = question.name().to_lowercase().to_utf8();
                let mut response = Message::response(query.metadata.id, OpCode::Query);
                response.add_query(question.clone());
                let found = zone.iter().find(|(name, _)| *name == asked.trim_end_matches('.'));
                match found {
                    Some((_, text)) if text == "TIMEOUT" => continue,
                    Some((name, text)) if question.query_type() == RecordType::TXT => {
                        let owner = Name::from_ascii(format!("{name}.")).unwrap();
                        let data = RData::TXT(TXT::new(vec![text.clone()]));
                        response.add_answer(Record::from_rdata(owner, 60, data));
                    }
                    Some(_) => {}
                    None => response.metadata.response_code = ResponseCode::NXDomain,
                }
                socket.send_to(&response.to_vec().unwrap(), from).await.unwrap();
            }
        });
        address
    }

    async fn authenticate(zone: &[(&str, &str)], from: &str, content: &[u8]) -> Authentication {
        let zone = zone.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        let authenticator = Authenticator::new(Settings {
            servers: vec![name_server(zone).await],
            authserv_id: "gw.test.example".parse().unwrap(),
            time_limit: Duration::from_secs(2),
        })
        .unwrap();
        let client = "192.0.2.1".parse().unwrap();
        let reverse_path = from.parse().unwrap();
        let content = content.to_vec();
        // Spawned, as the gateway does: it must be able to change threads.
        let found = tokio::spawn(async move {
            authenticator.authenticate(client, "mail.x.example", &reverse_path, &content).await
        });
        found.await.unwrap()
    }

    /// A key pair: the signer and its record.
    fn signing() -> (Ed25519Key, String) {
        use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
        use base64::Engine;
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let public = base64::engine::general_purpose::STANDARD.encode(pair.public_key().as_ref());
        let key = Ed25519Key::from_pkcs8_der(pkcs8.as_ref()).unwrap();
        (key, format!("v=DKIM1; k=ed25519; p={public}"))
    }

    fn signed(key: impl SigningKey, content: &str) -> Vec<u8> {
        let signature = DkimSigner::from_key(key)
            .domain("x.example")
            .selector("s")
            .headers(["From", "Subject"])
            .sign(content.as_bytes())
            .unwrap();
        (signature.to_header() + content).into_bytes()
    }

    const CONTENT: &str = "From: <a@x.example>\r\nSubject: x\r\n\r\nhello\r\n";
    const DMARC: (&str, &str) = ("_dmarc.x.example", "v=DMARC1; p=reject");

    #[tokio::test]
    async fn what_passes_is_said_to_pass() {
        let (key, record) = signing();
        let zone = [
            ("x.example", "v=spf1 ip4:192.0.2.1 -all"),
            ("s._domainkey.x.example", record.as_str()),
            DMARC,
        ];
        let found = authenticate(&zone, "a@x.example", &signed(key, CONTENT)).await;
        let AuthenticationFacts { spf, dkim, dmarc, arc, .. } = &found.facts;
        assert_eq!((&**spf, &**dkim, &**dmarc, &**arc), ("pass", "pass", "pass", "none"));
        assert_eq!((&*found.facts.dmarc_policy, &*found.facts.alignment), ("reject", "pass"));
        // Nobody answers for the address, nor for the name in EHLO.
        assert_eq!((&*found.facts.iprev, &*found.facts.spf_helo), ("permerror", "none"));
        assert!(found.header.starts_with("gw.test.example;"), "{}", found.header);
        for word in
            ["spf=pass", "spf=none", "dkim=pass", "dmarc=pass", "arc=none", "iprev=permerror"]
        {
            assert!(found.header.contains(word), "{word} is missing in {}", found.header);
        }
    }

    #[tokio::test]
    async fn what_fails_is_said_to_fail() {
        let (key, record) = signing();
        let zone =
            [("x.example", "v=spf1 -all"), ("s._domainkey.x.example", record.as_str()), DMARC];
        let mut content = signed(key, CONTENT);
        content.extend_from_slice(b"one more line\r\n");
        let found = authenticate(&zone, "a@x.example", &content).await;
        assert_eq!(found.facts.spf, "fail");
        assert_ne!(found.facts.dkim, "pass");
        assert_eq!(found.facts.dmarc, "fail");
        assert_eq!((&*found.facts.dmarc_policy, &*found.facts.alignment), ("reject", "none"));
    }

    #[tokio::test]
    async fn what_cannot_be_looked_up_neither_passes_nor_fails() {
        let (key, _) = signing();
        let zone = [("x.example", "TIMEOUT"), ("s._domainkey.x.example", "TIMEOUT"), DMARC];
        let found = authenticate(&zone, "a@x.example", &signed(key, CONTENT)).await;
        let AuthenticationFacts { spf, dkim, dmarc, alignment, .. } = &found.facts;
        assert_eq!((&**spf, &**dkim, &**dmarc), ("temperror", "temperror", "temperror"));
        assert_eq!(alignment, "temperror");
        for word in ["spf=temperror", "dkim=temperror", "dmarc=temperror"] {
            assert!(found.header.contains(word), "{word} is missing in {}", found.header);
        }
    }

    #[tokio::test]
    async fn a_second_from_field_never_passes() {
        let (key, record) = signing();
        let zone = [
            ("x.example", "v=spf1 ip4:192.0.2.1 -all"),
            ("s._domainkey.x.example", record.as_str()),
            DMARC,
        ];
        let content = [b"From: <boss@bank.example>\r\n", &signed(key, CONTENT)[..]].concat();
        let found = authenticate(&zone, "a@x.example", &content).await;
        assert_eq!(found.facts.dmarc, "permerror");
        assert_eq!(found.facts.alignment, "none");
        assert!(found.header.contains("dmarc=permerror"), "{}", found.header);
    }

    #[tokio::test]
    async fn the_null_path_is_checked_by_its_helo_name() {
        let zone = [("mail.x.example", "v=spf1 ip4:192.0.2.1 -all")];
        let found = authenticate(&zone, "", CONTENT.as_bytes()).await;
        assert_eq!(found.facts.spf, "pass");
        assert!(found.header.contains("smtp.helo=mail.x.example"), "{}", found.header);
    }

    #[tokio::test]
    async fn content_that_is_no_message_passes_nothing() {
        for content in [&b""[..], b"\r\n", b"\0\xff", b"no header\r\n\r\nbody"] {
            let found = authenticate(&[], "a@x.example", content).await;
            assert_ne!(found.facts.dmarc, "pass");
            assert_ne!(found.facts.dkim, "pass");
            assert_eq!(found.facts.spf, "none");
        }
    }
}
