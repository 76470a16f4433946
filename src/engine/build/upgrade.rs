//! A connection to the engine that stops being HTTP/1: how BuildKit's session and its control API are reached.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use super::error::BuildError;
use crate::engine::transport::Transport;

/// How long the engine may take to answer. It does so before it does anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// More of a refusal's text is not read.
const MAX_REFUSAL: usize = 64 * 1024;

/// Asks the engine to go over to HTTP/2 without TLS on this path.
///
/// # Errors
///
/// `Refused` when the engine answers anything but 101: it has no BuildKit there.
pub(super) async fn upgrade(
    transport: &Transport,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<Upgraded, BuildError> {
    let asked = tokio::time::timeout(PATIENCE, upgrade_now(transport, path, headers)).await;
    asked.unwrap_or_else(|_| Err(BuildError::Lost(format!("no answer within {} s", PATIENCE.as_secs()))))
}

async fn upgrade_now(
    transport: &Transport,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<Upgraded, BuildError> {
    let io = transport.dial().await.map_err(BuildError::Connect)?;
    let lost = |error: hyper::Error| BuildError::Lost(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(lost)?;
    // Ends with the connection, or hands it over when it is upgraded.
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "docker")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "h2c");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| BuildError::Lost(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(lost)?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return hyper::upgrade::on(response).await.map_err(lost);
    }
    let status = response.status().as_u16();
    let message = match Limited::new(response.into_body(), MAX_REFUSAL).collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        Err(_) => String::new(),
    };
    Err(BuildError::Refused { status, message })
}
