//! Lines as text that leaves devbox: for the clipboard, for a file.

use jiff::tz::TimeZone;

use super::layout::label;
use crate::logs::{Index, LaneId, LogStore, Merged, Position, Select};

/// All lines that the pane shows, to be written to a file beside the loop.
#[derive(Debug, Clone)]
pub struct Export {
    pub(super) store: LogStore,
    pub(super) lanes: Vec<LaneId>,
    pub(super) filter: Option<Index>,
    pub(super) zone: TimeZone,
    /// The file's name without its ending: the services and the time.
    pub name: String,
}

impl PartialEq for Export {
    fn eq(&self, other: &Self) -> bool {
        (self.store.version(), &self.lanes, &self.name) == (other.store.version(), &other.lanes, &other.name)
    }
}

impl Export {
    /// The text, one line a line: time, service where there are several, text. Blocks are written out.
    pub fn text(&self) -> String {
        let select = self.filter.as_ref().map_or(Select::All, Select::Matching);
        let merged = Merged { store: &self.store, lanes: &self.lanes, select };
        let mut text = String::new();
        for unit in merged.forward(Position::START) {
            for seq in lines_of(&self.store, unit) {
                let Some(lane) = self.store.lane(unit.lane) else { continue };
                let Some(line) = lane.line(seq) else { continue };
                if let Some(time) = zoned(line.time, &self.zone) {
                    text.push_str(&time.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z ").to_string());
                }
                if self.lanes.len() > 1 {
                    text.push_str(&label(&self.store, lane.source()));
                    text.push(' ');
                }
                text.push_str(line.text);
                text.push('\n');
            }
        }
        text
    }
}

/// A moment in a zone.
pub(super) fn zoned(time: crate::model::Timestamp, zone: &TimeZone) -> Option<jiff::Zoned> {
    Some(jiff::Timestamp::from_nanosecond(time.0.into()).ok()?.to_zoned(zone.clone()))
}

/// All lines of a unit, folded or not.
pub fn lines_of(store: &LogStore, unit: Position) -> Vec<u64> {
    let lane = store.lane(unit.lane);
    match lane.and_then(|lane| Some((lane, *lane.block(unit.seq)?))) {
        Some((lane, block)) => lane.members(block).collect(),
        None => vec![unit.seq],
    }
}

/// The texts of these lines, with names if they are not all of one source.
pub(super) fn copied(store: &LogStore, lines: &[(LaneId, u64)]) -> String {
    let one = lines.windows(2).all(|pair| pair[0].0 == pair[1].0);
    let mut text = String::new();
    for (id, seq) in lines {
        let Some(lane) = store.lane(*id) else { continue };
        let Some(line) = lane.line(*seq) else { continue };
        if !one {
            text.push_str(&label(store, lane.source()));
            text.push_str("  ");
        }
        text.push_str(line.text);
        text.push('\n');
    }
    text
}
