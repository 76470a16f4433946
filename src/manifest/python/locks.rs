//! poetry.lock, uv.lock, pdm.lock and pylock.toml: lists of packages with their exact versions.
//!
//! Hashes and download addresses are left out: another index or a newer tool rewrites them all while the same
//! packages are installed. Markers, extras and groups that decide *whether* a package is installed are kept.

use toml_edit::{Item, TableLike};

use super::requirement::{marker_text, normal_name};
use crate::manifest::declared::{Declared, ParseError, mask_credentials};
use crate::manifest::toml::{Toml, plain, string, tables};
use crate::model::Package;

/// Reads poetry.lock, uv.lock and pdm.lock.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    read(&toml, "package", &mut declared);
    let python = toml.get(&["requires-python"]).or_else(|| toml.get(&["metadata", "requires-python"]));
    if let Some(python) = python.or_else(|| toml.get(&["metadata", "python-versions"])) {
        declared.setting("requires-python", plain(python));
    }
    if let Some(groups) = toml.get(&["metadata", "groups"]) {
        declared.setting("groups", plain(groups));
    }
    Ok(declared)
}

/// Reads pylock.toml (PEP 751).
pub(crate) fn parse_pylock(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    read(&toml, "packages", &mut declared);
    for key in ["requires-python", "default-groups", "extras", "dependency-groups"] {
        if let Some(item) = toml.get(&[key]) {
            declared.setting(key, plain(item));
        }
    }
    Ok(declared)
}

fn read(toml: &Toml<'_>, array: &str, declared: &mut Declared) {
    for table in toml.get(&[array]).into_iter().flat_map(tables) {
        let Some(name) = string(table, "name") else { continue };
        let Some(source) = source(table) else { continue };
        let mut package =
            Package::new(normal_name(name), string(table, "version").unwrap_or_default(), toml.key_line(table, "name"));
        if let Some(extras) = table.get("extras").and_then(Item::as_array) {
            package.extras = extras.iter().filter_map(|extra| extra.as_str()).map(normal_name).collect();
            package.extras.sort();
        }
        let mut details = vec![source];
        details.extend(["markers", "marker"].iter().filter_map(|key| string(table, key)).map(marker_text));
        if string(table, "category") == Some("dev") {
            package.group = "dev".to_owned();
        }
        if let Some(groups) =
            table.get("groups").map(plain).filter(|groups| !groups.contains("main") && !groups.contains("default"))
        {
            package.group = groups.trim_matches(['[', ']']).to_owned();
        }
        details.retain(|detail| !detail.is_empty());
        package.detail = details.join(", ");
        declared.package(package);
    }
}

/// Where a package comes from when that isn't an index; `None` for the project itself, whose own version is no news.
fn source(table: &dyn TableLike) -> Option<String> {
    // poetry and uv have `source`; uv writes the project and its members as `editable` or `virtual`.
    if let Some(source) = table.get("source").and_then(Item::as_table_like) {
        if source.contains_key("virtual") || string(source, "editable") == Some(".") {
            return None;
        }
        let kind = string(source, "type").unwrap_or_default();
        if source.contains_key("registry") || kind == "legacy" {
            return Some(String::new());
        }
        let place =
            ["git", "url", "path", "directory", "editable"].iter().find_map(|key| string(source, key)).unwrap_or(kind);
        let commit = string(source, "resolved_reference").map(|commit| format!("#{commit}")).unwrap_or_default();
        return Some(mask_credentials(&format!("{place}{commit}")));
    }
    // pylock.toml and pdm.lock name the kind of source as the key.
    let kinds = ["vcs", "directory", "archive", "git", "path", "url"];
    let place = kinds
        .iter()
        .find_map(|key| table.get(key).map(|item| if item.is_str() { plain(item) } else { no_hashes(item) }));
    let commit = string(table, "revision").map(|revision| format!("#{revision}")).unwrap_or_default();
    Some(place.map(|place| mask_credentials(&format!("{place}{commit}"))).unwrap_or_default())
}

fn no_hashes(item: &Item) -> String {
    let Some(table) = item.as_table_like() else { return plain(item) };
    let wanted = ["url", "path", "commit-id", "requested-revision", "subdirectory"];
    wanted.iter().filter_map(|key| string(table, key)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(declared: &Declared) -> Vec<String> {
        let packages = declared.packages.iter();
        packages.map(|p| format!("{} {}/{}|{}|{}", p.line, p.group, p.display_name(), p.version, p.detail)).collect()
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(shown(&parse(text).unwrap()), expected, "{text}");
    }

    #[test]
    fn poetry() {
        check(
            "[[package]]\nname = \"Django\"\nversion = \"5.1.3\"\nfiles = [{file = 'x', hash = 'sha256:1'}]\n[package.dependencies]\nasgiref = '>=3'\n[[package]]\nname = \"lib\"\nversion = \"1\"\ngroups = [\"dev\"]\n[package.source]\ntype = \"git\"\nurl = \"https://h/lib.git\"\nresolved_reference = \"abc\"\n[metadata]\npython-versions = \"^3.11\"\ncontent-hash = \"1\"\n",
            &["2 /django|5.1.3|", "8 dev/lib|1|https://h/lib.git#abc"],
        );
    }

    #[test]
    fn uv_without_the_project_itself() {
        check(
            "version = 1\nrequires-python = '>=3.11'\n[[package]]\nname = 'shop'\nversion = '0.1.0'\nsource = { virtual = '.' }\n[[package]]\nname = 'anyio'\nversion = '4.6'\nsource = { registry = 'https://pypi.org/simple' }\n[[package]]\nname = 'x'\nversion = '1'\nsource = { git = 'https://h/x?rev=1#abc' }\n",
            &["8 /anyio|4.6|", "12 /x|1|https://h/x?rev=1#abc"],
        );
    }

    #[test]
    fn another_index_or_hash_is_no_other_package() {
        let a = parse("[[package]]\nname='a'\nversion='1'\nsource={registry='https://one'}\nsdist={hash='1'}").unwrap();
        let b = parse("[[package]]\nname='a'\nversion='1'\nsource={registry='https://two'}\nsdist={hash='2'}").unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn pdm_and_pylock() {
        check(
            "[[package]]\nname = 'a'\nversion = '1'\ngit = 'https://h/a'\nrevision = 'abc'\n",
            &["2 /a|1|https://h/a#abc"],
        );
        let pylock = parse_pylock("lock-version = '1.0'\n[[packages]]\nname = 'A.b'\nversion = '2'\nmarker = \"os_name=='nt'\"\n[packages.archive]\nurl = 'https://h/a.zip'\nhashes = {sha256 = '1'}\n").unwrap();
        assert_eq!(shown(&pylock), ["3 /a-b|2|https://h/a.zip, os_name==\"nt\""]);
    }
}
