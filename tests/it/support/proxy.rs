//! A socket in front of the engine's that can be cut off and come back, as an engine does that is started anew: every
//! connection breaks, in the middle of whatever was being said.

use std::{
    fs, io,
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use tempfile::TempDir;

/// The proxy; its connections break when it is dropped.
pub struct Proxy {
    engine: PathBuf,
    open: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<UnixStream>>>,
    folder: TempDir,
}

impl Proxy {
    /// In front of the engine with this socket.
    pub fn start(engine: &Path) -> Self {
        let mut proxy = Self {
            engine: engine.to_owned(),
            open: Arc::default(),
            connections: Arc::default(),
            folder: tempfile::tempdir().expect("a folder"),
        };
        proxy.restore();
        proxy
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// Lets another user in.
    pub fn admit(&self, user: u32) {
        for path in [self.folder.path().to_owned(), self.socket()] {
            std::os::unix::fs::chown(path, Some(user), None).expect("a new owner");
        }
    }

    /// Its address as DOCKER_HOST has it.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Breaks every connection, and takes no new one.
    pub fn cut(&mut self) {
        let _ = fs::remove_file(self.socket());
        let mut connections = self.connections.lock().expect("the connections");
        self.open.store(false, Ordering::SeqCst);
        for connection in connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub fn restore(&mut self) {
        let listener = UnixListener::bind(self.socket()).expect("a socket");
        let open = Arc::new(AtomicBool::new(true));
        self.open = Arc::clone(&open);
        let (engine, connections) = (self.engine.clone(), Arc::clone(&self.connections));
        thread::spawn(move || {
            for inner in listener.incoming().flatten().take_while(|_| open.load(Ordering::SeqCst)) {
                let Ok(outer) = UnixStream::connect(&engine) else { return };
                pass(&inner, &outer);
                pass(&outer, &inner);
                let mut connections = connections.lock().expect("the connections");
                if !open.load(Ordering::SeqCst) {
                    let _ = inner.shutdown(Shutdown::Both);
                }
                connections.extend([inner, outer]);
            }
        });
    }
}

/// Passes on what comes, and then its end.
fn pass(from: &UnixStream, to: &UnixStream) {
    let (mut from, mut to) = (from.try_clone().expect("a connection"), to.try_clone().expect("a connection"));
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}
