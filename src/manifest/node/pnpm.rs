//! pnpm-lock.yaml, lockfileVersion 5 to 9. Read by lines: pnpm writes it, its layout is fixed, and it gets large.

use crate::manifest::declared::Declared;
use crate::model::Package;

/// Reads pnpm-lock.yaml.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut section = "";
    for (number, line) in (1u32..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            section = line.split(':').next().unwrap_or_default();
        } else if let Some(entry) = line.strip_prefix("  ").filter(|entry| !entry.starts_with(' ')) {
            match section {
                "packages" => declared.packages_of(entry, number),
                "overrides" | "patchedDependencies" | "settings" => {
                    declared.setting(section, entry.trim());
                }
                _ => {}
            }
        }
    }
    declared
}

impl Declared {
    fn packages_of(&mut self, entry: &str, line: u32) {
        let Some((name, version)) = entry.trim_end().strip_suffix(':').and_then(key) else { return };
        self.package(Package::new(name, version, line));
    }
}

/// `name@1.0.0`, `'@scope/name@1.0.0(peer@2)'`, `/name@1.0.0`, `/@scope/name/1.0.0_peer@2`.
fn key(key: &str) -> Option<(&str, &str)> {
    let key = key.trim_matches(['\'', '"']);
    let bare = key.strip_prefix('/').unwrap_or(key);
    let bare = bare.split('(').next()?;
    let name_end = match bare.get(1..)?.find('@').map(|at| at + 1) {
        Some(at)
            if !bare[..at].contains('_')
                && !bare[..at].rsplit('/').next()?.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            at
        }
        // Version 5 separates with a slash: `/name/1.0.0`, `/@scope/name/1.0.0`.
        _ => bare.rfind('/')?,
    };
    let version = bare.get(name_end + 1..)?.split('_').next()?;
    Some((&bare[..name_end], version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let packages = parse(text).packages;
        let shown: Vec<String> = packages.iter().map(|p| format!("{} {}|{}", p.line, p.name, p.version)).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn versions_nine_and_six() {
        check(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      react:\n        version: 18.3.1\npackages:\n\n  react@18.3.1:\n    resolution: {integrity: x}\n\n  '@a/b@1.0.0(react@18.3.1)':\n    engines: {node: '>=6'}\nsnapshots:\n  react@18.3.1: {}\n",
            &["9 react|18.3.1", "12 @a/b|1.0.0"],
        );
        check("packages:\n  /@a/b@1.0.0:\n  /c@2.0.0(x@1)(y@2):\n", &["2 @a/b|1.0.0", "3 c|2.0.0"]);
    }

    #[test]
    fn version_five() {
        check("packages:\n  /@a/b/1.0.0:\n  /c/2.0.0_react@18.0.0:\n", &["2 @a/b|1.0.0", "3 c|2.0.0"]);
    }

    #[test]
    fn odd_text() {
        check("packages:\n  é:\n  :\n  @:\n  '/':\n", &[]);
    }
}
