//! How grave a line says it is, from its first words.
//!
//! Read are the ways of Python's logging (also Celery's, gunicorn's, uvicorn's), JSON, `key=value`, nginx, Postgres, Redis,
//! klog, npm and others of that kind. A line that says nothing has no level; a message that merely mentions an error
//! has none either, as far as that can be told cheaply.

use super::line::Level;

/// Only so much of a line is looked at for a word.
const WINDOW: usize = 160;

/// The level that `text` names.
pub fn detect(text: &str) -> Option<Level> {
    let bytes = text.as_bytes();
    let start = bytes.iter().position(|byte| *byte != b' ')?;
    let bytes = &bytes[start..];
    match bytes[0] {
        b'{' => return json(bytes),
        b'E' | b'W' | b'I' | b'F' if klog(bytes) => return Some(letter(bytes[0])),
        b'0'..=b'9' => {
            if let Some(level) = redis(bytes) {
                return Some(level);
            }
        }
        _ => {}
    }
    word(&bytes[..bytes.len().min(WINDOW)]).or_else(|| status(bytes)).or_else(|| exception(&text[start..]))
}

/// The level that one word means, whatever its case.
pub(super) fn named(word: &[u8]) -> Option<Level> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    // The first letter decides quickly that most words are none.
    let level = match word.first()?.to_ascii_lowercase() {
        b'e' if is("error") || is("err") || is("eror") || is("emerg") || is("emergency") => Level::Error,
        b'f' if is("fatal") => Level::Error,
        b'c' if is("critical") || is("crit") => Level::Error,
        b'a' if is("alert") => Level::Error,
        b'p' if is("panic") => Level::Error,
        b's' if is("severe") => Level::Error,
        b'w' if is("warn") || is("warning") => Level::Warn,
        b'i' if is("info") || is("information") => Level::Info,
        b'n' if is("notice") => Level::Info,
        b'l' if is("log") => Level::Info,
        b'd' if is("debug") || is("dbug") => Level::Debug,
        b't' if is("trace") => Level::Trace,
        b'v' if is("verbose") => Level::Trace,
        _ => return None,
    };
    Some(level)
}

/// A word that stands where loggers put their level: in capitals, or in brackets, or after `level=`, or before a colon
/// at the very beginning.
fn word(bytes: &[u8]) -> Option<Level> {
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, before, after) = (&bytes[at..at + length], &bytes[..at], bytes.get(at + length).copied());
        at += length;
        if !(3..=11).contains(&length) || !stands_apart(before, after) {
            continue;
        }
        let Some(level) = named(word) else { continue };
        let capitals = word.iter().all(u8::is_ascii_uppercase);
        let accepted = match before.last() {
            None => capitals || after == Some(b':') || after == Some(b'['),
            Some(b'[') => true,
            Some(b'=' | b'"') => key(before),
            // A time, a logger's name, a process stood before it; `LOG` is Postgres's, and has a colon.
            Some(_) => capitals && (word != b"LOG" || after == Some(b':')) && (word != b"ERR" || after == Some(b'!')),
        };
        if accepted {
            return Some(level);
        }
    }
    None
}

/// Whether a word between these is one by itself, and not part of a path, an address or a name.
fn stands_apart(before: &[u8], after: Option<u8>) -> bool {
    let left = matches!(before.last(), None | Some(b' ' | b'[' | b'(' | b'|' | b'<' | b'=' | b'"' | b':'));
    let right =
        matches!(after, None | Some(b' ' | b']' | b')' | b'|' | b'>' | b':' | b'/' | b'"' | b',' | b'!' | b'['));
    left && right
}

/// Whether `level=` or one of its other names ends here, with or without an opening quote.
fn key(before: &[u8]) -> bool {
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    let Some(before) = before.strip_suffix(b"=") else { return false };
    ["level", "lvl", "severity", "loglevel"].iter().any(|name| {
        let tail = before.len().checked_sub(name.len()).map(|at| before.split_at(at));
        tail.is_some_and(|(rest, key)| {
            key.eq_ignore_ascii_case(name.as_bytes()) && rest.last().is_none_or(|byte| !byte.is_ascii_alphanumeric())
        })
    })
}

