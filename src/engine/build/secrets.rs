//! Secrets that a `RUN --mount=type=secret` asks for. They go to the builder and nowhere else.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use tonic::{Request, Response, Status};

use super::error::BuildError;
use crate::model::SecretSource;

/// The largest secret that the builder takes.
const MAX_SECRET: u64 = 500 * 1024;

/// The service.
pub(super) struct SecretService(pub(super) BTreeMap<String, SecretSource>);

/// Says before the build starts what it could not be given.
pub(super) fn check(secrets: &BTreeMap<String, SecretSource>) -> Result<(), BuildError> {
    for (id, source) in secrets {
        match source {
            SecretSource::File(path) if !path.is_file() => {
                let what = format!("the file of the secret `{id}` is not there: {}", path.display());
                return Err(BuildError::unsupported(what, "create it, or correct its path under `secrets:`"));
            }
            SecretSource::Environment { variable, value: None } => {
                let what = format!("the secret `{id}` comes from the variable {variable}, which is not set");
                return Err(BuildError::unsupported(what, format!("set {variable} and build again")));
            }
            SecretSource::External { name } => {
                let what = format!("the secret `{id}` ({name}) is external, and a build cannot have it");
                return Err(BuildError::unsupported(what, "give the secret a `file:` or an `environment:`"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[tonic::async_trait]
impl Secrets for SecretService {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        let missing = || Status::not_found(format!("secret {id} not found"));
        let data = match self.0.get(id).ok_or_else(missing)? {
            SecretSource::Environment { value: Some(text), .. } => text.clone().into_bytes(),
            SecretSource::File(path) => {
                read(path).map_err(|error| Status::unavailable(format!("secret {id}: {error}")))?
            }
            SecretSource::Environment { value: None, .. } | SecretSource::External { .. } => return Err(missing()),
        };
        Ok(Response::new(GetSecretResponse { data }))
    }
}

/// A file's bytes. It is read when the builder asks, so that its content is in memory no longer than that.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    std::fs::File::open(path)?.take(MAX_SECRET + 1).read_to_end(&mut data)?;
    if data.len() as u64 > MAX_SECRET {
        return Err(std::io::Error::other(format!("larger than {MAX_SECRET} bytes")));
    }
    Ok(data)
}
