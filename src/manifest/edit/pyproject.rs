//! Dependencies of pyproject.toml: PEP 621's list, PEP 735's groups, and the tables of Poetry, PDM and uv.

use toml_edit::Item;

use super::toml_text::{Text, quoted};
use super::{Addition, Bound, EditError, Tool, pipfile::key, position};
use crate::manifest::python::{pyproject, requirement};
use crate::manifest::toml::strings;
use crate::model::Package;

/// Where packages stand: a list of requirements, or a table with one key each.
enum Place {
    List(Vec<String>),
    Table(Vec<String>),
}

fn path(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn keys(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

const MAIN: &[&str] = &["project", "dependencies"];
const POETRY: &[&str] = &["tool", "poetry", "dependencies"];
const POETRY_DEV: &[&str] = &["tool", "poetry", "group", "dev", "dependencies"];

/// Whether the file declares what is installed, rather than only the settings of tools.
pub(super) fn declares(text: &str) -> bool {
    Text::parse(text).is_ok_and(|toml| toml.get(&["project"]).is_some() || toml.get(POETRY).is_some())
}

/// As [`super::add`].
pub(super) fn add(text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let toml = Text::parse(text)?;
    // One that is there already keeps its place.
    let known = places(&toml)
        .into_iter()
        .filter(|(_, dev)| *dev == addition.dev)
        .find(|(place, _)| holds(&toml, place, &addition.request.name));
    let place = match known {
        Some((place, _)) => place,
        None => chosen(&toml, addition)?,
    };
    let new = match &place {
        Place::List(path) => into_list(&toml, path, addition),
        Place::Table(path) => into_table(&toml, path, addition),
    };
    new.ok_or_else(|| {
        let what = format!("pyproject.toml has no place for {}", addition.request.label);
        EditError::new(what, "edit it by hand, then `devbox lock`")
    })
}

/// Where a new package goes.
fn chosen(toml: &Text<'_>, addition: Addition<'_>) -> Result<Place, EditError> {
    let has = |keys: &[&str]| toml.get(keys).is_some();
    if !addition.dev {
        if has(MAIN) {
            return Ok(Place::List(path(MAIN)));
        }
        if has(POETRY) {
            return Ok(Place::Table(path(POETRY)));
        }
        let dynamic = toml.get(&["project", "dynamic"]);
        if dynamic.is_some_and(|dynamic| strings(dynamic).any(|(name, _)| name == "dependencies")) {
            let what = "pyproject.toml says that its dependencies are dynamic: they are declared in another file";
            return Err(EditError::new(what, "add it there, or name that file with `--manifest`"));
        }
        return match toml.get(&["project"]) {
            Some(_) => Ok(Place::List(path(MAIN))),
            None => Err(EditError::new(
                "pyproject.toml has no [project] table",
                "add one, or name another file with `--manifest`",
            )),
        };
    }
    let lists: [&[&str]; 4] = [
        &["dependency-groups", "dev"],
        &["tool", "uv", "dev-dependencies"],
        &["tool", "pdm", "dev-dependencies", "dev"],
        &["project", "optional-dependencies", "dev"],
    ];
    if let Some(keys) = lists.into_iter().find(|keys| has(keys)) {
        return Ok(Place::List(path(keys)));
    }
    let tables = [POETRY_DEV, &["tool", "poetry", "dev-dependencies"]];
    if let Some(keys) = tables.into_iter().find(|keys| has(keys)) {
        return Ok(Place::Table(path(keys)));
    }
    Ok(if has(POETRY) { Place::Table(path(POETRY_DEV)) } else { Place::List(path(lists[0])) })
}

/// Every place there is, and whether it is for development only.
fn places(toml: &Text<'_>) -> Vec<(Place, bool)> {
    let mut places = vec![(Place::List(path(MAIN)), false), (Place::Table(path(POETRY)), false)];
    let names = |keys: &[&str]| -> Vec<String> {
        toml.table(keys).into_iter().flat_map(|table| table.iter()).map(|(key, _)| key.to_owned()).collect()
    };
    for parent in [&["dependency-groups"][..], &["tool", "pdm", "dev-dependencies"]] {
        places.extend(
            names(parent).into_iter().map(|name| (Place::List(path(parent).into_iter().chain([name]).collect()), true)),
        );
    }
    places.push((Place::List(path(&["tool", "uv", "dev-dependencies"])), true));
    places.extend(names(&["project", "optional-dependencies"]).into_iter().map(|name| {
        let dev = name == "dev";
        (Place::List(path(&["project", "optional-dependencies", &name])), dev)
    }));
    places.extend(
        names(&["tool", "poetry", "group"])
            .into_iter()
            .map(|name| (Place::Table(path(&["tool", "poetry", "group", &name, "dependencies"])), true)),
    );
    places.push((Place::Table(path(&["tool", "poetry", "dev-dependencies"])), true));
    places
}

fn name_of(text: &str) -> String {
    requirement::parse(text, 0).map(|package| package.name).unwrap_or_default()
}

fn holds(toml: &Text<'_>, place: &Place, name: &str) -> bool {
    match place {
        Place::List(path) => {
            toml.get(&keys(path)).is_some_and(|list| strings(list).any(|(text, _)| name_of(text) == name))
        }
        Place::Table(path) => toml.table(&keys(path)).is_some_and(|table| key(table, name).is_some()),
    }
}

fn into_list(toml: &Text<'_>, path: &[String], addition: Addition<'_>) -> Option<String> {
    let request = addition.request;
    let item = toml.get(&keys(path));
    let packages: Vec<Package> =
        item.into_iter().flat_map(strings).filter_map(|(text, _)| requirement::parse(text, 0)).collect();
    let element = quoted(&requirement_text(&packages, addition));
    let multiline = addition.tool != Tool::Poetry;
    let eol = super::end_of_line(toml.text);
    let first = if multiline { format!("[{eol}    {element},{eol}]") } else { format!("[{element}]") };
    let Some(item) = item else {
        let (name, parent) = path.split_last()?;
        let line = format!("{name} = {first}");
        let parent = keys(parent);
        return match toml.get(&parent) {
            Some(_) => toml.add_line(&parent, usize::MAX, &line),
            None => Some(toml.add_table(&parent.join("."), &line)),
        };
    };
    let array = item.as_array()?;
    if let Some(known) = array.iter().find(|value| value.as_str().is_some_and(|text| name_of(text) == request.name)) {
        return toml.replace(&Item::Value(known.clone()), &element);
    }
    let names = array.iter().map(|value| value.as_str().unwrap_or_default());
    let names: Vec<String> = names.map(name_of).collect();
    // Poetry and PDM put what is new last.
    let sorted = matches!(addition.tool, Tool::Uv | Tool::Pip);
    let at = if sorted { position(names.iter().map(String::as_str), &request.name) } else { names.len() };
    toml.add_element(array, at, &element, &first)
}

/// As PEP 508 writes it, in the list's own habit.
fn requirement_text(packages: &[Package], addition: Addition<'_>) -> String {
    let Addition { request, version, tool, .. } = addition;
    let default = if tool == Tool::Poetry { Bound::Range } else { Bound::AtLeast };
    // Tools that lock put in what they resolved, also beside names without a version.
    let bound = Bound::of(packages.iter().filter(|package| !package.version.is_empty()), default);
    let range = match (request.range.as_str(), version) {
        ("", Some(version)) => bound.python(version),
        (typed, _) => typed.to_owned(),
    };
    let range = match range.as_str() {
        "" => range,
        place if place.starts_with('@') => format!(" {place}"),
        _ if tool == Tool::Poetry => format!(" ({range})"),
        _ => range,
    };
    let marker = if request.marker.is_empty() { String::new() } else { format!(" ; {}", request.marker) };
    format!("{}{range}{marker}", request.label)
}

fn into_table(toml: &Text<'_>, path: &[String], addition: Addition<'_>) -> Option<String> {
    let request = addition.request;
    let path = keys(path);
    let (name, extras) = request.label.split_once('[').unwrap_or((&request.label, ""));
    let value = poetry_value(toml.text, extras.trim_end_matches(']'), addition);
    let line = format!("{name} = {value}");
    let Some(table) = toml.table(&path) else { return Some(toml.add_table(&path.join("."), &line)) };
    match key(table, &request.name).and_then(|key| table.get(key)) {
        Some(item) => toml.replace(item, &value),
        None => toml.add_line(&path, usize::MAX, &line),
    }
}

fn poetry_value(text: &str, extras: &str, addition: Addition<'_>) -> String {
    let Addition { request, version, .. } = addition;
    let declared = pyproject::parse(text).unwrap_or_default().packages;
    let bound =
        Bound::of(declared.iter().filter(|package| package.name != "python" && package.group.is_empty()), Bound::Caret);
    let range = match (request.range.as_str(), version) {
        ("", Some(version)) => match bound {
            Bound::Any => "*".to_owned(),
            Bound::Exact => version.to_owned(),
            Bound::Caret => format!("^{version}"),
            Bound::Compatible => format!("~{version}"),
            Bound::AtLeast | Bound::Range => bound.python(version),
        },
        ("", None) => "*".to_owned(),
        (typed, _) => typed.trim_start_matches("==").to_owned(),
    };
    let mut fields = Vec::new();
    if !extras.is_empty() {
        let extras: Vec<String> = extras.split(',').map(|extra| quoted(extra.trim())).collect();
        fields.push(format!("extras = [{}]", extras.join(", ")));
    }
    match range.strip_prefix("@ git+") {
        Some(place) => fields.push(format!("git = {}", quoted(place))),
        None => match range.strip_prefix("@ ") {
            Some(place) => fields.push(format!("url = {}", quoted(place))),
            None if fields.is_empty() && request.marker.is_empty() => return quoted(&range),
            None => fields.push(format!("version = {}", quoted(&range))),
        },
    }
    if !request.marker.is_empty() {
        fields.push(format!("markers = {}", quoted(&request.marker)));
    }
    format!("{{{}}}", fields.join(", "))
}

/// As [`super::remove`].
pub(super) fn remove(text: &str, name: &str, dev: bool) -> Result<Option<String>, EditError> {
    let toml = Text::parse(text)?;
    let place = places(&toml).into_iter().find(|(place, for_dev)| (*for_dev || !dev) && holds(&toml, place, name));
    Ok(place.and_then(|(place, _)| match &place {
        Place::List(path) => {
            let array = toml.get(&keys(path))?.as_array()?;
            let at = array.iter().position(|value| value.as_str().is_some_and(|text| name_of(text) == name))?;
            toml.remove_element(array, at)
        }
        Place::Table(path) => {
            let table = toml.table(&keys(path))?;
            toml.remove_key(table, key(table, name)?)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;
    use crate::manifest::Ecosystem;

    fn added(text: &str, request: &str, dev: bool, tool: Tool) -> String {
        let request = Request::parse(Ecosystem::Python, request).unwrap();
        let addition = Addition { request: &request, version: Some("4.17.0"), dev, tool };
        super::super::add(crate::model::ManifestKind::Pyproject, text, addition).unwrap()
    }

    /// The list of `[project]` before and after, and back.
    #[track_caller]
    fn list(tool: Tool, before: &str, request: &str, after: &str) {
        let file = |list: &str| {
            format!("# shop\n[project]\nname = 'shop'\ndependencies = {list} # end\n\n[tool.ruff]\nline-length = 99\n")
        };
        let new = added(&file(before), request, false, tool);
        assert_eq!(new, file(after));
        let name = Request::parse(Ecosystem::Python, request).unwrap().name;
        assert_eq!(remove(&new, &name, false).unwrap(), Some(file(before)), "there and back");
    }

    #[test]
    fn lists_keep_their_layout() {
        list(Tool::Uv, "[]", "humanize", "[\n    \"humanize>=4.17.0\",\n]");
        list(Tool::Poetry, "[]", "humanize", "[\"humanize (>=4.17.0,<5.0.0)\"]");
        list(
            Tool::Uv,
            "[\"django>=5\", \"redis>=5\"]",
            "humanize",
            "[\"django>=5\", \"humanize>=4.17.0\", \"redis>=5\"]",
        );
        list(Tool::Uv, "[\"redis>=5\"]", "humanize", "[\"redis>=5\", \"humanize>=4.17.0\"]");
        list(
            Tool::Uv,
            "[\n  'django==5', # LTS\n  'redis==5',\n]",
            "humanize",
            "[\n  'django==5', # LTS\n  \"humanize==4.17.0\",\n  'redis==5',\n]",
        );
        list(
            Tool::Uv,
            "[\n    \"redis>=5\", # cache\n]",
            "humanize",
            "[\n    \"redis>=5\", # cache\n    \"humanize>=4.17.0\",\n]",
        );
        list(Tool::Uv, "[\n    \"redis>=5\"\n]", "humanize", "[\n    \"redis>=5\",\n    \"humanize>=4.17.0\"\n]");
        list(
            Tool::Pdm,
            "[\n    \"a~=1\",\n    \"redis~=5\",\n]",
            "humanize",
            "[\n    \"a~=1\",\n    \"redis~=5\",\n    \"humanize~=4.17.0\",\n]",
        );
        list(Tool::Uv, "[\"django\"]", "psycopg[binary]>=3,<4", "[\"django\", \"psycopg[binary]>=3,<4\"]");
    }

    #[test]
    fn groups_for_development() {
        let text = "[project]\nname = \"shop\"\ndependencies = []\n";
        assert_eq!(
            added(text, "pytest", true, Tool::Uv),
            format!("{text}\n[dependency-groups]\ndev = [\n    \"pytest>=4.17.0\",\n]\n")
        );
        let grouped = "[project]\nname = \"shop\"\n[dependency-groups]\ndev = [\"ruff>=1\"]\n";
        let new = added(grouped, "pytest", true, Tool::Uv);
        assert_eq!(new, grouped.replace("[\"ruff>=1\"]", "[\"ruff>=1\", \"pytest>=4.17.0\"]"));
        assert_eq!(remove(&new, "pytest", true).unwrap().as_deref(), Some(grouped));
        assert_eq!(remove(&new, "nothing", true).unwrap(), None);
    }

    #[test]
    fn poetrys_tables() {
        let text =
            "[tool.poetry.dependencies]\npython = \"^3.11\"\ndjango = \"^5.1\"\n\n[build-system]\nrequires = []\n";
        let new = added(text, "humanize", false, Tool::Poetry);
        assert_eq!(new, text.replace("\"^5.1\"\n", "\"^5.1\"\nhumanize = \"^4.17.0\"\n"));
        assert_eq!(remove(&new, "humanize", false).unwrap().as_deref(), Some(text));
        let extras = added(text, "psycopg[binary]==3.2", false, Tool::Poetry);
        assert!(extras.contains("psycopg = {extras = [\"binary\"], version = \"3.2\"}\n"), "{extras}");
        let dev = added(text, "pytest", true, Tool::Poetry);
        assert!(dev.ends_with("\n[tool.poetry.group.dev.dependencies]\npytest = \"^4.17.0\"\n"), "{dev}");
    }

    #[test]
    fn one_that_is_there_gets_the_range() {
        let text = "[project]\nname = \"shop\"\ndependencies = [\"Humanize>=4\"]\n";
        assert_eq!(added(text, "humanize==4.9", false, Tool::Uv), text.replace("Humanize>=4", "humanize==4.9"));
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let request = Request::parse(Ecosystem::Python, "x").unwrap();
        let addition = Addition { request: &request, version: None, dev: false, tool: Tool::Uv };
        assert!(add("[tool.ruff]\n", addition).is_err());
        assert!(add("[project]\ndynamic = [\"dependencies\"]\n", addition).unwrap_err().what.contains("dynamic"));
        assert!(add("[project\n", addition).is_err());
    }
}
