//! What a user can ask for: one closed list, with the words and the keys of each.
//!
//! Owns the names (config.toml and the palette use them) and the default keys. What an action does is `update`'s matter,
//! whether it can be done now is [`super::available`]'s.

/// Something that a user can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// A screenful down.
    PageDown,
    /// A screenful up.
    PageUp,
    /// Text to the left.
    Left,
    /// Text to the right.
    Right,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// The tab of that position, from 1.
    ShowTab(u8),
    /// Selects the service under the cursor, or no longer.
    Select,
    /// Goes in.
    Enter,
    /// Goes back out, never out of the program.
    Back,
    /// The focused pane takes the whole screen, and gives it back.
    Zoom,
    /// Rebuilds what changed, or the selected services.
    Rebuild,
    /// Rebuilds with a pull and without the cache.
    RebuildFresh,
    /// Applies the plan.
    ApplyPlan,
    /// Restarts the selected services.
    Restart,
    /// Stops the selected services.
    Stop,
    /// Stops and removes the project's containers and networks.
    TakeDown,
    /// The same with its volumes; asks first.
    TakeDownVolumes,
    /// Removes containers of services that are not in the file any more.
    RemoveOrphans,
    /// A shell in the container.
    Shell,
    /// A shell on the whole screen.
    ShellScreen,
    /// The service's own process.
    Attach,
    /// The text diff of the waiting change.
    Diff,
    /// Ignores the change, or closes the notice.
    Dismiss,
    /// The logs of all services by time.
    MergedLogs,
    /// Follows the log's end, or freezes.
    Follow,
    /// Searches the log.
    Search,
    /// The next hit.
    NextHit,
    /// The hit before.
    PreviousHit,
    /// Filters the log as one types.
    Filter,
    /// The next error of any service.
    NextError,
    /// The error before of any service.
    PreviousError,
    /// Wraps long lines, or cuts them.
    Wrap,
    /// Shows the time of each line, or not.
    Timestamps,
    /// Shows JSON lines as fields, or as they are.
    Fields,
    /// Marks the line.
    Mark,
    /// Copies the line or the marked lines.
    Copy,
    /// Copies the last error with its traceback.
    CopyLastError,
    /// Copies the lines that the pane shows.
    CopyScreen,
    /// Copies the last hundred of the shown lines, also those off the screen.
    CopyLast,
    /// Saves the shown log to a file.
    SaveLog,
    /// Opens the service's published address.
    OpenAddress,
    /// Finds an action, a service or a tab by name.
    Palette,
    /// The keys of where one is.
    Help,
    /// devbox's own log.
    OwnLog,
    /// The mouse for devbox, or for the terminal's own selection.
    Mouse,
    /// Draws everything anew.
    Redraw,
    /// Cancels what runs; with nothing running asks whether to leave.
    Interrupt,
    /// Puts devbox into the background, as shells know it.
    Background,
    /// Leaves; the services go on.
    Quit,
    /// Stops everything and leaves.
    QuitAndStop,
}

/// Where an action belongs in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Moving about.
    Move,
    /// Doing something with services.
    Services,
    /// The log pane.
    Logs,
    /// devbox itself.
    Program,
}

/// The words and keys of one action.
#[derive(Debug)]
pub struct ActionInfo {
    /// Which.
    pub action: Action,
    /// Its name in config.toml: lower case, words joined by `-`.
    pub name: &'static str,
    /// A word or two for the key bar.
    pub short: &'static str,
    /// A sentence part for the palette and the help.
    pub title: &'static str,
    /// Its keys unless config.toml says otherwise, the one to show first.
    pub keys: &'static [&'static str],
    /// Where it stands in the help.
    pub group: Group,
}

macro_rules! actions {
    ($($group:ident { $($action:expr, $name:literal, $short:literal, $title:literal, [$($key:literal),*];)* })*) => {
        /// Every action, in the order in which the help shows them.
        pub const ACTIONS: &[ActionInfo] = {
            use Action::*;
            &[$($(ActionInfo { action: $action, name: $name, short: $short, title: $title, keys: &[$($key),*], group: Group::$group },)*)*]
        };
    };
}

