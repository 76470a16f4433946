//! Files of the host into a container: one archive, and one command for what is gone.
//!
//! A file gets the permissions that it has on the host and belongs to the user whom the container runs as, so that the program in it
//! may write what it could write before. What vanished while it was read is left to the next change.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{Engine, EngineError, ExecOptions},
    model::{ContainerId, Diagnostic, FileOwner, Hook, Observed, ServiceName, SyncedFiles, WatchExec},
    plan::{self, GroupId, Operation, Step, StepId},
};

use super::{
    Outcome, Run, Verdict,
    step::{Act, Means, StepError, perform},
};

/// Bytes of one piece of the archive, and how many are under way.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 16;
/// So many paths are taken out by one command: an argument list has a limit.
const REMOVED_AT_ONCE: usize = 500;
/// The largest passwd that is read.
const MAX_PASSWD: usize = 1024 * 1024;

/// Plans a sync and carries it out on what was observed before: a save is to be in the container before anybody looks, and nothing
/// that a listing shows is changed by it. Containers get theirs side by side. Who finds that the containers are others now
/// observes, and does it again.
pub async fn sync(run: Run, observed: &Arc<Observed>) -> Outcome {
    let began = Instant::now();
    // What steps report is of no interest here: it is over before it could be shown.
    let (events, _) = mpsc::channel(1);
    let plan = plan::plan(&run.project, observed, &run.sources, &run.goal);
    let Run { engine, project, texts, published, .. } = run;
    let means = Means { engine, project, texts, published, events, cancel: CancellationToken::new() };
    let mut outcome = Outcome {
        verdict: Verdict::Done,
        took: Duration::ZERO,
        done: 0,
        failures: Vec::new(),
        rolled_back: Vec::new(),
        containers: Vec::new(),
    };
    let mut groups: BTreeMap<GroupId, Vec<Step>> = BTreeMap::new();
    match plan {
        Ok(plan) => plan.steps.into_iter().for_each(|step| groups.entry(step.group).or_default().push(step)),
        Err(error) => outcome.failures.push((None, Arc::new(error.into()))),
    }
    if groups.is_empty() && outcome.failures.is_empty() {
        outcome.verdict = Verdict::NothingToDo;
    }
    let ended =
        futures_util::future::join_all(groups.into_values().map(|steps| in_order(&means, steps, observed))).await;
    for (done, failure) in ended {
        outcome.done += done;
        outcome.failures.extend(failure.map(|(id, problem)| (Some(id), Arc::new(problem))));
    }
    if !outcome.failures.is_empty() {
        outcome.verdict = Verdict::Failed;
    }
    outcome.took = began.elapsed();
    outcome
}

/// One container's steps; how many ended well, and what ended them.
async fn in_order(means: &Means, steps: Vec<Step>, observed: &Arc<Observed>) -> (usize, Option<(StepId, Diagnostic)>) {
    let looks = watch::Sender::new(None);
    let mut done = 0;
    for Step { id, operation, .. } in steps {
        let container = match &operation {
            Operation::Sync { target, .. } | Operation::Exec { target, .. } | Operation::Restart { target, .. } => {
                target.existing().cloned()
            }
            _ => None,
        };
        let act = Act { step: id, operation, container, observed: Arc::clone(observed), looks: looks.subscribe() };
        match perform(means.clone(), act).await {
            Ok(_) => done += 1,
            Err(StepError::Failed(problem)) => return (done, Some((id, *problem))),
            Err(StepError::LookAgain | StepError::Cancelled) => {
                return (done, Some((id, Diagnostic::error("the container is another one now"))));
            }
        }
    }
    (done, None)
}

/// Carries one container's files out.
///
/// # Errors
/// A file that can't be read, or the engine's.
pub(super) async fn carry(
    engine: &Engine,
    container: &ContainerId,
    service: &ServiceName,
    files: SyncedFiles,
    known: Option<FileOwner>,
) -> Result<(), StepError> {
    if !files.removals.is_empty() {
        remove(engine, container, service, &files.removals).await?;
    }
    if files.copies.is_empty() {
        return Ok(());
    }
    let owner = match known {
        Some(owner) => owner,
        None => owner(engine, container).await?,
    };
    let (sender, receiver) = mpsc::channel(PIECES);
    let packing = tokio::task::spawn_blocking(move || pack(&files, owner, sender));
    let pieces = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let sent = engine.put_archive(container, "/", pieces, false).await;
    // A file that can't be read ends the archive, and is the cause of what the engine says of it.
    if let Ok(Err(error)) = packing.await {
        return Err(Diagnostic::error(format!("{service} can't be synced: {error}")).into());
    }
    sent.map_err(|error| {
        let diagnostic = error.diagnostic();
        let told = Diagnostic::error(format!("{service} can't be synced: {}", diagnostic.what));
        let help = match diagnostic.help {
            _ if diagnostic.what.contains("read-only") => {
                Some("take out `read_only: true`, or bring the files with a bind mount".to_owned())
            }
            help => help,
        };
        StepError::from(match help {
            Some(help) => told.help(help),
            None => told,
        })
    })
}

