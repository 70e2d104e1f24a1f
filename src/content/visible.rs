//! Who is shown to every recipient: the addresses in To and Cc (RFC 5322
//! section 3.6.3). Those in Bcc are seen by nobody, or by their owner alone.

use std::collections::HashSet;

use super::{facts::NamedAddress, tree::Content};
use crate::mail::Domain;

impl Content {
    /// How many distinct addresses stand there that are not ours. Case is
    /// left aside; an address with a domain that is none is not ours.
    pub fn visible_recipients(&self, is_ours: impl Fn(&Domain) -> bool) -> usize {
        let mut seen = HashSet::new();
        for NamedAddress { address, .. } in
            ["To", "Cc"].iter().flat_map(|name| self.addresses(name))
        {
            let Some((_, domain)) = address.rsplit_once('@') else { continue };
            if !domain.trim().parse().is_ok_and(|domain| is_ours(&domain)) {
                seen.insert(address.to_lowercase());
            }
        }
        seen.len()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn seen(header: &str) -> usize {
        let content = Content::parse(Bytes::from(format!("{header}\r\nhello\r\n")));
        content.visible_recipients(|domain| domain.as_str() == "trust.example")
    }

    #[test]
    fn every_address_that_others_see_counts_once_and_ours_do_not() {
        assert_eq!(seen("From: a@x.example\r\nBcc: b@x.example\r\n"), 0);
        assert_eq!(seen("To: a@x.example, B <b@x.example>\r\nCc: c@y.example\r\n"), 3);
        assert_eq!(seen("To: a@x.example\r\nCc: A <A@X.example>\r\n"), 1);
        assert_eq!(seen("To: ward@trust.example, a@x.example\r\n"), 1);
        assert_eq!(seen("To: clinic: a@x.example, b@x.example;\r\n"), 2);
        assert_eq!(seen("To: a@x.example\r\nTo: b@x.example\r\n"), 2);
        assert_eq!(seen("To: undisclosed-recipients:;\r\n"), 0);
        assert_eq!(seen("To: a@[192.0.2.1], \"b@c\"@x.example\r\n"), 2);
    }
}
