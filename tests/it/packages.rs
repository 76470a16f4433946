//! `add`, `remove`, `lock` and `freeze` on projects of each tool, on a real engine and with a real index.
//!
//! The locks are made here, by the tools themselves. Where no index answers the tests say so and are skipped.

use std::fs;

use crate::support::project::TestProject;

const TOOLS: &str = "FROM python:3.11-slim AS tools\nRUN pip install uv poetry pipenv pip-tools\nWORKDIR /app\nCMD [\"sleep\", \"1000\"]\n";
const COMPOSE: &str = "
services:
  web: {build: {context: ., target: app}, init: true, stop_grace_period: 1s}
  tools: {build: {context: ., target: tools}, profiles: [tools], volumes: ['.:/copy'], working_dir: /copy}
";

struct Tool {
    name: &'static str,
    manifest: &'static str,
    lock: &'static str,
    text: &'static str,
    make_lock: &'static str,
    install: &'static str,
    /// What the tool itself does for `add humanize`, in a copy.
    own: &'static str,
    /// How the resolver says that a package isn't there.
    says: &'static str,
}

fn python_in_venv(project: &TestProject, code: &str) -> bool {
    project.run(&["exec", "-T", "web", "/app/.venv/bin/python", "-c", code]).status.success()
}

/// Adds what is there, adds what isn't, and takes out again.
fn there_and_back(tool: &Tool) {
    let dockerfile = format!(
        "{TOOLS}FROM tools AS app\nENV POETRY_VIRTUALENVS_IN_PROJECT=true PIPENV_VENV_IN_PROJECT=1\nCOPY {} {} ./\nRUN {}\n",
        tool.manifest, tool.lock, tool.install
    );
    let files = [("compose.yaml", COMPOSE), ("Dockerfile", dockerfile.as_str()), (tool.manifest, tool.text)];
    let Some(project) = TestProject::new(tool.name, &files) else { return };
    let in_tools = |script: &str| project.succeeds(&["run", "--rm", "-T", "tools", "sh", "-c", script]);
    in_tools(tool.make_lock);
    let state = || [tool.manifest, tool.lock].map(|name| fs::read(project.file(name)).expect("a file"));
    let before = state();
    let copied = format!("mkdir own && cp {} {} own/ && cd own && {}", tool.manifest, tool.lock, tool.own);
    in_tools(&copied);
    let own = [tool.manifest, tool.lock]
        .map(|name| fs::read_to_string(project.file(&format!("own/{name}"))).expect("a file"));
    project.succeeds(&["up", "-d"]);
    assert!(!python_in_venv(&project, "import humanize"), "it isn't there yet");

    let said = project.succeeds(&["add", "humanize"]);
    assert!(said.contains("+ humanize"), "{said}");
    assert!(python_in_venv(&project, "import humanize"), "importable in the running service: {said}");
    let added = state();
    for (devbox, own) in added.iter().zip(&own) {
        assert_eq!(&String::from_utf8_lossy(devbox), own, "as the project's own tool writes it");
    }

    let container = project.succeeds(&["ps", "-q", "web"]);
    let error = project.fails(1, &["add", "no-such-package-at-all"]);
    assert!(error.contains(tool.says) && error.contains("no-such-package-at-all"), "{error}");
    assert_eq!(state(), added, "byte for byte");
    assert_eq!(project.succeeds(&["ps", "-q", "web"]), container, "the same container");
    assert!(python_in_venv(&project, "import humanize"), "and it still answers");

    project.succeeds(&["remove", "humanize"]);
    let after = state().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(after, before.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()), "as they were");
    assert!(!python_in_venv(&project, "import humanize"), "and it is gone");
    let left = project.on_engine();
    assert!(!left.iter().any(|name| name.contains("-run-")), "no container of a tool stays: {left:?}");
}

#[test]
fn a_uv_project_gets_a_package_and_gives_it_back() {
    there_and_back(&Tool {
        name: "uv",
        manifest: "pyproject.toml",
        lock: "uv.lock",
        text: "[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n# the web\ndependencies = []\n",
        make_lock: "uv lock",
        install: "uv sync --frozen",
        own: "uv add --no-sync humanize",
        says: "was not found in the package registry",
    });
}

