//! Which rows are on the screen. Reads only: the same answer for drawing, for scrolling and for what was seen.

use std::ops::Range;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    LogView,
    text::{Display, Fold, Manner, cut, display, wrap, wrapped_height},
};
use crate::{
    logs::{Lane, LaneId, LogStore, Merged, Position, Select, Source},
    model::Timestamp,
};

/// A service's name takes no more columns than this.
const LONGEST_NAME: usize = 16;

/// A line as it can be pointed at: the unit, and the line within it where a block is unfolded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The unit.
    pub unit: Position,
    /// The line; the unit's first where the unit is one row's worth.
    pub seq: u64,
}

impl Spot {
    pub(super) const START: Self = Spot { unit: Position::START, seq: 0 };
    pub(super) const END: Self = Spot { unit: Position::END, seq: u64::MAX };

    pub(super) fn of(unit: Position) -> Self {
        Spot { unit, seq: unit.seq }
    }
}

/// The columns before a line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// The time is shown.
    pub times: bool,
    /// Columns of the longest name; 0 where names are not shown.
    pub name: usize,
    /// Columns between the name and the text.
    pub gap: usize,
    /// Columns of the text.
    pub text: usize,
}

impl Columns {
    /// Columns of the sign at the edge: a mark.
    pub const GUTTER: usize = 1;
    /// Columns of a time, with the space after it.
    pub const TIME: usize = 9;

    /// Columns before the text.
    pub fn lead(&self) -> usize {
        let time = if self.times { Self::TIME } else { 0 };
        let name = if self.name > 0 { self.name + self.gap } else { 0 };
        Self::GUTTER + time + name
    }
}

/// A line on the screen.
#[derive(Debug, Clone)]
pub struct ScreenLine<'a> {
    /// Which.
    pub spot: Spot,
    /// Whose it is.
    pub source: &'a Source,
    /// Its time.
    pub time: Timestamp,
    /// What is shown of it.
    pub display: Display<'a>,
    /// It has a mark.
    pub marked: bool,
    /// It is under the cursor.
    pub cursor: bool,
    /// It belongs to the line above it, so that time and name need not be said again.
    pub continues: bool,
}

/// A row of the screen: a part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which of the screen's lines.
    pub line: usize,
    /// The part of its text.
    pub part: Range<usize>,
    /// It is the line's first row.
    pub first: bool,
}

/// What the pane shows.
#[derive(Debug, Clone)]
pub struct Screen<'a> {
    /// The columns before the text.
    pub columns: Columns,
    /// The lines, of which at least one row is visible.
    pub lines: Vec<ScreenLine<'a>>,
    /// The rows from top to bottom.
    pub rows: Vec<Row>,
}

/// A place to show rows from: a line, and how many of its rows are above the screen.
pub(super) type Anchor = (Spot, usize);

/// The lines that are shown, in order, and how they fill rows.
pub(super) struct Layout<'a, 'l> {
    view: &'a LogView,
    store: &'a LogStore,
    merged: Merged<'l>,
    columns: Columns,
    height: usize,
}

/// The name of a source: the service's, with the number where it has several containers.
pub fn label(store: &LogStore, source: &Source) -> String {
    if store.lanes_of(&source.service).nth(1).is_some() {
        format!("{}-{}", source.service, source.replica)
    } else {
        source.service.to_string()
    }
}

impl LogView {
    /// The lanes whose lines are shown.
    pub(super) fn lanes(&self, store: &LogStore) -> Vec<LaneId> {
        store.lanes().filter(|(_, lane)| self.shown.has(&lane.source().service)).map(|(id, _)| id).collect()
    }

