//! `init` without an engine: the files it proposes for each kind of project, as golden texts; what it keeps, refuses and says; and that
//! the rest of devbox reads its files as they are meant.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
};

use devbox::{
    compose,
    manifest::{self, Reader},
    model::Condition,
};

use crate::support::{project::TestProject, terminal::Terminal};

const FLASK: &str = "from flask import Flask\n\napp = Flask(__name__)\n";
const FASTAPI: &str = "from fastapi import FastAPI\n\napp = FastAPI()\n";
const MANAGE: &str =
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n";
const WSGI: &str = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n";

/// What `init --format json --dry-run` says of a project in a folder that belongs to user and group 1234.
fn proposed(files: &[(&str, &str)], args: &[&str]) -> serde_json::Value {
    let project = TestProject::without_engine("init", files);
    give_away(&project);
    facts(&project, &[&["init", "--dry-run", "--format", "json"], args].concat())
}

/// The caller's ids would make the texts differ from machine to machine; only root can give a folder away.
fn give_away(project: &TestProject) {
    let _ = chown(project.path(), Some(1234), Some(1234));
}

fn facts(project: &TestProject, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(&project.succeeds(args)).expect("JSON")
}

fn text<'f>(facts: &'f serde_json::Value, name: &str) -> &'f str {
    let file = facts["files"].as_array().expect("files").iter().find(|file| file["name"] == name);
    file.and_then(|file| file["text"].as_str()).unwrap_or_else(|| panic!("no {name} in {facts:#}"))
}

fn warnings(facts: &serde_json::Value) -> Vec<&str> {
    let warnings = facts["warnings"].as_array().expect("warnings").iter();
    warnings.filter_map(|warning| warning["what"].as_str()).filter(|what| !what.contains("belong to root")).collect()
}

/// Compares the Dockerfile and the compose file with the golden ones, whoever runs the test.
fn golden(name: &str, files: &[(&str, &str)], args: &[&str]) {
    let facts = proposed(files, args);
    let mut shown = format!("{}\n--\n{}", text(&facts, "Dockerfile"), text(&facts, "docker-compose.yaml"));
    for warning in warnings(&facts) {
        shown.push_str(&format!("--\nwarning: {warning}\n"));
    }
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if uid != 0 {
        shown =
            shown.replace(&format!("{{UID:-{uid}}}"), "{UID:-1234}").replace(&format!("{{GID:-{gid}}}"), "{GID:-1234}");
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("init_{name}"), shown);
    });
}

#[test]
fn requirements_projects() {
    let dev = ("requirements-dev.txt", "-r requirements.txt\npytest\n");
    golden("flask", &[("app.py", FLASK), ("requirements.txt", "flask\n")], &[]);
    golden("flask_dev", &[("app.py", FLASK), ("requirements.txt", "flask\ngunicorn\n"), dev], &["--python", "3.12"]);
    golden(
        "django",
        &[
            ("manage.py", MANAGE),
            ("shop/__init__.py", ""),
            ("shop/wsgi.py", WSGI),
            ("shop/settings.py", "DB = {'HOST': os.environ['DB_HOST'], 'PORT': os.environ.get('DB_PORT')}\n"),
            ("requirements/base.txt", "django>=5\npsycopg2==2.9\n"),
            ("requirements/dev.txt", "-r base.txt\n-c ../constraints.txt\ncelery[redis]\n"),
            ("constraints.txt", "django<6\n"),
            (".python-version", "3.11.4\n"),
            (".venv/pyvenv.cfg", ""),
        ],
        &[],
    );
    golden("fastapi", &[("src/shop/main.py", FASTAPI), ("requirements.txt", "fastapi\nasyncpg\nsqlalchemy\n")], &[]);
    let server = "from http.server import HTTPServer\nHTTPServer(('', 9000), Handler).serve_forever()\n";
    golden("http_server", &[("app.py", server)], &[]);
    golden("script", &[("job.py", "if __name__ == '__main__':\n    run()\n"), ("requirements.txt", "-e .\n")], &[]);
}

