//! Secrets on the screen: values whose name says what they are, and passwords in addresses, are not shown to whoever looks
//! over a shoulder. Containers' own lines are left as they are.

use std::borrow::Cow;

/// What stands for a secret.
const MASK: &str = "••••";
/// What the name of a secret contains.
const NAMES: [&str; 7] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY"];
/// A user name in an address that is longer than this is a token.
const LONGEST_USER: usize = 20;

/// The text without secrets.
pub fn masked(text: &str) -> Cow<'_, str> {
    if !text.contains('=') && !text.contains("://") {
        return Cow::Borrowed(text);
    }
    text.split_inclusive(char::is_whitespace).map(word).collect::<Vec<_>>().concat().into()
}

fn word(word: &str) -> Cow<'_, str> {
    let shown = word.trim_end();
    let space = &word[shown.len()..];
    if let Some((name, value)) = shown.split_once('=')
        && is_secret(name)
        // A variable's name is none.
        && !value.trim_start_matches('"').starts_with('$')
        && !value.is_empty()
    {
        return format!("{name}={MASK}{space}").into();
    }
    address(word)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    NAMES.iter().any(|secret| name.contains(secret))
}

/// `https://ada:••••@host`.
fn address(word: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = word.split_once("://") else { return word.into() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some(at) = authority.rfind('@') else { return word.into() };
    match authority[..at].split_once(':') {
        Some((user, password)) if !password.starts_with('$') => {
            format!("{scheme}://{user}:{MASK}{}", &rest[at..]).into()
        }
        None if at > LONGEST_USER => format!("{scheme}://{MASK}{}", &rest[at..]).into(),
        _ => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown_and_all_else_is() {
        for (text, shown) in [
            ("django==5.1.3", "django==5.1.3"),
            ("ENV DB_PASSWORD=hunter2 DEBUG=1", "ENV DB_PASSWORD=•••• DEBUG=1"),
            ("RUN |1 PIP_TOKEN=abc /bin/sh  -c x", "RUN |1 PIP_TOKEN=•••• /bin/sh  -c x"),
            ("--api-key=abc\tx", "--api-key=••••\tx"),
            ("POSTGRES_PASSWORD=${DB_PASSWORD}", "POSTGRES_PASSWORD=${DB_PASSWORD}"),
            ("TOKEN=", "TOKEN="),
            ("--index-url https://ada:pw@host/simple", "--index-url https://ada:••••@host/simple"),
            ("git+ssh://git@github.com/a/b", "git+ssh://git@github.com/a/b"),
            ("https://ghp_0123456789abcdefghij@github.com", "https://••••@github.com"),
            ("postgresql://shop:pw@db/shop?x=@", "postgresql://shop:••••@db/shop?x=@"),
            ("http://127.0.0.1:8000/@", "http://127.0.0.1:8000/@"),
            ("   indented", "   indented"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }
}
