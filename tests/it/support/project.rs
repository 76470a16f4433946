//! A compose project in a folder of its own, under a name of its own, that leaves nothing behind.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use bollard::{
    Docker,
    models::ContainerInspectResponse,
    query_parameters::{
        ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions, RemoveContainerOptions,
        RemoveImageOptions, RemoveVolumeOptions,
    },
};
use tempfile::TempDir;

use super::{
    engine::{block_on, engine},
    proxy::Proxy,
};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A project of one test. Dropping it removes its containers, networks, volumes and built images from the engine, also
/// when the test fails.
pub struct TestProject {
    /// Unique on this engine, a valid project name.
    pub name: String,
    docker: Option<Docker>,
    /// In front of an engine that lets nobody but root in.
    proxy: OnceLock<Proxy>,
    home: TempDir,
    folder: TempDir,
}

impl TestProject {
    /// A project with these files (relative path, content); `None` where there is no engine and the test is to be skipped.
    pub fn new(subject: &str, files: &[(&str, &str)]) -> Option<Self> {
        let docker = engine()?;
        Some(Self::with(subject, Some(docker), files))
    }

    /// A project that never meets an engine.
    pub fn without_engine(subject: &str, files: &[(&str, &str)]) -> Self {
        Self::with(subject, None, files)
    }

    fn with(subject: &str, docker: Option<Docker>, files: &[(&str, &str)]) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dbt-{subject}-{}-{number}", std::process::id());
        let project = Self {
            name,
            docker,
            proxy: OnceLock::new(),
            home: tempfile::tempdir().expect("a home folder"),
            folder: tempfile::tempdir().expect("a project folder"),
        };
        for (path, content) in files {
            project.write(path, content);
        }
        project
    }

    /// A copy of a folder of the repository, `examples/minimal` for instance.
    pub fn copy_of(subject: &str, folder: &str) -> Option<Self> {
        let project = Self::new(subject, &[])?;
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), project.path());
        Some(project)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of it.
    pub fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// Writes a file of it, in place, with the folders that it needs.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.file(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, content).expect("a file");
    }

    /// Writes the user's config.toml.
    pub fn configure(&self, text: &str) {
        self.write_home(".config/devbox/config.toml", text);
    }

    /// Writes a file below the home that its `devbox` has.
    pub fn write_home(&self, path: &str, content: &str) {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, content).expect("a file");
    }

    /// Clears what devbox remembers from one run to the next, as on another machine.
    pub fn forget(&self) {
        let folder = self.home.path().join(".local/state");
        fs::remove_dir_all(&folder)
            .or_else(|error| if folder.exists() { Err(error) } else { Ok(()) })
            .expect("removed");
    }

    /// The engine.
    ///
    /// # Panics
    /// For a project made by [`TestProject::without_engine`].
    pub fn docker(&self) -> &Docker {
        self.docker.as_ref().expect("this project has an engine")
    }

    /// `devbox ARGS` in its folder, under its name, with a home of its own.
    pub fn devbox(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_devbox"));
        command.args(args).current_dir(self.path());
        self.environment(|key, value| {
            command.env(key, value);
        });
        command
    }

    /// Calls `set` with each variable that `devbox` gets beside the test's own environment.
    pub fn environment(&self, mut set: impl FnMut(&str, &str)) {
        let home = self.home.path().to_str().expect("a UTF-8 path");
        set("COMPOSE_PROJECT_NAME", &self.name);
        set("HOME", home);
        set("XDG_CONFIG_HOME", &format!("{home}/.config"));
        set("XDG_STATE_HOME", &format!("{home}/.local/state"));
        set("XDG_CACHE_HOME", &format!("{home}/.cache"));
        set("NO_COLOR", "1");
    }

    /// Runs `devbox ARGS` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.devbox(args).stdin(std::process::Stdio::null()).output().expect("devbox runs")
    }

    /// `devbox ARGS` as a user who isn't root and whom the project's folder belongs to; his number. Run by root, the tests become
    /// somebody else for it, otherwise they are that user.
    pub fn devbox_as_user(&self, args: &[&str]) -> (Command, u32) {
        let own = rustix::process::geteuid();
        if !own.is_root() {
            return (self.devbox(args), own.as_raw());
        }
        const USER: u32 = 4711;
        let socket = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
        let socket = socket.trim_start_matches("unix://");
        let (group, mode) = fs::metadata(socket).map_or((0, 0), |found| (found.gid(), found.mode()));
        give(self.path(), USER, group);
        give(self.home.path(), USER, group);
        // Where the tests' own binary lies, others may have no way to.
        let binary = self.home.path().join("devbox");
        if !binary.exists() {
            fs::copy(env!("CARGO_BIN_EXE_devbox"), &binary).expect("a copy of devbox");
        }
        let mut command = Command::new(binary);
        command.args(args).current_dir(self.path()).uid(USER).gid(group);
        self.environment(|key, value| {
            command.env(key, value);
        });
        const GROUP_MAY: u32 = 0o060;
        if mode & GROUP_MAY != GROUP_MAY {
            let proxy = self.proxy.get_or_init(|| Proxy::start(Path::new(socket)));
            proxy.admit(USER);
            command.env("DOCKER_HOST", proxy.address());
        }
        (command, USER)
    }

    /// Runs `devbox ARGS`, which must succeed, and gives its standard output.
    ///
    /// # Panics
    /// When it fails; with all it printed.
    pub fn succeeds(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "devbox {args:?}: {}\n{stdout}\n{stderr}", output.status);
        stdout.into_owned()
    }

    /// Runs `devbox ARGS`, which must end with `code`, and gives its standard error.
    ///
    /// # Panics
    /// When it ends otherwise; with all it printed.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "devbox {args:?}\n{stdout}\n{stderr}");
        stderr.into_owned()
    }

    /// The volumes that its containers have, also those without a name of their own, sorted.
    pub fn volumes_in_use(&self) -> Vec<String> {
        let filters = Some(self.label_filter());
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        let containers = block_on(self.docker().list_containers(Some(options))).expect("containers");
        let mounts = containers.into_iter().flat_map(|container| container.mounts.unwrap_or_default());
        let mut volumes: Vec<String> = mounts.filter_map(|mount| mount.name).filter(|name| !name.is_empty()).collect();
        volumes.sort();
        volumes
    }

    /// What the engine has of this project: `container NAME`, `network NAME`, `volume NAME`, sorted.
    pub fn on_engine(&self) -> Vec<String> {
        let docker = self.docker().clone();
        let filter = self.label_filter();
        block_on(async move {
            let mut found = Vec::new();
            for container in docker
                .list_containers(Some(ListContainersOptions {
                    all: true,
                    filters: Some(filter.clone()),
                    ..Default::default()
                }))
                .await
                .expect("containers")
            {
                let name = container.names.unwrap_or_default().concat();
                found.push(format!("container {}", name.trim_start_matches('/')));
            }
            for network in docker
                .list_networks(Some(ListNetworksOptions { filters: Some(filter.clone()) }))
                .await
                .expect("networks")
            {
                found.push(format!("network {}", network.name.unwrap_or_default()));
            }
            let volumes =
                docker.list_volumes(Some(ListVolumesOptions { filters: Some(filter) })).await.expect("volumes");
            found.extend(
                volumes.volumes.unwrap_or_default().into_iter().map(|volume| format!("volume {}", volume.name)),
            );
            found.sort();
            found
        })
    }

    /// Its containers on the engine, one-off and stopped ones too: name -> id.
    pub fn containers(&self) -> BTreeMap<String, String> {
        let docker = self.docker().clone();
        let all = ListContainersOptions { all: true, filters: Some(self.label_filter()), ..Default::default() };
        let listed = block_on(async move { docker.list_containers(Some(all)).await }).expect("containers");
        let named = listed.into_iter().map(|container| {
            let name = container.names.unwrap_or_default().concat();
            (name.trim_start_matches('/').to_owned(), container.id.unwrap_or_default())
        });
        named.collect()
    }

    /// The first container of a service.
    ///
    /// # Panics
    /// When it has none.
    pub fn container(&self, service: &str) -> ContainerInspectResponse {
        let (docker, name) = (self.docker().clone(), format!("{}-{service}-1", self.name));
        block_on(async move { docker.inspect_container(&name, None).await }).expect("a container")
    }

    /// The engine's word for what the first container of a service does: `running`, `exited`.
    ///
    /// # Panics
    /// When it has none.
    pub fn state(&self, service: &str) -> String {
        let state = self.container(service).state.and_then(|state| state.status);
        state.map(|state| state.to_string()).unwrap_or_default()
    }

    fn label_filter(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("com.docker.compose.project={}", self.name)])])
    }
}