#[test]
fn a_poetry_project_gets_a_package_and_gives_it_back() {
    there_and_back(&Tool {
        name: "poetry",
        manifest: "pyproject.toml",
        lock: "poetry.lock",
        text: "[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11,<4\"\ndependencies = []\n\n\
               [tool.poetry]\npackage-mode = false\n\n\
               [[tool.poetry.source]]\nname = \"main\"\nurl = \"https://pypi.org/simple/\"\npriority = \"primary\"\n",
        make_lock: "poetry lock",
        install: "poetry install --no-interaction",
        own: "poetry add --lock humanize",
        says: "doesn't match any versions, version solving failed",
    });
}

#[test]
fn a_pipenv_project_gets_a_package_and_gives_it_back() {
    there_and_back(&Tool {
        name: "pipenv",
        manifest: "Pipfile",
        lock: "Pipfile.lock",
        text: "[[source]]\nurl = \"https://pypi.org/simple\"\nverify_ssl = true\nname = \"pypi\"\n\n\
               [packages]\n\n[dev-packages]\n\n[requires]\npython_version = \"3.11\"\n",
        make_lock: "pipenv lock",
        install: "pipenv sync",
        own: "pipenv upgrade humanize",
        says: "No matching distribution found for",
    });
}

#[test]
fn requirements_that_pip_compile_writes_get_a_package_and_give_it_back() {
    there_and_back(&Tool {
        name: "piptools",
        manifest: "requirements.in",
        lock: "requirements.txt",
        text: "# what the shop needs\nitsdangerous\n",
        make_lock: "pip-compile --quiet --output-file=requirements.txt requirements.in",
        install: "python -m venv .venv && .venv/bin/pip install -r requirements.txt",
        own: "echo humanize >> requirements.in && pip-compile --quiet --output-file=requirements.txt requirements.in",
        says: "No matching distribution found for",
    });
}

#[test]
fn requirements_that_uv_compiles_get_a_package_and_give_it_back() {
    there_and_back(&Tool {
        name: "uvpip",
        manifest: "requirements.in",
        lock: "requirements.txt",
        text: "# what the shop needs\nitsdangerous\n",
        make_lock: "uv pip compile requirements.in -o requirements.txt",
        install: "uv venv && uv pip install -r requirements.txt",
        own: "echo humanize >> requirements.in && uv pip compile requirements.in -o requirements.txt",
        says: "was not found in the package registry",
    });
}

#[test]
fn a_requirements_project_gets_a_package_and_gives_it_back() {
    let dockerfile = "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements/ requirements/\n\
                      RUN pip install -r requirements/dev.txt\nCMD [\"sleep\", \"1000\"]\n";
    let compose = "services: {web: {build: ., init: true, stop_grace_period: 1s}}\n";
    let base = "# what the shop needs\nitsdangerous==2.2.0  # sessions\nmarkupsafe==2.1.5\n";
    let dev = "-r base.txt\n";
    let files = [
        ("compose.yaml", compose),
        ("Dockerfile", dockerfile),
        ("requirements/base.txt", base),
        ("requirements/dev.txt", dev),
    ];
    let Some(project) = TestProject::new("reqs", &files) else { return };
    let read = |name: &str| fs::read_to_string(project.file(name)).expect("a file");
    let imports = || project.run(&["exec", "-T", "web", "python", "-c", "import humanize"]).status.success();
    project.succeeds(&["up", "-d"]);
    let dry = project.succeeds(&["add", "--dry-run", "humanize"]);
    assert!(dry.contains("requirements/base.txt  + humanize") && read("requirements/base.txt") == base, "{dry}");

    project.succeeds(&["add", "humanize<4.13"]);
    assert_eq!(read("requirements/base.txt"), base.replace("itsdangerous", "humanize<4.13\nitsdangerous"));
    assert!(imports());
    let container = project.succeeds(&["ps", "-q", "web"]);
    let added = read("requirements/base.txt");
    let error = project.fails(1, &["add", "no-such-package-at-all"]);
    assert!(error.starts_with("error: No matching distribution found for no-such-package-at-all"), "{error}");
    assert_eq!((read("requirements/base.txt"), project.succeeds(&["ps", "-q", "web"])), (added, container));
    let frozen = project.succeeds(&["freeze"]);
    assert!(
        frozen.contains("itsdangerous==2.2.0\n") && frozen.contains("humanize==4.12.") && !frozen.contains("pip=="),
        "{frozen}"
    );

    project.succeeds(&["remove", "Humanize"]);
    assert_eq!((read("requirements/base.txt"), read("requirements/dev.txt")), (base.to_owned(), dev.to_owned()));
    assert!(!imports());
    let error = project.fails(1, &["remove", "humanize"]);
    assert!(error.contains("no manifest of web declares humanize"), "{error}");
    project.succeeds(&["add", "--dev", "--no-build", "iniconfig==2.0.0"]);
    assert_eq!(read("requirements/dev.txt"), "-r base.txt\niniconfig==2.0.0\n");
}

