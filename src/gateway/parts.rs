//! The parts of a gateway, each made from its piece of postern.toml, with an
//! error that says which piece is wrong.

use std::{io::Write, path::Path, sync::Arc};

use crate::{
    authenticate::{self, Authenticator, Blocklists},
    config::{
        self, Config, KeyState, Node, ReaderConfinement, Users, certificates_folder, read_file,
        read_policies,
    },
    content,
    deliver::{self, Deliverer},
    mail::{Address, Observer, SubjectKey},
    observe,
    policy::{Context, Policy, diagnostics::Diagnostics},
    quarantine::RequestKey,
    reader::{self, Confinement, Pool},
    recipients::{Prober, Recipients},
    schedule::{Limits, RetrySchedule, Schedule, Trials},
    spool::{self, Damage, Spool},
    transform::{PassageKey, Signer},
};

use super::{
    keys::{credentials_directory, spool_keys},
    lines::Lines,
    prober::NextHops,
    queue::{Queue, now},
    signing_keys::signing_key,
    strangers::Strangers,
    tls_tally::TlsTally,
};

/// Why a gateway did not start: what a person must mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the policies have faults")]
    Policy(Diagnostics),
    #[error("a file of users has faults")]
    Users(Diagnostics),
    #[error("{what}: {cause}")]
    Part { what: &'static str, cause: String },
}

/// Reads and compiles the officers' folder for today.
pub fn load_policy(config: &Config) -> Result<Policy, StartError> {
    let sources =
        read_policies(&config.node.policies).map_err(|cause| part("the policies", cause))?;
    let context = Context {
        today: now().date(),
        local_domains: &config.node.local_domains,
        test_range: None,
    };
    let (policy, diagnostics) = Policy::compile(&sources, &context);
    policy.ok_or(StartError::Policy(diagnostics))
}

/// Opens the spool and schedules what waits in it.
pub(super) fn open_queue(config: &Config) -> Result<Queue, StartError> {
    let limits = Limits {
        total: config.limits.deliveries,
        per_destination: config.limits.deliveries_per_destination,
        initial_per_destination: config.limits.initial_deliveries_per_destination,
    };
    let trials =
        Trials::new(config.retry.trials.clone()).map_err(|cause| part("[retry] trials", cause))?;
    let lines = Lines::new(Schedule::new(limits, trials), retry_schedule(config)?)
        .with_terms(config.quarantine.terms.clone());
    let directory = config.node.data_dir.join("spool");
    let each = |id, summary| lines.enrol(id, &summary);
    let ephemeral = match config.spool.ephemeral {
        config::Ephemeral::Refuse => spool::Ephemeral::Refuse,
        config::Ephemeral::Allow => spool::Ephemeral::Allow,
    };
    let keys = spool_keys(config, credentials_directory().as_deref())?;
    let settings = spool::Settings { ephemeral, keys, ..spool::Settings::default() };
    let spool =
        Spool::open(&directory, settings, each).map_err(|cause| part("the spool", cause))?;
    spool.damage().iter().for_each(tell);
    match spool.key_id() {
        None => tracing::info!(messages = spool.len(), "spool opened"),
        Some(key) => tracing::info!(messages = spool.len(), %key, "sealed spool opened"),
    }
    Ok(Queue::new(spool, lines))
}

/// What a start has passed over. After a crash the last commit may be torn,
/// and nobody had been told of it: that is no fault, and wakes nobody.
fn tell(damage: &Damage) {
    if damage.kind.is_expected() {
        tracing::info!(%damage, "the last stop was not an orderly one");
    } else {
        tracing::error!(%damage, "a part of the spool is damaged and was passed over");
    }
}

pub(super) fn deliverer(config: &Config) -> Result<Deliverer, StartError> {
    Deliverer::new(delivery_settings(config)).map_err(|cause| part("delivery", cause))
}

pub(super) fn delivery_settings(config: &Config) -> deliver::Settings {
    deliver::Settings {
        dns: config.dns.clone(),
        port: config.sending.port,
        exchange_addresses: config.sending.exchange_addresses,
        idle: config.sending.idle,
        certificates: Some(certificates_folder(&config.node.policies)),
        mta_sts: config.mta_sts.clone(),
        policy_folder: Some(config.node.data_dir.join("mta-sts")),
        idle_per_destination: config.limits.deliveries_per_destination,
        messages_per_connection: config.sending.messages_per_connection,
        ..deliver::Settings::new(config.node.name.clone())
    }
}

