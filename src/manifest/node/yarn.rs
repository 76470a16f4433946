//! yarn.lock, of yarn 1 and of the later ones. Both are blocks of indented lines under a line of descriptors.

use crate::manifest::declared::{Declared, mask_credentials};
use crate::model::Package;

/// Reads yarn.lock. Anything that is no block is skipped; the file is machine-written.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut open: Option<(String, u32)> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            open = descriptor(line).map(|name| (name, number));
        } else if let Some(version) = field(line, "version") {
            // Members of a workspace are in the lock too; their version is a placeholder.
            if let Some((name, at)) = open.take().filter(|_| version != "0.0.0-use.local") {
                declared.package(Package::new(name, version, at));
            }
        } else if let Some(place) = field(line, "resolved").or_else(|| field(line, "resolution"))
            && (place.contains(".git#") || place.contains("commit="))
            && let Some(package) = declared.packages.last_mut()
        {
            package.detail = mask_credentials(place);
        }
    }
    declared
}

/// The name of `"@scope/name@npm:^1.0, @scope/name@^2":`.
fn descriptor(line: &str) -> Option<String> {
    let first = line.trim_end().strip_suffix(':')?.split(',').next()?.trim().trim_matches('"');
    if first == "__metadata" {
        return None;
    }
    let at = first.get(1..)?.find('@')? + 1;
    Some(first[..at].to_owned())
}

/// The value of `  name "value"` (yarn 1) or `  name: value`, on the first level only.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let rest = line.strip_prefix("  ")?.strip_prefix(name)?;
    let value = rest.strip_prefix(':').unwrap_or(rest).strip_prefix(' ')?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let packages = parse(text).packages;
        let shown: Vec<String> =
            packages.iter().map(|p| format!("{} {}|{}|{}", p.line, p.name, p.version, p.detail)).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn yarn_one() {
        check(
            "# yarn lockfile v1\n\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.1\":\n  version \"7.24.0\"\n  resolved \"https://r/core.tgz#abc\"\n  dependencies:\n    version \"^1\"\n\nlib@git+https://t:x@h/lib.git:\n  version \"1.0.0\"\n  resolved \"https://t:x@h/lib.git#abc\"\n",
            &["4 @babel/core|7.24.0|", "10 lib|1.0.0|https://***@h/lib.git#abc"],
        );
    }

    #[test]
    fn later_yarns() {
        check(
            "__metadata:\n  version: 8\n\n\"react@npm:^18.0.0\":\n  version: 18.3.1\n  resolution: \"react@npm:18.3.1\"\n\n\"shop@workspace:.\":\n  version: 0.0.0-use.local\n",
            &["4 react|18.3.1|"],
        );
    }

    #[test]
    fn odd_text() {
        check("é:\n  version é\n:\n@:\n  version \"1\"\n", &[]);
    }
}
