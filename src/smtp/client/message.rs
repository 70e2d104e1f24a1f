//! What a message needs of the peer that is to carry it.

use bytes::Bytes;
use memchr::memmem;

use super::{
    extensions::Extensions,
    parameters::{self, Speech},
};
use crate::mail::{
    Address, AddressEncoding, Body, EnhancedStatusCode, Failure, FailureReason, Recipient, Reply,
    Requests, ReversePath,
};

/// A message as the sending end takes it.
#[derive(Clone, Debug)]
pub struct Message {
    pub reverse_path: ReversePath,
    /// RFC 5321 section 4.5.3.1.8 has every peer take [`Message::RECIPIENTS`],
    /// but for one that announces less.
    pub recipients: Vec<Recipient>,
    pub body: Body,
    pub encoding: AddressEncoding,
    /// What is still asked for: the seconds of BY count from now.
    pub requests: Requests,
    /// Every line ended by CRLF; not dot-stuffed.
    pub content: Bytes,
}

impl Message {
    /// How many recipients one transaction can always have.
    pub const RECIPIENTS: usize = 100;

    /// The MAIL command for this peer, or why it cannot carry the message.
    pub(super) fn mail_command(&self, peer: &Extensions) -> Result<String, Failure> {
        let mut command = format!("MAIL FROM:<{}>", self.reverse_path);
        if let Some(limit) = peer.max_size().filter(|&limit| self.content.len() > limit) {
            return Err(too_large(self.content.len(), limit));
        }
        if peer.size() {
            command.push_str(&format!(" SIZE={}", self.content.len()));
        }
        // The BODY parameter says what the sender announced; what must be
        // carried is what the content really is.
        let eight_bit = !self.content.is_ascii();
        if eight_bit && !peer.eight_bit() {
            return Err(no_eight_bit());
        }
        if peer.eight_bit() && (eight_bit || self.body == Body::EightBitMime) {
            command.push_str(" BODY=8BITMIME");
        }
        // What was announced as UTF-8 and is ASCII throughout needs nothing.
        match (self.encoding, peer.smtp_utf8()) {
            (AddressEncoding::Utf8, true) => command.push_str(" SMTPUTF8"),
            (AddressEncoding::Utf8, false) if self.has_utf8_header() => return Err(no_utf8()),
            _ => {}
        }
        if self.reverse_path.mailbox().is_some_and(|sender| self.cannot_be_said(sender, peer)) {
            return Err(no_utf8());
        }
        command.push_str(&parameters::of_mail(&self.requests, peer)?);
        command.push_str("\r\n");
        Ok(command)
    }

    /// The RCPT command, or why this recipient cannot be named to this peer.
    pub(super) fn recipient_command(
        &self,
        recipient: &Recipient,
        peer: &Extensions,
    ) -> Result<String, Failure> {
        if self.cannot_be_said(&recipient.address, peer) {
            return Err(no_utf8());
        }
        let parameters = parameters::of_recipient(recipient, self.speech(peer), peer);
        Ok(format!("RCPT TO:<{}>{parameters}\r\n", recipient.address))
    }

    fn cannot_be_said(&self, address: &Address, peer: &Extensions) -> bool {
        address.needs_smtputf8() && self.speech(peer) == Speech::Ascii
    }

    fn speech(&self, peer: &Extensions) -> Speech {
        match (self.encoding, peer.smtp_utf8()) {
            (AddressEncoding::Utf8, true) => Speech::Utf8,
            _ => Speech::Ascii,
        }
    }

    fn has_utf8_header(&self) -> bool {
        let end = memmem::find(&self.content, b"\r\n\r\n").unwrap_or(self.content.len());
        !self.content.get(..end).unwrap_or_default().is_ascii()
    }
}

fn no_eight_bit() -> Failure {
    lacking(554, 6, 3, "the message is 8-bit and the next hop does not offer 8BITMIME")
}

fn no_utf8() -> Failure {
    lacking(553, 6, 7, "an address or header is not ASCII and the next hop does not offer SMTPUTF8")
}

fn too_large(size: usize, limit: usize) -> Failure {
    let text = format!("the message has {size} octets and the next hop takes at most {limit}");
    lacking(552, 3, 4, text)
}

fn lacking(code: u16, subject: u16, detail: u16, text: impl Into<String>) -> Failure {
    Failure {
        reason: FailureReason::Extension,
        reply: Reply::new(code, EnhancedStatusCode(5, subject, detail), text),
    }
}
