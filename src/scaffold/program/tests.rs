//! The programs that are found in projects of all kinds.

use super::*;
use crate::scaffold::source::Source;

/// `title: command | production | port | PYTHONPATH | server`, then the warnings.
#[track_caller]
fn check(requirements: &str, files: &[(&str, &str)], wanted: &Wanted<'_>, expected: &str) {
    let sources = files.iter().map(|(path, text)| Source::read(path, text)).collect();
    let survey = Survey { sources, ..Survey::default() };
    let packages = Packages::of_requirements(requirements);
    let shown = match find(&survey, &packages, wanted) {
        Err(error) => error.to_string(),
        Ok((program, notes)) => {
            let mut shown = format!("{}: {}", program.title, program.command.join(" "));
            if let Some(production) = &program.production {
                shown.push_str(&format!(" | {}", production.join(" ")));
            }
            shown.push_str(&program.port.map_or_else(String::new, |port| format!(" | {port}")));
            shown.push_str(&program.root.map_or_else(String::new, |root| format!(" | in {root}")));
            shown.push_str(&program.server.map_or_else(String::new, |server| format!(" | + {server}")));
            notes.iter().for_each(|note| shown.push_str(&format!("\n{}", note.what)));
            shown
        }
    };
    assert_eq!(shown, expected, "{files:?}");
}

const FLASK: &str = "from flask import Flask\napp = Flask(__name__)\n";
const FASTAPI: &str = "from fastapi import FastAPI\napp = FastAPI()\n";
const NONE: Wanted<'_> = Wanted { app: None, port: None };

#[test]
fn flask() {
    let run = "run --debug --host 0.0.0.0 --port 8000 | 8000";
    check("flask\n", &[("app.py", FLASK)], &NONE, &format!("Flask: flask --app app:app {run}"));
    check("flask\n", &[("src/shop/__init__.py", FLASK)], &NONE, &format!("Flask: flask --app shop:app {run} | in src"));
    let factory = "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n";
    check("flask\n", &[("shop/__init__.py", factory)], &NONE, &format!("Flask: flask --app shop:create_app {run}"));
    let made = "from shop import create_app\napp = create_app()\n";
    check(
        "flask\ngunicorn\n",
        &[("shop/__init__.py", factory), ("wsgi.py", made)],
        &NONE,
        "Flask: flask --app wsgi:app run --debug --host 0.0.0.0 --port 8000 | gunicorn --bind 0.0.0.0:8000 --worker-tmp-dir /dev/shm wsgi:app | 8000",
    );
}

#[test]
fn the_others() {
    let run = "--reload --host 0.0.0.0 --port 8000";
    check("fastapi[standard]\n", &[("main.py", FASTAPI)], &NONE, &format!("FastAPI: uvicorn {run} main:app | 8000"));
    check(
        "fastapi\n",
        &[("app/main.py", FASTAPI)],
        &NONE,
        &format!("FastAPI: uvicorn {run} main:app | 8000 | in app | + uvicorn"),
    );
    let own = format!("from app.routes import x\n{FASTAPI}");
    check(
        "fastapi\nuvicorn\n",
        &[("app/main.py", &own)],
        &NONE,
        &format!("FastAPI: uvicorn {run} app.main:app | 8000"),
    );
    let factory = "import fastapi\ndef create_app() -> fastapi.FastAPI:\n    return fastapi.FastAPI()\n";
    check(
        "fastapi\nuvicorn\n",
        &[("main.py", factory)],
        &NONE,
        &format!("FastAPI: uvicorn {run} --factory main:create_app | 8000"),
    );
    check(
        "aiohttp\n",
        &[("app.py", "from aiohttp import web\nweb.run_app(app)\n")],
        &NONE,
        "aiohttp: python app.py | 8080",
    );
    check(
        "streamlit\n",
        &[("app.py", "import streamlit as st\n")],
        &NONE,
        "Streamlit: streamlit run app.py --server.address=0.0.0.0 --server.port=8501 --server.headless=true | 8501",
    );
    check(
        "quart\n",
        &[("app.py", "app = Quart(__name__)\n")],
        &NONE,
        "Quart: hypercorn --reload --bind 0.0.0.0:8000 app:app | 8000",
    );
}

#[test]
fn django() {
    let manage = ("manage.py", "execute_from_command_line(sys.argv)\n");
    let wsgi = ("shop/wsgi.py", "application = get_wsgi_application()\n");
    check("django\n", &[manage, wsgi], &NONE, "Django: python manage.py runserver 0.0.0.0:8000 | 8000");
    check(
        "django\ngunicorn\n",
        &[("web/manage.py", manage.1), ("web/shop/wsgi.py", wsgi.1)],
        &Wanted { port: Some(9000), app: None },
        "Django: python web/manage.py runserver 0.0.0.0:9000 | gunicorn --bind 0.0.0.0:9000 --worker-tmp-dir /dev/shm shop.wsgi:application | 9000 | in web",
    );
}

#[test]
fn scripts() {
    let server = "HTTPServer(('', 8123), H).serve_forever()\n";
    check("", &[("app.py", server), ("other.py", "")], &NONE, "http.server: python app.py | 8123");
    check(
        "",
        &[("jobs.py", "if __name__ == '__main__':\n    run()\n"), ("x.py", "")],
        &NONE,
        "a script: python jobs.py",
    );
    check("", &[("only.py", "print(1)\n")], &NONE, "a script: python only.py");
    check("", &[("shop/__init__.py", ""), ("shop/__main__.py", "")], &NONE, "a script: python -m shop");
    check(
        "",
        &[("src/shop/__init__.py", ""), ("src/shop/__main__.py", "")],
        &NONE,
        "a script: python -m shop | in src",
    );
    check("", &[], &NONE, "no program: sleep infinity");
    let found = find(
        &Survey { sources: vec![Source::read("my app.py", "")], ..Survey::default() },
        &Packages::default(),
        &NONE,
    );
    assert_eq!(
        found.map(|(program, _)| program.command).ok(),
        Some(words(["python", "my app.py"])),
        "a name is one word"
    );
}

#[test]
fn doubts_are_named_with_the_flag() {
    check(
        "flask\n",
        &[("admin.py", FLASK), ("app.py", FLASK)],
        &NONE,
        "Flask: flask --app app:app run --debug --host 0.0.0.0 --port 8000 | 8000\napp.py:app is taken, and there is admin.py:app as well",
    );
    let admin = Wanted { app: Some("admin.py"), port: None };
    check(
        "flask\n",
        &[("admin.py", FLASK), ("app.py", FLASK)],
        &admin,
        "Flask: flask --app admin:app run --debug --host 0.0.0.0 --port 8000 | 8000",
    );
    let dotted = Wanted { app: Some("shop.web:api"), port: None };
    check(
        "fastapi\nuvicorn\n",
        &[("shop/web.py", "")],
        &dotted,
        "FastAPI: uvicorn --reload --host 0.0.0.0 --port 8000 web:api | 8000 | in shop",
    );
    let missing = Wanted { app: Some("nope.py"), port: None };
    check("", &[("app.py", FLASK)], &missing, "`--app nope.py`: there is no nope.py");
    check(
        "flask\n",
        &[("app.py", "print(1)\n")],
        &NONE,
        "a script: python app.py\nFlask is listed, but no application of it was found",
    );
}
