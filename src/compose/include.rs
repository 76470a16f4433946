//! `include`: other projects' files, loaded on their own, with their own folder and env files, and added to this one.

use std::path::{Path, PathBuf};

use super::{
    load::{Loader, Scope},
    report::{Failed, Problem},
    resolve_paths::Base,
    source::{absolute, no_file_named, read_env_files, refuse_remote},
    tree::{Map, Node, Span, Value},
};

/// What an included file's resources are.
const SECTIONS: &[&str] = &["services", "volumes", "networks", "secrets", "configs", "models"];

/// An entry of `include`, spelled out.
struct Entry {
    paths: Vec<(PathBuf, Span)>,
    directory: Option<String>,
    env_files: Vec<(String, Span)>,
    span: Span,
}

impl Loader<'_> {
    /// Adds what the file includes, and takes `include` out of it.
    pub(super) fn include(&mut self, root: &mut Node, path: &Path, scope: &Scope<'_>) -> Result<(), Failed> {
        let Some(include) = root.map_mut().and_then(|root| root.remove("include")) else { return Ok(()) };
        let entries = match include.value {
            Value::Seq(entries) => entries,
            Value::Null => return Ok(()),
            value => {
                return Err(self.report.fail(
                    Problem::new(format!("`include` must be a list, found {}", value.kind()))
                        .at(include.span)
                        .label("expected a list"),
                ));
            }
        };
        let mut including = scope.including.clone();
        including.push(path.to_path_buf());
        for entry in entries {
            let entry = self.entry(&entry, scope)?;
            let imported = self.included(entry, scope, &including)?;
            self.import(imported, root)?;
        }
        Ok(())
    }

    fn entry(&mut self, node: &Node, scope: &Scope<'_>) -> Result<Entry, Failed> {
        let strings = |node: &Node| -> Option<Vec<(String, Span)>> {
            match &node.value {
                Value::Str(text) => Some(vec![(text.to_string(), node.span)]),
                Value::Seq(items) => items.iter().map(|item| Some((item.str()?.to_owned(), item.span))).collect(),
                Value::Null => Some(Vec::new()),
                _ => None,
            }
        };
        let wrong = |loader: &mut Self, node: &Node, what: &str, expected: &str| {
            let problem = Problem::new(format!("{what} must be {expected}, found {}", node.value.kind()));
            loader.report.fail(problem.at(node.span).label(format!("expected {expected}")))
        };
        let (paths, directory, env_files) = match &node.value {
            Value::Str(_) => (strings(node), None, Vec::new()),
            Value::Map(map) => {
                for (key, entry) in map.iter() {
                    if !matches!(&**key, "path" | "project_directory" | "env_file") && !key.starts_with("x-") {
                        // Compose doesn't look at it.
                        self.report.warning(
                            Problem::new(format!("unknown key `{key}` in `include` has no effect"))
                                .at(entry.key)
                                .help("an include has `path`, `project_directory` and `env_file`"),
                        );
                    }
                }
                let directory = match map.some("project_directory") {
                    None => None,
                    Some(node) => match node.str() {
                        Some(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
                        None => return Err(wrong(self, node, "`include.project_directory`", "a string")),
                    },
                };
                let env_files = match map.some("env_file") {
                    None => Vec::new(),
                    Some(node) => match strings(node) {
                        Some(files) => files,
                        None => return Err(wrong(self, node, "`include.env_file`", "a string or a list of strings")),
                    },
                };
                (map.get("path").and_then(strings), directory, env_files)
            }
            _ => return Err(wrong(self, node, "an `include`", "a string or a mapping")),
        };
        let Some(paths) = paths.filter(|paths| !paths.is_empty()) else {
            let problem = Problem::new("an `include` must name a file").at(node.span).label("expected `path:`");
            return Err(self.report.fail(problem));
        };
        for (path, span) in &paths {
            refuse_remote(path, *span, &mut self.report)?;
        }
        let base = Path::new(&scope.base.directory);
        let paths = paths.into_iter().map(|(path, span)| (absolute(base, Path::new(&path)), span)).collect();
        Ok(Entry { paths, directory, env_files, span: node.span })
    }

    fn included(&mut self, entry: Entry, scope: &Scope<'_>, including: &[PathBuf]) -> Result<Node, Failed> {
        let base = Path::new(&scope.base.directory);
        let Some((main, main_span)) = entry.paths.first() else {
            return Err(self.report.fail(Problem::new("an `include` must name a file").at(entry.span)));
        };
        if including.contains(main) {
            let circle = including.iter().chain([main]).map(|path| self.disk.shown(path).display().to_string());
            let circle = circle.collect::<Vec<_>>().join(" → ");
            let problem = Problem::new(format!("files include each other in a circle: {circle}"));
            return Err(self.report.fail(problem.at(*main_span).help("remove one of these includes")));
        }
        let directory = match &entry.directory {
            Some(directory) => absolute(base, Path::new(directory)),
            None => main.parent().unwrap_or(base).to_path_buf(),
        };
        let mut env_files = Vec::new();
        if entry.env_files.is_empty() {
            let default = directory.join(".env");
            if self.disk.exists(&default) && !default.is_dir() {
                env_files.push(default);
            }
        }
        for (file, span) in &entry.env_files {
            let path = absolute(base, Path::new(file));
            let problem = match (self.disk.exists(&path), path.is_dir()) {
                (true, false) => {
                    env_files.push(path);
                    continue;
                }
                (true, true) => "is a folder",
                (false, _) => "there is no such file",
            };
            let shown = self.disk.shown(&path).display().to_string();
            self.report.error(Problem::new(format!("env file {shown}: {problem}")).at(*span));
        }
        for (path, span) in &entry.paths {
            if !self.disk.exists(path) {
                let problem = no_file_named(path, &self.disk).at(*span);
                self.report.error(problem);
            }
        }
        self.report.checked()?;
        let mut environment = scope.environment.clone();
        for (name, value) in read_env_files(&env_files, scope.environment, &mut self.disk, &mut self.report)? {
            environment.entry(name).or_insert(value);
        }
        // Of a project_directory that is not there, Compose takes the parent for paths.
        let folder = match directory.parent() {
            Some(parent) if entry.directory.is_some() && !directory.is_dir() => parent,
            _ => &directory,
        };
        let paths: Vec<PathBuf> = entry.paths.into_iter().map(|(path, _)| path).collect();
        let files = self.read(&paths)?;
        self.scopes += 1;
        let scope = Scope {
            id: self.scopes,
            base: Base { directory: folder.to_string_lossy().into_owned(), home: scope.base.home.clone() },
            environment: &environment,
            including: including.to_vec(),
        };
        self.merged(files, &scope)
    }

    fn import(&mut self, imported: Node, root: &mut Node) -> Result<(), Failed> {
        let Value::Map(mut imported) = imported.value else { return Ok(()) };
        let Some(root) = root.map_mut() else { return Ok(()) };
        for section in SECTIONS {
            let Some(Node { value: Value::Map(from), span, .. }) = imported.remove(section) else { continue };
            if root.some(section).is_none() {
                root.set(*section, Node::new(Value::Map(Map::new()), span));
            }
            // Anything but a mapping is refused when the whole is checked.
            let Some(to) = root.get_mut(section).and_then(Node::map_mut) else { continue };
            for (name, entry) in from.into_entries() {
                match to.entry(&name) {
                    None => to.insert(name, entry.key, entry.node),
                    Some(own) if own.node.same(&entry.node) => {}
                    Some(own) => self.report.error(
                        Problem::new(format!("`{section}.{name}` is included, and is here already"))
                            .at(own.key)
                            .note_at("included from", entry.key)
                            .help("change what is included in an override file: `include: [{path: [a.yaml, override.yaml]}]`"),
                    ),
                }
            }
        }
        self.report.checked()
    }
}
