//! Names and addresses put together from their pieces, as people write them.

/// The pieces of a person's name, whatever format they came in.
#[derive(Default)]
pub(super) struct Name<'a> {
    pub(super) prefix: Vec<&'a str>,
    pub(super) given: Vec<&'a str>,
    pub(super) family: Vec<&'a str>,
    pub(super) suffix: Vec<&'a str>,
}

impl Name<'_> {
    pub(super) fn full(&self) -> String {
        let pieces = [&self.prefix, &self.given, &self.family, &self.suffix];
        joined(pieces.into_iter().flatten().copied(), " ")
    }
}

/// The pieces that say something, without what is around them.
pub(super) fn joined<'a>(pieces: impl IntoIterator<Item = &'a str>, between: &str) -> String {
    let mut whole = String::new();
    for piece in pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty()) {
        if !whole.is_empty() {
            whole.push_str(between);
        }
        whole.push_str(piece);
    }
    whole
}

/// A number to call, or an address to write to, without its scheme: what it is
/// called, and what it is.
pub(super) fn contact(value: &str) -> (&'static str, &str) {
    let value = value.trim();
    for (scheme, label) in [("tel:", "Phone"), ("fax:", "Fax"), ("mailto:", "Email")] {
        if let Some((start, rest)) = value.split_at_checked(scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return (label, rest.trim());
        }
    }
    (if value.contains('@') { "Email" } else { "Phone" }, value)
}

/// Whether a key or heading is that of a family name: `surname`, `Last_Name`.
pub(super) fn is_family_name(key: &str) -> bool {
    is_one_of(key, &["surname", "lastname", "familyname", "family", "sname"])
}

pub(super) fn is_given_name(key: &str) -> bool {
    is_one_of(
        key,
        &[
            "forename",
            "forenames",
            "firstname",
            "givenname",
            "givennames",
            "given",
            "fname",
            "christianname",
        ],
    )
}

/// Its letters alone count, and what it is of does not.
fn is_one_of(key: &str, names: &[&str]) -> bool {
    if key.len() > LONGEST_KEY {
        return false;
    }
    let letters: String =
        key.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let bare = ["patient", "pt", "pat", "person", "client"]
        .iter()
        .find_map(|whose| letters.strip_prefix(whose))
        .unwrap_or(&letters);
    names.contains(&bare)
}

const LONGEST_KEY: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_their_keys() {
        for key in ["surname", "Last Name", "LAST_NAME", "patientSurname"] {
            assert!(is_family_name(key) && !is_given_name(key), "{key}");
        }
        for key in ["forename", "First name", "given_name", "Patient Forename"] {
            assert!(is_given_name(key) && !is_family_name(key), "{key}");
        }
        assert!(!is_family_name("familyHistory") && !is_given_name("given on"));
    }

    #[test]
    fn pieces_are_put_together_as_people_write_them() {
        let name = Name {
            prefix: vec!["Mrs"],
            given: vec!["Jane", ""],
            family: vec![" Example "],
            ..Name::default()
        };
        assert_eq!(name.full(), "Mrs Jane Example");
        assert_eq!(
            joined(["1 High Street", "", "Leeds", "LS1 1AA"], ", "),
            "1 High Street, Leeds, LS1 1AA"
        );
        assert_eq!(contact("tel:01632960018"), ("Phone", "01632960018"));
        assert_eq!(contact("MAILTO:jane@example.org"), ("Email", "jane@example.org"));
    }
}