/// `"level":"error"` and its other names, or a number as bunyan and pino write it.
fn json(bytes: &[u8]) -> Option<Level> {
    let mut rest = &bytes[..bytes.len().min(4096)];
    while let Some(quote) = memchr::memchr(b'"', rest) {
        rest = &rest[quote + 1..];
        let end = memchr::memchr(b'"', rest)?;
        let (name, after) = (&rest[..end], rest[end + 1..].trim_ascii_start());
        rest = &rest[end + 1..];
        let Some(value) = after.strip_prefix(b":") else { continue };
        let known = ["level", "levelname", "severity", "lvl", "log.level", "loglevel", "@level"];
        if !known.iter().any(|key| name.eq_ignore_ascii_case(key.as_bytes())) {
            continue;
        }
        let value = value.trim_ascii_start();
        if let Some(text) = value.strip_prefix(b"\"") {
            let end = memchr::memchr(b'"', text)?;
            return named(&text[..end]);
        }
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number: u32 = std::str::from_utf8(&value[..digits]).ok()?.parse().ok()?;
        return match number {
            50.. => Some(Level::Error),
            40.. => Some(Level::Warn),
            30.. => Some(Level::Info),
            20.. => Some(Level::Debug),
            10.. => Some(Level::Trace),
            _ => None,
        };
    }
    None
}

/// `E1104 12:00:00.000000       1 main.go:12] message`.
fn klog(bytes: &[u8]) -> bool {
    bytes.len() > 6 && bytes[1..5].iter().all(u8::is_ascii_digit) && bytes[5] == b' ' && bytes[6].is_ascii_digit()
}

fn letter(letter: u8) -> Level {
    match letter {
        b'W' => Level::Warn,
        b'I' => Level::Info,
        _ => Level::Error,
    }
}

/// `1:M 04 Nov 2025 12:00:00.000 * Ready`: process and role, time, one sign.
fn redis(bytes: &[u8]) -> Option<Level> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let [b':', b'M' | b'S' | b'C' | b'X', b' ', time @ ..] = &bytes[digits..] else { return None };
    let sign = time.split(|byte| *byte == b' ').take(6).nth(4)?;
    match sign {
        b"." => Some(Level::Trace),
        b"-" => Some(Level::Debug),
        b"*" => Some(Level::Info),
        b"#" => Some(Level::Warn),
        _ => None,
    }
}

/// `"GET / HTTP/1.1" 500`: an access log's answer of the server's own fault.
fn status(bytes: &[u8]) -> Option<Level> {
    let protocol = memchr::memmem::find(bytes, b" HTTP/")?;
    let quote = protocol + memchr::memchr(b'"', &bytes[protocol..])?;
    match bytes.get(quote + 1..quote + 6)? {
        [b' ', b'5', a, b, b' '] if a.is_ascii_digit() && b.is_ascii_digit() => Some(Level::Error),
        _ => None,
    }
}

