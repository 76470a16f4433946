//! A line that is a JSON object, as its message and fields.

use serde_json::{Map, Value};

/// Names under which loggers put the message, the time and the level.
const MESSAGE: [&str; 5] = ["message", "msg", "event", "@message", "short_message"];
const TIME: [&str; 7] = ["time", "timestamp", "ts", "asctime", "@timestamp", "date", "datetime"];
const LEVEL: [&str; 7] = ["level", "levelname", "severity", "lvl", "log.level", "loglevel", "@level"];

/// What a JSON line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// The level, in capitals, in the logger's own word.
    pub level: Option<String>,
    /// The message; empty when there is none.
    pub message: String,
    /// The rest, in the line's order, nested objects with dots. The logger's own time is left out: the engine's is shown.
    pub rest: Vec<(String, String)>,
}

/// Reads a line that is one JSON object; `None` for any other.
pub fn fields(text: &str) -> Option<Fields> {
    let text = text.trim();
    if !(text.starts_with('{') && text.ends_with('}')) {
        return None;
    }
    let Value::Object(object) = serde_json::from_str(text).ok()? else { return None };
    let mut fields = Fields { level: None, message: String::new(), rest: Vec::new() };
    for (key, value) in &object {
        let is = |names: &[&str]| names.contains(&key.as_str());
        if is(&LEVEL) && fields.level.is_none() {
            fields.level = Some(level(value));
        } else if is(&MESSAGE) && fields.message.is_empty() {
            fields.message = plain(value);
        } else if !is(&TIME) {
            flatten(key, value, &mut fields.rest);
        }
    }
    Some(fields)
}

/// The level's word; bunyan's and pino's numbers as words.
fn level(value: &Value) -> String {
    match value.as_u64() {
        Some(60..) => "FATAL".into(),
        Some(50..) => "ERROR".into(),
        Some(40..) => "WARN".into(),
        Some(30..) => "INFO".into(),
        Some(20..) => "DEBUG".into(),
        Some(10..) => "TRACE".into(),
        _ => plain(value).to_uppercase(),
    }
}

fn flatten(key: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) if !inner.is_empty() => nested(key, inner, into),
        _ => into.push((safe(key), plain(value))),
    }
}

fn nested(key: &str, inner: &Map<String, Value>, into: &mut Vec<(String, String)>) {
    for (name, value) in inner {
        flatten(&format!("{key}.{name}"), value, into);
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => safe(text),
        other => safe(&other.to_string()),
    }
}

/// Escapes of JSON can hold what the line itself could not: they are made safe like any text, on one line.
fn safe(text: &str) -> String {
    super::ansi::plain(text).replace('\n', " ⏎ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, level: Option<&str>, message: &str, rest: &[(&str, &str)]) {
        let rest = rest.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let expected = Fields { level: level.map(Into::into), message: message.into(), rest };
        assert_eq!(fields(text), Some(expected), "{text}");
    }

    #[test]
    fn objects_become_fields() {
        check(
            r#"{"time":"2025","level":"info","msg":"started","port":8000,"tls":null}"#,
            Some("INFO"),
            "started",
            &[("port", "8000"), ("tls", "null")],
        );
        check(
            r#"{"level":50,"event":"x","http":{"method":"GET","empty":{}}}"#,
            Some("ERROR"),
            "x",
            &[("http.method", "GET"), ("http.empty", "{}")],
        );
        check(r#" {"a":[1,2]} "#, None, "", &[("a", "[1,2]")]);
        check(r#"{"message":"a\nb\u001b[2Jc\u202ed"}"#, None, "a ⏎ bc<U+202E>d", &[]);
    }

    #[test]
    fn other_lines_do_not() {
        for text in ["", "{", "[1]", "plain", "{not json}", "{\"a\":1} trailing", "1"] {
            assert_eq!(fields(text), None, "{text}");
        }
    }
}
