//! Adding and removing packages: a manifest's text to its new text, in the style that it has.
//!
//! Pure, and text in, text out: comments, order, quotes, ends of lines and everything else stay as they are, byte for byte, and
//! taking out what was put in gives the text of before. What is written must read back as that one change, or it is refused.
//! Which file is edited, and which tool writes its lock, [`target`] says.

pub mod compiled;
mod environment;
mod package_json;
mod pipfile;
mod pyproject;
mod requirements;
pub mod target;
mod toml_text;
pub mod tool;

use super::format::{self, Ecosystem};
use super::python::requirement;
use crate::model::{ManifestKind, Package};

pub use tool::Tool;

/// Why a manifest can't be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct EditError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl EditError {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> EditError {
        EditError { what: what.into(), help: help.into() }
    }
}

/// A package as the user asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The name that is compared.
    pub name: String,
    /// Name and extras as typed: `psycopg[binary]`.
    pub label: String,
    /// The range or place as typed: `>=4,<5`, `@ git+https://…`; empty when any will do.
    pub range: String,
    /// The condition as typed, without its semicolon.
    pub marker: String,
}

impl Request {
    /// Reads what was typed: `humanize`, `psycopg[binary]>=3`, `left-pad@^1.3`.
    ///
    /// # Errors
    /// It is no package.
    pub fn parse(ecosystem: Ecosystem, text: &str) -> Result<Request, EditError> {
        let text = text.trim();
        let refused = |help: &str| Err(EditError::new(format!("`{text}` is no package"), help));
        if ecosystem == Ecosystem::Node {
            let (name, range) = match text.char_indices().skip(1).find(|(_, c)| *c == '@') {
                Some((at, _)) => (&text[..at], &text[at + 1..]),
                None => (text, ""),
            };
            let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '@' | '~');
            if name.is_empty() || name.starts_with(['-', '.', '/']) || !name.chars().all(fine) {
                return refused("`left-pad`, `left-pad@^1.3`, `@scope/name`");
            }
            return Ok(Request { name: name.into(), label: name.into(), range: range.into(), marker: String::new() });
        }
        let end =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text.len());
        let (head, rest) = text.split_at(end);
        let label_end = match (rest.starts_with('['), rest.find(']')) {
            (true, Some(close)) => end + close + 1,
            _ => end,
        };
        let (label, rest) = text.split_at(label_end);
        let (range, marker) = rest.split_once(';').unwrap_or((rest, ""));
        match requirement::parse(text, 1) {
            Some(package) if head.starts_with(|c: char| c.is_ascii_alphanumeric()) => Ok(Request {
                name: package.name,
                label: label.to_owned(),
                range: range.trim().to_owned(),
                marker: marker.trim().to_owned(),
            }),
            _ => refused("`humanize`, `'humanize>=4'`, `'psycopg[binary]==3.2.3'`, `'name @ git+https://…'`"),
        }
    }
}

/// How much of a version a manifest ties down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// Nothing: `humanize`, `humanize = "*"`.
    Any,
    /// `==4.17.0`, `"4.17.0"`.
    Exact,
    /// `>=4.17.0`.
    AtLeast,
    /// `~=4.17`, `~4.17.0`.
    Compatible,
    /// `^4.17.0`.
    Caret,
    /// `>=4.17.0,<5.0.0`.
    Range,
}

