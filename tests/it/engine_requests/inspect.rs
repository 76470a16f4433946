//! What devbox makes of a compose file on a real engine is what Docker Compose makes of it there.
//!
//! Each file is made twice, nothing started, and looked at with `inspect`: `tests/fixtures/inspect/` has what Compose makes, for an old and a new
//! version of the API, recorded again for the engine at hand when `DEVBOX_COMPOSE` names a Compose binary. A recording says only in what
//! a thing differs from that of the plainest file, so that it can be read, and holds on machines with another kernel or daemon.
//! A file that the engine refuses to Compose is recorded as refused; its requests are compared in the module above.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{LazyLock, Mutex},
};

use bollard::{
    models::NetworkInspect,
    query_parameters::{ListContainersOptions, ListNetworksOptions, ListVolumesOptions},
};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::{DIFFERENT, cases, differences, environment, normal};
use crate::support::{
    engine::{block_on, engine, is_podman},
    project::TestProject,
};

/// The file with nothing in it but an image.
const PLAINEST: &str = "image";

/// What differs from one file or creation to the next, or is the machine's: ids, times, places, and what an engine leaves out where
/// the kernel has no means for it.
const NOT_COMPARED: [&str; 28] = [
    "Id",
    "com.docker.compose.project.config_files",
    "Created",
    "CreatedAt",
    "State",
    "Image",
    "ImageManifestDescriptor",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "GraphDriver",
    "Storage",
    "SandboxID",
    "SandboxKey",
    "Mountpoint",
    "BlkioWeight",
    "BlkioWeightDevice",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "KernelMemory",
    "KernelMemoryTCP",
    "MemorySwap",
    "MemorySwappiness",
    "OomKillDisable",
    "AppArmorProfile",
    "ProcessLabel",
    "MountLabel",
];

/// Everything that a project has: `container P-web-1`, `network P_default`, `volume P_data`, each by path.
type Made = BTreeMap<String, BTreeMap<String, Value>>;

struct Comparison {
    api: String,
    files: TestProject,
    compose: Option<String>,
}

