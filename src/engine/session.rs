//! Talking with a process in a container: a command of ours (exec), or the container's own (attach).
//!
//! The connection is upgraded and carries bytes both ways. With a terminal the output is one raw stream; without one it comes in
//! frames. bollard's reader takes a terminal's text for frames where it begins with a byte below 3, so the reading is done here.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bollard::models::ExecConfig;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};
use http::{HeaderValue, Method, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};

use crate::model::ContainerId;

use super::{
    Engine,
    error::{EngineError, Subject},
    http::{Client, QUICK, WORK, describe, escape},
    stream::{Demux, OutputStream},
};

/// Read at once.
const READ_BYTES: usize = 32 * 1024;
/// How long a command that has closed its output may take to be counted as ended.
const END: Duration = Duration::from_secs(10);

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Height.
    pub rows: u16,
    /// Width.
    pub columns: u16,
}

/// A command to be run in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecOptions {
    /// Argument vector.
    pub command: Vec<String>,
    /// Who runs it; the container's user when `None`.
    pub user: Option<String>,
    /// Where; the container's folder when `None`.
    pub working_dir: Option<String>,
    /// More environment, `NAME=value`.
    pub environment: Vec<String>,
    /// With extended privileges.
    pub privileged: bool,
    /// With a terminal of its own, of this size.
    pub terminal: Option<TerminalSize>,
    /// Its standard input is open.
    pub stdin: bool,
}

/// A running conversation. Its parts can be used by different tasks; dropping input and output ends it, not the process.
pub struct Session {
    /// What the process writes, cut anywhere. `None` when it has closed its output, `Err` when the connection broke.
    pub output: BoxStream<'static, Result<(OutputStream, Bytes), EngineError>>,
    /// What it reads. Shutting it down is the end of its input.
    pub input: SessionInput,
    /// The rest.
    pub control: SessionControl,
}

/// The process's standard input.
pub struct SessionInput(WriteHalf<TokioIo<Upgraded>>);

impl AsyncWrite for SessionInput {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Size and end of a session's process. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct SessionControl {
    engine: Engine,
    process: Process,
}

#[derive(Clone, Debug)]
enum Process {
    Exec(String),
    Container(ContainerId),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecState {
    #[serde(default)]
    running: bool,
    #[serde(default)]
    exit_code: Option<i64>,
}

#[derive(Deserialize)]
struct CreatedExec {
    #[serde(rename = "Id")]
    id: String,
}

impl SessionControl {
    /// Tells the terminal its size. Without a terminal, or when the process has ended, nothing happens.
    ///
    /// # Errors
    ///
    /// A lost connection.
    pub async fn resize(&self, size: TerminalSize) -> Result<(), EngineError> {
        let result = match &self.process {
            Process::Container(id) => self.engine.resize_container(id, size).await,
            Process::Exec(id) => {
                let path = format!("/exec/{}/resize?h={}&w={}", escape(id), size.rows, size.columns);
                let client = self.engine.client();
                let request = client.request(Method::POST, &path)?;
                client.fetch(request, QUICK, Subject::Exec(id)).await.map(drop)
            }
        };
        match result {
            Err(error) if error.is_lost() => Err(error),
            _ => Ok(()),
        }
    }

    /// How the process ended; waits for it. For a command, call it when its output has ended.
    ///
    /// # Errors
    ///
    /// A lost connection; [`EngineError::NotFound`] when the container was removed meanwhile.
    pub async fn exit_code(&self) -> Result<i64, EngineError> {
        match &self.process {
            Process::Container(id) => self.engine.wait(id).await,
            Process::Exec(id) => self.exec_exit_code(id).await,
        }
    }

