//! Items of conda's environment.yml: its own packages, and those of the pip list inside them.
//!
//! A package of an index of Python's goes into the pip list where there is one, otherwise among conda's own, without a version: the
//! two number some packages differently. Lists in flow style (`[a, b]`) are not edited.

use super::{Addition, Bound, EditError, end_of_line, position};
use crate::manifest::python::{environment, requirement};
use crate::model::Package;

/// A list's items with their places.
struct List {
    /// What stands before an item's text: `  - `.
    lead: String,
    items: Vec<Item>,
    /// Where the list's last item ends.
    end: usize,
}

struct Item {
    package: Package,
    from: usize,
    to: usize,
}

struct Lists {
    conda: List,
    pip: Option<List>,
}

fn unreadable() -> EditError {
    EditError::new("the `dependencies` of this file aren't a list of one item a line", "edit it, then `devbox rebuild`")
}

/// The lists of a text. A line belongs to the list whose indent it has; the pip list is the one below `- pip:`.
fn lists(text: &str) -> Result<Lists, EditError> {
    let packages = environment::parse(text).map_err(|_| unreadable())?.packages;
    let mut conda: Option<List> = None;
    let mut pip: Option<List> = None;
    let (mut inside, mut below_pip) = (false, false);
    let mut from = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let to = from + line.len();
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if !line.starts_with([' ', '-', '#', '\r', '\n']) {
            inside = trimmed.trim_end_matches(|c: char| c.is_whitespace()) == "dependencies:";
        } else if let (true, Some(item)) = (inside, trimmed.strip_prefix('-')) {
            let lead = format!("{}-{}", &line[..indent], &item[..item.len() - item.trim_start().len()]);
            let own = conda.as_ref().is_none_or(|list| list.lead.find('-') == Some(indent));
            below_pip = if own { item.trim() == "pip:" } else { below_pip };
            let list = match (own, below_pip) {
                (true, _) => conda.get_or_insert_with(|| List { lead, items: Vec::new(), end: to }),
                (false, true) => pip.get_or_insert_with(|| List { lead, items: Vec::new(), end: to }),
                (false, false) => return Err(unreadable()),
            };
            // The pip list itself stays behind conda's own packages.
            if !(own && below_pip) {
                list.end = to;
            }
            let found = packages.iter().find(|package| package.line as usize == index + 1);
            list.items.extend(found.map(|package| Item { package: package.clone(), from, to }));
        }
        from = to;
    }
    conda.map(|conda| Lists { conda, pip }).ok_or_else(unreadable)
}

/// As [`super::add`].
pub(super) fn add(text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let request = addition.request;
    if addition.dev {
        return Err(EditError::new("environment.yml has no place for development alone", "leave out --dev"));
    }
    let Lists { conda, pip } = lists(text)?;
    let of_index = request.range.starts_with('@') || !request.marker.is_empty() || request.label.contains('[');
    let (list, line) = match pip {
        Some(list) => {
            let bound = Bound::of(list.items.iter().map(|item| &item.package), Bound::Exact);
            let range = match (request.range.as_str(), addition.version) {
                ("", Some(version)) => bound.python(version),
                (typed, _) if typed.starts_with('@') => format!(" {typed}"),
                (typed, _) => typed.to_owned(),
            };
            let marker = if request.marker.is_empty() { String::new() } else { format!("; {}", request.marker) };
            (list, format!("{}{range}{marker}", request.label))
        }
        None if of_index => {
            return Err(EditError::new(
                format!("conda has no `{}`, which is for pip", request.label),
                "add a `- pip:` list to `dependencies` for it",
            ));
        }
        None => (conda, format!("{}{}", request.label.to_lowercase(), request.range)),
    };
    let line = format!("{}{line}", list.lead);
    let known = list.items.iter().find(|item| requirement::normal_name(&item.package.name) == request.name);
    let eol = end_of_line(text);
    if let Some(known) = known {
        let ending = &text[known.from..known.to][text[known.from..known.to].trim_end().len()..];
        return Ok(format!("{}{line}{ending}{}", &text[..known.from], &text[known.to..]));
    }
    let at = position(list.items.iter().map(|item| item.package.name.as_str()), &request.name);
    let before = list.items.get(at).map_or(list.end, |next| next.from);
    let (head, tail) = text.split_at(before);
    Ok(match head.ends_with('\n') {
        true => format!("{head}{line}{eol}{tail}"),
        // The last line had no end, and the new one has none either.
        false => format!("{head}{eol}{line}{tail}"),
    })
}

/// As [`super::remove`].
pub(super) fn remove(text: &str, name: &str) -> Result<Option<String>, EditError> {
    let Lists { conda, pip } = lists(text)?;
    let items = conda.items.iter().chain(pip.iter().flat_map(|list| &list.items));
    let mut found: Vec<&Item> = items.filter(|item| requirement::normal_name(&item.package.name) == *name).collect();
    found.sort_by_key(|item| std::cmp::Reverse(item.from));
    let mut new = text.to_owned();
    for item in &found {
        new.replace_range(item.from..item.to, "");
        if item.to == text.len() && !text.ends_with('\n') {
            new.truncate(new.trim_end_matches(['\r', '\n']).len());
        }
    }
    Ok((!found.is_empty()).then_some(new))
}

#[cfg(test)]
mod tests {
    use super::super::{Request, Tool};
    use super::*;
    use crate::manifest::Ecosystem;
    use crate::model::ManifestKind;

    /// Adds, and takes out again.
    #[track_caller]
    fn check(text: &str, request: &str, expected: &str) {
        let request = Request::parse(Ecosystem::Python, request).unwrap();
        let addition = Addition { request: &request, version: Some("4.17.0"), dev: false, tool: Tool::Pip };
        let kind = ManifestKind::CondaEnvironment;
        let new = super::super::add(kind, text, addition).map_err(|error| error.to_string());
        assert_eq!(new.as_deref(), Ok(expected), "{text}");
        let back = super::super::remove(kind, expected, &request.name, false).unwrap();
        assert_eq!(back.as_deref(), Some(text), "there and back");
    }

    #[test]
    fn condas_own_list_and_pips() {
        check(
            "name: shop\ndependencies:\n  - python=3.11 # fixed\n  - numpy>=1.26\nvariables: {A: b}\n",
            "humanize",
            "name: shop\ndependencies:\n  - python=3.11 # fixed\n  - numpy>=1.26\n  - humanize\nvariables: {A: b}\n",
        );
        check("dependencies:\n- numpy\n- python", "humanize>=4", "dependencies:\n- humanize>=4\n- numpy\n- python");
        check(
            "dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - Django==5.1.3 # web\n      # end\n",
            "humanize",
            "dependencies:\n  - python=3.11\n  - pip\n  - pip:\n      - Django==5.1.3 # web\n      - humanize==4.17.0\n      # end\n",
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let request = Request::parse(Ecosystem::Python, "psycopg[binary]").unwrap();
        let addition = Addition { request: &request, version: None, dev: false, tool: Tool::Pip };
        for text in ["dependencies: [a, b]\n", "name: x\n", "dependencies:\n  - numpy\n"] {
            assert!(add(text, addition).is_err(), "{text}");
        }
    }
}