impl Comparison {
    /// What a program makes of a file, or why it doesn't.
    fn make(&self, file: &Path, command: impl FnOnce(&TestProject, &Path) -> Command) -> Result<Made, String> {
        let project = TestProject::new("inspect", &[]).expect("an engine");
        let file = self.files.file(&file.file_name().expect("a name").to_string_lossy());
        let mut command = command(&project, &file);
        let output: Output = command.envs(environment()).stdin(Stdio::null()).output().expect("it runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = fs::read_to_string(&file).expect("a fixture");
        Ok(self.look(&project, &text))
    }

    fn of_devbox(&self, file: &Path) -> Result<Made, String> {
        self.make(file, |project, file| {
            project.devbox(&["-f", &file.to_string_lossy(), "up", "--no-start", "--pull", "never"])
        })
    }

    fn of_compose(&self, binary: &str, file: &Path) -> Result<Made, String> {
        self.make(file, |project, file| {
            let mut command = Command::new(binary);
            command.arg("-f").arg(file).args(["create", "--pull", "never"]).current_dir(project.path());
            project.environment(|key, value| _ = command.env(key, value));
            command
        })
    }

    /// All of a project that was made of a file with this text.
    fn look(&self, project: &TestProject, text: &str) -> Made {
        let docker = project.docker().clone();
        let of_project = format!("com.docker.compose.project={}", project.name);
        let filters = Some(HashMap::from([("label".to_owned(), vec![of_project])]));
        let found: Vec<(String, Value)> = block_on(async move {
            let mut found = Vec::new();
            let all = ListContainersOptions { all: true, filters: filters.clone(), ..Default::default() };
            for container in docker.list_containers(Some(all)).await.expect("containers") {
                let id = container.id.expect("an id");
                let container = docker.inspect_container(&id, None).await.expect("a container");
                let name = container.name.clone().unwrap_or_default();
                found.push((format!("container {}", name.trim_start_matches('/')), json!(container)));
            }
            let networks = ListNetworksOptions { filters: filters.clone() };
            for network in docker.list_networks(Some(networks)).await.expect("networks") {
                let mut network: NetworkInspect =
                    docker.inspect_network(&network.id.expect("an id"), None).await.expect("a network");
                if let Some(pools) = network.ipam.as_mut().and_then(|ipam| ipam.config.as_mut()) {
                    // Of the others the addresses are the engine's choice.
                    pools.retain(|pool| pool.subnet.as_ref().is_some_and(|subnet| text.contains(subnet)));
                }
                found.push((format!("network {}", network.name.clone().unwrap_or_default()), json!(network)));
            }
            let volumes = docker.list_volumes(Some(ListVolumesOptions { filters })).await.expect("volumes");
            for volume in volumes.volumes.unwrap_or_default() {
                found.push((format!("volume {}", volume.name), json!(volume)));
            }
            found
        });
        let mut made = Made::new();
        for (name, value) in found {
            let mut by_path = BTreeMap::new();
            flatten("", normal("", self.without_chance(value, &project.name)), &mut by_path);
            made.insert(self.text(&name, &project.name), by_path);
        }
        made
    }

    fn without_chance(&self, value: Value, project: &str) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.into_iter()
                    .filter(|(key, _)| !NOT_COMPARED.contains(&key.as_str()))
                    .map(|(key, value)| (self.text(&key, project), self.without_chance(value, project)))
                    .collect(),
            ),
            Value::Array(items) => items.into_iter().map(|item| self.without_chance(item, project)).collect(),
            Value::String(text) => Value::String(self.text(&text, project)),
            other => other,
        }
    }

    /// Names and ids as what they are: this project `P`, its folder `DIR`.
    fn text(&self, text: &str, project: &str) -> String {
        static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b").expect("it"));
        static ROOT: LazyLock<Regex> = LazyLock::new(|| Regex::new("^/.*/volumes/").expect("it"));
        let text = text.replace(&*self.files.path().to_string_lossy(), "DIR").replace(project, "P");
        static LAYER: LazyLock<Regex> = LazyLock::new(|| Regex::new("^/.*/ID/merged$").expect("it"));
        let text = ID.replace_all(&text, "ID");
        LAYER.replace(&ROOT.replace(&text, "VOLUMES/"), "LAYER").into_owned()
    }

    fn recording(&self) -> PathBuf {
        let name = format!("tests/fixtures/inspect/api-{}.json", self.api);
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    /// Each file with what becomes of it, three at a time; those that speak of names and addresses of the whole engine one by one.
    fn each(&self, files: &[PathBuf], of: impl Fn(&Path) -> Value + Sync) -> BTreeMap<String, Value> {
        let is_shared = |file: &&PathBuf| {
            let text = fs::read_to_string(file).unwrap_or_default();
            ["container_name", "name:", "subnet"].iter().any(|word| text.contains(word))
        };
        let (shared, own): (Vec<&PathBuf>, Vec<&PathBuf>) = files.iter().partition(is_shared);
        let (even, odd): (Vec<_>, Vec<_>) = own.into_iter().enumerate().partition(|(at, _)| at % 2 == 0);
        let plain = |files: Vec<(usize, &'_ PathBuf)>| files.into_iter().map(|(_, file)| file.clone()).collect();
        let lanes: [Vec<PathBuf>; 3] = [shared.into_iter().cloned().collect(), plain(even), plain(odd)];
        let found = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for lane in &lanes {
                let (found, of) = (&found, &of);
                scope.spawn(move || {
                    for file in lane {
                        let value = of(file);
                        found.lock().expect("no panic before").insert(name_of(file), value);
                    }
                });
            }
        });
        found.into_inner().expect("no panic")
    }
}

fn name_of(file: &Path) -> String {
    file.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// Values by path; a list is one value.
fn flatten(path: &str, value: Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                flatten(&path, value, found);
            }
        }
        value => _ = found.insert(path.to_owned(), value),
    }
}

/// In what things differ from the plainest of their kind; null is what only that has.
fn beyond(made: &Made, plainest: &Made) -> Value {
    let plain = |kind: &str| plainest.iter().find(|(name, _)| name.starts_with(kind)).map(|(_, fields)| fields);
    let things = made.iter().map(|(name, fields)| {
        let none = BTreeMap::new();
        let plain = name.split(' ').next().and_then(plain).unwrap_or(&none);
        let changed = fields.iter().filter(|(path, value)| plain.get(*path) != Some(*value));
        let gone = plain.keys().filter(|path| !fields.contains_key(*path)).map(|path| (path.clone(), Value::Null));
        let fields: Map<String, Value> =
            changed.map(|(path, value)| (path.clone(), value.clone())).chain(gone).collect();
        (name.clone(), Value::Object(fields))
    });
    Value::Object(things.collect())
}

