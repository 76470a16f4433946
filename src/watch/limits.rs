//! The system's limits on watching, named with the setting that raises them.

use std::path::Path;

use notify::{Error, ErrorKind};

use crate::model::Diagnostic;

/// A watch or the watcher itself could not be had; `folder` is what was to be watched.
pub(super) fn diagnostic(error: &Error, folder: Option<&Path>) -> Diagnostic {
    let where_ = folder.map_or_else(String::new, |folder| format!(" at {}", folder.display()));
    let looked_at = "files there are looked at every two seconds instead";
    match limit(error) {
        Some(limit) => {
            let now = read(limit).map_or_else(String::new, |value| format!(" ({value} now)"));
            Diagnostic::warning(format!("the limit {limit}{now} leaves nothing for watching files{where_}"))
                .note(looked_at)
                .help(format!(
                    "sudo sysctl {limit}={}; to keep it, write that line into /etc/sysctl.d/60-inotify.conf",
                    wanted(limit, read(limit))
                ))
        }
        None => Diagnostic::warning(format!("files{where_} can't be watched: {}", reason(error))).note(looked_at),
    }
}

const WATCHES: &str = "fs.inotify.max_user_watches";
const INSTANCES: &str = "fs.inotify.max_user_instances";

fn limit(error: &Error) -> Option<&'static str> {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Some(WATCHES),
        // inotify_init says EMFILE for the user's instances, and ENFILE or EMFILE when files run out altogether.
        ErrorKind::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            Some(INSTANCES)
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error()) => Some(WATCHES),
        _ => None,
    }
}

fn reason(error: &Error) -> String {
    match &error.kind {
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::PathNotFound => "it is not there".to_owned(),
        ErrorKind::Generic(what) => what.clone(),
        _ => "the system refused".to_owned(),
    }
}

fn read(limit: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/{}", limit.replace('.', "/"))).ok()?.trim().parse().ok()
}

/// Twice what there is, and at least what other tools ask for.
fn wanted(limit: &str, now: Option<u64>) -> u64 {
    let usual = if limit == WATCHES { 524_288 } else { 1_024 };
    now.map_or(usual, |now| now.saturating_mul(2).max(usual))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn limits_are_named_with_their_setting() {
        let check = |error: Error, expected: &str| {
            let text = diagnostic(&error, Some(Path::new("/p"))).to_string();
            assert!(text.contains(expected), "{text}");
        };
        check(Error::new(ErrorKind::MaxFilesWatch), "sysctl fs.inotify.max_user_watches=");
        check(Error::io(io::Error::from_raw_os_error(24)), "sysctl fs.inotify.max_user_instances=");
        check(Error::io(io::Error::from_raw_os_error(13)), "files at /p can't be watched: Permission denied");
        assert_eq!((wanted(WATCHES, Some(8192)), wanted(INSTANCES, Some(4096))), (524_288, 8_192));
    }
}