    async fn exec_exit_code(&self, id: &str) -> Result<i64, EngineError> {
        let path = format!("/exec/{}/json", escape(id));
        let mut pause = Duration::from_millis(2);
        let deadline = tokio::time::Instant::now() + END;
        loop {
            let state: ExecState = self.engine.client().get(&path, Subject::Exec(id)).await?;
            match state.exit_code {
                Some(code) if !state.running => return Ok(code),
                // It has closed its output but runs on, in the background.
                _ if tokio::time::Instant::now() > deadline => return Ok(state.exit_code.unwrap_or(0)),
                _ => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }
}

/// The end of a container, awaited from before its start.
pub struct Waiting(BoxFuture<'static, Result<i64, EngineError>>);

impl Waiting {
    /// The exit code, when it is there.
    ///
    /// # Errors
    ///
    /// A lost connection.
    pub async fn exit_code(self) -> Result<i64, EngineError> {
        self.0.await
    }
}

/// How to attach to a container's own process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttachOptions {
    /// It has a terminal, as its inspection tells.
    pub terminal: bool,
    /// Send it input.
    pub stdin: bool,
    /// The keys that detach, as the docker client writes them: `ctrl-p,ctrl-q`; `None` are the engine's.
    pub detach_keys: Option<String>,
}

impl Engine {
    /// Runs a command in a container and talks with it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when the container doesn't run. A program that doesn't exist is told in the output, with exit code
    /// 126 or 127.
    pub async fn exec(&self, container: &ContainerId, options: &ExecOptions) -> Result<Session, EngineError> {
        let id = self.create_exec(container, options, true).await?;
        let terminal = options.terminal.is_some();
        let mut body = format!(r#"{{"Detach":false,"Tty":{terminal}"#);
        if let Some(TerminalSize { rows, columns }) = options.terminal
            && self.api() >= super::ApiVersion::V1_42
        {
            body.push_str(&format!(r#","ConsoleSize":[{rows},{columns}]"#));
        }
        body.push('}');
        let path = format!("/exec/{}/start", escape(&id));
        let control = SessionControl { engine: self.clone(), process: Process::Exec(id) };
        let subject = Subject::Container(container.as_str());
        let session = self.upgrade(&path, body, terminal, control, subject).await?;
        if let Some(size) = options.terminal {
            session.control.resize(size).await?;
        }
        Ok(session)
    }

    /// Starts a command in a container and leaves it to itself.
    ///
    /// # Errors
    ///
    /// [`EngineError::Conflict`] when the container doesn't run.
    pub async fn exec_detached(&self, container: &ContainerId, options: &ExecOptions) -> Result<(), EngineError> {
        let id = self.create_exec(container, options, false).await?;
        let mut request = self.client().request(Method::POST, &format!("/exec/{}/start", escape(&id)))?;
        let body = format!(r#"{{"Detach":true,"Tty":{}}}"#, options.terminal.is_some());
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = bollard::body_full(body.into());
        self.client().fetch(request, WORK, Subject::Container(container.as_str())).await.map(drop)
    }

    async fn create_exec(
        &self,
        container: &ContainerId,
        options: &ExecOptions,
        attach: bool,
    ) -> Result<String, EngineError> {
        let config = ExecConfig {
            attach_stdin: Some(attach && options.stdin),
            attach_stdout: Some(attach),
            attach_stderr: Some(attach),
            tty: Some(options.terminal.is_some()),
            env: (!options.environment.is_empty()).then(|| options.environment.clone()),
            cmd: Some(options.command.clone()),
            privileged: Some(options.privileged),
            user: options.user.clone(),
            working_dir: options.working_dir.clone(),
            ..Default::default()
        };
        let path = format!("/containers/{}/exec", escape(container.as_str()));
        let created: CreatedExec = self.client().post(&path, &config, Subject::Container(container.as_str())).await?;
        Ok(created.id)
    }

    /// Attaches to a container's own process.
    ///
    /// An attached stream that nobody reads stalls the process.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when it is gone; [`EngineError::Server`] for keys that the engine doesn't understand.
    pub async fn attach(&self, container: &ContainerId, options: &AttachOptions) -> Result<Session, EngineError> {
        let AttachOptions { terminal, stdin, ref detach_keys } = *options;
        let mut path = format!(
            "/containers/{}/attach?stream=1&stdout=1&stderr=1&stdin={}",
            escape(container.as_str()),
            u8::from(stdin),
        );
        if let Some(keys) = detach_keys {
            path.push_str(&format!("&detachKeys={}", escape(keys)));
        }
        let control = SessionControl { engine: self.clone(), process: Process::Container(container.clone()) };
        self.upgrade(&path, String::new(), terminal, control, Subject::Container(container.as_str())).await
    }

    /// Begins to wait for a container's next end, so that even one right after its start isn't missed: when this returns, the engine
    /// knows that we wait.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when it is gone.
    pub async fn wait_for_next_exit(&self, container: &ContainerId) -> Result<Waiting, EngineError> {
        // Engines send the headers when they begin to wait; one that doesn't gets some time to begin.
        const BEGUN: Duration = Duration::from_millis(300);
        let (engine, id) = (self.clone(), container.clone());
        let mut headers: BoxFuture<'static, _> = Box::pin(async move { engine.begin_wait(&id, "next-exit").await });
        match tokio::time::timeout(BEGUN, &mut headers).await {
            Ok(waiting) => {
                let waiting = waiting?;
                Ok(Waiting(Box::pin(waiting)))
            }
            Err(_) => Ok(Waiting(Box::pin(async move { headers.await?.await }))),
        }
    }

    async fn upgrade(
        &self,
        path: &str,
        body: String,
        terminal: bool,
        control: SessionControl,
        subject: Subject<'_>,
    ) -> Result<Session, EngineError> {
        let mut request = self.client().request(Method::POST, path)?;
        let headers = request.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("tcp"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = bollard::body_full(body.into());
        let response = self.client().send(request, WORK, subject).await?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| EngineError::Protocol { what: subject.describe(), why: describe(&error) })?;
        let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
        let output = Output {
            client: self.client().clone(),
            reader,
            demux: (!terminal).then(Demux::default),
            buffer: BytesMut::new(),
            ready: VecDeque::new(),
            ended: false,
        };
        let output = futures_util::stream::unfold(output, |mut output| async move {
            let item = output.next().await?;
            Some((item, output))
        });
        Ok(Session { output: output.boxed(), input: SessionInput(writer), control })
    }
}

struct Output {
    client: Client,
    reader: ReadHalf<TokioIo<Upgraded>>,
    demux: Option<Demux>,
    buffer: BytesMut,
    ready: VecDeque<(OutputStream, Bytes)>,
    ended: bool,
}

impl Output {
    async fn next(&mut self) -> Option<Result<(OutputStream, Bytes), EngineError>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(Ok(item));
            }
            if self.ended {
                return None;
            }
            match self.read().await {
                Ok(()) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        self.buffer.reserve(READ_BYTES);
        let read = self.reader.read_buf(&mut self.buffer).await.map_err(|error| self.client.lost(error.to_string()))?;
        if read == 0 {
            self.ended = true;
            // A frame that never ends was cut off.
            return match &self.demux {
                Some(demux) if !demux.is_at_boundary() => Err(self.client.lost("it broke off".into())),
                _ => Ok(()),
            };
        }
        let bytes = self.buffer.split();
        match &mut self.demux {
            None => self.ready.push_back((OutputStream::Console, bytes.freeze())),
            Some(demux) => {
                demux
                    .push(&bytes)
                    .map_err(|why| EngineError::Protocol { what: "a process's output".into(), why: why.into() })?;
                while let Some(frame) = demux.pop() {
                    self.ready.push_back(frame);
                }
            }
        }
        Ok(())
    }
}
