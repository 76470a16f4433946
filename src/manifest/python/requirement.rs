//! One requirement: `psycopg[binary] >=3,<4 ; python_version < "3.9"`, a URL, a wheel or a path.
//!
//! The reader is more tolerant than PEP 508: what pip would refuse is still a line that the user wrote and wants to see.

use crate::manifest::declared::mask_credentials;
use crate::model::Package;

/// The name as Python's tools compare it (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`.
pub(crate) fn normal_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.trim().chars() {
        if matches!(c, '-' | '_' | '.') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// A specifier for display: `5.1.3` for `== 5.1.3`, otherwise as written without spaces, its parts in the file's order.
pub(crate) fn version_text(specifier: &str) -> String {
    let compact: String = specifier.chars().filter(|c| !c.is_whitespace()).collect();
    let inner = compact.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(&compact);
    let exact = inner.strip_prefix("===").or_else(|| inner.strip_prefix("==")).unwrap_or(inner);
    if exact.contains([',', '*', '=', '<', '>', '!', '~']) { inner.to_owned() } else { exact.to_owned() }
}

/// Reads one requirement without its pip options. `None` when it is neither a name nor a source.
pub(crate) fn parse(text: &str, line: u32) -> Option<Package> {
    let text = text.trim();
    if is_source(text) { source(text, line) } else { named(text, line) }
}

fn named(text: &str, line: u32) -> Option<Package> {
    let name_end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    if !name.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let rest = rest.trim_start();
    let (extras, rest) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((extras, rest)) => (extra_names(extras), rest.trim_start()),
        None => (Vec::new(), rest),
    };
    let (version, detail) = if let Some(url) = rest.strip_prefix('@') {
        let (url, marker) = split_marker(url.trim(), " ;");
        (format!("@ {}", mask_credentials(url)), marker)
    } else if rest.is_empty() || rest.starts_with([';', '<', '>', '=', '!', '~', '(']) {
        let (specifier, marker) = split_marker(rest, ";");
        (version_text(specifier), marker)
    } else {
        return None;
    };
    Some(Package { name: normal_name(name), version, extras, detail, line, group: String::new() })
}

/// Whether the text is a URL, a file or a folder rather than a name.
fn is_source(text: &str) -> bool {
    let head = text.split([';', '#', ' ', '[']).next().unwrap_or(text);
    let named_url = text.split_once('@').is_some_and(|(name, _)| !name.contains([':', '/']));
    let scheme = text.find("://").is_some_and(|at| !text[..at].contains([' ', '<', '>', '=', '[', '@']));
    !named_url && (head.starts_with(['.', '/']) || head.contains('/') || scheme)
        || scheme
        || head.ends_with(".whl")
        || head.ends_with(".tar.gz")
        || head.ends_with(".zip")
}

fn source(text: &str, line: u32) -> Option<Package> {
    let (place, marker) = split_marker(text, " ;");
    let (place, extras) = match place.strip_suffix(']').and_then(|inner| inner.rsplit_once('[')) {
        Some((place, extras)) => (place, extra_names(extras)),
        None => (place, Vec::new()),
    };
    let (name, version) = source_name(place);
    (!name.is_empty()).then(|| Package {
        name,
        version: version.unwrap_or_else(|| format!("@ {}", mask_credentials(place))),
        extras,
        detail: marker,
        line,
        group: String::new(),
    })
}

/// The name of a source: its `egg`, the distribution of a wheel, or the last part of its path.
fn source_name(place: &str) -> (String, Option<String>) {
    if let Some((_, egg)) = place.split_once("egg=") {
        let egg = egg.split(['&', '[', '#']).next().unwrap_or(egg);
        return (normal_name(egg), None);
    }
    let path = place.split(['#', '?']).next().unwrap_or(place).trim_end_matches('/');
    let last = path.rsplit('/').next().unwrap_or(path);
    if let Some(wheel) = last.strip_suffix(".whl") {
        let mut parts = wheel.split('-');
        let name = normal_name(parts.next().unwrap_or(wheel));
        let local = !path.contains("://");
        return (name, parts.next().filter(|_| local).map(|version| format!("{version} (wheel)")));
    }
    let last = last.split_once('@').map_or(last, |(name, _)| name);
    let stem = [".git", ".tar.gz", ".zip"].iter().find_map(|end| last.strip_suffix(end)).unwrap_or(last);
    let name = if matches!(stem, "" | "." | "..") { place.to_owned() } else { normal_name(stem) };
    (name, None)
}

/// Extras, sorted, as they compare.
pub(crate) fn extra_names(text: &str) -> Vec<String> {
    let mut extras: Vec<String> = text.split(',').map(normal_name).filter(|extra| !extra.is_empty()).collect();
    extras.sort();
    extras.dedup();
    extras
}

/// Splits off the marker; its quotes and spaces are made one kind, since tools rewrite both.
fn split_marker<'t>(text: &'t str, separator: &str) -> (&'t str, String) {
    match text.split_once(separator) {
        Some((before, marker)) => (before.trim(), marker_text(marker)),
        None => (text.trim().trim_end_matches(';').trim_end(), String::new()),
    }
}

/// A marker for comparing and showing.
pub(crate) fn marker_text(marker: &str) -> String {
    let quoted = marker.trim().replace('\'', "\"");
    quoted.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = parse(text, 1).map_or("-".to_owned(), |package| {
            format!("{}|{}|{}", package.display_name(), package.version, package.detail)
        });
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn names_versions_extras_and_markers() {
        check("Django==5.1.3", "django|5.1.3|");
        check("zope.interface", "zope-interface||");
        check("psycopg[binary, pool] >= 3, <4", "psycopg[binary,pool]|>=3,<4|");
        check("foo (>=1)", "foo|>=1|");
        check("foo===1.0", "foo|1.0|");
        check("foo==1.*", "foo|==1.*|");
        check("foo; python_version<'3.9'", "foo||python_version<\"3.9\"");
        check("foo~=1.4 ;  sys_platform  == 'win32' ", "foo|~=1.4|sys_platform == \"win32\"");
        check("a", "a||");
    }

    #[test]
    fn sources() {
        check(
            "pkg @ https://u:p@host/pkg-1.0.zip ; os_name=='nt'",
            "pkg|@ https://***@host/pkg-1.0.zip|os_name==\"nt\"",
        );
        check("pkg@git+https://github.com/a/b@v1", "pkg|@ git+https://github.com/a/b@v1|");
        check("git+https://github.com/a/My_Lib.git@v1", "my-lib|@ git+https://github.com/a/My_Lib.git@v1|");
        check(
            "git+ssh://git@host/a/x.git#egg=Foo&subdirectory=s",
            "foo|@ git+ssh://git@host/a/x.git#egg=Foo&subdirectory=s|",
        );
        check("./libs/shared[dev]", "shared[dev]|@ ./libs/shared|");
        check("wheels/foo_bar-1.2-py3-none-any.whl", "foo-bar|1.2 (wheel)|");
        check("https://h/foo-1.2-py3-none-any.whl", "foo|@ https://h/foo-1.2-py3-none-any.whl|");
        check(".", ".|@ .|");
    }

    #[test]
    fn what_is_no_requirement() {
        check("", "-");
        check("-foo", "-");
        check("foo bar", "-");
        check("==1", "-");
    }
}
