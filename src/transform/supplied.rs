//! Date and Message-ID, for a message whose writer's program has left them out
//! (RFC 6409 sections 8.2 and 8.3). Only for clients that submit here: of a
//! stranger's message they would be a claim that is not ours to make.

use super::field::HeaderField;
use crate::{
    content::Content,
    mail::{Direction, Domain, QueueId, Timestamp},
};

/// What the fields are made of. Every copy of a message gets the same, so that
/// answers to them are of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Supplied<'a> {
    pub at: Timestamp,
    /// Of the first copy.
    pub id: QueueId,
    /// Our own name: what we number is unique under it.
    pub node: &'a Domain,
}

/// The names of the fields that are missing and would be supplied. A header
/// that cannot be read to its end may have them further down.
pub fn missing(content: &Content, direction: Direction) -> Vec<&'static str> {
    if direction == Direction::Inbound || !content.header_is_read() {
        return Vec::new();
    }
    ["Date", "Message-ID"].into_iter().filter(|name| !content.has_field(name)).collect()
}

impl Supplied<'_> {
    pub fn fields(&self, content: &Content, direction: Direction) -> Vec<HeaderField> {
        let field = |name| match name {
            "Date" => format!("Date: {}\r\n", self.at.rfc5322()),
            _ => {
                let moment = self.at.unix_milliseconds();
                format!("Message-ID: <{}.{moment}@{}>\r\n", self.id, self.node)
            }
        };
        missing(content, direction).into_iter().map(field).map(HeaderField::made).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn supplied(raw: &str, direction: Direction) -> String {
        let node = "gw.test.example".parse().unwrap();
        let at = Timestamp::from_unix_milliseconds(1_795_367_525_123);
        let supplied = Supplied { at, id: QueueId::from_bits(1), node: &node };
        let content = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        supplied.fields(&content, direction).iter().map(HeaderField::as_str).collect()
    }

    const DATE: &str = "Date: Sun, 22 Nov 2026 17:12:05 +0000\r\n";
    const ID: &str = "Message-ID: <0000000000001.1795367525123@gw.test.example>\r\n";

    #[test]
    fn what_a_local_client_left_out_is_supplied_and_no_more() {
        let outward = |raw: &str| supplied(raw, Direction::Outbound);
        assert_eq!(outward("From: a@b.example\r\n\r\nx\r\n"), format!("{DATE}{ID}"));
        assert_eq!(outward("date: today\r\n\r\nDate: x\r\n"), ID);
        assert_eq!(outward("Message-Id: <a@b>\r\n\r\nx\r\n"), DATE);
        assert_eq!(outward("Date: x\r\nMESSAGE-ID:\r\n\r\nx\r\n"), "");
    }

    #[test]
    fn a_strangers_message_stays_without() {
        assert_eq!(supplied("From: a@b.example\r\n\r\nx\r\n", Direction::Inbound), "");
    }

    #[test]
    fn of_a_header_that_is_not_read_to_its_end_nothing_is_known_to_be_missing() {
        assert_eq!(supplied(&("A: b\r\n".repeat(20_001) + "\r\nx"), Direction::Outbound), "");
    }
}
