//! Where the verbs write: standard output and standard error, with colours where they are wanted.
//!
//! The one place of the verbs that prints. A closed pipe on standard output ends the program quietly.

use std::{
    fmt::{self, Write as _},
    io::{self, IsTerminal, Write},
};

use crate::model::{Diagnostic, Severity};

use super::Stop;

/// What a colour is for. Shape says the same, so that nothing is lost without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It works.
    Good,
    /// It wants you.
    Wants,
    /// It failed.
    Failed,
    /// It is being worked on.
    Busy,
    /// It is secondary.
    Dim,
    /// A service's own colour.
    Service(u8),
}

impl Role {
    /// The parameters of its SGR sequence, of the terminal's own 16 colours.
    fn code(self) -> u8 {
        match self {
            Role::Good => 32,
            Role::Wants => 33,
            Role::Failed => 31,
            Role::Busy => 34,
            Role::Dim => 2,
            Role::Service(colour) => colour,
        }
    }
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ink {
    /// It is a terminal.
    pub tty: bool,
    /// It takes colours.
    pub colour: bool,
    pub(super) error: bool,
}

impl Ink {
    /// `text` in the colour of a role.
    pub fn paint<T: fmt::Display>(&self, role: Role, text: T) -> Painted<T> {
        Painted { code: self.colour.then(|| role.code()), text }
    }

    /// Writes to the stream.
    ///
    /// # Errors
    /// For standard output [`Stop::Closed`] when nobody reads it any more, and a failure when it can't be written for another
    /// reason. That standard error can't be written is nobody's to know.
    pub fn write(&self, text: impl AsRef<[u8]>) -> Result<(), Stop> {
        if self.error {
            let mut err = io::stderr().lock();
            let _ = err.write_all(text.as_ref()).and_then(|()| err.flush());
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_ref()).and_then(|()| out.flush()).map_err(Stop::from_output)
    }

    /// Columns and rows of the terminal; 80 by 24 where it isn't one.
    pub fn size(&self) -> (usize, usize) {
        let size = if self.error { size(&io::stderr()) } else { size(&io::stdout()) };
        size.map_or((80, 24), |(columns, rows)| (usize::from(columns), usize::from(rows)))
    }
}

/// The process's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Console {
    /// Standard output: what the verb is for.
    pub out: Ink,
    /// Standard error: warnings, errors, and progress where standard output carries something else.
    pub err: Ink,
    /// Standard input is a terminal.
    pub in_tty: bool,
}

impl Console {
    /// Looks at the process's streams. `colour` is `Some` when the user decided.
    pub fn new(colour: Option<bool>) -> Self {
        // https://no-color.org: present and not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let ink = |tty: bool, error| Ink { tty, colour: colour.unwrap_or(wanted && tty), error };
        Console {
            out: ink(io::stdout().is_terminal(), false),
            err: ink(io::stderr().is_terminal(), true),
            in_tty: io::stdin().is_terminal(),
        }
    }

    /// Streams that are no terminals.
    #[cfg(test)]
    pub(super) fn plain() -> Self {
        let ink = Ink { tty: false, colour: false, error: false };
        Console { out: ink, err: Ink { error: true, ..ink }, in_tty: false }
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// As [`Ink::write`].
    pub fn line(&self, text: impl fmt::Display) -> Result<(), Stop> {
        self.out.write(format!("{text}\n"))
    }

    /// Writes a diagnostic to standard error.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let text = diagnostic.to_string();
        let (word, role) = match diagnostic.severity {
            Severity::Error => ("error", Role::Failed),
            Severity::Warning => ("warning", Role::Wants),
        };
        let rest = text.strip_prefix(word).unwrap_or(&text);
        let _ = self.err.write(format!("{}{rest}\n", self.err.paint(role, word)));
    }
}

/// Columns and rows of a terminal.
fn size(stream: &impl std::os::fd::AsFd) -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Text in a colour, or plain.
#[derive(Debug, Clone, Copy)]
pub struct Painted<T> {
    code: Option<u8>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.code else { return self.text.fmt(f) };
        write!(f, "\x1b[{code}m")?;
        self.text.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}

/// A table with columns as wide as their widest cell; the last one is not padded.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<(String, Option<Role>)>>,
}

impl Table {
    /// One with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Table { rows: vec![headings.iter().map(|heading| ((*heading).to_owned(), Some(Role::Dim))).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<(String, Option<Role>)>) {
        self.rows.push(cells);
    }

    /// The table as text.
    pub fn render(&self, ink: Ink) -> String {
        use unicode_width::UnicodeWidthStr;
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| text.width()).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let last = row.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or(0);
            for (column, (text, role)) in row.iter().enumerate().take(last + 1) {
                match role {
                    Some(role) => {
                        let _ = write!(out, "{}", ink.paint(*role, text));
                    }
                    None => out.push_str(text),
                }
                if column < last {
                    out.extend(std::iter::repeat_n(' ', widths[column] - text.width() + 2));
                }
            }
            out.push('\n');
        }
        out
    }
}

/// A service's colour, from its name: the same in every run and for every order of services.
pub fn service_colour(name: &str) -> u8 {
    const COLOURS: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];
    // FNV-1a.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    COLOURS[hash as usize % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_pads_all_columns_but_the_last() {
        let mut table = Table::new(&["A", "LONGER", "C"]);
        table.row(vec![("x→y".into(), None), (String::new(), None), ("z".into(), Some(Role::Good))]);
        table.row(vec![("q".into(), None), ("r".into(), None), (String::new(), None)]);
        assert_eq!(table.render(Console::plain().out), "A    LONGER  C\nx→y          z\nq    r\n");
    }

    #[test]
    fn colours_are_only_written_where_they_are_wanted() {
        let plain = Console::plain().out;
        let colour = Ink { colour: true, ..plain };
        assert_eq!(colour.paint(Role::Good, "a").to_string(), "\x1b[32ma\x1b[0m");
        assert_eq!(plain.paint(Role::Good, "a").to_string(), "a");
    }
}
