//! Moving about: line by line, page by page, following and freezing, folding.

use ratatui::layout::Rect;

use super::{LogView, layout::Spot};
use crate::logs::{Lane, LogStore};

impl LogView {
    /// Columns that one step to the side moves.
    pub(super) const SIDEWAYS: usize = 8;

    pub(super) fn follow(&mut self) {
        (self.top, self.cursor) = (None, None);
    }

    /// Stays where the screen is now, the cursor on its last line.
    pub(super) fn freeze(&mut self, store: &LogStore, area: Rect) {
        if !self.is_following() {
            return;
        }
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        let top = layout.last_page();
        let last = layout.backward(Spot::END).next();
        if let Some(last) = last {
            let lines = lanes.iter().filter_map(|id| store.lane(*id)).map(Lane::end).sum();
            (self.top, self.cursor, self.frozen_at) = (Some(top), Some(last), lines);
        }
    }

    pub(super) fn down(&mut self, store: &LogStore, area: Rect) {
        let Some(cursor) = self.cursor else { return };
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        let mut after = layout.forward(cursor);
        let next = match after.next() {
            Some(at) if at == cursor => after.next(),
            other => other,
        };
        drop(after);
        match next {
            Some(next) => {
                self.cursor = Some(next);
                self.reveal(store, area);
            }
            None => self.follow(),
        }
    }

    pub(super) fn up(&mut self, store: &LogStore, area: Rect) {
        self.freeze(store, area);
        let Some(cursor) = self.cursor else { return };
        let lanes = self.lanes(store);
        let previous = self.layout(store, &lanes, area).backward(cursor).next();
        if previous.is_some() {
            self.cursor = previous;
        }
        self.reveal(store, area);
    }

    pub(super) fn go_to_top(&mut self, store: &LogStore, area: Rect) {
        self.freeze(store, area);
        let lanes = self.lanes(store);
        let first = self.layout(store, &lanes, area).forward(Spot::START).next();
        if let Some(first) = first {
            (self.top, self.cursor) = (Some((first, 0)), Some(first));
        }
    }

    pub(super) fn page_down(&mut self, store: &LogStore, area: Rect) {
        self.scroll(store, area, page(area));
    }

    pub(super) fn page_up(&mut self, store: &LogStore, area: Rect) {
        self.scroll(store, area, -page(area));
    }

    /// Moves the screen by so many rows, the cursor with it; follows again at the end.
    pub fn scroll(&mut self, store: &LogStore, area: Rect, rows: isize) {
        if rows >= 0 && self.is_following() {
            return;
        }
        self.freeze(store, area);
        let (Some(top), Some(cursor)) = (self.top, self.cursor) else { return };
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        let before = layout.visible(top);
        let row = before.iter().position(|(spot, _)| *spot == cursor).unwrap_or(0);
        let last = layout.last_page();
        let moved = if rows < 0 { layout.up(top, rows.unsigned_abs()) } else { layout.down(top, rows.unsigned_abs()) };
        if rows > 0 && moved >= last {
            self.follow();
            return;
        }
        let visible = layout.visible(moved);
        let cursor = visible.get(row).or(visible.last()).map(|(spot, _)| *spot);
        // At the top there is nothing left to scroll: the cursor goes on alone.
        let cursor = if rows < 0 && moved == top { visible.first().map(|(spot, _)| *spot) } else { cursor };
        self.top = Some(moved);
        self.cursor = cursor.or(self.cursor);
    }

    /// Moves the text to the left, as long as there is more of it to the right.
    pub(super) fn right(&mut self, store: &LogStore, area: Rect) {
        let screen = self.screen(store, area);
        let more = screen.rows.iter().any(|row| row.part.end < screen.lines[row.line].display.text.len());
        if !self.wrap && more {
            self.left += Self::SIDEWAYS;
        }
    }

    /// Puts the cursor on the line in this row of the area.
    pub fn click(&mut self, store: &LogStore, area: Rect, row: u16) {
        self.freeze(store, area);
        let mut rows = usize::from(row);
        let hit = self.visible(store, area).into_iter().find(|(_, height)| match rows.checked_sub(*height) {
            Some(left) => {
                rows = left;
                false
            }
            None => true,
        });
        if let Some((spot, _)) = hit {
            self.cursor = Some(spot);
        }
    }

    /// Unfolds the block under the cursor, or folds it; when following, the last one on the screen.
    pub(super) fn toggle_fold(&mut self, store: &LogStore, area: Rect) {
        let block = |spot: &Spot| {
            store.lane(spot.unit.lane).and_then(|lane| lane.block(spot.unit.seq)).is_some_and(|block| block.lines > 1)
        };
        let spot = match self.cursor {
            Some(cursor) => {
                let lanes = self.lanes(store);
                self.layout(store, &lanes, area).nearest(cursor).filter(block)
            }
            None => self.visible(store, area).into_iter().map(|(spot, _)| spot).rfind(block),
        };
        let Some(spot) = spot else { return };
        self.freeze(store, area);
        let unit = (spot.unit.lane, spot.unit.seq);
        if !self.unfolded.remove(&unit) {
            self.unfolded.insert(unit);
        }
        if self.top.is_some_and(|(top, _)| top.unit == spot.unit) {
            self.top = Some((Spot::of(spot.unit), 0));
        }
        // As much of the block as there is room for, its first line in any case.
        let lanes = self.lanes(store);
        let last = self.layout(store, &lanes, area).spots(spot.unit).pop();
        for shown in last.into_iter().chain([Spot::of(spot.unit)]) {
            self.cursor = Some(shown);
            self.reveal(store, area);
        }
    }

    /// Scrolls as little as shows the cursor's line whole.
    pub(super) fn reveal(&mut self, store: &LogStore, area: Rect) {
        let (Some(top), Some(cursor)) = (self.top, self.cursor) else { return };
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        let Some(cursor) = layout.nearest(cursor) else { return };
        if cursor < top.0 || cursor == top.0 && top.1 > 0 {
            self.top = Some((cursor, 0));
            return;
        }
        let whole = |rows: usize| rows >= layout.rows(cursor).min(layout.height());
        if !layout.visible(top).iter().any(|(spot, rows)| *spot == cursor && whole(*rows)) {
            self.top = Some(layout.page_ending_with(cursor));
        }
    }

    /// Lines are shown in another way: the cursor stays on the screen, which begins with a whole line.
    pub(super) fn settle(&mut self, store: &LogStore, area: Rect) {
        if let Some((spot, _)) = self.top {
            self.top = Some((spot, 0));
            self.reveal(store, area);
        }
    }

    /// The lines on the screen, with their rows.
    pub(super) fn visible(&self, store: &LogStore, area: Rect) -> Vec<(Spot, usize)> {
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        layout.visible(self.top.unwrap_or_else(|| layout.last_page()))
    }
}

/// A screenful, less one row that is still known.
fn page(area: Rect) -> isize {
    isize::try_from(area.height.saturating_sub(1).max(1)).unwrap_or(1)
}
