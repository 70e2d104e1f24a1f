//! The question at RCPT, and who is asked for which domain.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{
    address_file::AddressFile,
    address_list::folded,
    answers::Answers,
    directory::{Directory, DirectoryError},
    prober::{Found, Prober},
};
use crate::{
    config::{RecipientSource, Source as Where},
    mail::{Address, Domain, LookupAnswer, LookupSource},
};

/// Everybody who can say whether a recipient of ours exists.
#[derive(Default)]
pub struct Recipients {
    registers: Vec<Register>,
}

/// Some domains, and where their recipients are known.
struct Register {
    domains: Vec<Domain>,
    source: Source,
    answers: Answers,
}

enum Source {
    /// In memory as it is: its answers are not remembered beside it.
    File(AddressFile),
    Directory(Box<Directory>),
    NextHop(Arc<dyn Prober>),
}

/// What was asked, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    pub source: LookupSource,
    pub answer: Answer,
}

/// The reasons are for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Known,
    /// Known within the last day; now the source is down.
    Stale(String),
    Unknown,
    /// Neither yes nor no: the client is to come back.
    Unavailable(String),
}

#[derive(Debug, thiserror::Error)]
pub enum RecipientsError {
    #[error("{0}")]
    File(String),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("{0} stands in two sources of recipients")]
    Twice(Domain),
}

impl Recipients {
    /// Files are read now and have to be right; nobody is asked yet.
    /// `prober` serves the sources that are next hops.
    pub fn open(
        sources: &[RecipientSource],
        prober: &Arc<dyn Prober>,
    ) -> Result<Self, RecipientsError> {
        let mut registers: Vec<Register> = Vec::new();
        for source in sources {
            let stands = |domain: &&Domain| {
                registers.iter().any(|register| register.domains.contains(domain))
            };
            if let Some(domain) = source.domains.iter().find(stands) {
                return Err(RecipientsError::Twice(domain.clone()));
            }
            registers.push(Register::open(source, prober)?);
        }
        Ok(Self { registers })
    }

    /// Whether a recipient exists. None where nobody is asked: there is no
    /// source for the domain, or it is the postmaster, whom every domain has
    /// and who must be reached when all else fails (RFC 5321 section 4.5.1).
    pub async fn look_up(&self, recipient: &Address) -> Option<Lookup> {
        if recipient.is_postmaster() {
            return None;
        }
        let domain = recipient.domain();
        let register = self.registers.iter().find(|register| register.domains.contains(domain))?;
        Some(register.look_up(recipient).await)
    }
}

impl Register {
    fn open(from: &RecipientSource, prober: &Arc<dyn Prober>) -> Result<Self, RecipientsError> {
        let source = match &from.source {
            Where::File(path) => {
                Source::File(AddressFile::open(path).map_err(RecipientsError::File)?)
            }
            Where::Directory(settings) => {
                Source::Directory(Box::new(Directory::new(settings.clone())?))
            }
            Where::NextHop => Source::NextHop(Arc::clone(prober)),
        };
        let answers = Answers::new(from.cache, from.refusal_cache);
        Ok(Self { domains: from.domains.clone(), source, answers })
    }

    async fn look_up(&self, recipient: &Address) -> Lookup {
        let now = Instant::now();
        let (source, answer) = match &self.source {
            Source::File(file) => (LookupSource::File, Answer::from(file.find(recipient).await)),
            Source::Directory(directory) => {
                let recipient = folded(recipient);
                let ask = directory.find(&recipient);
                (LookupSource::Directory, self.answers.answer(&recipient, now, ask).await)
            }
            // As written: only the next hop knows what case means to it.
            Source::NextHop(prober) => {
                let ask = probe(prober.as_ref(), recipient);
                (LookupSource::NextHop, self.answers.answer(recipient, now, ask).await)
            }
        };
        Lookup { source, answer }
    }
}

async fn probe(prober: &dyn Prober, recipient: &Address) -> Found {
    match timeout(PROBE_LIMIT, prober.probe(recipient)).await {
        Ok(found) => found,
        Err(_) => Found::Unavailable("the next hop gave no answer in time".to_owned()),
    }
}

