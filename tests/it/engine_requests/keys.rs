//! Every key that is said to be supported is in a fixture, so that what it asks of an engine is compared.

use std::collections::BTreeSet;
use std::fs;

use devbox::compose;
use serde_json::Value;

use super::fixtures;

/// The paths of the table of keys that a file uses.
fn used(path: &str, value: &Value, known: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    if known.contains(path) {
        found.insert(path.to_owned());
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let named = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let path = if known.contains(&named) { named } else { format!("{path}.*") };
                used(&path, value, known, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(&format!("{path}[]"), item, known, found)),
        _ => {}
    }
}

#[test]
fn every_supported_key_is_compared() {
    let keys = compose::keys();
    let known: BTreeSet<String> = keys.iter().map(|key| key.path.clone()).collect();
    let mut found = BTreeSet::new();
    for file in fs::read_dir(fixtures()).expect("the fixtures").flatten().map(|entry| entry.path()) {
        if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = fs::read_to_string(&file).expect("a fixture");
            let value: Value =
                serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            used("", &value, &known, &mut found);
        }
    }
    let missing: Vec<&str> = keys
        .iter()
        .filter(|key| key.ignored.is_none() && !found.contains(&key.path))
        .map(|key| key.path.as_str())
        .collect();
    assert!(missing.is_empty(), "in no fixture: {missing:#?}");
}
