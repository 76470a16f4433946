//! Compose files mean what they mean to Compose: fixture projects against what it prints of them.
//!
//! `expected.json` and `expected.hashes` of a fixture are Compose's own output, its folder written `${DIR}`. Where
//! DEVBOX_COMPOSE names a Compose binary (a program that takes `config`), they are compared with what it says today.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use devbox::{
    compose::{self, Format, Loaded, Options, Request},
    model::{Condition, DockerfileSource, HealthcheckTest, MountKind, Networking, RestartPolicy, ServiceName},
};
use tempfile::TempDir;

const HOME: &str = "/home/someone";

fn environment() -> BTreeMap<String, String> {
    [("HOME".to_owned(), HOME.to_owned()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into()
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/compose");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn profiles(folder: &Path) -> Vec<String> {
    let args = fs::read_to_string(folder.join("args")).unwrap_or_default();
    args.lines().filter(|line| *line != "--profile").map(str::to_owned).collect()
}

fn load_folder(folder: &Path) -> Loaded {
    let request = Request {
        directory: folder.to_path_buf(),
        profiles: profiles(folder),
        environment: environment(),
        ..Request::default()
    };
    compose::load(&request).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
}

/// A project of these files.
pub fn load_files(files: &[(&str, &str)]) -> Result<(TempDir, Loaded), String> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let request = Request {
        directory: folder.path().to_path_buf(),
        project_name: Some("test".into()),
        environment: environment(),
        ..Request::default()
    };
    match compose::load(&request) {
        Ok(loaded) => Ok((folder, loaded)),
        Err(error) => Err(error.to_string()),
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn fixtures_print_as_compose_prints_them() {
    for folder in fixtures() {
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected = expected.replace("${DIR}", &folder.to_string_lossy());
        let loaded = load_folder(&folder);
        assert_eq!(json(&loaded.config(Format::Json, &[])), json(&expected), "{}", folder.display());
    }
}

#[test]
fn fixtures_hash_as_compose_hashes_them() {
    for folder in fixtures() {
        let Ok(expected) = fs::read_to_string(folder.join("expected.hashes")) else { continue };
        let hashes = load_folder(&folder).hashes();
        let found: String = hashes.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
        assert_eq!(found, expected, "{}", folder.display());
    }
}

/// The label is what Compose's `up` writes, as its recorded request has it; `config --hash` leaves env files unread.
#[test]
fn with_an_env_file_the_label_is_another_than_the_listed_hash() {
    let requests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requests");
    let recorded = json(&fs::read_to_string(requests.join("env_file.json")).unwrap());
    let requests_made = recorded["1.51"].as_array().unwrap();
    let created = requests_made.iter().find(|request| request["path"] == "/containers/create").unwrap();
    let label = created["body"]["Labels"]["com.docker.compose.config-hash"].as_str().unwrap();

    let file = |name: &str| fs::read_to_string(requests.join(name)).unwrap();
    let (_folder, loaded) =
        load_files(&[("compose.yaml", &file("env_file.yaml")), ("vars.env", &file("vars.env"))]).unwrap();
    let web = &loaded.project.services[&ServiceName::new("web").unwrap()];
    assert_eq!(web.config_hash.hex(|_| None).as_deref(), Some(label));
    assert_ne!(loaded.hashes()["web"], label);
}

#[test]
fn expectations_are_composes() {
    let Ok(compose) = std::env::var("DEVBOX_COMPOSE") else { return };
    for folder in fixtures() {
        let printed = Command::new(&compose)
            .args(profiles(&folder).iter().flat_map(|profile| ["--profile", profile]))
            .args(["config", "--format", "json"])
            .current_dir(&folder)
            .env_clear()
            .envs(environment())
            .output()
            .unwrap();
        let expected = fs::read_to_string(folder.join("expected.json")).unwrap();
        let expected = expected.replace("${DIR}", &folder.to_string_lossy());
        assert_eq!(json(&String::from_utf8_lossy(&printed.stdout)), json(&expected), "{}", folder.display());
        let Ok(expected) = fs::read_to_string(folder.join("expected.hashes")) else { continue };
        let hashed = Command::new(&compose)
            .args(profiles(&folder).iter().flat_map(|profile| ["--profile", profile]))
            .args(["config", "--hash", "*"])
            .current_dir(&folder)
            .env_clear()
            .envs(environment())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&hashed.stdout).into_owned();
        let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        assert_eq!(lines, expected.lines().collect::<Vec<_>>(), "{}", folder.display());
    }
}

#[test]
fn what_is_printed_loads_again_to_the_same() {
    // Compose prints an optional dependency on a service that is off, and refuses to read it.
    for folder in fixtures().into_iter().filter(|folder| !folder.ends_with("profiles")) {
        let first = load_folder(&folder);
        let printed = first.config(Format::Yaml, &[]);
        let request = Request {
            directory: folder.clone(),
            files: vec!["-".into()],
            stdin: Some(printed.clone()),
            environment: environment(),
            profiles: profiles(&folder),
            ..Request::default()
        };
        let again = compose::load(&request).unwrap_or_else(|error| panic!("{}: {error}\n{printed}", folder.display()));
        assert_eq!(
            json(&again.config(Format::Json, &[])),
            json(&first.config(Format::Json, &[])),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_service_becomes_types() {
    let (folder, loaded) = load_files(&[
        (
            "docker-compose.yaml",
            r#"
services:
  web:
    build: {context: ., target: dev, args: {A: 1}}
    ports: ["127.0.0.1:8000:80/udp"]
    volumes: [./src:/app, data:/data:ro, "/anon"]
    depends_on: {db: {condition: service_healthy, restart: true}}
    restart: on-failure:3
    stop_grace_period: 1m30s
    environment: {A: 1, HOME: , UNSET: }
    env_file: web.env
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64m}}}
    x-devbox: {on_change: rebuild}
  db:
    image: postgres:15
    healthcheck: {test: ["CMD", "pg_isready"], interval: 5s}
    networks: {b: {priority: 1}, a: {priority: 9}, c: }
  tools: {image: tools, profiles: [tools], env_file: missing.env}
volumes: {data: }
networks: {a: , b: , c: }
"#,
        ),
        ("web.env", "A=0\nFILE=1\n"),
    ])
    .unwrap();
    let service = |name: &str| &loaded.project.services[&ServiceName::new(name).unwrap()];
    let web = service("web");
    let build = web.build.as_ref().unwrap();
    assert_eq!(build.context, folder.path().to_string_lossy());
    assert_eq!(build.dockerfile, DockerfileSource::File("Dockerfile".into()));
    assert_eq!(build.args["A"].as_deref(), Some("1"));
    assert_eq!(web.ports[0].published.as_deref(), Some("8000"));
    assert_eq!(web.ports[0].target, 80);
    assert!(matches!(&web.mounts[0].kind, MountKind::Bind { options, .. } if options.create_host_path));
    assert!(matches!(&web.mounts[1].kind, MountKind::Volume { source: Some(key), .. } if key == "data"));
    assert!(web.mounts[1].read_only);
    assert!(matches!(&web.mounts[2].kind, MountKind::Volume { source: None, .. }));
    let dependency = web.depends_on.values().next().unwrap();
    assert_eq!((dependency.condition, dependency.restart), (Condition::Healthy, true));
    assert_eq!(web.restart, RestartPolicy::OnFailure { max_retries: Some(3) });
    assert_eq!(web.stop_grace_period.unwrap().as_secs(), 90);
    let environment: Vec<_> = web.environment.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    assert_eq!(environment, [("A", Some("1")), ("FILE", Some("1")), ("HOME", Some(HOME)), ("UNSET", None)]);
    assert_eq!((web.scale, web.resources.nano_cpus), (2, Some(500_000_000)));
    assert_eq!(web.on_change, Some(devbox::model::OnChange::Rebuild));
    let db = service("db");
    assert_eq!(db.healthcheck.as_ref().unwrap().test, Some(HealthcheckTest::Command(vec!["pg_isready".into()])));
    let Networking::Networks(networks) = &db.networking else { panic!("{:?}", db.networking) };
    assert_eq!(networks.iter().map(|network| network.network.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(!service("tools").enabled);
    assert_eq!(loaded.project.volumes["data"].name, "test_data");
    assert_eq!(loaded.project.files, [folder.path().join("docker-compose.yaml")]);
    assert_eq!(loaded.places.of("services.web.ports").unwrap().line, 5);
    assert_eq!(loaded.places.of("services.web.tty").unwrap().line, 3);
    assert_eq!(loaded.places.of("services.web.environment.HOME").unwrap().line, 10);
    assert_eq!(loaded.places.of("services.web.volumes.1").unwrap().line, 6);
}

#[test]
fn files_read_and_looked_for_are_told() {
    let (folder, loaded) =
        load_files(&[("docker-compose.yaml", "services: {a: {image: x, env_file: a.env}}"), ("a.env", "")]).unwrap();
    let names = |paths: &[PathBuf]| -> Vec<String> {
        paths
            .iter()
            .filter_map(|path| path.strip_prefix(folder.path()).ok())
            .map(|path| path.display().to_string())
            .collect()
    };
    assert_eq!(names(&loaded.files_read), ["docker-compose.yaml", "a.env"]);
    let looked_for = names(&loaded.files_looked_for);
    for name in ["compose.yaml", ".env", "docker-compose.override.yml"] {
        assert!(looked_for.iter().any(|known| known == name), "{name}: {looked_for:?}");
    }
}

#[test]
fn a_project_is_found_from_below() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("docker-compose.yml"), "services: {a: {image: x}}\nname: below").unwrap();
    let request = Request { directory: folder.path().join("a/b"), environment: environment(), ..Request::default() };
    let loaded = compose::load(&request).unwrap();
    assert_eq!(loaded.project.name.as_str(), "below");
    assert_eq!(loaded.project.directory, folder.path());
}

#[test]
fn naming_a_service_puts_its_profiles_in_force() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("compose.yaml"), "services: {a: {image: x, profiles: [p]}, b: {image: x}}").unwrap();
    let load = |services: &[&str]| {
        let services = services.iter().map(|name| name.to_string()).collect();
        let directory = folder.path().to_path_buf();
        compose::load(&Request { directory, services, environment: environment(), ..Request::default() })
    };
    let enabled = |loaded: Loaded| loaded.project.enabled().map(|service| service.name.to_string()).collect::<Vec<_>>();
    assert_eq!(enabled(load(&[]).unwrap()), ["b"]);
    assert_eq!(enabled(load(&["a"]).unwrap()), ["a", "b"]);
    let error = load(&["aa"]).unwrap_err().to_string();
    assert_eq!(error, "error: there is no service `aa`\nhelp: did you mean `a`?");
}

