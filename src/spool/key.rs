//! The keys under which the spool is sealed: 32 random octets in a file, or in
//! a systemd credential, that whoever holds the disk does not hold.
//!
//! New segments are sealed under one key; those before it, the old keys, are
//! only read with. A segment says by the key's *id* which one it needs, so that
//! a missing key is told apart from damage. An id is a digest: it stands in
//! messages and logs, and the key cannot be had from it.
//!
//! The key of a segment is derived from it with HKDF (RFC 5869), its first step
//! left out, as section 3.3 allows where the key is as random as what that step
//! would make of it. `cipher` says what is done with it.

use std::{
    fmt,
    fs::File,
    hint,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, LessSafeKey, UnboundKey},
    digest, hkdf, rand,
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Which keys the spool's directory is written and read with. None at all for
/// a plain spool.
#[derive(Clone, Default)]
pub struct Keys {
    /// What new segments are sealed under; they are plain without it.
    current: Option<Arc<Key>>,
    old: Vec<Arc<Key>>,
}

/// What a key is called where people read: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(super) [u8; KeyId::LENGTH]);

/// Where a key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// Nobody but its owner may have access to it.
    File(PathBuf),
    /// What the service manager has laid out for this service alone: it looks
    /// after who reads it, and its mode need not say so.
    Credential(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error(
        "{} may be read by others than its owner (mode {mode:03o}): chmod 600 it, and give it to \
         the user that Postern runs as",
        path.display()
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "{} holds no key: 32 octets are expected, in base64 or as they are, as \
         `postern spool key` or `openssl rand -base64 32` writes them",
        .0.display()
    )]
    Malformed(PathBuf),
}

/// A key of an operator's.
pub(super) struct Key {
    pub(super) id: KeyId,
    /// Overwritten when it is dropped.
    derivation: hkdf::Prk,
}

impl Keys {
    /// Reads the key for new segments, if there shall be one, and the old ones.
    pub fn read(current: Option<&KeyFile>, old: &[KeyFile]) -> Result<Self, KeyError> {
        let current = current.map(Key::read).transpose()?.map(Arc::new);
        let old = old.iter().map(|file| Key::read(file).map(Arc::new));
        Ok(Self { current, old: old.collect::<Result<_, _>>()? })
    }

    /// Under which key new segments are sealed.
    pub fn current_id(&self) -> Option<KeyId> {
        self.current.as_ref().map(|key| key.id)
    }

    pub fn knows(&self, id: KeyId) -> bool {
        self.find(id).is_some()
    }

    pub(super) fn current(&self) -> Option<&Key> {
        self.current.as_deref()
    }

    pub(super) fn find(&self, id: KeyId) -> Option<&Key> {
        self.current.iter().chain(&self.old).find(|key| key.id == id).map(|key| &**key)
    }

    /// Of octets that tests make up: what new segments are sealed under comes
    /// first.
    #[cfg(test)]
    pub(super) fn of(octets: &[[u8; Key::LENGTH]]) -> Self {
        let mut keys = octets.iter().map(|octets| Arc::new(Key::new(octets)));
        Self { current: keys.next(), old: keys.collect() }
    }

    /// Likewise, and new segments are plain.
    #[cfg(test)]
    pub(super) fn old_of(octets: &[[u8; Key::LENGTH]]) -> Self {
        let Self { current, old } = Self::of(octets);
        Self { current: None, old: current.into_iter().chain(old).collect() }
    }
}

/// A new key in base64, as a file may hold it, and its id.
pub fn new_key() -> io::Result<(String, KeyId)> {
    let mut octets = [0; Key::LENGTH];
    rand::fill(&mut octets).map_err(|_| io::Error::other("no random octets are to be had"))?;
    let new = (STANDARD.encode(octets) + "\n", Key::new(&octets).id);
    wipe(&mut octets);
    Ok(new)
}

impl Key {
    const LENGTH: usize = 32;

    fn read(file: &KeyFile) -> Result<Self, KeyError> {
        let path = file.path();
        let unreadable = |cause| KeyError::Unreadable { path: path.to_owned(), cause };
        let mut opened = File::open(path).map_err(unreadable)?;
        let mode = opened.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
        if matches!(file, KeyFile::File(_)) && mode & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.to_owned(), mode });
        }
        let mut written = Vec::with_capacity(LONGEST_FILE as usize);
        opened.by_ref().take(LONGEST_FILE).read_to_end(&mut written).map_err(unreadable)?;
        let octets = read_octets(&written);
        wipe(&mut written);
        let mut octets = octets.ok_or_else(|| KeyError::Malformed(path.to_owned()))?;
        let key = Self::new(&octets);
        wipe(&mut octets);
        Ok(key)
    }

    fn new(octets: &[u8; Self::LENGTH]) -> Self {
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(b"postern spool key");
        digest.update(octets);
        let mut id = [0; KeyId::LENGTH];
        for (octet, digest) in id.iter_mut().zip(digest.finish().as_ref()) {
            *octet = *digest;
        }
        let derivation = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, octets);
        Self { id: KeyId(id), derivation }
    }

    /// The key of the segment with this salt. None only if the library
    /// refuses, which it does for lengths that do not occur.
    pub(super) fn derive(&self, salt: &[u8]) -> Option<LessSafeKey> {
        let info = [b"postern spool segment".as_slice(), salt];
        let derived = self.derivation.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

impl KeyFile {
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Credential(path) => path,
        }
    }
}

