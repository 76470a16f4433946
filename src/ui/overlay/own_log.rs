//! The end of devbox's own log, as tui-logger keeps it.
//!
//! Its records wait in a buffer of the crate, the newest of them when it is full, until [`tui_logger::move_events`] takes them
//! out, which happens here: no thread wakes for it.

use ratatui::{buffer::Buffer, widgets::Widget};
use tui_logger::{TuiLoggerLevelOutput, TuiLoggerWidget};

use super::window;
use crate::ui::Scene;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let screen = scene.geometry.screen;
    let (width, height) = (usize::from(screen.width).saturating_sub(8), usize::from(screen.height).saturating_sub(6));
    let area = window(scene, width, height, "devbox's own log", "Esc closes", buffer);
    tui_logger::move_events();
    TuiLoggerWidget::default()
        .style(scene.theme.text)
        .style_error(scene.theme.failed)
        .style_warn(scene.theme.wants)
        .style_debug(scene.theme.dim)
        .style_trace(scene.theme.dim)
        .output_level(Some(TuiLoggerLevelOutput::Long))
        .output_timestamp(Some("%H:%M:%S%.3f".to_owned()))
        .output_file(false)
        .output_line(false)
        .output_separator(' ')
        .render(area, buffer);
}
