//! A container of the service's own image in which a tool may work: it gets a copy of the project's files and none of its mounts.
//!
//! What the tool writes stays in there until it is read out, so nothing of the project is touched by it and nothing of root's is left
//! behind. The container is made by a plan as that of `run` is, ends by itself after an hour, and is removed by [`Workshop::close`].

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    build_context::{
        ignore::Ignore,
        walk::{self, EntryKind, Filter, Walk},
    },
    engine::{Engine, ExecOptions},
    manifest::edit::{Tool, tool},
    model::{ContainerId, Diagnostic, RestartPolicy, ServiceName},
    plan::{Goal, RunOptions, Selection, Verb},
    runtime::{
        ask::{self, Said},
        headless::{
            Setup, Stop, inside,
            progress::Style,
            run::{self, Job, Signals},
            verbs::Ready,
        },
    },
};

/// Where the copy lies in the container.
const FOLDER: &str = "/.devbox/project";
/// Where a tool is put that the image doesn't have.
const TOOLS: &str = "/.devbox/tools";
/// The most bytes of a project that are copied; of a larger one the manifests alone are.
const MAX_COPY: u64 = 64 * 1024 * 1024;
/// How long a tool may work.
const PATIENCE: Duration = Duration::from_secs(900);
/// The most bytes of output that are kept, and of a file that is read out.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;

/// The container.
pub struct Workshop {
    engine: Engine,
    container: ContainerId,
}

impl Workshop {
    /// Makes and starts the container. The image is built first where there is none.
    ///
    /// # Errors
    /// The engine's, or the build's.
    pub async fn open(
        setup: &Setup,
        ready: &Ready,
        service: &ServiceName,
        signals: &mut Signals,
    ) -> Result<Workshop, Stop> {
        let mut project = Arc::clone(&ready.project);
        if let Some(service) = Arc::make_mut(&mut project).services.get_mut(service) {
            service.mounts.clear();
            service.tmpfs.clear();
            service.volumes_from.clear();
            service.depends_on.clear();
            service.links.clear();
            service.post_start.clear();
            service.pre_stop.clear();
            service.read_only = false;
            service.restart = RestartPolicy::No;
            service.init = Some(true);
            service.healthcheck = None;
        }
        let options = RunOptions {
            command: ["sleep", "3600"].map(str::to_owned).to_vec(),
            entrypoint: Some(Vec::new()),
            user: Some("0".to_owned()),
            working_dir: Some("/".to_owned()),
            slug: inside::slug()?,
            remove: true,
            no_deps: true,
            detach: true,
            ..RunOptions::default()
        };
        let ready = Ready { engine: ready.engine.clone(), project, places: ready.places.clone() };
        let job = Job {
            ready: &ready,
            sources: &Arc::new(run::sources(setup, &ready.project)),
            goal: Goal::new(Verb::Run(options), Selection::of([service.clone()])),
            ink: setup.console.err,
            style: Style::Quiet,
            hurried: false,
        };
        let outcome = run::carry_out(setup, job, signals, |_| {}).await?;
        let container = outcome.containers.into_iter().next();
        let container = container.ok_or_else(|| {
            Stop::failed(Diagnostic::error("the container for the tool is gone").help("try it again"))
        })?;
        Ok(Workshop { engine: ready.engine.clone(), container: container.id })
    }

    /// Removes it.
    ///
    /// # Errors
    /// The engine's.
    pub async fn close(self) -> Result<(), Stop> {
        inside::removed(&self.engine, &self.container).await
    }

    /// The container.
    pub fn container(&self) -> &ContainerId {
        &self.container
    }

    /// Copies the project's files into it; `files` lie over them (paths relative to `root`, contents).
    ///
    /// # Errors
    /// They can't be read, or the engine's.
    pub async fn fill(
        &self,
        root: &Path,
        dockerfile: Option<&Path>,
        files: Vec<(String, Vec<u8>)>,
    ) -> Result<(), Stop> {
        let (root, dockerfile) = (root.to_owned(), dockerfile.map(Path::to_owned));
        let archive = tokio::task::spawn_blocking(move || archive(&root, dockerfile.as_deref(), &files)).await;
        let archive = archive.map_err(std::io::Error::other).and_then(|archive| archive);
        let archive = archive
            .map_err(|error| Stop::failed(Diagnostic::error(format!("the project can't be copied: {error}"))))?;
        self.put(archive).await
    }

    /// Puts one file into the copy.
    ///
    /// # Errors
    /// The engine's.
    pub async fn write(&self, path: &str, content: &[u8]) -> Result<(), Stop> {
        let mut builder = tar::Builder::new(Vec::new());
        let archive = append(&mut builder, path, content).and_then(|()| builder.into_inner());
        self.put(archive.map_err(|error| Stop::failed(Diagnostic::error(format!("{path} can't be copied: {error}"))))?)
            .await
    }

