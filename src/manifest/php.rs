//! composer.json and composer.lock.

use serde_json::Value;

use super::declared::{Declared, ParseError};
use super::json::{self, Json};
use crate::model::Package;

/// Reads composer.json.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let json = Json::parse(text)?;
    let mut declared = Declared::default();
    for (section, group) in [("require", ""), ("require-dev", "dev")] {
        for (name, version, line) in json.members(section) {
            let version = version.as_str().unwrap_or_default();
            declared.package(Package::new(name, if version == "*" { "" } else { version }, line).grouped(group));
        }
    }
    for (key, value) in json.root() {
        if matches!(
            key,
            "repositories"
                | "minimum-stability"
                | "prefer-stable"
                | "config"
                | "autoload"
                | "replace"
                | "provide"
                | "conflict"
        ) {
            declared.setting(key, value.to_string());
        }
    }
    for (name, script, _) in json.members("scripts") {
        if name.contains("install") || name.contains("update") || name.contains("autoload") {
            declared.setting(format!("scripts.{name}"), script.to_string());
        }
    }
    Ok(declared)
}

/// Reads composer.lock.
pub(crate) fn parse_lock(text: &str) -> Result<Declared, ParseError> {
    let root = json::parse(text)?;
    let mut declared = Declared::default();
    for (section, group) in [("packages", ""), ("packages-dev", "dev")] {
        for entry in root.get(section).and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
            let mut package = Package::new(text("name"), text("version"), 0).grouped(group);
            if package.version.contains("dev") {
                // A branch: only the commit says what is installed.
                let commit = entry.get("source").and_then(|source| source.get("reference")?.as_str());
                commit.unwrap_or_default().clone_into(&mut package.detail);
            }
            declared.package(package);
        }
    }
    if let Some(platform) = root.get("platform") {
        declared.setting("platform", platform.to_string());
    }
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composer() {
        let declared =
            parse("{\n\"require\": {\n\"php\": \">=8.2\",\n\"a/b\": \"^1\"}, \"require-dev\": {\"c/d\": \"*\"}}")
                .unwrap();
        let shown: Vec<String> =
            declared.packages.iter().map(|p| format!("{} {}/{}|{}", p.line, p.group, p.name, p.version)).collect();
        assert_eq!(shown, ["3 /php|>=8.2", "4 /a/b|^1", "4 dev/c/d|"]);
    }

    #[test]
    fn lock() {
        let declared = parse_lock(r#"{"packages": [{"name": "a/b", "version": "v1.2"}, {"name": "m", "version": "dev-main", "source": {"reference": "abc"}}]}"#).unwrap();
        let shown: Vec<String> =
            declared.packages.iter().map(|p| format!("{}|{}|{}", p.name, p.version, p.detail)).collect();
        assert_eq!(shown, ["a/b|v1.2|", "m|dev-main|abc"]);
    }
}
