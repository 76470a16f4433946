//! Gemfile and Gemfile.lock.

use sha2::{Digest as _, Sha256};

use super::declared::{Declared, mask_credentials};
use crate::model::Package;

/// Reads a Gemfile by its lines: `gem "rails", "~> 7.1", require: false`. Other statements than gems, sources and groups
/// are one setting, since a Gemfile is a program.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut groups: Vec<String> = Vec::new();
    let mut code = Sha256::new();
    for (number, raw) in (1u32..).zip(text.lines()) {
        let line = cut_comment(raw).trim();
        let words = literals(line);
        let statement = line.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
        match statement {
            "" => {}
            "gem" if !words.is_empty() => {
                let version =
                    words[1..].iter().take_while(|(_, option)| !option).map(|(text, _)| *text).collect::<Vec<_>>();
                let options: Vec<&str> = words.iter().filter(|(_, option)| *option).map(|(text, _)| *text).collect();
                let mut package = Package::new(words[0].0, version.join(", "), number).grouped(groups.concat());
                package.detail = mask_credentials(&options.join(", "));
                declared.package(package);
            }
            "source" | "ruby" | "gemspec" | "plugin" => declared.setting(statement, line[statement.len()..].trim()),
            "group" => groups.push(symbols(line)),
            "end" => {
                groups.pop();
            }
            _ if line.ends_with(" do") || statement == "if" || statement == "unless" => {
                groups.push(String::new());
                code.update(line);
            }
            _ => code.update(line),
        }
    }
    let digest = code.finalize();
    declared.setting("code", format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]));
    declared
}

fn cut_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match quote {
            None if c == '#' => return &line[..at],
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    line
}

/// The string literals of a line; `true` marks those that belong to an option (`git: "…"`, `:git => "…"`).
fn literals(line: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut option = false;
    let mut at = 0;
    while let Some(start) = line[at..].find(['"', '\'']).map(|offset| at + offset) {
        let quote = &line[start..=start];
        let Some(end) = line[start + 1..].find(quote).map(|offset| start + 1 + offset) else { break };
        let before = line[at..start].trim_end();
        option |= before.ends_with(':') || before.ends_with("=>");
        found.push((&line[start + 1..end], option));
        at = end + 1;
    }
    found
}

fn symbols(line: &str) -> String {
    let names = line.split([',', ' ', '(', ')']).filter_map(|word| word.strip_prefix(':'));
    names.collect::<Vec<_>>().join(",")
}

/// Reads Gemfile.lock.
pub(crate) fn parse_lock(text: &str) -> Declared {
    let mut declared = Declared::default();
    let (mut section, mut remote) = ("", "");
    for (number, line) in (1u32..).zip(text.lines()) {
        if !line.starts_with(' ') {
            (section, remote) = (line.trim(), "");
        } else if let Some(place) = line.strip_prefix("  remote: ").or_else(|| line.strip_prefix("  revision: ")) {
            remote = if section == "GEM" { "" } else { place };
        } else if let Some(spec) = line.strip_prefix("    ").filter(|spec| !spec.starts_with(' ')) {
            if let Some((name, version)) = spec.trim_end().strip_suffix(')').and_then(|spec| spec.split_once(" (")) {
                let mut package = Package::new(name, version, number);
                package.detail = mask_credentials(remote);
                declared.package(package);
            }
        } else if section == "RUBY VERSION" {
            declared.setting("ruby", line.trim());
        }
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(declared: &Declared) -> Vec<String> {
        declared
            .packages
            .iter()
            .map(|p| format!("{} {}/{}|{}|{}", p.line, p.group, p.name, p.version, p.detail))
            .collect()
    }

    #[test]
    fn gemfile() {
        let text = "source 'https://rubygems.org'\nruby '3.3.0'\ngem \"rails\", \"~> 7.1\", \">= 7.1.2\" # web\ngroup :development, :test do\n  gem 'rspec', require: false\n  gem 'x', git: 'https://h/x'\nend\ngem('puma')\n";
        let declared = parse(text);
        assert_eq!(
            shown(&declared),
            [
                "3 /rails|~> 7.1, >= 7.1.2|",
                "5 development,test/rspec||",
                "6 development,test/x||https://h/x",
                "8 /puma||"
            ]
        );
    }

    #[test]
    fn gemfile_lock() {
        let text = "GIT\n  remote: https://h/x\n  revision: abc\n  specs:\n    x (1.0)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n    rails (7.1.3)\n      actionpack (= 7.1.3)\n\nRUBY VERSION\n   ruby 3.3.0p0\n";
        let declared = parse_lock(text);
        assert_eq!(shown(&declared), ["5 /x|1.0|abc", "10 /rails|7.1.3|"]);
        assert_eq!(declared.settings.len(), 1);
    }
}
