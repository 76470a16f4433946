//! What a build is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::build_context::dockerfile::{BuildInputs, Dockerfile};
use crate::model::{Build, DockerfileSource, SecretSource};

use super::error::BuildError;

/// A build: what the compose file says, and what the caller adds to it.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildRequest {
    /// `build:` of the service.
    pub build: Build,
    /// Every name that the image gets, `build.tags` not among them.
    pub names: Vec<String>,
    /// Labels that the image gets beside `build.labels`; they win over those.
    pub labels: BTreeMap<String, String>,
    /// The secrets of `build.secrets`, by the id that the Dockerfile uses.
    pub secrets: BTreeMap<String, SecretSource>,
}

impl BuildRequest {
    /// A build as the compose file says, under these names.
    #[must_use]
    pub fn new(build: Build, names: Vec<String>) -> Self {
        Self { build, names, labels: BTreeMap::new(), secrets: BTreeMap::new() }
    }

    /// Every name that the image gets, each once.
    pub(super) fn all_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.names.iter().chain(&self.build.tags) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The build arguments that have a value.
    pub(super) fn args(&self) -> impl Iterator<Item = (&str, &str)> {
        self.build.args.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)))
    }

    /// The labels that the image gets.
    pub(super) fn all_labels(&self) -> BTreeMap<&str, &str> {
        let pair = |(name, value)| (String::as_str(name), String::as_str(value));
        self.build.labels.iter().chain(&self.labels).map(pair).collect()
    }

    /// What the Dockerfile reader needs to know of this build.
    pub(super) fn inputs(&self) -> BuildInputs {
        BuildInputs {
            target: self.build.target.clone(),
            args: self.args().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            contexts: self.build.additional_contexts.keys().cloned().collect(),
        }
    }
}

/// Where the context is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ContextPlace {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A repository or an archive that the engine fetches.
    Remote(String),
}

impl ContextPlace {
    /// Tells a folder from a URL, as Compose does.
    pub(super) fn of(context: &str) -> Self {
        let remote = ["http://", "https://", "git://", "ssh://", "git@", "github.com/"]
            .iter()
            .any(|prefix| context.starts_with(prefix));
        if remote { Self::Remote(context.to_owned()) } else { Self::Folder(PathBuf::from(context)) }
    }
}

/// Where the Dockerfile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DockerfilePlace {
    /// A file of this machine, in this folder.
    File {
        /// Its folder.
        folder: PathBuf,
        /// Its name there.
        name: String,
    },
    /// Its text.
    Inline(String),
    /// A file of the remote context, by its path there.
    InContext(String),
}

impl DockerfilePlace {
    /// The file, where it is one of this machine.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File { folder, name } => Some(folder.join(name)),
            Self::Inline(_) | Self::InContext(_) => None,
        }
    }
}

/// A request whose files were found.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) context: ContextPlace,
    pub(super) place: DockerfilePlace,
    /// The Dockerfile as the user would name it.
    pub(super) shown: PathBuf,
    /// Its text, where it is at hand.
    pub(super) text: Option<String>,
    /// The same, read; none where it is not at hand or cannot be read, which is the builder's to say.
    pub(super) dockerfile: Option<Dockerfile>,
}

impl Prepared {
    /// Finds the context and the Dockerfile of a request. Reads files, so it belongs on a thread that may wait.
    pub(super) fn new(request: &BuildRequest) -> Result<Self, BuildError> {
        let context = ContextPlace::of(&request.build.context);
        if let ContextPlace::Folder(folder) = &context {
            use crate::build_context::error::ContextError;
            match std::fs::metadata(folder) {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(ContextError::NotAFolder { path: folder.clone() }.into()),
                Err(source) => return Err(ContextError::Read { path: folder.clone(), source }.into()),
            }
        }
        let (place, shown, text) = match (&request.build.dockerfile, &context) {
            (DockerfileSource::Inline(text), _) => {
                (DockerfilePlace::Inline(text.clone()), PathBuf::from("dockerfile_inline"), Some(text.clone()))
            }
            (DockerfileSource::File(path), ContextPlace::Remote(_)) if path.is_relative() => {
                (DockerfilePlace::InContext(path.to_string_lossy().into_owned()), path.clone(), None)
            }
            (DockerfileSource::File(path), context) => {
                let full = match context {
                    ContextPlace::Folder(folder) => find(&folder.join(path)),
                    ContextPlace::Remote(_) => path.clone(),
                };
                let (folder, name, text) = read(&full)?;
                (DockerfilePlace::File { folder, name }, full, Some(text))
            }
        };
        let dockerfile = text.as_deref().and_then(|text| Dockerfile::parse(text).ok());
        Ok(Self { context, place, shown, text, dockerfile })
    }
}

/// The Dockerfile, or the one in lower case that the builder also takes.
fn find(path: &Path) -> PathBuf {
    let lower = path.with_file_name("dockerfile");
    let takes_lower = path.file_name().is_some_and(|name| name == "Dockerfile") && !path.exists() && lower.exists();
    if takes_lower { lower } else { path.to_owned() }
}

fn read(path: &Path) -> Result<(PathBuf, String, String), BuildError> {
    use crate::build_context::error::ContextError;
    let named = path.parent().zip(path.file_name().and_then(|name| name.to_str()));
    let Some((folder, name)) = named else { return Err(ContextError::NotAFile { path: path.to_owned() }.into()) };
    match Dockerfile::text(path) {
        Ok(text) => Ok((folder.to_owned(), name.to_owned(), text)),
        Err(ContextError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(BuildError::NoDockerfile { path: path.to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_folders() {
        for remote in ["https://x/y.git#main", "git@github.com:a/b.git", "ssh://x/y", "github.com/a/b"] {
            assert!(matches!(ContextPlace::of(remote), ContextPlace::Remote(_)), "{remote}");
        }
        assert!(matches!(ContextPlace::of("/srv/github.com/a"), ContextPlace::Folder(_)));
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let request = BuildRequest::new(Build::new(dir.path().to_string_lossy()), Vec::new());
        assert!(
            matches!(Prepared::new(&request), Err(BuildError::NoDockerfile { path }) if path == dir.path().join("Dockerfile"))
        );
        std::fs::write(dir.path().join("dockerfile"), "FROM a").unwrap();
        let prepared = Prepared::new(&request).unwrap();
        assert_eq!(
            prepared.place,
            DockerfilePlace::File { folder: dir.path().to_owned(), name: "dockerfile".to_owned() }
        );
        let missing = BuildRequest::new(Build::new("/nonexistent"), Vec::new());
        assert!(matches!(Prepared::new(&missing), Err(BuildError::Context(_))));
    }
}
