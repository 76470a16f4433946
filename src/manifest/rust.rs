//! Cargo.toml and Cargo.lock.

use toml_edit::TableLike;

use super::declared::{Declared, ParseError, mask_credentials};
use super::toml::{Toml, plain, plain_table, string, strings, tables};
use crate::model::Package;

/// Reads Cargo.toml.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    for (key, item) in toml.root().iter() {
        let Some(table) = item.as_table_like() else { continue };
        match key {
            "dependencies" => dependencies(&toml, table, "", &mut declared),
            "dev-dependencies" => dependencies(&toml, table, "dev", &mut declared),
            "build-dependencies" => dependencies(&toml, table, "build", &mut declared),
            "target" => {
                for (platform, item) in table.iter() {
                    if let Some(inner) =
                        item.as_table_like().and_then(|table| table.get("dependencies")?.as_table_like())
                    {
                        dependencies(&toml, inner, platform, &mut declared);
                    }
                }
            }
            "workspace" => {
                for (key, item) in table.iter() {
                    match (key, item.as_table_like()) {
                        ("dependencies", Some(inner)) => dependencies(&toml, inner, "workspace", &mut declared),
                        ("metadata" | "lints" | "package", _) => {}
                        _ => declared.setting(format!("workspace.{key}"), plain(item)),
                    }
                }
            }
            "package" => {
                for key in ["edition", "rust-version", "build", "links"] {
                    if let Some(item) = table.get(key) {
                        declared.setting(format!("package.{key}"), plain(item));
                    }
                }
            }
            "lints" | "badges" => {}
            _ => declared.setting(key, plain_table(table)),
        }
    }
    Ok(declared)
}

fn dependencies(toml: &Toml<'_>, table: &dyn TableLike, group: &str, declared: &mut Declared) {
    for (name, item) in table.iter() {
        let mut package =
            Package::new(name, item.as_str().unwrap_or_default(), toml.key_line(table, name)).grouped(group);
        if let Some(fields) = item.as_table_like() {
            let mut details = Vec::new();
            for (key, item) in fields.iter() {
                match key {
                    "version" => package.version = plain(item),
                    "git" | "path" => package.version = format!("@ {}", mask_credentials(&plain(item))),
                    "features" => package.extras = strings(item).map(|(feature, _)| feature.to_owned()).collect(),
                    _ => details.push(format!("{key} {}", plain(item))),
                }
            }
            package.extras.sort();
            details.sort();
            package.detail = details.join(", ");
        }
        declared.package(package);
    }
}

/// Reads Cargo.lock; members of the workspace (packages without a source) are left out.
pub(crate) fn parse_lock(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    for table in toml.get(&["package"]).into_iter().flat_map(tables) {
        let (Some(name), Some(source)) = (string(table, "name"), string(table, "source")) else { continue };
        let mut package =
            Package::new(name, string(table, "version").unwrap_or_default(), toml.key_line(table, "name"));
        if source.starts_with("git+") {
            package.detail = mask_credentials(source);
        }
        declared.package(package);
    }
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(declared: &Declared) -> Vec<String> {
        declared
            .packages
            .iter()
            .map(|p| format!("{} {}/{}|{}|{}", p.line, p.group, p.display_name(), p.version, p.detail))
            .collect()
    }

    #[test]
    fn cargo_toml() {
        let text = "[package]\nname = 'x'\nedition = '2024'\n[dependencies]\nserde = { version = '1', features = ['derive'], optional = true }\nlog = '0.4'\n[dev-dependencies.insta]\nversion = '1'\n[target.'cfg(unix)'.dependencies]\nnix = '0.29'\n[lints.rust]\nx = 'warn'\n";
        let declared = parse(text).unwrap();
        assert_eq!(
            shown(&declared),
            ["5 /serde[derive]|1|optional true", "6 /log|0.4|", "7 dev/insta|1|", "10 cfg(unix)/nix|0.29|"]
        );
        assert_eq!(declared.settings.len(), 1);
    }

    #[test]
    fn cargo_lock() {
        let text = "[[package]]\nname = 'own'\nversion = '0.1.0'\n[[package]]\nname = 'a'\nversion = '1'\nsource = 'registry+https://x'\n[[package]]\nname = 'b'\nversion = '2'\nsource = 'git+https://h/b#abc'\n";
        assert_eq!(shown(&parse_lock(text).unwrap()), ["5 /a|1|", "9 /b|2|git+https://h/b#abc"]);
    }
}
