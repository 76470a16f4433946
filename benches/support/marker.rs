//! A web server that a Dockerfile's ADD asks for a file: that is how a bench sees from outside that a build began.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

/// Longer than a build may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server. It answers until the bench ends.
pub struct Marker {
    port: u16,
    asked: Receiver<Instant>,
    seen: std::cell::RefCell<Vec<Instant>>,
}

impl Marker {
    /// Listens on a port of this machine.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (sender, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if sender.send(Instant::now()).is_err() {
                    return;
                }
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { port, asked, seen: std::cell::RefCell::default() }
    }

    /// What the Dockerfile adds.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/marker", self.port)
    }

    /// How many times it was asked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.borrow_mut().extend(self.asked.try_iter());
        self.seen.borrow().len()
    }

    /// Waits until it was asked more often than that, and says when.
    ///
    /// # Panics
    /// When patience ends.
    #[must_use]
    pub fn after(&self, count: usize) -> Instant {
        while self.count() <= count {
            match self.asked.recv_timeout(PATIENCE) {
                Ok(at) => self.seen.borrow_mut().push(at),
                Err(_) => panic!("no build began"),
            }
        }
        self.seen.borrow()[count]
    }
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
    let body = if first.starts_with("HEAD") { "" } else { "1\n" };
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"1\"\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}
