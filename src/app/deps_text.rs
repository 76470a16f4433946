//! The lines of the Deps tab, read from the state: what differs first, then every package below what asks for it, then where it all
//! comes from. Pure.

use super::{action::Action, facts, history::Role, notices, state::State};
use crate::{
    manifest::comparison::{Comparison, Difference, Row, nested},
    model::{Diagnostic, Manifest, Service, ServiceName, ServiceSources},
};

/// Manifests that are named; more of them are counted.
const MANIFESTS: usize = 8;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Whose packages these are.
    Heading {
        /// The services of one build.
        text: String,
        /// Their image.
        right: String,
    },
    /// The columns' names.
    Columns,
    /// One package.
    Package(Cells),
    /// A sentence; its colour where that carries meaning.
    Remark(Option<Role>, String),
}

/// A package's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// How it differs.
    pub difference: Option<Difference>,
    /// Its name, below what asks for it.
    pub name: String,
    /// What is wanted.
    pub declared: String,
    /// What the image was built from.
    pub built: String,
    /// What the container has.
    pub installed: String,
    /// What differs and who asks for it, in words.
    pub why: String,
}

/// The colour of a difference.
pub fn role(difference: Difference) -> Role {
    match difference {
        Difference::Added => Role::Works,
        Difference::Changed => Role::Wants,
        Difference::Removed | Difference::NotInstalled | Difference::OtherVersion => Role::Failed,
    }
}

fn dim(text: impl Into<String>) -> Line {
    Line::Remark(Some(Role::Off), text.into())
}

/// The lines for the service under the cursor.
pub fn lines(state: &State) -> Vec<Line> {
    let Some(service) = state.view.cursor.as_ref().and_then(|name| state.project.services.get(name)) else {
        return Vec::new();
    };
    let image = service.image_name(&state.project.name);
    if service.build.is_none() {
        return vec![dim(format!("{} is not built here: {image} brings its own packages.", service.name))];
    }
    let Some(sources) = state.sources.services.get(&service.name) else {
        return vec![dim("The manifests are being read.")];
    };
    let mut lines = vec![heading(state, service, sources)];
    waiting(&mut lines, state, &service.name);
    match state.deps.answer(&service.name) {
        Some(Ok(comparison)) => compared(&mut lines, state, &service.name, comparison),
        Some(Err(problem)) => lines.extend(told(problem)),
        None if state.deps.is_asking(&service.name) => {
            lines.push(dim(format!("{} is being asked what is installed …", service.name)));
        }
        None => lines.push(dim("What is built and installed is shown when the engine answers.")),
    }
    let comparison = state.deps.answer(&service.name).and_then(|answer| answer.as_ref().ok());
    from(&mut lines, sources, comparison.map(AsRef::as_ref));
    lines
}

fn told(problem: &Diagnostic) -> Vec<Line> {
    problem.to_string().lines().map(|line| Line::Remark(Some(Role::Failed), line.to_owned())).collect()
}

/// The services that are built of the same manifests.
fn heading(state: &State, service: &Service, sources: &ServiceSources) -> Line {
    let same = state.sources.services.iter().filter(|(_, other)| *other == sources).map(|(name, _)| name.as_str());
    let image = service.image_name(&state.project.name);
    let age = state.image(&service.name).map(|image| facts::image_age(state, image).1).unwrap_or_default();
    Line::Heading { text: same.collect::<Vec<_>>().join(", "), right: format!("{image}{age}") }
}

/// What waits, and what a rebuild would do.
fn waiting(lines: &mut Vec<Line>, state: &State, service: &ServiceName) {
    let Some(change) = state.changes.of(service) else { return };
    let role = if state.changes.waiting(service).is_some() { Role::Wants } else { Role::Off };
    lines.push(Line::Remark(Some(role), format!("{} {} changed", role.sign(), change.names())));
    lines.extend(notices::described(change).into_iter().map(|text| Line::Remark(Some(role), format!("  {text}"))));
    match facts::rebuilds(state, service) {
        Some(text) => lines.push(Line::Remark(None, format!("  {text}"))),
        None if !change.wants_rebuild() => lines.push(dim("  no package did: nothing to rebuild")),
        None => {
            let key = state.keymap.key(Action::Rebuild).map(|key| format!(": {key} rebuilds it all the same"));
            lines.push(dim(format!("  ignored{}", key.unwrap_or_default())));
        }
    }
}

fn compared(lines: &mut Vec<Line>, state: &State, service: &ServiceName, comparison: &Comparison) {
    for (what, why) in [("built", &comparison.built_unknown), ("installed", &comparison.installed_unknown)] {
        if let Some(why) = why {
            lines.push(Line::Remark(Some(Role::Look), format!("! what is {what} is not known: {why}")));
        }
    }
    if comparison.rows.is_empty() {
        lines.push(dim("Its manifests name no packages."));
        return;
    }
    let (differing, rest): (Vec<&Row>, Vec<&Row>) = comparison.rows.iter().partition(|row| row.difference.is_some());
    lines.push(Line::Remark(None, String::new()));
    lines.push(Line::Columns);
    lines.extend(differing.iter().map(|row| Line::Package(cells(0, row))));
    if !differing.is_empty() {
        lines.push(Line::Remark(None, String::new()));
    }
    lines.extend(nested(&rest).into_iter().map(|(depth, row)| Line::Package(cells(depth, row))));
    if state.deps.is_asking(service) {
        lines.push(dim(format!("{service} is being asked again …")));
    }
}

fn cells(depth: usize, row: &Row) -> Cells {
    let dash = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    let name = match depth {
        0 => row.name.clone(),
        depth => format!("{}└ {}", "  ".repeat(depth.min(6) - 1), row.name),
    };
    let asks = row.asked_for_by();
    // The row above says it already.
    let asks = if depth > 0 && row.asked_by.len() == 1 { String::new() } else { asks };
    let words = row.difference.map_or("", Difference::words);
    let why = [words, &asks].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    Cells {
        difference: row.difference,
        name,
        declared: dash(Some(row.wanted())),
        built: dash(row.built.clone()),
        installed: dash(row.installed.clone()),
        why,
    }
}

/// The manifests, each with why it belongs to the service.
fn from(lines: &mut Vec<Line>, sources: &ServiceSources, comparison: Option<&Comparison>) {
    lines.push(Line::Remark(None, String::new()));
    for (index, manifest) in sources.manifests.iter().take(MANIFESTS).enumerate() {
        let label = if index == 0 { "from" } else { "    " };
        let (role, state) = standing(manifest, comparison);
        lines.push(Line::Remark(role, format!("{label}  {}{state}  {}", manifest.name, manifest.because)));
    }
    let more = sources.manifests.len().saturating_sub(MANIFESTS);
    if more > 0 {
        lines.push(dim(format!("      and {more} more")));
    }
}

fn standing(manifest: &Manifest, comparison: Option<&Comparison>) -> (Option<Role>, String) {
    let changed = comparison.and_then(|comparison| comparison.changed(&manifest.name));
    match &manifest.problem {
        Some(problem) => (Some(Role::Failed), format!(": {problem}")),
        None if manifest.digest.is_none() => (Some(Role::Off), " (not there)".to_owned()),
        None if changed == Some(true) => (Some(Role::Wants), " (changed since the build)".to_owned()),
        None => (Some(Role::Off), String::new()),
    }
}
