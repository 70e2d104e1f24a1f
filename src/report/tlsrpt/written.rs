//! The report as JSON (RFC 8460 section 4.4), and as mail (section 5.3).

use std::{io::Write, net::IpAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde::{Serialize, Serializer};

use super::tally::{Day, DomainTally, FailureTally, PolicyTally};
use crate::{
    mail::{Address, Domain, PublishedPolicyKind, Timestamp, TlsFault},
    report::writing::{Writing, wrapped},
};

/// One domain's report.
#[derive(Clone, Debug)]
pub struct TlsReport<'a> {
    pub organisation: &'a str,
    /// Who answers questions about it.
    pub contact: &'a Address,
    /// The domain that reports.
    pub submitter: &'a Domain,
    pub domain: &'a Domain,
    pub range: Range,
    pub tally: &'a DomainTally,
}

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Range {
    /// A whole day, to its last second.
    pub fn of(day: Day) -> Self {
        let last = day.end().unix_milliseconds().saturating_sub(1000);
        Self { start: day.start(), end: Timestamp::from_unix_milliseconds(last) }
    }
}

impl TlsReport<'_> {
    /// The same for the same report, so that one that comes twice is seen to.
    pub fn id(&self) -> String {
        let Range { start, end } = self.range;
        format!("{}.{}.{}", seconds(start), seconds(end), self.domain)
    }

    pub fn json(&self) -> String {
        let report = Report {
            organization_name: self.organisation,
            date_range: DateRange {
                start_datetime: self.range.start,
                end_datetime: self.range.end,
            },
            contact_info: self.contact,
            report_id: self.id(),
            policies: self.tally.policies.iter().map(policy).collect(),
        };
        // Nothing in it can fail to be written.
        serde_json::to_string(&report).unwrap_or_default()
    }

    /// `sender!domain!begin!end.json.gz` (section 5.1).
    pub fn file_name(&self) -> String {
        let Range { start, end } = self.range;
        let (start, end) = (seconds(start), seconds(end));
        format!("{}!{}!{start}!{end}.json.gz", self.submitter, self.domain)
    }

    /// To be signed by DKIM, or it will be ignored (section 3).
    pub fn mail(&self, from: &Address, to: &Address, now: Timestamp) -> Bytes {
        let Self { domain, submitter, .. } = self;
        let id = self.id();
        let boundary = format!("=_tlsrpt.{}", now.unix_milliseconds());
        let mut writing = Writing::default();
        writing.field("From", format!("<{from}>"));
        writing.field("To", format!("<{to}>"));
        let subject = format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{id}>");
        writing.field("Subject", subject);
        writing.field("Date", now.rfc5322());
        let moment = now.unix_milliseconds();
        writing.field("Message-ID", format!("<tlsrpt.{moment}.{domain}@{submitter}>"));
        writing.field("TLS-Report-Domain", domain);
        writing.field("TLS-Report-Submitter", submitter);
        // What is broken must not keep the news of it (RFC 8689 section 5).
        writing.field("TLS-Required", "No");
        writing.field("Auto-Submitted", "auto-generated");
        writing.field("MIME-Version", "1.0");
        let kind = format!("multipart/report; report-type=\"tlsrpt\"; boundary=\"{boundary}\"");
        writing.field("Content-Type", kind);
        writing.line("");
        writing.line(&format!("--{boundary}"));
        writing.text(&self.text());
        writing.line(&format!("--{boundary}"));
        writing.field("Content-Type", "application/tlsrpt+gzip");
        writing.field("Content-Transfer-Encoding", "base64");
        // One line: a name cut in two would be another name.
        let name = self.file_name();
        writing.line(&format!("Content-Disposition: attachment;\r\n filename=\"{name}\""));
        writing.line("");
        let encoded = STANDARD.encode(gzipped(&self.json()));
        let mut left = encoded.as_str();
        while !left.is_empty() {
            let (line, rest) = left.split_at_checked(LINE).unwrap_or((left, ""));
            writing.line(line);
            left = rest;
        }
        writing.line(&format!("--{boundary}--"));
        writing.finish()
    }

    fn text(&self) -> String {
        let sessions =
            |count: fn(&PolicyTally) -> u64| -> u64 { self.tally.policies.iter().map(count).sum() };
        let words = format!(
            "This is an aggregate report of the TLS sessions from {} to the mail servers of {}, from {} to {}: {} succeeded, {} failed. The attachment has the details (RFC 8460). Questions go to {}.",
            self.submitter,
            self.domain,
            self.range.start,
            self.range.end,
            sessions(|policy| policy.successes),
            sessions(PolicyTally::failure_count),
            self.contact,
        );
        wrapped(&words, "")
    }
}

/// As reports travel.
pub fn gzipped(json: &str) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(json.as_bytes());
    encoder.finish().unwrap_or_default().into()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    organization_name: &'a str,
    date_range: DateRange,
    contact_info: &'a Address,
    report_id: String,
    policies: Vec<Policy<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DateRange {
    #[serde(serialize_with = "rfc3339")]
    start_datetime: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    end_datetime: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Policy<'a> {
    policy: Applied<'a>,
    summary: Summary,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failure_details: Vec<Details<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Applied<'a> {
    policy_type: PublishedPolicyKind,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    policy_string: &'a [String],
    policy_domain: &'a Domain,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    mx_host: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Details<'a> {
    result_type: TlsFault,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_mx_hostname: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiving_ip: Option<IpAddr>,
    failed_session_count: u64,
}

fn policy(tally: &PolicyTally) -> Policy<'_> {
    let PolicyTally { policy, successes, failures } = tally;
    Policy {
        policy: Applied {
            policy_type: policy.kind,
            policy_string: &policy.lines,
            policy_domain: &policy.domain,
            mx_host: &policy.mx_hosts,
        },
        summary: Summary {
            total_successful_session_count: *successes,
            total_failure_session_count: tally.failure_count(),
        },
        failure_details: failures.iter().map(details).collect(),
    }
}