    async fn put(&self, archive: Vec<u8>) -> Result<(), Stop> {
        let archive = futures_util::stream::iter([Ok(Bytes::from(archive))]);
        self.engine.put_archive(&self.container, "/", archive, false).await.map_err(run::stop)
    }

    /// Sees to it that the tool is there: the image's own, or one fetched into this container alone.
    ///
    /// # Errors
    /// It is not there and can't be fetched.
    pub async fn provide(&self, setup: &Setup, tool: Tool, service: &ServiceName) -> Result<(), Stop> {
        let program = tool.program();
        if self.sh(".", &format!("command -v {program} >/dev/null 2>&1")).await?.succeeded() {
            return Ok(());
        }
        tracing::info!("{program} is not in the image of {service}: fetching it into a container of its own");
        if setup.console.err.tty {
            setup
                .console
                .err
                .write(format!("{program} is not in the image of {service}: fetched into a container of its own\n"))?;
        }
        let fetch = match tool.ecosystem() {
            crate::manifest::Ecosystem::Node => {
                format!("npm install --global --prefix {TOOLS} {}", tool.distribution())
            }
            _ => fetch_by_pip(tool.distribution()),
        };
        let said = self.sh(".", &fetch).await?;
        if said.succeeded() {
            return Ok(());
        }
        let what = Diagnostic::error(format!(
            "{program}, which writes the lock, is not in the image of {service}, and can't be fetched"
        ));
        let what = what.note(said.last_line());
        Err(Stop::failed(
            what.help(format!("install {program} in the image, or lock by hand and then `devbox rebuild {service}`")),
        ))
    }

    /// Runs a script of sh in a folder of the copy.
    ///
    /// # Errors
    /// The engine's.
    pub async fn sh(&self, folder: &str, script: &str) -> Result<Said, Stop> {
        let prelude = format!(
            "unset {}; export PIP_BREAK_SYSTEM_PACKAGES=1; PATH=\"$PATH:$HOME/.local/bin:{TOOLS}/bin\"; [ -d {TOOLS} ] && export PYTHONPATH={TOOLS}; cd {FOLDER}/{} 2>/dev/null;",
            tool::UNSET.join(" "),
            tool::word(folder)
        );
        let options = ExecOptions {
            command: vec!["sh".to_owned(), "-c".to_owned(), format!("{prelude}\n{script}")],
            user: Some("0".to_owned()),
            ..ExecOptions::default()
        };
        ask::ask(&self.engine, &self.container, &options, (MAX_OUTPUT, PATIENCE)).await.map_err(run::stop)
    }

    /// A file of the copy; `None` when it isn't there.
    ///
    /// # Errors
    /// The engine's.
    pub async fn read(&self, path: &str) -> Result<Option<String>, Stop> {
        let said = self.sh(".", &format!("cat {}", tool::word(path))).await?;
        Ok(said.succeeded().then_some(said.out))
    }
}

/// Fetches a tool with the first Python that has pip; the virtualenv of an image often has none, and neither has a Python whose
/// pip was taken out, but that can make a virtualenv with one.
fn fetch_by_pip(program: &str) -> String {
    let install = format!("-m pip install --quiet --disable-pip-version-check --target {TOOLS} {program}");
    format!(
        "pythons=\"python3 /usr/local/bin/python3 /usr/bin/python3\"\n\
         for python in $pythons; do $python -m pip --version >/dev/null 2>&1 && exec $python {install}; done\n\
         for python in $pythons; do $python -m venv {TOOLS}.venv >/dev/null 2>&1 && exec {TOOLS}.venv/bin/python {install}; done\n\
         echo 'no python here has pip' >&2; exit 1"
    )
}

/// The project as an archive: what the builder would be sent, unless that is too much, with `files` over it.
fn archive(root: &Path, dockerfile: Option<&Path>, files: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let ignore = Ignore::load(root, dockerfile).unwrap_or_default();
    let entries: Result<Vec<_>, _> =
        Walk::new(root, Filter::excluding(ignore.patterns)).map_err(std::io::Error::other)?.collect();
    let entries = entries.map_err(std::io::Error::other)?;
    if entries.iter().map(|entry| entry.size).sum::<u64>() <= MAX_COPY {
        for entry in entries.iter().filter(|entry| matches!(entry.kind, EntryKind::File)) {
            let Ok(mut file) = walk::open(root, &entry.path) else { continue };
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut content)?;
            append(&mut builder, &entry.path, &content)?;
        }
    }
    for (path, content) in files {
        append(&mut builder, path, content)?;
    }
    builder.into_inner()
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, format!("{}/{path}", &FOLDER[1..]), content)
}
