//! The file of SASL users: names, SCRAM-SHA-256 verifiers, never passwords,
//! and the domains that each may send from. `postern user` writes it,
//! listeners read it, again when the gateway is told to.
//!
//! A line a user, `name:verifier`, then perhaps
//! ` sender-domains=example.com,.example.org,*`; without them the user may
//! send from the node's local domains. `#` starts a comment.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::Range,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use super::{
    folder::read_file,
    meaning::{Config, DomainPattern, Listener},
    verifier::{Impostors, Shape, Verifier},
};
use crate::policy::{
    diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
    written::{Fault, Faults},
};

/// Everybody who may authenticate on a listener.
#[derive(Debug, Default)]
pub struct Users {
    known: HashMap<String, User>,
    /// Of their verifiers, in the order of the file.
    shapes: Vec<Shape>,
}

/// One line, without the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub verifier: Verifier,
    /// What it may send from; empty for the node's local domains.
    pub sender_domains: Vec<DomainPattern>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Users {
    /// Every fault of the file; none of its users where there is one.
    pub fn read(file: &Arc<SourceFile>) -> (Option<Self>, Diagnostics) {
        let faults = Faults::new(file);
        let (mut users, mut lines) = (Self::default(), HashMap::new());
        for line in file.text.lines() {
            let Some((name, user)) = read_line(line, &file.text, &faults) else { continue };
            let place = place(&file.text, line);
            if let Some(before) = lines.insert(name, faults.line(place.start)) {
                let twice = Fault::new("user-twice", format!("`{name}` stands here twice"));
                let label = format!("it stands in line {before} already");
                faults.error(twice.at(place).label(label).help("take one of both out"));
            }
            users.shapes.push(user.verifier.shape());
            users.known.insert(name.to_owned(), user);
        }
        let diagnostics = faults.into_diagnostics();
        ((!diagnostics.has_errors()).then_some(users), diagnostics)
    }

    pub fn get(&self, name: &str) -> Option<&User> {
        self.known.get(name)
    }

    /// Users with the name of a system that the listener knows by its
    /// certificate: whose sender domains are meant?
    fn namesakes(&self, listener: &Listener, file: &Arc<SourceFile>) -> Diagnostics {
        let faults = Faults::new(file);
        for line in file.text.lines() {
            let Some(name) = user_named_on(line).filter(|name| self.known.contains_key(*name))
            else {
                continue;
            };
            if listener.certified.iter().any(|system| system.name == name) {
                let message = format!("`{name}` is a certified system of `{}`, too", listener.name);
                let fault = Fault::new("user-is-certified", message).at(place(&file.text, name));
                faults.error(fault.help("the user or the system needs another name"));
            }
        }
        faults.into_diagnostics()
    }

    /// A user's verifier, or an impostor's.
    pub fn verifier(&self, name: &str, impostors: &Impostors) -> Verifier {
        // Made in either case, so that both take as long.
        let impostor = impostors.verifier(name, &self.shapes);
        self.known.get(name).map_or(impostor, |user| user.verifier.clone())
    }

    /// Whether the password is this user's. Costs the same for names that do
    /// not exist, so that nobody can find out which do. Takes a few
    /// milliseconds.
    pub fn verify(&self, name: &str, password: &str, impostors: &Impostors) -> Verdict {
        match self.verifier(name, impostors).verify(password) {
            Verdict::Right if self.known.contains_key(name) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

/// The faults of every file of users that listeners name.
pub fn check_users(config: &Config) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let mut seen = HashSet::new();
    for (listener, path) in
        config.listeners.iter().filter_map(|listener| Some((listener, listener.users.as_ref()?)))
    {
        let file = match read_file(path) {
            Ok(file) => file,
            Err(error) => {
                let message = format!("listener `{}` has no users: {error}", listener.name);
                let path = path.display().to_string();
                let file = Arc::new(SourceFile { path, text: String::new() });
                diagnostics
                    .push(Fault::new("users-unreadable", message).of(&file, Severity::Error));
                continue;
            }
        };
        let (users, faults) = Users::read(&file);
        if seen.insert(path) {
            diagnostics.extend(faults);
            diagnostics.extend_one(readable_by_all(path, &file));
        }
        diagnostics.extend(users.map(|users| users.namesakes(listener, &file)).unwrap_or_default());
    }
    diagnostics
}

/// A verifier is no password, but it lets one be guessed at leisure.
fn readable_by_all(path: &Path, file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let fault = Fault::new("users-readable", "everybody on this machine can read the users");
    (mode & 0o004 != 0)
        .then(|| fault.help("chmod 600, and the gateway's owner").of(file, Severity::Warning))
}

/// The user's name that a line of the file is about.
pub fn user_named_on(line: &str) -> Option<&str> {
    let line = line.trim();
    let (name, _) = line.split_once(':').filter(|_| !line.starts_with('#'))?;
    Some(name)
}

/// Whether a user can be called this.
pub fn is_user_name(name: &str) -> bool {
    let fits = |letter: char| !letter.is_control() && letter != ':';
    !name.is_empty() && name.trim() == name && !name.starts_with('#') && name.chars().all(fits)
}

fn read_line<'a>(line: &'a str, text: &str, faults: &Faults) -> Option<(&'a str, User)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let malformed = |part: &str, message: &str, help: &str| {
        let fault = Fault::new("bad-user", message).at(place(text, part));
        faults.error(fault.help(help));
        None
    };
    let Some((name, rest)) = line.split_once(':').filter(|(name, _)| is_user_name(name)) else {
        return malformed(line, "a user is expected", LINE);
    };
    let mut words = rest.split_ascii_whitespace();
    let written = words.next().unwrap_or_default();
    let Some(verifier) = Verifier::parse(written) else {
        return malformed(line, "the user has no verifier that can be read", LINE);
    };
    if !ITERATIONS.contains(&verifier.iterations.get()) {
        let message = format!("{} iterations are too few or too many", verifier.iterations);
        return malformed(written, &message, "between 4096 (RFC 7677) and a million are taken");
    }
    let mut sender_domains = Vec::new();
    for word in words {
        match word.strip_prefix(SENDER_DOMAINS) {
            Some(domains) => sender_domains.extend(read_domains(domains, text, faults)?),
            None => {
                let help = format!("`{SENDER_DOMAINS}example.com,.example.org` can stand here");
                return malformed(word, "nobody knows what this says of the user", &help);
            }
        }
    }
    Some((name, User { verifier, sender_domains }))
}