/// `sync+exec` as a hook.
pub(super) fn hook(command: WatchExec) -> Hook {
    let WatchExec { command, user, privileged, working_dir, environment } = command;
    Hook { command, user, privileged, working_dir, environment }
}

async fn remove(
    engine: &Engine,
    container: &ContainerId,
    service: &ServiceName,
    paths: &BTreeSet<String>,
) -> Result<(), StepError> {
    let paths: Vec<&String> = paths.iter().collect();
    for paths in paths.chunks(REMOVED_AT_ONCE) {
        let command =
            ["rm", "-rf", "--"].into_iter().map(str::to_owned).chain(paths.iter().map(|path| (*path).clone()));
        let options = ExecOptions { command: command.collect(), user: Some("0".to_owned()), ..ExecOptions::default() };
        let mut session = engine.exec(container, &options).await?;
        let mut said = Vec::new();
        while let Some((_, bytes)) = session.output.try_next().await? {
            said.extend_from_slice(&bytes[..bytes.len().min(4096usize.saturating_sub(said.len()))]);
        }
        let code = session.control.exit_code().await?;
        if code != 0 {
            let said = crate::logs::ansi::plain(String::from_utf8_lossy(&said).lines().last().unwrap_or_default());
            let what =
                Diagnostic::error(format!("files that are gone can't be removed in {service} (exit code {code})"));
            return Err(what.note(said).into());
        }
    }
    Ok(())
}

/// The numbers of the user whom a container runs as.
///
/// # Errors
/// The engine's.
pub async fn owner(engine: &Engine, container: &ContainerId) -> Result<FileOwner, EngineError> {
    let user = engine.inspect(container).await?.user;
    let (name, group) = user.split_once(':').unwrap_or((&user, ""));
    if name.is_empty() {
        return Ok(FileOwner::default());
    }
    let group: Option<u64> = group.parse().ok();
    if let (Ok(user), Some(group)) = (name.parse(), group) {
        return Ok(FileOwner { user, group });
    }
    let passwd = passwd(engine, container).await.unwrap_or_default();
    let (user, primary) = find_user(&passwd, name).unwrap_or((name.parse().unwrap_or(0), 0));
    Ok(FileOwner { user, group: group.unwrap_or(primary) })
}

async fn passwd(engine: &Engine, container: &ContainerId) -> Result<String, EngineError> {
    let (_, mut pieces) = engine.get_archive(container, "/etc/passwd").await?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if bytes.len() + piece.len() > MAX_PASSWD {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    let mut text = String::new();
    if let Some(Ok(mut entry)) = tar::Archive::new(&bytes[..]).entries().ok().and_then(|mut entries| entries.next()) {
        let _ = entry.read_to_string(&mut text);
    }
    Ok(text)
}

/// Number and group of a user, by name or number.
fn find_user(passwd: &str, user: &str) -> Option<(u64, u64)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let (name, number, group) = (fields.first()?, fields.get(2)?, fields.get(3)?);
        if *name == user || *number == user { Some((number.parse().ok()?, group.parse().ok()?)) } else { None }
    })
}

/// The archive's bytes go out in pieces while files are read.
struct Pieces {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
}

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let sent = self.sender.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn pack(files: &SyncedFiles, owner: FileOwner, sender: mpsc::Sender<std::io::Result<Bytes>>) -> Result<(), String> {
    let failed = sender.clone();
    let mut builder = tar::Builder::new(std::io::BufWriter::with_capacity(PIECE, Pieces { sender }));
    for (target, source) in &files.copies {
        if let Err(error) = append(&mut builder, target, source, owner) {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                return Ok(());
            }
            let what = format!("{}: {error}", source.display());
            // The engine must not take what came so far for the whole.
            let _ = failed.blocking_send(Err(std::io::Error::other(what.clone())));
            return Err(what);
        }
    }
    // The receiver is gone when the engine refused the archive, which is told there.
    let _ = builder.into_inner().and_then(|mut writer| std::io::Write::flush(&mut writer));
    Ok(())
}

fn append(
    builder: &mut tar::Builder<impl std::io::Write>,
    target: &str,
    source: &PathBuf,
    FileOwner { user, group }: FileOwner,
) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = match std::fs::symlink_metadata(source) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_mode(metadata.permissions().mode() & 0o7777);
    header.set_uid(user);
    header.set_gid(group);
    let path = target.trim_start_matches('/');
    if metadata.is_dir() {
        return builder.append_data(&mut header, format!("{path}/"), std::io::empty());
    }
    if metadata.is_symlink() {
        header.set_size(0);
        return builder.append_link(&mut header, path, std::fs::read_link(source)?);
    }
    if !metadata.is_file() {
        return Ok(());
    }
    let file = std::fs::File::open(source)?;
    // What the header says follows, even if the file is written to meanwhile: its next change brings the rest.
    let content = file.take(metadata.len()).chain(std::io::repeat(0)).take(metadata.len());
    builder.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/app:/bin/sh\nbroken\n";
        assert_eq!(find_user(passwd, "app"), Some((1000, 1001)));
        assert_eq!(find_user(passwd, "1000"), Some((1000, 1001)));
        assert_eq!(find_user(passwd, "nobody"), None);
    }
}
