//! A registry on loopback with one image in it, which can ask for a name and a password. It speaks as much of the distribution
//! API, over plain HTTP, as an engine's pull needs.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bollard::query_parameters::RemoveImageOptions;
use sha2::{Digest, Sha256};

use super::engine::{block_on, engine};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The registry; it ends with the test process, and what was pulled from it goes when it is dropped.
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    served: Arc<Served>,
}

struct Served {
    /// What `Authorization` must be.
    authorization: Option<String>,
    manifest: Vec<u8>,
    blobs: Vec<(String, Vec<u8>)>,
    /// What was asked for, in order: `GET /v2/app/manifests/1`.
    asked: Mutex<Vec<String>>,
}

impl Registry {
    /// Starts one that has `app:1` for whoever gives this name and password.
    pub fn start(login: Option<(&str, &str)>) -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        let authorization = login.map(|(name, word)| format!("Basic {}", STANDARD.encode(format!("{name}:{word}"))));
        let (manifest, blobs) = image(&host);
        let served = Arc::new(Served { authorization, manifest, blobs, asked: Mutex::default() });
        let shared = Arc::clone(&served);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let served = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &served));
            }
        });
        Registry { host, served }
    }

    /// The name of its image.
    pub fn image(&self) -> String {
        format!("{}/app:1", self.host)
    }

    /// How often the image was looked up.
    pub fn lookups(&self) -> usize {
        let asked = self.served.asked.lock().expect("what was asked for");
        asked.iter().filter(|request| request.contains("/manifests/1")).count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let (Some(docker), image) = (engine(), self.image()) else { return };
        let force = RemoveImageOptions { force: true, ..Default::default() };
        let _ = block_on(async move { docker.remove_image(&image, Some(force), None).await });
    }
}

fn digest(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// An image of one layer that no engine has yet: its manifest, and its blobs by digest.
fn image(salt: &str) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let mut archive = tar::Builder::new(Vec::new());
    let content: Vec<u8> = salt.bytes().cycle().take(2 << 20).collect();
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "content", &content[..]).expect("a file");
    let layer = archive.into_inner().expect("an archive");
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = serde_json::json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Cmd": ["/content"] },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    });
    let config = config.to_string().into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": config.len(),
            "digest": digest(&config),
        },
        "layers": [{
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
            "size": layer.len(),
            "digest": digest(&layer),
        }],
    });
    (manifest.to_string().into_bytes(), vec![(digest(&config), config), (digest(&layer), layer)])
}

fn serve(connection: TcpStream, served: &Served) {
    let mut reader = BufReader::new(connection.try_clone().expect("the connection"));
    let mut writer = connection;
    while let Some((method, path, authorization)) = read(&mut reader) {
        served.asked.lock().expect("what was asked for").push(format!("{method} {path}"));
        let (status, kind, body) = answer(served, &path, authorization.as_deref());
        let challenge = if status == 401 { "WWW-Authenticate: Basic realm=\"test\"\r\n" } else { "" };
        let head = format!(
            "HTTP/1.1 {status} X\r\nDocker-Distribution-Api-Version: registry/2.0\r\n{challenge}Docker-Content-Digest: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            digest(&body),
            body.len(),
        );
        let body = if method == "HEAD" { &[][..] } else { &body };
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body)).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<(String, String, Option<String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&count| count > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut authorization = None;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { return Some((method, path, authorization)) };
        if name.eq_ignore_ascii_case("authorization") {
            authorization = Some(value.trim().to_owned());
        }
    }
}

fn answer(served: &Served, path: &str, authorization: Option<&str>) -> (u16, &'static str, Vec<u8>) {
    let error = |status, code: &str, message: &str| {
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        (status, "application/json", body.to_string().into_bytes())
    };
    if served.authorization.as_deref().is_some_and(|wanted| authorization != Some(wanted)) {
        return error(401, "UNAUTHORIZED", "authentication required");
    }
    let wanted = path.rsplit('/').next().unwrap_or_default();
    let blob = served.blobs.iter().find(|(digest, _)| digest == wanted);
    match (path, blob) {
        ("/v2/", _) => (200, "application/json", b"{}".to_vec()),
        (_, Some((_, blob))) => (200, "application/octet-stream", blob.clone()),
        ("/v2/app/manifests/1", _) => (200, MANIFEST, served.manifest.clone()),
        _ if path.contains(&digest(&served.manifest)) => (200, MANIFEST, served.manifest.clone()),
        _ => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    }
}
