//! Tables of a Pipfile.

use toml_edit::TableLike;

use super::toml_text::{Text, quoted};
use super::{Addition, Bound, EditError, position};
use crate::manifest::python::pipfile;
use crate::manifest::python::requirement::normal_name;

fn section(dev: bool) -> &'static str {
    if dev { "dev-packages" } else { "packages" }
}

/// The key under which a package stands.
pub(super) fn key<'t>(table: &'t dyn TableLike, name: &str) -> Option<&'t str> {
    table.iter().map(|(key, _)| key).find(|key| normal_name(key) == name)
}

/// As [`super::add`].
pub(super) fn add(text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let toml = Text::parse(text)?;
    let section = section(addition.dev);
    let request = addition.request;
    let declared = pipfile::parse(text).unwrap_or_default().packages;
    let group = if addition.dev { "dev" } else { "" };
    let bound = Bound::of(declared.iter().filter(|package| package.group == group), Bound::Any);
    let range = match (request.range.as_str(), addition.version) {
        (place, _) if place.starts_with('@') => {
            return Err(EditError::new(
                "a package from a place can't be added to a Pipfile",
                "`pipenv install`, or edit it",
            ));
        }
        ("", Some(version)) => bound.python(version),
        (typed, _) => typed.to_owned(),
    };
    let range = quoted(if range.is_empty() { "*" } else { &range });
    let (name, extras) = request
        .label
        .split_once('[')
        .map_or((request.label.as_str(), ""), |(name, rest)| (name, rest.trim_end_matches(']')));
    let mut fields = Vec::new();
    if !extras.is_empty() {
        let extras: Vec<String> = extras.split(',').map(|extra| quoted(extra.trim())).collect();
        fields.push(format!("extras = [{}]", extras.join(", ")));
    }
    if !request.marker.is_empty() {
        fields.push(format!("markers = {}", quoted(&request.marker)));
    }
    let value = if fields.is_empty() { range } else { format!("{{version = {range}, {}}}", fields.join(", ")) };
    let no_place =
        || EditError::new(format!("the Pipfile has no place for {name}"), "edit it by hand, then `devbox lock`");
    let Some(table) = toml.table(&[section]) else {
        return Ok(toml.add_table(section, &format!("{name} = {value}")));
    };
    if let Some(item) = key(table, &request.name).and_then(|key| table.get(key)) {
        return toml.replace(item, &value).ok_or_else(no_place);
    }
    let at = position(table.iter().map(|(key, _)| key), &request.name);
    let name = if name.contains('.') { quoted(name) } else { name.to_owned() };
    toml.add_line(&[section], at, &format!("{name} = {value}")).ok_or_else(no_place)
}

/// As [`super::remove`].
pub(super) fn remove(text: &str, name: &str, dev: bool) -> Result<Option<String>, EditError> {
    let toml = Text::parse(text)?;
    let sections = if dev { &["dev-packages"][..] } else { &["packages", "dev-packages"] };
    Ok(sections.iter().find_map(|section| {
        let table = toml.table(&[section])?;
        toml.remove_key(table, key(table, name)?)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{Request, Tool};
    use super::*;
    use crate::manifest::Ecosystem;

    #[track_caller]
    fn check(text: &str, request: &str, dev: bool, expected: &str) {
        let request = Request::parse(Ecosystem::Python, request).unwrap();
        let addition = Addition { request: &request, version: Some("4.17.0"), dev, tool: Tool::Pipenv };
        let new = add(text, addition).unwrap();
        assert_eq!(new, expected);
        assert_eq!(remove(&new, &request.name, dev).unwrap().as_deref(), Some(text), "there and back");
    }

    #[test]
    fn packages_go_into_their_section() {
        let empty = "[packages]\n\n[dev-packages]\n\n[requires]\npython_version = \"3.11\"\n";
        check(empty, "humanize", false, &empty.replace("[packages]\n", "[packages]\nhumanize = \"*\"\n"));
        check(empty, "pytest>=8", true, &empty.replace("[dev-packages]\n", "[dev-packages]\npytest = \">=8\"\n"));
        check(
            "[packages]\ndjango = \"==5.1.3\" # LTS\nredis = \"==5\"\n\n[scripts]\n",
            "humanize",
            false,
            "[packages]\ndjango = \"==5.1.3\" # LTS\nhumanize = \"==4.17.0\"\nredis = \"==5\"\n\n[scripts]\n",
        );
        check(
            "[packages]\n",
            "psycopg[binary]",
            false,
            "[packages]\npsycopg = {version = \"*\", extras = [\"binary\"]}\n",
        );
    }
}
