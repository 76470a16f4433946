//! package.json, written as npm writes it: the file's own indent and end, dependencies in the order of their names.

use serde::Serialize;
use serde_json::{Map, Value, ser::PrettyFormatter};

use super::{Addition, Bound, EditError};
use crate::manifest::{json, node::package_json};

fn section(dev: bool) -> &'static str {
    if dev { "devDependencies" } else { "dependencies" }
}

fn parsed(text: &str) -> Result<Map<String, Value>, EditError> {
    let mend = |why: String| EditError::new(format!("package.json can't be parsed: {why}"), "mend it first");
    match json::parse(text).map_err(|error| mend(error.to_string()))? {
        Value::Object(root) => Ok(root),
        _ => Err(mend("it is no object".to_owned())),
    }
}

/// As [`super::add`].
pub(super) fn add(text: &str, addition: Addition<'_>) -> Result<String, EditError> {
    let mut root = parsed(text)?;
    let declared = package_json::parse(text).unwrap_or_default().packages;
    let range = match (addition.request.range.as_str(), addition.version) {
        ("", Some(version)) => match Bound::of(&declared, Bound::Caret) {
            Bound::Exact => version.to_owned(),
            Bound::Compatible => format!("~{version}"),
            _ => format!("^{version}"),
        },
        ("", None) => "*".to_owned(),
        (typed, _) => typed.to_owned(),
    };
    let section = section(addition.dev);
    let entry = root.entry(section).or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(packages) = entry else {
        return Err(EditError::new(format!("`{section}` of package.json is no object"), "mend it first"));
    };
    packages.insert(addition.request.name.clone(), Value::String(range));
    packages.sort_keys();
    Ok(written(text, &root))
}

/// As [`super::remove`].
pub(super) fn remove(text: &str, name: &str, dev: bool) -> Result<Option<String>, EditError> {
    let mut root = parsed(text)?;
    let sections =
        if dev { &["devDependencies"][..] } else { &["dependencies", "devDependencies", "optionalDependencies"] };
    let mut found = false;
    for section in sections {
        let Some(Value::Object(packages)) = root.get_mut(*section) else { continue };
        found |= packages.shift_remove(name).is_some();
        // npm leaves no empty section behind.
        if found && packages.is_empty() {
            root.shift_remove(*section);
        }
        if found {
            break;
        }
    }
    Ok(found.then(|| written(text, &root)))
}

/// With the indent and the end of the text that it replaces.
fn written(text: &str, root: &Map<String, Value>) -> String {
    let second = text.lines().nth(1).unwrap_or("  ");
    let indent = &second[..second.len() - second.trim_start().len()];
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(if indent.is_empty() { b"  " } else { indent.as_bytes() });
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    if root.serialize(&mut serializer).is_err() {
        return text.to_owned();
    }
    let mut new = String::from_utf8_lossy(&bytes).into_owned();
    if text.contains("\r\n") {
        new = new.replace('\n', "\r\n");
    }
    new.push_str(&text[text.trim_end().len()..]);
    new
}

#[cfg(test)]
mod tests {
    use super::super::{Request, Tool};
    use super::*;
    use crate::manifest::Ecosystem;

    #[test]
    fn the_files_own_layout_is_kept() {
        let text = "{\n    \"name\": \"web\",\n    \"dependencies\": {\n        \"vue\": \"^3.5.0\"\n    }\n}\n";
        let request = Request::parse(Ecosystem::Node, "left-pad").unwrap();
        let addition = Addition { request: &request, version: Some("1.3.0"), dev: false, tool: Tool::Npm };
        let new = add(text, addition).unwrap();
        assert_eq!(new, text.replace("\"vue\"", "\"left-pad\": \"^1.3.0\",\n        \"vue\""));
        assert_eq!(remove(&new, "left-pad", false).unwrap().as_deref(), Some(text));
        let dev = add(text, Addition { dev: true, ..addition }).unwrap();
        assert!(
            dev.ends_with("    },\n    \"devDependencies\": {\n        \"left-pad\": \"^1.3.0\"\n    }\n}\n"),
            "{dev}"
        );
        assert_eq!(remove(&dev, "left-pad", true).unwrap().as_deref(), Some(text));
        assert_eq!(remove(text, "react", false).unwrap(), None);
    }
}
