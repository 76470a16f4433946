//! Frames of the log pane, wide and narrow, and its colours.

use std::time::Duration;

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::{
    app::{
        fixture::{self, NOW, lines, press, send, steady},
        message::{Input, Message},
        state::{Colours, State},
        view::Pane,
    },
    ui,
};

fn buffer(state: &State) -> Buffer {
    let (columns, rows) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| ui::draw(state, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The main pane's rows.
fn pane(state: &State) -> Vec<String> {
    let (buffer, area) = (buffer(state), state.geometry().pane(Pane::Main));
    let row = |y| (area.x..area.right()).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (area.y..area.bottom()).map(row).collect()
}

/// The pane, wide and narrow.
fn check(name: &str, make: impl Fn(u16, u16) -> State) {
    for (columns, rows) in [(150, 26), (60, 18)] {
        insta::with_settings!({ snapshot_path => "../../../tests/snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("logs_{name}_{columns}x{rows}"), pane(&make(columns, rows)).join("\n"));
        });
    }
}

/// Types into what is open.
fn type_text(state: &mut State, text: &str) {
    for c in text.chars() {
        let key = if c == ' ' { "Space".to_owned() } else { c.to_string() };
        press(state, &key);
    }
}

#[test]
fn all_services_are_merged_by_time() {
    check("merged", steady);
}

#[test]
fn a_traceback_unfolds() {
    check("unfolded", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "e j Enter");
        state
    });
}

#[test]
fn one_service_needs_no_name() {
    check("one", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "Enter t");
        state
    });
}

#[test]
fn a_filter_is_typed() {
    check("filter_typed", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "&");
        type_text(&mut state, "get !static");
        state
    });
}

#[test]
fn a_filter_that_cannot_be_read_says_why() {
    check("filter_wrong", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "&");
        type_text(&mut state, "level:loud");
        state
    });
}

#[test]
fn a_filter_and_a_search_are_in_force() {
    check("found", |columns, rows| {
        let mut state = steady(columns, rows);
        press(&mut state, "&");
        type_text(&mut state, "!redis");
        press(&mut state, "Enter /");
        type_text(&mut state, "get");
        press(&mut state, "Enter N m");
        state
    });
}

#[test]
fn long_lines_wrap() {
    check("wrapped", |columns, rows| {
        let mut state = steady(columns, rows);
        let long = "word ".repeat(60);
        send(&mut state, Message::Lines(vec![lines("web", &[(1, &long), (1, "日本語 \t tab")])]));
        press(&mut state, "w");
        state
    });
}

#[test]
fn nothing_is_explained() {
    let heading = |state: &State| pane(state).into_iter().skip(2).take(2).collect::<Vec<_>>();
    let explained = |state: &State| heading(state)[0].trim_matches(['│', ' ']).to_owned();
    let mut state = fixture::empty(150, 26);
    assert_eq!(explained(&state), "The engine has not answered yet.");
    fixture::with_observed(&mut state, |observed| observed.containers.clear());
    assert_eq!(explained(&state), "Nothing runs yet. u starts it.");
    press(&mut state, "Enter");
    assert_eq!(explained(&state), "web has never run. u starts it.");
    fixture::with_observed(&mut state, |_| {});
    assert_eq!(explained(&state), "web has not written anything yet.");
    fixture::with_observed(&mut state, |observed| {
        observed.containers.iter_mut().for_each(|container| container.log_driver = "none".into());
    });
    assert_eq!(explained(&state), "web keeps no log: its log driver is none.");
    send(&mut state, fixture::log());
    press(&mut state, "&");
    type_text(&mut state, "nowhere");
    press(&mut state, "Enter");
    assert_eq!(explained(&state), "No line matches nowhere. & changes the filter, Esc clears it.");
}

/// The cell in which `text` begins.
fn cell(state: &State, text: &str) -> Cell {
    let (buffer, area) = (buffer(state), state.geometry().pane(Pane::Main));
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            let rest: String = (x..area.right()).map(|x| buffer[(x, y)].symbol()).collect();
            if rest.starts_with(text) {
                return buffer[(x, y)].clone();
            }
        }
    }
    panic!("{text} is not shown");
}

#[test]
fn colour_has_a_role() {
    let mut state = steady(150, 26);
    assert_eq!(cell(&state, "GET / 200").fg, Color::Green);
    assert_eq!(cell(&state, "GET /basket").fg, Color::Reset);
    assert_eq!(cell(&state, "[ERROR").fg, Color::Red);
    assert_eq!(cell(&state, "ConnectionRefusedError").fg, Color::Red);
    assert_eq!(cell(&state, "WARNING slow query").fg, Color::Yellow);
    assert_eq!(cell(&state, "12:04:24").fg, Color::DarkGray);
    press(&mut state, "/");
    type_text(&mut state, "basket");
    assert_eq!(cell(&state, "basket 200").bg, Color::Yellow);
    press(&mut state, "Enter N");
    assert!(cell(&state, "GET /").modifier.is_empty());
    assert!(cell(&state, "GET /basket").modifier.contains(Modifier::REVERSED));
}

#[test]
fn without_colours_there_are_none() {
    let mut state = steady(150, 26);
    state.appearance.colours = Colours::None;
    press(&mut state, "/");
    type_text(&mut state, "basket");
    let buffer = buffer(&state);
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

#[test]
fn no_container_drives_the_terminal() {
    let mut state = steady(100, 24);
    let nasty =
        "\x1b[2J\x1b]0;x\x07\x1b[31m\u{202e}evil\u{200b}e\u{301}\u{301}\u{301}\u{301}\x00\x08\x08\tx\r\x1b[K\u{9b}31m";
    for control in ['\x1b', '\x07', '\u{9b}', '\u{202e}', '\u{200b}', '\r'] {
        let line = format!("{nasty}{control}{nasty}");
        send(&mut state, Message::Lines(vec![lines("web", &[(1, &line)])]));
    }
    let shown: String = buffer(&state).content().iter().map(|cell| cell.symbol().to_owned()).collect();
    assert!(!shown.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}')));
}

#[test]
fn what_was_dropped_is_counted() {
    let mut state = steady(150, 26);
    state.logs.set_limit(crate::model::ByteSize(20_000));
    for number in 0..1000 {
        send(&mut state, Message::Lines(vec![lines("web", &[(0, &format!("line {number}"))])]));
    }
    let dropped = state.logs.dropped(&fixture::name("web"));
    assert!(dropped > 0);
    let count = format!("{dropped} oldest lines dropped");
    let heading = pane(&state)[1].replace(',', "");
    assert!(heading.contains(&count), "{heading} {count}");
}

#[test]
fn any_size_is_drawn() {
    let mut state = steady(150, 26);
    press(&mut state, "e j Enter w");
    for columns in (1..200).step_by(7) {
        for rows in (1..50).step_by(4) {
            crate::app::update::update(
                &mut state,
                Message::Input(Input::Resized(columns, rows)),
                NOW.after(Duration::from_secs(5)),
            );
            buffer(&state);
            press(&mut state, "PgUp j");
        }
    }
}
