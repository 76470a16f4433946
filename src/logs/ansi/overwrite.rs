//! A line in which something moves back, as a progress bar does: written on cells, as a terminal would.

use super::{
    MAX_MARKS, Moves, Run, Sink, Style, TAB,
    character::CARRIER,
    escape::{FARTHEST, Motion},
};

/// One column.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// The character; `None` for the right half of a wide one.
    c: Option<char>,
    marks: [Option<char>; MAX_MARKS],
    style: Style,
}

const BLANK: Cell = Cell { c: Some(' '), marks: [None; MAX_MARKS], style: Style::DEFAULT };

/// The line so far and where the next character goes.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    cells: Vec<Cell>,
    column: usize,
    style: Style,
}

impl Canvas {
    /// Appends the line to `text` and its colours to `runs`.
    pub(super) fn write(&self, text: &mut String, runs: &mut Vec<Run>) {
        let mut style = Style::default();
        for cell in &self.cells {
            let Some(c) = cell.c else { continue };
            if cell.style != style {
                style = cell.style;
                runs.push(Run { start: u32::try_from(text.len()).unwrap_or(u32::MAX), style });
            }
            text.push(c);
            text.extend(cell.marks.iter().flatten());
        }
    }

    /// Makes the column's cell free for a new character: half of a wide one goes, its other half becomes blank.
    fn free(&mut self, column: usize) {
        while self.cells.len() <= column {
            self.cells.push(BLANK);
        }
        if self.cells[column].c.is_none() && column > 0 {
            self.cells[column - 1] = BLANK;
        }
        if self.cells.get(column + 1).is_some_and(|right| right.c.is_none()) {
            self.cells[column + 1] = BLANK;
        }
        self.cells[column] = BLANK;
    }
}

impl Sink for Canvas {
    fn ascii(&mut self, text: &str) {
        for c in text.chars() {
            self.char(c, 1);
        }
    }

    fn char(&mut self, c: char, width: usize) {
        self.free(self.column);
        self.cells[self.column] = Cell { c: Some(c), marks: [None; MAX_MARKS], style: self.style };
        self.column += 1;
        if width > 1 {
            self.free(self.column);
            self.cells[self.column] = Cell { c: None, ..BLANK };
            self.column += 1;
        }
    }

    fn mark(&mut self, c: char) {
        if self.column == 0 {
            self.char(CARRIER, 1);
        }
        let mut at = self.column - 1;
        if self.cells.get(at).is_some_and(|cell| cell.c.is_none()) && at > 0 {
            at -= 1;
        }
        if let Some(cell) = self.cells.get_mut(at)
            && let Some(free) = cell.marks.iter_mut().find(|mark| mark.is_none())
        {
            *free = Some(c);
        }
    }

    fn style(&mut self) -> &mut Style {
        &mut self.style
    }

    fn tab(&mut self) {
        // A tab moves; what stands there stays.
        self.column += TAB - self.column % TAB;
        while self.cells.len() < self.column {
            self.cells.push(BLANK);
        }
    }

    fn motion(&mut self, motion: Motion) -> Result<(), Moves> {
        match motion {
            Motion::Start => self.column = 0,
            Motion::Column(column) => self.column = column,
            Motion::Left(columns) => self.column = self.column.saturating_sub(columns),
            Motion::Right(columns) => {
                self.column = (self.column + columns).min(self.cells.len().max(FARTHEST));
                while self.cells.len() < self.column {
                    self.cells.push(BLANK);
                }
            }
            Motion::EraseRight => {
                if self.column < self.cells.len() {
                    self.free(self.column);
                    self.cells.truncate(self.column);
                }
            }
            Motion::EraseLeft => {
                for column in 0..=self.column.min(self.cells.len().saturating_sub(1)) {
                    if column < self.cells.len() {
                        self.free(column);
                    }
                }
            }
            Motion::EraseAll => self.cells.clear(),
        }
        Ok(())
    }
}