    pub(super) fn layout<'a, 'l>(&'a self, store: &'a LogStore, lanes: &'l [LaneId], area: Rect) -> Layout<'a, 'l>
    where
        'a: 'l,
    {
        let select = self.filter.applied().map_or(Select::All, |applied| Select::Matching(&applied.index));
        let merged = Merged { store, lanes, select };
        Layout {
            view: self,
            store,
            merged,
            columns: self.columns(store, lanes, area),
            height: usize::from(area.height.max(1)),
        }
    }

    /// Names keep their width while lines come and go: the project's services decide it, not the lines.
    fn columns(&self, store: &LogStore, lanes: &[LaneId], area: Rect) -> Columns {
        let width = usize::from(area.width);
        let services = || self.services.iter().filter(|service| self.shown.has(service));
        let labels = lanes.iter().filter_map(|lane| store.lane(*lane)).map(|lane| label(store, lane.source()).width());
        let longest = services().map(|service| service.as_str().width()).chain(labels).max().unwrap_or(0);
        let several = lanes.len() > 1 || services().nth(1).is_some();
        let mut columns = Columns {
            times: self.times,
            name: if several { longest.min(LONGEST_NAME) } else { 0 },
            gap: if width < 70 { 1 } else { 2 },
            text: 0,
        };
        // Text matters more than what stands before it.
        columns.times &= columns.lead() + 16 <= width;
        if columns.lead() + 16 > width {
            columns.name = columns.name.min(4);
        }
        columns.text = width.saturating_sub(columns.lead()).max(1);
        columns
    }

    /// What the pane shows in an area of this size.
    pub fn screen<'a>(&'a self, store: &'a LogStore, area: Rect) -> Screen<'a> {
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        match self.top {
            Some(top) => layout.screen_from(top),
            None => layout.screen_from(layout.last_page()),
        }
    }
}

impl<'a, 'l> Layout<'a, 'l> {
    fn lane(&self, unit: Position) -> Option<&'a Lane> {
        self.store.lane(unit.lane)
    }

    /// The lines of a unit that can be pointed at.
    pub fn spots(&self, unit: Position) -> Vec<Spot> {
        let lane = self.lane(unit);
        let block = lane.and_then(|lane| lane.block(unit.seq));
        match (lane, block) {
            (Some(lane), Some(block)) if self.view.unfolded.contains(&(unit.lane, unit.seq)) => {
                lane.members(*block).map(|seq| Spot { unit, seq }).collect()
            }
            _ => vec![Spot::of(unit)],
        }
    }

