//! The Dockerfile's text.

use std::fmt::Write as _;

use super::{Blueprint, install::Install};

/// Where conda's packages come from, with its tag pinned.
const CONDA: &str = "mambaorg/micromamba:2.0.5";

/// Writes it.
pub fn text(blueprint: &Blueprint) -> String {
    let Blueprint { install, program, .. } = blueprint;
    let mut out = String::new();
    if blueprint.conda {
        let _ = writeln!(
            out,
            "FROM {CONDA}\n\n# The image's own user can't install Debian's packages, nor become you.\nUSER root"
        );
    } else {
        let _ = writeln!(out, "FROM python:{}-slim", blueprint.python.value);
    }
    out.push_str(
        "\n# What the program prints is seen at once, and Python leaves no .pyc files in the mounted folder.\nENV PYTHONUNBUFFERED=1 \\\n    PYTHONDONTWRITEBYTECODE=1",
    );
    // What is installed for development is found in `src` anyway.
    if let Some(root) = program.root.as_ref().filter(|root| *root != "src" || install.project.is_empty()) {
        let _ = write!(out, " \\\n    PYTHONPATH={}", quoted(&format!("{}/{root}", blueprint.folder)));
    }
    if blueprint.conda {
        out.push_str(" \\\n    PATH=/opt/conda/bin:$PATH");
    }
    out.push('\n');
    if !install.system.is_empty() {
        let _ = writeln!(
            out,
            "\nRUN apt-get update && apt-get install -y --no-install-recommends {} \\\n    && rm -rf /var/lib/apt/lists/*",
            install.system.join(" ")
        );
    }
    if !install.tool.is_empty() {
        let what = format!(
            "\n# The virtualenv lies outside of {}, which the project's folder is mounted over.\n",
            blueprint.folder
        );
        out.push_str(&what);
        install.tool.iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    let _ = writeln!(out, "\nWORKDIR {}", blueprint.folder);
    packages(&mut out, install);
    user(&mut out, blueprint);
    if !install.needs_source {
        out.push_str("\nCOPY . .\n");
        install.project.iter().for_each(|step| out.push_str(&format!("{step}\n")));
    }
    out.push_str("\nUSER app\n");
    if let Some(port) = program.port {
        let _ = writeln!(out, "EXPOSE {port}");
    }
    let _ = writeln!(out, "CMD {}", exec(program.production.as_ref().unwrap_or(&program.command)));
    out
}

fn packages(out: &mut String, install: &Install) {
    if install.needs_source {
        out.push_str(
            "\n# The packages can't be installed without the source: each edit of it installs them anew.\nCOPY . .\n",
        );
        install.steps.iter().chain(&install.project).for_each(|step| out.push_str(&format!("{step}\n")));
        return;
    }
    out.push_str("\n# Before the source, so that an edit of the source installs nothing.\n");
    for (files, destination) in &install.copies {
        let words: Vec<String> = files.iter().chain([destination]).cloned().collect();
        let plain = words.iter().all(|word| !word.contains(|c: char| c.is_whitespace() || "\"'$\\".contains(c)));
        let _ = writeln!(out, "COPY {}", if plain { words.join(" ") } else { exec(&meant(words)) });
    }
    install.steps.iter().for_each(|step| out.push_str(&format!("{step}\n")));
}

/// A user with the developer's ids. They may be taken by one of the image's, hence `--non-unique`; and without `--no-log-init` a large
/// number makes a file of many gigabytes (https://github.com/moby/moby/issues/5419).
fn user(out: &mut String, blueprint: &Blueprint) {
    let given = blueprint.existing.compose.as_ref().is_none_or(|compose| compose.gives_ids);
    // A compose file that says nothing of them leaves the defaults in force: then these are yours.
    let (uid, gid) = if given { (1000, 1000) } else { (blueprint.owner.uid, blueprint.owner.gid) };
    let _ = write!(
        out,
        "\n# Not root, and with your ids: what the container writes into the mounted folder is yours.\nARG USER_UID={uid}\nARG USER_GID={gid}\n\
         RUN groupadd --non-unique --gid \"$USER_GID\" app \\\n    && useradd --non-unique --no-log-init --create-home --shell /bin/bash --uid \"$USER_UID\" --gid \"$USER_GID\" app\n"
    );
}

/// Words of a COPY, in which the builder would look for variables also where they are a list.
fn meant(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| word.replace('\\', "\\\\").replace('$', "\\$")).collect()
}

/// A value of ENV, as one word that means itself.
fn quoted(value: &str) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let escape = |c: char| if "\"$\\".contains(c) { format!("\\{c}") } else { c.to_string() };
    if plain { value.to_owned() } else { format!("\"{}\"", value.chars().map(escape).collect::<String>()) }
}

/// A command in its exec form, which needs no shell and gets the signals itself.
pub(super) fn exec(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| serde_json::Value::from(word.as_str()).to_string()).collect();
    format!("[{}]", words.join(", "))
}
