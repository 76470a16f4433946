//! Pipfile and Pipfile.lock.

use serde_json::Value as Json;
use toml_edit::{Item, TableLike};

use super::requirement::{self, marker_text, normal_name};
use crate::manifest::declared::{Declared, ParseError, mask_credentials};
use crate::manifest::json;
use crate::manifest::toml::{Toml, plain, string, strings};
use crate::model::Package;

/// Reads a Pipfile: `[packages]`, `[dev-packages]` and any category of the user's own.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    for (section, item) in toml.root().iter() {
        match (section, item.as_table_like()) {
            ("source" | "requires" | "pipenv", _) => declared.setting(section, plain(item)),
            ("scripts", _) => {}
            (_, Some(table)) => {
                let group = if section == "packages" { "" } else { section.trim_end_matches("-packages") };
                for (name, item) in table.iter() {
                    declared.package(package(name, item, toml.key_line(table, name)).grouped(group));
                }
            }
            _ => {}
        }
    }
    Ok(declared)
}

fn package(name: &str, item: &Item, line: u32) -> Package {
    let Some(table) = item.as_table_like() else {
        return Package::new(normal_name(name), version(item.as_str().unwrap_or_default()), line);
    };
    let mut package = Package::new(normal_name(name), version(string(table, "version").unwrap_or_default()), line);
    package.detail = table_details(table, &mut package);
    package
}

fn table_details(table: &dyn TableLike, package: &mut Package) -> String {
    let mut details = Vec::new();
    for (key, item) in table.iter() {
        match key {
            "version" => {}
            "extras" => {
                let names: Vec<&str> = strings(item).map(|(text, _)| text).collect();
                package.extras = requirement::extra_names(&names.join(","));
            }
            "git" | "path" | "file" => package.version = format!("@ {}", mask_credentials(&plain(item))),
            "markers" => details.push(marker_text(&plain(item))),
            _ => details.push(format!("{key} {}", plain(item))),
        }
    }
    details.sort();
    details.join(", ")
}

fn version(text: &str) -> String {
    if text.trim() == "*" { String::new() } else { requirement::version_text(text) }
}

/// Reads Pipfile.lock: `default`, `develop` and categories.
pub(crate) fn parse_lock(text: &str) -> Result<Declared, ParseError> {
    let root = json::parse(text)?;
    let mut declared = Declared::default();
    for (section, value) in root.as_object().into_iter().flatten() {
        if section == "_meta" {
            for key in ["requires", "sources"] {
                if let Some(item) = value.get(key) {
                    declared.setting(key, item.to_string());
                }
            }
            continue;
        }
        let group = match section.as_str() {
            "default" => "",
            "develop" => "dev",
            other => other,
        };
        for (name, entry) in value.as_object().into_iter().flatten() {
            declared.package(locked(name, entry).grouped(group));
        }
    }
    Ok(declared)
}

fn locked(name: &str, entry: &Json) -> Package {
    let text = |key: &str| entry.get(key).and_then(Json::as_str).unwrap_or_default();
    let mut package = Package::new(normal_name(name), version(text("version")), 0);
    let places = ["git", "path", "file"].iter().map(|key| text(key)).find(|place| !place.is_empty());
    if let Some(place) = places {
        let reference = if text("ref").is_empty() { String::new() } else { format!("#{}", text("ref")) };
        package.version = mask_credentials(&format!("@ {place}{reference}"));
    }
    let extras = entry.get("extras").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    package.extras = requirement::extra_names(&extras.collect::<Vec<_>>().join(","));
    package.detail = marker_text(text("markers"));
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(declared: &Declared) -> Vec<String> {
        let packages = declared
            .packages
            .iter()
            .map(|p| format!("{} {}/{}|{}|{}", p.line, p.group, p.display_name(), p.version, p.detail));
        packages.chain(declared.settings.iter().map(|s| format!("= {}", s.key))).collect()
    }

    #[test]
    fn pipfile() {
        let text = "[[source]]\nurl = 'https://pypi.org/simple'\n[packages]\nDjango = '==5.1.3'\nredis = '*'\nx = {git = 'https://u:p@h/x', ref = 'v1', extras = ['b', 'a']}\n[dev-packages]\npytest = '*'\n[scripts]\nrun = 'x'\n[requires]\npython_version = '3.11'\n";
        assert_eq!(
            shown(&parse(text).unwrap()),
            [
                "4 /django|5.1.3|",
                "5 /redis||",
                "6 /x[a,b]|@ https://***@h/x|ref v1",
                "8 dev/pytest||",
                "= source",
                "= requires"
            ]
        );
    }

    #[test]
    fn pipfile_lock() {
        let text = r#"{"_meta": {"hash": {"sha256": "1"}, "requires": {}}, "default": {"django": {"hashes": ["x"], "version": "==5.1.3", "markers": "python_version >= '3.10'"}}, "develop": {"x": {"git": "https://h/x", "ref": "abc"}}}"#;
        assert_eq!(
            shown(&parse_lock(text).unwrap()),
            ["0 /django|5.1.3|python_version >= \"3.10\"", "0 dev/x|@ https://h/x#abc|", "= requires"]
        );
    }
}
