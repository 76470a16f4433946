//! Frames of named states at several sizes, and styles where colour carries meaning.

use std::sync::Arc;

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::draw;
use crate::{
    app::{
        files::Reading,
        fixture::{self, NOW, press, send, steady},
        message::{EngineReport, Input, Message, Probe},
        state::{Colours, State},
    },
    execute::Verdict,
    manifest::comparison::Comparison,
    model::{ContainerId, Diagnostic, Excerpt, Place},
};

fn buffer(state: &State) -> Buffer {
    let (columns, rows) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(state, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(state: &State) -> String {
    let buffer = buffer(state);
    let row = |y| {
        let cells: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        cells.trim_end().to_owned() + "\n"
    };
    (0..buffer.area.height).map(row).collect()
}

const SIZES: [(u16, u16); 4] = [(160, 48), (100, 30), (60, 16), (40, 10)];

/// One snapshot a size.
fn check(name: &str, make: impl Fn(u16, u16) -> State) {
    for (columns, rows) in SIZES {
        insta::with_settings!({ snapshot_path => "../../tests/snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("{name}_{columns}x{rows}"), text(&make(columns, rows)));
        });
    }
}

#[test]
fn before_anything_is_known() {
    check("empty", fixture::empty);
}

#[test]
fn steady_state() {
    check("steady", steady);
}

fn change_waits(columns: u16, rows: u16) -> State {
    let mut state = steady(columns, rows);
    send(&mut state, Message::Changes(fixture::change()));
    state
}

#[test]
fn a_change_waits() {
    check("change_waits", change_waits);
}

#[test]
fn packages_side_by_side() {
    check("deps", |columns, rows| {
        let mut state = change_waits(columns, rows);
        fixture::answered(&mut state, Ok(Arc::new(fixture::comparison())));
        state
    });
}

#[test]
fn a_pane_that_grows_shows_no_blank_end() {
    let mut state = change_waits(60, 16);
    fixture::answered(&mut state, Ok(Arc::new(fixture::comparison())));
    press(&mut state, "G");
    assert!(!text(&state).contains("PACKAGE"));
    send(&mut state, Message::Input(Input::Resized(160, 48)));
    assert!(text(&state).contains("PACKAGE") && text(&state).contains("from  requirements.txt"));
}

#[test]
fn packages_of_what_cannot_be_asked() {
    let state = |answer| {
        let mut state = steady(100, 30);
        fixture::answered(&mut state, answer);
        text(&state)
    };
    let unknown = Comparison {
        built_unknown: Some("the image doesn't say what it was built from".into()),
        installed_unknown: Some("web does not run".into()),
        ..Comparison::default()
    };
    let shown = state(Ok(Arc::new(unknown)));
    assert!(shown.contains("! what is built is not known: the image doesn't say"), "{shown}");
    assert!(shown.contains("Its manifests name no packages."), "{shown}");
    let shown = state(Err(Arc::new(Diagnostic::error("the container went away"))));
    assert!(shown.contains("the container went away"), "{shown}");
}

#[test]
fn the_diff_of_a_change() {
    check("diff", |columns, rows| {
        let mut state = change_waits(columns, rows);
        press(&mut state, "d");
        state
    });
}

#[test]
fn building() {
    check("building", |columns, rows| {
        let mut state = change_waits(columns, rows);
        fixture::building(&mut state);
        state
    });
}

fn build_failed(columns: u16, rows: u16) -> State {
    let mut state = change_waits(columns, rows);
    let job = fixture::building(&mut state);
    fixture::build_fails(&mut state, job);
    state
}

#[test]
fn a_build_failed() {
    check("build_failed", build_failed);
}

fn engine_lost(columns: u16, rows: u16) -> State {
    let mut state = steady(columns, rows);
    let why = Arc::new(Diagnostic::error("the engine closed the connection"));
    let retry_at = NOW.after(std::time::Duration::from_secs(4));
    send(&mut state, Message::Engine(EngineReport::Lost { why, retry_at }));
    state
}

#[test]
fn the_engine_is_lost() {
    check("engine_lost", engine_lost);
}

#[test]
fn a_service_crashed() {
    check("crash", |columns, rows| {
        let mut state = steady(columns, rows);
        fixture::with_observed(&mut state, fixture::crashed);
        press(&mut state, "j j j");
        state
    });
}

#[test]
fn a_service_is_unhealthy() {
    check("unhealthy", |columns, rows| {
        let mut state = steady(columns, rows);
        fixture::with_observed(&mut state, fixture::unhealthy);
        let output = "/var/run/postgresql:5432 - no response\n".to_owned();
        let probe = Probe { exit_code: 2, output, failures: 5 };
        send(&mut state, Message::Probed(ContainerId::from("db-1-id"), probe));
        press(&mut state, "k");
        state
    });
}

#[test]
fn an_edit_of_the_files_waits() {
    check("edit_waits", |columns, rows| {
        let mut state = steady(columns, rows);
        send(&mut state, Message::FilesChanged(vec!["/home/ada/shop/docker-compose.yaml".into()]));
        send(&mut state, fixture::loaded(fixture::edited()));
        state
    });
}

#[test]
fn the_files_are_wrong() {
    check("files_wrong", |columns, rows| {
        let mut state = steady(columns, rows);
        let place = Place { file: Arc::new("docker-compose.yaml".into()), line: 7, column: 5 };
        let excerpt = Excerpt { text: "    imge: redis:7".into(), width: 4, label: String::new() };
        let typo = Diagnostic::error("unknown key `imge` in service `cache`").at(place).excerpt(excerpt);
        let errors = vec![Arc::new(typo.help("did you mean `image`?"))];
        let reading = Reading { result: Err(errors), warnings: Vec::new(), files: Default::default() };
        send(&mut state, Message::Loaded(Box::new(reading)));
        press(&mut state, "Enter");
        state
    });
}

#[test]
fn the_palette() {
    check("palette", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, ": r e b");
        state
    });
}

