//! The user's ssh agent, for `RUN --mount=type=ssh`. A build may list keys and have things signed; it may not add, remove or
//! unlock keys, so nothing else reaches the agent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard_buildkit_proto::moby::sshforward::v1::ssh_server::Ssh;
use bollard_buildkit_proto::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::error::BuildError;
use crate::model::BuildSsh;

/// The longest message of an agent; OpenSSH's own bound.
const MAX_MESSAGE: usize = 256 * 1024;

/// What a build may ask an agent (draft-miller-ssh-agent, section 6.1).
const ALLOWED: [u8; 2] = [11, 13]; // SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST

/// The answer to anything else: SSH_AGENT_FAILURE.
const FAILURE: [u8; 5] = [0, 0, 0, 1, 5];

/// The service: agents by the ids that the Dockerfile uses.
pub(super) struct SshService(pub(super) BTreeMap<String, PathBuf>);

/// Finds the agents of a build.
pub(super) fn agents(wanted: &[BuildSsh]) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    let mut agents = BTreeMap::new();
    for ssh in wanted {
        let socket = match &ssh.path {
            Some(path) => path.clone(),
            None => std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from).ok_or_else(|| {
                let what = format!("the build wants the ssh agent `{}`, and SSH_AUTH_SOCK is not set", ssh.id);
                BuildError::unsupported(what, "start an agent and add a key to it: eval \"$(ssh-agent)\"; ssh-add")
            })?,
        };
        use std::os::unix::fs::FileTypeExt;
        match std::fs::metadata(&socket) {
            Ok(meta) if meta.file_type().is_socket() => {}
            Ok(_) => {
                let what = format!("{} is not an agent's socket, and devbox hands on agents only", socket.display());
                return Err(BuildError::unsupported(
                    what,
                    format!("add the key to your agent: ssh-add {}", socket.display()),
                ));
            }
            Err(error) => {
                let what = format!("the ssh agent at {} cannot be used: {error}", socket.display());
                return Err(BuildError::unsupported(what, "start an agent, or correct SSH_AUTH_SOCK or `build.ssh`"));
            }
        }
        agents.insert(ssh.id.clone(), socket);
    }
    Ok(agents)
}

impl SshService {
    fn agent(&self, id: &str) -> Result<&PathBuf, Status> {
        let id = if id.is_empty() { "default" } else { id };
        self.0.get(id).ok_or_else(|| Status::not_found(format!("no ssh agent {id} is handed on")))
    }
}

#[tonic::async_trait]
impl Ssh for SshService {
    async fn check_agent(&self, request: Request<CheckAgentRequest>) -> Result<Response<CheckAgentResponse>, Status> {
        self.agent(&request.get_ref().id).map(|_| Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = ReceiverStream<Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let id = request.metadata().get("buildkit.ssh.id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        let agent = UnixStream::connect(self.agent(id)?).await?;
        let (out, answers) = mpsc::channel(8);
        tokio::spawn(async move {
            if let Err(status) = forward(agent, request.into_inner(), &out).await {
                // The builder is gone if this fails.
                let _ = out.send(Err(status)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

/// Hands requests on and answers back, one at a time, as the agent's protocol has it.
async fn forward(
    mut agent: UnixStream,
    mut incoming: Streaming<BytesMessage>,
    out: &mpsc::Sender<Result<BytesMessage, Status>>,
) -> Result<(), Status> {
    let mut received = Vec::new();
    while let Some(message) = incoming.message().await? {
        received.extend_from_slice(&message.data);
        while let Some(request) = take_message(&mut received)? {
            let answer = match request.get(4) {
                Some(kind) if ALLOWED.contains(kind) => {
                    agent.write_all(&request).await?;
                    read_message(&mut agent).await?
                }
                _ => FAILURE.to_vec(),
            };
            if out.send(Ok(BytesMessage { data: answer })).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Takes one whole message, its length in front, from what was received.
fn take_message(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Status> {
    let Some(length) = received.first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_MESSAGE {
        return Err(Status::invalid_argument("the message to the ssh agent is too long"));
    }
    if received.len() < 4 + length {
        return Ok(None);
    }
    let rest = received.split_off(4 + length);
    Ok(Some(std::mem::replace(received, rest)))
}

async fn read_message(agent: &mut UnixStream) -> Result<Vec<u8>, Status> {
    let length = agent.read_u32().await?;
    if length as usize > MAX_MESSAGE {
        return Err(Status::internal("the ssh agent's answer is too long"));
    }
    let mut message = length.to_be_bytes().to_vec();
    message.resize(4 + length as usize, 0);
    agent.read_exact(&mut message[4..]).await?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_by_their_length() {
        let mut received = vec![0, 0, 0, 1, 11, 0, 0, 0, 2, 13];
        assert_eq!(take_message(&mut received).unwrap(), Some(vec![0, 0, 0, 1, 11]));
        assert_eq!(take_message(&mut received).unwrap(), None);
        received.push(9);
        assert_eq!(take_message(&mut received).unwrap(), Some(vec![0, 0, 0, 2, 13, 9]));
        assert!(take_message(&mut vec![255, 255, 255, 255]).is_err());
    }
}
