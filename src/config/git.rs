//! Which commit a folder was checked out from, read as git's own files have it
//! (gitrepository-layout(5)): no git is asked, since a gateway has none.
//! Whether the files have been changed since is not asked either: the version,
//! which is their hash, says what they are.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// None where the folder is in no checkout, or git's files are of a kind this
/// does not know.
pub(super) fn commit_of(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    let own = folder.ancestors().find_map(git_folder)?;
    let common = match text(&own.join("commondir")) {
        // A worktree's own folder: branches are those of the repository.
        Some(common) => own.join(common),
        None => own.clone(),
    };
    resolve(&own, &common, "HEAD", DEPTH)
}

/// `.git`, or where a file of that name (a worktree, a submodule) leads.
fn git_folder(above: &Path) -> Option<PathBuf> {
    let git = above.join(".git");
    if git.is_dir() {
        return git.join("HEAD").is_file().then_some(git);
    }
    Some(above.join(text(&git)?.strip_prefix("gitdir:")?.trim()))
}

/// A name stands for a commit, or for another name.
fn resolve(own: &Path, common: &Path, name: &str, depth: usize) -> Option<String> {
    let is_below = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if depth == 0 || !is_below {
        return None;
    }
    let loose = text(&own.join(name)).or_else(|| text(&common.join(name)));
    match loose {
        Some(found) => match found.strip_prefix("ref:") {
            Some(other) => resolve(own, common, other.trim(), depth - 1),
            None => commit(&found),
        },
        None => packed(common, name),
    }
}

/// `COMMIT NAME` a line; those of others begin with `#` or `^`.
fn packed(common: &Path, name: &str) -> Option<String> {
    let packed = text(&common.join("packed-refs"))?;
    packed.lines().find_map(|line| {
        let (digits, its) = line.split_once(' ')?;
        (its.trim() == name).then(|| commit(digits)).flatten()
    })
}

/// SHA-1, or SHA-256.
fn commit(digits: &str) -> Option<String> {
    let digits = digits.trim();
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    (is_hexadecimal && [40, 64].contains(&digits.len())).then(|| digits.to_ascii_lowercase())
}

fn text(path: &Path) -> Option<String> {
    let is_small = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MAX_FILE);
    let text = is_small.then(|| fs::read_to_string(path).ok()).flatten()?;
    Some(text.trim_end().to_owned())
}

/// Names that stand for names.
const DEPTH: usize = 5;
/// Many thousand branches.
const MAX_FILE: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_branch_is_followed_to_its_commit_loose_before_packed() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "etc/policies/rules.toml", "");
        let policies = root.path().join("etc/policies");
        assert_eq!(commit_of(&policies), None);
        write(root.path(), ".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(commit_of(&policies), None, "a branch without a commit");
        let packed = format!("# pack-refs\n{TWO} refs/heads/maintenance\n{ONE} refs/heads/main\n");
        write(root.path(), ".git/packed-refs", &packed);
        assert_eq!(commit_of(&policies).as_deref(), Some(ONE));
        write(root.path(), ".git/refs/heads/main", &format!("{TWO}\n"));
        assert_eq!(commit_of(&policies).as_deref(), Some(TWO));
        write(root.path(), ".git/HEAD", &format!("{ONE}\n"));
        assert_eq!(commit_of(&policies).as_deref(), Some(ONE), "detached");
    }

    #[test]
    fn a_worktree_has_its_own_head_and_its_repositorys_branches() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "repository/.git/HEAD", "ref: refs/heads/main\n");
        write(root.path(), "repository/.git/refs/heads/main", ONE);
        write(root.path(), "repository/.git/refs/heads/other", TWO);
        let own = "repository/.git/worktrees/other";
        write(root.path(), &format!("{own}/HEAD"), "ref: refs/heads/other\n");
        write(root.path(), &format!("{own}/commondir"), "../..\n");
        let there = root.path().join(own);
        write(root.path(), "other/.git", &format!("gitdir: {}\n", there.display()));
        assert_eq!(commit_of(&root.path().join("other")).as_deref(), Some(TWO));
    }

    #[test]
    fn a_head_that_leads_out_round_or_to_no_commit_is_no_commit() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "secret", ONE);
        for head in ["ref: ../secret\n", "ref: HEAD\n", "ref: /etc/hostname\n", "abc\n", ""] {
            write(root.path(), ".git/HEAD", head);
            assert_eq!(commit_of(root.path()), None, "{head:?}");
        }
    }
}