impl Drop for TestProject {
    fn drop(&mut self) {
        let Some(docker) = self.docker.take() else { return };
        let filter = self.label_filter();
        let images = format!("{}-*", self.name);
        // every step is tried whatever became of the one before: a test that failed midway still leaves nothing
        block_on(async move {
            let all = ListContainersOptions { all: true, filters: Some(filter.clone()), ..Default::default() };
            for container in docker.list_containers(Some(all)).await.unwrap_or_default() {
                let remove = RemoveContainerOptions { force: true, v: true, ..Default::default() };
                let _ = docker.remove_container(&container.id.unwrap_or_default(), Some(remove)).await;
            }
            let networks = ListNetworksOptions { filters: Some(filter.clone()) };
            for network in docker.list_networks(Some(networks)).await.unwrap_or_default() {
                let _ = docker.remove_network(&network.id.unwrap_or_default()).await;
            }
            let volumes = ListVolumesOptions { filters: Some(filter) };
            let listed = docker.list_volumes(Some(volumes)).await.ok().and_then(|listed| listed.volumes);
            for volume in listed.unwrap_or_default() {
                let _ = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
            }
            let built = HashMap::from([("reference".to_owned(), vec![images])]);
            let images = ListImagesOptions { filters: Some(built), ..Default::default() };
            for image in docker.list_images(Some(images)).await.unwrap_or_default() {
                for tag in image.repo_tags {
                    let remove = RemoveImageOptions { force: true, ..Default::default() };
                    let _ = docker.remove_image(&tag, Some(remove), None).await;
                }
            }
        });
    }
}

fn give(path: &Path, user: u32, group: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(group)).expect("a new owner");
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).expect("a folder").for_each(|entry| give(&entry.expect("an entry").path(), user, group));
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder to copy") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
