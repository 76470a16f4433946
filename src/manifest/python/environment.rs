//! Conda's environment.yml.

use serde_json::Value;

use super::requirement;
use crate::manifest::declared::{Declared, ParseError};
use crate::model::Package;

/// Reads environment.yml: conda packages, and the pip list inside them.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let root: Value = serde_yaml::from_str(text).map_err(|error| {
        let place = |number: u64| u32::try_from(number).unwrap_or(0);
        let (line, column) = error.location().map_or((0, 0), |at| (place(at.line()), place(at.column())));
        let what = error.without_snippet().to_string();
        ParseError::new(what.lines().next().unwrap_or("not YAML"), line, column)
    })?;
    let mut declared = Declared::default();
    let mut lines = LineFinder { lines: text.lines().collect(), next: 0 };
    for item in root.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
        match item {
            Value::String(spec) => conda(spec, lines.find(spec), &mut declared),
            Value::Object(nested) => {
                for spec in nested.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
                    let line = lines.find(spec);
                    match requirement::parse(spec, line) {
                        Some(package) => declared.package(package.grouped("pip")),
                        None => declared.setting("pip", spec),
                    }
                }
            }
            _ => {}
        }
    }
    for key in ["channels", "variables", "platforms"] {
        if let Some(value) = root.get(key) {
            declared.setting(key, value.to_string());
        }
    }
    Ok(declared)
}

/// `numpy`, `numpy=1.26`, `numpy==1.26=py311_0`, `conda-forge::numpy>=1,<2`, `numpy >=1`.
fn conda(spec: &str, line: u32, declared: &mut Declared) {
    let (channel, spec) = spec.split_once("::").unwrap_or(("", spec));
    let end =
        spec.find(|c: char| matches!(c, '=' | '<' | '>' | '!' | '~' | '[') || c.is_whitespace()).unwrap_or(spec.len());
    let (name, version) = spec.split_at(end);
    let mut package = Package::new(name.trim().to_lowercase(), version_text(version), line);
    package.detail = channel.to_owned();
    declared.package(package);
}

fn version_text(text: &str) -> String {
    let text = text.trim();
    let exact = text.strip_prefix("==").or_else(|| text.strip_prefix('='));
    exact.filter(|version| !version.contains(['<', '>', ','])).unwrap_or(text).replace(char::is_whitespace, "")
}

/// Finds the line of a list item, searching on from the last one found: the YAML reader keeps no places.
struct LineFinder<'t> {
    lines: Vec<&'t str>,
    next: usize,
}

impl LineFinder<'_> {
    fn find(&mut self, item: &str) -> u32 {
        let found = self
            .lines
            .iter()
            .enumerate()
            .skip(self.next)
            .find(|(_, line)| line.contains(item) && !line.trim_start().starts_with('#'));
        let Some((index, _)) = found else { return 0 };
        self.next = index;
        u32::try_from(index + 1).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conda_and_pip_packages() {
        let text = "name: shop\nchannels: [conda-forge]\ndependencies:\n  - python=3.11\n  - conda-forge::numpy >=1.26,<2\n  - pip\n  - pip:\n    - Django==5.1.3  # web\n    - -r requirements.txt\n";
        let declared = parse(text).unwrap();
        let shown: Vec<String> = declared
            .packages
            .iter()
            .map(|p| format!("{} {}/{}|{}|{}", p.line, p.group, p.name, p.version, p.detail))
            .collect();
        assert_eq!(shown, ["4 /python|3.11|", "5 /numpy|>=1.26,<2|conda-forge", "6 /pip||", "8 pip/django|5.1.3|"]);
        assert_eq!(declared.settings.len(), 2);
    }

    #[test]
    fn broken_yaml_has_its_place() {
        assert!(parse("dependencies: [a\nb: ]").is_err());
    }
}
