//! What could be run, in the order in which it is taken, and the doubts about that.

use std::cmp::Reverse;

use super::Framework;
use crate::{
    model::Diagnostic,
    scaffold::{
        Survey,
        install::Packages,
        source::{Application, Source},
    },
};

/// Something that could be run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'s> {
    /// Its file.
    pub(super) source: &'s Source,
    /// What it is.
    pub(super) kind: CandidateKind<'s>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum CandidateKind<'s> {
    /// Django's manage.py.
    Manage,
    /// An application object, or a factory.
    Application(Framework, &'s Application),
    /// A page of Streamlit's.
    Streamlit,
    /// A script that starts a server.
    Server,
    /// A script.
    Script,
}

impl Candidate<'_> {
    /// The order in which they are taken: what it is, how deep it lies, how usual its name is.
    pub(super) fn rank(&self) -> (u8, usize, usize, Reverse<bool>) {
        const NAMES: [&str; 10] = [
            "app.py",
            "main.py",
            "wsgi.py",
            "asgi.py",
            "server.py",
            "api.py",
            "run.py",
            "streamlit_app.py",
            "__main__.py",
            "__init__.py",
        ];
        let kind = match self.kind {
            CandidateKind::Manage => 0,
            CandidateKind::Application(..) => 1,
            CandidateKind::Streamlit => 2,
            CandidateKind::Server => 3,
            CandidateKind::Script => 4,
        };
        // `src` is but a place to keep the rest in.
        let path = self.source.path.strip_prefix("src/").unwrap_or(&self.source.path);
        let name = path.rsplit('/').next().unwrap_or(path);
        let usual = NAMES.iter().position(|known| *known == name).unwrap_or(NAMES.len());
        let called = matches!(self.kind, CandidateKind::Application(_, app) if !app.factory);
        (kind, path.matches('/').count(), usual, Reverse(called))
    }

    /// As `--app` would name it.
    pub(super) fn name(&self) -> String {
        match self.kind {
            CandidateKind::Application(_, app) => format!("{}:{}", self.source.path, app.name),
            _ => self.source.path.clone(),
        }
    }
}

/// All of them, the one to take first.
pub(super) fn candidates<'s>(survey: &'s Survey, packages: &Packages) -> Vec<Candidate<'s>> {
    let declared = Framework::ALL.into_iter().find(|framework| packages.has(framework.module()));
    let mut found = Vec::new();
    for source in &survey.sources {
        let mut add = |kind| found.push(Candidate { source, kind });
        if source.manage {
            add(CandidateKind::Manage);
        }
        for app in &source.applications {
            let framework = app.framework.or_else(|| source.imported_framework()).or(declared);
            if let Some(framework) = framework {
                add(CandidateKind::Application(framework, app));
            }
        }
        if packages.has("streamlit") && source.imports.contains("streamlit") {
            add(CandidateKind::Streamlit);
        }
        let top = !source.path.contains('/');
        let named = matches!(source.path.rsplit('/').next(), Some("main.py" | "app.py" | "run.py" | "server.py"));
        let module = source.path.ends_with("/__main__.py");
        if source.server.is_some() {
            add(CandidateKind::Server);
        } else if source.main.is_some() || top && named || module {
            add(CandidateKind::Script);
        }
    }
    if let [only] = survey.sources.as_slice()
        && found.is_empty()
    {
        found.push(Candidate { source: only, kind: CandidateKind::Script });
    }
    found.sort_by_key(Candidate::rank);
    found
}

/// Says which others there are, where the choice could have been another.
pub(super) fn ambiguous(first: &Candidate<'_>, found: &[Candidate<'_>], notes: &mut Vec<Diagnostic>) {
    let kind = first.rank().0;
    let mut others: Vec<String> = Vec::new();
    let mut files = vec![first.source.path.as_str()];
    for other in found.iter().filter(|other| other.rank().0 == kind) {
        // One that another module makes is that module's, called; and a script that could be run is no doubt about a server.
        let made = matches!(other.kind, CandidateKind::Application(_, app) if app.factory)
            && matches!(first.kind, CandidateKind::Application(_, app) if app.framework.is_none());
        if !files.contains(&other.source.path.as_str()) && !made {
            files.push(&other.source.path);
            others.push(other.name());
        }
    }
    if !others.is_empty() {
        let what = format!("{} is taken, and there is {} as well", first.name(), others.join(", "));
        notes.push(Diagnostic::warning(what).help(format!("`--app {}` takes another", others[0])));
    }
}

/// How one was recognised.
pub(super) fn reason(candidate: &Candidate<'_>, packages: &Packages) -> String {
    let path = &candidate.source.path;
    let listed = |framework: Framework| {
        packages
            .place(framework.module())
            .map_or_else(String::new, |place| format!("; {} in {place}", framework.module()))
    };
    match candidate.kind {
        CandidateKind::Manage => format!("{path}{}", listed(Framework::Django)),
        CandidateKind::Application(framework, app) => {
            let name = if app.factory { format!("{}()", app.name) } else { app.name.clone() };
            format!("{name} in {path}:{}{}", app.line, listed(framework))
        }
        CandidateKind::Streamlit => format!("{path}{}", listed(Framework::Streamlit)),
        CandidateKind::Server => {
            let line = candidate.source.server.as_ref().map_or(1, |server| server.line);
            format!("{path}:{line}")
        }
        CandidateKind::Script => match candidate.source.main {
            Some(line) => format!("{path}:{line}"),
            None => path.clone(),
        },
    }
}
