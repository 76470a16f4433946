//! Where the tabs' names stand, for drawing and for the mouse; and which part of a list is shown.

use super::{
    state::State,
    view::{Pane, Tab},
};

/// One name of the tab line: `[1 Logs]` or `2 Build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The tab.
    pub tab: Tab,
    /// Its text.
    pub text: String,
    /// Its first column, counted from the pane's left edge.
    pub x: u16,
}

/// The tab names as they stand in the main pane's first line.
pub fn labels(state: &State) -> Vec<Label> {
    let mut x = 2;
    let mut labels = Vec::new();
    for tab in Tab::ALL {
        let shown = state.view.tab == tab;
        let text = if shown {
            format!("[{} {}]", tab.number(), tab.title())
        } else {
            format!("{} {}", tab.number(), tab.title())
        };
        let width = u16::try_from(text.len()).unwrap_or(0);
        labels.push(Label { tab, text, x });
        x += width + 2;
    }
    labels
}

/// The tab whose name is at a place of the screen.
pub fn hit(state: &State, column: u16, row: u16) -> Option<Tab> {
    let area = state.geometry().pane(Pane::Main);
    if area.is_empty() || row != area.y {
        return None;
    }
    let at = |label: &Label| {
        let start = area.x + label.x;
        (start..start + u16::try_from(label.text.len()).unwrap_or(0)).contains(&column)
    };
    labels(state).into_iter().find(at).map(|label| label.tab)
}

/// The first entry of the Events tab that is shown: the one under the cursor is always seen.
pub fn events_top(state: &State, rows: usize) -> usize {
    (state.view.event + 1).saturating_sub(rows.max(1))
}
