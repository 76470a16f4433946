//! HTTP to the engine: connections that are kept, the version in each path, time limits, and answers decoded.
//!
//! bollard sends its requests through here too (its own client opens a connection for each and leaves the version out), so
//! there is one place where bytes go out. Never repeats what the engine may have begun to change: where a kept connection turns out
//! to be closed, a request that it gave back unsent goes out again, and one that only asks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::BollardRequest;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, Uri, header};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    connect::ApiVersion,
    error::{EngineError, Subject, classify},
    transport::Transport,
};

/// The body of a request, as bollard makes it.
pub(super) type Body = <BollardRequest as BodyOf>::Body;

/// Names the body type of bollard's requests, which bollard doesn't.
pub(super) trait BodyOf {
    /// The body.
    type Body;
}

impl<T> BodyOf for http::Request<T> {
    type Body = T;
}

type Sender = SendRequest<Body>;

/// So many connections are kept for reuse.
const KEPT: usize = 16;
/// Longer answers are not read: the listing of a thousand containers has about 3 MB.
const ANSWER_BYTES: usize = 128 << 20;
/// Until the headers of an answer, for what the engine answers from what it knows.
pub(super) const QUICK: Duration = Duration::from_secs(30);
/// Likewise for what makes the engine work: creating, starting, removing.
pub(super) const WORK: Duration = Duration::from_secs(300);

/// A client of one engine. Cloning shares its connections.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    address: String,
    version: Option<ApiVersion>,
    kept: Mutex<Vec<Sender>>,
}

impl Client {
    /// A client that asks for this version of the API, or for none. `address` is for messages.
    pub(super) fn new(transport: Transport, address: String, version: Option<ApiVersion>) -> Self {
        Self(Arc::new(Inner { transport, address, version, kept: Mutex::default() }))
    }

