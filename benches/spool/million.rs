//! A million queued messages: how long a start with them takes, and what memory
//! each costs, that of what schedules it included, with checkpoints and
//! without, from the disk and from the page cache; and how fast new mail is
//! taken while they are delivered.
//!
//! Every measurement is a process of its own, so that none sees what an
//! earlier one has left in the allocator.

use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use nix::{
    fcntl::{PosixFadviseAdvice, posix_fadvise},
    sys::{
        resource::{UsageWho, getrusage},
        time::TimeValLike,
    },
};
use postern::{
    mail::{Destination, QueueId, QueuedMessage, Summary, Timestamp},
    schedule::{Calendar, Limits, Schedule, Traits, Trials},
    spool::{Batch, Ephemeral, Settings, Spool},
};
use tokio::runtime::Runtime;

/// What `cargo bench --bench spool -- million [PART FOLDER]` does.
pub fn measure(mut arguments: impl Iterator<Item = String>) {
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("fill"), Some(folder)) => fill(Path::new(&folder)),
        (Some("start"), Some(folder)) => start(Path::new(&folder)),
        (Some("drain"), Some(folder)) => drain(Path::new(&folder)),
        _ => all(),
    }
}

fn all() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = |part: &str| {
        let program = std::env::current_exe().unwrap();
        let status = Command::new(program).args(["million", part]).arg(folder.path()).status();
        assert!(status.unwrap().success(), "{part} failed");
    };
    run("fill");
    report(folder.path());
    println!("from the page cache:");
    run("start");
    println!("from the disk:");
    forget(folder.path());
    run("start");
    for name in names(folder.path()).filter(|name| name.ends_with(".checkpoint")) {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    println!("without checkpoints, from the disk:");
    forget(folder.path());
    run("start");
    run("drain");
}

/// A million messages to a thousand domains.
fn fill(folder: &Path) {
    let spool = Spool::open(folder, settings(), |_, _| {}).unwrap();
    let content = Bytes::from(vec![b'x'; 1024]);
    let runtime = Runtime::new().unwrap();
    let started = Instant::now();
    for _ in 0..MESSAGES / AT_ONCE {
        let (first, others) = (message(&spool), (1..AT_ONCE).map(|_| message(&spool)));
        let batch = Batch::new().accept(&first, content.clone());
        let batch = others.fold(batch, |batch, message| batch.accept(&message, content.clone()));
        let _receipt = runtime.block_on(spool.commit(batch)).unwrap();
    }
    let took = started.elapsed();
    let started = Instant::now();
    drop(spool);
    println!("filled in {took:.1?}, stopped in {:.1?}", started.elapsed());
}

fn message(spool: &Spool) -> QueuedMessage {
    let id = spool.next_id(Timestamp::from_unix_milliseconds(1_800_000_000_000));
    let mut message = super::message(id, 1024);
    let address = format!("someone@trust-{}.nhs.test.example", id.to_bits() % 1000);
    message.recipients.first_mut().unwrap().address = address.parse().unwrap();
    message
}

fn start(folder: &Path) {
    let before = resident();
    let started = Instant::now();
    let mut lines = Lines::new();
    let each = |id, summary| lines.enrol(id, &summary);
    let spool = Spool::open(folder, settings(), each).unwrap();
    let (took, computed) = (started.elapsed(), computed());
    assert_eq!((spool.len() as u64, lines.schedule.len() as u64), (MESSAGES, MESSAGES));
    // Allocators give back what was needed for a moment only after a while.
    std::thread::sleep(Duration::from_secs(1));
    let each = resident().saturating_sub(before) / MESSAGES;
    let peak = peak().saturating_sub(before) / MESSAGES;
    println!("  {took:.2?}, of it {computed:.2?} computing");
    println!("  {each} octets resident a message, {peak} at the most");
}

