//! A request in BuildKit's words: the attributes of its Dockerfile frontend, cache imports and exports, entitlements.
//!
//! The names are those of BuildKit's `frontend/dockerui` and what Docker's own clients put there.

use std::collections::{BTreeMap, HashMap};

use bollard_buildkit_proto::moby::buildkit::v1::{CacheOptions, CacheOptionsEntry, SolveRequest};
use sha2::{Digest, Sha256};

use super::error::BuildError;
use super::filesync::Source;
use super::request::{BuildRequest, ContextPlace, DockerfilePlace, Prepared};

/// The id under which the builder asks for the main context, and for the Dockerfile's folder.
const CONTEXT: &str = "context";
const DOCKERFILE: &str = "dockerfile";

/// The value of an extra host that stands for the engine's own address.
pub(super) const HOST_GATEWAY: &str = "host-gateway";

/// A request in BuildKit's words.
pub(super) struct Solve {
    /// The message, session and host gateway not yet in it.
    pub(super) request: SolveRequest,
    /// The folders that the builder may ask for.
    pub(super) sources: BTreeMap<String, Source>,
    /// What makes the builder find what it has of these folders.
    pub(super) shared_key: String,
    /// What was left out, in words.
    pub(super) warnings: Vec<String>,
}

impl Solve {
    /// Puts a request into BuildKit's words; `id` names the build.
    pub(super) fn new(request: &BuildRequest, prepared: &Prepared, id: String) -> Result<Self, BuildError> {
        let mut attrs = HashMap::new();
        let mut sources = BTreeMap::new();
        place_dockerfile(prepared, &mut attrs, &mut sources);
        place_contexts(request, prepared, &mut attrs, &mut sources)?;
        options(request, &mut attrs)?;
        let mut warnings = Vec::new();
        let (cache, entitlements) = (cache(request, &mut attrs, &mut warnings), entitlements(request, &mut attrs)?);
        let mut frontend = "dockerfile.v0".to_owned();
        if let Some((_, syntax)) = request.args().find(|(name, _)| *name == "BUILDKIT_SYNTAX") {
            frontend = "gateway.v0".to_owned();
            attrs.insert("source".to_owned(), syntax.split(' ').next().unwrap_or_default().to_owned());
            attrs.insert("cmdline".to_owned(), syntax.to_owned());
        }
        let names = request.all_names().join(",");
        // An image without a name is what an absent name means; an empty one is refused.
        let exporter: Attrs = (!names.is_empty()).then(|| ("name".to_owned(), names)).into_iter().collect();
        Ok(Self {
            request: SolveRequest {
                r#ref: id,
                frontend,
                frontend_attrs: attrs,
                entitlements,
                cache: Some(cache),
                exporter_deprecated: "moby".to_owned(),
                exporter_attrs_deprecated: exporter,
                ..SolveRequest::default()
            },
            sources,
            shared_key: shared_key(prepared),
            warnings,
        })
    }
}

type Attrs = HashMap<String, String>;
type Sources = BTreeMap<String, Source>;

fn set(attrs: &mut Attrs, name: impl Into<String>, value: impl Into<String>) {
    attrs.insert(name.into(), value.into());
}

fn place_dockerfile(prepared: &Prepared, attrs: &mut Attrs, sources: &mut Sources) {
    let remote = matches!(prepared.context, ContextPlace::Remote(_));
    match &prepared.place {
        DockerfilePlace::File { folder, name } => {
            set(attrs, "filename", name);
            sources.insert(DOCKERFILE.to_owned(), Source::Folder(folder.clone()));
        }
        DockerfilePlace::Inline(text) => {
            set(attrs, "filename", "Dockerfile");
            let content = text.clone().into_bytes();
            sources.insert(DOCKERFILE.to_owned(), Source::File { name: "Dockerfile".to_owned(), content });
        }
        DockerfilePlace::InContext(path) => set(attrs, "filename", path),
    }
    if remote && !matches!(prepared.place, DockerfilePlace::InContext(_)) {
        set(attrs, "dockerfilekey", DOCKERFILE);
    }
}

fn place_contexts(
    request: &BuildRequest,
    prepared: &Prepared,
    attrs: &mut Attrs,
    sources: &mut Sources,
) -> Result<(), BuildError> {
    match &prepared.context {
        ContextPlace::Folder(folder) => {
            sources.insert(CONTEXT.to_owned(), Source::Folder(folder.clone()));
        }
        ContextPlace::Remote(url) => set(attrs, "context", url),
    }
    for (name, place) in &request.build.additional_contexts {
        let key = format!("context:{name}");
        if place.starts_with("docker-image://") || place.starts_with("oci-layout://") {
            set(attrs, key, place);
            continue;
        }
        match ContextPlace::of(place) {
            ContextPlace::Remote(url) => set(attrs, key, url),
            ContextPlace::Folder(folder) => {
                if !folder.is_dir() {
                    let what = format!("the additional context `{name}` is not a folder: {}", folder.display());
                    return Err(BuildError::unsupported(what, "correct its path under `build.additional_contexts`"));
                }
                // The two names that the builder uses itself stay free.
                let local = if name == CONTEXT || name == DOCKERFILE { format!("_{name}") } else { name.clone() };
                set(attrs, key, format!("local:{local}"));
                set(attrs, format!("sharedkey:localdir:{name}"), digest([place.as_bytes()]));
                sources.insert(local, Source::Folder(folder));
            }
        }
    }
    if !request.build.additional_contexts.is_empty() {
        set(attrs, "frontend.caps", "moby.buildkit.frontend.contexts+forward");
    }
    Ok(())
}