actions! {
    Move {
        Down, "down", "down", "one row down", ["j", "Down"];
        Up, "up", "up", "one row up", ["k", "Up"];
        Top, "top", "top", "to the first row", ["g", "Home"];
        Bottom, "bottom", "bottom", "to the last row", ["G", "End"];
        PageDown, "page-down", "page down", "a screenful down", ["PgDn", "Ctrl-D"];
        PageUp, "page-up", "page up", "a screenful up", ["PgUp", "Ctrl-U"];
        Left, "left", "left", "text to the left", ["Left"];
        Right, "right", "right", "text to the right", ["Right"];
        NextPane, "next-pane", "pane", "next pane", ["Tab"];
        PreviousPane, "previous-pane", "pane", "previous pane", ["S-Tab"];
        ShowTab(1), "tab-1", "logs", "the Logs tab", ["1"];
        ShowTab(2), "tab-2", "build", "the Build tab", ["2"];
        ShowTab(3), "tab-3", "deps", "the Deps tab", ["3"];
        ShowTab(4), "tab-4", "events", "the Events tab", ["4"];
        Enter, "enter", "open", "go in: logs, traceback, cause", ["Enter"];
        Back, "back", "back", "go back out", ["Esc"];
        Select, "select", "select", "select several services", ["Space"];
        Zoom, "zoom", "zoom", "one pane on the whole screen", ["z"];
    }
    Services {
        Rebuild, "rebuild", "rebuild", "rebuild what changed, or selected", ["b"];
        RebuildFresh, "rebuild-fresh", "fresh", "rebuild fresh: pull, no cache", ["F"];
        ApplyPlan, "apply", "up", "up: apply the plan", ["u"];
        Restart, "restart", "restart", "restart", ["r"];
        Stop, "stop", "stop", "stop", ["S"];
        Shell, "shell", "shell", "a shell in the container", ["s"];
        ShellScreen, "shell-screen", "shell", "a shell on the whole screen", ["!"];
        Attach, "attach", "attach", "attach to the service's process", ["a"];
        Diff, "diff", "diff", "the diff of the waiting change", ["d"];
        Dismiss, "dismiss", "close", "ignore the change; close a notice", ["x"];
        OpenAddress, "open", "open", "open the published address", ["o"];
        TakeDown, "take-down", "down", "down: remove the project's containers and networks", [];
        RemoveOrphans, "remove-orphans", "orphans", "remove containers of services that are not in the file", [];
        TakeDownVolumes, "take-down-volumes", "down -v", "down with its volumes: their data is lost", [];
    }
    Logs {
        MergedLogs, "merged-logs", "logs", "the logs of all services, by time", ["l"];
        Follow, "follow", "follow", "follow the end, or freeze", ["f"];
        Search, "search", "search", "search", ["/"];
        NextHit, "next-hit", "next", "next hit", ["n"];
        PreviousHit, "previous-hit", "previous", "previous hit", ["N"];
        Filter, "filter", "filter", "filter as you type", ["&"];
        NextError, "next-error", "next error", "next error of any service", ["e"];
        PreviousError, "previous-error", "previous error", "previous error of any service", ["E"];
        Wrap, "wrap", "wrap", "wrap long lines, or cut them", ["w"];
        Timestamps, "timestamps", "times", "show each line's time, or not", ["t"];
        Fields, "fields", "fields", "JSON as fields, or as written", ["J"];
        Mark, "mark", "mark", "mark the line", ["m"];
        Copy, "copy", "copy", "copy the line or the marked lines", ["y"];
        CopyLastError, "copy-last-error", "copy error", "copy the last error", ["Y"];
        CopyScreen, "copy-screen", "copy screen", "copy the lines on screen", [];
        CopyLast, "copy-last", "copy last", "copy the last 100 lines", [];
        SaveLog, "save-log", "save", "save the shown log to a file", [];
    }
    Program {
        Palette, "palette", "commands", "commands, services, tabs by name", [":"];
        Help, "help", "help", "the keys of where you are", ["?"];
        OwnLog, "own-log", "devbox's log", "devbox's own log", ["L"];
        Mouse, "mouse", "mouse", "mouse for devbox or the terminal", ["M"];
        Redraw, "redraw", "redraw", "draw everything anew", ["Ctrl-L"];
        Interrupt, "interrupt", "cancel", "cancel what runs, or ask to leave", ["Ctrl-C"];
        Background, "background", "background", "put devbox into the background", ["Ctrl-Z"];
        Quit, "quit", "quit", "leave; the services go on", ["q"];
        QuitAndStop, "quit-and-stop", "stop and quit", "stop everything and leave", ["Q"];
    }
}

impl Action {
    /// Its words and keys. Every action is in the table (a test sees to it).
    pub fn info(self) -> &'static ActionInfo {
        ACTIONS.iter().find(|info| info.action == self).unwrap_or(&ACTIONS[0])
    }

    /// The action of that name in config.toml.
    pub fn named(name: &str) -> Option<Action> {
        ACTIONS.iter().find(|info| info.name == name).map(|info| info.action)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_actions_are_unique() {
        let names: BTreeSet<_> = ACTIONS.iter().map(|info| info.name).collect();
        let actions: BTreeSet<_> = ACTIONS.iter().map(|info| info.action).collect();
        assert_eq!((names.len(), actions.len()), (ACTIONS.len(), ACTIONS.len()));
    }

    #[test]
    fn every_action_is_found_by_its_name() {
        for info in ACTIONS {
            assert_eq!(Action::named(info.name), Some(info.action));
            assert_eq!(info.action.info().name, info.name);
        }
    }
}