    /// Lines from `from` on, that one included.
    pub fn forward(&self, from: Spot) -> impl Iterator<Item = Spot> + '_ {
        self.merged.forward(from.unit).flat_map(|unit| self.spots(unit)).skip_while(move |spot| *spot < from)
    }

    /// Lines before `before`, the last one first.
    pub fn backward(&self, before: Spot) -> impl Iterator<Item = Spot> + '_ {
        let within = self.merged.next(before.unit).filter(|unit| *unit == before.unit);
        let units = within.into_iter().chain(self.merged.backward(before.unit));
        units.flat_map(|unit| self.spots(unit).into_iter().rev()).skip_while(move |spot| *spot >= before)
    }

    /// The line itself if it is there, otherwise the next one, otherwise the last.
    pub fn nearest(&self, spot: Spot) -> Option<Spot> {
        self.forward(spot).next().or_else(|| self.backward(spot).next())
    }

    fn fold(&self, spot: Spot) -> Fold {
        match self.lane(spot.unit).and_then(|lane| lane.block(spot.unit.seq)) {
            Some(block) if block.lines > 1 => {
                if !self.view.unfolded.contains(&(spot.unit.lane, spot.unit.seq)) {
                    Fold::Folded(*block)
                } else if spot.seq == block.first {
                    Fold::First
                } else {
                    Fold::Inside
                }
            }
            _ => Fold::None,
        }
    }

    fn manner(&self) -> Manner {
        Manner { fields: self.view.fields, timed: self.columns.times }
    }

    fn display(&self, spot: Spot) -> Option<Display<'a>> {
        Some(display(self.lane(spot.unit)?, spot.seq, self.fold(spot), self.manner()))
    }

    /// How many rows a line takes.
    pub fn rows(&self, spot: Spot) -> usize {
        if !self.view.wrap {
            return 1;
        }
        self.display(spot).map_or(1, |display| wrapped_height(&display.text, self.columns.text))
    }

    /// From where the screen shows the last line at its bottom.
    pub fn last_page(&self) -> Anchor {
        self.page_up_to(Spot::END)
    }

    /// From where the screen shows the line before `end` at its bottom.
    fn page_up_to(&self, end: Spot) -> Anchor {
        let mut missing = self.height;
        let mut top = (end, 0);
        for spot in self.backward(end) {
            let rows = self.rows(spot);
            top = (spot, rows.saturating_sub(missing));
            missing = missing.saturating_sub(rows);
            if missing == 0 {
                break;
            }
        }
        top
    }

    /// From where the screen shows this line whole, at its bottom.
    pub fn page_ending_with(&self, spot: Spot) -> Anchor {
        if self.rows(spot) >= self.height {
            return (spot, 0);
        }
        self.page_up_to(Spot { seq: spot.seq.saturating_add(1), ..spot })
    }

    /// So many rows further down, at the last line at most.
    pub fn down(&self, top: Anchor, mut rows: usize) -> Anchor {
        let mut last = top;
        for spot in self.forward(top.0) {
            let above = if spot == top.0 { top.1 } else { 0 };
            let left = self.rows(spot).saturating_sub(above);
            if rows < left {
                return (spot, above + rows);
            }
            rows -= left;
            last = (spot, above + left.saturating_sub(1));
        }
        last
    }

    /// So many rows further up, at the first line at most.
    pub fn up(&self, top: Anchor, mut rows: usize) -> Anchor {
        if rows <= top.1 {
            return (top.0, top.1 - rows);
        }
        rows -= top.1;
        let mut first = (top.0, 0);
        for spot in self.backward(top.0) {
            let height = self.rows(spot);
            if rows <= height {
                return (spot, height - rows);
            }
            rows -= height;
            first = (spot, 0);
        }
        first
    }

    /// How tall the screen is.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The lines that are shown from `top` on, with the number of rows that each has on the screen.
    pub fn visible(&self, top: Anchor) -> Vec<(Spot, usize)> {
        let mut visible = Vec::new();
        let mut left = self.height;
        for spot in self.forward(top.0) {
            if left == 0 {
                break;
            }
            let above = if spot == top.0 { top.1 } else { 0 };
            let rows = self.rows(spot).saturating_sub(above).clamp(1, left);
            left -= rows;
            visible.push((spot, rows));
        }
        visible
    }

    fn screen_from(&self, top: Anchor) -> Screen<'a> {
        let mut screen = Screen { columns: self.columns, lines: Vec::new(), rows: Vec::new() };
        let cursor = self.view.cursor.and_then(|cursor| self.nearest(cursor));
        for spot in self.forward(top.0) {
            if screen.rows.len() >= self.height {
                break;
            }
            let Some(lane) = self.lane(spot.unit) else { continue };
            let fold = self.fold(spot);
            let display = display(lane, spot.seq, fold, self.manner());
            let parts = if self.view.wrap {
                wrap(&display.text, self.columns.text)
            } else {
                vec![cut(&display.text, self.view.left, self.columns.text)]
            };
            let above = if spot == top.0 { top.1.min(parts.len() - 1) } else { 0 };
            let line = screen.lines.len();
            for (number, part) in parts.into_iter().enumerate().skip(above).take(self.height - screen.rows.len()) {
                screen.rows.push(Row { line, part, first: number == 0 });
            }
            let before = screen.lines.last().map(|line: &ScreenLine<'_>| line.spot.unit.lane);
            screen.lines.push(ScreenLine {
                spot,
                source: lane.source(),
                time: lane.line(spot.seq).map_or(spot.unit.time, |line| line.time),
                display,
                marked: self.view.marks.contains(&(spot.unit.lane, spot.seq)),
                cursor: cursor == Some(spot),
                continues: fold != Fold::None && before == Some(spot.unit.lane),
            });
        }
        screen
    }
}
