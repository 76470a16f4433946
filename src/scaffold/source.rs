//! What a Python file says of the program it is part of, line by line: application objects, factories, ports, a main guard, the
//! variables it takes from the environment.
//!
//! Read by pattern, never run and never parsed as Python: what a pattern misses, `--app` and `--port` say. Only what stands at the
//! margin counts as an application, so that a test's or a function's own is none.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::program::Framework;

/// An application object, or a function that makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Which framework's; `None` where another function makes it (`app = create_app()`).
    pub framework: Option<Framework>,
    /// The name in its module.
    pub name: String,
    /// It is called to get the application.
    pub factory: bool,
    /// Counted from 1.
    pub line: u32,
}

/// A server that a script starts by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// What it is: `http.server`, `aiohttp`.
    pub kind: &'static str,
    /// Its port, where that is written.
    pub port: Option<u16>,
    /// It listens on the loopback address, where nobody outside of the container reaches it.
    pub loopback: bool,
    /// Counted from 1.
    pub line: u32,
}

/// What one file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Relative to the project's folder, with slashes.
    pub path: String,
    /// Application objects and factories, in the file's order.
    pub applications: Vec<Application>,
    /// A server that it starts.
    pub server: Option<Server>,
    /// The line of `if __name__ == "__main__"`.
    pub main: Option<u32>,
    /// It is Django's `manage.py`.
    pub manage: bool,
    /// The first parts of the modules that it imports.
    pub imports: BTreeSet<String>,
    /// The variables that it takes from the environment.
    pub variables: BTreeSet<String>,
    /// The first line that names a database or a cache at `localhost`, and its text.
    pub localhost: Option<(u32, String)>,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(
    CONSTRUCTED,
    r"^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)*(Flask|APIFlask|OpenAPI|FastAPI|Starlette|Quart|Litestar|Sanic)\("
);
pattern!(DJANGO, r"^(\w+)\s*=\s*get_(wsgi|asgi)_application\(");
pattern!(MADE, r"^(app|application|api|server)\s*(?::[^=]+)?=\s*(?:\w+\.)*(?:create|make|build|get)_\w*app\w*\(");
pattern!(FACTORY, r"^(?:async\s+)?def\s+((?:create|make|build|get)_app(?:lication)?|app_factory)\(([^)]*)");
pattern!(MAIN, r#"^if\s+__name__\s*==\s*["']__main__["']"#);
pattern!(IMPORT, r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+(?:\s*,\s*[\w.]+)*))");
pattern!(
    VARIABLE,
    r#"(?:environ(?:\.get|\.setdefault)?|getenv|\benv(?:\.\w+)?|\bconfig)\s*[\(\[]\s*["']([A-Z][A-Z0-9_]+)["']"#
);
pattern!(HTTP_SERVER, r#"(?:HTTPServer|TCPServer|WSGIServer)\(\s*\(\s*(["'][^"']*["']|[\w.]+)\s*,\s*(\w+)"#);
pattern!(MAKE_SERVER, r#"make_server\(\s*(?:host\s*=\s*)?(["'][^"']*["']|[\w.]+)\s*,\s*(?:port\s*=\s*)?(\w+)"#);
pattern!(RUN_APP, r"\brun_app\(");
pattern!(PORT, r#"(?i)\bport\b["']?\s*(?::\s*int\s*)?[=,:]\s*(?:int\(\s*)?["']?(\d{2,5})\b"#);
pattern!(LOOPBACK, r#"\bhost\s*=\s*["'](?:localhost|127\.0\.0\.1)["']"#);
pattern!(
    LOCALHOST,
    r#"(?i)(?:["']HOST["']\s*:\s*["'](?:localhost|127\.0\.0\.1)["']|(?:postgres\w*|mysql|mariadb|rediss?)(?:\+\w+)?://(?:[^"'\s]*@)?(?:localhost|127\.0\.0\.1)\b)"#
);

fn captures<'t>(pattern: &LazyLock<Option<Regex>>, text: &'t str) -> Option<regex::Captures<'t>> {
    pattern.as_ref()?.captures(text)
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

impl Source {
    /// Reads a file's text.
    pub fn read(path: &str, text: &str) -> Source {
        let mut source = Source { path: path.to_owned(), ..Source::default() };
        let mut port = None;
        let mut loopback = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim_start().starts_with('#') {
                continue;
            }
            source.application(line, number);
            source.imported(line);
            if source.main.is_none() && matches(&MAIN, line) {
                source.main = Some(number);
            }
            for found in VARIABLE.iter().flat_map(|pattern| pattern.captures_iter(line)) {
                source.variables.insert(found[1].to_owned());
            }
            if source.localhost.is_none() && matches(&LOCALHOST, line) {
                source.localhost = Some((number, line.to_owned()));
            }
            if let Some(found) = captures(&PORT, line) {
                port = port.or_else(|| found[1].parse().ok());
            }
            loopback |= matches(&LOOPBACK, line);
            source.serves(line, number);
        }
        if let Some(server) = &mut source.server {
            // A name stands there, or nothing: the number is elsewhere in the file.
            server.port = server.port.or(port);
            server.loopback |= server.kind == "aiohttp" && loopback;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        source.manage = name == "manage.py" && text.contains("execute_from_command_line");
        source
    }

    fn application(&mut self, line: &str, number: u32) {
        let mut add = |framework, name: &str, factory| {
            self.applications.push(Application { framework, name: name.to_owned(), factory, line: number });
        };
        if let Some(found) = captures(&CONSTRUCTED, line) {
            add(Framework::of_constructor(&found[2]), &found[1], false);
        } else if let Some(found) = captures(&DJANGO, line) {
            add(Some(Framework::Django), &found[1], false);
        } else if let Some(found) = captures(&MADE, line) {
            add(None, &found[1], false);
        } else if let Some(found) = captures(&FACTORY, line) {
            // One that wants arguments can't be called by a server.
            let arguments = found[2].split(',').filter(|argument| !argument.trim().is_empty());
            if arguments.clone().all(|argument| argument.contains('=') || argument.trim_start().starts_with('*')) {
                add(None, &found[1], true);
            }
        }
    }

    fn imported(&mut self, line: &str) {
        let Some(found) = captures(&IMPORT, line) else { return };
        let names = found.get(1).or_else(|| found.get(2)).map_or("", |names| names.as_str());
        let first = |name: &str| name.trim().split('.').next().unwrap_or("").to_owned();
        self.imports.extend(names.split(',').map(first).filter(|name| !name.is_empty()));
    }

    fn serves(&mut self, line: &str, number: u32) {
        if self.server.is_some() {
            return;
        }
        let own = captures(&HTTP_SERVER, line).or_else(|| captures(&MAKE_SERVER, line));
        if let Some(found) = own {
            let loopback = matches!(found[1].trim_matches(['"', '\'']), "localhost" | "127.0.0.1");
            let port = found[2].parse().ok();
            self.server = Some(Server { kind: "http.server", port, loopback, line: number });
        } else if matches(&RUN_APP, line) {
            self.server = Some(Server { kind: "aiohttp", port: None, loopback: false, line: number });
        }
    }

    /// The framework whose modules it imports.
    pub fn imported_framework(&self) -> Option<Framework> {
        Framework::ALL.into_iter().find(|framework| self.imports.contains(framework.module()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applications(text: &str) -> Vec<String> {
        let read = Source::read("app.py", text);
        let shown = |app: &Application| {
            let framework = app.framework.map_or("?", Framework::name);
            format!("{}:{framework} {}{}", app.line, app.name, if app.factory { "()" } else { "" })
        };
        read.applications.iter().map(shown).collect()
    }

    #[test]
    fn application_objects_stand_at_the_margin() {
        let check = |text: &str, expected: &[&str]| assert_eq!(applications(text), expected, "{text}");
        check("from flask import Flask\n\napp = Flask(__name__)\n", &["3:Flask app"]);
        check("import fastapi\napi: fastapi.FastAPI = fastapi.FastAPI(title='x')\n", &["2:FastAPI api"]);
        check("application = get_wsgi_application()\n", &["1:Django application"]);
        check("app = create_app()\n", &["1:? app"]);
        check("def create_app(config=None):\n    app = Flask(__name__)\n    return app\n", &["1:? create_app()"]);
        check("def create_app(config):\n    return Flask(config)\n", &[]);
        check("# app = Flask(__name__)\ndef test():\n    app = Flask(__name__)\n", &[]);
        check("app = Starlette(routes=[])", &["1:Starlette app"]);
    }

    #[test]
    fn servers_have_their_port_and_address() {
        let check = |text: &str, expected: Option<(&str, Option<u16>, bool)>| {
            let server = Source::read("app.py", text).server;
            assert_eq!(server.map(|server| (server.kind, server.port, server.loopback)), expected, "{text}");
        };
        check("HTTPServer(('', 8000), Handler).serve_forever()", Some(("http.server", Some(8000), false)));
        check(
            "PORT = 9000\nwith socketserver.TCPServer((\"127.0.0.1\", PORT), H) as s:\n",
            Some(("http.server", Some(9000), true)),
        );
        check(
            "port = int(os.environ.get('PORT', '8080'))\nThreadingHTTPServer((host, port), H)",
            Some(("http.server", Some(8080), false)),
        );
        check("make_server('0.0.0.0', 7000, app)", Some(("http.server", Some(7000), false)));
        check("web.run_app(app, host='127.0.0.1', port=9090)", Some(("aiohttp", Some(9090), true)));
        check("web.run_app(app)", Some(("aiohttp", None, false)));
        check("print('port', 80)", None);
    }

    #[test]
    fn the_rest_is_seen() {
        let text = "import os, redis.asyncio\nfrom shop.web import x\nURL = os.environ['DATABASE_URL']\n\
                    NAME = env.str('DB_NAME', 'x')\nH = os.getenv(\"DB_HOST\")\nC = {'HOST': 'localhost'}\n\
                    if __name__ == '__main__':\n    pass\n";
        let source = Source::read("shop/run.py", text);
        assert_eq!(source.imports.iter().map(String::as_str).collect::<Vec<_>>(), ["os", "redis", "shop"]);
        let variables: Vec<&str> = source.variables.iter().map(String::as_str).collect();
        assert_eq!(variables, ["DATABASE_URL", "DB_HOST", "DB_NAME"]);
        assert_eq!((source.main, source.localhost.map(|(line, _)| line)), (Some(7), Some(6)));
        assert!(Source::read("manage.py", "execute_from_command_line(sys.argv)").manage);
        let url = "x = 'redis://localhost:6379/0'\n";
        assert!(Source::read("a.py", url).localhost.is_some());
    }
}
