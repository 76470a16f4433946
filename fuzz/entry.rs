//! What is done with arbitrary bytes, and what must hold of it whatever they are: no panic, no hang, nothing out of
//! proportion. The fuzz targets and the bounded run of the ordinary tests (`tests/it/fuzz.rs`) both come in here.

use std::{collections::BTreeMap, fs, path::Path};

use devbox::{
    build_context::{dockerfile::Dockerfile, ignore::Ignore},
    compose::{self, Format, Options, Request},
};

/// The files of a project, in the order of an input's parts.
pub const FILES: [&str; 4] = ["compose.yaml", "compose.override.yaml", ".env", "base.yaml"];

/// What separates the parts of an input: a form feed, which no file of a project has.
pub const SEPARATOR: char = '\u{c}';

/// The most that is printed of an input of a few kilobytes, in bytes; aliases may multiply what is written.
const MOST_PRINTED: usize = 64 << 20;

/// Loads a project whose files are the parts of `bytes`, in `folder`, and prints it in every way.
pub fn load(bytes: &[u8], folder: &Path) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split(SEPARATOR);
    for name in FILES {
        let path = folder.join(name);
        match parts.next() {
            Some(part) => fs::write(path, part).expect("a writable folder"),
            None => drop(fs::remove_file(path)),
        }
    }
    let request = |interpolate| Request {
        directory: folder.to_owned(),
        project_name: Some("p".into()),
        environment: BTreeMap::from([("HOME".into(), "/home/someone".into()), ("A".into(), "1".into())]),
        options: Options { interpolate, ..Options::default() },
        ..Request::default()
    };
    if let Ok(loaded) = compose::load(&request(false)) {
        let _ = (loaded.config(Format::Yaml, &[]), loaded.variables());
    }
    match compose::load(&request(true)) {
        Ok(loaded) => {
            let json = loaded.config(Format::Json, &[]);
            assert!(json.len() < MOST_PRINTED, "{} bytes of {}", json.len(), bytes.len());
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "not JSON: {json}");
            let _ = (loaded.hashes(), loaded.all_profiles());
            readable(loaded.config(Format::Yaml, &[]), request(true));
        }
        Err(error) => assert!(!error.diagnostics.is_empty(), "refused without a reason"),
    }
}

/// What is printed as YAML is YAML: read again it may be refused, as Compose refuses it, but never as unreadable.
fn readable(yaml: String, request: Request) {
    let again = Request { files: vec!["-".into()], stdin: Some(yaml.clone()), ..request };
    if let Err(error) = compose::load(&again) {
        let unreadable = error.diagnostics.iter().any(|diagnostic| diagnostic.what.starts_with("not valid YAML"));
        assert!(!unreadable, "{error}\n{yaml}");
    }
}

/// Reads `bytes` as a Dockerfile and as an ignore file in `folder`.
pub fn build_context(bytes: &[u8], folder: &Path) {
    if let Ok(dockerfile) = Dockerfile::parse(&String::from_utf8_lossy(bytes)) {
        let _ = dockerfile.all_texts().count();
    }
    fs::write(folder.join(".dockerignore"), bytes).expect("a writable folder");
    if let Ok(ignore) = Ignore::load(folder, None) {
        for path in ["a", "a/b/c.py", "node_modules/x/node_modules/y", "é", ""] {
            let _ = ignore.excludes(path);
        }
    }
}