/// None where `[tls_reports]` is not written.
pub(super) fn tls_tally(config: &Config) -> Result<Option<Arc<TlsTally>>, StartError> {
    let open = |from: &Address| TlsTally::open(&config.node.data_dir, from.clone());
    let tally = config.tls_reports.as_ref().map(|settings| open(&settings.from)).transpose();
    Ok(tally.map_err(|cause| part("the TLS counts", cause))?.map(Arc::new))
}

pub(super) fn retry_schedule(config: &Config) -> Result<RetrySchedule, StartError> {
    let retry = &config.retry;
    RetrySchedule::new(retry.delays.clone(), retry.expiry, retry.delay_notice)
        .map(|schedule| schedule.with_tls_notice(retry.tls_notice))
        .map_err(|cause| part("[retry]", cause))
}

pub(super) fn authenticator(config: &Config) -> Result<Authenticator, StartError> {
    let settings = authenticate::Settings {
        servers: config.dns.servers.clone(),
        authserv_id: config.node.name.clone(),
        time_limit: authenticate::Settings::TIME_LIMIT,
    };
    Authenticator::new(settings).map_err(|cause| part("sender authentication", cause))
}

pub(super) fn strangers(
    next_hops: &Arc<NextHops>,
    observer: &Arc<dyn Observer>,
) -> Result<Strangers, StartError> {
    let (config, observer) = (Arc::clone(&next_hops.config), Arc::clone(observer));
    if let Some(domain) = config.asks_nobody() {
        let cause = format!("the route of {domain} names no host that could be asked");
        return Err(part("a source of recipients", cause));
    }
    let servers = &config.dns.servers;
    let blocklists = Blocklists::new(&config.blocklists, servers, Arc::clone(&observer))
        .map_err(|cause| part("a block list", cause))?;
    let prober: Arc<dyn Prober> = Arc::clone(next_hops) as _;
    let recipients = Recipients::open(&config.recipients, &prober)
        .map_err(|cause| part("a source of recipients", cause))?;
    Ok(Strangers { config, blocklists, recipients, observer })
}

/// Starts the first of them: whether they can be confined here is known before
/// any mail comes.
pub(super) fn readers(config: &Config, observer: &Arc<dyn Observer>) -> Result<Pool, StartError> {
    let pool = Pool::new(reader_settings(&config.reader), Some(Arc::clone(observer)));
    let confined = pool.try_out().map_err(|cause| {
        let cause = format!("{cause} ([reader] confinement says what is required)");
        part("the readers of documents", cause)
    })?;
    let (seccomp, landlock) = (confined.seccomp, confined.landlock.name());
    match confined.is_whole() {
        true => tracing::info!(seccomp, landlock, "readers of documents are confined"),
        false => tracing::warn!(seccomp, landlock, "readers of documents are confined in part"),
    }
    Ok(pool)
}

pub(super) fn reader_settings(reader: &config::Reader) -> reader::Settings {
    reader::Settings {
        processes: reader.processes,
        documents: reader.documents,
        patience: reader.patience,
        deadline: reader.deadline,
        message_deadline: reader.message_deadline,
        memory: reader.memory as u64,
        confinement: match reader.confinement {
            ReaderConfinement::Required => Confinement::Required,
            ReaderConfinement::BestEffort => Confinement::BestEffort,
        },
        limits: content::Limits {
            octets: reader.unfolded as u64,
            text: reader.text as u64,
            files: reader.files,
            depth: reader.depth,
        },
        ..reader::Settings::default()
    }
}

/// The secret that marks messages, made where there is none yet.
pub(super) fn passage_key(path: &Path) -> Result<PassageKey, StartError> {
    let wrong = |cause: &dyn std::fmt::Display| part("the passage key", at(path, cause));
    let secret = secret(path).map_err(|cause| wrong(&cause))?;
    PassageKey::new(&secret).map_err(|cause| wrong(&cause))
}

