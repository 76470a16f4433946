//! Slips that people make in a compose file, and what is said of each: `tests/fixtures/slips.txt` has one after the other,
//! the file as it is written and below it the whole answer. `DEVBOX_UPDATE=1` writes the answers anew.

use std::{fmt::Write as _, fs, path::Path};

use devbox::{
    compose::{self, Request},
    model::Diagnostic,
};

/// Starts a slip; its name follows.
const SLIP: &str = "=== ";
const NEXT_SLIP: &str = "\n=== ";
/// Starts a further file of it; the file's name follows.
const FILE: &str = "--- ";
/// Ends its files.
const ANSWER: &str = ">>>\n";

struct Slip<'t> {
    name: &'t str,
    /// Files and answer, as they are in the text.
    input: &'t str,
    answer: &'t str,
}

fn slips(text: &str) -> impl Iterator<Item = Slip<'_>> {
    let text = text.split_once(SLIP).map_or("", |(_, slips)| slips);
    text.split(NEXT_SLIP).map(|slip| {
        let (name, rest) = slip.split_once('\n').expect("a name on a line");
        let (input, answer) = rest.split_once(ANSWER).unwrap_or((rest, ""));
        Slip { name, input, answer: answer.trim_end() }
    })
}

/// What is said of the files: all errors, or all warnings.
fn answer(input: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().canonicalize().expect("the folder");
    let mut files = format!("\n{input}");
    if !input.starts_with(FILE) {
        files = format!("\n{FILE}compose.yaml\n{input}");
    }
    for file in files.split(&format!("\n{FILE}")).skip(1) {
        let (name, text) = file.split_once('\n').expect("a name on a line");
        // Tabs and other ends of lines are shown in the text, so that no editor changes them.
        fs::write(directory.join(name), text.replace('→', "\t").replace("↵\n", "\r\n")).expect("a file");
    }
    let request = Request { directory: directory.clone(), project_name: Some("p".into()), ..Request::default() };
    let said: Vec<Diagnostic> = match compose::load(&request) {
        Ok(loaded) => loaded.warnings,
        Err(error) => error.diagnostics.into_iter().chain(error.warnings).collect(),
    };
    let mut text = String::new();
    for diagnostic in said {
        let _ = writeln!(text, "{diagnostic}");
    }
    text.replace(&*directory.to_string_lossy(), "DIR").trim_end().to_owned()
}

#[test]
fn slips_are_answered() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/slips.txt");
    let text = fs::read_to_string(&file).expect("the slips");
    if std::env::var_os("DEVBOX_UPDATE").is_some() {
        let head = text.split_once(SLIP).map_or("", |(head, _)| head);
        let slips = slips(&text).map(|slip| {
            let input = slip.input.trim_end_matches('\n');
            format!("{SLIP}{}\n{input}\n{ANSWER}{}\n", slip.name, answer(&format!("{input}\n")))
        });
        fs::write(&file, format!("{head}{}", slips.collect::<Vec<_>>().join("\n"))).expect("the slips");
        return;
    }
    let wrong: Vec<String> = slips(&text)
        .filter_map(|slip| {
            let said = answer(slip.input);
            (said != slip.answer).then(|| format!("=== {}\n{said}\n", slip.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_slip_has_a_place_and_help() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/slips.txt")).expect("it");
    let mut poor = Vec::new();
    for slip in slips(&text) {
        for said in slip.answer.split("\nerror: ") {
            // An empty file has no line to show.
            let has_place = said.contains("\n  ┌ ") || said.contains("\n   ┌ ") || slip.name.contains("empty file");
            let helps = said.contains("\nhelp: ") || said.contains("^ expected ") || said.contains("is required here");
            if !(has_place && helps) {
                poor.push(format!("{}: {said}", slip.name));
            }
        }
    }
    assert!(poor.is_empty(), "{}", poor.join("\n"));
}
