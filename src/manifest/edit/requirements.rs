//! Lines of a requirements file.

use super::{Addition, Bound, EditError, Tool, end_of_line, position};
use crate::manifest::python::requirements;
use crate::model::Package;

/// A requirement's physical lines, joined ones together: from the first line's start to behind the last one's end.
struct Entry {
    package: Package,
    from: usize,
    to: usize,
}

/// The requirements of a text with their places.
fn entries(text: &str) -> Vec<Entry> {
    let mut starts: Vec<usize> =
        std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1)).collect();
    starts.push(text.len());
    let packages = requirements::parse(text).packages;
    packages
        .into_iter()
        .filter_map(|package| {
            let first = package.line.checked_sub(1)? as usize;
            let from = *starts.get(first)?;
            let mut last = first;
            while text.get(*starts.get(last)?..*starts.get(last + 1)?)?.trim_end_matches(['\r', '\n']).ends_with('\\') {
                last += 1;
            }
            Some(Entry { package, from, to: *starts.get(last + 1)? })
        })
        .collect()
}

/// As [`super::add`].
pub(super) fn add(text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let entries = entries(text);
    let request = addition.request;
    if entries.iter().any(|entry| entry.package.detail.contains("hashes ")) {
        return Err(EditError::new(
            "the requirements carry hashes, which a tool writes",
            "add the package to the file that they are compiled from (pip-compile, uv export, poetry export)",
        ));
    }
    let known = entries.iter().find(|entry| entry.package.name == request.name);
    // What a tool pins in another file needs no pin in this one.
    let default = if addition.tool == Tool::Pip { Bound::Exact } else { Bound::Any };
    let bound = Bound::of(entries.iter().map(|entry| &entry.package), default);
    let range = match (request.range.as_str(), addition.version) {
        ("", Some(version)) => bound.python(version),
        (typed, _) if typed.starts_with('@') => format!(" {typed}"),
        (typed, _) => typed.to_owned(),
    };
    let marker = if request.marker.is_empty() { String::new() } else { format!("; {}", request.marker) };
    let line = format!("{}{range}{marker}", request.label);
    if let Some(known) = known {
        return Ok(replaced(text, known, &line));
    }
    let eol = end_of_line(text);
    let at = position(entries.iter().map(|entry| entry.package.name.as_str()), &request.name);
    let before = match entries.get(at) {
        Some(next) => next.from,
        // Behind the last requirement; a file of options or comments only gets it at its end.
        None => entries.last().map_or(text.len(), |last| last.to),
    };
    let (head, tail) = text.split_at(before);
    Ok(if head.is_empty() || head.ends_with('\n') {
        format!("{head}{line}{eol}{tail}")
    } else {
        // The last line had no end, and the new one has none either.
        format!("{head}{eol}{line}{tail}")
    })
}

/// The requirement's lines with another requirement and their comment.
fn replaced(text: &str, entry: &Entry, line: &str) -> String {
    let old = &text[entry.from..entry.to];
    let ending = &old[old.trim_end_matches(['\r', '\n']).len()..];
    let comment =
        memchr::memchr_iter(b'#', old.as_bytes()).find(|at| *at > 0 && old.as_bytes()[at - 1].is_ascii_whitespace());
    let comment = comment.map_or("", |at| {
        let blanks = old[..at].len() - old[..at].trim_end().len();
        old[at - blanks..].trim_end_matches(['\r', '\n'])
    });
    format!("{}{line}{comment}{ending}{}", &text[..entry.from], &text[entry.to..])
}

/// As [`super::remove`].
pub(super) fn remove(text: &str, name: &str) -> Result<Option<String>, EditError> {
    let mut new = text.to_owned();
    let mut found = false;
    for entry in entries(text).iter().rev().filter(|entry| entry.package.name == name) {
        found = true;
        let at_end_without_newline = entry.to == text.len() && !text.ends_with('\n');
        new.replace_range(entry.from..entry.to, "");
        if at_end_without_newline {
            new.truncate(new.trim_end_matches(['\r', '\n']).len());
        }
    }
    Ok(found.then_some(new))
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use crate::manifest::Ecosystem;

    fn added(text: &str, request: &str, version: Option<&str>) -> String {
        let request = Request::parse(Ecosystem::Python, request).unwrap();
        add(text, Addition { request: &request, version, dev: false, tool: Tool::Pip }).unwrap()
    }

    /// Adds, and takes out again.
    #[track_caller]
    fn check(text: &str, request: &str, version: Option<&str>, expected: &str) {
        let new = added(text, request, version);
        assert_eq!(new, expected, "{text}");
        let name = Request::parse(Ecosystem::Python, request).unwrap().name;
        assert_eq!(remove(&new, &name).unwrap().as_deref(), Some(text), "there and back");
    }

    #[test]
    fn the_files_own_style_is_kept() {
        let four = Some("4.17.0");
        check("django==5.1.3\n", "humanize", four, "django==5.1.3\nhumanize==4.17.0\n");
        check("django>=5\nredis>=5\n", "humanize", four, "django>=5\nhumanize>=4.17.0\nredis>=5\n");
        check("redis\ndjango\n", "humanize", four, "redis\ndjango\nhumanize\n");
        check("django~=5.1\n", "humanize", four, "django~=5.1\nhumanize~=4.17.0\n");
        check("", "humanize", four, "humanize==4.17.0\n");
        check("django==5", "humanize", four, "django==5\nhumanize==4.17.0");
        check("a==1\r\nc==1\r\n", "b", Some("2"), "a==1\r\nb==2\r\nc==1\r\n");
        check(
            "# web\ndjango==5 # why\n\n# end\n",
            "humanize",
            four,
            "# web\ndjango==5 # why\nhumanize==4.17.0\n\n# end\n",
        );
        check("-r base.txt\n", "pytest", Some("8"), "-r base.txt\npytest==8\n");
        check(
            "django==5\n",
            "psycopg[binary]>=3; os_name=='nt'",
            four,
            "django==5\npsycopg[binary]>=3; os_name=='nt'\n",
        );
    }

    #[test]
    fn one_that_is_there_gets_the_range_and_keeps_its_comment() {
        assert_eq!(added("Django==5.1.2  # LTS\nx\n", "django==5.1.3", None), "django==5.1.3  # LTS\nx\n");
        assert_eq!(added("a \\\n  ==1\nb\n", "a==2", None), "a==2\nb\n");
    }

    #[test]
    fn removing_takes_joined_lines_and_every_occurrence() {
        assert_eq!(remove("a==1 \\\n --hash=sha256:x\nb\nA\n", "a").unwrap().as_deref(), Some("b\n"));
        assert_eq!(remove("b\n", "a").unwrap(), None);
    }

    #[test]
    fn hashes_are_a_tools_business() {
        let request = Request::parse(Ecosystem::Python, "b").unwrap();
        let addition = Addition { request: &request, version: None, dev: false, tool: Tool::Pip };
        assert!(add("a==1 --hash=sha256:x\n", addition).is_err());
    }
}
