//! package.json.

use serde_json::Value;

use crate::manifest::declared::{Declared, IncludeKind, ParseError, mask_credentials};
use crate::manifest::json::Json;
use crate::model::Package;

/// The sections that name packages, and the group each stands for.
const SECTIONS: &[(&str, &str)] = &[
    ("dependencies", ""),
    ("devDependencies", "dev"),
    ("optionalDependencies", "optional"),
    ("peerDependencies", "peer"),
];

/// Keys beside packages that decide what an install does. Other keys (name, version, the other scripts) do not.
const SETTINGS: &[&str] = &[
    "overrides",
    "resolutions",
    "engines",
    "packageManager",
    "workspaces",
    "bundledDependencies",
    "bundleDependencies",
    "peerDependenciesMeta",
    "pnpm",
    "os",
    "cpu",
];

/// Scripts that an install runs.
const INSTALL_SCRIPTS: &[&str] = &["preinstall", "install", "postinstall", "prepare", "prepublish"];

/// Reads package.json.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let json = Json::parse(text)?;
    let mut declared = Declared::default();
    for (section, group) in SECTIONS {
        for (name, version, line) in json.members(section) {
            let version = mask_credentials(version.as_str().unwrap_or_default());
            let any = matches!(version.as_str(), "*" | "latest" | "x");
            declared.package(Package::new(name, if any { String::new() } else { version }, line).grouped(*group));
        }
    }
    for (key, value) in json.root() {
        if SETTINGS.contains(&key) {
            declared.setting(key, plain(&value));
        }
        if key == "workspaces" {
            // A list, or `{"packages": […]}` with yarn.
            let members = value.as_array().or_else(|| value.get("packages")?.as_array());
            for member in members.into_iter().flatten().filter_map(Value::as_str) {
                declared.include(IncludeKind::Member, member, 1);
            }
        }
    }
    for (name, script, _) in json.members("scripts") {
        if INSTALL_SCRIPTS.contains(&name.as_str()) {
            declared.setting(format!("scripts.{name}"), plain(&script));
        }
    }
    Ok(declared)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_what_steers_an_install() {
        let text = "{\n  \"name\": \"shop\",\n  \"dependencies\": {\n    \"react\": \"^18.0.0\",\n    \"any\": \"*\"\n  },\n  \"devDependencies\": {\"@types/node\": \"20\"},\n  \"scripts\": {\"start\": \"x\", \"postinstall\": \"y\"},\n  \"engines\": {\"node\": \">=20\"}\n}";
        let declared = parse(text).unwrap();
        let shown: Vec<String> =
            declared.packages.iter().map(|p| format!("{} {}/{}|{}", p.line, p.group, p.name, p.version)).collect();
        assert_eq!(shown, ["4 /react|^18.0.0", "5 /any|", "7 dev/@types/node|20"]);
        let keys: Vec<&str> = declared.settings.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, ["engines", "scripts.postinstall"]);
    }

    #[test]
    fn other_shapes_are_no_packages() {
        assert!(parse("{\"dependencies\": [1]}").unwrap().packages.is_empty());
        assert!(parse("[]").is_err());
    }
}
