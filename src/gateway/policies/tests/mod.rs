//! Going live, with virtual time and a folder of small policies.

mod canaries;
mod console;
mod faults;
mod load;
mod officers;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    approval::Signatory,
    control::{Outcome, PolicyAnswer, PolicyRequest},
    live::GoingLive,
    notices::{News, TellOfficers},
    version::Version,
};
use crate::{
    config::Config,
    gateway::StartError,
    mail::{By, Decision, Event, Facts, MessageFacts, Observer, ReversePath, Timestamp},
    policy::{diagnostics::SourceFile, plain_message},
};

/// What was told, in short words.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn push(&self, told: String) {
        self.0.lock().unwrap().push(told);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::PolicyLoaded { version, .. } => self.push(format!("loaded {version}")),
            Event::PolicyRefused { reason, .. } => self.push(format!("refused {}", reason.name())),
            Event::PolicyStepped(step) => self.push(format!("{} by {}", step.step.name(), step.by)),
            _ => {}
        }
    }
}

impl TellOfficers for Heard {
    fn tell(&self, news: &News<'_>) {
        self.push(match news {
            News::Waiting { .. } => "mail: waiting".to_owned(),
            News::Returned { .. } => "mail: returned".to_owned(),
            News::StartedWithout { .. } => "mail: started without".to_owned(),
        });
    }
}

/// A gateway's policies, without the gateway.
struct Bench {
    folder: tempfile::TempDir,
    going_live: Arc<GoingLive>,
    heard: Heard,
    now: Timestamp,
}

impl Bench {
    /// With policy `hold` in its folder, and this of postern.toml.
    fn new(going_live: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_policy(folder.path(), "hold");
        let config = config(folder.path(), going_live);
        fs::write(folder.path().join("going_live"), going_live).unwrap();
        Self::begin(folder, &config, noon(23)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn begin(
        folder: tempfile::TempDir,
        config: &Config,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let heard = Heard::default();
        let going_live = GoingLive::begin(config, Arc::new(heard.clone()), now)?;
        going_live.tell_begun(Box::new(heard.clone()));
        Ok(Self { folder, going_live: Arc::new(going_live), heard, now })
    }

    /// As after a power cut.
    fn restart(self) -> Self {
        let Self { folder, now, .. } = self;
        let going_live = fs::read_to_string(folder.path().join("going_live")).unwrap();
        let config = config(folder.path(), &going_live);
        Self::begin(folder, &config, now).unwrap_or_else(|error| panic!("{error}"))
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.going_live.tick(self.now);
    }

    fn policies(&self) -> std::path::PathBuf {
        self.folder.path().join("policies")
    }

    /// Puts another policy into the folder.
    fn write(&self, then: &str) -> &Self {
        write_policy(self.folder.path(), then);
        self
    }

    fn reload(&self) -> Outcome {
        self.going_live.reload(&By::Signal, None, self.now)
    }

    fn ask(&self, uid: u32, request: PolicyRequest) -> Result<Outcome, String> {
        match self.going_live.answer(request, &Signatory::user(uid), self.now) {
            PolicyAnswer::Outcome(outcome) => Ok(outcome),
            PolicyAnswer::Declined { why } => Err(why),
            other => panic!("{other:?}"),
        }
    }

    /// What is decided of a message from that sender.
    fn decide(&self, sender: &str) -> Decision {
        let deciding = self.going_live.policies.for_sender(&sender.parse().unwrap());
        let decision = decision(&deciding.policy, sender);
        deciding.count(&[("b@x.example".parse().unwrap(), decision.clone())]);
        decision
    }

    /// The disposition for everybody, outside a canary's share.
    fn live(&self) -> String {
        decision(&self.going_live.policies.live(), "a@nhs.example").disposition.to_string()
    }
}

fn decision(policy: &crate::policy::Policy, sender: &str) -> Decision {
    let reverse_path: ReversePath = sender.parse().unwrap();
    let message = MessageFacts { reverse_path, ..plain_message() };
    let recipient = "b@x.example".parse().unwrap();
    crate::decide::decide(policy, Facts { message: &message, recipient: &recipient })
}

/// Of a day of November 2026.
fn noon(day: u64) -> Timestamp {
    let first = 1_793_534_400_000; // 2026-11-01T12:00:00Z
    Timestamp::from_unix_milliseconds(first + (day - 1) * 24 * 3_600_000)
}

fn config(home: &Path, going_live: &str) -> Config {
    let text = format!(
        "[node]\nname = \"gw.test.example\"\ndata_dir = \"{0}/data\"\npolicies = \"{0}/policies\"\n\
         [[listener]]\nname = \"m\"\naddress = \"127.0.0.1:0\"\ndirection = \"outbound\"\n\
         tls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n{going_live}",
        home.display()
    );
    let path = home.join("postern.toml").display().to_string();
    let (config, faults) = Config::read(&Arc::new(SourceFile { path, text }));
    config.unwrap_or_else(|| panic!("{faults:?}"))
}

fn version_in(folder: &Path) -> Version {
    Version::of(&crate::config::read_policies(folder).unwrap())
}

/// A policy that does this with everything to x.example, and a case that says
/// so.
fn write_policy(home: &Path, then: &str) {
    let folder = home.join("policies");
    fs::create_dir_all(folder.join("tests")).unwrap();
    fs::write(folder.join("policy.toml"), POLICY).unwrap();
    fs::write(folder.join("domains.toml"), "").unwrap();
    fs::write(folder.join("classification.toml"), "").unwrap();
    fs::write(folder.join("rules.toml"), rule(then)).unwrap();
    fs::write(folder.join("tests/case.toml"), case(then)).unwrap();
}

fn rule(then: &str) -> String {
    format!(
        "[[rule]]\nname = \"what goes to x.example\"\nwhen = {{ recipient_domain = \"x.example\" }}\n\
         then = \"{then}\"\nreason = \"It may not go to {{recipient}} now.\"\n"
    )
}

fn case(then: &str) -> String {
    format!(
        "name = \"a message to x.example\"\nfrom = \"a@nhs.example\"\nfacts = {{}}\n\
         [[expect]]\nto = \"b@x.example\"\nthen = \"{then}\"\n"
    )
}

const POLICY: &str = "officers = [\"ig@nhs.example\"]\n\
    [levels]\n0 = \"a\"\n1 = \"b\"\n2 = \"c\"\n3 = \"d\"\n4 = \"e\"\n\
    [[invariant]]\nname = \"nothing to x.example is relayed\"\n\
    never = { recipient_domain = \"x.example\", disposition = \"relay\" }\n";
