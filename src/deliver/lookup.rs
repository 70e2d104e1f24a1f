//! One question to the name servers, and how far DNSSEC vouches for the answer
//! (RFC 4035 section 4.3).
//!
//! The resolver validates; here its proofs are read for the records that
//! answer, alias by alias, and for the denial of those that do not exist.
//! Whatever could not be proved either way is a failure, never an absence.

use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError, NoRecords},
    proto::{
        dnssec::Proof,
        op::ResponseCode,
        rr::{Name, RData, Record, RecordType},
    },
};

use super::{claims::Authenticity, wildcard::expanded};

/// What a question has brought.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// Of the kind asked for.
    pub(super) data: Vec<RData>,
    /// Where they stand: at the end of all aliases.
    pub(super) name: Name,
    /// Of the records and of every alias on the way to them.
    pub(super) authenticity: Authenticity,
    /// Of the first alias, where there is one.
    pub(super) alias: Option<Authenticity>,
}

/// Why a question has brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the name does not exist")]
    NoName(Authenticity),
    #[error("there is no such record")]
    NoRecords(Authenticity),
    /// Also where a name server keeps back what DNSSEC needs: who strips
    /// signatures cannot be told from who forges.
    #[error("DNSSEC cannot prove the answer: forged, broken, or its signatures were not passed on")]
    Bogus,
    #[error("{0}")]
    Failed(String),
}

/// Follows aliases; the resolver does so as well, but leaves out those whose
/// end it has had before, and their proofs with them.
pub(super) async fn ask(
    resolver: &TokioResolver,
    name: &Name,
    kind: RecordType,
) -> Result<Answer, Unanswered> {
    let mut name = name.clone();
    let (mut alias, mut authenticity) = (None, Authenticity::Secure);
    for _ in 0..ALIASES {
        let why = match resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => match follow(&name, kind, lookup.answers()) {
                Some(answer) => return Ok(answer.after(alias, authenticity)),
                None => Unanswered::Failed("the answer is to another question".to_owned()),
            },
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                return Err(denied(resolver, name, &none).await);
            }
            // An alias may be proved where it and its end together are not.
            Err(NetError::Dns(DnsError::DnssecBogus)) => {
                match expanded(resolver, &name, kind).await {
                    Some(answer) => return Ok(answer.after(alias, authenticity)),
                    None => Unanswered::Bogus,
                }
            }
            Err(error) => return Err(error.into()),
        };
        let Some((target, proved)) = alias_of(resolver, &name).await else { return Err(why) };
        authenticity = both(authenticity, proved);
        alias = alias.or(Some(proved));
        name = target;
    }
    Err(Unanswered::Failed("there are too many aliases".to_owned()))
}

/// The TXT records of a name, the strings of each as one; none where there are
/// none.
pub(super) async fn texts(
    resolver: &TokioResolver,
    name: &Name,
) -> Result<Vec<Vec<u8>>, Unanswered> {
    let data = match ask(resolver, name, RecordType::TXT).await {
        Ok(answer) => answer.data,
        Err(Unanswered::NoName(_) | Unanswered::NoRecords(_)) => Vec::new(),
        Err(why) => return Err(why),
    };
    let texts = data.into_iter().filter_map(|data| match data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    });
    Ok(texts.collect())
}

/// What a name is an alias of.
async fn alias_of(resolver: &TokioResolver, name: &Name) -> Option<(Name, Authenticity)> {
    let lookup = resolver.lookup(name.clone(), RecordType::CNAME).await.ok()?;
    let answer = follow(name, RecordType::CNAME, lookup.answers())?;
    match answer.data.into_iter().next()? {
        RData::CNAME(target) => Some((target.0, answer.authenticity)),
        _ => None,
    }
}

impl Answer {
    /// At the end of aliases that were followed to it.
    fn after(self, alias: Option<Authenticity>, authenticity: Authenticity) -> Self {
        Self {
            authenticity: both(authenticity, self.authenticity),
            alias: alias.or(self.alias),
            ..self
        }
    }
}

