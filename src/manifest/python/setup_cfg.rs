//! setup.cfg: the sections that setuptools installs from.

use super::requirement;
use crate::manifest::declared::{Declared, IncludeKind};

/// Reads setup.cfg. An INI file has no syntax to fail on: a line that fits nothing is skipped.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut section = String::new();
    let mut key = String::new();
    for (number, raw) in (1u32..).zip(text.lines()) {
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.trim().clone_into(&mut section);
            key.clear();
        } else if raw.starts_with([' ', '\t']) && !key.is_empty() {
            value(&section, &key, line, number, &mut declared);
        } else if let Some((name, first)) = line.split_once(['=', ':']) {
            key = name.trim().to_lowercase().replace('-', "_");
            value(&section, &key, first.trim(), number, &mut declared);
        }
    }
    declared
}

/// One line of one key's value.
fn value(section: &str, key: &str, text: &str, line: u32, declared: &mut Declared) {
    let text = text.find(" #").map_or(text, |at| text[..at].trim_end());
    if text.is_empty() {
        return;
    }
    let group = match (section, key) {
        ("options", "install_requires") => "",
        ("options", "setup_requires") => "build-system",
        ("options", "tests_require") => "test",
        ("options.extras_require", extra) => extra,
        ("options", "python_requires") => return declared.setting("requires-python", text),
        ("options", _) | ("options.entry_points" | "options.packages.find" | "options.package_data", _) => {
            return declared.setting(format!("{section}.{key}"), text);
        }
        _ => return,
    };
    if let Some(file) = text.strip_prefix("file:") {
        file.split(',').for_each(|path| declared.include(IncludeKind::Requirements, path.trim(), line));
        return;
    }
    // Requirements stand on lines of their own, or on one line separated by semicolons (a marker needs its own line).
    match requirement::parse(text, line) {
        Some(package) => declared.package(package.grouped(group)),
        None => declared.setting(group, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_setuptools() {
        let text = "[metadata]\nname = shop\n[options]\npython_requires = >=3.11\ninstall_requires =\n    # web\n    Django==5.1.3\n    redis>=5 ; os_name == 'posix'\n[options.extras_require]\ndev = pytest\n    ruff\n[flake8]\nmax-line-length = 100\n";
        let declared = parse(text);
        let shown: Vec<String> =
            declared.packages.iter().map(|p| format!("{} {}/{}|{}", p.line, p.group, p.name, p.version)).collect();
        assert_eq!(shown, ["7 /django|5.1.3", "8 /redis|>=5", "10 dev/pytest|", "11 dev/ruff|"]);
        assert_eq!(declared.settings.len(), 1);
    }

    #[test]
    fn files_that_hold_the_list() {
        let declared = parse("[options]\ninstall_requires = file: requirements.txt, more.txt\n");
        let files: Vec<&str> = declared.includes.iter().map(|include| include.path.as_str()).collect();
        assert_eq!(files, ["requirements.txt", "more.txt"]);
    }
}
