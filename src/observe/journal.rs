//! journald's own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): an event is a
//! datagram with every field of its own, so that `journalctl POSTERN_ID=…`
//! finds one message's lines.

use std::{
    fmt::{Debug, Write as _},
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        FormatFields,
        format::{DefaultFields, Writer},
    },
    layer::Context,
};

use super::log::{priority, to_standard_error};

/// Where journald listens on every machine that has it.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Journal {
    /// An error where no journal listens, which is told by a datagram of
    /// nothing: it heeds none.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let journal = Self { socket: UnixDatagram::unbound()?, path: path.to_owned() };
        journal.send(&[])?;
        Ok(journal)
    }

    /// Found anew for each event: a journald that was restarted listens anew.
    fn send(&self, entry: &[u8]) -> io::Result<usize> {
        self.socket.send_to(entry, &self.path)
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    /// What it does not take, as an entry too large, is not lost: systemd gives
    /// standard error to the journal as well.
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let text = readable(event);
        let mut entry = Entry::default();
        entry.put("MESSAGE", &text);
        entry.put("PRIORITY", &priority(level).to_string());
        entry.put("SYSLOG_IDENTIFIER", "postern");
        entry.put("POSTERN_TARGET", event.metadata().target());
        event.record(&mut entry);
        if self.send(&entry.0).is_err() {
            let _ = to_standard_error(text.as_bytes(), Some(priority(level)));
        }
    }
}

/// As in the other forms: the event, then its fields. `journalctl` shows no
/// more than this unless it is asked.
fn readable(event: &Event<'_>) -> String {
    let mut text = String::new();
    match DefaultFields::new().format_fields(Writer::new(&mut text), event) {
        Ok(()) => text,
        Err(_) => event.metadata().name().to_owned(),
    }
}

#[derive(Default)]
struct Entry(Vec<u8>);

impl Entry {
    /// With its length in front, so that no value can begin another field.
    fn put(&mut self, name: &str, value: &str) {
        let length = value.len() as u64;
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'\n');
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }

    /// Names are capitals, digits and `_`, or journald leaves them out.
    fn put_own(&mut self, field: &Field, value: &str) {
        let name = match field.name() {
            "message" => "EVENT".to_owned(),
            name => name.to_ascii_uppercase().replace('.', "_"),
        };
        self.put(&format!("POSTERN_{name}"), value);
    }
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_own(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // Writing to a string fails only where the value's own words do.
        let _ = write!(text, "{value:?}");
        self.put_own(field, &text);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    struct Ear {
        _home: tempfile::TempDir,
        path: PathBuf,
        socket: UnixDatagram,
    }

    fn ear() -> Ear {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        Ear { _home: home, path, socket }
    }

    impl Ear {
        fn hears(&self) -> BTreeMap<String, String> {
            let mut datagram = vec![0; 1 << 16];
            let length = self.socket.recv(&mut datagram).unwrap();
            fields(&datagram[..length])
        }
    }

    /// As journald reads them.
    fn fields(mut entry: &[u8]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        while let Some(end) = entry.iter().position(|&octet| octet == b'\n') {
            let (name, rest) = entry.split_at(end);
            let (length, rest) = rest[1..].split_at(8);
            let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
            assert_eq!(rest[length], b'\n');
            assert_eq!(fields.insert(text(name), text(&rest[..length])), None);
            entry = &rest[length + 1..];
        }
        assert!(entry.is_empty());
        fields
    }

    #[test]
    fn an_event_is_an_entry_with_a_field_for_each_of_its_own() {
        let ear = ear();
        let journal = Journal::at(&ear.path).unwrap();
        assert!(ear.hears().is_empty());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), || {
            tracing::warn!(target: "postern::x", id = %"4Qx", size = 12, why = "late", "accepted");
        });
        let expected = [
            ("MESSAGE", "accepted id=4Qx size=12 why=\"late\""),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "postern"),
            ("POSTERN_TARGET", "postern::x"),
            ("POSTERN_EVENT", "accepted"),
            ("POSTERN_ID", "4Qx"),
            ("POSTERN_SIZE", "12"),
            ("POSTERN_WHY", "late"),
        ];
        assert_eq!(ear.hears(), expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn what_a_stranger_sends_begins_no_field_of_its_own() {
        let ear = ear();
        let journal = Journal::at(&ear.path).unwrap();
        ear.hears();
        let reply = "550 no\nPRIORITY=0\nPOSTERN_ID\n\u{1}";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), || {
            tracing::info!(reply, "refused");
        });
        let heard = ear.hears();
        assert_eq!(heard["POSTERN_REPLY"], reply);
        assert_eq!((heard["PRIORITY"].as_str(), heard.get("POSTERN_ID")), ("6", None));
    }

    #[test]
    fn where_no_journal_listens_none_is_written_to() {
        let home = tempfile::tempdir().unwrap();
        assert!(Journal::at(&home.path().join("socket")).is_err());
    }
}
