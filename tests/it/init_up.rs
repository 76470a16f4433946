//! `init` and then `up`, on a real engine and with a real index: what was a virtualenv's project answers over HTTP, its files stay its
//! developer's, and the rest of devbox works on it.

use std::{fs, io::Write, net::TcpListener, os::unix::fs::MetadataExt, process::Stdio};

use crate::support::{http, project::TestProject, wait};

const FLASK: &str = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.get('/')\ndef hello():\n    return 'hello from the shop'\n";

/// A project in a folder of a developer who is not root, published on a port of its own.
struct Shop {
    project: TestProject,
    port: u16,
}

impl Shop {
    fn new(subject: &str, files: &[(&str, &str)]) -> Option<Shop> {
        let project = TestProject::new(subject, files)?;
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        Some(Shop { project, port })
    }

    /// Runs `devbox ARGS` as the developer, which must succeed, and gives its standard output.
    fn devbox(&self, args: &[&str]) -> String {
        let (mut command, _) = self.project.devbox_as_user(args);
        let output = command.stdin(Stdio::null()).output().expect("devbox runs");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "devbox {args:?}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    /// Where the program is published: a variable of the compose file.
    fn publish(&self) {
        self.project.write(".env", &format!("WEB_PORT={}\n", self.port));
    }

    /// The body of an answer with status 200.
    fn get(&self, path: &str) -> String {
        wait::until("an answer over HTTP", || {
            let answer = http::answer(self.port, &http::get(path))?;
            let (head, body) = answer.split_once("\r\n\r\n")?;
            head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
        })
    }

    /// Every file of the folder belongs to its developer, whatever wrote it.
    fn belongs_to_its_developer(&self) {
        let owner = fs::metadata(self.project.path()).expect("the folder").uid();
        assert_ne!(owner, 0);
        let mut open = vec![self.project.path().to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let meta = entry.metadata().expect("its metadata");
                assert_eq!(meta.uid(), owner, "{}", entry.path().display());
                if meta.is_dir() {
                    open.push(entry.path());
                }
            }
        }
    }

    fn imports(&self, module: &str) -> bool {
        self.project.run(&["exec", "-T", "web", "python", "-c", &format!("import {module}")]).status.success()
    }

    /// Takes everything down, and nothing is left.
    fn down(&self) {
        self.devbox(&["down", "-v", "-y"]);
        assert_eq!(self.project.on_engine(), [] as [&str; 0]);
    }
}

#[test]
fn two_commands_from_a_virtualenv() {
    let Some(shop) = Shop::new("init", &[("app.py", FLASK), ("requirements.txt", "flask\n")]) else { return };
    let project = &shop.project;
    let said = shop.devbox(&["init"]);
    assert!(said.contains("Next: `devbox up`, and http://127.0.0.1:8000 answers."), "{said}");
    shop.publish();
    shop.devbox(&["up", "-d"]);
    assert_eq!(shop.get("/"), "hello from the shop");

    // A saved file is served, since the reloader sees it through the mount.
    project.write("app.py", &FLASK.replace("'hello", "'good day"));
    wait::until("the new text", || shop.get("/").starts_with("good day").then_some(()));
    shop.devbox(&["run", "--rm", "-T", "web", "python", "-c", "open('written', 'w')"]);
    let (mut shell, _) = project.devbox_as_user(&["shell"]);
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a shell");
    shell.stdin.take().expect("its input").write_all(b"mkdir made && touch made/here\n").expect("a command");
    assert!(shell.wait().expect("its end").success());
    shop.devbox(&["add", "humanize"]);
    assert!(shop.imports("humanize"));
    assert!(project.file("made/here").exists() && project.file("written").exists());
    shop.devbox(&["remove", "humanize"]);
    shop.belongs_to_its_developer();
    project.write("requirements.txt", "flask\niniconfig\n");
    assert!(shop.devbox(&["rebuild"]).contains("web"), "the change is noticed");
    assert!(shop.imports("iniconfig"));
    shop.down();
}

