//! The pipeline: files in, one normalised tree out.
//!
//! Per document: resets taken, variables replaced, `extends` and `include` followed, merged over what came before,
//! checked against the specification, spelled out. Then, once: defaults, rules, absolute paths, normalisation.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    Request, canonical,
    disk::{Disk, NoText, Text},
    document,
    interpolate::{self, Environment},
    merge, normalize,
    report::{Failed, Problem, Report},
    reset::Resets,
    resolve_paths::{self, Base},
    rules,
    source::{self, Selection},
    tree::{FileId, Map, Node, Span, Value},
    unique, validate,
};

/// The loader's state while it runs.
pub(super) struct Loader<'r> {
    pub(super) request: &'r Request,
    pub(super) disk: Disk,
    pub(super) report: Report,
    /// Files that were extended from, with the scope they were read in.
    pub(super) bases: HashMap<(PathBuf, usize), (Node, Resets)>,
    /// How many includes there were: each has an environment of its own.
    pub(super) scopes: usize,
}

/// A file with its documents.
pub(super) struct ComposeFile {
    pub(super) path: PathBuf,
    id: FileId,
    documents: Vec<Node>,
}

/// What the files of one group (the project's, or those of an `include`) have in common.
pub(super) struct Scope<'s> {
    pub(super) id: usize,
    pub(super) base: Base,
    pub(super) environment: &'s Environment,
    /// The chain of files that led here by `include`.
    pub(super) including: Vec<PathBuf>,
}

/// A loaded project before it becomes types.
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) name: String,
    pub(super) selection: Selection,
}

