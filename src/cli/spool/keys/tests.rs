//! Keys as an operator has them: made, shown by a check, changed.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    super::{Report, export, tests::fill},
    *,
};

/// A gateway's folder with two keys, and a postern.toml for each set of them.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for name in ["old.key", "new.key"] {
            let mut key = Vec::new();
            make(&mut key).unwrap();
            let path = folder.path().join(name);
            fs::write(&path, key).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn spool(&self) -> PathBuf {
        self.path().join("data/spool")
    }

    fn config(&self, spool: &str) -> PathBuf {
        let text = format!(
            "[node]\nname = \"mx1.example.nhs.uk\"\ndata_dir = \"data\"\npolicies = \"policies\"\n\
             [[listener]]\nname = \"in\"\naddress = \"127.0.0.1:0\"\ndirection = \"inbound\"\n\
             tls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n[spool]\n{spool}\n"
        );
        let path = self.path().join("postern.toml");
        fs::write(&path, text).unwrap();
        path
    }

    fn keys(&self, spool: &str) -> Keys {
        given(Some(&self.config(spool))).unwrap()
    }

    /// What a check says of the keys, their ids called OLD and NEW, and of the
    /// whole.
    fn checked(&self, keys: &Keys) -> (Vec<String>, String) {
        let report = Report::of(&super::super::inspect(&self.spool(), keys).unwrap());
        assert!(report.is_sound());
        let mut out = Vec::new();
        report.show(Path::new("DIR"), &mut out).unwrap();
        let mut text = String::from_utf8(out).unwrap();
        for (name, keys) in [("OLD", OLD), ("NEW", NEW)] {
            let id = self.keys(keys).current_id().unwrap().to_string();
            text = text.replace(&id, name);
        }
        let keys = text.lines().filter(|line| line.contains("segments, "));
        let keys = keys.map(|line| line.trim().to_owned()).collect();
        (keys, text.lines().last().unwrap().to_owned())
    }
}

const OLD: &str = "key = \"./old.key\"";
const NEW: &str = "key = \"./new.key\"";
const BOTH: &str = "key = \"./new.key\"\nold_keys = [\"./old.key\"]";

#[test]
fn a_check_says_which_keys_are_in_use() {
    let folder = Folder::new();
    fill(&folder.spool(), Keys::default());
    assert!(folder.checked(&Keys::default()).0.is_empty(), "of a plain spool there is nothing");
    let (keys, _) = folder.checked(&folder.keys(OLD));
    assert_eq!(keys, ["plain: 1 segments, 3 messages; the gateway writes them anew"]);

    let folder = Folder::new();
    fill(&folder.spool(), folder.keys(OLD));
    let (keys, sound) = folder.checked(&folder.keys(OLD));
    assert_eq!(keys, ["key OLD: 1 segments, 3 messages; new mail as well"]);
    assert_eq!(sound, "no damage: every envelope and every content is as it was written");
    let (keys, _) = folder.checked(&folder.keys(BOTH));
    assert_eq!(keys, ["key OLD: 1 segments, 3 messages; the gateway writes them anew"]);
}

#[test]
fn without_the_key_a_check_finds_damage_and_says_what_it_could_not_read() {
    let folder = Folder::new();
    fill(&folder.spool(), folder.keys(OLD));
    let (keys, sound) = folder.checked(&Keys::default());
    assert_eq!(keys, ["key OLD: 1 segments, 3 messages; it is not given (--config)"]);
    assert!(
        sound.starts_with("no damage: what is sealed under keys that are not given"),
        "{sound}"
    );

    let inspection = Spool::inspect(&folder.spool(), &Keys::default()).unwrap();
    let mut out = Vec::new();
    let to = folder.path().join("export");
    assert!(export(&inspection, &to, &inspection.ids(), &mut out).is_err());
    let said = String::from_utf8(out).unwrap();
    assert!(said.contains("which is not among [spool] key and old_keys"), "{said}");
    assert!(said.contains("0 of 3 messages are whole"), "{said}");
    drop(inspection);

    let segment = folder.spool().join("00000001.segment");
    let mut octets = fs::read(&segment).unwrap();
    octets[8192 + 32 + 100] ^= 0x55;
    fs::write(&segment, octets).unwrap();
    let report = Report::of(&Spool::inspect(&folder.spool(), &Keys::default()).unwrap());
    assert!(!report.is_sound(), "damage went unnoticed");
}

#[test]
fn a_message_is_exported_with_the_key_alone() {
    let folder = Folder::new();
    fill(&folder.spool(), folder.keys(OLD));
    let inspection = Spool::inspect(&folder.spool(), &folder.keys(BOTH)).unwrap();
    let to = folder.path().join("export");
    export(&inspection, &to, &inspection.ids(), &mut Vec::new()).unwrap();
    let content = fs::read_to_string(to.join(format!("{}.eml", inspection.ids()[0]))).unwrap();
    assert!(content.starts_with("Subject: 1"), "{content}");
}

#[test]
fn after_rekeying_the_old_key_is_not_needed() {
    let folder = Folder::new();
    fill(&folder.spool(), folder.keys(OLD));
    let refused = rekey(&folder.config(NEW), &mut Vec::new()).map(drop);
    let refused = format!("{:?}", refused.unwrap_err());
    assert!(refused.contains("which is not among [spool] key and old_keys"), "{refused}");

    let mut out = Vec::new();
    rekey(&folder.config(BOTH), &mut out).unwrap();
    let said = String::from_utf8(out).unwrap();
    assert!(said.contains("1 segments, 3 messages; new mail as well"), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    let (keys, sound) = folder.checked(&folder.keys(NEW));
    assert_eq!(keys, ["key NEW: 1 segments, 3 messages; new mail as well"]);
    assert!(sound.starts_with("no damage: every envelope"), "{sound}");
}

#[test]
fn rekeying_is_for_a_stopped_spool() {
    let folder = Folder::new();
    fill(&folder.spool(), folder.keys(OLD));
    let running =
        Settings { keys: folder.keys(OLD), ephemeral: Ephemeral::Allow, ..Settings::default() };
    let running = Spool::open(&folder.spool(), running, |_, _| {}).unwrap();
    let error = format!("{:?}", rekey(&folder.config(BOTH), &mut Vec::new()).unwrap_err());
    assert!(error.contains("in use by another gateway"), "{error}");
    drop(running);
    let none = Folder::new();
    let error = format!("{:?}", rekey(&none.config(BOTH), &mut Vec::new()).unwrap_err());
    assert!(error.contains("data/spool"), "{error}");
    assert!(!none.spool().exists(), "a spool was made");
}

#[test]
fn a_key_that_cannot_be_used_is_a_fault_of_the_configuration() {
    let folder = Folder::new();
    let fault = |spool: &str| fault(&files::configuration(&folder.config(spool)).unwrap());
    assert!(fault("").is_none() && fault(BOTH).is_none());
    let exposed = fs::Permissions::from_mode(0o644);
    fs::set_permissions(folder.path().join("old.key"), exposed).unwrap();
    assert!(fault(NEW).is_none());
    let said = fault(BOTH).unwrap().message;
    assert!(said.contains("old.key may be read by others"), "{said}");
    // Whether a credential is one is known where the gateway runs.
    assert!(fault("key = \"spool\"").is_none());
}
