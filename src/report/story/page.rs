//! The certificate of protection as a page of plain text.

use super::{
    evidence::{Certificate, Proof},
    table::{day, listed, moment, place, tls, verdict, vouchers, wrapped},
};
use crate::mail::{Evidence, Promise};

const LABEL: usize = 14;

impl Certificate {
    pub fn page(&self) -> String {
        let mut page = Page::default();
        page.line("CERTIFICATE OF PROTECTION");
        page.line("");
        self.about(&mut page);
        for proof in &self.recipients {
            page.line("");
            proof.page(&mut page);
        }
        page.line("");
        page.row("Made from", &format!("{} lines of the audit trail", self.trail.lines));
        page.row("SHA-256", &self.trail.sha256);
        page.row("To check", "in data_dir/audit, and the digest is the same as long as");
        page.row("", "nothing more was written of this message:");
        page.line(&format!("  {}", self.trail.check));
        page.row("Made", &utc(&self.made_at));
        self.remarks.iter().for_each(|remark| page.row("Remark", remark));
        page.0
    }

    fn about(&self, page: &mut Page) {
        let about = &self.message;
        page.row("Message", &self.id.to_string());
        if let Some(digest) = &about.message_id_sha256 {
            page.row("Message-ID", &format!("SHA-256 {digest}"));
        }
        if let Some(sender) = &about.sender {
            page.row("Sender", &format!("<{sender}>"));
        }
        if let (Some(at), Some(from)) = (&about.received_at, about.from) {
            let under = match &about.arrival_tls {
                Some(tls) => format!("under {} with {}", tls.version, tls.cipher),
                None => "in clear".to_owned(),
            };
            page.row("Received", &format!("{}, from {from} {under}", utc(at)));
        }
        if let Some(size) = about.size {
            page.row("Size", &format!("{size} octets as received"));
        }
        if let (Some(policy), Some(level)) = (&about.policy, about.level) {
            page.row("Policy", &format!("level {level} by version {policy}"));
        }
    }
}

impl Proof {
    fn page(&self, page: &mut Page) {
        page.row("Recipient", &self.recipient.to_string());
        self.requirement(page);
        if let Some(journey) = &self.journey {
            seen(journey, page);
        }
        if let Some(at) = &self.at {
            page.row("Attempt ended", &utc(at));
        }
        if let Some(reply) = &self.reply {
            page.row("Reply", reply);
        }
        page.row("Conclusion", &self.sentence);
    }

    fn requirement(&self, page: &mut Page) {
        let Some(required) = self.required else { return };
        let by: Vec<&str> = self.asked_by.iter().map(|asker| asker.words()).collect();
        let by = if by.is_empty() { String::new() } else { format!(", by {}", listed(&by)) };
        page.row("Required", &format!("TLS {required}{by}"));
        if let Some(destination) = self.destination {
            page.row("", &format!("destination: {destination}"));
        }
        if let Some(rule) = &self.rule {
            page.row("", &format!("rule: {rule}"));
        }
        if let Some(exemption) = &self.exemption {
            let until = moment(&exemption.until.rfc3339());
            page.row(
                "Exempted",
                &format!("by {} until {until} UTC: {}", exemption.by, exemption.reason),
            );
        }
    }
}

fn seen(journey: &Evidence, page: &mut Page) {
    page.row("Host", &place(journey));
    if let Some(started) = journey.started_at {
        page.row("Began", &utc(&started.rfc3339()));
    }
    page.row("Protection", &tls(journey));
    page.row("Certificate", &verdict(&journey.certificate));
    page.row("Vouched for", &vouchers(journey));
    for (place, seen) in journey.chain.iter().enumerate() {
        let label = if place == 0 { "Chain" } else { "" };
        page.row(label, &format!("{}. {}", place + 1, seen.names.join(", ")));
        page.row("", &format!("   issuer  {}", seen.issuer));
        let expires = seen.expires.map_or("unknown".to_owned(), day);
        page.row("", &format!("   expires {expires}"));
        page.row("", &format!("   SHA-256 {}", seen.fingerprint));
        page.row("", &format!("   its key {}", seen.key_fingerprint));
    }
    if journey.require_tls == Promise::Made {
        page.row("REQUIRETLS", "offered by the host");
    }
}

fn utc(at: &str) -> String {
    format!("{} UTC", moment(at))
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn row(&mut self, label: &str, words: &str) {
        for (number, line) in wrapped(words).iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            self.line(&format!("{label:LABEL$} {line}"));
        }
    }
}
