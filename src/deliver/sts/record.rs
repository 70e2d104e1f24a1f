//! The TXT record at `_mta-sts`: whether a domain has a policy, and which (RFC
//! 8461 section 3.1).

/// The id of the one record there is. Records of other kinds are no records;
/// two of this one, or one that cannot be read, are none.
pub(super) fn policy_id<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut records = records.into_iter().filter_map(fields);
    let fields = records.next()?;
    if records.next().is_some() {
        return None;
    }
    let mut id = None;
    // What ends a field may end the last one as well.
    let fields = fields.strip_suffix(';').unwrap_or(fields);
    for field in fields.split(';') {
        let (name, value) = field.split_once('=')?;
        let (name, value) = (name.trim_matches(WSP), value.trim_matches(WSP));
        if !is_name(name) || !is_value(value) {
            return None;
        }
        if name == "id" && id.is_none() {
            id = Some(value).filter(|value| is_id(value));
            id?;
        }
    }
    id.map(str::to_owned)
}

/// What follows the version, where this is such a record.
fn fields(record: &[u8]) -> Option<&str> {
    let record = str::from_utf8(record).ok()?;
    let fields = record.strip_prefix("v=STSv1")?.trim_start_matches(WSP).strip_prefix(';')?;
    Some(fields.trim_matches(WSP))
}

/// What an extension may be called, in records and in policies.
pub(super) fn is_name(name: &str) -> bool {
    let inner = |octet: u8| octet.is_ascii_alphanumeric() || b"_-.".contains(&octet);
    (1..=32).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(inner)
}

fn is_value(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'=')
}

fn is_id(id: &str) -> bool {
    id.len() <= 32 && id.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

const WSP: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    fn id(records: &[&str]) -> Option<String> {
        policy_id(records.iter().map(|record| record.as_bytes()))
    }

    #[test]
    fn a_record_names_its_policy() {
        for record in [
            "v=STSv1; id=20261122A;",
            "v=STSv1;id=20261122A",
            "v=STSv1 ;\tid = 20261122A ; ",
            "v=STSv1; more.of-it_=x:y; id=20261122A; id=other",
        ] {
            assert_eq!(id(&[record]).as_deref(), Some("20261122A"), "{record:?}");
        }
    }

    #[test]
    fn other_records_do_not_matter_and_two_are_none() {
        let one = "v=STSv1; id=1;";
        assert_eq!(id(&["v=spf1 -all", one, "v=STSv2; id=2;"]).as_deref(), Some("1"));
        assert_eq!(id(&[one, one]), None);
        assert_eq!(id(&[one, "v=STSv1; broken"]), None);
        assert_eq!(id(&[]), None);
    }

    #[test]
    fn what_is_no_record_names_nothing() {
        let long = format!("v=STSv1; id={}", "1".repeat(33));
        for wrong in [
            "v=STSv1",
            "v=STSv1;",
            "v=STSv1; ;id=1",
            "v=STSv1; id=",
            "v=STSv1; id=a-b",
            "id=1; v=STSv1",
            "V=STSv1; id=1",
            "v=stsv1; id=1",
            " v=STSv1; id=1",
            "v=STSv10; id=1",
            "v=STSv1; x; id=1",
            "v=STSv1; id=1; -x=1",
            "v=STSv1; id=1; x=a=b",
            "v=STSv1; ID=1",
            "v=STSv1; id=1 2",
            &long,
        ] {
            assert_eq!(id(&[wrong]), None, "{wrong:?} was accepted");
        }
        assert_eq!(policy_id([&b"v=STSv1; id=\xff"[..]]), None);
    }
}
