//! requirements.txt, constraints.txt and pip-tools' `.in` files.
//!
//! Lines are joined and comments cut as pip does it (a backslash at the end joins; ` #` starts a comment). Environment
//! variables (`${TOKEN}`) stay as written: their values are secrets of the build.

use sha2::{Digest as _, Sha256};

use super::requirement;
use crate::manifest::declared::{Declared, IncludeKind};
use crate::model::Package;

/// Reads a requirements file. Every text is one: a line that makes no sense is kept as a setting, so that its change shows.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    for (line, number) in logical_lines(text) {
        let line = cut_comment(&line).trim();
        if !line.is_empty() {
            read_line(line, number, &mut declared);
        }
    }
    declared
}

/// Physical lines joined at backslashes, each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(String, u32)> {
    let mut lines = Vec::new();
    let mut open: Option<(String, u32)> = None;
    for (number, raw) in (1u32..).zip(text.lines()) {
        let comment = raw.trim_start().starts_with('#');
        let joined = !comment && raw.ends_with('\\');
        let part = if joined { &raw[..raw.len() - 1] } else { raw };
        let (mut whole, first) = open.take().unwrap_or((String::new(), number));
        if comment {
            // pip puts a space before a comment that ends a joined line, so that it is cut and not glued on.
            whole.push(' ');
        }
        whole.push_str(part);
        if joined {
            open = Some((whole, first));
        } else {
            lines.push((whole, first));
        }
    }
    lines.extend(open);
    lines
}

/// Cuts ` # comment`; a `#` inside a word belongs to it (`#egg=…`).
fn cut_comment(line: &str) -> &str {
    let bytes = line.as_bytes();
    let comment = memchr::memchr_iter(b'#', bytes).find(|at| *at == 0 || bytes[at - 1].is_ascii_whitespace());
    comment.map_or(line, |at| &line[..at])
}

fn read_line(line: &str, number: u32, declared: &mut Declared) {
    if line.starts_with('-') {
        read_option(line, number, declared);
        return;
    }
    // Options of one requirement follow it: `foo==1 --hash=sha256:… --config-settings=…`.
    let (spec, options) = line.find(" --").map_or((line, ""), |at| line.split_at(at));
    match requirement::parse(spec, number) {
        Some(mut package) => {
            add_options(&mut package, options);
            if package.version.starts_with("@ .") || package.version.starts_with("@ file:.") {
                declared.include(IncludeKind::Project, package.version.trim_start_matches("@ "), number);
            }
            declared.package(package);
        }
        None => declared.setting("line", line),
    }
}

/// Hashes become one short word, since ten of them say nothing to a reader and a change of one must still show.
fn add_options(package: &mut Package, options: &str) {
    let mut hashes: Vec<&str> = Vec::new();
    let mut others: Vec<&str> = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        match word.strip_prefix("--hash") {
            Some("") => hashes.extend(words.next()),
            Some(value) => hashes.push(value.trim_start_matches('=')),
            None => others.push(word),
        }
    }
    let mut details = vec![std::mem::take(&mut package.detail)];
    details.push(others.join(" "));
    if !hashes.is_empty() {
        hashes.sort_unstable();
        let digest = Sha256::digest(hashes.join(" "));
        details.push(format!("hashes {:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]));
    }
    details.retain(|detail| !detail.is_empty());
    package.detail = details.join(", ");
}

fn read_option(line: &str, number: u32, declared: &mut Declared) {
    let (name, value) = split_option(line);
    let file = value.trim_matches(['"', '\'']);
    match name {
        "-r" | "--requirement" | "--requirements" => declared.include(IncludeKind::Requirements, file, number),
        "-c" | "--constraint" | "--constraints" => declared.include(IncludeKind::Constraints, file, number),
        "-e" | "--editable" => match requirement::parse(file, number) {
            Some(mut package) => {
                if !file.contains("://") {
                    let folder = file.split(['[', '#', ';']).next().unwrap_or(file).trim();
                    declared.include(IncludeKind::Project, folder, number);
                }
                package.detail = [package.detail.as_str(), "editable"].join(" ").trim_start().to_owned();
                declared.package(package);
            }
            None => declared.setting("editable", value),
        },
        "-i" => declared.setting("index-url", value),
        "-f" => declared.setting("find-links", value),
        other => declared.setting(other.trim_start_matches('-'), value),
    }
}

/// `--name value`, `--name=value`, `-n value` and `-nvalue`.
fn split_option(line: &str) -> (&str, &str) {
    let (name, value) = if line.starts_with("--") {
        let end = line.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(line.len());
        line.split_at(end)
    } else {
        let end = line.char_indices().nth(2).map_or(line.len(), |(at, _)| at);
        line.split_at(end)
    };
    (name, value.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a package, setting and include: `5 name|version|detail`, `= key value`, `> kind path`.
    fn check(text: &str, expected: &[&str]) {
        let declared = parse(text);
        let mut shown: Vec<String> = Vec::new();
        for package in &declared.packages {
            shown.push(format!("{} {}|{}|{}", package.line, package.display_name(), package.version, package.detail));
        }
        shown.extend(declared.settings.iter().map(|setting| format!("= {} {}", setting.key, setting.value)));
        shown.extend(declared.includes.iter().map(|include| format!("> {:?} {}", include.kind, include.path)));
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn comments_blank_lines_and_ends_of_lines() {
        check("# c\r\n\r\nDjango==5.1.3 # why\r\n  redis>=5\r\n", &["3 django|5.1.3|", "4 redis|>=5|"]);
        check("foo#bar", &["= line foo#bar"]);
    }

    #[test]
    fn lines_are_joined_at_backslashes() {
        check("foo==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nbar\n", &["1 foo|1|hashes b68ad6", "4 bar||"]);
        check("foo \\\n# comment\nbar", &["1 foo||", "3 bar||"]);
        check("foo\\", &["1 foo||"]);
    }

    #[test]
    fn the_order_of_hashes_means_nothing() {
        assert_eq!(
            parse("a==1 --hash=sha256:x --hash sha256:y").packages,
            parse("a==1 --hash=sha256:y --hash=sha256:x").packages
        );
        assert_ne!(parse("a==1 --hash=sha256:x").packages, parse("a==1 --hash=sha256:z").packages);
    }

    #[test]
    fn options_and_includes() {
        check(
            "-r base.txt\n--requirement=more.txt\n-rglued.txt\n-c ../constraints.txt\n-e ./libs/shared[dev]\n-e git+https://h/x.git#egg=X\n",
            &[
                "5 shared[dev]|@ ./libs/shared|editable",
                "6 x|@ git+https://h/x.git#egg=X|editable",
                "> Requirements base.txt",
                "> Requirements more.txt",
                "> Requirements glued.txt",
                "> Constraints ../constraints.txt",
                "> Project ./libs/shared",
            ],
        );
        check(
            "--index-url https://me:secret@pypi.corp/simple\n--pre\n-i https://x\n",
            &["= index-url https://***@pypi.corp/simple", "= pre ", "= index-url https://x"],
        );
    }

    #[test]
    fn odd_lines_are_kept() {
        check("%%%\n-\n--\n-e", &["= line %%%", "=  ", "=  ", "= editable "]);
    }
}
