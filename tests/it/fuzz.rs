//! A bounded run of the fuzz targets, on a stable toolchain: the same entry functions (`fuzz/entry.rs`), fed with the fixtures
//! and with what random edits make of them. `fuzz/README.md` says how to run them without bounds.

use std::{fs, path::Path, sync::LazyLock};

use proptest::prelude::*;

#[path = "../../fuzz/entry.rs"]
mod entry;

/// Texts that are edited: the fixtures' files, and inputs that were once a finding.
static SEEDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Vec::new();
    let mut folders =
        vec![root.join("tests/fixtures/compose"), root.join("tests/fixtures/requests"), root.join("fuzz/seeds")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "json" && extension != "hashes") {
                seeds.push(String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned());
            }
        }
    }
    seeds
});

/// Pieces that the formats give a meaning.
const PIECES: [&str; 40] = [
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    ":",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a",
    "!reset ",
    "!override ",
    "|\n",
    ">-\n",
    "#",
    "\t",
    "${A",
    ":-",
    "?",
    "}",
    "$$",
    "null",
    "0x1F",
    "1e999",
    "-1",
    "1-65535:1-65535",
    "9999999999999999999",
    "é",
    "\u{feff}",
    "\u{c}",
    "---\n",
    "extends: ",
    "include: [base.yaml]",
    "\r\n",
];

/// An edit: where, how much is taken away, what is put there.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        2 => any::<prop::sample::Index>().prop_map(|at| {
            let seed = &SEEDS[at.index(SEEDS.len())];
            seed.chars().skip(at.index(seed.chars().count().max(1))).take(40).collect()
        }),
        1 => "\\PC{0,8}",
    ];
    (any::<prop::sample::Index>(), 0..12usize, piece)
}

fn text() -> impl Strategy<Value = String> {
    let seed = any::<prop::sample::Index>().prop_map(|at| SEEDS[at.index(SEEDS.len())].clone());
    (seed, prop::collection::vec(edit(), 1..6)).prop_map(|(seed, edits)| {
        let mut text: Vec<char> = seed.chars().collect();
        for (at, taken, put) in edits {
            let at = at.index(text.len() + 1);
            text.splice(at..(at + taken).min(text.len()), put.chars());
        }
        text.into_iter().collect()
    })
}

#[test]
fn seeds_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in SEEDS.iter() {
        entry::load(seed.as_bytes(), folder.path());
        entry::build_context(seed.as_bytes(), folder.path());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_project_panics(text in text()) {
        let folder = tempfile::tempdir().expect("a folder");
        entry::load(text.as_bytes(), folder.path());
    }

    #[test]
    fn no_build_context_panics(text in text()) {
        let folder = tempfile::tempdir().expect("a folder");
        entry::build_context(text.as_bytes(), folder.path());
    }
}
