//! A policy as it is published: lines of a name and a value (RFC 8461 section
//! 3.2).

use std::time::Duration;

use super::record::is_name;
use crate::{
    deliver::claims::StsMode,
    mail::{Domain, MxName, PublishedPolicy, PublishedPolicyKind},
};

/// What a policy's text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) mode: StsMode,
    pub(super) mx: Vec<MxName>,
    /// How long it holds from when it was fetched.
    pub(super) max_age: Duration,
    lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PolicyError {
    #[error("it is not UTF-8")]
    NoText,
    #[error("`{0}` is no line of a policy")]
    Line(String),
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("its `{0}` cannot be `{1}`")]
    Value(&'static str, String),
}

impl Policy {
    pub(super) fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        let text = str::from_utf8(text).map_err(|_| PolicyError::NoText)?;
        let mut fields = Fields::default();
        // Empty lines are no fields, and many files end with some: to refuse
        // these would leave their mail unprotected.
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        for line in lines.filter(|line| !line.is_empty()) {
            fields.take(line)?;
        }
        fields.policy()
    }

    /// As a TLS report names it.
    pub(super) fn published(&self, domain: &Domain) -> PublishedPolicy {
        PublishedPolicy {
            kind: PublishedPolicyKind::Sts,
            domain: domain.clone(),
            lines: self.lines.clone(),
            mx_hosts: self.mx.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Of those that may stand once, the first.
#[derive(Default)]
struct Fields<'a> {
    version: Option<&'a str>,
    mode: Option<&'a str>,
    max_age: Option<&'a str>,
    mx: Vec<MxName>,
    lines: Vec<String>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, line: &'a str) -> Result<(), PolicyError> {
        let wrong = || PolicyError::Line(line.chars().take(SHOWN).collect());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let value = value.trim_matches([' ', '\t']);
        if !is_name(name) || !is_value(value) {
            return Err(wrong());
        }
        match name {
            "version" => _ = self.version.get_or_insert(value),
            "mode" => _ = self.mode.get_or_insert(value),
            "max_age" => _ = self.max_age.get_or_insert(value),
            "mx" => self.mx.push(mx(value)?),
            _ => {}
        }
        if self.lines.len() < REPORTED {
            self.lines.push(line.trim_end().to_owned());
        }
        Ok(())
    }

    fn policy(self) -> Result<Policy, PolicyError> {
        let version = self.version.ok_or(PolicyError::Missing("version"))?;
        if version != "STSv1" {
            return Err(wrong_value("version", version));
        }
        let mode = match self.mode.ok_or(PolicyError::Missing("mode"))? {
            "enforce" => StsMode::Enforce,
            "testing" => StsMode::Testing,
            "none" => StsMode::None,
            other => return Err(wrong_value("mode", other)),
        };
        let max_age = max_age(self.max_age.ok_or(PolicyError::Missing("max_age"))?)?;
        if self.mx.is_empty() && mode != StsMode::None {
            return Err(PolicyError::Missing("mx"));
        }
        Ok(Policy { mode, mx: self.mx, max_age, lines: self.lines })
    }
}