fn options(request: &BuildRequest, attrs: &mut Attrs) -> Result<(), BuildError> {
    let build = &request.build;
    for (name, value) in request.args() {
        set(attrs, format!("build-arg:{name}"), value);
    }
    for (name, value) in request.all_labels() {
        set(attrs, format!("label:{name}"), value);
    }
    if let Some(target) = &build.target {
        set(attrs, "target", target);
    }
    if build.no_cache {
        set(attrs, "no-cache", "");
    } else if !build.no_cache_filter.is_empty() {
        set(attrs, "no-cache", build.no_cache_filter.join(","));
    }
    set(attrs, "image-resolve-mode", if build.pull { "pull" } else { "local" });
    if !build.platforms.is_empty() {
        set(attrs, "platform", build.platforms.join(","));
    }
    if let Some(size) = build.shm_size.filter(|size| size.0 > 0) {
        set(attrs, "shm-size", size.0.to_string());
    }
    if !build.ulimits.is_empty() {
        let limits = build.ulimits.iter().map(|(name, limit)| format!("{name}={}:{}", limit.soft, limit.hard));
        set(attrs, "ulimit", limits.collect::<Vec<_>>().join(","));
    }
    let hosts: Vec<String> = build
        .extra_hosts
        .iter()
        .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}={address}")))
        .collect();
    if !hosts.is_empty() {
        set(attrs, "add-hosts", hosts.join(","));
    }
    for (kind, value) in [("provenance", &build.provenance), ("sbom", &build.sbom)] {
        match value.as_deref() {
            None | Some("" | "false") => {}
            Some("true") => set(attrs, format!("attest:{kind}"), ""),
            Some(value) => set(attrs, format!("attest:{kind}"), value),
        }
    }
    match build.isolation.as_deref() {
        None | Some("" | "default") => Ok(()),
        Some(other) => Err(BuildError::unsupported(
            format!("`isolation: {other}` is for Windows containers"),
            "remove `build.isolation`",
        )),
    }
}

/// What the build must be allowed, with the attribute that makes use of it.
fn entitlements(request: &BuildRequest, attrs: &mut Attrs) -> Result<Vec<String>, BuildError> {
    let mut entitlements = request.build.entitlements.clone();
    match request.build.network.as_deref() {
        None | Some("" | "default") => {}
        Some("none") => set(attrs, "force-network-mode", "none"),
        Some("host") => {
            set(attrs, "force-network-mode", "host");
            entitlements.push("network.host".to_owned());
        }
        Some(other) => {
            let what = format!("a build cannot use the network `{other}`: BuildKit knows none, host and default");
            return Err(BuildError::unsupported(what, "set `build.network` to `host`, or remove it"));
        }
    }
    if request.build.privileged {
        entitlements.push("security.insecure".to_owned());
    }
    entitlements.sort_unstable();
    entitlements.dedup();
    Ok(entitlements)
}