impl Loader<'_> {
    /// Runs the pipeline.
    pub(super) fn tree(&mut self) -> Result<Tree, Failed> {
        let mut selection = source::select(self.request, &mut self.disk, &mut self.report)?;
        let files = self.read(&selection.files)?;
        let name = self.name(&files, &selection);
        selection.environment.insert("COMPOSE_PROJECT_NAME".into(), name.clone());
        let home = selection.environment.get("HOME").filter(|home| !home.is_empty()).cloned();
        // Without interpolation Compose gives variables that are only named no value either.
        let environment = if self.request.options.interpolate {
            selection.environment.clone()
        } else {
            Environment::from([("COMPOSE_PROJECT_NAME".into(), name.clone())])
        };
        let scope = Scope {
            id: 0,
            base: Base { directory: selection.directory.to_string_lossy().into_owned(), home },
            environment: &environment,
            including: Vec::new(),
        };
        let first = files.first().map(|file| file.id).unwrap_or_default();
        let mut root = self.merged(files, &scope)?;
        if root.map().is_none_or(Map::is_empty) {
            let start = Span { file: first, line: 1, column: 1, width: 1 };
            return Err(self.report.fail(
                Problem::new("the compose file is empty")
                    .at(start)
                    .label("expected `services:`")
                    .help("a smallest one: `services: {web: {image: nginx}}`"),
            ));
        }
        if name.is_empty() {
            let problem = Problem::new("the project has no name");
            return Err(self.report.fail(problem.help("give one with `name:` in the file, or with -p")));
        }
        if self.request.options.normalize {
            normalize::normalize(&mut root, &name, &environment);
        }
        Ok(Tree { root, name, selection })
    }

    /// The name: from the command line or the environment, the last file that has one, or the folder's.
    fn name(&mut self, files: &[ComposeFile], selection: &Selection) -> String {
        if let Some(name) = &selection.name {
            return name.clone();
        }
        let named = |document: &Node| match document.at(&["name"]).map(|name| &name.value) {
            Some(Value::Str(text)) if !text.is_empty() => Some(text.to_string()),
            Some(value @ (Value::Int(_) | Value::Float(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        let in_file = files.iter().flat_map(|file| &file.documents).filter_map(named).next_back();
        let is_named = files.iter().filter_map(|file| file.documents.first()).any(|document| named(document).is_some());
        let mut found = in_file.unwrap_or_default();
        if self.request.options.interpolate {
            // Warned about and refused where the file itself is read.
            let mut aside = Report::default();
            found =
                interpolate::replace(&found, Span::default(), &selection.environment, &mut aside).unwrap_or_default();
        }
        let found = source::normalize_name(&found);
        if !found.is_empty() || is_named {
            return found;
        }
        let folder =
            selection.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let real = selection.directory.canonicalize().ok();
        if real.and_then(|real| real.file_name().map(|name| name.to_string_lossy() != folder)).unwrap_or(false) {
            self.report.warning(
                Problem::new(format!("the project is named `{folder}` after a symbolic link"))
                    .help("give it a name with `name:` in the file, or with -p"),
            );
        }
        source::normalize_name(&folder)
    }

    /// Reads and parses files; all of them, so that all their errors are told.
    pub(super) fn read(&mut self, paths: &[PathBuf]) -> Result<Vec<ComposeFile>, Failed> {
        let mut files = Vec::new();
        let mut failed = false;
        for path in paths {
            match self.read_one(path) {
                Ok(file) => files.push(file),
                Err(Failed) => failed = true,
            }
        }
        if self.report.checked().is_err() && !failed {
            // Written twice, and the like: tell what else is wrong, too.
            for document in files.iter().flat_map(|file| &file.documents) {
                validate::validate(document, &mut self.report);
            }
        }
        self.report.checked()?;
        Ok(files)
    }

    pub(super) fn read_one(&mut self, path: &Path) -> Result<ComposeFile, Failed> {
        let text = if source::is_stdin(path) {
            let text = self.request.stdin.clone().unwrap_or_default();
            let text: std::sync::Arc<str> = text.into();
            Text { id: self.report.add_source(Path::new("<stdin>"), text.clone()), text }
        } else {
            match self.disk.text(path, &mut self.report) {
                Ok(text) => text,
                Err(NoText::Missing) => {
                    let problem = source::no_file_named(path, &self.disk);
                    return Err(self.report.fail(problem));
                }
                Err(NoText::Other(problem)) => return Err(self.report.fail(problem)),
            }
        };
        let documents = document::parse(&text.text, text.id, &mut self.report)?;
        Ok(ComposeFile { path: path.to_path_buf(), id: text.id, documents })
    }

    /// Merges the files of a scope into one tree with absolute paths.
    pub(super) fn merged(&mut self, files: Vec<ComposeFile>, scope: &Scope<'_>) -> Result<Node, Failed> {
        let mut merged = Node::new(Value::Map(Map::new()), Span::default());
        for file in files {
            for document in file.documents {
                merged = self.add_document(merged, document, &file.path, scope)?;
            }
        }
        canonical::defaults(&mut merged);
        rules::rules(&merged, &mut self.report);
        self.report.checked()?;
        if self.request.options.resolve_paths {
            resolve_paths::resolve(&mut merged, &scope.base);
        }
        normalize::resolve_environment(&mut merged, scope.environment);
        Ok(merged)
    }

    fn add_document(
        &mut self,
        mut merged: Node,
        mut document: Node,
        path: &Path,
        scope: &Scope<'_>,
    ) -> Result<Node, Failed> {
        if document.map().is_none() {
            return Err(self.not_a_mapping(&document));
        }
        let resets = Resets::take(&mut document);
        if self.request.options.interpolate {
            interpolate::interpolate(&mut document, scope.environment, &mut self.report);
        }
        if self.report.checked().is_err() {
            validate::validate(&document, &mut self.report);
            return Err(Failed);
        }
        validate::hints(&document, &mut self.report);
        self.extend_services(&mut document, path, scope, &resets)?;
        resets.apply(&mut merged);
        self.include(&mut document, path, scope)?;
        let mut merged = merge::merge(merged, document, &mut self.report)?;
        unique::enforce(&mut merged, &mut self.report);
        validate::validate(&merged, &mut self.report);
        self.report.checked()?;
        if let Some(root) = merged.map_mut()
            && let Some(span) = root.key_span("version")
        {
            root.remove("version");
            self.report.warning(Problem::new("`version` is obsolete and ignored").at(span).help("remove the line"));
        }
        self.spell_out(&mut merged);
        canonical::omit_empty(&mut merged);
        unique::enforce(&mut merged, &mut self.report);
        self.report.checked()?;
        Ok(merged)
    }

    /// Without interpolation a short form with a variable in it is left as it is.
    fn spell_out(&mut self, tree: &mut Node) {
        if self.request.options.interpolate {
            canonical::canonical(tree, &mut self.report);
        } else {
            canonical::canonical(tree, &mut Report::default());
        }
    }

    fn not_a_mapping(&mut self, document: &Node) -> Failed {
        self.report.fail(
            Problem::new(format!("a compose file must be a mapping, found {}", document.value.kind()))
                .at(document.span)
                .label("expected `services:`"),
        )
    }

    /// The documents of a file that is extended from, merged and spelled out, but neither checked nor followed further.
    pub(super) fn base_tree(&mut self, path: &Path, scope: &Scope<'_>) -> Result<(Node, Resets), Failed> {
        let key = (path.to_path_buf(), scope.id);
        if let Some(known) = self.bases.get(&key) {
            return Ok(known.clone());
        }
        let file = self.read_one(path)?;
        let mut merged = Node::new(Value::Map(Map::new()), Span::default());
        let mut last = Resets::default();
        for mut document in file.documents {
            if document.map().is_none() {
                return Err(self.not_a_mapping(&document));
            }
            last = Resets::take(&mut document);
            if self.request.options.interpolate {
                interpolate::interpolate(&mut document, scope.environment, &mut self.report);
            }
            self.report.checked()?;
            last.apply(&mut merged);
            merged = merge::merge(merged, document, &mut self.report)?;
            unique::enforce(&mut merged, &mut self.report);
            self.spell_out(&mut merged);
            canonical::omit_empty(&mut merged);
            unique::enforce(&mut merged, &mut self.report);
            self.report.checked()?;
        }
        let directory = path.parent().unwrap_or(path).to_string_lossy().into_owned();
        resolve_paths::resolve(&mut merged, &Base { directory, home: scope.base.home.clone() });
        self.bases.insert(key, (merged.clone(), last.clone()));
        Ok((merged, last))
    }
}