#[test]
fn variables_are_listed_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("compose.yaml"), "services: {a: {image: \"x:${TAG:-1}\", ports: [\"${P:?}:80\"]}}")
        .unwrap();
    let request = Request {
        directory: folder.path().to_path_buf(),
        environment: environment(),
        options: Options { interpolate: false, ..Options::default() },
        ..Request::default()
    };
    let loaded = compose::load(&request).unwrap();
    assert_eq!(loaded.variables()["TAG"].default, "1");
    assert!(loaded.variables()["P"].required);
    let printed = json(&loaded.config(Format::Json, &[]));
    assert_eq!(printed["services"]["a"]["image"], "x:${TAG:-1}");
    assert_eq!(printed["services"]["a"]["ports"][0], "${P:?}:80");
}

#[test]
fn shared_namespaces_wait_for_their_container() {
    let (_folder, loaded) =
        load_files(&[("compose.yaml", "services: {a: {image: x, network_mode: \"service:b\"}, b: {image: x}}")])
            .unwrap();
    let a = &loaded.project.services[&ServiceName::new("a").unwrap()];
    assert_eq!(a.config_hash.containers_of().map(ToString::to_string).collect::<Vec<_>>(), ["b"]);
    assert_eq!(a.networking, Networking::Service(ServiceName::new("b").unwrap()));
}

#[test]
fn a_bomb_is_refused_at_once() {
    let mut text = String::from("x-0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..9 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(",");
        text += &format!("x-{i}: &a{i} [{aliases}]\n");
    }
    let error = load_files(&[("compose.yaml", &text)]).unwrap_err();
    assert!(error.starts_with("error: aliases expand to too much\n  ┌ compose.yaml:"), "{error}");
}

#[test]
fn the_table_of_keys_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/compose-keys.md");
    let table = compose::keys_table();
    if std::env::var_os("DEVBOX_UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &table).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(written == table, "run this test with DEVBOX_UPDATE=1 and look at the difference");
}
