//! State -> frame. [`draw`] only reads: sizes come from `app::geometry`, scroll positions from the state, and nothing is
//! written back. One file a pane.
//!
//! No text reaches the terminal but through [`text`], which makes what containers and builders wrote harmless.

mod build;
mod deps;
mod detail;
mod events;
mod header;
mod keys;
mod logs;
mod main_pane;
mod mask;
mod notice;
mod overlay;
mod pane;
mod services;
pub mod text;
pub mod theme;

#[cfg(test)]
mod picture;
#[cfg(test)]
mod tests;

use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Modifier};

use self::theme::Theme;
use crate::app::{
    geometry::{Geometry, Layout, SMALLEST},
    state::State,
    view::Pane,
};

/// Draws the whole state.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    paint(state, area.width, area.height, frame.buffer_mut());
}

/// Draws into a buffer of that size; the state's own idea of the size is one turn older while the terminal is resized.
fn paint(state: &State, width: u16, height: u16, buffer: &mut Buffer) {
    let theme = Theme::of(&state.appearance);
    let geometry = if state.view.size == (width, height) {
        state.geometry()
    } else {
        Geometry::new(width, height, state.wanted())
    };
    buffer.set_style(geometry.screen, theme.text);
    if geometry.layout == Layout::TooSmall {
        return too_small(buffer, width, height);
    }
    let scene = Scene { state, theme: &theme, geometry: &geometry };
    header::draw(&scene, buffer);
    services::draw(&scene, buffer);
    detail::draw(&scene, buffer);
    main_pane::draw(&scene, buffer);
    if state.engine.is_lost() {
        // What is shown is what was last known.
        for pane in [Pane::Services, Pane::Detail] {
            buffer.set_style(geometry.pane(pane), theme.stale);
        }
    }
    notice::draw(&scene, buffer);
    keys::draw(&scene, buffer);
    overlay::draw(&scene, buffer);
}

fn too_small(buffer: &mut Buffer, width: u16, height: u16) {
    let (columns, rows) = SMALLEST;
    let words = format!("devbox needs {columns}x{rows}, this is {width}x{height}");
    if height > 0 {
        let shown = text::cut(&words, usize::from(width));
        buffer.set_string(0, height / 2, shown, ratatui::style::Style::default().add_modifier(Modifier::BOLD));
    }
}

/// What every pane reads.
struct Scene<'a> {
    state: &'a State,
    theme: &'a Theme,
    geometry: &'a Geometry,
}

impl Scene<'_> {
    /// Whether a pane has the focus and nothing lies over it.
    fn focused(&self, pane: Pane) -> bool {
        self.state.view.focus == pane && self.state.overlay.is_none()
    }
}

/// A one-line area's rest, from `x` on.
fn rest(area: Rect, x: u16) -> usize {
    usize::from(area.right().saturating_sub(x))
}
