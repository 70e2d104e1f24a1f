//! Export: a held message taken out of the gateway, in an archive that only
//! its passphrase opens.

use std::io::{Cursor, Write};

use bytes::Bytes;
use serde_json::json;
use zip::{AesMode, CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

use super::{bulk::MAX_REASON, judging::Quarantine};
use crate::{
    console::{DeskError, HeldMessage},
    mail::{Actor, DeedKind, Permission, QueueId},
};

impl Quarantine {
    /// What the client sent, the copy that would leave, and what is known of
    /// it.
    pub(super) async fn export(
        &self,
        who: &Actor,
        id: QueueId,
        passphrase: &str,
        reason: &str,
    ) -> Result<Bytes, DeskError> {
        let known = self.known(who, id)?;
        self.allow(who, Permission::Export, (Some(id), "export it"))?;
        if reason.trim().is_empty() {
            return Err(DeskError::Refused("say why: the reason stands in the audit trail".into()));
        }
        if passphrase.chars().count() < SHORTEST {
            let why = format!("a passphrase has {SHORTEST} characters at least");
            return Err(DeskError::Refused(why));
        }
        let original = self.original(id).await?;
        let loaded = self.queue.spool().load(id).await.map_err(|error| self.failed(&error))?;
        let (_, copy) = loaded.ok_or(DeskError::Unknown)?;
        let passphrase = passphrase.to_owned();
        let sealing = move || sealed(&known, [&original, &copy], &passphrase);
        let archive = match tokio::task::spawn_blocking(sealing).await {
            Ok(Ok(archive)) => archive,
            Ok(Err(error)) => return Err(DeskError::Failed(error.to_string())),
            Err(panic) => return Err(DeskError::Failed(panic.to_string())),
        };
        self.done(who, DeedKind::Exported, Some(id), &self.masked(reason, MAX_REASON));
        Ok(archive)
    }
}

/// A zip archive under AES-256 (APPNOTE 7.2, WinZip AE-2).
fn sealed(
    known: &HeldMessage,
    [original, copy]: [&Bytes; 2],
    passphrase: &str,
) -> ZipResult<Bytes> {
    let what = json!({
        "entry": known.entry,
        "hold": known.hold,
        "queued": known.queued,
    });
    let what = serde_json::to_vec_pretty(&what).map_err(std::io::Error::other)?;
    let id = known.entry.id;
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .with_aes_encryption(AesMode::Aes256, passphrase);
    let files = [
        (format!("{id}.original.eml"), original.as_ref()),
        (format!("{id}.as-it-would-leave.eml"), copy.as_ref()),
        (format!("{id}.json"), what.as_slice()),
    ];
    for (name, octets) in files {
        archive.start_file(name, options)?;
        archive.write_all(octets)?;
    }
    Ok(archive.finish()?.into_inner().into())
}

/// Characters of a passphrase: whoever has the file may try for ever.
const SHORTEST: usize = 16;
