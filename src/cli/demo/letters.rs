//! Sending the example messages: filled in, and brought to the gateway's
//! outbound listener over a verified STARTTLS session, as a mail server would.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;

use super::scenarios::Scenario;
use crate::{
    cli::exit::Failure,
    deliver::{Deliverer, Delivery, RouteTls, Settings},
    gateway::with_crlf,
    mail::{Address, Attempt, Domain, NextHop, QueueId, ReversePath, TlsRequirement},
};

/// The hospital's own mail server.
pub(super) struct MailServer {
    deliverer: Deliverer,
    gateway: SocketAddr,
    route: RouteTls,
    /// The shipped tag line, as a reply quotes it.
    quoted_tag_line: String,
}

/// An example message as it is sent.
#[derive(Clone)]
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) content: Bytes,
}

impl MailServer {
    /// `gateway` is where its outbound listener is, `name` what its
    /// certificate must say, `tag_line` the plain text that policy adds.
    pub(super) fn new(
        gateway: SocketAddr,
        name: Domain,
        trust_anchors: PathBuf,
        tag_line: &str,
    ) -> Result<Self, Failure> {
        let own: Domain = "mail.hospital.test.example".parse().map_err(Failure::unavailable)?;
        let settings = Settings {
            deadline: PATIENCE,
            // A connection each, so that none waits with the gateway's end.
            idle: Duration::ZERO,
            ..Settings::new(own)
        };
        Ok(Self {
            deliverer: Deliverer::new(settings).map_err(Failure::unavailable)?,
            gateway,
            route: RouteTls {
                tls: TlsRequirement::Verified,
                tls_name: Some(name),
                trust_anchors: Some(trust_anchors),
                ..RouteTls::default()
            },
            quoted_tag_line: quoted(tag_line),
        })
    }

    /// The message of a scenario, ready to be sent.
    pub(super) fn letter(&self, scenario: &Scenario) -> Result<Letter, Failure> {
        let text = scenario
            .message
            .replace("{recipient}", scenario.to)
            .replace("{quoted tag line}", &self.quoted_tag_line)
            .replace("{antivirus test file}", &antivirus_test_file());
        Ok(Letter {
            from: scenario.from.parse().map_err(Failure::bad_data)?,
            to: scenario.to.parse().map_err(Failure::bad_data)?,
            content: with_crlf(text.into_bytes()),
        })
    }

    /// What the gateway said to it.
    pub(super) async fn send(&self, letter: &Letter) -> Attempt {
        let next_hop =
            NextHop::Smtp { host: self.gateway.ip().to_string(), port: self.gateway.port() };
        let delivery = Delivery {
            id: QueueId::from_bits(0),
            reverse_path: ReversePath::Mailbox(letter.from.clone()),
            body: Default::default(),
            encoding: Default::default(),
            requests: Default::default(),
            received_at: Default::default(),
            content: letter.content.clone(),
            recipients: vec![letter.to.clone().into()],
            domain: letter.to.domain().clone(),
            next_hop,
            protection: Default::default(),
            route: self.route.clone(),
            leave: None,
        };
        self.deliverer.attempt(delivery).await
    }
}

fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
}

/// The file that every scanner must know (eicar.org), in base 64. It is put
/// together here, or this program itself would be taken for it.
fn antivirus_test_file() -> String {
    let file = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$~EICAR-STANDARD-~ANTIVIRUS-TEST-~FILE!$H+H*";
    BASE64.encode(file.replace('~', ""))
}

const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_antivirus_test_file_is_the_real_one() {
        use aws_lc_rs::digest::{SHA256, digest};
        let file = BASE64.decode(antivirus_test_file()).unwrap();
        assert_eq!(file.len(), 68);
        let hash = digest(&SHA256, &file);
        assert_eq!(hash.as_ref()[..4], [0x27, 0x5a, 0x02, 0x1b]);
    }

    #[test]
    fn a_quotation_marks_empty_lines_too() {
        assert_eq!(quoted("a\n\nb"), "> a\n> \n> b");
    }
}