/// `ValueError: …`, `Uncaught TypeError: …`, `java.lang.IllegalStateException: …`, `Exception in thread …`, `panic: …`.
fn exception(text: &str) -> Option<Level> {
    let text = text.strip_prefix("Uncaught ").unwrap_or(text);
    if text.starts_with("Exception in thread ") || text.starts_with("panic: ") || text.starts_with("Caused by: ") {
        return Some(Level::Error);
    }
    let end = text
        .bytes()
        .position(|byte| !(byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_' || byte == b'$'))?;
    let (name, rest) = text.split_at(end);
    (rest.starts_with(": ") && (name.ends_with("Error") || name.ends_with("Exception"))).then_some(Level::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(level: impl Into<Option<Level>>, lines: &[&str]) {
        let level = level.into();
        for line in lines {
            assert_eq!(detect(line), level, "{line}");
        }
    }

    #[test]
    fn errors() {
        check(
            Level::Error,
            &[
                "ERROR:root:no route",
                "2025-11-04 12:00:00,123 ERROR shop.mail no route",
                "2025-11-04 12:00:00,123 - shop - CRITICAL - gone",
                "[2025-11-04 12:00:00,000: ERROR/MainProcess] Task shop.mail[4f2] raised unexpected",
                "[2025-11-04 12:00:00 +0000] [7] [ERROR] Worker (pid:8) exited",
                "ERROR:    Exception in ASGI application",
                "2025-11-04 12:00:00.000 | ERROR    | shop:main:3 - x",
                "2025-11-04 12:00:00 [error    ] event  key=1",
                "2025/11/04 12:00:00 [error] 7#7: *1 connect() failed (111: Connection refused)",
                "2025/11/04 12:00:00 [emerg] 1#1: host not found in upstream",
                "2025-11-04 12:00:00.000 UTC [1] FATAL:  password authentication failed",
                "2025-11-04 12:00:00.000 UTC [1] ERROR:  relation \"x\" does not exist at character 15",
                "time=\"2025-11-04T12:00:00Z\" level=error msg=\"no\"",
                "ts=1 lvl=eror msg=no",
                "time=2025 level=\"error\" msg=no",
                r#"{"time":"x","level":"error","msg":"no"}"#,
                r#"{"asctime": "x", "levelname": "ERROR", "message": "no"}"#,
                r#"{"level":50,"time":1,"msg":"no"}"#,
                "E1104 12:00:00.000000       1 main.go:12] no",
                "npm ERR! code ELIFECYCLE",
                "error: no such file",
                "error[E0382]: borrow of moved value",
                "10.0.0.1 - - [04/Nov/2025:12:00:00 +0000] \"GET / HTTP/1.1\" 502 157 \"-\" \"curl\"",
                "[04/Nov/2025 12:00:00] \"GET /x HTTP/1.1\" 500 145",
                "ConnectionRefusedError: [Errno 111] Connection refused",
                "django.db.utils.OperationalError: could not connect",
                "Uncaught TypeError: x is not a function",
                "panic: runtime error: index out of range",
                "Exception in thread \"main\" java.lang.IllegalStateException",
                "12:00:00.123 [main] ERROR com.example.App - no",
                "ERROR",
            ],
        );
    }

    #[test]
    fn other_levels() {
        check(
            Level::Warn,
            &[
                "WARNING:root:x",
                "1:M 04 Nov 2025 12:00:00.000 # WARNING Memory overcommit must be enabled",
                "2025-11-04 12:00:00.000 UTC [1] WARNING:  x",
                "level=warn msg=x",
                "W1104 12:00:00.000000       1 main.go:12] x",
                r#"{"severity":"WARNING"}"#,
                "warning: unused variable",
            ],
        );
        check(
            Level::Info,
            &[
                "INFO  Task shop.mail[4f2] received, no ERROR so far",
                "2025-11-04 12:00:00.000 UTC [1] LOG:  checkpoint complete",
                "1:M 04 Nov 2025 12:00:00.000 * Ready to accept connections",
                "INFO:     Uvicorn running on http://0.0.0.0:8000",
                "level=info msg=\"an ERROR in text\"",
                "2025/11/04 12:00:00 [notice] 1#1: start worker process 29",
            ],
        );
        check(Level::Debug, &["DEBUG x", "1:M 04 Nov 2025 12:00:00.000 - x", r#"{"level":20}"#]);
        check(Level::Trace, &["12:00:00 TRACE x", "1:M 04 Nov 2025 12:00:00.000 . x"]);
    }

    #[test]
    fn no_level() {
        check(
            None,
            &[
                "",
                "   ",
                "GET / 200 3 ms",
                "GET /ERROR/page 200 3 ms",
                "there was no error at all",
                "an Error in the middle",
                "log in please",
                "please LOG in",
                "\"GET /x HTTP/1.1\" 404 12",
                "10.0.0.1 - - [x] \"GET / HTTP/1.1\" 200 500 \"-\"",
                "checkpoint complete: wrote 12 buffers",
                "TypeErrors are fun",
                r#"{"msg":"level"}"#,
                r#"{"msg":"error: x"}"#,
                "informational",
                "x=error",
            ],
        );
    }
}