#[test]
fn projects_of_other_tools() {
    let project = "[project]\nname = \"shop\"\nversion = \"0\"\nrequires-python = \">=3.10,<3.13\"\ndependencies = [\"flask\", \"pymysql\"]\n";
    let groups = "[dependency-groups]\ndev = [\"pytest\"]\n";
    let build = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    let package = format!("{project}{groups}{build}");
    let plain = format!("{project}{groups}");
    let shop = ("src/shop/__init__.py", FLASK);
    golden("uv", &[("pyproject.toml", &package), ("uv.lock", "version = 1\n"), shop], &[]);
    golden("uv_unlocked", &[("pyproject.toml", &format!("{plain}[tool.uv]\n")), ("app.py", FLASK)], &[]);
    golden("pyproject", &[("pyproject.toml", &package), shop], &["--without", "mysql"]);
    let poetry = "[tool.poetry]\nname = \"shop\"\nversion = \"0\"\n[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"*\"\n";
    let lock = "# This file is automatically @generated by Poetry 2.1.3 and should not be changed by hand.\n";
    golden("poetry", &[("pyproject.toml", poetry), ("poetry.lock", lock), ("shop/__init__.py", FLASK)], &[]);
    golden("pdm", &[("pyproject.toml", &plain), ("pdm.lock", ""), ("app.py", FLASK)], &[]);
    let pipfile = "[packages]\nflask = \"*\"\n[requires]\npython_version = \"3.12\"\n";
    golden("pipenv", &[("Pipfile", pipfile), ("Pipfile.lock", "{}"), ("app.py", FLASK)], &[]);
    let conda = "name: shop\ndependencies:\n  - python=3.11\n  - flask\n  - pip:\n    - redis\n";
    golden("conda", &[("environment.yml", conda), ("app.py", FLASK)], &["--with", "redis:7.2"]);
}

