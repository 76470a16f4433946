//! What `init` says: what it recognised and why, what became of each file, and the next command.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    model::Diagnostic,
    runtime::headless::{
        Setup, Stop,
        console::{Role, Table},
    },
    scaffold::{Blueprint, compose_file, program::Framework, template::Template},
};

use super::{Decided, Options, Outcome};

/// `--dry-run`: the files that would be written, whole.
pub fn proposed(setup: &Setup, options: &Options, decided: &Decided, folder: &Path) -> Result<(), Stop> {
    if options.json {
        return facts(setup, decided, folder, "proposed");
    }
    recognised(setup, decided)?;
    let ink = setup.console.out;
    for file in &decided.files {
        match &file.text {
            Some(text) => {
                let heading = format!("── {} ", file.name);
                let line = "─".repeat(72_usize.saturating_sub(heading.chars().count()));
                setup.console.line(format!(
                    "\n{}\n{}",
                    ink.paint(Role::Dim, format!("{heading}{line}")),
                    text.trim_end()
                ))?;
            }
            None => setup.console.line(format!("\n{}", kept(file)))?,
        }
    }
    if let Some(command) = decided.template.and_then(Template::command) {
        setup.console.line(format!("\nThen, in a container: {}", command.join(" ")))?;
    }
    snippet(setup, decided)?;
    setup.console.line("\nNothing was written: --dry-run.")
}

/// All files were there.
pub fn nothing(setup: &Setup, options: &Options, decided: &Decided, folder: &Path) -> Result<(), Stop> {
    if options.json {
        return facts(setup, decided, folder, "kept");
    }
    for file in &decided.files {
        setup.console.line(kept(file))?;
    }
    snippet(setup, decided)?;
    setup.console.line("Nothing to write: all files are there. `devbox up` starts the project.")
}

/// The files are written.
pub fn done(setup: &Setup, options: &Options, decided: &Decided, folder: &Path) -> Result<(), Stop> {
    if options.json {
        return facts(setup, decided, folder, "written");
    }
    recognised(setup, decided)?;
    let ink = setup.console.out;
    let mut lines = String::from("\n");
    for file in &decided.files {
        match file.text {
            Some(_) => lines.push_str(&format!("{} {} written\n", ink.paint(Role::Good, "✓"), file.name)),
            None => lines.push_str(&format!("{}\n", kept(file))),
        }
    }
    if let Some(command) = decided.template.and_then(Template::command) {
        lines.push_str(&format!("{} {} in a container\n", ink.paint(Role::Good, "✓"), command.join(" ")));
    }
    ink.write(lines)?;
    snippet(setup, decided)?;
    setup.console.line(format!("\n{}", next(&decided.blueprint)))
}

fn kept(file: &Outcome) -> String {
    let remark = if file.remark.is_empty() { String::new() } else { format!("; {}", file.remark) };
    format!("· {} kept as it is{remark}", file.name)
}

/// The service that a compose file lacks, to be put there by hand: what is there is never changed.
fn snippet(setup: &Setup, decided: &Decided) -> Result<(), Stop> {
    let Some(compose) = &decided.blueprint.existing.compose else { return Ok(()) };
    if compose.service.is_some() || compose.problem.is_some() {
        return Ok(());
    }
    let service = compose_file::service(&decided.blueprint);
    setup.console.line(format!(
        "\nTo run the project with {}, put this below its `services:`\n\n{}",
        compose.name,
        service.trim_end()
    ))
}

/// What comes next.
fn next(blueprint: &Blueprint) -> String {
    let mut lines = match (&blueprint.existing.compose, blueprint.program.port) {
        (Some(compose), _) if compose.service.is_none() => {
            return format!("Next: edit {}, then `devbox up`.", compose.name);
        }
        (None, Some(port)) => format!("Next: `devbox up`, and http://127.0.0.1:{port} answers."),
        _ => "Next: `devbox up`.".to_owned(),
    };
    let service = blueprint.service();
    if blueprint.program.framework == Some(Framework::Django) {
        lines.push_str(&format!("\n`devbox run --rm {service} python manage.py migrate` makes the database's tables."));
    }
    lines
}

