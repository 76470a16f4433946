//! The compose file's text.

use std::fmt::Write as _;

use super::{Blueprint, VENV, dockerfile::exec, existing::ExistingDockerfile};

/// Writes it.
pub fn text(blueprint: &Blueprint) -> String {
    let mut out = format!("services:\n{}", service(blueprint));
    for database in &blueprint.databases {
        let _ = write!(out, "\n{}", database.service());
    }
    if !blueprint.databases.is_empty() {
        out.push_str("\nvolumes:\n");
        for database in &blueprint.databases {
            let _ = writeln!(out, "  {}:", database.kind.service());
        }
    }
    out
}

/// The lines of the program's service below `services:`.
pub fn service(blueprint: &Blueprint) -> String {
    let Blueprint { program, .. } = blueprint;
    let existing = blueprint.existing.dockerfile.as_ref();
    let mut out = format!("  {}:\n", blueprint.service());
    build(&mut out, blueprint, existing);
    out.push_str("    init: true\n");
    if program.production.is_some() && existing.is_none() {
        let _ = writeln!(
            out,
            "    # While developing; the image's own command is for elsewhere.\n    command: {}",
            escaped(&exec(&program.command))
        );
    }
    if let Some(port) = program.port {
        let _ = writeln!(out, "    ports:\n      - \"127.0.0.1:${{WEB_PORT:-{port}}}:{port}\"");
    }
    volumes(&mut out, blueprint, existing);
    if !blueprint.environment.is_empty() {
        out.push_str("    environment:\n");
        for (name, value) in &blueprint.environment {
            let quoted = value.parse::<f64>().is_ok();
            let value = if quoted { format!("\"{value}\"") } else { value.clone() };
            let _ = writeln!(out, "      {name}: {value}");
        }
    }
    if !blueprint.databases.is_empty() {
        out.push_str("    depends_on:\n");
        for database in &blueprint.databases {
            let _ = writeln!(out, "      {}:\n        condition: service_healthy", database.kind.service());
        }
    }
    if let Some(port) = program.port
        && existing.is_none_or(|dockerfile| dockerfile.python)
    {
        let probe = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 2)");
        let _ = writeln!(
            out,
            "    healthcheck:\n      test: {}\n      interval: 5s\n      timeout: 3s\n      retries: 12",
            exec(&["CMD", "python", "-c", &probe].map(str::to_owned))
        );
    }
    if program.port.is_some() && !program.reloads && existing.is_none() {
        // What a virtualenv's user did by hand.
        let mut ignored = vec![".git/".to_owned()];
        ignored.extend(blueprint.virtualenvs.iter().map(|name| yaml(&format!("{name}/"))));
        let _ = writeln!(
            out,
            "    # It does not reload by itself: `devbox watch` restarts it when a file is saved.\n    develop:\n      watch:\n        \
             - path: .\n          action: restart\n          ignore: [{}]",
            ignored.join(", ")
        );
    }
    out
}

/// A path as YAML's scalar.
fn yaml(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-:@".contains(c));
    if plain { path.to_owned() } else { serde_json::Value::from(escaped(path)).to_string() }
}

/// A text in which no variable is meant.
fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

fn build(out: &mut String, blueprint: &Blueprint, existing: Option<&ExistingDockerfile>) {
    let (uid, gid) = (blueprint.owner.uid, blueprint.owner.gid);
    let yours = match blueprint.owner.mapped {
        true => "The engine runs without root: what its root writes into this folder is yours.",
        false => "What the container writes into this folder is yours; others set UID and GID in .env.",
    };
    match existing {
        Some(dockerfile) if !dockerfile.takes_ids => {
            out.push_str("    build: .\n");
            if !dockerfile.has_user && !blueprint.owner.mapped {
                let _ = writeln!(out, "    # {yours}\n    user: \"${{UID:-{uid}}}:${{GID:-{gid}}}\"");
            }
        }
        _ => {
            let _ = writeln!(
                out,
                "    build:\n      context: .\n      args:\n        # {yours}\n        \
                 USER_UID: ${{UID:-{uid}}}\n        USER_GID: ${{GID:-{gid}}}"
            );
        }
    }
}

fn volumes(out: &mut String, blueprint: &Blueprint, existing: Option<&ExistingDockerfile>) {
    // Where a Dockerfile doesn't say in which folder its program runs, a mount would be a guess.
    if existing.is_some_and(|dockerfile| dockerfile.folder.is_none())
        || VENV.starts_with(&format!("{}/", blueprint.folder))
    {
        return;
    }
    let _ = writeln!(out, "    volumes:\n      - {}", yaml(&format!(".:{}", blueprint.folder)));
    let environments = existing.map(|dockerfile| dockerfile.environments.as_slice()).unwrap_or_default();
    if !environments.is_empty() {
        out.push_str("      # The image's own, which the folder would hide.\n");
        environments.iter().for_each(|folder| out.push_str(&format!("      - {}\n", yaml(folder))));
    }
    let hidden = |name: &&String| !environments.contains(&format!("{}/{name}", blueprint.folder));
    let hosts: Vec<&String> = blueprint.virtualenvs.iter().filter(hidden).collect();
    if !hosts.is_empty() {
        out.push_str("    # This machine's virtualenv is hidden: of no use in there, and reloaders would watch it. Once it is gone, this can go.\n    tmpfs:\n");
        hosts
            .iter()
            .for_each(|name| out.push_str(&format!("      - {}\n", yaml(&format!("{}/{name}", blueprint.folder)))));
    }
}
