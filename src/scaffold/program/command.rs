//! The commands that run a program: while developing, and where it is served.

use super::{
    Framework, Program,
    candidate::{Candidate, CandidateKind},
};
use crate::scaffold::{
    Survey,
    install::Packages,
    source::{Application, Source},
};

/// A command's words. Names of files are one word each, whatever is in them.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// The folder that a file's module is imported from, and the module's dotted name.
///
/// The folder is the first without an `__init__.py`, unless the file imports its own folder by name or lies below `src`: then that
/// folder is a package all the same.
fn module(survey: &Survey, source: &Source) -> (Option<String>, String) {
    let mut parts: Vec<&str> = source.path.trim_end_matches(".py").split('/').collect();
    let mut name: Vec<&str> = vec![parts.pop().unwrap_or_default()];
    while let Some(folder) = parts.last() {
        let above = &parts[..parts.len() - 1];
        if !(survey.is_package(&parts.join("/")) || source.imports.contains(*folder) || above == ["src"]) {
            break;
        }
        name.insert(0, folder);
        parts.pop();
    }
    if name.len() > 1 && name.last() == Some(&"__init__") {
        name.pop();
    }
    let root = (!parts.is_empty()).then(|| parts.join("/"));
    (root, name.join("."))
}

/// The program that a candidate is.
pub(super) fn program(
    survey: &Survey,
    packages: &Packages,
    candidate: Candidate<'_>,
    port: Option<u16>,
    because: String,
) -> Program {
    let source = candidate.source;
    let path = &source.path;
    let of = |framework: Framework| Program {
        title: framework.name().to_owned(),
        framework: Some(framework),
        because: because.clone(),
        port: Some(port.unwrap_or(framework.port())),
        reloads: true,
        ..Program::default()
    };
    match candidate.kind {
        CandidateKind::Manage => {
            let program = of(Framework::Django);
            let port = program.port.unwrap_or_default();
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            let production =
                django_wsgi(survey, path).filter(|_| packages.has("gunicorn")).map(|object| gunicorn(&object, port));
            Program {
                command: words(["python", path, "runserver", &format!("0.0.0.0:{port}")]),
                production,
                root: folder,
                ..program
            }
        }
        CandidateKind::Application(framework, app) => {
            application(survey, packages, source, framework, app, of(framework))
        }
        CandidateKind::Streamlit => {
            let program = of(Framework::Streamlit);
            let port = program.port.unwrap_or_default();
            let port = format!("--server.port={port}");
            let command = ["streamlit", "run", path, "--server.address=0.0.0.0", &port, "--server.headless=true"];
            Program { command: words(command), ..program }
        }
        CandidateKind::Server => {
            let server = source.server.as_ref();
            let aiohttp = server.is_some_and(|server| server.kind == "aiohttp");
            let written = server.and_then(|server| server.port);
            let usual = if aiohttp { Framework::Aiohttp.port() } else { 8000 };
            Program {
                title: server.map_or("a server", |server| server.kind).to_owned(),
                framework: aiohttp.then_some(Framework::Aiohttp),
                because,
                command: script(survey, source),
                port: Some(port.or(written).unwrap_or(usual)),
                root: script_root(survey, source),
                ..Program::default()
            }
        }
        CandidateKind::Script => Program {
            title: "a script".to_owned(),
            because,
            command: script(survey, source),
            port,
            root: script_root(survey, source),
            ..Program::default()
        },
    }
}

/// `python app.py`, or `python -m shop` for a package.
fn script(survey: &Survey, source: &Source) -> Vec<String> {
    match module(survey, source) {
        (_, name) if source.path.ends_with("/__main__.py") => {
            words(["python", "-m", name.trim_end_matches(".__main__")])
        }
        (_, name) if name.contains('.') => words(["python", "-m", &name]),
        _ => words(["python", &source.path]),
    }
}

/// Python looks beside a script for its modules, and in the working folder for `-m`.
fn script_root(survey: &Survey, source: &Source) -> Option<String> {
    let (root, name) = module(survey, source);
    root.filter(|_| name.contains('.') || source.path.ends_with("/__main__.py"))
}

/// `wsgi.py` beside manage.py, or in the folder of the settings.
fn django_wsgi(survey: &Survey, manage: &str) -> Option<String> {
    let folder = manage.strip_suffix("manage.py")?;
    let mut found =
        survey.sources.iter().filter(|source| source.path.starts_with(folder) && source.path.ends_with("wsgi.py"));
    let path = found.find(|source| !source.applications.is_empty())?.path.strip_prefix(folder)?;
    Some(format!("{}:application", path.trim_end_matches(".py").replace('/', ".")))
}

fn gunicorn(object: &str, port: u16) -> Vec<String> {
    // Its heartbeat file on a disk can block a worker: https://docs.gunicorn.org/en/stable/faq.html
    words(["gunicorn", "--bind", &format!("0.0.0.0:{port}"), "--worker-tmp-dir", "/dev/shm", object])
}

fn application(
    survey: &Survey,
    packages: &Packages,
    source: &Source,
    framework: Framework,
    app: &Application,
    base: Program,
) -> Program {
    let port = base.port.unwrap_or_default();
    let (root, module) = module(survey, source);
    let object = format!("{module}:{}", app.name);
    let called = if app.factory { format!("{object}()") } else { object.clone() };
    let production = Some(gunicorn(&called, port)).filter(|_| packages.has("gunicorn"));
    let uvicorn = packages.has("uvicorn")
        || packages.has_extra("fastapi", &["standard", "all"])
        || packages.has_extra("litestar", &["standard", "full"])
        || packages.has("fastapi-cli");
    match framework {
        Framework::Flask => Program {
            command: words([
                "flask",
                "--app",
                &object,
                "run",
                "--debug",
                "--host",
                "0.0.0.0",
                "--port",
                &port.to_string(),
            ]),
            production,
            root,
            ..base
        },
        Framework::Quart => Program {
            // The server that Quart itself depends on.
            command: words(["hypercorn", "--reload", "--bind", &format!("0.0.0.0:{port}"), &called]),
            root,
            ..base
        },
        // Its WSGI module, of a project without manage.py.
        Framework::Django => match (packages.has("gunicorn"), source.path.ends_with("asgi.py")) {
            (true, false) => Program { command: gunicorn(&object, port), root, reloads: false, ..base },
            _ => Program {
                command: uvicorn_command(&object, false, port),
                root,
                server: (!uvicorn).then_some("uvicorn"),
                ..base
            },
        },
        _ => Program {
            command: uvicorn_command(&object, app.factory, port),
            root,
            server: (!uvicorn).then_some("uvicorn"),
            ..base
        },
    }
}

fn uvicorn_command(object: &str, factory: bool, port: u16) -> Vec<String> {
    let port = port.to_string();
    let mut command = words(["uvicorn", "--reload", "--host", "0.0.0.0", "--port", &port]);
    command.extend(factory.then(|| "--factory".to_owned()));
    command.push(object.to_owned());
    command
}
