//! A daemon on a unix socket that answers as a test tells it, for faults that a real engine won't produce on demand.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path without a `/v1.NN` prefix, and without the query.
    pub path: String,
    /// What stands behind `?`, encoded as it came.
    pub query: String,
    /// The body.
    pub body: Vec<u8>,
}

/// What the daemon does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A whole answer.
    Json(u16, serde_json::Value),
    /// Nothing, for ever.
    Hang,
    /// The connection closes without an answer.
    Drop,
    /// A chunked 200 answer of this content type, which stays open after the pieces until whoever asked goes away.
    Open {
        /// `application/json`.
        content_type: &'static str,
        /// The pieces, a chunk each.
        pieces: Vec<Vec<u8>>,
    },
    /// A chunked 200 answer of this content type whose body is these pieces; with `cut` the connection breaks off
    /// after them, without the end of the body.
    Stream {
        /// `application/octet-stream`.
        content_type: &'static str,
        /// The pieces, a chunk each.
        pieces: Vec<Vec<u8>>,
        /// Broken off, or ended properly.
        cut: bool,
    },
}

/// The daemon; it ends with the test process, its socket when dropped.
pub struct FakeDaemon {
    socket: PathBuf,
    requests: Arc<Mutex<Vec<Request>>>,
    _folder: TempDir,
}

impl FakeDaemon {
    /// Starts one that answers each request with what `route` says.
    pub fn start(route: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_api("1.41", route)
    }

    /// Likewise, offering this version of the API.
    pub fn with_api(api: &'static str, route: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, route) = (Arc::clone(&requests), Arc::new(route));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (seen, route) = (Arc::clone(&seen), Arc::clone(&route));
                std::thread::spawn(move || serve(connection, api, &seen, &*route));
            }
        });
        Self { socket, requests, _folder: folder }
    }

    /// Its address as DOCKER_HOST has it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// What was asked so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the requests").clone()
    }
}

fn serve(connection: UnixStream, api: &str, seen: &Mutex<Vec<Request>>, route: &dyn Fn(&Request) -> Reply) {
    let mut reader = BufReader::new(connection.try_clone().expect("the connection"));
    let mut writer = connection;
    while let Some(request) = read(&mut reader) {
        seen.lock().expect("the requests").push(request.clone());
        if answer(&mut writer, api, &request, route(&request)).is_none() {
            let _ = writer.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Writes a reply; `None` ends the connection.
fn answer(writer: &mut UnixStream, api: &str, request: &Request, reply: Reply) -> Option<()> {
    match reply {
        Reply::Json(status, value) => {
            let body = value.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\nApi-Version: {api}\r\nServer: Docker/20.10.0 (linux)\r\nOstype: linux\r\nBuilder-Version: 2\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let body = if request.method == "HEAD" { "" } else { &body };
            writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body.as_bytes())).ok()
        }
        Reply::Hang => {
            let mut rest = Vec::new();
            let _ = writer.read_to_end(&mut rest);
            None
        }
        Reply::Drop => None,
        Reply::Open { content_type, pieces } => {
            stream(writer, content_type, &pieces)?;
            let mut rest = Vec::new();
            let _ = writer.read_to_end(&mut rest);
            None
        }
        Reply::Stream { content_type, pieces, cut } => {
            stream(writer, content_type, &pieces)?;
            if cut {
                return None;
            }
            writer.write_all(b"0\r\n\r\n").ok()
        }
    }
}

/// The head of a chunked answer, and its first pieces.
fn stream(writer: &mut UnixStream, content_type: &str, pieces: &[Vec<u8>]) -> Option<()> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n");
    writer.write_all(head.as_bytes()).ok()?;
    for piece in pieces {
        write!(writer, "{:x}\r\n", piece.len()).ok()?;
        writer.write_all(piece).and_then(|()| writer.write_all(b"\r\n")).ok()?;
    }
    Some(())
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&count| count > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let version = path.strip_prefix("/v1.").and_then(|rest| rest.find('/').map(|slash| &rest[slash..]));
    Some(Request { method, path: version.unwrap_or(path).to_owned(), query: query.to_owned(), body })
}