fn max_age(value: &str) -> Result<Duration, PolicyError> {
    let digits = (1..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let seconds = value.parse().ok().filter(|_| digits);
    seconds
        .map(|seconds: u64| Duration::from_secs(seconds).min(LONGEST))
        .ok_or_else(|| wrong_value("max_age", value))
}

/// A name, or `*.` and a name; as DNS writes it, without a final dot.
fn mx(value: &str) -> Result<MxName, PolicyError> {
    let plain = value.is_ascii() && !value.ends_with('.');
    let name = value.parse().ok().filter(|_| plain);
    name.ok_or_else(|| wrong_value("mx", value))
}

/// Any text, with spaces inside at most.
fn is_value(value: &str) -> bool {
    !value.is_empty() && !value.contains(char::is_control)
}

fn wrong_value(name: &'static str, value: &str) -> PolicyError {
    PolicyError::Value(name, value.chars().take(SHOWN).collect())
}

/// About a year, whatever the policy says.
const LONGEST: Duration = Duration::from_secs(31_557_600);
/// How many characters of a line that is wrong are shown.
const SHOWN: usize = 80;
/// How many lines are kept for reports.
const REPORTED: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.x.example\r\n\
                        mx: *.y.example\r\nmax_age: 604800\r\n";

    fn parse(text: &str) -> Result<Policy, PolicyError> {
        Policy::parse(text.as_bytes())
    }

    /// The good policy with one text in place of another.
    fn with(old: &str, new: &str) -> Result<Policy, PolicyError> {
        assert!(GOOD.contains(old));
        parse(&GOOD.replace(old, new))
    }

    #[test]
    fn a_policy_reads_as_it_is_written() {
        let policy = parse(GOOD).unwrap();
        assert_eq!(policy.mode, StsMode::Enforce);
        assert_eq!(policy.max_age, Duration::from_secs(604_800));
        let hosts: Vec<_> = policy.mx.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["mx.x.example", "*.y.example"]);
        let published = policy.published(&"x.example".parse().unwrap());
        assert_eq!(published.lines.first().unwrap(), "version: STSv1");
        assert_eq!((published.lines.len(), published.mx_hosts), (5, hosts));
    }

    #[test]
    fn line_ends_spaces_and_order_do_not_matter() {
        let policy = parse(GOOD).unwrap();
        for other in [
            GOOD.replace("\r\n", "\n"),
            GOOD.trim_end().to_owned(),
            GOOD.replace(": ", ":"),
            GOOD.replace("mode", "\nmode") + "\r\n",
            GOOD.replace(": ", ": \t ").replace("\r\n", " \r\n"),
        ] {
            let other = parse(&other).unwrap();
            assert_eq!((other.mode, &other.mx), (policy.mode, &policy.mx));
        }
        let mut lines: Vec<&str> = GOOD.lines().collect();
        lines.reverse();
        assert_eq!(parse(&lines.join("\n")).unwrap().max_age, policy.max_age);
    }

    #[test]
    fn the_first_of_a_field_that_stands_twice_counts_and_strange_fields_do_not() {
        let policy = with("mode: enforce\r\n", "mode: testing\r\nmode: enforce\r\n").unwrap();
        assert_eq!(policy.mode, StsMode::Testing);
        assert!(with("mode: enforce\r\n", "mode: nonsense\r\nmode: enforce\r\n").is_err());
        assert!(with("mode:", "a.new-thing: für später: x\r\nmode:").is_ok());
    }

    #[test]
    fn a_policy_holds_no_longer_than_a_year() {
        assert_eq!(with("604800", "9999999999").unwrap().max_age, LONGEST);
        assert_eq!(with("604800", "0").unwrap().max_age, Duration::ZERO);
        for wrong in ["", "-1", "+1", "1.5", "1d", "99999999999"] {
            assert!(with("604800", wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn only_a_policy_of_mode_none_needs_no_hosts() {
        let without = |mode| {
            parse(&format!("version: STSv1\nmode: {mode}\nmax_age: 86400\n")).map(|it| it.mode)
        };
        assert_eq!(without("none"), Ok(StsMode::None));
        assert_eq!(without("testing"), Err(PolicyError::Missing("mx")));
        assert_eq!(without("enforce"), Err(PolicyError::Missing("mx")));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for (old, new) in [
            ("STSv1", "STSv2"),
            ("STSv1", "stsv1"),
            ("version: STSv1\r\n", ""),
            ("mode: enforce\r\n", ""),
            ("max_age: 604800\r\n", ""),
            ("mode:", "mode"),
            ("mode:", "mode :"),
            ("mode:", "-x: y\r\nmode:"),
            ("enforce", "Enforce"),
            ("*.y", "*y"),
            ("*.y", "*.*.y"),
            ("y.example", "*"),
            ("mx.x.example", "mx.x.example."),
            ("mx.x.example", "[192.0.2.1]"),
            ("mx.x.example", "a b"),
            ("mx.x.example", ""),
            ("STSv1\r\n", "STSv1\r\r\n"),
        ] {
            assert!(with(old, new).is_err(), "{old:?} as {new:?} was accepted");
        }
        assert_eq!(Policy::parse(b"version: \xff"), Err(PolicyError::NoText));
        assert!(parse("").is_err() && parse("<html></html>\n").is_err());
    }
}
