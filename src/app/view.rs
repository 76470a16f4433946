//! Where the user is: focus, tab, cursor, selection, scroll positions. Nothing of the project's own state.

use std::collections::BTreeSet;

use crate::model::ServiceName;

/// A pane that can be focused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The service list.
    Services,
    /// The selected service's facts.
    Detail,
    /// The tabs.
    Main,
}

/// A tab of the main pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tab {
    /// Lines of the services.
    Logs,
    /// Steps of builds.
    Build,
    /// Packages as declared, built and installed.
    Deps,
    /// What happened and why.
    Events,
}

impl Tab {
    /// The tabs in their order.
    pub const ALL: [Tab; 4] = [Tab::Logs, Tab::Build, Tab::Deps, Tab::Events];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Tab::Logs => "Logs",
            Tab::Build => "Build",
            Tab::Deps => "Deps",
            Tab::Events => "Events",
        }
    }

    /// Its position, from 1.
    pub fn number(self) -> u8 {
        match self {
            Tab::Logs => 1,
            Tab::Build => 2,
            Tab::Deps => 3,
            Tab::Events => 4,
        }
    }
}

/// Where the user is.
#[derive(Debug, Clone)]
pub struct View {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The focused pane.
    pub focus: Pane,
    /// The shown tab.
    pub tab: Tab,
    /// The focused pane takes the whole screen.
    pub zoomed: bool,
    /// The service under the cursor; kept by name, so that it stays when the list changes.
    pub cursor: Option<ServiceName>,
    /// Services selected with space; empty means the one under the cursor.
    pub selected: BTreeSet<ServiceName>,
    /// First shown row of the service list.
    pub list_top: usize,
    /// First shown line of the detail pane.
    pub detail_top: usize,
    /// Rows above the end of the Build tab's text, 0 follows it; of a failed build rows below its top.
    pub build_back: usize,
    /// How many builds before the newest one is shown.
    pub build_before: usize,
    /// First shown line of the Deps tab.
    pub deps_top: usize,
    /// The event under the cursor, counted from the newest.
    pub event: usize,
    /// The user moved since the dashboard opened or a job began: tabs no longer change on their own.
    pub moved: bool,
    /// The mouse belongs to devbox; otherwise to the terminal's own selection.
    pub mouse: bool,
}

impl Default for View {
    fn default() -> Self {
        Self {
            size: (80, 24),
            focus: Pane::Services,
            tab: Tab::Logs,
            zoomed: false,
            cursor: None,
            selected: BTreeSet::new(),
            list_top: 0,
            detail_top: 0,
            build_back: 0,
            build_before: 0,
            deps_top: 0,
            event: 0,
            moved: false,
            mouse: true,
        }
    }
}
