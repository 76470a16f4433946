//! Moving about: the cursor of the list, the scroll positions of the panes.

use crate::app::{
    build_text, deps_text, rows,
    state::State,
    view::{Pane, Tab},
};

/// How far a movement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// By rows; negative is up.
    Rows(isize),
    /// By screenfuls.
    Pages(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl Step {
    fn rows(self, page: usize) -> isize {
        let page = isize::try_from(page.max(2) - 1).unwrap_or(1);
        match self {
            Step::Rows(rows) => rows,
            Step::Pages(pages) => pages.saturating_mul(page),
            Step::First => isize::MIN,
            Step::Last => isize::MAX,
        }
    }

    /// From a position among `count` rows to the next one.
    pub(super) fn apply(self, at: usize, count: usize, page: usize) -> usize {
        at.saturating_add_signed(self.rows(page)).min(count.saturating_sub(1))
    }
}

/// Moves in a pane.
pub(super) fn step(state: &mut State, pane: Pane, step: Step) {
    let page = usize::from(state.geometry().content(pane).height);
    match (pane, state.view.tab) {
        (Pane::Services, _) => cursor(state, step, page),
        (Pane::Detail, _) => {
            let lines = crate::app::facts::facts(state).len();
            let last = lines.saturating_sub(page) + 1;
            state.view.detail_top = step.apply(state.view.detail_top, last, page);
        }
        (Pane::Main, Tab::Logs) => {}
        (Pane::Main, Tab::Build) => build(state, step, page),
        (Pane::Main, Tab::Deps) => {
            let last = (deps_text::lines(state).len() + 1).saturating_sub(page);
            state.view.deps_top = step.apply(state.view.deps_top, last, page);
        }
        (Pane::Main, Tab::Events) => {
            state.view.event = step.apply(state.view.event, state.history.len(), page);
        }
    }
}

fn cursor(state: &mut State, step: Step, page: usize) {
    let names: Vec<_> = rows::order(state).into_iter().map(|service| service.name.clone()).collect();
    let at = names.iter().position(|name| Some(name) == state.view.cursor.as_ref()).unwrap_or(0);
    state.view.cursor = names.get(step.apply(at, names.len(), page)).cloned();
    state.view.detail_top = 0;
    state.view.deps_top = 0;
    keep_cursor_in_view(state);
}

/// The Build tab's position counts lines from the end where it follows, and from the top where a failure stays there.
fn build(state: &mut State, step: Step, page: usize) {
    let count = build_text::lines(state).len();
    let most = count.saturating_sub(page);
    let top = step.apply(build_text::top(state, count, page), most + 1, page);
    state.view.build_back = if build_text::stays_on_top(state) { top } else { most - top };
}

/// Scrolls the list so that the cursor's row is seen.
pub(super) fn keep_cursor_in_view(state: &mut State) {
    let rows = usize::from(state.geometry().content(Pane::Services).height);
    let order = rows::order(state);
    let count = order.len();
    let at = order.iter().position(|service| Some(&service.name) == state.view.cursor.as_ref()).unwrap_or(0);
    if rows == 0 {
        return;
    }
    let top = state.view.list_top.clamp((at + 1).saturating_sub(rows), at);
    state.view.list_top = top.min(count.saturating_sub(rows));
}
