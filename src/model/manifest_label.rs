//! The label in which a built image remembers the manifests that it was built from.
//!
//! Digests only: labels ride in every listing of the engine. A name is text of JSON, so that no file's name forges an entry.

use std::collections::BTreeMap;

use super::{Digest, ServiceSources};

/// The label's key. Its value is a JSON object: a manifest's name, relative to the build context, to the digest of its bytes,
/// or to null for a file that wasn't there.
pub const MANIFESTS_LABEL: &str = "dev.devbox.manifests";

/// The longest value that is read, in bytes.
const MAX_VALUE: usize = 1024 * 1024;

/// The label's value for an image that is built from these manifests.
pub fn manifests_label(sources: &ServiceSources) -> String {
    // Sorted, so that the same manifests are the same label, and the same image.
    let digests: BTreeMap<&str, Option<Digest>> =
        sources.manifests.iter().map(|manifest| (manifest.name.as_str(), manifest.digest)).collect();
    let value = |digest: Digest| serde_json::Value::String(digest.to_string());
    let object = digests.into_iter().map(|(name, digest)| (name.to_owned(), digest.map(value).unwrap_or_default()));
    serde_json::Value::Object(object.collect()).to_string()
}

/// The manifests that an image was built from, by name, with the digests that they had; `None` when the value isn't one that
/// devbox wrote.
pub fn read_manifests_label(value: &str) -> Option<BTreeMap<String, Option<Digest>>> {
    if value.len() > MAX_VALUE {
        return None;
    }
    let digests: BTreeMap<String, Option<String>> = serde_json::from_str(value).ok()?;
    let read =
        |(name, digest): (_, Option<String>)| Some((name, digest.map(|digest| digest.parse()).transpose().ok()?));
    digests.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Manifest, ManifestKind};

    fn sources(manifests: &[(&str, Option<u8>)]) -> ServiceSources {
        let manifests = manifests.iter().map(|(name, byte)| Manifest {
            path: "/shop".into(),
            name: (*name).to_owned(),
            kind: ManifestKind::Requirements,
            digest: byte.map(|byte| Digest([byte; 32])),
            packages: None,
            settings: Default::default(),
            problem: None,
            because: String::new(),
            copies: Vec::new(),
        });
        ServiceSources { manifests: manifests.collect(), ..ServiceSources::default() }
    }

    #[test]
    fn an_image_remembers_what_it_was_built_from() {
        let digest = "ab".repeat(32);
        let label = manifests_label(&sources(&[("b.txt", Some(0xab)), ("a.txt", None)]));
        assert_eq!(label, format!(r#"{{"a.txt":null,"b.txt":"sha256:{digest}"}}"#));
        let built = BTreeMap::from([("a.txt".to_owned(), None), ("b.txt".to_owned(), Some(Digest([0xab; 32])))]);
        assert_eq!(read_manifests_label(&label), Some(built));
        assert_eq!(read_manifests_label("{}"), Some(BTreeMap::new()));
    }

    #[test]
    fn other_labels_are_not_understood() {
        for value in ["", "forged", "{", "[]", r#"{"a": 1}"#, r#"{"a": "sha256:xyz"}"#] {
            assert_eq!(read_manifests_label(value), None, "{value}");
        }
        assert_eq!(read_manifests_label(&format!("{{}}{}", " ".repeat(MAX_VALUE))), None);
    }

    #[test]
    fn a_name_cannot_forge_an_entry() {
        let name = "x\", \"b.txt\": null, \n\"y";
        let read = read_manifests_label(&manifests_label(&sources(&[(name, Some(1))])));
        assert_eq!(read, Some(BTreeMap::from([(name.to_owned(), Some(Digest([1; 32])))])));
    }
}
