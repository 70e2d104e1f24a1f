//! What a message needs of the peer that is to carry it.

use bytes::Bytes;
use memchr::memmem;
use smtp_proto::{
    EXT_8BIT_MIME, EXT_PIPELINING, EXT_SIZE, EXT_SMTP_UTF8, EXT_START_TLS, EhloResponse,
};

use crate::mail::{
    Address, AddressEncoding, Body, EnhancedStatusCode, Failure, FailureReason, Reply, ReversePath,
};

/// A message as the sending end takes it.
#[derive(Clone, Debug)]
pub struct Message {
    pub reverse_path: ReversePath,
    /// RFC 5321 section 4.5.3.1.8 has every peer take [`Message::RECIPIENTS`].
    pub recipients: Vec<Address>,
    pub body: Body,
    pub encoding: AddressEncoding,
    /// Every line ended by CRLF; not dot-stuffed.
    pub content: Bytes,
}

/// What the peer offers that we use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    offered: u32,
    /// The largest message it takes, in octets; 0 if it does not say.
    max_size: usize,
}

impl Extensions {
    pub(super) fn of(response: &EhloResponse<String>) -> Self {
        Self { offered: response.capabilities, max_size: response.size }
    }

    pub(super) const fn pipelining(self) -> bool {
        self.offers(EXT_PIPELINING)
    }

    pub(super) const fn start_tls(self) -> bool {
        self.offers(EXT_START_TLS)
    }

    const fn offers(self, extension: u32) -> bool {
        self.offered & extension != 0
    }
}

impl Message {
    /// How many recipients one transaction can always have.
    pub const RECIPIENTS: usize = 100;

    /// The MAIL command for this peer, or why it cannot carry the message.
    pub(super) fn mail_command(&self, peer: Extensions) -> Result<String, Failure> {
        let mut command = format!("MAIL FROM:<{}>", self.reverse_path);
        if peer.offers(EXT_SIZE) {
            if peer.max_size != 0 && self.content.len() > peer.max_size {
                return Err(too_large(self.content.len(), peer.max_size));
            }
            command.push_str(&format!(" SIZE={}", self.content.len()));
        }
        // The BODY parameter says what the sender announced; what must be
        // carried is what the content really is.
        let eight_bit = !self.content.is_ascii();
        if eight_bit && !peer.offers(EXT_8BIT_MIME) {
            return Err(no_eight_bit());
        }
        if peer.offers(EXT_8BIT_MIME) && (eight_bit || self.body == Body::EightBitMime) {
            command.push_str(" BODY=8BITMIME");
        }
        match (self.encoding, peer.offers(EXT_SMTP_UTF8)) {
            (AddressEncoding::Utf8, true) => command.push_str(" SMTPUTF8"),
            (AddressEncoding::Utf8, false) if self.has_utf8_header() => return Err(no_utf8()),
            _ => {}
        }
        if self.reverse_path.mailbox().is_some_and(|sender| self.cannot_be_said(sender, peer)) {
            return Err(no_utf8());
        }
        command.push_str("\r\n");
        Ok(command)
    }

    /// The RCPT command, or why this recipient cannot be named to this peer.
    pub(super) fn recipient_command(
        &self,
        recipient: &Address,
        peer: Extensions,
    ) -> Result<String, Failure> {
        if self.cannot_be_said(recipient, peer) {
            return Err(no_utf8());
        }
        Ok(format!("RCPT TO:<{recipient}>\r\n"))
    }

    fn cannot_be_said(&self, address: &Address, peer: Extensions) -> bool {
        let spoken = self.encoding == AddressEncoding::Utf8 && peer.offers(EXT_SMTP_UTF8);
        address.needs_smtputf8() && !spoken
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
