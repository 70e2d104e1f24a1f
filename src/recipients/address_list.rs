//! A list of addresses as an operator writes it: one a line, `#` before a
//! comment, `@domain` for all of a domain.

use std::{collections::HashSet, ops::Range, sync::Arc};

use crate::{
    mail::{Address, Domain},
    policy::diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
};

/// Who exists. Case does not matter, and `ann+ward7` is found as `ann`.
#[derive(Clone, Debug, Default)]
pub struct AddressList {
    /// In lower case.
    addresses: HashSet<Box<str>>,
    /// Domains of which every address exists.
    domains: HashSet<Domain>,
}

impl AddressList {
    /// The list, or every line of it that is none.
    pub fn read(file: &Arc<SourceFile>) -> Result<Self, Diagnostics> {
        let (mut list, mut faults) = (Self::default(), Diagnostics::default());
        let mut start = 0;
        for line in file.text.split_inclusive('\n') {
            let written = line.trim();
            if !written.is_empty() && !written.starts_with('#') {
                let at = start + (line.len() - line.trim_start().len());
                if let Err(cause) = list.add(written) {
                    faults.push(fault(file, at..at + written.len(), cause));
                }
            }
            start += line.len();
        }
        if faults.is_empty() { Ok(list) } else { Err(faults) }
    }

    fn add(&mut self, written: &str) -> Result<(), String> {
        match written.strip_prefix('@') {
            Some(domain) => {
                let domain = domain.parse::<Domain>().map_err(|cause| cause.to_string())?;
                self.domains.insert(domain);
            }
            None => {
                let address = written.parse::<Address>().map_err(|cause| cause.to_string())?;
                self.addresses.insert(folded(&address).to_string().into());
            }
        }
        Ok(())
    }

    pub fn contains(&self, address: &Address) -> bool {
        let listed = |address: &Address| self.addresses.contains(address.to_string().as_str());
        let address = folded(address);
        self.domains.contains(address.domain())
            || listed(&address)
            || without_tag(&address).is_some_and(|address| listed(&address))
    }

    pub fn len(&self) -> usize {
        self.addresses.len() + self.domains.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// With the local part in lower case, as the domain is already. RFC 5321
/// section 2.4 lets case matter; no mail system of ours does.
pub(super) fn folded(address: &Address) -> Address {
    let folded = Address::new(&address.local_part().to_lowercase(), address.domain().clone());
    // Only a letter that grows in lower case can make it too long.
    folded.unwrap_or_else(|_| address.clone())
}

/// `ann@x` for `ann+ward7@x` (RFC 5233); None where there is no tag.
pub(super) fn without_tag(address: &Address) -> Option<Address> {
    let (user, _) = address.local_part().split_once('+')?;
    if user.is_empty() {
        return None;
    }
    Address::new(user, address.domain().clone()).ok()
}

fn fault(file: &Arc<SourceFile>, span: Range<usize>, cause: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "bad-recipient",
        message: "this line names no recipient".to_owned(),
        file: Arc::clone(file),
        span: Some(span),
        label: cause,
        help: Some("write an address (`ann@x.example`) or a domain (`@x.example`)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AddressList, Diagnostics> {
        let path = "/etc/postern/recipients".to_owned();
        AddressList::read(&Arc::new(SourceFile { path, text: text.to_owned() }))
    }

    fn contains(list: &AddressList, address: &str) -> bool {
        list.contains(&address.parse().unwrap())
    }

    #[test]
    fn who_is_listed_exists_and_nobody_else_does() {
        let list = read("# the ward\n\nAnn@Nhs.example\n  bob.o'neill@nhs.example  \n").unwrap();
        for known in ["ann@nhs.example", "ANN@nhs.EXAMPLE", "Bob.O'Neill@nhs.example"] {
            assert!(contains(&list, known), "{known}");
        }
        for unknown in ["an@nhs.example", "ann@x.nhs.example", "ann@example", "carl@nhs.example"] {
            assert!(!contains(&list, unknown), "{unknown}");
        }
    }

    #[test]
    fn a_tag_is_found_as_its_user_but_makes_none() {
        let list = read("ann@nhs.example\nlist+owner@nhs.example\n").unwrap();
        assert!(contains(&list, "ann+ward7@nhs.example"));
        assert!(contains(&list, "ann+a+b@nhs.example"));
        assert!(contains(&list, "list+owner@nhs.example"));
        assert!(!contains(&list, "list@nhs.example"));
        assert!(!contains(&list, "+ann@nhs.example"));
    }

    #[test]
    fn a_domain_stands_for_all_its_addresses_and_not_for_those_below() {
        let list = read("@clinic.example\n").unwrap();
        assert!(contains(&list, "anybody@clinic.example"));
        assert!(!contains(&list, "anybody@a.clinic.example"));
    }

    #[test]
    fn every_line_that_names_nobody_is_a_fault_with_its_number() {
        let faults = read("ann@nhs.example\nann\n# fine\n@\n a b@x.example\n").unwrap_err();
        let lines: Vec<_> = faults.iter().map(Diagnostic::line).collect();
        assert_eq!(lines, [2, 4, 5]);
    }
}
