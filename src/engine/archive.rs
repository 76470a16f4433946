//! Files in and out of containers, as tar archives.

use std::{
    io::{self, Read},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderValue, Method, header};
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::model::{ConfigSource, ContainerId, FileMount, Project, SecretSource, Service};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::{QUICK, describe, escape},
};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(3600);
/// What a secret or config gets where the file doesn't say (Compose's).
const FILE_MODE: u32 = 0o444;

/// What a path in a container is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PathStat {
    /// Its name, without folders.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits and kind, as Go writes them: the highest bit is a folder.
    pub mode: u32,
    /// Where a symbolic link points.
    #[serde(rename = "linkTarget", default)]
    pub link_target: String,
}

impl PathStat {
    /// It is a folder.
    pub fn is_dir(&self) -> bool {
        self.mode & 1 << 31 != 0
    }
}

/// Files to put into a container, by their absolute path there.
struct ContentFile<'a> {
    used: &'a FileMount,
    content: &'a str,
}

impl Engine {
    /// Unpacks a tar archive in a folder of a container, running or not. `keep_owner` takes numbers of owners from the archive.
    ///
    /// # Errors
    ///
    /// [`EngineError::Server`] with status 404 when the folder is not there; [`EngineError::NotFound`] when the container is not.
    pub async fn put_archive(
        &self,
        container: &ContainerId,
        folder: &str,
        archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        keep_owner: bool,
    ) -> Result<(), EngineError> {
        let mut path = format!("/containers/{}/archive?path={}", escape(container.as_str()), escape(folder));
        if keep_owner {
            path.push_str("&copyUIDGID=true");
        }
        let mut request = self.client().request(Method::PUT, &path)?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
        *request.body_mut() = bollard::body_try_stream(archive);
        self.client().fetch(request, UPLOAD, Subject::Container(container.as_str())).await.map(drop)
    }

    /// A file or folder of a container as a tar archive, and what it is.
    ///
    /// # Errors
    ///
    /// [`EngineError::Server`] with status 404 when the path is not there; [`EngineError::NotFound`] when the container is not. In the
    /// stream: a lost connection.
    pub async fn get_archive(
        &self,
        container: &ContainerId,
        path: &str,
    ) -> Result<(PathStat, BoxStream<'static, Result<Bytes, EngineError>>), EngineError> {
        let url = format!("/containers/{}/archive?path={}", escape(container.as_str()), escape(path));
        let request = self.client().request(Method::GET, &url)?;
        let response = self.client().send(request, QUICK, Subject::Container(container.as_str())).await?;
        let unreadable = |why: String| EngineError::Protocol { what: format!("{path} in {container}"), why };
        let stat = response
            .headers()
            .get("X-Docker-Container-Path-Stat")
            .ok_or_else(|| unreadable("it doesn't say what it is".into()))?;
        let stat = STANDARD.decode(stat.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
        let stat: PathStat = serde_json::from_slice(&stat).map_err(|error| unreadable(error.to_string()))?;
        let client = self.client().clone();
        let body = futures_util::stream::unfold(response.into_body(), |mut body| async move {
            let frame = body.frame().await?;
            Some((frame, body))
        });
        let bytes = body.filter_map(move |frame| {
            std::future::ready(match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(client.lost(describe(&error)))),
            })
        });
        Ok((stat, bytes.boxed()))
    }

    /// What a file of a container holds: `None` when it isn't there, is no file, or is larger than `most` bytes.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when the container is not there; a lost connection.
    pub async fn read_file(
        &self,
        container: &ContainerId,
        path: &str,
        most: u64,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        /// The archive's own blocks around one file.
        const AROUND: u64 = 16 * 1024;
        let (stat, mut pieces) = match self.get_archive(container, path).await {
            Ok(found) => found,
            Err(EngineError::Server { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if stat.is_dir() || stat.size > most {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > most + AROUND {
                return Ok(None);
            }
        }
        Ok(only_file(&bytes))
    }

    /// Puts the secrets and configs whose content is in the compose file or in a variable into a container that isn't started yet.
    /// Those that are files are mounted, at creation.
    ///
    /// # Errors
    ///
    /// [`EngineError::Spec`] for a variable that isn't set, and for a service whose root is read-only.
    pub async fn put_content_files(
        &self,
        project: &Project,
        service: &Service,
        container: &ContainerId,
    ) -> Result<(), EngineError> {
        let files = content_files(project, service)?;
        for file in &files {
            let keep_owner = file.used.uid.is_some() || file.used.gid.is_some();
            let archive = tar_of(service, file)?;
            let archive = futures_util::stream::iter([Ok(Bytes::from(archive))]);
            self.put_archive(container, "/", archive, keep_owner).await?;
        }
        Ok(())
    }
}

/// The files whose content is known, in the service's order: secrets first. Empty ones are left out, as Compose does.
fn content_files<'a>(project: &'a Project, service: &'a Service) -> Result<Vec<ContentFile<'a>>, EngineError> {
    let unset = |kind: &str, used: &FileMount, variable: &str| EngineError::Spec {
        what: format!(
            "service {}: {kind} {} needs the variable {variable}, which is not set",
            service.name, used.source
        ),
        help: format!("export {variable}, or put it into .env"),
    };
    let mut files = Vec::new();
    for used in &service.secrets {
        if let Some(SecretSource::Environment { variable, value }) = project.secrets.get(&used.source) {
            let content = value.as_ref().ok_or_else(|| unset("secret", used, variable))?;
            files.push(ContentFile { used, content });
        }
    }
    for used in &service.configs {
        match project.configs.get(&used.source) {
            Some(ConfigSource::Environment { variable, value }) => {
                let content = value.as_ref().ok_or_else(|| unset("config", used, variable))?;
                files.push(ContentFile { used, content });
            }
            Some(ConfigSource::Content(content)) => files.push(ContentFile { used, content }),
            _ => {}
        }
    }
    files.retain(|file| !file.content.is_empty());
    if service.read_only
        && let Some(file) = files.first()
    {
        return Err(EngineError::Spec {
            what: format!(
                "service {}: {} can't be written, since its root is read-only",
                service.name, file.used.target
            ),
            help: format!("give {} a `file:`, which is mounted", file.used.source),
        });
    }
    Ok(files)
}

/// The content of an archive's first entry, where that is a plain file.
fn only_file(archive: &[u8]) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries().ok()?.next()?.ok()?;
    if !entry.header().entry_type().is_file() {
        return None;
    }
    let mut content = Vec::new();
    entry.read_to_end(&mut content).ok()?;
    Some(content)
}

fn tar_of(service: &Service, file: &ContentFile<'_>) -> Result<Vec<u8>, EngineError> {
    let FileMount { target, uid, gid, mode, source } = file.used;
    let number = |what: &str, text: &Option<String>| match text {
        None => Ok(0),
        Some(text) => text.parse::<u64>().map_err(|_| EngineError::Spec {
            what: format!("service {}: {what} {text:?} of {source} is not a number", service.name),
            help: "owners are given by number here".into(),
        }),
    };
    let unwritable = |error: io::Error| EngineError::Spec {
        what: format!("service {}: {target} can't be written: {error}", service.name),
        help: String::new(),
    };
    let mut header = tar::Header::new_gnu();
    header.set_size(file.content.len() as u64);
    header.set_mode(mode.unwrap_or(FILE_MODE));
    header.set_uid(number("uid", uid)?);
    header.set_gid(number("gid", gid)?);
    header.set_mtime(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs());
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, target.trim_start_matches('/'), file.content.as_bytes()).map_err(unwritable)?;
    archive.into_inner().map_err(unwritable)
}
