//! How long to wait for what (RFC 5321 section 4.5.3.2).

use std::time::Duration;

/// What the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Greeting,
    /// The reply to EHLO, HELO, LHLO, STARTTLS or RSET.
    Hello,
    Mail,
    Recipient,
    /// The 354.
    Data,
    /// The peer taking one piece of content.
    Block,
    /// The reply to the end of content.
    End,
    Quit,
}

/// For each wait; the defaults are RFC 5321's minimum.
#[derive(Clone, Debug)]
pub struct Timeouts {
    pub connect: Duration,
    pub handshake: Duration,
    pub greeting: Duration,
    pub hello: Duration,
    pub mail: Duration,
    pub recipient: Duration,
    pub data: Duration,
    pub block: Duration,
    pub end: Duration,
    /// Nothing depends on the reply to QUIT: short.
    pub quit: Duration,
}

impl Timeouts {
    pub const fn of(&self, wait: Wait) -> Duration {
        match wait {
            Wait::Greeting => self.greeting,
            Wait::Hello => self.hello,
            Wait::Mail => self.mail,
            Wait::Recipient => self.recipient,
            Wait::Data => self.data,
            Wait::Block => self.block,
            Wait::End => self.end,
            Wait::Quit => self.quit,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            handshake: Duration::from_secs(60),
            greeting: MINUTE.saturating_mul(5),
            hello: MINUTE.saturating_mul(5),
            mail: MINUTE.saturating_mul(5),
            recipient: MINUTE.saturating_mul(5),
            data: MINUTE.saturating_mul(2),
            block: MINUTE.saturating_mul(3),
            end: MINUTE.saturating_mul(10),
            quit: Duration::from_secs(5),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
