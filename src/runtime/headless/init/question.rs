//! Which databases are wanted: asked on a terminal, one by one; everywhere else those whose drivers are listed are.

use std::io::BufRead;

use crate::{
    model::Diagnostic,
    runtime::headless::{Setup, Stop},
    scaffold::{Blueprint, database::Kind},
};

use super::Options;

/// The databases that are agreed to, of those that are offered.
///
/// # Errors
/// Standard input can't be read.
pub fn databases(setup: &Setup, options: &Options, blueprint: &Blueprint) -> Result<Vec<Kind>, Stop> {
    let asks = setup.console.in_tty && setup.console.err.tty && !options.yes && !options.json && !options.dry_run;
    // A compose file that is there isn't changed, so nothing can be added to it.
    let asks = asks && blueprint.existing.compose.is_none();
    let mut agreed = Vec::new();
    for offer in &blueprint.offered {
        let kind = offer.value;
        if !asks || yes(setup, &format!("{} ({}): add a {} service?", offer.because, kind.title(), kind.service()))? {
            agreed.push(kind);
        }
    }
    Ok(agreed)
}

/// Asks a question whose default is yes.
fn yes(setup: &Setup, question: &str) -> Result<bool, Stop> {
    loop {
        setup.console.err.write(format!("{question} [Y/n] "))?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let count =
            read.map_err(|error| Stop::failed(Diagnostic::error(format!("the answer can't be read: {error}"))))?;
        if count == 0 {
            // Ctrl-D: no answer is not a yes, and what was answered before is not all.
            setup.console.err.write("\n")?;
            return Err(Stop::Interrupted);
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => {}
        }
    }
}
