//! `build`.

use crate::model::{Build, BuildSecret, BuildSsh, DockerfileSource};

use super::{fields::Fields, resources::ulimits};

pub(super) fn build(fields: Fields<'_>) -> Build {
    let ssh = |entry: &str| match entry.split_once('=') {
        Some((id, path)) => BuildSsh { id: id.to_owned(), path: Some(path.into()) },
        None => BuildSsh { id: entry.to_owned(), path: None },
    };
    Build {
        context: fields.text("context"),
        dockerfile: match fields.string("dockerfile_inline") {
            Some(text) => DockerfileSource::Inline(text),
            None => DockerfileSource::File(fields.string("dockerfile").unwrap_or_else(|| "Dockerfile".into()).into()),
        },
        target: fields.string("target"),
        args: fields.environment("args"),
        labels: fields.strings_by_key("labels"),
        tags: fields.strings("tags"),
        additional_contexts: fields.strings_by_key("additional_contexts"),
        cache_from: fields.strings("cache_from"),
        cache_to: fields.strings("cache_to"),
        no_cache: fields.flag("no_cache"),
        no_cache_filter: Vec::new(),
        pull: fields.flag("pull"),
        network: fields.string("network"),
        extra_hosts: fields.hosts("extra_hosts"),
        shm_size: fields.bytes("shm_size"),
        ulimits: ulimits(fields),
        platforms: fields.strings("platforms"),
        secrets: fields
            .structs("secrets")
            .map(|secret| {
                let source = secret.text("source");
                BuildSecret { id: secret.string("target").unwrap_or_else(|| source.clone()), source }
            })
            .collect(),
        ssh: fields.strings("ssh").iter().map(|entry| ssh(entry)).collect(),
        entitlements: fields.strings("entitlements"),
        privileged: fields.flag("privileged"),
        isolation: fields.string("isolation"),
        provenance: fields.string("provenance"),
        sbom: fields.string("sbom"),
    }
}
