//! go.mod and go.sum.

use super::declared::Declared;
use crate::model::Package;

/// Reads go.mod.
pub(crate) fn parse(text: &str) -> Declared {
    let mut declared = Declared::default();
    let mut block = "";
    for (number, raw) in (1u32..).zip(text.lines()) {
        let (line, comment) = raw.split_once("//").unwrap_or((raw, ""));
        let line = line.trim();
        if line == ")" {
            block = "";
            continue;
        }
        let (verb, rest) =
            if block.is_empty() { line.split_once(char::is_whitespace).unwrap_or((line, "")) } else { (block, line) };
        let rest = rest.trim();
        if rest == "(" {
            block = verb;
            continue;
        }
        match verb {
            _ if rest.is_empty() => {}
            "require" | "tool" => {
                let (name, version) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let group = if comment.trim() == "indirect" {
                    "indirect"
                } else if verb == "tool" {
                    "tool"
                } else {
                    ""
                };
                declared.package(Package::new(name, version.trim(), number).grouped(group));
            }
            "module" | "retract" => {}
            _ => declared.setting(verb, rest.split_whitespace().collect::<Vec<_>>().join(" ")),
        }
    }
    declared
}

/// Reads go.sum; lines that only vouch for a go.mod name no code that is downloaded.
pub(crate) fn parse_sum(text: &str) -> Declared {
    let mut declared = Declared::default();
    for (number, line) in (1u32..).zip(text.lines()) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version), Some(_)) = (words.next(), words.next(), words.next())
            && !version.ends_with("/go.mod")
        {
            declared.package(Package::new(name, version, number));
        }
    }
    declared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_mod() {
        let text = "module example.com/shop\n\ngo 1.22\n\nrequire github.com/a/b v1.2.3\nrequire (\n\tgithub.com/c/d v0.1.0 // indirect\n\tgithub.com/e/f v2.0.0+incompatible\n)\nreplace github.com/a/b => ../b\n";
        let declared = parse(text);
        let shown: Vec<String> =
            declared.packages.iter().map(|p| format!("{} {}/{}|{}", p.line, p.group, p.name, p.version)).collect();
        assert_eq!(
            shown,
            ["5 /github.com/a/b|v1.2.3", "7 indirect/github.com/c/d|v0.1.0", "8 /github.com/e/f|v2.0.0+incompatible"]
        );
        let settings: Vec<&str> = declared.settings.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(settings, ["go", "replace"]);
    }

    #[test]
    fn go_sum() {
        let declared = parse_sum("github.com/a/b v1.2.3 h1:x=\ngithub.com/a/b v1.2.3/go.mod h1:y=\n");
        assert_eq!(declared.packages, [Package::new("github.com/a/b", "v1.2.3", 1)]);
    }
}