fn details(failure: &FailureTally) -> Details<'_> {
    Details {
        result_type: failure.result,
        receiving_mx_hostname: failure.host.as_deref(),
        receiving_ip: failure.address,
        failed_session_count: failure.count,
    }
}

/// To the second, as the RFC's example has it.
fn rfc3339<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let written = moment.rfc3339();
    let whole = written.split('.').next().unwrap_or_default();
    serializer.serialize_str(&format!("{whole}Z"))
}

fn seconds(moment: Timestamp) -> u64 {
    moment.unix_milliseconds() / 1000
}

const LINE: usize = 76;

#[cfg(test)]
mod tests {
    use mail_auth::report::tlsrpt::{PolicyType, ResultType, TlsReport as Parsed};

    use super::*;
    use crate::mail::PublishedPolicy;

    fn tally() -> DomainTally {
        let failure = |result, host: &str, count| FailureTally {
            result,
            host: Some(host.to_owned()),
            address: Some("203.0.113.56".parse().unwrap()),
            count,
        };
        let policy = PublishedPolicy {
            kind: PublishedPolicyKind::Sts,
            domain: "company-y.example".parse().unwrap(),
            lines: [
                "version: STSv1",
                "mode: testing",
                "mx: *.mail.company-y.example",
                "max_age: 86400",
            ]
            .map(str::to_owned)
            .to_vec(),
            mx_hosts: vec!["*.mail.company-y.example".to_owned()],
        };
        let failures = vec![
            failure(TlsFault::CertificateExpired, "mx1.mail.company-y.example", 100),
            failure(TlsFault::StarttlsNotSupported, "mx2.mail.company-y.example", 200),
        ];
        DomainTally { policies: vec![PolicyTally { policy, successes: 5326, failures }] }
    }

    fn with_report(check: impl Fn(TlsReport<'_>)) {
        let start = Timestamp::from_unix_milliseconds(1_459_468_800_000);
        check(TlsReport {
            organisation: "Company-X",
            contact: &"sts-reporting@company-x.example".parse().unwrap(),
            submitter: &"company-x.example".parse().unwrap(),
            domain: &"company-y.example".parse().unwrap(),
            range: Range::of(Day::of(start)),
            tally: &tally(),
        });
    }

    #[test]
    fn a_report_has_the_structure_of_the_rfcs_example() {
        with_report(|report| {
            let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
            let expected = serde_json::json!({
                "organization-name": "Company-X",
                "date-range": {
                    "start-datetime": "2016-04-01T00:00:00Z",
                    "end-datetime": "2016-04-01T23:59:59Z"
                },
                "contact-info": "sts-reporting@company-x.example",
                "report-id": "1459468800.1459555199.company-y.example",
                "policies": [{
                    "policy": {
                        "policy-type": "sts",
                        "policy-string": ["version: STSv1", "mode: testing",
                            "mx: *.mail.company-y.example", "max_age: 86400"],
                        "policy-domain": "company-y.example",
                        "mx-host": ["*.mail.company-y.example"]
                    },
                    "summary": {
                        "total-successful-session-count": 5326,
                        "total-failure-session-count": 300
                    },
                    "failure-details": [{
                        "result-type": "certificate-expired",
                        "receiving-mx-hostname": "mx1.mail.company-y.example",
                        "receiving-ip": "203.0.113.56",
                        "failed-session-count": 100
                    }, {
                        "result-type": "starttls-not-supported",
                        "receiving-mx-hostname": "mx2.mail.company-y.example",
                        "receiving-ip": "203.0.113.56",
                        "failed-session-count": 200
                    }]
                }]
            });
            assert_eq!(json, expected);
        });
    }

    #[test]
    fn another_implementation_reads_the_mail() {
        with_report(|report| {
            let from = "tls-reports@company-x.example".parse().unwrap();
            let to = "reports@company-y.example".parse().unwrap();
            let mail = report.mail(&from, &to, Timestamp::from_unix_milliseconds(1));
            let text = String::from_utf8(mail.to_vec()).unwrap();
            assert!(text.contains("\r\nTLS-Report-Domain: company-y.example\r\n"), "{text}");
            assert!(text.contains("\r\nTLS-Report-Submitter: company-x.example\r\n"), "{text}");
            assert!(text.contains("report-type=\"tlsrpt\""), "{text}");
            assert!(text.contains(
                "filename=\"company-x.example!company-y.example!1459468800!1459555199.json.gz\""
            ));
            let parsed = Parsed::parse_rfc5322(&mail, 1 << 20).unwrap();
            let [policy] = parsed.policies.as_slice() else { panic!("{parsed:?}") };
            assert_eq!(policy.policy.policy_type, PolicyType::Sts);
            assert_eq!((policy.summary.total_success, policy.summary.total_failure), (5326, 300));
            assert_eq!(policy.failure_details[0].result_type, ResultType::CertificateExpired);
        });
    }
}