fn read_domains(written: &str, text: &str, faults: &Faults) -> Option<Vec<DomainPattern>> {
    let domains = written.split(',').map(|domain| {
        let bad = |error: crate::mail::DomainError| {
            let fault = Fault::new("bad-domain", error.to_string()).at(place(text, domain));
            faults.error(fault.help("example.com, .example.com (all below it) or * (any)"));
        };
        domain.parse().map_err(bad).ok()
    });
    // All are read before any may end it: every fault is shown at once.
    domains.collect::<Vec<_>>().into_iter().collect()
}

/// Where a part of the text stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

/// As it stands in the file, after `name:`.
impl fmt::Display for User {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.verifier)?;
        for (index, domain) in self.sender_domains.iter().enumerate() {
            match index {
                0 => write!(out, " {SENDER_DOMAINS}{domain}")?,
                _ => write!(out, ",{domain}")?,
            }
        }
        Ok(())
    }
}

const SENDER_DOMAINS: &str = "sender-domains=";
const LINE: &str =
    "name:SCRAM-SHA-256$iterations:salt$stored-key:server-key, as `postern user add` has it";
/// What SCRAM asks for at least, and what still takes less than a second.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Users, Vec<String>> {
        let file = SourceFile { path: "users".to_owned(), text: text.to_owned() };
        let (users, faults) = Users::read(&Arc::new(file));
        let shown = |fault: &crate::policy::diagnostics::Diagnostic| {
            let text = fault.file.text.get(fault.span.clone().unwrap()).unwrap();
            format!("{}: {}: {text}", fault.line(), fault.code)
        };
        users.ok_or_else(|| faults.iter().map(shown).collect())
    }

    fn verifier() -> String {
        Verifier::new("wisteria").unwrap().to_string()
    }

    #[test]
    fn only_the_right_password_of_a_known_user_passes() {
        let impostors = Impostors::new().unwrap();
        let users = read(&format!("# ward scanners\nscanner:{}\n", verifier())).unwrap();
        assert_eq!(users.verify("scanner", "wisteria", &impostors), Verdict::Right);
        assert_eq!(users.verify("scanner", "Wisteria", &impostors), Verdict::Wrong);
        assert_eq!(users.verify("nobody", "wisteria", &impostors), Verdict::Wrong);
    }

    #[test]
    fn a_line_says_what_the_user_may_send_from_and_is_written_as_it_was_read() {
        let line = format!("{} sender-domains=a.example,.b.example,*", verifier());
        let users = read(&format!("plain:{}\r\nfull:{line}\n", verifier())).unwrap();
        assert_eq!(users.get("plain").unwrap().sender_domains, []);
        let full = users.get("full").unwrap();
        let domains: Vec<_> = full.sender_domains.iter().map(ToString::to_string).collect();
        assert_eq!(domains, ["a.example", ".b.example", "*"]);
        assert_eq!(full.to_string(), line);
    }

    #[test]
    fn every_fault_is_shown_with_its_line_and_place() {
        let good = verifier();
        let few = good.replace("$4096:", "$4095:");
        let text = format!(
            "# fine\nbad\n\n:{good}\nshort:{few}\none:{good} sender-domains=a b\n\
             two:{good} sender-domains=a..b,c.example,[192.0.2.1]\none:{good}\none:{good}\n"
        );
        assert_eq!(
            read(&text).unwrap_err(),
            [
                "2: bad-user: bad".to_owned(),
                format!("4: bad-user: :{good}"),
                format!("5: bad-user: {few}"),
                "6: bad-user: b".to_owned(),
                "7: bad-domain: a..b".to_owned(),
                "7: bad-domain: [192.0.2.1]".to_owned(),
                format!("9: user-twice: one:{good}"),
            ]
        );
    }

    #[test]
    fn a_name_that_would_not_be_read_again_is_none() {
        for name in ["scanner", "ward 7", "a#b", "j\u{f6}rg"] {
            assert!(is_user_name(name), "{name}");
            assert_eq!(user_named_on(&format!("{name}:{}", verifier())), Some(name));
        }
        for name in ["", " a", "a ", "a:b", "#a", "a\nb", "a\0"] {
            assert!(!is_user_name(name), "{name:?}");
        }
        assert_eq!(user_named_on("# a:b"), None);
    }
}
