//! A run on the terminal: its lines rewritten in place, or each printed once, when it is final.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use unicode_width::UnicodeWidthChar;

use crate::{
    execute::{Event, Progress as Going},
    logs::ansi,
    model::{BuildEvent, BuildStepId, Diagnostic, Project},
    plan::StepId,
};

use super::{
    Stop,
    board::{Board, Mark, Row},
    build_log::{BuildLog, title},
    console::{Ink, Role},
};

/// How often a terminal's lines are rewritten at the most.
pub const FRAME: Duration = Duration::from_millis(80);

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Lines that are rewritten in place.
    Live,
    /// Each line once.
    Plain,
    /// Each line once, and every step and line of output of builds.
    Verbose,
    /// Only warnings and failures.
    Quiet,
}

/// Prints a run.
pub struct Progress {
    ink: Ink,
    style: Style,
    board: Board,
    /// Lines of the terminal that are rewritten.
    shown: usize,
    drawn: Option<Instant>,
    stale: bool,
    builds: std::collections::HashMap<StepId, BuildLog>,
    /// Warnings that were said.
    warned: Vec<Arc<Diagnostic>>,
}

impl Progress {
    /// For a run on this project.
    pub fn new(ink: Ink, style: Style, project: &Project) -> Self {
        Progress {
            ink,
            style,
            board: Board::new(project),
            shown: 0,
            drawn: None,
            stale: false,
            builds: std::collections::HashMap::new(),
            warned: Vec::new(),
        }
    }

    /// Takes a report.
    ///
    /// # Errors
    /// As [`Ink::write`].
    pub fn event(&mut self, event: &Event) -> Result<(), Stop> {
        let now = Instant::now();
        self.board.apply(event, now);
        match event {
            Event::Warning(warning) => self.warn(Arc::clone(warning)),
            Event::Planned(plan) => plan.warnings.iter().for_each(|warning| self.warn(Arc::new(warning.clone()))),
            _ => {}
        }
        match self.style {
            Style::Quiet => Ok(()),
            Style::Live => {
                self.stale = true;
                if self.drawn.is_none_or(|drawn| now.duration_since(drawn) >= FRAME) { self.draw(now) } else { Ok(()) }
            }
            Style::Plain | Style::Verbose => {
                if self.style == Style::Verbose {
                    self.build_output(event)?;
                }
                for index in
                    self.board.open().into_iter().filter(|index| self.board.is_final(*index)).collect::<Vec<_>>()
                {
                    self.board.tell(index);
                    let row = self.board.row(index, now);
                    self.ink.write(self.text(&row, usize::MAX) + "\n")?;
                }
                Ok(())
            }
        }
    }

    /// Keeps what is told at the end, once.
    fn warn(&mut self, warning: Arc<Diagnostic>) {
        if !self.warned.contains(&warning) {
            self.warned.push(warning);
        }
    }

    /// Whether time alone changes what is shown.
    pub fn ticks(&self) -> bool {
        self.style == Style::Live
    }

    /// Time has passed.
    ///
    /// # Errors
    /// As [`Ink::write`].
    pub fn tick(&mut self) -> Result<(), Stop> {
        if self.ticks() { self.draw(Instant::now()) } else { Ok(()) }
    }

    /// The run is over: everything is shown as it ended. Gives the warnings that came.
    ///
    /// # Errors
    /// As [`Ink::write`].
    pub fn finish(&mut self) -> Result<Vec<Arc<Diagnostic>>, Stop> {
        if self.style == Style::Live && self.stale {
            self.draw(Instant::now())?;
        }
        self.shown = 0;
        Ok(std::mem::take(&mut self.warned))
    }

    /// Rewrites the lines that are not settled.
    fn draw(&mut self, now: Instant) -> Result<(), Stop> {
        let (columns, rows) = self.ink.size();
        let mut out = String::new();
        if self.shown > 0 {
            out.push_str(&format!("\x1b[{}A", self.shown));
        }
        out.push_str("\x1b[?25l");
        let open = self.board.open();
        let ended = open.iter().take_while(|index| self.board.is_final(**index)).count();
        for index in &open[..ended] {
            out.push_str(&format!("\r\x1b[K{}\n", self.text(&self.board.row(*index, now), columns)));
            self.board.tell(*index);
        }
        let open = &open[ended..];
        let room = rows.saturating_sub(2).max(1);
        self.shown = 0;
        for index in open.iter().take(room) {
            out.push_str(&format!("\r\x1b[K{}\n", self.text(&self.board.row(*index, now), columns)));
            self.shown += 1;
        }
        if open.len() > room {
            out.push_str(&format!("\r\x1b[K   and {} more\n", open.len() - room));
            self.shown += 1;
        }
        out.push_str("\x1b[J\x1b[?25h");
        self.drawn = Some(now);
        self.stale = false;
        self.ink.write(out)
    }

    fn text(&self, row: &Row, columns: usize) -> String {
        let detail = if row.detail.is_empty() { String::new() } else { format!("   {}", row.detail) };
        let words = cut(&format!("{}{}{detail}", row.subject, row.words), columns.saturating_sub(4));
        let words = words.trim_end();
        let role = row.mark.role();
        let sign = self.ink.paint(role, row.mark.sign());
        if row.mark == Mark::Waits {
            format!(" {sign} {}", self.ink.paint(Role::Dim, words))
        } else {
            format!(" {sign} {words}")
        }
    }

    /// Every step and line of output of a build, as it comes.
    fn build_output(&mut self, event: &Event) -> Result<(), Stop> {
        let Event::Progress(step, Going::Build(event)) = event else { return Ok(()) };
        let log = self.builds.entry(*step).or_default();
        log.apply(event);
        let name = |id: &BuildStepId| log.step(*id).map(title).unwrap_or_default();
        let number = |id: &BuildStepId| {
            log.step(*id).and_then(|step| step.number).map_or("·".to_owned(), |(number, of)| format!("{number}/{of}"))
        };
        let text = match event {
            BuildEvent::Started(id) => format!("   {}\n", self.ink.paint(Role::Busy, name(id))),
            BuildEvent::Cached(id) => format!("   {}  cached\n", self.ink.paint(Role::Dim, name(id))),
            BuildEvent::Output(id, lines) => {
                let margin = self.ink.paint(Role::Dim, format!("   {} │", number(id))).to_string();
                lines.iter().map(|line| format!("{margin} {}\n", ansi::plain(line))).collect()
            }
            BuildEvent::Warning(text) => {
                format!("   {}\n", self.ink.paint(Role::Wants, format!("warning: {}", ansi::plain(text))))
            }
            _ => String::new(),
        };
        if text.is_empty() { Ok(()) } else { self.ink.write(text) }
    }
}

/// The beginning of a text that fits into so many columns, with `…` where something was cut.
fn cut(text: &str, columns: usize) -> String {
    let mut width = 0;
    let mut out = String::new();
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if width + wide > columns {
            while width + 1 > columns {
                let Some(last) = out.pop() else { break };
                width -= last.width().unwrap_or(0);
            }
            out.push('…');
            return out;
        }
        width += wide;
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_keeps_to_the_columns() {
        for (text, columns, expected) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本", 3, "日…"), ("ab", 0, "…")]
        {
            assert_eq!(cut(text, columns), expected, "{text}");
        }
    }
}
