//! A byte stream to the engine, however it is reached: the one seam that requests, upgrades and builds dial through.
//!
//! Owns nothing but the address. Every [`Transport::dial`] is a new connection; nobody here keeps or shares one.

use std::{
    fmt,
    path::PathBuf,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_rustls::{TlsConnector, rustls};

/// How long a connection may take to come about. A socket of this machine takes microseconds; what is slow is a network.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for ssh, which may ask an agent or a hardware key.
const SSH_TIMEOUT: Duration = Duration::from_secs(30);
/// More of what ssh says about a failure is not read.
const SSH_MESSAGE_BYTES: u64 = 4096;

/// What a connection can do, whatever carries it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection to the engine.
pub type BoxedIo = Box<dyn Io>;

/// Certificates for a TLS connection: whom to trust, and who we are.
#[derive(Clone)]
pub struct Tls(Arc<rustls::ClientConfig>);

impl Tls {
    /// As `config` says.
    pub(super) fn new(config: rustls::ClientConfig) -> Self {
        Self(Arc::new(config))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tls {}

/// Where ssh goes: what an `ssh://` address says. All else is in the user's ssh configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshTarget {
    /// Login name; ssh's default when `None`.
    pub user: Option<String>,
    /// Host name or an alias of the ssh configuration.
    pub host: String,
    /// Port; ssh's default when `None`.
    pub port: Option<u16>,
    /// A socket on that host, when it isn't the usual one.
    pub socket: Option<String>,
}

/// Where the engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP address as `host:port`, without TLS.
    Tcp(String),
    /// A TCP address as `host:port`, with TLS.
    Tls(String, Tls),
    /// `docker system dial-stdio` on another machine.
    Ssh(SshTarget),
}

impl Transport {
    /// Opens a new connection.
    ///
    /// # Errors
    ///
    /// The system's own error: the socket is missing, refuses, or may not be opened by this user; a certificate that is not
    /// trusted; `TimedOut` after ten seconds (ssh: thirty).
    pub async fn dial(&self) -> Result<BoxedIo, std::io::Error> {
        let limit = if matches!(self, Self::Ssh(_)) { SSH_TIMEOUT } else { DIAL_TIMEOUT };
        match tokio::time::timeout(limit, self.dial_now()).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs()),
            )),
        }
    }

    async fn dial_now(&self) -> Result<BoxedIo, std::io::Error> {
        match self {
            Self::Unix(path) => Ok(Box::new(UnixStream::connect(path).await?)),
            Self::Tcp(address) => Ok(Box::new(tcp(address).await?)),
            Self::Tls(address, tls) => {
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
                Ok(Box::new(TlsConnector::from(Arc::clone(&tls.0)).connect(name, tcp(address).await?).await?))
            }
            Self::Ssh(target) => ssh(target),
        }
    }

    /// The value of a request's `Host` header.
    pub fn host_header(&self) -> &str {
        match self {
            Self::Tcp(address) | Self::Tls(address, _) => address,
            Self::Unix(_) | Self::Ssh(_) => "localhost",
        }
    }
}

async fn tcp(address: &str) -> Result<TcpStream, std::io::Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The words after `ssh`. The host stands behind `--`, so that it is never read as an option.
fn ssh_arguments(target: &SshTarget) -> Vec<String> {
    let mut words: Vec<String> = ["-T", "-o", "ConnectTimeout=30"].map(String::from).into();
    if let Some(user) = &target.user {
        words.extend(["-l".into(), user.clone()]);
    }
    if let Some(port) = target.port {
        words.extend(["-p".into(), port.to_string()]);
    }
    words.extend(["--".into(), target.host.clone(), "docker".into()]);
    if let Some(socket) = &target.socket {
        words.push(format!("--host=unix://{socket}"));
    }
    words.extend(["system".into(), "dial-stdio".into()]);
    words
}

fn ssh(target: &SshTarget) -> Result<BoxedIo, std::io::Error> {
    let mut child = Command::new("ssh")
        .args(ssh_arguments(target))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let missing = || std::io::Error::other("ssh has no pipes");
    Ok(Box::new(SshStream {
        input: child.stdin.take().ok_or_else(missing)?,
        output: child.stdout.take().ok_or_else(missing)?,
        received: false,
        failure: None,
        child: Some(child),
    }))
}

/// The pipes of an ssh process as one stream. When it ends before it sent anything, what ssh said on its standard error is
/// the error, since that is where "permission denied" and "command not found" stand.
struct SshStream {
    input: ChildStdin,
    output: ChildStdout,
    received: bool,
    failure: Option<Pin<Box<dyn Future<Output = std::io::Error> + Send>>>,
    child: Option<Child>,
}

async fn ssh_failure(child: Option<Child>) -> std::io::Error {
    let mut said = Vec::new();
    if let Some(mut child) = child
        && let Some(errors) = child.stderr.take()
    {
        let read = errors.take(SSH_MESSAGE_BYTES);
        tokio::pin!(read);
        // What was read counts, however the pipe ends.
        let _ = tokio::time::timeout(Duration::from_secs(2), read.read_to_end(&mut said)).await;
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    std::io::Error::other(if said.is_empty() { "ssh ended without an answer".into() } else { format!("ssh: {said}") })
}

impl AsyncRead for SshStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if self.failure.is_none() {
            let before = buf.filled().len();
            match Pin::new(&mut self.output).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    self.received = true;
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Ok(())) if !self.received => {
                    let child = self.child.take();
                    self.failure = Some(Box::pin(ssh_failure(child)));
                }
                other => return other,
            }
        }
        match self.failure.as_mut() {
            Some(failure) => failure.as_mut().poll(cx).map(Err),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match Pin::new(&mut self.input).poll_write(cx, buf) {
            // It ended already: reading says why, a broken pipe wouldn't.
            Poll::Ready(Err(_)) if !self.received => Poll::Ready(Ok(buf.len())),
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_never_takes_a_host_for_an_option() {
        let target = SshTarget {
            user: Some("me".into()),
            host: "-oProxyCommand=x".into(),
            port: Some(2222),
            socket: Some("/run/x.sock".into()),
        };
        assert_eq!(
            ssh_arguments(&target).join(" "),
            "-T -o ConnectTimeout=30 -l me -p 2222 -- -oProxyCommand=x docker --host=unix:///run/x.sock system dial-stdio"
        );
    }
}
