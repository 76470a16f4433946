//! What a service answers over HTTP.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Asks once; `None` where nothing answers in HTTP.
pub fn answer(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1").then_some(answer)
}

/// The request for a path.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
}