/// Why there would be none at a start: whoever asks makes no key. The folder
/// of data is made when it is needed, and those above it.
pub fn check_passage_key(node: &Node) -> Result<(), StartError> {
    let path = &node.passage_key;
    let wrong = |cause: &dyn std::fmt::Display| part("the passage key", at(path, cause));
    let folder = path.parent().unwrap_or(Path::new("."));
    if path.try_exists().map_err(|cause| wrong(&cause))? {
        passage_key(path).map(drop)
    } else if folder.is_dir() || node.data_dir.starts_with(folder) {
        Ok(())
    } else {
        Err(wrong(&"there is no folder to make it in"))
    }
}

/// What senders ask for their messages with.
pub(super) fn request_key(data_dir: &Path) -> Result<RequestKey, StartError> {
    let path = data_dir.join("requests.key");
    let wrong = |cause: &dyn std::fmt::Display| part("the key of requests", at(&path, cause));
    let secret = secret(&path).map_err(|cause| wrong(&cause))?;
    RequestKey::new(&secret).map_err(|cause| wrong(&cause))
}

/// Reads a secret, and makes it where there is none yet.
fn secret(path: &Path) -> std::io::Result<Vec<u8>> {
    if !path.try_exists()? {
        make_secret(path)?;
        tracing::info!(path = %path.display(), "secret made; nodes of one group share it");
    }
    std::fs::read(path)
}

/// The secret under which the audit trail has people's identifiers.
pub(super) fn subject_key(config: &Config) -> Result<SubjectKey, StartError> {
    observe::subject_key(&config.node.data_dir).map_err(|cause| part("the key of subjects", cause))
}

/// Whole or not at all, readable by us alone; one that somebody else has made
/// meanwhile stays.
fn make_secret(path: &Path) -> std::io::Result<()> {
    let mut secret = [0; PassageKey::OCTETS];
    aws_lc_rs::rand::fill(&mut secret).map_err(std::io::Error::other)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&secret)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.error),
        _ => std::fs::File::open(folder)?.sync_all(),
    }
}

/// Signs with the keys that postern.toml calls active.
pub fn signer(config: &Config) -> Result<Signer, StartError> {
    let active = config.signing.iter().filter(|key| key.state == KeyState::Active);
    let signer = Signer::new(active.map(signing_key).collect::<Result<Vec<_>, _>>()?);
    let own = std::iter::once(&config.node.name).chain(&config.node.local_domains);
    let mut sealing = config.seal_domain.iter().chain(own);
    let seals_as = sealing.find(|domain| signer.domain_for(domain).is_some()).cloned();
    Ok(signer.sealing_as(seals_as))
}

pub(super) fn users(path: &Path) -> Result<Users, StartError> {
    let file = read_file(path).map_err(|cause| part("the users of a listener", cause))?;
    let (users, diagnostics) = Users::read(&file);
    users.ok_or(StartError::Users(diagnostics))
}

/// Why not, a line a fault.
pub(super) fn faults(error: &StartError) -> String {
    match error {
        StartError::Policy(faults) | StartError::Users(faults) => {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        StartError::Part { .. } => error.to_string(),
    }
}

pub(super) fn part(what: &'static str, cause: impl std::fmt::Display) -> StartError {
    StartError::Part { what, cause: cause.to_string() }
}

pub(super) fn at(path: &Path, cause: impl std::fmt::Display) -> String {
    format!("{}: {cause}", path.display())
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use super::*;
    use crate::{mail::QueueId, spool::DamageKind};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(kind: DamageKind) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let damage = Damage { segment: 7, offset: 8192, octets: 100, kind };
        tracing::subscriber::with_default(subscriber, || tell(&damage));
        let octets = log.0.lock().unwrap().clone();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn a_torn_last_commit_is_told_of_and_is_no_error() {
        let told = told(DamageKind::Torn);
        assert!(told.contains(" INFO ") && told.contains("00000007.segment"), "{told}");
    }

    #[test]
    fn real_damage_is_an_error() {
        let id = QueueId::from_bits(5);
        for kind in
            [DamageKind::Damaged, DamageKind::Header, DamageKind::Meta(id), DamageKind::Content(id)]
        {
            let told = told(kind);
            assert!(told.contains("ERROR ") && told.contains("100 octets from 8192"), "{told}");
        }
    }
}