/// New mail from 20 senders at once: by itself, and while 20 deliveries at once
/// are recorded.
fn drain(folder: &Path) {
    let mut backlog = Vec::new();
    let spool = Spool::open(folder, settings(), |id, _| backlog.push(id)).unwrap();
    let (spool, backlog) = (Arc::new(spool), Arc::new(backlog));
    let runtime = Runtime::new().unwrap();
    let delivered = Arc::new(AtomicUsize::new(0));
    for (name, deliveries) in [("by itself", 0), ("while the backlog is delivered", 20)] {
        let accepted = Arc::new(AtomicUsize::new(0));
        let end = Instant::now() + ROUND;
        let senders = (0..20).map(|_| runtime.spawn(accept(spool.clone(), accepted.clone(), end)));
        let mut tasks: Vec<_> = senders.collect();
        tasks.extend((0..deliveries).map(|_| {
            runtime.spawn(deliver(spool.clone(), backlog.clone(), delivered.clone(), end))
        }));
        tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
        let rate = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64 / ROUND.as_secs();
        println!(
            "new mail of 4 KB {name}: {}/s; {}/s delivered",
            rate(&accepted),
            rate(&delivered)
        );
    }
}

async fn accept(spool: Arc<Spool>, accepted: Arc<AtomicUsize>, end: Instant) {
    let content = Bytes::from(vec![b'x'; 4096]);
    while Instant::now() < end {
        let id = spool.next_id(Timestamp::from_unix_milliseconds(1_800_000_000_000));
        let batch = Batch::new().accept(&super::message(id, content.len()), content.clone());
        let _receipt = spool.commit(batch).await.unwrap();
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads each message, as a delivery does, and records that it is done.
async fn deliver(
    spool: Arc<Spool>,
    backlog: Arc<Vec<QueueId>>,
    delivered: Arc<AtomicUsize>,
    end: Instant,
) {
    while Instant::now() < end {
        let next = delivered.fetch_add(1, Ordering::Relaxed);
        let Some(&id) = backlog.get(next) else { break };
        let _message = spool.message(id).unwrap();
        let _content = spool.content(id).unwrap();
        spool.record(Batch::new().remove(id)).await.unwrap();
    }
}

/// What the gateway keeps of every message that waits.
struct Lines {
    schedule: Schedule<Destination>,
    deadlines: Calendar,
    senders: RandomState,
}

impl Lines {
    fn new() -> Self {
        let limits = Limits { total: 500, per_destination: 20, initial_per_destination: 5 };
        let trials = Trials::new(vec![Duration::from_secs(60)]).unwrap();
        Self {
            schedule: Schedule::new(limits, trials),
            deadlines: Calendar::default(),
            senders: RandomState::new(),
        }
    }

    fn enrol(&mut self, id: QueueId, summary: &Summary) {
        let sender = self.senders.hash_one(&summary.reverse_path);
        let sender = u32::try_from(sender >> u32::BITS).unwrap();
        let traits = Traits::new(sender, summary.size, summary.priority);
        for (destination, due) in summary.destinations() {
            self.schedule.add(id, destination.clone(), due, traits);
        }
        self.deadlines.add(id, summary.starts_at().unwrap() + Duration::from_secs(3600));
    }
}

fn settings() -> Settings {
    Settings { ephemeral: Ephemeral::Allow, ..Settings::default() }
}

fn report(folder: &Path) {
    let octets = |suffix: &str| {
        let names = names(folder).filter(|name| name.ends_with(suffix));
        names.map(|name| fs::metadata(folder.join(name)).unwrap().len()).sum::<u64>() / 1_000_000
    };
    println!("{} MB in segments, {} MB in checkpoints", octets(".segment"), octets(".checkpoint"));
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

/// Has the page cache forget what is in the folder.
fn forget(folder: &Path) {
    for name in names(folder) {
        let file = File::open(folder.join(name)).unwrap();
        file.sync_all().unwrap();
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    }
}

/// What this process has had of processors: the machine may be busy.
fn computed() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()]
        .map(|time| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap()))
        .into_iter()
        .sum()
}

/// Octets of memory in use.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// The most that ever was.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

const ROUND: Duration = Duration::from_secs(10);
const MESSAGES: u64 = 1_000_000;
const AT_ONCE: u64 = 1000;
