//! BuildKit's file sync: the builder asks for a folder, is told what exists there, and asks for the files that it lacks.
//!
//! Only what changed since the last build travels. Two threads serve a request: one walks, one reads the files asked for; both
//! write into one bounded channel and end when the builder stops listening. Owners are always 0:0.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::fsutil::types::{Packet, Stat};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use crate::build_context::error::ContextError;
use crate::build_context::pattern::Patterns;
use crate::build_context::walk::{self, Entry, EntryKind, Filter, Walk};

/// Bytes of a file in one packet.
const CHUNK: usize = 64 * 1024;

/// Packets that wait for the builder to take them.
const QUEUE: usize = 64;

/// Requests that wait; the builder asks for each file at most once.
const REQUESTS: usize = 1 << 20;

type Out = mpsc::Sender<Result<Packet, Status>>;

/// A folder that the builder may ask for.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A folder of this machine.
    Folder(PathBuf),
    /// One file that exists nowhere: an inline Dockerfile.
    File {
        /// Its name.
        name: String,
        /// What it holds.
        content: Vec<u8>,
    },
}

/// The service. It keeps the first error of its own, since what the builder says of it is of less use.
pub(super) struct FileSyncService {
    /// The folders by the names under which the builder asks for them.
    pub(super) sources: BTreeMap<String, Source>,
    /// Takes the first error.
    pub(super) failures: mpsc::Sender<ContextError>,
}

#[tonic::async_trait]
impl FileSync for FileSyncService {
    type DiffCopyStream = ReceiverStream<Result<Packet, Status>>;
    type TarStreamStream = ReceiverStream<Result<Packet, Status>>;

    async fn diff_copy(&self, request: Request<Streaming<Packet>>) -> Result<Response<Self::DiffCopyStream>, Status> {
        let asked = Asked::read(request.metadata());
        let Some(source) = self.sources.get(&asked.name).cloned() else {
            return Err(Status::not_found(format!("this build has no folder {:?}", asked.name)));
        };
        let (out, packets) = mpsc::channel(QUEUE);
        match source {
            Source::Folder(root) => serve(root, asked, request.into_inner(), out, self.failures.clone()),
            Source::File { name, content } => {
                tokio::spawn(serve_one(name, content, asked, request.into_inner(), out));
            }
        }
        Ok(Response::new(ReceiverStream::new(packets)))
    }

    async fn tar_stream(&self, _: Request<Streaming<Packet>>) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("folders are sent by DiffCopy only"))
    }
}

/// What the builder asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    name: String,
    include: Vec<String>,
    exclude: Vec<String>,
    follow: Vec<String>,
}

impl Asked {
    fn read(metadata: &MetadataMap) -> Self {
        Self {
            name: values(metadata, "dir-name").into_iter().next().unwrap_or_default(),
            include: values(metadata, "include-patterns"),
            exclude: values(metadata, "exclude-patterns"),
            follow: values(metadata, "followpaths"),
        }
    }
}

/// All values of a key. Newer builders encode them like a query when one is not ASCII, and say so.
fn values(metadata: &MetadataMap, key: &str) -> Vec<String> {
    let encoded = metadata.get(format!("{key}-encoded")).is_some_and(|value| value.as_bytes() == b"1");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let values = metadata.get_all(key).iter().map(|value| text(value.as_bytes()));
    if encoded { values.map(|value| query_unescape(&value)).collect() } else { values.collect() }
}