fn both(one: Authenticity, other: Authenticity) -> Authenticity {
    match (one, other) {
        (Authenticity::Secure, Authenticity::Secure) => Authenticity::Secure,
        _ => Authenticity::Insecure,
    }
}

/// Whether the name servers pass on what DNSSEC needs: the root proves its own
/// records, or nothing can be proved.
pub(super) async fn proves_names(resolver: &TokioResolver) -> Result<(), Unanswered> {
    match ask(resolver, &Name::root(), RecordType::SOA).await?.authenticity {
        Authenticity::Secure => Ok(()),
        Authenticity::Insecure => Err(Unanswered::Bogus),
    }
}

impl From<NetError> for Unanswered {
    fn from(error: NetError) -> Self {
        match error {
            // A denial in a zone whose denials prove nothing, and are to be
            // taken as those of an unsigned zone (RFC 9276 section 3.2).
            NetError::Dns(DnsError::Nsec { response, proof: Proof::Insecure, .. }) => {
                absence(response.response_code, Authenticity::Insecure)
            }
            NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => Self::Bogus,
            other => Self::Failed(other.to_string()),
        }
    }
}

fn absence(code: ResponseCode, authenticity: Authenticity) -> Unanswered {
    match code {
        ResponseCode::NXDomain => Unanswered::NoName(authenticity),
        _ => Unanswered::NoRecords(authenticity),
    }
}

/// The records of a kind at the end of a chain of aliases; other records may
/// stand beside them and say nothing.
pub(super) fn follow(asked: &Name, kind: RecordType, records: &[Record]) -> Option<Answer> {
    let mut name = asked;
    let (mut alias, mut authenticity) = (None, Authenticity::Secure);
    for _ in 0..ALIASES {
        let here = |kind| {
            records
                .iter()
                .filter(move |record| record.record_type() == kind && record.name == *name)
        };
        if here(kind).next().is_some() {
            let authenticity = here(kind).map(proved).fold(authenticity, both);
            let data = here(kind).map(|record| record.data.clone()).collect();
            return Some(Answer { data, name: name.clone(), authenticity, alias });
        }
        let record = here(RecordType::CNAME).next()?;
        let RData::CNAME(target) = &record.data else { return None };
        authenticity = both(authenticity, proved(record));
        alias = alias.or(Some(authenticity));
        name = &target.0;
    }
    None
}

fn proved(record: &Record) -> Authenticity {
    match record.proof {
        Proof::Secure => Authenticity::Secure,
        _ => Authenticity::Insecure,
    }
}

/// What a denial is worth. A denial that is unsigned throughout comes from an
/// unsigned zone or from nobody who may speak for the name: the resolver looks
/// at whether the records' own zone is unsigned, so whether that zone is the
/// name's is looked at here. Else a stranger's unsigned zone could deny
/// anything at all.
async fn denied(resolver: &TokioResolver, mut name: Name, none: &NoRecords) -> Unanswered {
    let records = none.authorities.as_deref().unwrap_or_default();
    for _ in 0..ALIASES {
        if let Some(authenticity) = denial(&name, records) {
            return absence(none.response_code, authenticity);
        }
        // It may deny what the name is an alias of.
        match alias_of(resolver, &name).await {
            Some((target, _)) => name = target,
            None => break,
        }
    }
    Unanswered::Bogus
}

/// Whether these records may deny something of `name`, and how surely.
fn denial(name: &Name, records: &[Record]) -> Option<Authenticity> {
    let proves =
        |record: &Record| record.proof == Proof::Secure && DENIALS.contains(&record.record_type());
    if records.iter().any(proves) {
        return Some(Authenticity::Secure);
    }
    let mut unsigned = records.iter().filter(|record| record.proof == Proof::Insecure).peekable();
    let speaks =
        |record: &Record| APEX.contains(&record.record_type()) && record.name.zone_of(name);
    (unsigned.peek().is_none() || unsigned.any(speaks)).then_some(Authenticity::Insecure)
}

