//! Answers from a wildcard (RFC 4592), proved in two halves.
//!
//! The resolver takes an answer that NSEC records rightly prove to come from
//! the wildcard right above a name for a forged one. Asked for the halves, it
//! proves both: that there is no such name but for the wildcard, and what the
//! wildcard has.

use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError},
    proto::{
        dnssec::{Proof, rdata::DNSSECRData, rdata::NSEC},
        op::ResponseCode,
        rr::{Name, RData, Record, RecordType},
    },
};

use super::{
    claims::Authenticity,
    lookup::{Answer, follow},
};

/// What `name` has by a wildcard; nothing where that is not proved.
pub(super) async fn expanded(
    resolver: &TokioResolver,
    name: &Name,
    kind: RecordType,
) -> Option<Answer> {
    let denied = match resolver.lookup(name.clone(), NOBODY_HAS).await {
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => none,
        _ => return None,
    };
    let records = denied.authorities.as_deref().unwrap_or_default();
    let wildcard =
        wildcard(name, records).filter(|_| denied.response_code == ResponseCode::NoError)?;
    let lookup = resolver.lookup(wildcard.clone(), kind).await.ok()?;
    let answer = follow(&wildcard, kind, lookup.answers())?;
    (answer.authenticity == Authenticity::Secure).then_some(answer)
}

/// The wildcard that stands for a name, by records that the resolver has taken
/// as proof that the name has not what was asked for. None where the name
/// exists after all: on its own, or because others stand below it.
fn wildcard(name: &Name, records: &[Record]) -> Option<Name> {
    let proofs = || records.iter().filter_map(proof);
    if proofs().any(|(owner, nsec)| owner == name || name.zone_of(nsec.next_domain_name())) {
        return None;
    }
    // The closest, should several have been given.
    let above = |owner: &Name| owner.is_wildcard() && owner.base_name().zone_of(name);
    let wildcards = proofs().map(|(owner, _)| owner).filter(|owner| above(owner));
    wildcards.max_by_key(|owner| owner.num_labels()).cloned()
}

fn proof(record: &Record) -> Option<(&Name, &NSEC)> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) if record.proof == Proof::Secure => {
            Some((&record.name, nsec))
        }
        _ => None,
    }
}

/// A type that is long out of use, so that even a wildcard lacks it.
const NOBODY_HAS: RecordType = RecordType::NULL;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(written: &str) -> Name {
        Name::from_ascii(format!("{written}.")).unwrap()
    }

    fn nsec(owner: &str, next: &str, proof: Proof) -> Record {
        let nsec = NSEC::new(name(next), [RecordType::MX]);
        let mut record =
            Record::from_rdata(name(owner), 60, RData::DNSSEC(DNSSECRData::NSEC(nsec)));
        record.proof = proof;
        record
    }

    fn found(records: &[Record]) -> Option<String> {
        wildcard(&name("k.b.example"), records).map(|name| name.to_string())
    }

    #[test]
    fn the_closest_wildcard_stands_for_a_name_that_does_not_exist() {
        let far = nsec("*.example", "a.example", Proof::Secure);
        let near = nsec("*.b.example", "z.b.example", Proof::Secure);
        assert_eq!(found(std::slice::from_ref(&far)).as_deref(), Some("*.example."));
        assert_eq!(found(&[near.clone(), far.clone()]).as_deref(), Some("*.b.example."));
        assert_eq!(found(&[far, near]).as_deref(), Some("*.b.example."));
    }

    #[test]
    fn no_wildcard_stands_for_a_name_that_exists_or_is_not_proved_not_to() {
        let wildcard = nsec("*.example", "a.example", Proof::Secure);
        for exists in [
            nsec("k.b.example", "z.example", Proof::Secure),
            nsec("b.example", "x.k.b.example", Proof::Secure),
            nsec("b.example", "k.b.example", Proof::Secure),
        ] {
            assert_eq!(found(&[wildcard.clone(), exists]), None);
        }
        assert_eq!(found(&[nsec("*.example", "a.example", Proof::Insecure)]), None);
        assert_eq!(found(&[nsec("*.other", "a.other", Proof::Secure)]), None);
        assert_eq!(found(&[nsec("example", "z.example", Proof::Secure)]), None);
    }
}
