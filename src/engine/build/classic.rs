//! A build through the classic builder: one request with the context as an archive, one answer that tells as it goes.
//!
//! For engines without BuildKit. What only BuildKit can do is refused before anything is sent.

use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{Method, Request, Response, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use super::Builder;
use super::buildkit::Outcome;
use super::classic_output::Output;
use super::credentials::credential;
use super::error::BuildError;
use super::failure;
use super::request::{BuildRequest, ContextPlace, DockerfilePlace, Prepared};
use crate::build_context::dockerfile::Base;
use crate::build_context::error::ContextError;
use crate::build_context::ignore::Ignore;
use crate::build_context::pattern::Patterns;
use crate::build_context::tar_stream::{self, ExtraFile};
use crate::build_context::walk::Filter;
use crate::engine::credentials::{Credentials, entry, server_of};
use crate::engine::transport::Transport;
use crate::model::{BuildEvent, BuildStep, BuildStepId, ImageId};

/// A message of the answer may be this long, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// How much of the context is sent between two reports, in bytes; less than this is not reported.
const REPORT_EVERY: u64 = 1 << 20;

type Body = BoxBody<Bytes, std::io::Error>;

/// Builds. Events go out as they come; the last one is the caller's to send.
///
/// # Errors
///
/// There was no build: the request asks for what this builder cannot do, or the engine cannot be reached.
pub(super) async fn build(
    builder: &Builder,
    request: &BuildRequest,
    prepared: &Prepared,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<Outcome, BuildError> {
    check(request)?;
    let (failed, mut failures) = mpsc::channel(1);
    let archive = Archive::new(prepared)?;
    let path = format!("/build?{}", query(request, prepared, &archive));
    let credentials = registry_config(&builder.credentials, request, prepared, events).await;
    let body = archive.body(events.clone(), failed);
    let (response, connection) = match send(&builder.transport, &path, credentials, body).await {
        Ok(answer) => answer,
        Err(error) => return Err(failures.try_recv().map_or(error, BuildError::from)),
    };
    let _connection = connection;
    let status = response.status().as_u16();
    if status != 200 {
        let body = Limited::new(response.into_body(), MAX_MESSAGE).collect().await.map(|body| body.to_bytes());
        let message = refusal(&body.unwrap_or_default());
        let said = failure::Said { message, ..failure::Said::default() };
        return Ok(Err(failure::of_build(said, failures.try_recv().ok(), request, prepared)));
    }
    let mut output = Output::new(prepared.dockerfile.clone(), 1);
    let read = read_answer(response.into_body(), &mut output, events).await;
    let (rest, end) = output.finish(Instant::now());
    for event in rest {
        let _ = events.send(event).await;
    }
    let own = failures.try_recv().ok();
    match (end, read) {
        (Ok(id), _) if own.is_none() => Ok(Ok(ImageId::from(id))),
        (_, Err(error)) if own.is_none() => Err(error),
        (Ok(_), _) => Ok(Err(failure::of_build(failure::Said::default(), own, request, prepared))),
        (Err(said), _) => Ok(Err(failure::of_build(said, own, request, prepared))),
    }
}

/// Refuses what this builder would leave out in silence.
fn check(request: &BuildRequest) -> Result<(), BuildError> {
    let build = &request.build;
    let asked = [
        ("secrets", !build.secrets.is_empty()),
        ("ssh", !build.ssh.is_empty()),
        ("additional_contexts", !build.additional_contexts.is_empty()),
        ("cache_to", !build.cache_to.is_empty()),
        ("no_cache_filter", !build.no_cache_filter.is_empty()),
        ("entitlements", !build.entitlements.is_empty()),
        ("privileged", build.privileged),
        ("several platforms", build.platforms.len() > 1),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((what, _)) => Err(BuildError::unsupported(
            format!("this engine builds without BuildKit, and cannot do `build.{what}`"),
            "use an engine with BuildKit, Docker 20.10 or newer, or remove it",
        )),
    }
}

/// What is sent beside the context's own files, and what of those is not.
struct Archive {
    /// The context's folder; none where the engine fetches it.
    folder: Option<std::path::PathBuf>,
    filter: Filter,
    extra: Vec<ExtraFile>,
    /// The Dockerfile's name in the archive.
    dockerfile: String,
}

impl Archive {
    fn new(prepared: &Prepared) -> Result<Self, BuildError> {
        let ContextPlace::Folder(folder) = &prepared.context else {
            return match &prepared.place {
                DockerfilePlace::InContext(path) => {
                    Ok(Self { folder: None, filter: Filter::default(), extra: Vec::new(), dockerfile: path.clone() })
                }
                _ => Err(BuildError::unsupported(
                    "this engine builds without BuildKit, and takes no Dockerfile from here for a context elsewhere",
                    "name a Dockerfile of that context, or use an engine with BuildKit",
                )),
            };
        };
        let path = prepared.place.path();
        let ignore = Ignore::load(folder, path.as_deref())?;
        let inside = path.as_deref().and_then(|path| relative(folder, path));
        // What the archive leaves out, and what the builder, which reads `.dockerignore` itself, leaves out of that.
        let mut here = ignore.lines_with_build_files(inside.as_deref());
        let mut there = ignore.lines.clone();
        let mut extra = Vec::new();
        // A Dockerfile from elsewhere gets a name of its own, which the builder is told to ignore, so that no `COPY . .` takes it.
        let dockerfile = inside.unwrap_or_else(|| {
            let text = prepared.text.clone().unwrap_or_default().into_bytes();
            let digest: String = Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let name = format!(".dockerfile.{digest}");
            there.push(name.clone());
            extra.push(ExtraFile { name: name.clone(), content: text });
            name
        });
        let usual = folder.join(".dockerignore");
        let own_file = ignore.file.as_ref().is_none_or(|file| *file == usual);
        if !own_file || !extra.is_empty() {
            if !usual.exists() {
                there.push(".dockerignore".to_owned());
            }
            let content = format!("{}\n", there.join("\n")).into_bytes();
            extra.push(ExtraFile { name: ".dockerignore".to_owned(), content });
            here.push(".dockerignore".to_owned());
        }
        let patterns = Patterns::new(&here).map_err(ContextError::from)?;
        Ok(Self { folder: Some(folder.clone()), filter: Filter::excluding(patterns), extra, dockerfile })
    }

    /// The request's body, made while it is sent.
    fn body(self, events: mpsc::Sender<BuildEvent>, failed: mpsc::Sender<ContextError>) -> Body {
        let Some(folder) = self.folder else { return Empty::new().map_err(|never| match never {}).boxed() };
        let mut sent = 0_u64;
        let mut reported = 0_u64;
        let pieces =
            ReceiverStream::new(tar_stream::stream(folder, self.filter, self.extra)).map(move |piece| match piece {
                Ok(bytes) => {
                    sent += bytes.len() as u64;
                    if sent - reported >= REPORT_EVERY {
                        // A report that finds no room is not worth waiting for.
                        if reported == 0 {
                            let _ = events.try_send(BuildEvent::Step(context_step()));
                            let _ = events.try_send(BuildEvent::Started(context_step().id));
                        }
                        reported = sent;
                        let what = "transferring context".to_owned();
                        let _ = events.try_send(BuildEvent::Progress {
                            step: context_step().id,
                            what,
                            current: sent,
                            total: 0,
                        });
                    }
                    Ok(Frame::data(bytes))
                }
                Err(error) => {
                    let text = error.to_string();
                    let _ = failed.try_send(error);
                    Err(std::io::Error::other(text))
                }
            });
        BodyExt::boxed(StreamBody::new(pieces))
    }
}

/// The step that sends the context; the builder's own are counted from 1.
fn context_step() -> BuildStep {
    BuildStep { id: BuildStepId(0), number: None, stage: None, text: "load build context".to_owned() }
}

/// A file's path within a folder, with slashes; nothing when it is elsewhere.
fn relative(folder: &Path, file: &Path) -> Option<String> {
    let (folder, file) = (folder.canonicalize().ok()?, file.parent()?.canonicalize().ok()?.join(file.file_name()?));
    file.strip_prefix(folder).ok()?.to_str().map(str::to_owned)
}

fn query(request: &BuildRequest, prepared: &Prepared, archive: &Archive) -> String {
    let build = &request.build;
    let json = |pairs: Vec<(&str, &str)>| {
        Value::Object(
            pairs.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>(),
        )
        .to_string()
    };
    let mut fields: Vec<(&str, String)> = vec![
        ("dockerfile", archive.dockerfile.clone()),
        ("rm", "1".to_owned()),
        ("forcerm", "1".to_owned()),
        // Podman keeps layers for its cache only when it is told to.
        ("layers", "1".to_owned()),
        ("buildargs", json(request.args().collect())),
        ("labels", json(request.all_labels().into_iter().collect())),
    ];
    fields.extend(request.all_names().into_iter().map(|name| ("t", name.to_owned())));
    if let ContextPlace::Remote(url) = &prepared.context {
        fields.push(("remote", url.clone()));
    }
    let flags = [("nocache", build.no_cache), ("pull", build.pull)];
    fields.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name, "1".to_owned())));
    let texts =
        [("target", &build.target), ("networkmode", &build.network), ("platform", &build.platforms.first().cloned())];
    fields.extend(texts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if !build.cache_from.is_empty() {
        fields.push(("cachefrom", json!(build.cache_from).to_string()));
    }
    for (host, addresses) in &build.extra_hosts {
        fields.extend(addresses.iter().map(|address| ("extrahosts", format!("{host}:{address}"))));
    }
    if let Some(size) = build.shm_size {
        fields.push(("shmsize", size.0.to_string()));
    }
    if !build.ulimits.is_empty() {
        let limit = |(name, limit): (&String, &crate::model::Ulimit)| json!({"Name": name, "Soft": limit.soft, "Hard": limit.hard});
        fields.push(("ulimits", Value::from(build.ulimits.iter().map(limit).collect::<Vec<_>>()).to_string()));
    }
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

/// A value in a query (RFC 3986, section 2.3: what needs no escape).
fn escape(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The credentials for the registries of the base images, as the header takes them.
async fn registry_config(
    credentials: &Credentials,
    request: &BuildRequest,
    prepared: &Prepared,
    events: &mpsc::Sender<BuildEvent>,
) -> Option<String> {
    let resolved = prepared.dockerfile.as_ref()?.resolve(&request.inputs()).ok()?;
    let mut config = Map::new();
    for stage in resolved.stages {
        let Base::Image(image) = stage.base else { continue };
        let server = server_of(&image);
        if config.contains_key(server) {
            continue;
        }
        let entry = match credential(credentials, server).await {
            Ok(Some(credential)) => entry(credential),
            Ok(None) => continue,
            Err(warning) => {
                let _ = events.send(BuildEvent::Warning(warning)).await;
                continue;
            }
        };
        config.insert(server.to_owned(), entry);
    }
    (!config.is_empty()).then(|| base64::engine::general_purpose::URL_SAFE.encode(Value::Object(config).to_string()))
}

/// Sends the request. The connection closes when its handle is dropped, upon which the engine ends the build.
async fn send(
    transport: &Transport,
    path: &str,
    credentials: Option<String>,
    body: Body,
) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), BuildError> {
    let lost = |error: hyper::Error| BuildError::Lost(error.to_string());
    let io = transport.dial().await.map_err(BuildError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(lost)?;
    let connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection of a build ended");
        }
    }));
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "docker")
        .header(header::CONTENT_TYPE, "application/x-tar");
    if let Some(credentials) = credentials {
        request = request.header("X-Registry-Config", credentials);
    }
    let request = request.body(body).map_err(|error| BuildError::Lost(error.to_string()))?;
    Ok((sender.send_request(request).await.map_err(lost)?, connection))
}

