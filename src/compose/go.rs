//! The notations of Go's standard library that Compose's files, hashes and output speak: numbers, durations, sizes,
//! booleans, JSON.

use std::fmt::Write as _;

use super::json::Json;

/// A float as `%v` prints it: shortest digits, an exponent below 1e-4 and from 1e6.
pub(super) fn float(x: f64) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let magnitude = x.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) { exponential(x) } else { format!("{x}") }
}

/// A float as `encoding/json` prints it: an exponent below 1e-6 and from 1e21, not padded.
fn json_float(x: f64) -> String {
    let magnitude = x.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        // Go writes e-09 as e-9.
        let text = exponential(x);
        match text.split_once("e-0") {
            Some((mantissa, digit)) => format!("{mantissa}e-{digit}"),
            None => text,
        }
    } else {
        format!("{x}")
    }
}

/// `1e+21`, `1.5e-07`: at least two digits of exponent and always its sign.
fn exponential(x: f64) -> String {
    let text = format!("{x:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

/// The number whose shortest decimal is that of the `f32` nearest to `x`: a Go `float32` as it is printed.
pub(super) fn float32(x: f64) -> f64 {
    format!("{}", x as f32).parse().unwrap_or(x)
}

/// `strconv.ParseFloat`, as far as decimal notation goes.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let valid =
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'e' | b'E' | b'+' | b'-'));
    if valid { text.parse().ok() } else { None }
}

/// `strconv.Atoi`.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// What Compose takes for a boolean written as a string; the second value says that YAML 1.2 doesn't.
pub(super) fn parse_bool(text: &str) -> Option<(bool, bool)> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some((true, false)),
        "false" => Some((false, false)),
        "y" | "yes" | "on" => Some((true, true)),
        "n" | "no" | "off" => Some((false, true)),
        _ => None,
    }
}

/// A duration in nanoseconds: Go's notation with days and weeks, `1h30m`, `1.5s`, `2d`.
pub(super) fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("`{text}` is not a duration");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: f64 = 0.0;
    let mut exact: i128 = 0;
    while !rest.is_empty() {
        let number_len = rest.bytes().take_while(|c| c.is_ascii_digit() || *c == b'.').count();
        let (number, after) = rest.split_at(number_len);
        let unit_len = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_len);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            "" => return Err(format!("`{text}` lacks a unit")),
            _ => return Err(format!("`{}` in `{text}` is not a unit of time", unit.trim())),
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let part = if fraction.is_empty() {
            0.0
        } else {
            format!("0.{fraction}").parse::<f64>().map_err(|_| invalid())? * scale as f64
        };
        exact = exact.checked_add(whole.checked_mul(scale).ok_or_else(invalid)?).ok_or_else(invalid)?;
        total += part;
        rest = next;
    }
    let nanos = exact + total as i128;
    i64::try_from(if negative { -nanos } else { nanos }).map_err(|_| invalid())
}