impl Bound {
    /// The bound that most packages of a manifest have; `default` where none has one, or where they disagree evenly.
    fn of<'p>(packages: impl IntoIterator<Item = &'p Package>, default: Bound) -> Bound {
        let mut counts: Vec<(Bound, usize)> = Vec::new();
        for bound in packages.into_iter().filter_map(|package| Bound::read(&package.version)) {
            match counts.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += 1,
                None => counts.push((bound, 1)),
            }
        }
        let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let mut winners = counts.into_iter().filter(|(_, count)| *count == most).map(|(bound, _)| bound);
        match (winners.next(), winners.next()) {
            (Some(only), None) => only,
            _ => default,
        }
    }

    /// The bound of a version as it is shown; none for a source.
    fn read(version: &str) -> Option<Bound> {
        Some(match version.as_bytes() {
            [] => Bound::Any,
            [b'@', ..] => return None,
            [b'^', ..] => Bound::Caret,
            [b'~', ..] => Bound::Compatible,
            [b'>', b'=', ..] if version.contains(",<") => Bound::Range,
            [b'>', ..] => Bound::AtLeast,
            [first, ..] if first.is_ascii_digit() => Bound::Exact,
            _ => return None,
        })
    }

    /// A version tied down so, as PEP 440 writes it.
    fn python(self, version: &str) -> String {
        match self {
            Bound::Any => String::new(),
            Bound::Exact => format!("=={version}"),
            Bound::AtLeast => format!(">={version}"),
            Bound::Compatible => format!("~={version}"),
            Bound::Caret | Bound::Range => format!(">={version},<{}", above(version)),
        }
    }
}

/// The first version that a caret leaves out: `5.0.0` of `4.17.0`, `0.4.0` of `0.3.1`.
fn above(version: &str) -> String {
    let release = version.split(['a', 'b', 'r', '+', 'd', 'p', '-']).next().unwrap_or(version).trim_end_matches('.');
    let mut parts: Vec<u64> = release.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    parts.resize(parts.len().max(3), 0);
    let at = parts.iter().position(|part| *part != 0).unwrap_or(parts.len() - 1);
    if let Some(part) = parts.get_mut(at) {
        *part += 1;
    }
    parts.iter_mut().skip(at + 1).for_each(|part| *part = 0);
    parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// Where in a manifest a package goes, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Addition<'a> {
    /// What was asked for.
    pub request: &'a Request,
    /// The version that the resolver chose; `None` before it has.
    pub version: Option<&'a str>,
    /// With the packages for development.
    pub dev: bool,
    /// Whose habits hold where the manifest has none of its own.
    pub tool: Tool,
}

/// Adds a package to a manifest's text, or gives one that is there already what was asked for: with no range, that is nothing.
///
/// # Errors
/// The manifest can't be edited, or has no place for it.
pub fn add(kind: ManifestKind, text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let Addition { request, dev, .. } = addition;
    let asks_for_nothing = request.range.is_empty() && request.marker.is_empty() && !request.label.contains('[');
    if asks_for_nothing && declares(kind, text, &request.name, dev) {
        return Ok(text.to_owned());
    }
    let new = match kind {
        ManifestKind::Requirements => requirements::add(text, addition),
        ManifestKind::Pyproject => pyproject::add(text, addition),
        ManifestKind::Pipfile => pipfile::add(text, addition),
        ManifestKind::PackageJson => package_json::add(text, addition),
        ManifestKind::CondaEnvironment => environment::add(text, addition),
        _ => Err(by_hand("this kind of manifest")),
    }?;
    check(kind, text, &new, &addition.request.name).map(|()| new)
}

/// Whether a manifest's text declares a package, for development or for everybody.
fn declares(kind: ManifestKind, text: &str, name: &str, dev: bool) -> bool {
    let declared = format::parse(kind, text.as_bytes()).and_then(Result::ok).unwrap_or_default();
    // Requirements files and conda's have no groups: a file is for the one or for the other.
    let ungrouped = matches!(kind, ManifestKind::Requirements | ManifestKind::CondaEnvironment);
    let fits = |package: &Package| ungrouped || package.group.is_empty() != dev;
    declared.packages.iter().any(|package| package.name == name && fits(package))
}

/// Takes a package out of a manifest's text; `None` when it is not declared there. With `dev`, out of those for development only.
///
/// # Errors
/// The manifest can't be edited.
pub fn remove(kind: ManifestKind, text: &str, name: &str, dev: bool) -> Result<Option<String>, EditError> {
    let new = match kind {
        ManifestKind::Requirements => requirements::remove(text, name),
        ManifestKind::Pyproject => pyproject::remove(text, name, dev),
        ManifestKind::Pipfile => pipfile::remove(text, name, dev),
        ManifestKind::PackageJson => package_json::remove(text, name, dev),
        ManifestKind::CondaEnvironment => environment::remove(text, name),
        _ => Err(by_hand("this kind of manifest")),
    }?;
    match new {
        Some(new) => check(kind, text, &new, name).map(|()| Some(new)),
        None => Ok(None),
    }
}

