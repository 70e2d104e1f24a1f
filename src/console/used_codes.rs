//! The last code of a second factor that each account has used: no code is
//! good twice, not after a restart either. Where that cannot be kept on disk
//! the code is not taken: a full disk shuts the door, and opens none.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::kept::{Kept, NotKept};
use crate::{config::TotpStep, mail::Timestamp};

pub(super) struct UsedCodes(Kept<Used>);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Used {
    /// By account.
    last: BTreeMap<String, TotpStep>,
    /// Of everybody: whatever may have been used before the file was damaged.
    #[serde(default)]
    before: Option<TotpStep>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum CodeUseError {
    #[error("the second factor's code was used before")]
    UsedBefore,
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

impl UsedCodes {
    pub(super) fn open(folder: &Path, now: Timestamp) -> Result<Self, NotKept> {
        let damaged = || Used { before: Some(TotpStep::latest_at(now)), ..Used::default() };
        Kept::open(folder, "used-codes.json", damaged).map(Self)
    }

    /// Uses it up. Those of accounts that are no more are forgotten. Blocks.
    pub(super) fn use_up(
        &self,
        account: &str,
        step: TotpStep,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<(), CodeUseError> {
        self.0.change(|used| {
            let last = used.last.get(account).copied().max(used.before);
            if last.is_some_and(|last| last >= step) {
                return Err(CodeUseError::UsedBefore);
            }
            used.last.retain(|name, _| is_known(name));
            used.last.insert(account.to_owned(), step);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TotpSecret;

    const NOW: Timestamp = Timestamp::from_unix_milliseconds(59_000);

    /// RFC 6238 appendix B.
    fn steps() -> (TotpStep, TotpStep) {
        let secret: TotpSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".parse().unwrap();
        let at = |code, seconds: u64| {
            secret.check(code, Timestamp::from_unix_milliseconds(seconds * 1_000)).unwrap()
        };
        (at("287082", 59), at("081804", 1_111_111_109))
    }

    fn used(use_up: &Result<(), CodeUseError>) -> bool {
        matches!(use_up, Err(CodeUseError::UsedBefore))
    }

    #[test]
    fn a_code_is_used_up_for_good_and_for_its_account_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (early, late) = steps();
        let open = || UsedCodes::open(folder.path(), NOW).unwrap();
        open().use_up("jane", late, |_| true).unwrap();
        let restarted = open();
        assert!(used(&restarted.use_up("jane", late, |_| true)));
        assert!(used(&restarted.use_up("jane", early, |_| true)), "nor one before it");
        restarted.use_up("joe", early, |_| true).unwrap();
        // Joe's account goes, and what was known of it; Jane's stays.
        open().use_up("ann", early, |name| name == "jane").unwrap();
        let kept = std::fs::read_to_string(folder.path().join("used-codes.json")).unwrap();
        assert!(kept.contains("jane") && kept.contains("ann") && !kept.contains("joe"), "{kept}");
    }

    #[test]
    fn a_code_whose_use_cannot_be_kept_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let codes = UsedCodes::open(&folder.path().join("console"), NOW).unwrap();
        std::fs::remove_dir_all(folder.path().join("console")).unwrap();
        let refused = codes.use_up("jane", steps().0, |_| true);
        assert!(matches!(refused, Err(CodeUseError::NotKept(_))), "{refused:?}");
    }

    #[test]
    fn after_damage_every_code_of_before_counts_as_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("used-codes.json"), "damage").unwrap();
        let codes = UsedCodes::open(folder.path(), NOW).unwrap();
        let (early, late) = steps();
        assert!(used(&codes.use_up("jane", early, |_| true)));
        codes.use_up("jane", late, |_| true).unwrap();
    }
}