/// Reads the answer's messages, which follow each other without anything between them.
async fn read_answer(
    mut body: Incoming,
    output: &mut Output,
    events: &mpsc::Sender<BuildEvent>,
) -> Result<(), BuildError> {
    let mut received = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BuildError::Lost(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        received.extend_from_slice(&data);
        loop {
            let mut messages = serde_json::Deserializer::from_slice(&received).into_iter();
            let message = match messages.next() {
                Some(Ok(message)) => message,
                Some(Err(error)) if !error.is_eof() => {
                    return Err(BuildError::Lost(format!("a message cannot be read: {error}")));
                }
                Some(Err(_)) if received.len() > MAX_MESSAGE => {
                    return Err(BuildError::Lost("a message is too long".to_owned()));
                }
                Some(Err(_)) | None => break,
            };
            let used = messages.byte_offset();
            for event in output.take(message, Instant::now()) {
                // Nobody listens any more: the build is about to be dropped.
                let _ = events.send(event).await;
            }
            let _ = received.split_to(used);
        }
    }
    Ok(())
}

/// What a refusal says: `{"message": …}` from Docker, also `{"cause": …}` from Podman, or text.
fn refusal(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => value["message"].as_str().or(value["cause"].as_str()).unwrap_or_default().to_owned(),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Build;

    fn archive(files: &[(&str, &str)], change: impl FnOnce(&mut BuildRequest)) -> (Vec<String>, String) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let mut request =
            BuildRequest::new(Build::new(dir.path().join("ctx").to_string_lossy()), vec!["app".to_owned()]);
        change(&mut request);
        let prepared = Prepared::new(&request).unwrap();
        let archive = Archive::new(&prepared).unwrap();
        let query = query(&request, &prepared, &archive);
        let mut pieces = tar_stream::stream(dir.path().join("ctx"), archive.filter, archive.extra);
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.blocking_recv() {
            bytes.extend_from_slice(&piece.unwrap());
        }
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names = archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().to_string_lossy().into_owned());
        (names.collect(), query)
    }

    #[test]
    fn the_dockerfile_and_the_ignore_file_travel_though_left_out() {
        let files = [("ctx/Dockerfile", "FROM a"), ("ctx/.dockerignore", "*\n!b"), ("ctx/b", ""), ("ctx/c", "")];
        let (names, query) = archive(&files, |_| {});
        assert_eq!(names, [".dockerignore", "Dockerfile", "b"]);
        assert!(query.contains("dockerfile=Dockerfile&") && query.ends_with("&t=app"), "{query}");
    }

    #[test]
    fn the_dockerfiles_own_ignore_file_holds_in_the_builder_too() {
        let files = [
            ("ctx/Dockerfile", "FROM a"),
            ("ctx/Dockerfile.dockerignore", "*"),
            ("ctx/.dockerignore", "x"),
            ("ctx/b", ""),
        ];
        assert_eq!(archive(&files, |_| {}).0, [".dockerignore", "Dockerfile"]);
    }

    #[test]
    fn a_dockerfile_from_elsewhere_gets_a_name_of_its_own() {
        let files = [("other/Dockerfile", "FROM a"), ("ctx/.dockerignore", "c"), ("ctx/b", ""), ("ctx/c", "")];
        let (names, query) = archive(&files, |request| {
            request.build.dockerfile = crate::model::DockerfileSource::File("../other/Dockerfile".into());
        });
        assert!(names[0].starts_with(".dockerfile."), "{names:?}");
        assert_eq!(names[1..], [".dockerignore", "b"]);
        assert!(query.contains("dockerfile=.dockerfile."));
    }

    #[test]
    fn what_only_buildkit_can_do_is_refused() {
        let mut request = BuildRequest::new(Build::new("/"), Vec::new());
        assert!(check(&request).is_ok());
        request.build.ssh.push(crate::model::BuildSsh { id: "default".to_owned(), path: None });
        assert!(matches!(check(&request), Err(BuildError::Unsupported { .. })));
    }
}
