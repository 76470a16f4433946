//! The log pane's state: whose lines are shown, what is looked for, and where the reader is.
//!
//! Invariants: the reader's place is kept by line, never by row or count, so that new lines, a filter, wrapping or another size
//! of the terminal don't move what is being read. Each toggle changes its own thing only. Nothing here reads a clock, and
//! nothing but [`LogView::update`] and its siblings changes anything: drawing reads [`LogView::screen`] and [`LogView::status`].

mod attention;
mod copy;
pub(in crate::app) mod export;
mod finding;
mod input;
mod jump;
mod layout;
mod motion;
mod own_time;
mod prompt;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use self::{attention::Attention, finding::Finder, layout::Anchor};
pub use self::{
    export::{Export, lines_of},
    finding::{Finding, Prompt, Scan, Scanned},
    input::LineInput,
    layout::{Columns, Row, Screen, ScreenLine, Spot, label},
    text::{Display, Look},
};
use super::{
    action::Action,
    geometry::{Geometry, Layout},
    view::Pane,
};
use crate::{
    logs::{Clock, LaneId, LogStore, Pattern},
    model::{ServiceName, Timestamp},
};

/// Whose lines are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shown {
    /// All services'.
    #[default]
    All,
    /// Those of these services.
    Only(BTreeSet<ServiceName>),
}

impl Shown {
    /// Whether a service's lines are shown.
    pub fn has(&self, service: &ServiceName) -> bool {
        match self {
            Shown::All => true,
            Shown::Only(services) => services.contains(service),
        }
    }
}

/// Where the rows are: with borders, below a line of its own for the heading.
pub fn area(geometry: &Geometry) -> Rect {
    let content = geometry.content(Pane::Main);
    let heading = u16::from(geometry.layout == Layout::Wide).min(content.height);
    Rect { y: content.y + heading, height: content.height - heading, ..content }
}

/// What the log pane asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEffect {
    /// Look through a copy of the store beside the loop, and bring the answer to [`LogView::scanned`].
    Scan(Scan),
    /// Text for the clipboard.
    Copy(String),
    /// Text for a new file, to be made beside the loop.
    Save(Box<Export>),
    /// A word on what was done, for the reader.
    Say(String),
}

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    top: Option<Anchor>,
    cursor: Option<Spot>,
}

/// The log pane's state.
#[derive(Debug, Clone)]
pub struct LogView {
    /// The project's services, which decide how wide names are.
    services: Vec<ServiceName>,
    shown: Shown,
    /// `None` follows the end.
    top: Option<Anchor>,
    /// `None` exactly when the end is followed.
    cursor: Option<Spot>,
    /// How many lines there were when the pane was frozen.
    frozen_at: u64,
    /// Columns of text to the left of the screen.
    left: usize,
    wrap: bool,
    times: bool,
    fields: bool,
    unfolded: BTreeSet<(LaneId, u64)>,
    marks: BTreeSet<(LaneId, u64)>,
    filter: Finder,
    search: Finder,
    /// To be gone to as soon as the search is done.
    seeking: Option<Place>,
    prompt: Option<Prompt>,
    attention: Attention,
    zone: TimeZone,
}

impl LogView {
    /// All services' lines, followed; times in this zone.
    pub fn new(zone: TimeZone) -> Self {
        Self {
            services: Vec::new(),
            shown: Shown::All,
            top: None,
            cursor: None,
            frozen_at: 0,
            left: 0,
            wrap: false,
            times: true,
            fields: true,
            unfolded: BTreeSet::new(),
            marks: BTreeSet::new(),
            filter: Finder::new(Finding::Filter),
            search: Finder::new(Finding::Search),
            seeking: None,
            prompt: None,
            attention: Attention::default(),
            zone,
        }
    }

    /// The reader's time zone.
    pub fn set_zone(&mut self, zone: TimeZone) {
        self.zone = zone;
    }