#[test]
fn what_is_made_is_what_compose_makes() {
    let Some(docker) = engine() else { return };
    if is_podman() {
        eprintln!("skipped: Compose on Podman is no reference, its inspect is Podman's own");
        return;
    }
    let version = block_on(async move { docker.version().await }).expect("a version");
    let comparison = Comparison {
        api: version.api_version.expect("a version of the API"),
        files: TestProject::copy_of("inspect-files", "tests/fixtures/requests").expect("an engine"),
        compose: std::env::var("DEVBOX_COMPOSE").ok(),
    };
    let only = std::env::var("CASE").ok();
    let files: Vec<PathBuf> = cases()
        .into_iter()
        // An image is no part of what is compared here.
        .filter(|file| !fs::read_to_string(file).expect("a fixture").contains("build:"))
        .filter(|file| only.as_ref().is_none_or(|only| *only == name_of(file)))
        .collect();
    let plainest = cases().into_iter().find(|file| name_of(file) == PLAINEST).expect("the plainest file");

    if let Some(binary) = &comparison.compose {
        let plain = comparison.of_compose(binary, &plainest).expect("the plainest file");
        let recorded = comparison.each(&files, |file| match comparison.of_compose(binary, file) {
            Ok(made) => beyond(&made, &plain),
            Err(_) => json!("refused"),
        });
        let text = serde_json::to_string_pretty(&json!({"plainest": plain, "files": recorded})).expect("JSON");
        fs::create_dir_all(comparison.recording().parent().expect("a folder")).expect("a folder");
        fs::write(comparison.recording(), text + "\n").expect("a recording");
    }
    let Ok(recording) = fs::read(comparison.recording()) else {
        eprintln!("skipped: what Compose makes on an engine with API {} is not recorded", comparison.api);
        return;
    };
    let recording: Value = serde_json::from_slice(&recording).expect("JSON");
    let made_by_compose = |file: &&PathBuf| {
        let name = name_of(file);
        recording["files"][&name].is_object() && !DIFFERENT.contains(&(&name, &comparison.api))
    };
    let files: Vec<PathBuf> = files.iter().filter(made_by_compose).cloned().collect();

    let plain = comparison.of_devbox(&plainest).expect("the plainest file");
    let ours = comparison.each(&files, |file| match comparison.of_devbox(file) {
        Ok(made) => beyond(&made, &plain),
        Err(error) => json!({"refused": error}),
    });
    let mut wrong = Vec::new();
    let mut compare = |name: &str, ours: &Value, theirs: &Value| {
        let mut found = Vec::new();
        differences("", ours, theirs, &mut found);
        if !found.is_empty() {
            wrong.push(format!("{name}:\n{}", found.join("\n")));
        }
    };
    for (name, ours) in &ours {
        compare(name, ours, &recording["files"][name]);
    }
    compare("the plainest", &of_any_engine(json!(plain)), &of_any_engine(recording["plainest"].clone()));
    assert!(wrong.is_empty(), "{} of {} differ\n{}", wrong.len(), ours.len(), wrong.join("\n"));
    assert!(only.is_some() || ours.len() >= 150, "only {} files are compared", ours.len());
}

/// Without what a daemon gives every container by its own settings, or the image has.
fn of_any_engine(mut made: Value) -> Value {
    const SETTINGS: [&str; 9] = [
        "Args",
        "Config.Cmd",
        "Config.Env",
        "Driver",
        "HostConfig.CgroupnsMode",
        "HostConfig.LogConfig.Type",
        "HostConfig.MaskedPaths",
        "HostConfig.ReadonlyPaths",
        "HostConfig.Runtime",
    ];
    for (name, fields) in made.as_object_mut().into_iter().flatten() {
        if let Some(fields) = fields.as_object_mut().filter(|_| name.starts_with("container")) {
            fields.retain(|path, _| !SETTINGS.contains(&path.as_str()) && path != "Path" && path != "Platform");
        }
    }
    made
}