/// Every kind of project above, written, then read by the rest of devbox.
#[test]
fn the_rest_of_devbox_reads_what_is_written() {
    let pyproject = "[project]\nname = \"shop\"\nversion = \"0\"\ndependencies = [\"flask\", \"psycopg[binary]\", \"redis\"]\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    let poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"*\"\n";
    let environment = "dependencies:\n  - flask\n";
    type Files<'f> = &'f [(&'f str, &'f str)];
    let cases: [(Files<'_>, &[&str]); 8] = [
        (&[("requirements.txt", "flask\npsycopg[binary]\nredis\nmysqlclient\n")], &["requirements.txt"]),
        (
            &[("requirements.txt", "flask\n"), ("requirements-dev.txt", "pytest\n")],
            &["requirements-dev.txt", "requirements.txt"],
        ),
        (&[("pyproject.toml", pyproject)], &["pyproject.toml"]),
        (&[("pyproject.toml", pyproject), ("uv.lock", "")], &["pyproject.toml", "uv.lock"]),
        (&[("pyproject.toml", pyproject), ("pdm.lock", "")], &["pdm.lock", "pyproject.toml"]),
        (&[("pyproject.toml", poetry), ("poetry.lock", "")], &["poetry.lock", "pyproject.toml"]),
        (&[("Pipfile", "[packages]\nflask = '*'\n"), ("Pipfile.lock", "{}")], &["Pipfile", "Pipfile.lock"]),
        (&[("environment.yml", environment)], &["environment.yml"]),
    ];
    for (files, expected) in cases {
        let project = TestProject::without_engine("init", files);
        project.write("app.py", FLASK);
        project.write(".git/HEAD", "");
        project.succeeds(&["init"]);
        let request = compose::Request { directory: project.path().to_owned(), ..compose::Request::default() };
        let loaded = compose::load(&request).unwrap_or_else(|error| panic!("{files:?}: {error}"));
        assert!(loaded.warnings.is_empty(), "{files:?}: {:?}", loaded.warnings);
        let web = &loaded.project.services["web"];
        assert!(web.ports.iter().all(|port| port.host_ip.as_deref() == Some("127.0.0.1")), "{:?}", web.ports);
        assert!(web.init == Some(true) && web.healthcheck.is_some());
        let waits = web.depends_on.values().all(|dependency| dependency.condition == Condition::Healthy);
        assert!(waits && web.depends_on.len() + 1 == loaded.project.services.len(), "{:?}", web.depends_on);
        let found = manifest::discover(web.build.as_ref().expect("a build"), &mut Reader::new());
        assert!(found.problem.is_none(), "{files:?}: {:?}", found.problem);
        let mut names: Vec<&str> = found.sources.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        names.retain(|name| *name != "Dockerfile");
        assert_eq!(names, expected, "what a change of is noticed");
        let hidden = manifest::mounts::hidden(&web.mounts, &found.environments);
        assert!(hidden.is_empty(), "{files:?}: {hidden:?}");
    }
}

#[test]
fn names_of_files_mean_themselves() {
    let serves = "HTTPServer(('', 8000), Handler).serve_forever()\n";
    let files = [
        ("my $HOME app.py", serves),
        ("requirements.txt", "-r more $x.txt\ngunicorn\n"),
        ("more $x.txt", "flask\n"),
        ("my env: $y/pyvenv.cfg", ""),
    ];
    let project = TestProject::without_engine("init", &files);
    project.succeeds(&["init"]);
    let request = compose::Request { directory: project.path().to_owned(), ..compose::Request::default() };
    let web = &compose::load(&request).expect("a project").project.services["web"];
    assert_eq!(web.tmpfs, ["/app/my env: $y"]);
    let dockerfile = fs::read_to_string(project.file("Dockerfile")).expect("a file");
    assert!(dockerfile.contains("CMD [\"python\", \"my $HOME app.py\"]\n"), "{dockerfile}");
    let found = manifest::discover(web.build.as_ref().expect("a build"), &mut Reader::new());
    let names: Vec<&str> = found.sources.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    assert_eq!(names, ["Dockerfile", "more $x.txt", "requirements.txt"], "{dockerfile}");
}

#[test]
fn what_is_there_is_kept_and_the_rest_fits() {
    let dockerfile = "FROM python:3.12-slim\nWORKDIR /srv/shop\nENV PATH=/srv/shop/.venv/bin:$PATH\nCOPY requirements.txt .\nRUN python -m venv .venv && pip install -r requirements.txt\nEXPOSE 5000\nCMD [\"flask\", \"run\"]\n";
    let files =
        [("app.py", FLASK), ("requirements.txt", "flask\n"), ("Dockerfile", dockerfile), (".dockerignore", ".git\n")];
    let project = TestProject::without_engine("init", &files);
    project.write(".env", "SECRET=x\n");
    let said = project.succeeds(&["init"]);
    assert!(
        said.contains("· Dockerfile kept as it is\n") && said.contains("✓ docker-compose.yaml written\n"),
        "{said}"
    );
    assert!(said.contains("· .dockerignore kept as it is; it lets .env into the image\n"), "{said}");
    let read = |name: &str| fs::read_to_string(project.file(name)).expect("a file");
    assert_eq!((read("Dockerfile").as_str(), read(".dockerignore").as_str()), (dockerfile, ".git\n"));
    let compose = read("docker-compose.yaml");
    for line in [
        "    build: .\n",
        "      - .:/srv/shop\n      # The image's own",
        "      - /srv/shop/.venv\n",
        ":-5000}:5000\"\n",
        "    user: \"${UID:-",
    ] {
        assert!(compose.contains(line), "{line:?} in {compose}");
    }
    assert!(!compose.contains("USER_UID") && !compose.contains("command:"), "{compose}");

    let said = project.succeeds(&["init", "--port", "7000"]);
    assert!(said.contains("Nothing to write: all files are there."), "{said}");
    assert_eq!(read("docker-compose.yaml"), compose);
}

#[test]
fn a_dockerfile_fits_the_compose_file_that_is_there() {
    for name in compose::FILE_NAMES {
        let file = "services: {site: {build: ., ports: ['127.0.0.1:80:8080'], volumes: ['.:/code']}}\n";
        let files = [("app.py", FLASK), ("requirements.txt", "flask\npsycopg[binary]\n"), (name, file)];
        let project = TestProject::without_engine("init", &files);
        let said = project.succeeds(&["init"]);
        assert!(said.contains(&format!("· {name} kept as it is; its site is built by Dockerfile\n")), "{said}");
        let dockerfile = fs::read_to_string(project.file("Dockerfile")).expect("a file");
        assert!(dockerfile.contains("WORKDIR /code\n") && dockerfile.contains("EXPOSE 8080\n"), "{dockerfile}");
        assert!(!project.file("docker-compose.yaml").exists() || *name == "docker-compose.yaml");
    }
    let files =
        [("app.py", FLASK), ("requirements.txt", "flask\n"), ("compose.yml", "services: {db: {image: postgres}}\n")];
    let project = TestProject::without_engine("init", &files);
    let said = project.succeeds(&["init"]);
    assert!(said.contains("put this below its `services:`\n\n  web:\n    build:\n"), "{said}");
    assert!(said.contains("Next: edit compose.yml, then `devbox up`."), "{said}");
}

#[test]
fn what_cannot_be_read_is_kept_and_said() {
    let files = [("app.py", FLASK), ("requirements.txt", "flask\n"), ("Dockerfile", "FRUM x\n")];
    let project = TestProject::without_engine("init", &files);
    let said = project.succeeds(&["init"]);
    assert!(said.contains("· Dockerfile kept as it is; it can't be read: "), "{said}");
    let files = [("app.py", FLASK), ("requirements.txt", "flask\n"), ("compose.yaml", "services: [\n")];
    let project = TestProject::without_engine("init", &files);
    let said = project.succeeds(&["init"]);
    assert!(said.contains("· compose.yaml kept as it is; it can't be read: "), "{said}");
    assert!(project.file("Dockerfile").exists());
}

#[test]
fn a_dry_run_and_a_failure_leave_nothing() {
    let project = TestProject::without_engine("init", &[("app.py", FLASK), ("requirements.txt", "flask\n")]);
    let names = || {
        let mut names: Vec<String> = fs::read_dir(project.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let said = project.succeeds(&["init", "--dry-run"]);
    assert!(said.contains("── Dockerfile ──") && said.ends_with("Nothing was written: --dry-run.\n"), "{said}");
    assert_eq!(names(), ["app.py", "requirements.txt"]);
    // A link that leads nowhere is there, and is not written through.
    std::os::unix::fs::symlink("/nonexistent/ignore", project.file(".dockerignore")).expect("a link");
    assert!(project.succeeds(&["init"]).contains("· .dockerignore kept as it is"));
    assert_eq!(names(), [".dockerignore", "Dockerfile", "app.py", "docker-compose.yaml", "requirements.txt"]);
}

#[test]
fn mistakes_are_named_with_their_place_and_what_to_do() {
    let pyproject = "[project]\nname = \"shop\"\nrequires-python = \">=3.12\"\ndependencies = [\"flask\"]\n";
    let files = [("app.py", FLASK), ("pyproject.toml", pyproject), ("requirements.txt", "flask\n")];
    let project = TestProject::without_engine("init", &files);
    let check = |args: &[&str], expected: &[&str]| {
        let error = project.fails(2, &[&["init"], args].concat());
        expected.iter().for_each(|part| assert!(error.contains(part), "{args:?}: {error}"));
        assert!(!project.file("Dockerfile").exists(), "{args:?} wrote something");
    };
    check(
        &["--python", "3.11"],
        &["ruled out by the project: it wants >=3.12", "pyproject.toml:3:1", "help: `--python 3.13` fits"],
    );
    check(&["--python", "snake"], &["error: `snake` is no version of Python", "help: `--python 3.13`"]);
    check(
        &["--manifest", "Pipfile"],
        &["Pipfile is no manifest of this folder", "help: there are pyproject.toml, requirements.txt"],
    );
    check(&["--app", "web.py"], &["there is no web.py", "help: programs here: app.py:app"]);
    check(&["--with", "oracle"], &["invalid value 'oracle'", "known are postgres, mysql and redis"]);
    check(&["--port", "0"], &["invalid value '0' for '--port"]);
    check(&["--template", "flask"], &["`--template flask` starts a new project, and there is one: app.py"]);
    let error = project.fails(2, &["-f", "x.yaml", "init"]);
    assert!(error.contains("`-f x.yaml` names a compose file"), "{error}");

    let facts = facts(&project, &["init", "--dry-run", "--format", "json"]);
    assert_eq!(warnings(&facts), ["pyproject.toml is taken, and there is requirements.txt as well"]);
    project.write("pyproject.toml", "[project\n");
    check(&["--manifest", "pyproject.toml"], &["pyproject.toml can't be understood", "pyproject.toml:1:9"]);

    let other = TestProject::without_engine("init", &[("package.json", "{}\n")]);
    let error = other.fails(2, &["init"]);
    assert!(error.contains("there is no Python project in ") && error.contains("--template flask"), "{error}");
    other.succeeds(&["init", "--template", "flask"]);
    assert!(other.file("app.py").exists());
}

#[test]
fn an_empty_folder_becomes_a_project() {
    for (template, files) in [
        ("flask", &["app.py", "requirements.txt"][..]),
        ("fastapi", &["main.py", "requirements.txt"]),
        ("script", &["main.py", "requirements.txt"]),
    ] {
        let project = TestProject::without_engine("init", &[("README.md", "# new\n"), (".gitignore", "")]);
        let args: &[&str] = if template == "flask" { &["init"] } else { &["init", "--template", template] };
        let said = project.succeeds(args);
        for name in files.iter().chain(&["Dockerfile", "docker-compose.yaml", ".dockerignore"]) {
            assert!(project.file(name).exists() && said.contains(&format!("✓ {name} written\n")), "{name}: {said}");
        }
        project.succeeds(&["config", "-q"]);
    }
    let project = TestProject::without_engine("init", &[]);
    project.succeeds(&["init", "--with", "redis,postgres:16"]);
    let requirements = fs::read_to_string(project.file("requirements.txt")).expect("a file");
    assert_eq!(requirements, "flask>=3.1,<4\nredis\npsycopg[binary]\n");
    assert!(fs::read_to_string(project.file("docker-compose.yaml")).expect("a file").contains("image: postgres:16\n"));
}

#[test]
fn files_belong_to_whom_the_folder_belongs() {
    let project = TestProject::without_engine("init", &[("app.py", FLASK), ("requirements.txt", "flask\n")]);
    give_away(&project);
    project.succeeds(&["init"]);
    let folder = fs::metadata(project.path()).expect("the folder");
    for name in ["Dockerfile", "docker-compose.yaml", ".dockerignore"] {
        let file = fs::metadata(project.file(name)).expect("a file");
        assert_eq!((file.uid(), file.gid()), (folder.uid(), folder.gid()), "{name}");
        assert_eq!(file.permissions().mode() & 0o777, 0o644, "{name}");
    }
    let compose = fs::read_to_string(project.file("docker-compose.yaml")).expect("a file");
    assert!(compose.contains(&format!("USER_UID: ${{UID:-{}}}", folder.uid())), "{compose}");
}

#[test]
fn a_terminal_is_asked_for_each_database() {
    let files = [("app.py", FLASK), ("requirements.txt", "flask\npsycopg[binary]\nredis\n")];
    let project = TestProject::without_engine("init", &files);
    let mut terminal = Terminal::devbox(&project, &["init"], 100, 40);
    terminal.shows("psycopg[binary] in requirements.txt:2 (PostgreSQL): add a db service? [Y/n]");
    terminal.send("what\r");
    terminal.send("\r");
    terminal.shows("redis in requirements.txt:3 (Redis): add a redis service? [Y/n]");
    terminal.send("n\r");
    assert_eq!(terminal.wait().exit_code(), 0);
    let compose = fs::read_to_string(project.file("docker-compose.yaml")).expect("a file");
    assert!(compose.contains("image: postgres:15\n") && !compose.contains("redis"), "{compose}");

    let project = TestProject::without_engine("init", &files);
    let mut terminal = Terminal::devbox(&project, &["init"], 100, 40);
    terminal.shows("[Y/n]");
    terminal.send("\u{4}");
    assert_ne!(terminal.wait().exit_code(), 0);
    assert!(!project.file("Dockerfile").exists(), "no answer writes nothing");
}
