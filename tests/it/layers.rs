//! The map in `src/lib.rs` holds: no folder imports what its line does not name, no file outgrows a subject, and every
//! file says in a head what it owns.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Lines that a source file may have, tests included; a larger one is usually two things.
const LINES: usize = 600;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table of `src/lib.rs`: folder -> the folders that it may import.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let mut allowed = BTreeMap::<String, BTreeSet<String>>::new();
    for line in map.lines().filter(|line| line.starts_with("//! | [`")) {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let folder = columns[1].trim_matches(['[', ']', '`']).to_owned();
        let above: BTreeSet<_> = allowed.keys().cloned().collect();
        let imports = match columns[3] {
            "nothing" => BTreeSet::new(),
            named
                if named.contains("all above")
                    || named.contains("below")
                    || named.contains("lower")
                    || named.contains("the above") =>
            {
                above
            }
            named => named.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        allowed.insert(folder, imports);
    }
    allowed
}

/// The folders that a file names by `crate::`, its own tests' too: a test that reaches around the layers is a sign as well.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(
                    group.split([',', '}']).map(|name| name.trim().split("::").next().unwrap_or("").to_owned()),
                );
            } else {
                found.insert(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned());
            }
        }
    }
    found.remove("");
    found
}

#[test]
fn folders_import_only_what_the_map_allows() {
    let allowed = allowed();
    assert!(allowed.len() >= 14, "the table of src/lib.rs was not understood: {allowed:?}");
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(root().join("src")).expect("below src");
        let folder = inside.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
        let Some(may) = allowed.get(&folder) else { continue };
        let text = fs::read_to_string(&file).expect("a source file");
        for import in imports(&text) {
            if import != folder && allowed.contains_key(&import) && !may.contains(&import) {
                wrong.push(format!("{} imports {import}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the map in src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_has_a_head_and_one_subject() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("tests"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let name = file.strip_prefix(root()).expect("below the root").display();
        if !text.starts_with("//! ") {
            wrong.push(format!("{name} has no head"));
        }
        let lines = text.lines().count();
        if lines > LINES {
            wrong.push(format!("{name} has {lines} lines, {LINES} at the most"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
