//! Whether git is writing into the project just now: a checkout or stash is one change, however long it takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The lock that git holds while it changes the working tree of a folder; `None` outside of a repository.
pub(super) fn index_lock(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|ancestor| {
        let git = ancestor.join(".git");
        if git.is_dir() {
            return Some(git.join("index.lock"));
        }
        // A worktree or submodule has a file that names its folder.
        let text = std::fs::read_to_string(&git).ok().filter(|text| text.len() < 4096)?;
        let named = text.strip_prefix("gitdir:")?.trim();
        Some(ancestor.join(named).join("index.lock"))
    })
}

/// Whether a lock is held by a git that is at work: one that is older than `age` is not waited for.
pub(super) fn is_at_work(lock: &Path, age: Duration) -> bool {
    let changed = lock.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().unwrap_or_default() < age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_and_worktrees() {
        let root = tempfile::tempdir().unwrap();
        let (repository, worktree) = (root.path().join("a/sub"), root.path().join("b"));
        std::fs::create_dir_all(root.path().join("a/.git/worktrees/b")).unwrap();
        std::fs::create_dir_all(&repository).unwrap();
        std::fs::create_dir_all(&worktree).unwrap();
        std::fs::write(worktree.join(".git"), "gitdir: ../a/.git/worktrees/b\n").unwrap();
        assert_eq!(index_lock(&repository), Some(root.path().join("a/.git/index.lock")));
        assert_eq!(index_lock(&worktree), Some(worktree.join("../a/.git/worktrees/b/index.lock")));
        assert_eq!(index_lock(Path::new("/proc")), None);
    }

    #[test]
    fn an_old_lock_is_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let lock = root.path().join("index.lock");
        let age = Duration::from_secs(5);
        assert!(!is_at_work(&lock, age));
        let file = std::fs::File::create(&lock).unwrap();
        assert!(is_at_work(&lock, age));
        file.set_modified(std::time::SystemTime::now() - 2 * age).unwrap();
        assert!(!is_at_work(&lock, age));
    }
}
