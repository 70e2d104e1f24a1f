//! From octets to replies (RFC 5321 section 4.2).
//!
//! Lines are framed and checked here before smtp-proto reads them: it would
//! take several codes in one reply, and the code 999.

use smtp_proto::response::parser::ResponseReceiver;

use crate::mail::{EnhancedStatusCode, Reply};

/// What has come in and is not yet understood.
#[derive(Debug, Default)]
pub(super) struct Replies {
    buffer: Vec<u8>,
}

/// One whole reply.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) reply: Reply,
    /// As it came, for the extensions in it.
    octets: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyError {
    #[error("a reply of at most {MAX_REPLY} octets is expected, found a longer one")]
    TooLong,
    #[error("a reply line that begins with a code from 200 to 599 is expected, found another")]
    Malformed,
    #[error("a reply has one code, found several")]
    MixedCodes,
}

impl Replies {
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next whole reply, if it has come in.
    pub(super) fn take(&mut self) -> Result<Option<Received>, ReplyError> {
        let Some(end) = end_of_reply(&self.buffer)? else {
            let whole = self.buffer.len() <= MAX_REPLY;
            return if whole { Ok(None) } else { Err(ReplyError::TooLong) };
        };
        if end > MAX_REPLY {
            return Err(ReplyError::TooLong);
        }
        let rest = self.buffer.split_off(end);
        let octets = std::mem::replace(&mut self.buffer, rest);
        let reply = read(&octets)?;
        Ok(Some(Received { reply, octets }))
    }
}

impl Received {
    /// Its lines without their codes, for the extensions a 250 to EHLO or
    /// LHLO names; one that is not UTF-8 names none.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.octets.split(|&octet| octet == b'\n').map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            str::from_utf8(line.get(4..).unwrap_or_default()).unwrap_or_default()
        })
    }
}

/// Where the first reply ends: past the line whose code is not followed by a
/// hyphen. A bare LF ends a line here: it stands in the way of nothing, as
/// each command waits for its own reply.
fn end_of_reply(buffer: &[u8]) -> Result<Option<usize>, ReplyError> {
    let mut start = 0;
    let mut first_code: Option<&[u8]> = None;
    for line_feed in memchr::memchr_iter(b'\n', buffer) {
        let line = buffer.get(start..line_feed).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, separator) = line.split_at_checked(3).ok_or(ReplyError::Malformed)?;
        if !matches!(code, [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9']) {
            return Err(ReplyError::Malformed);
        }
        if first_code.is_some_and(|first| first != code) {
            return Err(ReplyError::MixedCodes);
        }
        first_code = Some(code);
        start = line_feed + 1;
        match separator.first() {
            None | Some(b' ') => return Ok(Some(start)),
            Some(b'-') => {}
            Some(_) => return Err(ReplyError::Malformed),
        }
    }
    Ok(None)
}

fn read(octets: &[u8]) -> Result<Reply, ReplyError> {
    let response =
        ResponseReceiver::default().parse(&mut octets.iter()).map_err(|_| ReplyError::TooLong)?;
    let [class, subject, detail] = response.esc;
    let enhanced = (u16::from(class) == response.code / 100)
        .then(|| EnhancedStatusCode(class, subject.into(), detail.into()));
    let text: String = response
        .message
        .chars()
        .filter(|character| *character == '\n' || !character.is_control())
        .take(MAX_TEXT)
        .collect();
    Ok(Reply { code: response.code, enhanced, text: text.trim_end().to_owned() })
}

/// An EHLO reply of a hundred extensions fits twice.
const MAX_REPLY: usize = 8 * 1024;
/// Characters of a peer's text kept: it goes into the queue and into reports.
const MAX_TEXT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(octets: &str) -> Result<Vec<Reply>, ReplyError> {
        let mut replies = Replies::default();
        replies.push(octets.as_bytes());
        let mut all = Vec::new();
        while let Some(received) = replies.take()? {
            all.push(received.reply);
        }
        Ok(all)
    }

    #[test]
    fn replies_are_read_with_their_enhanced_codes() {
        let all = replies("250-2.1.5 one\r\n250 2.1.5 two\r\n354\r\n550 5.7.1 no\r\n").unwrap();
        assert_eq!(
            all,
            [
                Reply::new(250, EnhancedStatusCode(2, 1, 5), "one\ntwo"),
                Reply::plain(354, ""),
                Reply::new(550, EnhancedStatusCode(5, 7, 1), "no"),
            ]
        );
    }

    #[test]
    fn an_enhanced_code_of_another_class_is_not_believed() {
        assert_eq!(replies("550 2.0.0 ok\r\n").unwrap()[0].enhanced, None);
    }

    #[test]
    fn a_reply_with_several_codes_is_refused() {
        assert_eq!(replies("250-a\r\n550 b\r\n"), Err(ReplyError::MixedCodes));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for wrong in ["999 a\r\n", "199 a\r\n", "25\r\n", "hello\r\n", "250x\r\n", "\r\n"] {
            assert_eq!(replies(wrong), Err(ReplyError::Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn a_reply_without_end_is_refused() {
        assert_eq!(replies(&"250-x\r\n".repeat(5000)), Err(ReplyError::TooLong));
        assert_eq!(replies(&format!("250 {}", "x".repeat(9000))), Err(ReplyError::TooLong));
    }

    #[test]
    fn half_a_reply_waits_for_the_rest() {
        let whole = "250-a\r\n250 b\r\n";
        for cut in 0..whole.len() {
            assert_eq!(replies(whole.get(..cut).unwrap()).unwrap(), []);
        }
    }
}
