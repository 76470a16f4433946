//! A build with nothing set, for tests that fill in what they are about.

use std::collections::BTreeMap;

use devbox::model::{Build, DockerfileSource};

/// `build: {}` without a context.
pub fn empty_build() -> Build {
    Build {
        context: String::new(),
        dockerfile: DockerfileSource::File("Dockerfile".into()),
        target: None,
        args: BTreeMap::new(),
        labels: BTreeMap::new(),
        tags: Vec::new(),
        additional_contexts: BTreeMap::new(),
        cache_from: Vec::new(),
        cache_to: Vec::new(),
        no_cache: false,
        no_cache_filter: Vec::new(),
        pull: false,
        network: None,
        extra_hosts: BTreeMap::new(),
        shm_size: None,
        ulimits: BTreeMap::new(),
        platforms: Vec::new(),
        secrets: Vec::new(),
        ssh: Vec::new(),
        entitlements: Vec::new(),
        privileged: false,
        isolation: None,
        provenance: None,
        sbom: None,
    }
}
