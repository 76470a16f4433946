//! What is installed in a container: the question that is asked there, and how its answer reads.
//!
//! Nothing is installed for asking: Python answers from its own metadata, Node from the folders it resolves modules in. The
//! interpreter asked is the one that the build made an environment for, then the one that the project's tool would run, then
//! the first on the path.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::format::Ecosystem;
use super::python::requirement;

/// The most bytes of an answer.
pub const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstalledPackage {
    /// As its own metadata writes it: `Django`.
    pub display_name: String,
    /// Its version.
    pub version: String,
    /// Where it came from when that wasn't an index: `@ git+https://…`, `@ file:///app`.
    pub source: String,
    /// The names of what it asks for.
    pub requires: Vec<String>,
}

/// What is installed, by the name that is compared.
pub type Installed = BTreeMap<String, InstalledPackage>;

/// Lists distributions as JSON; the first of a name on the path is the one that is imported.
const PYTHON: &str = r#"
import importlib.metadata as metadata, json
seen = {}
for found in metadata.distributions():
    name = found.metadata["Name"]
    if name and name not in seen:
        direct = found.read_text("direct_url.json")
        url = json.loads(direct) if direct else {}
        commit = url.get("vcs_info", {}).get("commit_id", "")
        vcs = url.get("vcs_info", {}).get("vcs", "")
        source = (vcs + "+" if vcs else "") + url.get("url", "") + ("@" + commit if commit else "")
        seen[name] = {"name": name, "version": found.version, "source": source, "requires": list(found.requires or [])}
print(json.dumps(list(seen.values())))
"#;

/// Lists the packages of a node_modules folder as JSON, nested ones left out.
const NODE: &str = r#"
const fs = require("fs"), path = require("path"), found = [];
const folder = process.argv.slice(1).find(folder => fs.existsSync(folder)) || "node_modules";
const list = folder => { try { return fs.readdirSync(folder) } catch { return [] } };
const names = list(folder).flatMap(name => name[0] === "@" ? list(path.join(folder, name)).map(inner => name + "/" + inner) : [name]);
for (const name of names) {
  try {
    const read = JSON.parse(fs.readFileSync(path.join(folder, name, "package.json"), "utf8"));
    found.push({ name, version: read.version, source: "", requires: Object.keys(read.dependencies || {}) });
  } catch {}
}
console.log(JSON.stringify(found));
"#;

/// Finds the interpreter: `$1` is the program, `$2` the tool whose environment counts, the rest are the build's environments.
const FIND_PYTHON: &str = r#"
program=$1; tool=$2; shift 2
for folder in "$@" "$VIRTUAL_ENV"; do
  [ -n "$folder" ] && [ -x "$folder/bin/python" ] && exec "$folder/bin/python" -c "$program"
done
case $tool in
  poetry) python=$(poetry env info --executable 2>/dev/null) ;;
  pipenv) python=$(pipenv --py 2>/dev/null) ;;
esac
[ -n "$python" ] && [ -x "$python" ] && exec "$python" -c "$program"
for python in python python3; do
  command -v $python >/dev/null 2>&1 && exec $python -c "$program"
done
echo "there is no python" >&2; exit 127
"#;

const FIND_NODE: &str = r#"
program=$1; shift
command -v node >/dev/null 2>&1 && exec node -e "$program" "$@"
echo "there is no node" >&2; exit 127
"#;

/// The command that asks; `None` for an ecosystem whose programs don't tell what they were made of. `environments` are the
/// folders in which the build puts dependencies, `tool` is the project's own (`poetry`, `pipenv`), which may keep its environment elsewhere.
pub fn question<'e>(
    ecosystem: Ecosystem,
    tool: &'e str,
    environments: impl IntoIterator<Item = &'e str>,
) -> Option<Vec<String>> {
    let words: Vec<&str> = match ecosystem {
        Ecosystem::Python => ["sh", "-c", FIND_PYTHON, "sh", PYTHON, tool].into_iter().chain(environments).collect(),
        Ecosystem::Node => {
            let modules = environments.into_iter().filter(|folder| folder.ends_with("node_modules"));
            ["sh", "-c", FIND_NODE, "sh", NODE].into_iter().chain(modules).collect()
        }
        _ => return None,
    };
    Some(words.into_iter().map(str::to_owned).collect())
}

#[derive(Deserialize)]
struct Answered {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    requires: Vec<String>,
}

/// Reads an answer: the last line of the output that is a list, since a program on the way may have said something first.
///
/// # Errors
/// Why it is none, as a fragment.
pub fn answer(ecosystem: Ecosystem, output: &str) -> Result<Installed, String> {
    let line = output.lines().rev().find(|line| line.starts_with('['));
    let line = line.ok_or_else(|| "the interpreter gave no list of packages".to_owned())?;
    let answered: Vec<Answered> =
        serde_json::from_str(line).map_err(|error| format!("the list of packages can't be read: {error}"))?;
    let mut installed = Installed::new();
    for Answered { name, version, source, requires } in answered {
        let requires = match ecosystem {
            Ecosystem::Python => requires.iter().filter_map(|text| required(text)).collect(),
            _ => requires,
        };
        let key = comparable(ecosystem, &name);
        let source = super::declared::mask_credentials(&source);
        let source = if source.is_empty() { source } else { format!("@ {source}") };
        let version = version.unwrap_or_default();
        installed.entry(key).or_insert(InstalledPackage { display_name: name, version, source, requires });
    }
    Ok(installed)
}

/// The name of a Requires-Dist; none for what only an extra asks for, which may not have been wanted.
fn required(text: &str) -> Option<String> {
    let package = requirement::parse(text, 0)?;
    (!package.detail.contains("extra ==")).then_some(package.name)
}

/// A name as its ecosystem compares it.
pub(super) fn comparable(ecosystem: Ecosystem, name: &str) -> String {
    match ecosystem {
        Ecosystem::Python => requirement::normal_name(name),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_its_requirements() {
        let output = concat!(
            "a warning first\n",
            r#"[{"name": "Django", "version": "5.1.3", "source": "", "requires": ["asgiref<4,>=3.8.1", "bcrypt; extra == 'bcrypt'"]},"#,
            r#" {"name": "zope.interface", "version": null, "source": "git+https://u:p@h/z@abc"}]"#,
            "\n",
        );
        let installed = answer(Ecosystem::Python, output).unwrap();
        let django = &installed["django"];
        assert_eq!((django.version.as_str(), django.requires.as_slice()), ("5.1.3", &["asgiref".to_owned()][..]));
        assert_eq!(installed["zope-interface"].source, "@ git+https://***@h/z@abc");
    }

    #[test]
    fn what_is_no_answer_says_so() {
        assert!(answer(Ecosystem::Python, "Traceback\n").is_err());
        assert!(answer(Ecosystem::Python, "[1]").is_err());
        assert_eq!(question(Ecosystem::Go, "", []), None);
    }
}