#[test]
fn an_empty_folder_becomes_a_django_project_on_postgres() {
    let Some(shop) = Shop::new("initdj", &[]) else { return };
    let project = &shop.project;
    let said = shop.devbox(&["init", "--template", "django", "--with", "postgres:15"]);
    assert!(said.contains("✓ django-admin startproject config . in a container\n"), "{said}");
    shop.belongs_to_its_developer();
    let settings = fs::read_to_string(project.file("config/settings.py")).expect("Django's settings");
    assert!(settings.contains("django.db.backends.postgresql"), "{settings}");
    assert!(!project.on_engine().iter().any(|name| name.contains("-run-")), "no container stays");
    shop.publish();
    shop.devbox(&["up", "-d"]);
    shop.devbox(&["run", "--rm", "-T", "web", "python", "manage.py", "migrate"]);
    assert!(shop.get("/").contains("The install worked successfully"));
    // The login page looks its session up in the database.
    assert!(shop.get("/admin/login/").contains("csrfmiddlewaretoken"));

    // The same project, had it been made elsewhere.
    for name in ["Dockerfile", "docker-compose.yaml", ".dockerignore"] {
        fs::remove_file(project.file(name)).expect("a file");
    }
    let said = shop.devbox(&["init"]);
    assert!(said.contains("Django") && said.contains("manage.py; django in requirements.txt:1"), "{said}");
    assert!(said.contains("postgres:15") && said.contains("psycopg[binary] in requirements.txt:2"), "{said}");
    let again = shop.devbox(&["up", "-d"]);
    assert!(again.contains("nothing to do"), "the same files again: {again}");
    shop.down();
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    let Some(shop) = Shop::new("initno", &[]) else { return };
    let error = shop.project.fails(3, &["-H", "unix:///nonexistent/docker.sock", "init", "--template", "django"]);
    assert!(error.contains("/nonexistent/docker.sock"), "{error}");
    assert_eq!(fs::read_dir(shop.project.path()).expect("the folder").count(), 0);
}

#[test]
fn a_fastapi_project_starts_and_answers() {
    let Some(shop) = Shop::new("initfa", &[]) else { return };
    shop.devbox(&["init", "--template", "fastapi"]);
    shop.publish();
    shop.devbox(&["up", "-d"]);
    assert_eq!(shop.get("/"), "{\"message\":\"Hello from FastAPI\"}");
    shop.down();
}

/// A project of a tool's: first without its lock, then with the one that the tool makes in the container.
fn of_tool(subject: &str, manifest: (&str, &str), lock: &str, make: &[&str], app: &str) {
    let Some(shop) = Shop::new(subject, &[manifest, (app, FLASK)]) else { return };
    let project = &shop.project;
    shop.devbox(&["init"]);
    shop.publish();
    shop.devbox(&[&["run", "--rm", "-T", "web"], make].concat());
    for name in ["Dockerfile", "docker-compose.yaml"] {
        fs::remove_file(project.file(name)).expect("a file");
    }
    let said = shop.devbox(&["init"]);
    assert!(said.contains(&format!("{} and {lock}", manifest.0)), "{said}");
    shop.devbox(&["up", "-d"]);
    assert_eq!(shop.get("/"), "hello from the shop");
    let said = shop.devbox(&["add", "humanize"]);
    assert!(said.contains(&format!("{lock}  + humanize")), "{said}");
    assert!(shop.imports("humanize"));
    shop.devbox(&["lock", "-U", "--no-build"]);
    shop.devbox(&["remove", "--no-build", "humanize"]);
    shop.belongs_to_its_developer();
    shop.down();
}

#[test]
fn a_uv_package_answers() {
    let project = "[project]\nname = \"shop\"\nversion = \"0.1\"\nrequires-python = \">=3.12\"\ndependencies = [\"flask\"]\n\n\
                   [dependency-groups]\ndev = [\"iniconfig\"]\n\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    of_tool("inituv", ("pyproject.toml", project), "uv.lock", &["uv", "lock"], "src/shop/__init__.py");
}

#[test]
fn a_poetry_project_answers() {
    let project = "[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11,<4\"\ndependencies = [\"flask\"]\n\n\
                   [tool.poetry]\npackage-mode = false\n\n\
                   [[tool.poetry.source]]\nname = \"main\"\nurl = \"https://pypi.org/simple/\"\npriority = \"primary\"\n";
    of_tool("initpo", ("pyproject.toml", project), "poetry.lock", &["poetry", "lock", "--no-interaction"], "app.py");
}

#[test]
fn a_pipenv_project_answers() {
    let pipfile = "[[source]]\nurl = \"https://pypi.org/simple\"\nverify_ssl = true\nname = \"pypi\"\n\n\
                   [packages]\nflask = \"*\"\n\n[dev-packages]\n\n[requires]\npython_version = \"3.13\"\n";
    of_tool("initpi", ("Pipfile", pipfile), "Pipfile.lock", &["pipenv", "lock"], "app.py");
}

#[test]
fn a_plain_pyproject_answers() {
    let text = "[project]\nname = \"shop\"\nversion = \"0.1\"\ndependencies = [\"flask\"]\n\n[project.optional-dependencies]\ndev = [\"iniconfig\"]\n\n\
                [build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n";
    let Some(shop) = Shop::new("initpp", &[("pyproject.toml", text), ("src/shop/__init__.py", FLASK)]) else { return };
    shop.devbox(&["init"]);
    shop.publish();
    shop.devbox(&["up", "-d"]);
    assert_eq!(shop.get("/"), "hello from the shop");
    assert!(shop.imports("iniconfig"));
    shop.devbox(&["add", "humanize"]);
    assert!(shop.imports("humanize"));
    shop.down();
}