/// The facts, each with its reason, then what there is to say of them.
fn recognised(setup: &Setup, decided: &Decided) -> Result<(), Stop> {
    let blueprint = &decided.blueprint;
    let mut table = Table::default();
    let mut row = |what: &str, value: &str, because: &str| {
        let dim = Some(Role::Dim);
        table.row(vec![(what.to_owned(), dim), (value.to_owned(), None), (because.to_owned(), dim)]);
    };
    if let Some(template) = decided.template {
        row("new", template.title(), "the folder is empty");
    }
    if blueprint.conda {
        row("python", "conda's", &blueprint.python.because);
    } else {
        row("python", &blueprint.python.value.to_string(), &blueprint.python.because);
    }
    let count = match blueprint.packages {
        0 => "no packages yet".to_owned(),
        1 => "1 package".to_owned(),
        count => format!("{count} packages"),
    };
    let (tool, from) = blueprint.install.shown.split_once(", ").unwrap_or((&blueprint.install.shown, ""));
    row("packages", tool, &format!("{from}; {count}"));
    row("program", &blueprint.program.title, &blueprint.program.because);
    for database in &blueprint.databases {
        row("database", &database.image(), &database.because);
    }
    for offer in &blueprint.offered {
        row("database", "none", &offer.because);
    }
    let ink = setup.console.out;
    ink.write(table.render(ink))?;
    // As long as it is, it would push the reasons away.
    setup.console.line(format!("{}  {}", ink.paint(Role::Dim, "command "), blueprint.program.command.join(" ")))?;
    notes(setup, blueprint).iter().for_each(|note| setup.console.diagnostic(note));
    Ok(())
}

fn notes(setup: &Setup, blueprint: &Blueprint) -> Vec<Diagnostic> {
    let mut notes = blueprint.notes.clone();
    notes.extend(blueprint.database_notes());
    if blueprint.owner.uid == 0 && !blueprint.owner.mapped {
        let what = Diagnostic::warning("the files here belong to root, so the container's user is root as well");
        notes.push(what.help("`devbox init` as yourself, in a folder of your own"));
    }
    if let Some(above) = &blueprint.existing.above {
        notes.push(Diagnostic::warning(format!(
            "{above} is no longer found from here: this folder is a project of its own now"
        )));
    }
    if setup.request.environment.get("COMPOSE_FILE").is_some_and(|file| !file.is_empty()) {
        let what = Diagnostic::warning("COMPOSE_FILE is set, and names what is read instead of the file written here");
        notes.push(what.help("unset it, or add the file to it"));
    }
    notes
}

/// The same for programs.
fn facts(setup: &Setup, decided: &Decided, folder: &Path, new: &str) -> Result<(), Stop> {
    let blueprint = &decided.blueprint;
    let files = decided.files.iter().map(|file| {
        let state = if file.text.is_some() { new } else { "kept" };
        let mut entry = json!({ "name": file.name, "state": state });
        if let (Some(text), "proposed") = (&file.text, new) {
            entry["text"] = Value::from(text.as_str());
        }
        entry
    });
    let databases = blueprint.databases.iter().map(
        |database| json!({ "service": database.kind.service(), "image": database.image(), "because": database.because }),
    );
    let warnings = notes(setup, blueprint).into_iter().map(|note| json!({ "what": note.what, "help": note.help }));
    let facts = json!({
        "folder": folder,
        "template": decided.template.map(Template::name),
        "python": { "version": blueprint.python.value.to_string(), "because": blueprint.python.because },
        "packages": { "installed_by": blueprint.install.shown, "count": blueprint.packages },
        "program": {
            "kind": blueprint.program.title,
            "command": blueprint.program.command,
            "port": blueprint.program.port,
            "service": blueprint.service(),
            "because": blueprint.program.because,
        },
        "databases": databases.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
    });
    setup.console.line(serde_json::to_string_pretty(&facts).unwrap_or_default())
}