const APEX: &[RecordType] = &[RecordType::SOA, RecordType::NS];

const DENIALS: &[RecordType] = &[RecordType::NSEC, RecordType::NSEC3];

/// As many as the resolver follows.
const ALIASES: usize = 8;

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::rdata::{CNAME, MX, SOA};

    use super::{
        Authenticity::{Insecure, Secure},
        *,
    };

    fn name(written: &str) -> Name {
        Name::from_ascii(format!("{written}.")).unwrap()
    }

    fn record(owner: &str, data: RData, proof: Proof) -> Record {
        let mut record = Record::from_rdata(name(owner), 60, data);
        record.proof = proof;
        record
    }

    fn mx(owner: &str, host: &str, proof: Proof) -> Record {
        record(owner, RData::MX(MX::new(10, name(host))), proof)
    }

    fn alias(owner: &str, target: &str, proof: Proof) -> Record {
        record(owner, RData::CNAME(CNAME(name(target))), proof)
    }

    fn soa(owner: &str, proof: Proof) -> Record {
        let soa = SOA::new(name("ns.example"), name("root.example"), 1, 1, 1, 1, 1);
        record(owner, RData::SOA(soa), proof)
    }

    fn answered(records: &[Record]) -> Answer {
        follow(&name("x.example"), RecordType::MX, records).unwrap()
    }

    #[test]
    fn an_answer_is_secure_where_every_record_and_every_alias_is() {
        let secure = [alias("x.example", "y.example", Proof::Secure)];
        let with = |last: Record| answered(&[&secure[..], &[last]].concat());
        let end = with(mx("y.example", "mx.example", Proof::Secure));
        assert_eq!((end.authenticity, end.alias), (Secure, Some(Secure)));
        assert_eq!(end.name, name("y.example"));
        let end = with(mx("y.example", "mx.example", Proof::Insecure));
        assert_eq!((end.authenticity, end.alias), (Insecure, Some(Secure)));
        let plain = [mx("x.example", "mx.example", Proof::Secure)];
        assert_eq!((answered(&plain).authenticity, answered(&plain).alias), (Secure, None));
        for unproved in [Proof::Insecure, Proof::Indeterminate, Proof::Bogus] {
            let records = [
                alias("x.example", "y.example", unproved),
                mx("y.example", "mx.example", Proof::Secure),
            ];
            assert_eq!(answered(&records).authenticity, Insecure, "{unproved:?}");
        }
    }

    #[test]
    fn records_of_other_names_are_no_part_of_an_answer() {
        let answer = answered(&[
            mx("evil.example", "mx.evil.example", Proof::Insecure),
            mx("x.example", "mx.x.example", Proof::Secure),
        ]);
        assert_eq!(answer.data, [RData::MX(MX::new(10, name("mx.x.example")))]);
        assert_eq!(answer.authenticity, Secure);
        let elsewhere = [mx("evil.example", "mx.evil.example", Proof::Secure)];
        assert_eq!(follow(&name("x.example"), RecordType::MX, &elsewhere), None);
    }

    #[test]
    fn aliases_in_a_circle_lead_nowhere() {
        let circle = [
            alias("x.example", "y.example", Proof::Secure),
            alias("y.example", "x.example", Proof::Secure),
        ];
        assert_eq!(follow(&name("x.example"), RecordType::MX, &circle), None);
    }

    #[test]
    fn an_unsigned_zone_denies_what_is_in_it_and_nothing_else() {
        let denied = |zone, proof| denial(&name("a.x.example"), &[soa(zone, proof)]);
        assert_eq!(denied("x.example", Proof::Insecure), Some(Insecure));
        assert_eq!(denied("a.x.example", Proof::Insecure), Some(Insecure));
        assert_eq!(denied("evil.example", Proof::Insecure), None);
        assert_eq!(denied("b.a.x.example", Proof::Insecure), None);
        // Nobody looked for proof.
        assert_eq!(denied("x.example", Proof::Indeterminate), Some(Insecure));
    }
}