    /// The same connections, with a version.
    pub(super) fn with_version(self, version: ApiVersion) -> Self {
        let kept = std::mem::take(&mut *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner));
        Self(Arc::new(Inner {
            transport: self.0.transport.clone(),
            address: self.0.address.clone(),
            version: Some(version),
            kept: Mutex::new(kept),
        }))
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// A request, as [`Client::send`] takes it. `path` begins with `/` and has no version.
    pub(super) fn request(&self, method: Method, path: &str) -> Result<BollardRequest, EngineError> {
        let mut request = BollardRequest::new(bollard::body_full(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() =
            path.parse::<Uri>().map_err(|error| EngineError::Protocol { what: path.into(), why: error.to_string() })?;
        Ok(request)
    }

    /// Sends a request and returns when the headers of the answer are there, whatever its status.
    pub(super) async fn send_raw(
        &self,
        request: BollardRequest,
        limit: Duration,
    ) -> Result<Response<Incoming>, Broken> {
        match tokio::time::timeout(limit, self.send_now(request)).await {
            Ok(result) => result,
            Err(_) => Err(Broken::Timeout(limit)),
        }
    }

    async fn send_now(&self, mut request: BollardRequest) -> Result<Response<Incoming>, Broken> {
        self.address_request(&mut request)?;
        let keep = request.headers().get(header::UPGRADE).is_none();
        while let Some(mut sender) = self.reuse() {
            let again = repeatable(&request);
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.keep(sender, keep);
                    return Ok(response);
                }
                // The engine has closed the connection: before any of it went out, or meanwhile.
                Err(mut error) => match error.take_message().or(again) {
                    Some(next) => request = next,
                    None => return Err(Broken::Lost(describe(&error.into_error()))),
                },
            }
        }
        let stream = self.0.transport.dial().await.map_err(Broken::Dial)?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Broken::Lost(describe(&error)))?;
        // Ends when the sender and the answer's body are dropped, or with the connection; errors reach whoever reads.
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.map_err(|error| Broken::Lost(describe(&error)))?;
        self.keep(sender, keep);
        Ok(response)
    }

    fn address_request(&self, request: &mut BollardRequest) -> Result<(), Broken> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let full = match self.0.version {
            Some(version) => format!("/v{version}{path}"),
            None => path.to_owned(),
        };
        *request.uri_mut() = full.parse().map_err(|error: http::uri::InvalidUri| Broken::Lost(error.to_string()))?;
        let host =
            HeaderValue::from_str(self.0.transport.host_header()).unwrap_or(HeaderValue::from_static("localhost"));
        request.headers_mut().insert(header::HOST, host);
        Ok(())
    }

    fn reuse(&self) -> Option<Sender> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|sender| !sender.is_closed());
        let ready = kept.iter().position(SendRequest::is_ready)?;
        Some(kept.swap_remove(ready))
    }

    /// A connection becomes ready again when the answer has been read; one whose answer is a long stream just stays here, busy,
    /// and goes when there are too many.
    fn keep(&self, sender: Sender, keep: bool) {
        if keep {
            let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                match kept.iter().position(|sender| !sender.is_ready()) {
                    Some(busy) => drop(kept.swap_remove(busy)),
                    None => return,
                }
            }
            kept.push(sender);
        }
    }

    /// Sends a request whose answer is to be a success; the body is still to be read.
    pub(super) async fn send(
        &self,
        request: BollardRequest,
        limit: Duration,
        subject: Subject<'_>,
    ) -> Result<Response<Incoming>, EngineError> {
        let response = self.send_raw(request, limit).await.map_err(|broken| self.error(broken, subject))?;
        let status = response.status();
        if status.is_success() || status == 304 || status == 101 {
            return Ok(response);
        }
        let body = self.read(response, limit, subject).await.unwrap_or_default();
        Err(classify(status.as_u16(), &message_of(&body), subject))
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn fetch(
        &self,
        request: BollardRequest,
        limit: Duration,
        subject: Subject<'_>,
    ) -> Result<Bytes, EngineError> {
        let response = self.send(request, limit, subject).await?;
        self.read(response, limit, subject).await
    }

    /// `GET`, decoded.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, subject: Subject<'_>) -> Result<T, EngineError> {
        let body = self.fetch(self.request(Method::GET, path)?, QUICK, subject).await?;
        serde_json::from_slice(&body)
            .map_err(|error| EngineError::Protocol { what: subject.describe(), why: error.to_string() })
    }

    /// `POST` with a JSON body, the answer decoded.
    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        subject: Subject<'_>,
    ) -> Result<T, EngineError> {
        let unreadable =
            |error: serde_json::Error| EngineError::Protocol { what: subject.describe(), why: error.to_string() };
        let body = serde_json::to_vec(body).map_err(unreadable)?;
        let mut request = self.request(Method::POST, path)?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = bollard::body_full(body.into());
        let answer = self.fetch(request, WORK, subject).await?;
        serde_json::from_slice(&answer).map_err(unreadable)
    }

    /// Reads the whole of an answer.
    pub(super) async fn read(
        &self,
        response: Response<Incoming>,
        limit: Duration,
        subject: Subject<'_>,
    ) -> Result<Bytes, EngineError> {
        match tokio::time::timeout(limit, Limited::new(response.into_body(), ANSWER_BYTES).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(self.lost(error.to_string())),
            Err(_) => Err(EngineError::Timeout { what: subject.describe(), after: limit }),
        }
    }

    /// What it means that no answer came.
    pub(super) fn error(&self, broken: Broken, subject: Subject<'_>) -> EngineError {
        match broken {
            Broken::Dial(error) => self.lost(super::error::Failure::of(&error).to_string()),
            Broken::Lost(why) => self.lost(why),
            Broken::Timeout(after) => EngineError::Timeout { what: subject.describe(), after },
        }
    }

    /// The connection broke.
    pub(super) fn lost(&self, why: String) -> EngineError {
        EngineError::Lost { address: self.0.address.clone(), why }
    }

    /// What a failure of one of bollard's calls means.
    pub(super) fn bollard(&self, error: bollard::errors::Error, subject: Subject<'_>) -> EngineError {
        use bollard::errors::Error;
        match error {
            Error::DockerResponseServerError { status_code, message } => classify(status_code, &message, subject),
            Error::DockerStreamError { error } => classify(500, &error, subject),
            Error::RequestTimeoutError => EngineError::Timeout { what: subject.describe(), after: WORK },
            Error::IOError { err } => match err.downcast::<Broken>() {
                Ok(broken) => self.error(broken, subject),
                Err(err) => self.lost(super::error::Failure::of(&err).to_string()),
            },
            Error::HyperResponseError { err } => self.lost(describe(&err)),
            other => EngineError::Protocol { what: subject.describe(), why: other.to_string() },
        }
    }

    /// bollard over these connections.
    pub(super) fn bollard_client(&self, limit: Duration) -> Result<bollard::Docker, EngineError> {
        let client = self.clone();
        let transport = move |request: BollardRequest| {
            let client = client.clone();
            async move {
                client
                    .send_raw(request, limit)
                    .await
                    .map_err(|broken| bollard::errors::Error::from(std::io::Error::other(broken)))
            }
        };
        bollard::Docker::connect_with_custom_transport(
            transport,
            Some("http://engine"),
            // The limit is the transport's own.
            limit.as_secs() + 1,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| EngineError::Protocol { what: "a client".into(), why: error.to_string() })
    }
}

/// A copy of a request that may be sent once more where nobody knows whether it arrived: one that only asks (RFC 9110, 9.2.2).
fn repeatable(request: &BollardRequest) -> Option<BollardRequest> {
    let asks = request.method() == Method::GET || request.method() == Method::HEAD;
    if !asks || request.headers().contains_key(header::UPGRADE) {
        return None;
    }
    let mut copy = BollardRequest::new(bollard::body_full(Bytes::new()));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// No connection.
    #[error("{0}")]
    Dial(std::io::Error),
    /// It broke.
    #[error("{0}")]
    Lost(String),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// The innermost cause, which is the one that says something.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// The message in an engine's refusal: `{"message": …}`, Podman's `{"cause": …, "message": …}`, or text.
pub(super) fn message_of(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refusal {
        message: String,
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(4096)]).trim().to_owned(),
    }
}

/// A query's value or a path's segment: everything but what RFC 3986 leaves alone is escaped.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// An image's name in a path, where the engine wants the slashes as they are.
pub(super) fn escape_image(name: &str) -> String {
    escape(name).replace("%2F", "/").replace("%3A", ":").replace("%40", "@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_would_end_a_path() {
        assert_eq!(escape("a b/c?d&é"), "a%20b%2Fc%3Fd%26%C3%A9");
        assert_eq!(escape_image("r:5000/a/b@sha256:1?x"), "r:5000/a/b@sha256:1%3Fx");
    }

    #[test]
    fn finds_the_message() {
        assert_eq!(message_of(br#"{"cause":"a","message":"b","response":500}"#), "b");
        assert_eq!(message_of(b"page not found\n"), "page not found");
    }
}
