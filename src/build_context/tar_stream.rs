//! The context as a tar archive, made while it is sent: for builders that take the context as one upload.
//!
//! A thread walks and packs into a bounded channel, so that at most about a megabyte is in memory. It ends when the archive is
//! complete, at the first error, or when the receiving end is dropped. Owners are 0:0, as the builder wants them.

use std::cell::Cell;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bytes::Bytes;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

use super::error::ContextError;
use super::walk::{self, Entry, EntryKind, Filter, Walk};

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;

/// Pieces under way.
const PIECES: usize = 16;

/// A file that is added to the archive beside the context's own, in its root.
#[derive(Clone, Debug)]
pub struct ExtraFile {
    /// Its name in the archive.
    pub name: String,
    /// What it holds.
    pub content: Vec<u8>,
}

/// Starts packing a context; its pieces come out of the channel. The last item is an error if the archive is not complete.
#[must_use]
pub fn stream(root: PathBuf, filter: Filter, extra: Vec<ExtraFile>) -> mpsc::Receiver<Result<Bytes, ContextError>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        if let Err(Failure::Context(error)) = pack(&root, filter, &extra, sender.clone()) {
            // Nobody to tell when the receiver is gone as well.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

enum Failure {
    Context(ContextError),
    /// The receiver was dropped.
    Cancelled,
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

/// The sending end as a writer.
struct Pieces {
    sender: mpsc::Sender<Result<Bytes, ContextError>>,
    /// After a failure nothing more is sent: an archive's end, which the `tar` crate writes even then, would make it look whole.
    failed: Rc<Cell<bool>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.failed.get() {
            let piece = Ok(Bytes::copy_from_slice(bytes));
            self.sender.blocking_send(piece).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn pack(
    root: &Path,
    filter: Filter,
    extra: &[ExtraFile],
    sender: mpsc::Sender<Result<Bytes, ContextError>>,
) -> Result<(), Failure> {
    let failed = Rc::new(Cell::new(false));
    let pieces = Pieces { sender, failed: Rc::clone(&failed) };
    let mut archive = Builder::new(BufWriter::with_capacity(PIECE, pieces));
    let filled = fill(&mut archive, root, filter, extra);
    failed.set(filled.is_err());
    filled?;
    archive.into_inner().and_then(|mut pieces| pieces.flush()).map_err(|_| Failure::Cancelled)
}

fn fill(archive: &mut Builder<impl Write>, root: &Path, filter: Filter, extra: &[ExtraFile]) -> Result<(), Failure> {
    for file in extra {
        let mut header = header(EntryType::Regular, 0o644, 0);
        header.set_size(file.content.len() as u64);
        archive.append_data(&mut header, &file.name, file.content.as_slice()).map_err(|_| Failure::Cancelled)?;
    }
    for entry in Walk::new(root, filter)? {
        append(archive, root, &entry?)?;
    }
    Ok(())
}

fn append(archive: &mut Builder<impl Write>, root: &Path, entry: &Entry) -> Result<(), Failure> {
    let unreadable = |source| Failure::Context(ContextError::Read { path: root.join(&entry.path), source });
    let path = &entry.path;
    let header = |kind| header(kind, entry.mode, entry.modified);
    let written = match &entry.kind {
        EntryKind::Dir => archive.append_data(&mut header(EntryType::Directory), format!("{path}/"), std::io::empty()),
        EntryKind::Symlink(target) => archive.append_link(&mut header(EntryType::Symlink), path, target),
        EntryKind::File => match walk::open(root, path) {
            Ok(file) => {
                let mut header = header(EntryType::Regular);
                header.set_size(entry.size);
                // What the file's header says is what follows, even if the file is written to meanwhile.
                let content = file.take(entry.size).chain(std::io::repeat(0)).take(entry.size);
                archive.append_data(&mut header, path, content)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => return Err(unreadable(error)),
        },
        // Pipes, sockets and devices: the builders that take an archive leave them out or refuse them.
        EntryKind::Fifo | EntryKind::Socket | EntryKind::Device { .. } => Ok(()),
    };
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Cancelled),
        Err(error) => Err(unreadable(error)),
    }
}

fn header(kind: EntryType, mode: u32, modified: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header.set_mtime(u64::try_from(modified / 1_000_000_000).unwrap_or_default());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_context::pattern::Patterns;

    fn read_all(mut pieces: mpsc::Receiver<Result<Bytes, ContextError>>) -> Vec<String> {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.blocking_recv() {
            bytes.extend_from_slice(&piece.unwrap());
        }
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let link = entry.link_name().unwrap().map(|name| format!(" -> {}", name.display())).unwrap_or_default();
            let owner = (entry.header().uid().unwrap(), entry.header().gid().unwrap());
            assert_eq!(owner, (0, 0));
            let mode = entry.header().mode().unwrap();
            format!("{mode:o} {}{link} {content}", entry.path().unwrap().display())
        });
        entries.collect()
    }

    #[test]
    fn packs_what_is_not_left_out() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::set_permissions(dir.path().join("sub"), std::fs::Permissions::from_mode(0o750)).unwrap();
        std::fs::write(dir.path().join("sub/run.sh"), "x").unwrap();
        std::fs::set_permissions(dir.path().join("sub/run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("sub/run.sh", dir.path().join("link")).unwrap();
        std::fs::write(dir.path().join("left-out"), "x").unwrap();
        let long = "d".repeat(150);
        std::fs::write(dir.path().join(&long), "y").unwrap();
        std::fs::set_permissions(dir.path().join(&long), std::fs::Permissions::from_mode(0o600)).unwrap();
        let filter = Filter::excluding(Patterns::new(["left-out"]).unwrap());
        let extra = vec![ExtraFile { name: ".Dockerfile".to_owned(), content: b"FROM a".to_vec() }];
        assert_eq!(
            read_all(stream(dir.path().to_owned(), filter, extra)),
            [
                "644 .Dockerfile FROM a".to_owned(),
                format!("600 {long} y"),
                "777 link -> sub/run.sh ".to_owned(),
                "750 sub/ ".to_owned(),
                "755 sub/run.sh x".to_owned()
            ]
        );
    }

    #[test]
    fn an_error_ends_it() {
        let mut pieces = stream("/nonexistent".into(), Filter::default(), Vec::new());
        assert!(matches!(pieces.blocking_recv(), Some(Err(ContextError::Read { .. }))));
        assert!(pieces.blocking_recv().is_none());
    }
}