#[test]
fn a_tool_that_the_image_does_not_have_is_fetched_for_the_lock_alone() {
    // As most do it: the tool and pip stay in the stage that builds.
    let dockerfile = "FROM python:3.11-slim AS build\nRUN pip install uv\nWORKDIR /app\nCOPY pyproject.toml uv.lock ./\n\
                      RUN uv sync --frozen\nFROM python:3.11-slim\nCOPY --from=build /app /app\n\
                      ENV PATH=/app/.venv/bin:$PATH\nCMD [\"sleep\", \"1000\"]\n";
    let compose = "services:\n  web: {build: ., init: true, stop_grace_period: 1s}\n  \
                   tools: {build: {context: ., target: tools, dockerfile_inline: \"FROM python:3.11-slim AS tools\\nRUN pip install uv\\n\"}, \
                   profiles: [tools], volumes: ['.:/copy'], working_dir: /copy}\n";
    let project = "[project]\nname = \"shop\"\nversion = \"0\"\nrequires-python = \">=3.11\"\ndependencies = [\n    \"itsdangerous>=2\",  # sessions\n]\n";
    let files = [("compose.yaml", compose), ("Dockerfile", dockerfile), ("pyproject.toml", project)];
    let Some(shop) = TestProject::new("stages", &files) else { return };
    shop.succeeds(&["run", "--rm", "-T", "tools", "uv", "lock"]);
    shop.succeeds(&["up", "-d"]);
    let said = shop.succeeds(&["add", "humanize"]);
    assert!(said.contains("uv.lock  + humanize"), "{said}");
    let text = fs::read_to_string(shop.file("pyproject.toml")).expect("a file");
    assert!(text.contains("    \"humanize>=") && text.contains("    \"itsdangerous>=2\",  # sessions\n"), "{text}");
    shop.succeeds(&["exec", "-T", "web", "python", "-c", "import humanize"]);
}

#[test]
fn a_build_that_fails_brings_the_files_back() {
    // The resolver is content; the install step is not.
    let dockerfile = "FROM python:3.11-slim\nWORKDIR /app\nCOPY requirements.txt .\n\
                      RUN ! grep humanize requirements.txt && pip install -r requirements.txt\nCMD [\"sleep\", \"1000\"]\n";
    let compose = "services: {web: {build: ., init: true, stop_grace_period: 1s}}\n";
    let requirements = "itsdangerous==2.2.0";
    let files = [("compose.yaml", compose), ("Dockerfile", dockerfile), ("requirements.txt", requirements)];
    let Some(project) = TestProject::new("undo", &files) else { return };
    project.succeeds(&["up", "-d"]);
    let container = project.succeeds(&["ps", "-q", "web"]);
    let error = project.fails(1, &["add", "humanize"]);
    assert!(error.contains("requirements.txt is as it was before"), "{error}");
    assert_eq!(fs::read_to_string(project.file("requirements.txt")).expect("a file"), requirements);
    assert_eq!(project.succeeds(&["ps", "-q", "web"]), container);
    assert!(project.succeeds(&["rebuild"]).contains("no dependencies changed"));
}

#[test]
fn what_cannot_be_added_is_refused_before_anything_is_done() {
    let two = "services: {a: {build: a}, b: {build: b}, c: {image: 'busybox:latest'}}\n";
    let dockerfile = "FROM busybox\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n";
    let files = [
        ("compose.yaml", two),
        ("a/Dockerfile", dockerfile),
        ("a/requirements.txt", ""),
        ("b/Dockerfile", dockerfile),
        ("b/requirements.txt", ""),
    ];
    let Some(project) = TestProject::new("refused", &files) else { return };
    let check = |code: i32, args: &[&str], expected: &str| {
        let error = project.fails(code, args);
        assert!(error.contains(expected), "{args:?}: {error}");
    };
    check(2, &["add", "x"], "which service? a, b have manifests of their own");
    check(2, &["add", "-s", "c", "x"], "c is not built here");
    check(2, &["add", "-s", "a", "--", "-r"], "`-r` is no package");
    check(2, &["add", "-s", "a", "--manifest", "setup.py", "x"], "setup.py is no manifest of a");
    check(1, &["lock", "-s", "a"], "requirements.txt has no lock file beside it");
    check(1, &["add", "-s", "a", "--dev", "x"], "a has no requirements file for development");
}