/// `time.Duration.String()`: `1m0s`, `1.5s`, `100ms`, `0s`.
pub(super) fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let fraction = |n: u64, unit: u64, name: &str| {
        let (whole, rest) = (n / unit, n % unit);
        if rest == 0 {
            return format!("{whole}{name}");
        }
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        format!("{whole}.{}{name}", digits.trim_end_matches('0'))
    };
    let text = match n {
        0 => return "0s".into(),
        1..1_000 => format!("{n}ns"),
        1_000..1_000_000 => fraction(n, 1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(n, 1_000_000, "ms"),
        _ => {
            let minutes = n / 60_000_000_000;
            let seconds = fraction(n % 60_000_000_000, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, m) => format!("{m}m{seconds}"),
                (h, m) => format!("{h}h{m}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

/// A size in bytes: `1.5g`, `512m`, `64kb`, `1GiB`, always 1024-based.
pub(super) fn parse_bytes(text: &str) -> Result<i64, String> {
    let invalid = || format!("`{text}` is not a size");
    let at = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').ok_or_else(invalid)?;
    let number = if text.as_bytes()[at] == b' ' { &text[..at] } else { &text[..=at] };
    let suffix = text[at + 1..].to_ascii_lowercase();
    let size = parse_float(number).ok_or_else(invalid)?;
    if size < 0.0 {
        return Err(format!("a size can't be negative: `{text}`"));
    }
    let unknown = || format!("`{}` is not a unit of size", &text[at + 1..]);
    let (unit, extra) = match suffix.chars().next() {
        None => return Ok(size as i64),
        Some(c) => (c, &suffix[c.len_utf8()..]),
    };
    let scale = match unit {
        'b' if extra.is_empty() => return Ok(size as i64),
        'k' => 10,
        'm' => 20,
        'g' => 30,
        't' => 40,
        'p' => 50,
        _ => return Err(unknown()),
    };
    if !matches!(extra, "" | "b" | "ib") {
        return Err(unknown());
    }
    Ok((size * (1u64 << scale) as f64) as i64)
}

/// JSON as `encoding/json` marshals it: `<`, `>` and `&` escaped, floats in Go's notation; pretty with two spaces.
pub(super) fn json(value: &Json, pretty: bool) -> String {
    let mut out = String::new();
    write_json(value, pretty.then_some(0), &mut out);
    out
}

/// The object of these fields, on one line.
pub(super) fn json_object<'j>(fields: impl Iterator<Item = (&'j str, &'j Json)>) -> String {
    let mut out = String::from("{");
    for (i, (name, value)) in fields.enumerate() {
        separate(i, None, &mut out);
        write_string(name, &mut out);
        out.push(':');
        write_json(value, None, &mut out);
    }
    out.push('}');
    out
}

fn write_json(value: &Json, indent: Option<usize>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Json::Int(n) => _ = write!(out, "{n}"),
        Json::Big(n) => _ = write!(out, "{n}"),
        Json::Float(x) => out.push_str(&json_float(*x)),
        Json::String(text) => write_string(text, out),
        Json::Array(items) if items.is_empty() => out.push_str("[]"),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(i, indent, out);
                write_json(item, indent.map(|n| n + 1), out);
            }
            close(indent, ']', out);
        }
        Json::Object(map) if map.is_empty() => out.push_str("{}"),
        Json::Object(map) => {
            out.push('{');
            for (i, (key, item)) in map.iter().enumerate() {
                separate(i, indent, out);
                write_string(key, out);
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write_json(item, indent.map(|n| n + 1), out);
            }
            close(indent, '}', out);
        }
    }
}

fn separate(i: usize, indent: Option<usize>, out: &mut String) {
    if i > 0 {
        out.push(',');
    }
    if let Some(n) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", n + 1));
    }
}

fn close(indent: Option<usize>, bracket: char, out: &mut String) {
    if let Some(n) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", n));
    }
    out.push(bracket);
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let is_plain = |c: &char| !matches!(c, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}');
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_plain(c)) {
        out.push_str(&rest[..at]);
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c => _ = write!(out, "\\u{:04x}", c as u32),
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{super::json::Object, *};

    #[test]
    fn durations_go_there_and_back() {
        for (text, expected) in [
            ("1m", "1m0s"),
            ("90s", "1m30s"),
            ("1.5s", "1.5s"),
            ("1h", "1h0m0s"),
            ("1d", "24h0m0s"),
            ("100ms", "100ms"),
            ("1ms500us", "1.5ms"),
            ("0", "0s"),
            ("-1s", "-1s"),
            (".5h", "30m0s"),
            ("1w2d", "216h0m0s"),
        ] {
            assert_eq!(parse_duration(text).map(duration).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "10", "10x", "s", "1.2.3s", "abc", "1 s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_1024_based() {
        for (text, expected) in
            [("1g", 1 << 30), ("1.5k", 1536), ("64", 64), ("10b", 10), ("1 GiB", 1 << 30), ("2Mb", 2 << 20)]
        {
            assert_eq!(parse_bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "-5m", "1q", "1kk", "m", "1bb", "1kbit"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_look_like_gos() {
        for (x, expected) in
            [(1.5, "1.5"), (1000.0, "1000"), (1e6, "1e+06"), (123456.5, "123456.5"), (1e-5, "1e-05"), (0.1, "0.1")]
        {
            assert_eq!(float(x), expected);
        }
        assert_eq!(json_float(1e-9), "1e-9");
        assert_eq!(float32(0.1), 0.1);
    }

    #[test]
    fn json_is_escaped_as_go_escapes_it() {
        let value = Object::from_iter([
            ("a".into(), Json::from("<&>\u{1}\n")),
            ("b".into(), Json::from(vec![Json::Int(1), Json::Float(0.5)])),
            ("c".into(), Json::from(Object::new())),
        ]);
        assert_eq!(json(&value.into(), false), r#"{"a":"\u003c\u0026\u003e\u0001\n","b":[1,0.5],"c":{}}"#);
        let value = Object::from_iter([("a".into(), Json::from(vec![Json::Int(1)]))]);
        assert_eq!(json(&value.into(), true), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