impl From<Found> for Answer {
    fn from(found: Found) -> Self {
        match found {
            Found::Known => Self::Known,
            Found::Unknown => Self::Unknown,
            Found::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl Answer {
    pub fn kind(&self) -> LookupAnswer {
        match self {
            Self::Known => LookupAnswer::Known,
            Self::Stale(_) => LookupAnswer::Stale,
            Self::Unknown => LookupAnswer::Unknown,
            Self::Unavailable(_) => LookupAnswer::Unavailable,
        }
    }

    /// Why the source could not be asked.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Stale(why) | Self::Unavailable(why) => Some(why),
            Self::Known | Self::Unknown => None,
        }
    }
}

/// A client waits five minutes for the reply to RCPT (RFC 5321 section
/// 4.5.3.2.3).
const PROBE_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::recipients::Probing;

    /// Knows Ann, has no answer for those who are slow.
    #[derive(Default)]
    struct NextHop(AtomicUsize);

    impl Prober for NextHop {
        fn probe<'a>(&'a self, recipient: &'a Address) -> Probing<'a> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let found = match recipient.local_part() {
                "ann" => Found::Known,
                "slow" => Found::Unavailable("451 4.2.1 later".to_owned()),
                _ => Found::Unknown,
            };
            Box::pin(async move { found })
        }
    }

    fn source(domain: &str, source: Where) -> RecipientSource {
        RecipientSource {
            domains: vec![domain.parse().unwrap()],
            source,
            cache: Duration::from_secs(60),
            refusal_cache: Duration::from_secs(60),
        }
    }

    fn open(sources: &[RecipientSource]) -> (Result<Recipients, RecipientsError>, Arc<NextHop>) {
        let next_hop = Arc::new(NextHop::default());
        let prober: Arc<dyn Prober> = Arc::<NextHop>::clone(&next_hop);
        (Recipients::open(sources, &prober), next_hop)
    }

    async fn ask(recipients: &Recipients, address: &str) -> Option<Answer> {
        Some(recipients.look_up(&address.parse().unwrap()).await?.answer)
    }

    #[tokio::test]
    async fn the_next_hop_is_asked_once_for_each_address() {
        let (recipients, next_hop) = open(&[source("nhs.example", Where::NextHop)]);
        let recipients = recipients.unwrap();
        for _ in 0..3 {
            assert_eq!(ask(&recipients, "ann@nhs.example").await, Some(Answer::Known));
            assert_eq!(ask(&recipients, "bob@nhs.example").await, Some(Answer::Unknown));
            let slow = ask(&recipients, "slow@nhs.example").await;
            assert_eq!(slow, Some(Answer::Unavailable("451 4.2.1 later".to_owned())));
        }
        assert_eq!(next_hop.0.load(Ordering::Relaxed), 3);
        // What case means is the next hop's own affair.
        assert_eq!(ask(&recipients, "Ann@nhs.example").await, Some(Answer::Unknown));
    }

    #[tokio::test]
    async fn nobody_is_asked_for_other_domains_and_for_the_postmaster() {
        let (recipients, next_hop) = open(&[source("nhs.example", Where::NextHop)]);
        let recipients = recipients.unwrap();
        for address in ["ann@other.example", "postmaster@nhs.example", "PostMaster@nhs.example"] {
            assert_eq!(ask(&recipients, address).await, None, "{address}");
        }
        assert_eq!(next_hop.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_file_answers_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipients");
        std::fs::write(&path, "ann@nhs.example\n").unwrap();
        let (recipients, _) = open(&[source("nhs.example", Where::File(path))]);
        let recipients = recipients.unwrap();
        assert_eq!(ask(&recipients, "Ann+x@nhs.example").await, Some(Answer::Known));
        assert_eq!(ask(&recipients, "bob@nhs.example").await, Some(Answer::Unknown));
    }

    #[test]
    fn sources_that_are_wrong_are_named_at_the_start() {
        let file = Where::File(Path::new("/nonexistent/recipients").to_owned());
        let error = open(&[source("nhs.example", file)]).0.err().unwrap().to_string();
        assert!(error.starts_with("/nonexistent/recipients: "), "{error}");
        let twice = [source("a.example", Where::NextHop), source("a.example", Where::NextHop)];
        assert!(matches!(open(&twice).0, Err(RecipientsError::Twice(_))));
    }
}
