//! The pictures of the documentation: real frames as SVG. A test draws them anew and says so when one in `assets/` is
//! no longer what the dashboard looks like; `DEVBOX_PICTURES=write cargo test pictures` writes them.

use std::{env, fmt::Write as _, fs, path::Path};

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use super::draw;
use crate::app::{
    fixture::{self, send, steady},
    message::Message,
    state::State,
};

/// A cell of the picture, in pixels.
const CELL: (u32, u32) = (8, 17);

/// The sixteen colours on a dark ground, and that ground.
fn colour(colour: Color, otherwise: &'static str) -> String {
    let named = match colour {
        Color::Black => "#1d2026",
        Color::Red | Color::LightRed => "#e86671",
        Color::Green | Color::LightGreen => "#98c379",
        Color::Yellow | Color::LightYellow => "#e5c07b",
        Color::Blue | Color::LightBlue => "#61afef",
        Color::Magenta | Color::LightMagenta => "#c678dd",
        Color::Cyan | Color::LightCyan => "#56b6c2",
        Color::Gray | Color::White => "#dcdfe4",
        Color::DarkGray => "#7f848e",
        Color::Rgb(red, green, blue) => return format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Reset | Color::Indexed(_) => otherwise,
    };
    named.to_owned()
}

const GROUND: &str = "#1d2026";
const TEXT: &str = "#c8ccd4";

/// What makes two cells part of one run: foreground, background, and how the text stands.
fn look(cell: &Cell) -> (String, Option<String>, &'static str) {
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    let (text, ground) = (colour(cell.fg, TEXT), colour(cell.bg, GROUND));
    let (text, ground) = if reversed { (ground, text) } else { (text, ground) };
    let text = if cell.modifier.contains(Modifier::DIM) && !reversed { "#7f848e".to_owned() } else { text };
    let weight = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    (text, (ground != GROUND).then_some(ground), weight)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn svg(buffer: &Buffer) -> String {
    let (width, height) = (u32::from(buffer.area.width) * CELL.0 + 20, u32::from(buffer.area.height) * CELL.1 + 20);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"13\" xml:space=\"preserve\">\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let (start, style) = (x, look(&buffer[(x, y)]));
            let mut run = String::new();
            while x < buffer.area.width && look(&buffer[(x, y)]) == style {
                run.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            let (text, ground, weight) = style;
            let (left, top) = (u32::from(start) * CELL.0 + 10, u32::from(y) * CELL.1 + 10);
            let columns = u32::from(x - start) * CELL.0;
            if let Some(ground) = ground {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{columns}\" height=\"{}\" fill=\"{ground}\"/>",
                    CELL.1
                );
            }
            if !run.trim().is_empty() {
                let _ = writeln!(
                    svg,
                    "<text x=\"{left}\" y=\"{}\" textLength=\"{columns}\" lengthAdjust=\"spacing\" fill=\"{text}\"{weight}>{}</text>",
                    top + 13,
                    escape(&run)
                );
            }
        }
    }
    svg + "</g>\n</svg>\n"
}

fn check(name: &str, state: &State) {
    let (columns, rows) = state.view.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(state, frame)).unwrap();
    let drawn = svg(terminal.backend().buffer());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
    if env::var_os("DEVBOX_PICTURES").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == drawn,
        "{} is not what the dashboard looks like: DEVBOX_PICTURES=write cargo test pictures",
        path.display()
    );
}

#[test]
fn pictures_are_what_the_dashboard_looks_like() {
    let mut state = steady(132, 30);
    send(&mut state, Message::Changes(fixture::change()));
    check("dashboard.svg", &state);
}
