//! Pulls from a registry on loopback: who the user is to it, when an image is pulled, what is shown, and what goes wrong.

use std::os::unix::fs::PermissionsExt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::support::{
    engine::{self, block_on},
    project::TestProject,
    registry::Registry,
};

const LOGIN: Option<(&str, &str)> = Some(("ada", "sesame"));

/// A project with one service of the registry's image, for which this policy holds.
fn project(subject: &str, image: &str, policy: &str) -> Option<TestProject> {
    let file = format!("services: {{web: {{image: '{image}', pull_policy: {policy}}}}}");
    with(subject, &file)
}

/// A project of this file, where the engine pulls from a registry that speaks plain HTTP.
fn with(subject: &str, file: &str) -> Option<TestProject> {
    if engine::is_podman() {
        eprintln!("skipped: Podman pulls over TLS only");
        return None;
    }
    TestProject::new(subject, &[("compose.yaml", file)])
}

fn logged_in(project: &TestProject, registry: &Registry, password: &str) {
    let auth = STANDARD.encode(format!("ada:{password}"));
    project.write_home(".docker/config.json", &format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host));
}

#[test]
fn the_settings_of_the_docker_client_say_who_the_user_is() {
    let registry = Registry::start(LOGIN);
    let Some(project) = project("login", &registry.image(), "missing") else { return };
    let said = project.fails(1, &["pull"]);
    assert!(said.contains(&format!("docker login {}", registry.host)), "{said}");
    logged_in(&project, &registry, "wrong");
    let said = project.fails(1, &["up", "--no-start"]);
    assert!(said.contains(&registry.image()) && said.contains("docker login"), "{said}");
    assert!(!said.contains("wrong") && !said.contains(&STANDARD.encode("ada:wrong")), "{said}");
    logged_in(&project, &registry, "sesame");
    let shown = project.succeeds(&["--progress", "tty", "pull"]);
    assert!(shown.contains("pulling, 0/1 layers") && shown.contains("pulled in"), "{shown}");
    assert!(project.succeeds(&["up", "--no-start"]).contains("web"));
    assert_eq!(project.state("web"), "created");
}

#[test]
fn a_credential_helper_is_asked() {
    let registry = Registry::start(LOGIN);
    let Some(project) = project("helper", &registry.image(), "missing") else { return };
    let settings = |helper: &str| format!(r#"{{"credHelpers":{{"{}":"{helper}"}}}}"#, registry.host);
    project.write_home(".docker/config.json", &settings("dbt-test"));
    project.write(
        "bin/docker-credential-dbt-test",
        "#!/bin/sh\nread server\necho '{\"ServerURL\":\"'$server'\",\"Username\":\"ada\",\"Secret\":\"sesame\"}'\n",
    );
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.file("bin/docker-credential-dbt-test"), executable).expect("a program");
    let path = format!("{}:{}", project.file("bin").display(), std::env::var("PATH").expect("a path"));
    let output = project.devbox(&["pull"]).env("PATH", &path).output().expect("devbox runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    project.write_home(".docker/config.json", &settings("dbt-missing"));
    let said = project.fails(1, &["pull"]);
    assert!(said.contains(&format!("the credentials for {} can't be had", registry.host)), "{said}");
}

#[test]
fn what_can_not_be_pulled_is_told_with_its_cause() {
    let registry = Registry::start(None);
    let Some(project) = project("missing", &format!("{}/app:2", registry.host), "missing") else { return };
    let said = project.fails(1, &["up", "-d"]);
    assert!(said.contains(&format!("{}/app:2", registry.host)) && said.contains("name and tag"), "{said}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let file =
        format!("services: {{web: {{image: '{closed}/app:1'}}, db: {{image: 'busybox:latest', command: 'true'}}}}");
    project.write("compose.yaml", &file);
    let said = project.fails(1, &["up", "-d"]);
    assert!(said.contains("whether this machine is online and the registry runs"), "{said}");
    assert_eq!(
        project.containers().into_keys().collect::<Vec<_>>(),
        [format!("{}-db-1", project.name)],
        "others go on"
    );
}

#[test]
fn an_image_is_pulled_when_its_policy_says_so() {
    let registry = Registry::start(None);
    let Some(project) = project("policy", &registry.image(), "never") else { return };
    let up = |policy: &str, flags: &[&str]| {
        project.write(
            "compose.yaml",
            &format!("services: {{web: {{image: '{}', pull_policy: {policy}}}}}", registry.image()),
        );
        let before = registry.lookups();
        let output = project.run(&[&["up", "--no-start"], flags].concat());
        (output.status.success(), registry.lookups() > before)
    };
    assert_eq!(up("never", &[]), (false, false));
    assert_eq!(up("missing", &[]), (true, true));
    for policy in ["missing", "if_not_present", "daily", "weekly", "every_12h", "never"] {
        assert_eq!(up(policy, &[]), (true, false), "{policy}");
    }
    assert_eq!(up("always", &[]), (true, true));
    assert_eq!(up("always", &["--pull", "never"]), (true, false));
    assert_eq!(up("never", &["--pull", "always"]), (true, true));
}

#[test]
fn an_image_that_is_mounted_is_pulled_before() {
    let registry = Registry::start(None);
    let file = format!(
        "services: {{web: {{image: 'busybox:latest', volumes: [{{type: image, source: '{}', target: /assets}}]}}}}",
        registry.image()
    );
    let Some(project) = with("mounted", &file) else { return };
    let plan = project.succeeds(&["plan"]);
    assert!(plan.contains("pull") && plan.contains("web"), "{plan}");
    let docker = project.docker().clone();
    let api = block_on(async move { docker.version().await }).expect("a version").api_version.unwrap_or_default();
    let minor: u32 = api.rsplit('.').next().and_then(|minor| minor.parse().ok()).expect("a number");
    if minor < 48 {
        let said = project.fails(1, &["up", "-d"]);
        assert!(said.contains("a volume of type image needs Docker 28"), "{said}");
        return;
    }
    assert_eq!(
        project.succeeds(&["run", "--rm", "-T", "web", "wc", "-c", "/assets/content"]),
        "2097152 /assets/content\n"
    );
    assert_eq!(registry.lookups().min(1), 1);
}
