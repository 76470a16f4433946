//! Who asks for a package, from lock files: the packages that name it among what they need.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml_edit::{Item, TableLike};

use super::json;
use super::python::requirement::{self, normal_name};
use super::text;
use super::toml::{Toml, string, strings, tables};
use crate::model::ManifestKind;

/// A package's name to the names of those that ask for it.
pub type Requirers = BTreeMap<String, BTreeSet<String>>;

/// What a lock says; empty where its format doesn't tell (Pipfile.lock), and for what can't be parsed.
pub fn of_lock(kind: ManifestKind, bytes: &[u8]) -> Requirers {
    let text = text::decode(bytes);
    match kind {
        ManifestKind::PoetryLock | ManifestKind::UvLock | ManifestKind::PdmLock => python(&text, "package"),
        ManifestKind::Pylock => python(&text, "packages"),
        ManifestKind::PackageLock => node(&text),
        _ => Requirers::new(),
    }
}

fn python(text: &str, array: &str) -> Requirers {
    let mut requirers = Requirers::new();
    let Ok(toml) = Toml::parse(text) else { return requirers };
    for table in toml.get(&[array]).into_iter().flat_map(tables) {
        let Some(name) = string(table, "name").map(normal_name) else { continue };
        // The project itself declares; it doesn't ask.
        let own = table.get("source").and_then(Item::as_table_like).is_some_and(is_project);
        for needed in table.get("dependencies").map(needed).unwrap_or_default() {
            if !own {
                requirers.entry(needed).or_default().insert(name.clone());
            }
        }
    }
    requirers
}

fn is_project(source: &dyn TableLike) -> bool {
    source.contains_key("virtual") || string(source, "editable") == Some(".")
}

/// `{a = ">=1"}` of poetry, `[{name = "a"}]` of uv and pylock, `["a>=1"]` of pdm.
fn needed(item: &Item) -> Vec<String> {
    if let Some(table) = item.as_table_like() {
        return table.iter().map(|(name, _)| normal_name(name)).collect();
    }
    let named = tables(item).into_iter().filter_map(|table| string(table, "name")).map(normal_name);
    let written = strings(item).filter_map(|(text, _)| Some(requirement::parse(text, 0)?.name));
    named.chain(written).collect()
}

fn node(text: &str) -> Requirers {
    let mut requirers = Requirers::new();
    let Ok(root) = json::parse(text) else { return requirers };
    for (path, entry) in root.get("packages").and_then(Value::as_object).into_iter().flatten() {
        let Some((_, name)) = path.rsplit_once("node_modules/") else { continue };
        for (needed, _) in entry.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
            requirers.entry(needed.clone()).or_default().insert(name.to_owned());
        }
    }
    requirers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: ManifestKind, text: &str, expected: &str) {
        let shown: Vec<String> = of_lock(kind, text.as_bytes())
            .into_iter()
            .map(|(name, by)| format!("{name} < {}", by.into_iter().collect::<Vec<_>>().join(" ")))
            .collect();
        assert_eq!(shown.join(", "), expected);
    }

    #[test]
    fn each_lock_has_its_own_way() {
        check(
            ManifestKind::PoetryLock,
            "[[package]]\nname = \"Django\"\n[package.dependencies]\nasgiref = \">=3\"\nsqlparse = {version = \"*\"}\n",
            "asgiref < django, sqlparse < django",
        );
        check(
            ManifestKind::UvLock,
            "[[package]]\nname = \"shop\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"django\" }]\n\
             [[package]]\nname = \"django\"\nsource = { registry = \"x\" }\ndependencies = [\n  { name = \"asgiref\" },\n]\n",
            "asgiref < django",
        );
        check(ManifestKind::PdmLock, "[[package]]\nname = \"a\"\ndependencies = [\"B_c>=1; x == 'y'\"]\n", "b-c < a");
        check(
            ManifestKind::PackageLock,
            r#"{"packages": {"": {"dependencies": {"a": "^1"}}, "node_modules/a": {"dependencies": {"@x/b": "1"}}}}"#,
            "@x/b < a",
        );
        check(ManifestKind::PipfileLock, "{}", "");
        check(ManifestKind::UvLock, "[[", "");
    }
}