fn by_hand(what: &str) -> EditError {
    EditError::new(format!("{what} can't be edited by devbox"), "edit it, then `devbox rebuild`")
}

/// Whether the new text still reads, and says the same of everything but one package.
fn check(kind: ManifestKind, old: &str, new: &str, name: &str) -> Result<(), EditError> {
    let others = |text: &str| -> Option<Vec<Package>> {
        let packages = format::parse(kind, text.as_bytes())?.ok()?.packages.into_iter();
        Some(packages.filter(|package| package.name != name).map(|package| Package { line: 0, ..package }).collect())
    };
    match (others(old), others(new)) {
        (Some(old), Some(new)) if old == new => Ok(()),
        _ => Err(EditError::new(
            format!("{name} can't be edited without changing something else"),
            "edit the manifest by hand, then `devbox rebuild`",
        )),
    }
}

/// The end of lines that a text uses.
fn end_of_line(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where a name goes among others: at its place when they are sorted, otherwise behind them.
fn position<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> usize {
    let key = |name: &str| requirement::normal_name(name);
    let names: Vec<String> = names.map(key).collect();
    if names.len() > 1 && names.is_sorted() { names.partition_point(|other| *other < key(name)) } else { names.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_read() {
        let check = |ecosystem, text: &str, expected: &str| {
            let shown = Request::parse(ecosystem, text)
                .map_or("-".to_owned(), |r| format!("{}|{}|{}|{}", r.name, r.label, r.range, r.marker));
            assert_eq!(shown, expected, "{text}");
        };
        check(Ecosystem::Python, "Humanize", "humanize|Humanize||");
        check(Ecosystem::Python, "psycopg[binary] >=3,<4", "psycopg|psycopg[binary]|>=3,<4|");
        check(Ecosystem::Python, "x==1; python_version < '3.9'", "x|x|==1|python_version < '3.9'");
        check(Ecosystem::Python, "x @ git+https://h/x", "x|x|@ git+https://h/x|");
        for wrong in ["", "-r", "a b", "./folder", "$(x)", "a\nb"] {
            check(Ecosystem::Python, wrong, "-");
        }
        check(Ecosystem::Node, "@scope/name@^1", "@scope/name|@scope/name|^1|");
        check(Ecosystem::Node, "left-pad", "left-pad|left-pad||");
        check(Ecosystem::Node, "--evil", "-");
    }

    #[test]
    fn one_that_is_there_stays_as_it_is_unless_something_is_asked_for() {
        let check = |kind, text: &str, request: &str, dev, same| {
            let request = Request::parse(Ecosystem::Python, request).unwrap();
            let addition = Addition { request: &request, version: Some("9"), dev, tool: Tool::Uv };
            assert_eq!(add(kind, text, addition).unwrap() == text, same, "{text}");
        };
        check(ManifestKind::Requirements, "Django>=5\n", "django", false, true);
        check(ManifestKind::Requirements, "Django>=5\n", "django>=6", false, false);
        let grouped = "[project]\nname = \"x\"\ndependencies = []\n[dependency-groups]\ndev = [\"pytest\"]\n";
        check(ManifestKind::Pyproject, grouped, "pytest", true, true);
        check(ManifestKind::Pyproject, grouped, "pytest[x]", true, false);
    }

    #[test]
    fn a_caret_stops_before_the_next_breaking_version() {
        for (version, expected) in
            [("4.17.0", "5.0.0"), ("0.3.1", "0.4.0"), ("0.0.3", "0.0.4"), ("2024.1", "2025.0.0"), ("1.0rc1", "2.0.0")]
        {
            assert_eq!(above(version), expected, "{version}");
        }
    }
}
