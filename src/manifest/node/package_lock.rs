//! package-lock.json and npm-shrinkwrap.json, lockfileVersion 1 to 3.

use serde_json::{Map, Value};

use crate::manifest::declared::{Declared, ParseError};
use crate::manifest::json;
use crate::model::Package;

/// Reads package-lock.json. `resolved` and `integrity` are left out: another registry rewrites them all.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let root = json::parse(text)?;
    let mut declared = Declared::default();
    if let Some(packages) = root.get("packages").and_then(Value::as_object) {
        for (path, entry) in packages {
            // The root is "", members of a workspace are folders of the project, and links point at those.
            let Some((_, name)) = path.rsplit_once("node_modules/") else { continue };
            if entry.get("link").and_then(Value::as_bool) != Some(true) {
                declared.package(package(name, entry));
            }
        }
    } else if let Some(tree) = root.get("dependencies").and_then(Value::as_object) {
        nested(tree, 0, &mut declared);
    }
    Ok(declared)
}

/// lockfileVersion 1 nests what could not be hoisted.
fn nested(tree: &Map<String, Value>, depth: usize, declared: &mut Declared) {
    for (name, entry) in tree {
        declared.package(package(name, entry));
        if let Some(inner) = entry.get("dependencies").and_then(Value::as_object).filter(|_| depth < 64) {
            nested(inner, depth + 1, declared);
        }
    }
}

fn package(name: &str, entry: &Value) -> Package {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| entry.get(key).and_then(Value::as_bool) == Some(true);
    let group = if flag("dev") || flag("devOptional") {
        "dev"
    } else if flag("optional") {
        "optional"
    } else {
        ""
    };
    let version = match text("resolved") {
        git if git.starts_with("git") => crate::manifest::declared::mask_credentials(&format!("@ {git}")),
        _ => text("version").to_owned(),
    };
    Package::new(name, version, 0).grouped(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let packages = parse(text).unwrap().packages;
        let shown: Vec<String> = packages.iter().map(|p| format!("{}/{}|{}", p.group, p.name, p.version)).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn versions_two_and_three() {
        check(
            r#"{"lockfileVersion": 3, "packages": {"": {"name": "shop"}, "packages/ui": {"version": "1"}, "node_modules/ui": {"link": true},
                "node_modules/@a/b": {"version": "1.0.0", "resolved": "https://r"}, "node_modules/c/node_modules/@a/b": {"version": "2.0.0", "dev": true}}}"#,
            &["/@a/b|1.0.0", "dev/@a/b|2.0.0"],
        );
    }

    #[test]
    fn version_one() {
        check(
            r#"{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2", "dev": true}}}}}"#,
            &["/a|1", "dev/b|2"],
        );
    }
}