impl KeyId {
    pub(super) const LENGTH: usize = 8;
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(out, "{octet:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyId({self})")
    }
}

/// Ids, never keys.
impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old: Vec<KeyId> = self.old.iter().map(|key| key.id).collect();
        out.debug_struct("Keys").field("current", &self.current_id()).field("old", &old).finish()
    }
}

/// As they are, or in base64 with whatever white space a person has left.
fn read_octets(written: &[u8]) -> Option<[u8; Key::LENGTH]> {
    if let Ok(octets) = written.try_into() {
        return Some(octets);
    }
    let mut decoded = STANDARD.decode(written.trim_ascii()).ok()?;
    let octets = decoded.as_slice().try_into().ok();
    wipe(&mut decoded);
    octets
}

/// Overwrites what nobody will read any more, for good: the compiler is told
/// that somebody looks.
fn wipe(octets: &mut [u8]) {
    octets.fill(0);
    hint::black_box(octets);
}

/// Longer than any key, so that one is not taken for the beginning of another
/// file.
const LONGEST_FILE: u64 = 256;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::OpenOptionsExt};

    use super::*;

    fn written(octets: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.key");
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
        io::Write::write_all(&mut &file, octets).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn id_of(octets: &[u8]) -> Result<KeyId, KeyError> {
        let (_folder, path) = written(octets, 0o600);
        Key::read(&KeyFile::File(path)).map(|key| key.id)
    }

    #[test]
    fn a_key_is_32_octets_as_they_are_or_in_base64() {
        let octets: [u8; 32] = std::array::from_fn(|at| at as u8);
        let id = Key::new(&octets).id;
        assert_eq!(id_of(&octets).unwrap(), id);
        let base64 = STANDARD.encode(octets);
        assert_eq!(id_of(base64.as_bytes()).unwrap(), id);
        assert_eq!(id_of(format!("  {base64}\r\n").as_bytes()).unwrap(), id);
        let (made, made_id) = new_key().unwrap();
        assert_eq!(id_of(made.as_bytes()).unwrap(), made_id);
        assert_ne!(made_id, id);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let hexadecimal = "00112233445566778899aabbccddeeff".repeat(2);
        let short = STANDARD.encode([7; 31]);
        let long = STANDARD.encode([7; 33]);
        let no_key = [b"".as_slice(), b"secret", hexadecimal.as_bytes(), short.as_bytes()];
        for octets in no_key.into_iter().chain([long.as_bytes(), [7; 33].as_slice()]) {
            let error = id_of(octets).unwrap_err();
            assert!(matches!(error, KeyError::Malformed(_)), "{error}");
            assert!(error.to_string().contains("openssl rand -base64 32"), "{error}");
        }
        let missing = Key::read(&KeyFile::File("/no/such/spool.key".into()));
        assert!(matches!(missing.map(drop), Err(KeyError::Unreadable { .. })));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_but_where_the_service_manager_keeps_it() {
        for mode in [0o640, 0o604, 0o660, 0o610] {
            let (_folder, path) = written(&[7; 32], mode);
            let error = Key::read(&KeyFile::File(path.clone())).map(drop).unwrap_err();
            assert!(matches!(error, KeyError::Exposed { .. }), "{error}");
            assert!(error.to_string().contains(&format!("(mode {mode:03o})")), "{error}");
            assert!(Key::read(&KeyFile::Credential(path)).is_ok());
        }
        let (_folder, path) = written(&[7; 32], 0o400);
        assert!(Key::read(&KeyFile::File(path)).is_ok());
    }

    #[test]
    fn keys_are_found_by_their_ids_and_not_shown() {
        let keys = Keys::of(&[[7; 32], [8; 32]]);
        let (current, old) = (Key::new(&[7; 32]).id, Key::new(&[8; 32]).id);
        assert_eq!(keys.current_id(), Some(current));
        assert!(keys.knows(current) && keys.knows(old) && !keys.knows(Key::new(&[9; 32]).id));
        assert_eq!(
            format!("{keys:?}"),
            format!("Keys {{ current: Some(KeyId({current})), old: [KeyId({old})] }}")
        );
    }
}
