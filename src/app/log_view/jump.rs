//! Going to hits of the search and to errors, wherever they are.

use ratatui::layout::Rect;

use super::{LogEffect, LogView, Place, Shown, layout::Spot};
use crate::logs::{LaneId, LogStore, Matcher, Merged, Position, Select};

impl LogView {
    /// To the next hit, or the one before; from the other end when there is none.
    pub(super) fn next_hit(&mut self, store: &LogStore, area: Rect, forward: bool) -> Vec<LogEffect> {
        if self.search.applied().is_none() && !self.search.is_pending() {
            let Some(last) = self.search.recalled.last().map(str::to_owned) else {
                return vec![LogEffect::Say("nothing was searched for yet".to_owned())];
            };
            self.seeking = Some(self.place());
            return self
                .find(super::Finding::Search, &last, store, area, crate::model::Timestamp::default())
                .unwrap_or_default();
        }
        let from = self.cursor.map(|cursor| cursor.unit);
        let hit = match (forward, from) {
            (true, Some(from)) => self.hit_from(store, Position { seq: from.seq + 1, ..from }),
            (true, None) => None,
            (false, from) => self.hit_before(store, from.unwrap_or(Position::END)),
        };
        if let Some(hit) = hit {
            self.go_to_hit(store, area, hit);
            return Vec::new();
        }
        let other_end =
            if forward { self.hit_from(store, Position::START) } else { self.hit_before(store, Position::END) };
        match other_end {
            Some(hit) => {
                self.go_to_hit(store, area, hit);
                vec![LogEffect::Say(if forward { "from the top again" } else { "from the end again" }.to_owned())]
            }
            None if self.search.is_pending() => Vec::new(),
            None => vec![LogEffect::Say(format!("no line has {}", self.search.text()))],
        }
    }

    /// To the first hit from a place on; when the end was followed there, to the last hit.
    pub(super) fn seek_from(&mut self, place: Place, store: &LogStore, area: Rect) {
        let hit = match place.cursor {
            Some(cursor) => self.hit_from(store, cursor.unit).or_else(|| self.hit_before(store, cursor.unit)),
            None => self.hit_before(store, Position::END),
        };
        match hit {
            Some(hit) => self.go_to_hit(store, area, hit),
            None => (self.top, self.cursor) = (place.top, place.cursor),
        }
    }

    /// Hits that the filter hides are passed over.
    fn hit_from(&self, store: &LogStore, from: Position) -> Option<Position> {
        let applied = self.search.applied()?;
        let lanes = self.lanes(store);
        let merged = Merged { store, lanes: &lanes, select: Select::Matching(&applied.index) };
        merged.forward(from).find(|at| self.lets_through(*at))
    }

    fn hit_before(&self, store: &LogStore, before: Position) -> Option<Position> {
        let applied = self.search.applied()?;
        let lanes = self.lanes(store);
        let merged = Merged { store, lanes: &lanes, select: Select::Matching(&applied.index) };
        merged.backward(before).find(|at| self.lets_through(*at))
    }

    fn lets_through(&self, at: Position) -> bool {
        self.filter.applied().is_none_or(|applied| applied.index.contains(at.lane, at.seq))
    }

    /// A hit within a folded block unfolds it, unless the line that stands for it has the hit as well.
    fn go_to_hit(&mut self, store: &LogStore, area: Rect, hit: Position) {
        let mut spot = Spot::of(hit);
        if let (Some(lane), Some(applied)) = (store.lane(hit.lane), self.search.applied())
            && let Some(block) = lane.block(hit.seq)
            && let Matcher::Search(pattern) = &applied.matcher
        {
            let has = |seq: u64| lane.line(seq).is_some_and(|line| pattern.is_match(line.text));
            let unfolded = self.unfolded.contains(&(hit.lane, hit.seq));
            if (unfolded || !has(block.headline))
                && let Some(seq) = lane.members(*block).find(|seq| has(*seq))
            {
                self.unfolded.insert((hit.lane, hit.seq));
                spot.seq = seq;
            }
        }
        self.go_to(store, area, spot);
    }

    /// To the next error of any service, or the one before. From the followed end the way begins with the first error that nobody
    /// saw, or else with the last one. What would hide it gives way: the filter rests, its service is shown.
    pub(super) fn next_error(&mut self, store: &LogStore, area: Rect, forward: bool) -> Vec<LogEffect> {
        let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
        let errors = Merged { store, lanes: &lanes, select: Select::Errors };
        let found = match (forward, self.cursor) {
            (true, Some(cursor)) => errors.next(Position { seq: cursor.unit.seq + 1, ..cursor.unit }),
            (false, Some(cursor)) => errors.previous(cursor.unit),
            (true, None) => {
                let unseen = errors.forward(Position::START).find(|at| !self.attention.is_seen((at.lane, at.seq)));
                unseen.or_else(|| errors.previous(Position::END))
            }
            (false, None) => errors.previous(Position::END),
        };
        let Some(found) = found else {
            let none = errors.next(Position::START).is_none();
            return vec![LogEffect::Say(match (none, forward) {
                (true, _) => "no errors".to_owned(),
                (false, true) => "no later error".to_owned(),
                (false, false) => "no earlier error".to_owned(),
            })];
        };
        let mut effects = Vec::new();
        if let Some(lane) = store.lane(found.lane)
            && !self.shown.has(&lane.source().service)
            && let Shown::Only(services) = &mut self.shown
        {
            services.insert(lane.source().service.clone());
            effects.push(LogEffect::Say(format!("shows {} as well", lane.source().service)));
        }
        if !self.lets_through(found) {
            self.filter.clear();
            effects.push(LogEffect::Say("the filter hid it: & and Up bring it back".to_owned()));
        }
        self.go_to(store, area, Spot::of(found));
        effects
    }

    /// Puts the cursor there. If that is off the screen, a third of the screen shows what came before.
    pub(super) fn go_to(&mut self, store: &LogStore, area: Rect, spot: Spot) {
        self.freeze(store, area);
        self.cursor = Some(spot);
        if self.visible(store, area).iter().any(|(visible, _)| *visible == spot) {
            self.reveal(store, area);
            return;
        }
        let lanes = self.lanes(store);
        let layout = self.layout(store, &lanes, area);
        let top = layout.up((spot, 0), layout.height() / 3).min(layout.last_page());
        self.top = Some(top);
        self.reveal(store, area);
    }
}