    /// The project's services, in its order.
    pub fn set_services(&mut self, services: Vec<ServiceName>) {
        self.services = services;
    }

    /// Shows the lines of other services. What is frozen stays at its time.
    pub fn show(&mut self, shown: Shown) {
        self.shown = shown;
    }

    /// Whose lines are shown.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Lines came: keeps the filter and the search up with them. `look` says what is on the screen.
    pub fn sync(&mut self, store: &LogStore) {
        self.filter.sync(store);
        self.search.sync(store);
        let kept = |(lane, seq): &(LaneId, u64)| store.lane(*lane).is_some_and(|lane| *seq >= lane.first());
        self.marks.retain(kept);
        self.unfolded.retain(kept);
    }

    /// The pane is visible in this area: errors that stay on it are seen.
    pub fn look(&mut self, store: &LogStore, area: Rect, now: Timestamp) {
        let visible = self.visible(store, area);
        let errors = visible.iter().map(|(spot, _)| spot.unit).filter(|unit| {
            store.lane(unit.lane).is_some_and(|lane| lane.errors_from(unit.seq) > lane.errors_from(unit.seq + 1))
        });
        let errors: Vec<(LaneId, u64)> = errors.map(|unit| (unit.lane, unit.seq)).collect();
        self.attention.look(errors.into_iter(), store, now);
    }

    /// When [`LogView::look`] should be asked again although nothing happened.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.attention.wake_at()
    }

    /// How many errors of a service nobody saw yet.
    pub fn unseen_errors(&self, store: &LogStore, service: &ServiceName) -> usize {
        self.attention.unseen(store, service)
    }

    /// Does what the reader asks for; `area` is where the rows are. Actions that are none of the log pane's do nothing.
    pub fn update(&mut self, action: Action, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        match action {
            Action::Down => self.down(store, area),
            Action::Up => self.up(store, area),
            Action::Top => self.go_to_top(store, area),
            Action::Bottom => self.follow(),
            Action::PageDown => self.page_down(store, area),
            Action::PageUp => self.page_up(store, area),
            Action::Left => self.left = self.left.saturating_sub(Self::SIDEWAYS),
            Action::Right => self.right(store, area),
            Action::Enter => self.toggle_fold(store, area),
            Action::Follow if self.is_following() => self.freeze(store, area),
            Action::Follow => self.follow(),
            Action::Wrap => {
                self.wrap = !self.wrap;
                self.left = 0;
                self.settle(store, area);
            }
            Action::Timestamps => {
                self.times = !self.times;
                self.settle(store, area);
            }
            Action::Fields => {
                self.fields = !self.fields;
                self.settle(store, area);
            }
            Action::MergedLogs => self.shown = Shown::All,
            Action::Search => self.open_prompt(Finding::Search),
            Action::Filter => self.open_prompt(Finding::Filter),
            Action::NextHit => return self.next_hit(store, area, true),
            Action::PreviousHit => return self.next_hit(store, area, false),
            Action::NextError => return self.next_error(store, area, true),
            Action::PreviousError => return self.next_error(store, area, false),
            Action::Mark => self.mark(store),
            Action::Copy => return self.copy(store),
            Action::CopyLastError => return self.copy_last_error(store),
            Action::CopyScreen => return self.copy_screen(store, area),
            Action::CopyLast => return self.copy_last(store, 100),
            Action::SaveLog => return self.save(store, now),
            _ => {}
        }
        Vec::new()
    }

    /// Goes one step back out: gives up marks, then the search, then the filter, then being frozen. `false` if there was
    /// nothing to go out of.
    pub fn back(&mut self) -> bool {
        if !self.marks.is_empty() {
            self.marks.clear();
        } else if self.search.applied().is_some() || self.search.is_pending() {
            self.search.clear();
        } else if self.filter.applied().is_some() || self.filter.is_pending() {
            self.filter.clear();
        } else if !self.is_following() {
            self.follow();
        } else {
            return false;
        }
        true
    }

    /// The answer to a [`LogEffect::Scan`].
    pub fn scanned(&mut self, scanned: Scanned, store: &LogStore, area: Rect) {
        match scanned.finding {
            Finding::Filter => {
                self.filter.scanned(scanned, store);
                self.settle(store, area);
            }
            Finding::Search => {
                if self.search.scanned(scanned, store)
                    && let Some(place) = self.seeking.take()
                {
                    self.seek_from(place, store, area);
                }
            }
        }
    }

    /// The end is followed.
    pub fn is_following(&self) -> bool {
        self.top.is_none()
    }

    /// Long lines are wrapped.
    pub fn wraps(&self) -> bool {
        self.wrap
    }

    /// The line that is being typed.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// What is searched for, to be marked in the lines.
    pub fn searched(&self) -> Option<&Pattern> {
        match &self.search.applied()?.matcher {
            crate::logs::Matcher::Search(pattern) => Some(pattern),
            crate::logs::Matcher::Filter(_) => None,
        }
    }

    /// The time of a line, as its column shows it.
    pub fn time_of_day(&self, time: Timestamp) -> String {
        export::zoned(time, &self.zone)
            .map_or_else(|| "--:--:--".to_owned(), |zoned| zoned.strftime("%H:%M:%S").to_string())
    }

    fn clock(&self, now: Timestamp) -> Clock {
        Clock { now, zone: self.zone.clone() }
    }

    fn place(&self) -> Place {
        Place { top: self.top, cursor: self.cursor }
    }
}

