//! What an unquoted scalar means, by go-yaml's rules, which are neither YAML 1.1 nor 1.2: `yes` is a string, `0440` is
//! octal, `1_000` a number, `2001-01-01` a date, `22:22` a string.

use super::tree::Value;

/// Resolves a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(text).unwrap_or_else(|| Value::Str(text.into()))
}

fn number(text: &str) -> Option<Value> {
    let first = *text.as_bytes().first()?;
    if first == b'.' {
        return go_float(text).map(Value::Float);
    }
    if !first.is_ascii_digit() && first != b'+' && first != b'-' {
        return None;
    }
    if is_timestamp(text) {
        return Some(Value::Timestamp(text.into()));
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| if looks_like_float(&plain) { plain.parse().ok().map(Value::Float) } else { None })
}

/// `strconv.ParseInt(s, 0, 64)`, then `ParseUint`; YAML's own `0o` and `0b` are among its prefixes.
fn integer(plain: &str) -> Option<Value> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    if body.is_empty() || !body.bytes().all(|c| (c as char).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(body, radix).ok()?;
    if negative {
        0i64.checked_sub_unsigned(magnitude).map(Value::Int)
    } else {
        match i64::try_from(magnitude) {
            Ok(n) => Some(Value::Int(n)),
            // A sign takes ParseUint out of play.
            Err(_) if plain.starts_with('+') => None,
            Err(_) => Some(Value::Big(magnitude)),
        }
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn looks_like_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |s: &str| s.bytes().all(|c| c.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa_fits
        && exponent.is_none_or(|e| {
            let e = e.strip_prefix(['-', '+']).unwrap_or(e);
            !e.is_empty() && digits(e)
        })
}

/// `strconv.ParseFloat` of a text that starts with a dot.
fn go_float(text: &str) -> Option<f64> {
    if looks_like_float(text) { text.parse().ok() } else { None }
}

/// `2001-1-2`, with or without a time behind it: what Go's `time.Parse` takes in go-yaml's four layouts.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let mut rest = &text[5..];
    let Some(month) = take_number(&mut rest, 2) else { return false };
    if !take(&mut rest, '-') {
        return false;
    }
    let Some(day) = take_number(&mut rest, 2) else { return false };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let zoned = take(&mut rest, 'T') || take(&mut rest, 't');
    if !zoned && !take(&mut rest, ' ') {
        return false;
    }
    for (i, limit) in [24, 60, 60].into_iter().enumerate() {
        if i > 0 && !take(&mut rest, ':') {
            return false;
        }
        if take_number(&mut rest, 2).is_none_or(|n| n >= limit) {
            return false;
        }
    }
    if take(&mut rest, '.') || take(&mut rest, ',') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &rest[digits..];
    }
    if !zoned {
        return rest.is_empty();
    }
    rest == "Z" || {
        let b = rest.as_bytes();
        b.len() == 6
            && matches!(b[0], b'+' | b'-')
            && b[3] == b':'
            && [1, 2, 4, 5].into_iter().all(|i| b[i].is_ascii_digit())
    }
}

fn take(rest: &mut &str, c: char) -> bool {
    match rest.strip_prefix(c) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn take_number(rest: &mut &str, most: usize) -> Option<u32> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok()?;
    *rest = &rest[digits..];
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(format!("{:?}", resolve(text)), expected, "{text}");
    }

    #[test]
    fn scalars_mean_what_they_mean_to_go_yaml() {
        check("", "Null");
        check("~", "Null");
        check("yes", r#"Str("yes")"#);
        check("True", "Bool(true)");
        check("0440", "Int(288)");
        check("08", "Float(8.0)");
        check("1_000", "Int(1000)");
        check("0x1F", "Int(31)");
        check("-0b11", "Int(-3)");
        check("0o17", "Int(15)");
        check("1.10", "Float(1.1)");
        check("1e3", "Float(1000.0)");
        check("1.", "Float(1.0)");
        check(".5", "Float(0.5)");
        check("22:22", r#"Str("22:22")"#);
        check("2001-01-01", r#"Timestamp("2001-01-01")"#);
        check("2001-1-1 10:20:30", r#"Timestamp("2001-1-1 10:20:30")"#);
        check("2001-01-01T10:20:30.5Z", r#"Timestamp("2001-01-01T10:20:30.5Z")"#);
        check("2001-13-01", r#"Str("2001-13-01")"#);
        check("18446744073709551615", "Big(18446744073709551615)");
        check("18446744073709551616", "Float(1.8446744073709552e19)");
        check("1.2.3", r#"Str("1.2.3")"#);
        check("-", r#"Str("-")"#);
        check("0x", r#"Str("0x")"#);
    }
}
