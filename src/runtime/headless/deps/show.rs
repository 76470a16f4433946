//! `deps` as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    manifest::comparison::{Difference, Row},
    model::Manifest,
    runtime::{
        dependencies,
        headless::console::{Ink, Role, Table},
    },
};

use super::Group;

/// For people. `all` lists every package, otherwise those that differ.
pub fn text(groups: &[Group], all: bool, ink: Ink) -> String {
    let mut text = String::new();
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        one(group, all, ink, &mut text);
    }
    text
}

fn one(group: &Group, all: bool, ink: Ink, text: &mut String) {
    let _ = writeln!(text, "{}  {}", dependencies::names(&group.services), ink.paint(Role::Dim, &group.image));
    let mut manifests = Table::default();
    for manifest in &group.sources.manifests {
        let (state, role) = state(group, manifest);
        manifests.row(vec![
            (format!("  {}", manifest.name), None),
            (manifest.because.clone(), Some(Role::Dim)),
            (state, role),
        ]);
    }
    text.push_str(&manifests.render(ink));
    let shown: Vec<&Row> = group.comparison.rows.iter().filter(|row| all || row.difference.is_some()).collect();
    if !shown.is_empty() {
        text.push('\n');
        text.push_str(&packages(&shown).render(ink));
    }
    for (what, why) in [("built", &group.comparison.built_unknown), ("installed", &group.comparison.installed_unknown)]
    {
        if let Some(why) = why {
            let _ = writeln!(text, "  {}", ink.paint(Role::Dim, format!("{what} is not known: {why}")));
        }
    }
    let rest = group.comparison.rows.len() - shown.len();
    if rest > 0 {
        let (verb, which) = if shown.is_empty() { ("none differs", "") } else { ("not shown", " more") };
        let packages = if rest == 1 { "package" } else { "packages" };
        let name = group.services.first().map(ToString::to_string).unwrap_or_default();
        let said = format!("{rest}{which} {packages}, {verb}; `devbox deps {name}` lists all");
        let _ = writeln!(text, "  {}", ink.paint(Role::Dim, said));
    }
}

/// A manifest's state: what the image was built from, or what is wrong with it.
fn state(group: &Group, manifest: &Manifest) -> (String, Option<Role>) {
    if let Some(problem) = &manifest.problem {
        return (problem.clone(), Some(Role::Failed));
    }
    if manifest.digest.is_none() {
        return ("not there".to_owned(), Some(Role::Dim));
    }
    if group.comparison.changed(&manifest.name) == Some(true) {
        ("▲ changed since the build".to_owned(), Some(Role::Wants))
    } else {
        (String::new(), None)
    }
}

fn packages(rows: &[&Row]) -> Table {
    let mut table = Table::new(&["   PACKAGE", "DECLARED", "BUILT", "INSTALLED", "ASKED FOR BY"]);
    for row in rows {
        let role = row.difference.map(|difference| match difference {
            Difference::Added => Role::Good,
            Difference::Changed => Role::Wants,
            Difference::Removed | Difference::NotInstalled | Difference::OtherVersion => Role::Failed,
        });
        let sign = row.difference.map_or(' ', Difference::sign);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        table.row(vec![
            (format!(" {sign} {}", row.name), role),
            (or_dash(Some(row.wanted()).filter(|wanted| !wanted.is_empty())), None),
            (or_dash(row.built.clone()), None),
            (or_dash(row.installed.clone()), None),
            (row.asked_for_by(), Some(Role::Dim)),
        ]);
    }
    table
}

/// For programs: everything.
pub fn json(groups: &[Group]) -> String {
    let groups: Vec<Value> = groups.iter().map(group_json).collect();
    serde_json::to_string_pretty(&groups).unwrap_or_default()
}

fn group_json(group: &Group) -> Value {
    let manifests: Vec<Value> = group
        .sources
        .manifests
        .iter()
        .map(|manifest| {
            json!({
                "name": manifest.name,
                "path": manifest.path,
                "because": manifest.because,
                "digest": manifest.digest.map(|digest| digest.to_string()),
                "changed": group.comparison.changed(&manifest.name),
                "problem": manifest.problem,
            })
        })
        .collect();
    json!({
        "services": group.services.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "image": group.image.to_string(),
        "manifests": manifests,
        "packages": group.comparison.rows.iter().map(row_json).collect::<Vec<_>>(),
        "builtUnknown": group.comparison.built_unknown,
        "installedUnknown": group.comparison.installed_unknown,
    })
}

fn row_json(row: &Row) -> Value {
    let declared: Vec<Value> = row
        .declared
        .iter()
        .map(|declaration| {
            json!({
                "place": declaration.place,
                "version": declaration.version,
                "group": declaration.group,
                "condition": declaration.condition,
            })
        })
        .collect();
    json!({
        "name": row.name,
        "declared": declared,
        "locked": row.locked,
        "built": row.built,
        "installed": row.installed,
        "askedBy": row.asked_by,
        "difference": row.difference.map(Difference::word),
    })
}
