//! What `devbox plan`, `rebuild` and `deps` say of dependencies, on a real engine.

use crate::support::{project::TestProject, terminal::Terminal};

const COMPOSE: &str = "services: {web: {build: ., init: true, command: sleep 1000, stop_grace_period: 1s}}\n";
const DOCKERFILE: &str = "FROM busybox:latest\nCOPY requirements.txt .\nRUN true || pip install -r requirements.txt\n";

#[test]
fn a_change_since_the_build_is_told_as_packages() {
    let files = [("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("requirements.txt", "django==5.1.3\n")];
    let Some(project) = TestProject::new("deps", &files) else { return };
    project.succeeds(&["build"]);
    project.write("requirements.txt", "django==5.1.3\ndjangorestframework==3.15.2\n");
    let output = project.run(&["plan"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("requirements.txt changed: + djangorestframework 3.15.2"), "{said}");
    project.write("Dockerfile", &DOCKERFILE.replace("RUN", "RUNN"));
    let output = project.run(&["plan"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("RUNN is not an instruction") && said.contains("Dockerfile:3:1"), "{said}");
    assert!(!said.contains("changed"), "what can't be told is not told: {said}");
    project.write("Dockerfile", DOCKERFILE);
    project.write("requirements.txt", "# the web framework\ndjango==5.1.3\n");
    let rebuilt = project.succeeds(&["rebuild"]);
    assert!(rebuilt.contains("no dependencies changed"), "{rebuilt}");
}

#[test]
fn what_an_image_was_built_from_is_read_back_from_its_container() {
    let files = [("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("requirements.txt", "django==5.1.3\n")];
    let Some(project) = TestProject::new("deps", &files) else { return };
    project.succeeds(&["up", "-d"]);
    project.write("requirements.txt", "django==5.1.4\n");
    project.forget();
    let output = project.run(&["plan"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("requirements.txt changed: ~ django 5.1.3 → 5.1.4"), "{said}");
    project.forget();
    let told = project.succeeds(&["deps"]);
    assert!(told.contains("~ django") && !told.contains("not kept"), "{told}");

    // What somebody wrote in the container is not what the image was built from.
    project.succeeds(&["exec", "-T", "web", "sh", "-c", "echo flask > /requirements.txt"]);
    project.forget();
    let told = project.succeeds(&["deps"]);
    assert!(told.contains("the requirements.txt that the image was built from is not kept"), "{told}");
}

const PYTHON: &str =
    "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n";
const TWO: &str = "
services:
  web: &web {build: ., init: true, command: sleep 1000, stop_grace_period: 1s}
  worker: *web
  cache: {image: 'busybox:latest'}
";

#[test]
fn declared_built_and_installed_stand_side_by_side() {
    let files = [("compose.yaml", TWO), ("Dockerfile", PYTHON), ("requirements.txt", "rich==13.7.1\n")];
    let Some(project) = TestProject::new("deps", &files) else { return };
    let before = project.succeeds(&["deps"]);
    assert!(before.contains("web, worker"), "{before}");
    assert!(before.contains("COPY requirements.txt . (Dockerfile:3)"), "{before}");
    assert!(before.contains("installed is not known: web, worker does not run"), "{before}");

    project.succeeds(&["up", "-d"]);
    let all = project.succeeds(&["deps", "web"]);
    let row = |name: &str, text: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.trim_start_matches([' ', '+', '-', '~', '!']).starts_with(name));
        line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(row("rich", &all), ["rich", "13.7.1", "13.7.1", "13.7.1", "requirements.txt:1"], "{all}");
    let asked = row("mdurl", &all);
    assert_eq!((asked[1].as_str(), asked[2].as_str(), asked[4].as_str()), ("-", "-", "markdown-it-py"), "{all}");

    project.write("requirements.txt", "rich==13.8.0\nhumanize\n");
    let changed = project.succeeds(&["deps"]);
    assert!(changed.contains("requirements.txt  COPY requirements.txt . (Dockerfile:3)  ▲ changed since the build"));
    assert_eq!(row("rich", &changed), ["~", "rich", "13.8.0", "13.7.1", "13.7.1", "requirements.txt:1"], "{changed}");
    assert_eq!(row("humanize", &changed), ["+", "humanize", "any", "-", "-", "requirements.txt:2"], "{changed}");
    let json: serde_json::Value = serde_json::from_str(&project.succeeds(&["deps", "--format", "json"])).expect("JSON");
    assert_eq!(json[0]["services"], serde_json::json!(["web", "worker"]));
    let rich = json[0]["packages"].as_array().expect("rows").iter().find(|row| row["name"] == "rich").expect("rich");
    assert_eq!((&rich["built"], &rich["difference"]), (&"13.7.1".into(), &"changed".into()));

    let mut terminal = Terminal::devbox(&project, &[], 120, 30);
    terminal.shows("requirements.txt changed");
    // cache is the first of the list.
    terminal.send("j");
    terminal.send("3");
    terminal.shows("requirements.txt (changed since the build)");
    let screen = terminal.text();
    let cells = |name: &str| -> Vec<String> {
        let lines = screen.lines().filter_map(|line| line.rsplit_once("││"));
        let mut rows = lines.map(|(_, line)| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        rows.rfind(|row| row.iter().take(2).any(|cell| cell == name)).unwrap_or_default()
    };
    assert_eq!(cells("rich")[..5], ["~", "rich", "13.8.0", "13.7.1", "13.7.1"], "{screen}");
    assert_eq!(cells("humanize")[..5], ["+", "humanize", "any", "-", "-"], "{screen}");
    assert_eq!(cells("mdurl")[..5], ["└", "mdurl", "-", "-", "0.1.2"], "{screen}");
    terminal.send("q");
    assert!(terminal.wait().success());

    assert!(project.fails(2, &["deps", "cache"]).contains("cache is not built here"));
    assert!(project.fails(2, &["deps", "wbe"]).contains("did you mean `web`?"));
}

#[test]
fn deps_works_where_no_engine_answers() {
    let files = [("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("requirements.txt", "django==5.1.3\n")];
    let project = TestProject::without_engine("deps", &files);
    let said = project.succeeds(&["-H", "unix:///nowhere/docker.sock", "deps", "web"]);
    assert!(said.contains("django") && said.contains("no container engine answers"), "{said}");
}
