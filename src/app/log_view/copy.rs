//! Marking, copying, saving.

use ratatui::layout::Rect;

use super::{
    LogEffect, LogView, Shown,
    export::{Export, copied, lines_of, zoned},
    layout::Spot,
};
use crate::{
    logs::{LaneId, LogStore, Merged, Position, Select},
    model::{ServiceName, Timestamp},
};

impl LogView {
    /// Marks the line under the cursor, or no longer; when following, the last line.
    pub(super) fn mark(&mut self, store: &LogStore) {
        let Some(spot) = self.here(store) else { return };
        let line = (spot.unit.lane, spot.seq);
        if !self.marks.remove(&line) {
            self.marks.insert(line);
        }
    }

    /// Copies the marked lines, or the one under the cursor; when following, the last one. A folded block is copied whole.
    pub(super) fn copy(&mut self, store: &LogStore) -> Vec<LogEffect> {
        let lines = if self.marks.is_empty() {
            self.here(store).map(|spot| self.lines_at(store, spot)).unwrap_or_default()
        } else {
            let mut marked: Vec<Spot> = self
                .marks
                .iter()
                .filter_map(|(id, seq)| {
                    let lane = store.lane(*id)?;
                    let time = lane.line(*seq)?.time;
                    Some(Spot { unit: Position { time, lane: *id, seq: lane.unit(*seq) }, seq: *seq })
                })
                .collect();
            marked.sort_unstable();
            marked.into_iter().flat_map(|spot| self.lines_at(store, spot)).collect()
        };
        to_clipboard(store, &lines)
    }

    /// Copies the last error of the shown services, with the line that announces it and its traceback.
    pub(super) fn copy_last_error(&self, store: &LogStore) -> Vec<LogEffect> {
        let lanes = self.lanes(store);
        let errors = Merged { store, lanes: &lanes, select: Select::Errors };
        let Some(unit) = errors.previous(Position::END) else { return vec![LogEffect::Say("no errors".to_owned())] };
        let mut lines = lines_of(store, unit);
        if let Some(lane) = store.lane(unit.lane)
            && let Some(next) = lane.unit_from(unit.seq + 1)
            && lane.block(unit.seq).is_none()
            && let Some(block) = lane.block(next)
            && next == unit.seq + 1
        {
            lines.extend(lane.members(*block));
        }
        let lines: Vec<(LaneId, u64)> = lines.into_iter().map(|seq| (unit.lane, seq)).collect();
        to_clipboard(store, &lines)
    }

    /// Copies the lines on the screen.
    pub(super) fn copy_screen(&self, store: &LogStore, area: Rect) -> Vec<LogEffect> {
        let visible = self.visible(store, area);
        let lines: Vec<_> = visible.into_iter().flat_map(|(spot, _)| self.lines_at(store, spot)).collect();
        to_clipboard(store, &lines)
    }

    /// Copies the last `count` lines of those that are shown.
    pub fn copy_last(&self, store: &LogStore, count: usize) -> Vec<LogEffect> {
        let lanes = self.lanes(store);
        let select = self.filter.applied().map_or(Select::All, |applied| Select::Matching(&applied.index));
        let merged = Merged { store, lanes: &lanes, select };
        let mut lines: Vec<(LaneId, u64)> = merged
            .backward(Position::END)
            .flat_map(|unit| lines_of(store, unit).into_iter().rev().map(move |seq| (unit.lane, seq)))
            .take(count)
            .collect();
        lines.reverse();
        to_clipboard(store, &lines)
    }

    /// Saves all lines that are shown, also those off the screen.
    pub(super) fn save(&self, store: &LogStore, now: Timestamp) -> Vec<LogEffect> {
        let services = match &self.shown {
            Shown::All => "all".to_owned(),
            Shown::Only(services) => services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join("-"),
        };
        let time = zoned(now, &self.zone).map(|now| now.strftime("%Y%m%d-%H%M%S").to_string()).unwrap_or_default();
        // Long lists of services don't make long file names.
        let services: String = services.chars().take(60).collect();
        vec![LogEffect::Save(Box::new(Export {
            store: store.clone(),
            lanes: self.lanes(store),
            filter: self.filter.applied().map(|applied| applied.index.clone()),
            zone: self.zone.clone(),
            name: format!("log-{services}-{time}"),
        }))]
    }

    /// The line that is meant: under the cursor, or the last one.
    fn here(&self, store: &LogStore) -> Option<Spot> {
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, Rect::new(0, 0, 80, 1));
        match self.cursor {
            Some(cursor) => layout.nearest(cursor),
            None => layout.backward(Spot::END).next(),
        }
    }

    /// The lines that a line on the screen stands for.
    fn lines_at(&self, store: &LogStore, spot: Spot) -> Vec<(LaneId, u64)> {
        let folded = !self.unfolded.contains(&(spot.unit.lane, spot.unit.seq));
        let lines = if folded && spot.seq == spot.unit.seq { lines_of(store, spot.unit) } else { vec![spot.seq] };
        lines.into_iter().map(|seq| (spot.unit.lane, seq)).collect()
    }
}

fn to_clipboard(store: &LogStore, lines: &[(LaneId, u64)]) -> Vec<LogEffect> {
    if lines.is_empty() {
        return vec![LogEffect::Say("nothing to copy".to_owned())];
    }
    let count = lines.len();
    let said = if count == 1 { "1 line copied".to_owned() } else { format!("{count} lines copied") };
    vec![LogEffect::Copy(copied(store, lines)), LogEffect::Say(said)]
}
