//! Colours as the terminal and the user want them: sixteen, 24 bits, none.

use vt100::Color;

use super::{FILE, settled};
use crate::support::{project::TestProject, terminal::Terminal};

/// Every colour on the screen of a dashboard with this theme and environment.
fn colours(subject: &str, theme: &str, environment: &[(&str, &str)]) -> Vec<Color> {
    let project = TestProject::without_engine(subject, &[("docker-compose.yaml", FILE)]);
    project.configure(&format!("theme = \"{theme}\"\n"));
    let nowhere = format!("unix://{}/nowhere.sock", project.path().display());
    let mut terminal = Terminal::devbox_with(&project, &["-H", &nowhere], environment, 100, 30);
    terminal.shows("engine lost");
    settled(&terminal);
    let shown = terminal.screen(|screen| {
        let cells = (0..30).flat_map(|row| (0..100).map(move |column| (row, column)));
        let cells = cells.filter_map(|(row, column)| screen.cell(row, column));
        cells.flat_map(|cell| [cell.fgcolor(), cell.bgcolor()]).collect::<Vec<_>>()
    });
    terminal.send("q");
    assert!(terminal.wait().success());
    shown.into_iter().filter(|colour| *colour != Color::Default).collect()
}

#[test]
fn a_terminal_has_sixteen_colours_unless_it_says_more() {
    let shown = colours("pty-sixteen", "dusk", &[]);
    assert!(!shown.is_empty());
    assert!(shown.iter().all(|colour| matches!(colour, Color::Idx(0..16))), "{shown:?}");
}

#[test]
fn a_theme_has_true_colour_where_the_terminal_has() {
    let shown = colours("pty-true", "dusk", &[("COLORTERM", "truecolor")]);
    assert!(shown.iter().any(|colour| matches!(colour, Color::Rgb(..))), "{shown:?}");
}

#[test]
fn without_colours_there_are_none() {
    for (subject, environment) in [("pty-none", ("NO_COLOR", "1")), ("pty-dumb", ("TERM", "dumb"))] {
        assert_eq!(colours(subject, "dusk", &[environment, ("COLORTERM", "truecolor")]), []);
    }
}