fn query_unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = tail;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn packet(kind: PacketType, id: u32, stat: Option<Stat>, data: Vec<u8>) -> Packet {
    Packet { r#type: kind.into(), stat, id, data }
}

/// Serves one request for a folder.
fn serve(root: PathBuf, asked: Asked, incoming: Streaming<Packet>, out: Out, failures: mpsc::Sender<ContextError>) {
    let (announce, announced) = std::sync::mpsc::channel();
    let (request, requests) = mpsc::channel(REQUESTS);
    let walker = (root.clone(), out.clone());
    tokio::task::spawn_blocking(move || {
        let (root, out) = walker;
        if let Err(error) = announce_all(&root, &asked, &announce, &out) {
            let text = error.to_string();
            // Only the first error is kept; whoever is gone needs no answer.
            let _ = failures.try_send(error);
            let _ = out.blocking_send(Ok(packet(PacketType::PacketErr, 0, None, text.clone().into_bytes())));
            let _ = out.blocking_send(Err(Status::internal(text)));
        }
    });
    let files = out.clone();
    tokio::task::spawn_blocking(move || send_files(&root, &announced, requests, &files));
    tokio::spawn(listen(incoming, request, out));
}

/// Takes the builder's packets until it has all it wants.
async fn listen(mut incoming: Streaming<Packet>, request: mpsc::Sender<u32>, out: Out) {
    while let Ok(Some(packet)) = incoming.message().await {
        match PacketType::try_from(packet.r#type) {
            Ok(PacketType::PacketReq) => {
                if request.send(packet.id).await.is_err() {
                    return;
                }
            }
            Ok(PacketType::PacketFin) => {
                // The builder ends the call when it has this.
                let _ = out.send(Ok(self::packet(PacketType::PacketFin, 0, None, Vec::new()))).await;
                return;
            }
            _ => return,
        }
    }
}

/// Tells the builder what exists. The number of an entry is its place in this order.
fn announce_all(
    root: &Path,
    asked: &Asked,
    announce: &std::sync::mpsc::Sender<(u32, String)>,
    out: &Out,
) -> Result<(), ContextError> {
    let filter = Filter::asked(root, &asked.include, &asked.exclude, &asked.follow)?;
    for (id, entry) in (0..).zip(Walk::new(root, filter)?) {
        let entry = entry?;
        let can_be_asked_for = matches!(entry.kind, EntryKind::File | EntryKind::Socket);
        if can_be_asked_for && announce.send((id, entry.path.clone())).is_err() {
            return Ok(());
        }
        if out.blocking_send(Ok(packet(PacketType::PacketStat, 0, Some(stat(entry)), Vec::new()))).is_err() {
            return Ok(());
        }
    }
    // An empty one ends the list.
    let _ = out.blocking_send(Ok(packet(PacketType::PacketStat, 0, None, Vec::new())));
    Ok(())
}

/// Sends the files that are asked for, one after the other.
fn send_files(
    root: &Path,
    announced: &std::sync::mpsc::Receiver<(u32, String)>,
    mut requests: mpsc::Receiver<u32>,
    out: &Out,
) {
    let mut files: HashMap<u32, String> = HashMap::new();
    let mut buffer = vec![0; CHUNK];
    while let Some(id) = requests.blocking_recv() {
        let path = loop {
            if let Some(path) = files.remove(&id) {
                break path;
            }
            // An entry is announced here before the builder hears of it.
            match announced.recv() {
                Ok((id, path)) => files.insert(id, path),
                Err(_) => {
                    let _ = out.blocking_send(Err(Status::invalid_argument(format!("there is no file {id}"))));
                    return;
                }
            };
        };
        // A file that is gone by now is sent empty, as every client of the builder does.
        if let Ok(mut file) = walk::open(root, &path) {
            while let Ok(count @ 1..) = file.read(&mut buffer) {
                let data = buffer[..count].to_vec();
                if out.blocking_send(Ok(packet(PacketType::PacketData, id, None, data))).is_err() {
                    return;
                }
            }
        }
        if out.blocking_send(Ok(packet(PacketType::PacketData, id, None, Vec::new()))).is_err() {
            return;
        }
    }
}

/// Serves a folder that holds one file of which only the content exists.
async fn serve_one(name: String, content: Vec<u8>, asked: Asked, mut incoming: Streaming<Packet>, out: Out) {
    let wanted = [&asked.include, &asked.follow]
        .into_iter()
        .filter(|list| !list.is_empty())
        .all(|list| Patterns::new(list.iter().map(String::as_str)).is_ok_and(|patterns| patterns.matches(&name)));
    // A builder that compares sizes and times must find it changed.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let entry = Entry {
        path: name,
        kind: EntryKind::File,
        mode: 0o644,
        size: content.len() as u64,
        modified: i64::try_from(now).unwrap_or_default(),
    };
    let mut packets = Vec::new();
    if wanted {
        packets.push(packet(PacketType::PacketStat, 0, Some(stat(entry)), Vec::new()));
    }
    packets.push(packet(PacketType::PacketStat, 0, None, Vec::new()));
    for packet in packets {
        if out.send(Ok(packet)).await.is_err() {
            return;
        }
    }
    while let Ok(Some(received)) = incoming.message().await {
        let mut answers = Vec::new();
        match PacketType::try_from(received.r#type) {
            Ok(PacketType::PacketReq) => {
                let pieces = content.chunks(CHUNK).map(<[u8]>::to_vec).chain([Vec::new()]);
                answers.extend(pieces.map(|data| packet(PacketType::PacketData, received.id, None, data)));
            }
            Ok(PacketType::PacketFin) => answers.push(packet(PacketType::PacketFin, 0, None, Vec::new())),
            _ => return,
        }
        let last = answers.last().is_some_and(|answer| answer.r#type == i32::from(PacketType::PacketFin));
        for answer in answers {
            if out.send(Ok(answer)).await.is_err() {
                return;
            }
        }
        // The builder waits for the end of the call once it has the answer to its own end.
        if last {
            return;
        }
    }
}

/// An entry in the protocol's words.
fn stat(entry: Entry) -> Stat {
    let (link, major, minor) = match &entry.kind {
        EntryKind::Symlink(target) => (target.clone(), 0, 0),
        EntryKind::Device { major, minor, .. } => (String::new(), i64::from(*major), i64::from(*minor)),
        _ => (String::new(), 0, 0),
    };
    Stat {
        mode: go_mode(&entry),
        path: entry.path,
        uid: 0,
        gid: 0,
        // Clients of the builder give a link the length of its target.
        size: if link.is_empty() { i64::try_from(entry.size).unwrap_or(i64::MAX) } else { link.len() as i64 },
        mod_time: entry.modified,
        linkname: link,
        devmajor: major,
        devminor: minor,
        xattrs: HashMap::new(),
    }
}

/// Permissions and kind in the bits of Go's `os.FileMode`. A socket is a regular file there.
fn go_mode(entry: &Entry) -> u32 {
    let kind = match entry.kind {
        EntryKind::Dir => 1 << 31,
        EntryKind::Symlink(_) => 1 << 27,
        EntryKind::Device { block: true, .. } => 1 << 26,
        EntryKind::Device { block: false, .. } => 1 << 26 | 1 << 21,
        EntryKind::Fifo => 1 << 25,
        EntryKind::File | EntryKind::Socket => 0,
    };
    let special = [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)];
    let special = special.iter().filter(|(unix, _)| entry.mode & unix != 0).map(|(_, go)| go).sum::<u32>();
    kind | special | entry.mode & 0o777
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_as_go_writes_them() {
        let entry = |kind, mode| Entry { path: String::new(), kind, mode, size: 0, modified: 0 };
        assert_eq!(go_mode(&entry(EntryKind::File, 0o644)), 0o644);
        assert_eq!(go_mode(&entry(EntryKind::Dir, 0o1777)), 1 << 31 | 1 << 20 | 0o777);
        assert_eq!(go_mode(&entry(EntryKind::File, 0o4755)), 1 << 23 | 0o755);
        assert_eq!(go_mode(&entry(EntryKind::Symlink("x".to_owned()), 0o777)), 1 << 27 | 0o777);
    }

    #[test]
    fn reads_what_is_asked_for() {
        let mut metadata = MetadataMap::new();
        metadata.insert("dir-name", "context".parse().unwrap());
        metadata.append("exclude-patterns", "a+b".parse().unwrap());
        metadata.append("exclude-patterns", "*.log".parse().unwrap());
        metadata.append("followpaths", "caf%C3%A9+%2B%zz".parse().unwrap());
        metadata.insert("followpaths-encoded", "1".parse().unwrap());
        let asked = Asked::read(&metadata);
        assert_eq!((asked.name.as_str(), asked.exclude), ("context", vec!["a+b".to_owned(), "*.log".to_owned()]));
        assert_eq!(asked.follow, ["café +%zz"]);
    }
}