#[test]
fn the_help() {
    check("help", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "?");
        state
    });
}

/// Two columns need 100 columns of the screen, and then nothing of it is cut.
#[test]
fn the_help_is_one_screen_of_whole_words() {
    let mut state = steady(100, 30);
    press(&mut state, "?");
    let shown = text(&state);
    let inside = |row: &str| row.split('│').any(|part| part.contains('…') && !part.contains("INFO") && part.len() > 80);
    assert!(shown.contains("stop everything and leave") && shown.contains("services"), "{shown}");
    assert!(!shown.lines().any(inside), "{shown}");
}

#[test]
fn a_question() {
    check("confirm", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "Ctrl-c");
        state
    });
}

#[test]
fn what_happened() {
    check("events", |columns, rows| {
        let mut state = build_failed(columns, rows);
        press(&mut state, "4");
        state
    });
}

#[test]
fn too_small() {
    let state = steady(32, 8);
    assert_eq!(text(&state).trim(), "devbox needs 40x10, this is 32x8");
}

#[test]
fn large_and_odd_sizes_draw() {
    for (columns, rows) in [(250, 80), (90, 22), (89, 40), (41, 11), (160, 10), (1, 1), (0, 0)] {
        let mut state = build_failed(columns.max(1), rows.max(1));
        for keys in ["z", "Tab z", "Tab", ":", "Esc ?", "Esc Ctrl-c"] {
            press(&mut state, keys);
            buffer(&state);
        }
    }
}

/// The style of the first cell of `words` in the frame.
fn style_of(state: &State, words: &str) -> ratatui::style::Style {
    let buffer = buffer(state);
    let found = (0..buffer.area.height).find_map(|y| {
        let row: Vec<&str> = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        let at = row.concat().find(words)?;
        let x = row
            .iter()
            .scan(0, |bytes, symbol| {
                *bytes += symbol.len();
                Some(*bytes)
            })
            .position(|end| end > at)?;
        Some((u16::try_from(x).unwrap(), y))
    });
    buffer[found.unwrap_or_else(|| panic!("{words:?} is not on the screen"))].style()
}

#[test]
fn colours_carry_meaning() {
    let state = build_failed(120, 40);
    assert_eq!(style_of(&state, "No matching distribution").fg, Some(Color::Red));
    assert_eq!(style_of(&state, "▲ web").fg, Some(Color::Yellow));
    assert_eq!(style_of(&state, "● cache").fg, Some(Color::Green));
    let lost = engine_lost(120, 40);
    assert_eq!(style_of(&lost, "engine lost").fg, Some(Color::Red));
}

#[test]
fn without_colours_the_selected_row_is_reversed_and_nothing_is_coloured() {
    let mut state = build_failed(120, 40);
    state.appearance.colours = Colours::None;
    let buffer = buffer(&state);
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(style_of(&state, "▲ web").add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn hostile_names_and_output_stay_text() {
    let mut state = build_failed(120, 40);
    let job = fixture::building(&mut state);
    let hostile = "\u{1b}]0;pwned\u{7}\u{1b}[2Jevil\u{202e}".to_owned();
    fixture::say(&mut state, job, crate::model::BuildEvent::Output(crate::model::BuildStepId(3), vec![hostile]));
    let screen = text(&state);
    assert!(screen.contains("│ evil"), "{screen}");
    assert!(!screen.contains("pwned") && !screen.chars().any(|c| c != '\n' && c.is_control()));
    fixture::finish(&mut state, job, Verdict::Cancelled);
}