/// Caches that this build can use. One that it cannot use changes nothing but the time, so it is left out with a warning.
fn cache(request: &BuildRequest, attrs: &mut Attrs, warnings: &mut Vec<String>) -> CacheOptions {
    let mut usable = |texts: &[String]| -> Vec<CacheOptionsEntry> {
        let mut entries = Vec::new();
        for text in texts {
            match cache_entry(text) {
                Ok(entry) => entries.push(entry),
                Err(why) => warnings.push(format!("the cache `{text}` is not used: {why}")),
            }
        }
        entries
    };
    let imports = usable(&request.build.cache_from);
    let mut exports = usable(&request.build.cache_to);
    let inline = request.args().any(|(name, value)| name == "BUILDKIT_INLINE_CACHE" && matches!(value, "1" | "true"));
    if inline && !exports.iter().any(|entry| entry.r#type == "inline") {
        exports.push(CacheOptionsEntry { r#type: "inline".to_owned(), attrs: HashMap::new() });
    }
    if !imports.is_empty() {
        let json: Vec<_> =
            imports.iter().map(|entry| serde_json::json!({"Type": entry.r#type, "Attrs": entry.attrs})).collect();
        set(attrs, "cache-imports", serde_json::Value::from(json).to_string());
    }
    CacheOptions { imports, exports, ..CacheOptions::default() }
}

/// `user/app:cache`, or `type=registry,ref=user/app:cache`.
fn cache_entry(text: &str) -> Result<CacheOptionsEntry, String> {
    if !text.contains('=') {
        return Ok(CacheOptionsEntry {
            r#type: "registry".to_owned(),
            attrs: HashMap::from([("ref".to_owned(), text.to_owned())]),
        });
    }
    let mut entry = CacheOptionsEntry { r#type: String::new(), attrs: HashMap::new() };
    for field in text.split(',') {
        let (name, value) = field.split_once('=').ok_or_else(|| format!("`{field}` is not NAME=value"))?;
        match name.trim() {
            "type" => entry.r#type = value.to_owned(),
            name => drop(entry.attrs.insert(name.to_owned(), value.to_owned())),
        }
    }
    match entry.r#type.as_str() {
        "registry" | "inline" => Ok(entry),
        "" => Err("it has no type".to_owned()),
        other => Err(format!("devbox knows registry and inline, not {other}")),
    }
}

/// One key for one pair of folders, so that builds of different projects don't take each other's place in the builder's store.
fn shared_key(prepared: &Prepared) -> String {
    let context = match &prepared.context {
        ContextPlace::Folder(folder) => folder.to_string_lossy().into_owned(),
        ContextPlace::Remote(url) => url.clone(),
    };
    let dockerfile = match &prepared.place {
        DockerfilePlace::File { folder, .. } => folder.to_string_lossy().into_owned(),
        DockerfilePlace::Inline(_) | DockerfilePlace::InContext(_) => String::new(),
    };
    digest([context.as_bytes(), dockerfile.as_bytes()])
}

fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Build, ByteSize, Ulimit};

    fn solve(change: impl FnOnce(&mut BuildRequest)) -> Result<SolveRequest, BuildError> {
        let mut request = BuildRequest::new(Build::new("https://example.com/x.git"), vec!["app".to_owned()]);
        change(&mut request);
        let prepared = Prepared {
            context: ContextPlace::of(&request.build.context),
            place: DockerfilePlace::InContext("Dockerfile".to_owned()),
            shown: "Dockerfile".into(),
            text: None,
            dockerfile: None,
        };
        Solve::new(&request, &prepared, "id".to_owned()).map(|solve| solve.request)
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut BuildRequest), expected: &[(&str, &str)]) {
        let attrs = solve(change).unwrap().frontend_attrs;
        for (name, value) in expected {
            assert_eq!(attrs.get(*name).map(String::as_str), Some(*value), "{name} in {attrs:?}");
        }
    }

    #[test]
    fn attributes() {
        check(
            |_| {},
            &[("context", "https://example.com/x.git"), ("filename", "Dockerfile"), ("image-resolve-mode", "local")],
        );
        check(|r| r.build.pull = true, &[("image-resolve-mode", "pull")]);
        check(|r| r.build.no_cache_filter = vec!["a".into(), "b".into()], &[("no-cache", "a,b")]);
        check(|r| r.build.no_cache = true, &[("no-cache", "")]);
        check(|r| drop(r.build.args.insert("A".into(), Some("x".into()))), &[("build-arg:A", "x")]);
        check(|r| drop(r.labels.insert("l".into(), "x".into())), &[("label:l", "x")]);
        check(|r| r.build.shm_size = Some(ByteSize(1024)), &[("shm-size", "1024")]);
        check(
            |r| r.build.ulimits = [("nofile".into(), Ulimit { soft: 1, hard: 2 })].into(),
            &[("ulimit", "nofile=1:2")],
        );
        check(|r| drop(r.build.extra_hosts.insert("h".into(), vec!["1.2.3.4".into()])), &[("add-hosts", "h=1.2.3.4")]);
        check(
            |r| r.build.cache_from = vec!["app".into()],
            &[("cache-imports", r#"[{"Type":"registry","Attrs":{"ref":"app"}}]"#)],
        );
        check(|r| r.build.network = Some("none".into()), &[("force-network-mode", "none")]);
    }

    #[test]
    fn a_variable_that_is_not_set_is_no_argument() {
        let attrs = solve(|r| drop(r.build.args.insert("A".into(), None))).unwrap().frontend_attrs;
        assert!(!attrs.contains_key("build-arg:A"));
    }

    #[test]
    fn entitlements_and_names() {
        let request = solve(|r| {
            r.build.network = Some("host".into());
            r.build.privileged = true;
            r.build.tags = vec!["app:2".into(), "app".into()];
        })
        .unwrap();
        assert_eq!(request.entitlements, ["network.host", "security.insecure"]);
        assert_eq!(request.exporter_attrs_deprecated["name"], "app,app:2");
    }

    #[test]
    fn a_cache_that_cannot_be_used_is_left_out() {
        let request = solve(|r| r.build.cache_from = vec!["type=local,src=x".into(), "app:1".into()]).unwrap();
        assert_eq!(request.cache.unwrap().imports.len(), 1);
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        assert!(solve(|r| r.build.network = Some("shop_default".into())).is_err());
        assert!(solve(|r| r.build.isolation = Some("hyperv".into())).is_err());
    }
}