/// What the pane's heading says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Whose lines: `all`, `web`, `web, worker`.
    pub shown: String,
    /// The end is followed.
    pub following: bool,
    /// Frozen: how many lines came since.
    pub new: u64,
    /// The filter's text.
    pub filter: Option<String>,
    /// How many units it lets through.
    pub filtered: usize,
    /// The search's text.
    pub search: Option<String>,
    /// How many units have it, and, with the pane frozen, the number of the one at the cursor or before it.
    pub hits: (usize, usize),
    /// One of the two is still being worked on.
    pub working: bool,
    /// How many lines of the shown services were dropped to stay within the store's bound.
    pub dropped: u64,
    /// How many lines have a mark.
    pub marks: usize,
    /// There is no line to show at all.
    pub empty: bool,
}

impl LogView {
    /// What the pane's heading says.
    pub fn status(&self, store: &LogStore) -> Status {
        let lanes = self.lanes(store);
        let of_lanes = |count: &dyn Fn(&crate::logs::Lane) -> u64| {
            lanes.iter().filter_map(|id| store.lane(*id)).map(count).sum::<u64>()
        };
        let search = self.search.applied();
        let total = search.map_or(0, |applied| applied.index.count(&lanes));
        let here = search.zip(self.cursor).map_or(0, |(applied, cursor)| {
            let merged =
                crate::logs::Merged { store, lanes: &lanes, select: crate::logs::Select::Matching(&applied.index) };
            merged.count_to(cursor.unit)
        });
        Status {
            shown: match &self.shown {
                Shown::All => "all".to_owned(),
                Shown::Only(services) => services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", "),
            },
            following: self.is_following(),
            new: if self.is_following() { 0 } else { of_lanes(&crate::logs::Lane::end).saturating_sub(self.frozen_at) },
            filter: Some(self.filter.text().to_owned()).filter(|text| !text.is_empty()),
            filtered: self.filter.applied().map_or(0, |applied| applied.index.count(&lanes)),
            search: Some(self.search.text().to_owned()).filter(|text| !text.is_empty()),
            hits: (total, here),
            working: self.filter.is_pending() || self.search.is_pending(),
            dropped: of_lanes(&crate::logs::Lane::dropped),
            marks: self.marks.len(),
            empty: of_lanes(&|lane| lane.end() - lane.first()) == 0,
        }
    }
}
