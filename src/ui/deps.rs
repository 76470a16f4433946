//! The Deps tab: packages as declared, built and installed, in columns that keep their place.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, mask::masked, pane, text};
use crate::app::{
    deps_text::{self, Cells, Line},
    view::Pane,
};

/// A column is no wider than this: a source's address would push the others off the screen.
const WIDEST: usize = 20;
/// The most columns of a name.
const NAME: usize = 36;

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.content(Pane::Main);
    let theme = scene.theme;
    let lines = deps_text::lines(scene.state);
    let columns = Columns::fitting(&lines, usize::from(area.width));
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    // The pane may have been smaller when the user scrolled.
    let top = scene.state.view.deps_top.min(lines.len().saturating_sub(usize::from(area.height)));
    for (row, line) in lines.iter().skip(top).take(usize::from(area.height)).enumerate() {
        match line {
            Line::Heading { text, right } => {
                let end = pane::row_right(buffer, inner, row, right, theme.dim);
                let left = Rect { width: end.saturating_sub(area.x + 1), ..area };
                pane::row(buffer, left, row, area.x + 1, text, theme.strong);
            }
            Line::Columns => {
                let names = ["PACKAGE", "DECLARED", "IMAGE", "INSTALLED", "ASKED FOR BY"];
                pane::row(buffer, inner, row, area.x + 3, &columns.line(names), theme.dim);
            }
            Line::Package(cells) => package(scene, buffer, inner, row, cells, &columns),
            Line::Remark(role, words) => {
                let style = role.map_or(theme.text, |role| theme.role(role));
                pane::row(buffer, inner, row, area.x + 1, &masked(words), style);
            }
        }
    }
}

fn package(scene: &Scene<'_>, buffer: &mut Buffer, area: Rect, row: usize, cells: &Cells, columns: &Columns) {
    let theme = scene.theme;
    let style = cells.difference.map_or(theme.text, |difference| theme.role(deps_text::role(difference)));
    if let Some(difference) = cells.difference {
        pane::row(buffer, area, row, area.x + 1, difference.sign().encode_utf8(&mut [0; 4]), style);
    }
    let [name, declared, built, installed] =
        [&cells.name, &cells.declared, &cells.built, &cells.installed].map(|cell| masked(cell));
    let shown = columns.line([&name, &declared, &built, &installed, ""]);
    let x = pane::row(buffer, area, row, area.x + 3, &shown, style);
    if columns.why {
        let style = if cells.difference.is_some() { style } else { theme.dim };
        pane::row(buffer, area, row, x, &masked(&cells.why), style);
    }
}

/// How wide each column is; those without room are left out, who asks first, then what the image was built from.
struct Columns {
    name: usize,
    declared: usize,
    built: Option<usize>,
    installed: usize,
    why: bool,
}

impl Columns {
    fn fitting(lines: &[Line], room: usize) -> Self {
        let cells = || lines.iter().filter_map(|line| if let Line::Package(cells) = line { Some(cells) } else { None });
        let widest = |heading: &str, most: usize, cell: fn(&Cells) -> &String| {
            cells().map(|cells| text::width(cell(cells))).max().unwrap_or(0).max(heading.len()).min(most)
        };
        let mut columns = Self {
            name: widest("PACKAGE", NAME, |cells| &cells.name),
            declared: widest("DECLARED", WIDEST, |cells| &cells.declared),
            built: Some(widest("IMAGE", WIDEST, |cells| &cells.built)),
            installed: widest("INSTALLED", WIDEST, |cells| &cells.installed),
            why: true,
        };
        // The sign's three columns before, and room for a few words behind.
        let used = |columns: &Self| 3 + columns.line([""; 5]).len();
        columns.why = used(&columns) + 12 <= room;
        if used(&columns) > room {
            columns.built = None;
        }
        columns
    }

    fn line(&self, [name, declared, built, installed, why]: [&str; 5]) -> String {
        let mut line = text::fit(name, self.name);
        let cells = [(Some(self.declared), declared), (self.built, built), (Some(self.installed), installed)];
        for (width, cell) in cells {
            if let Some(width) = width {
                line.push_str("  ");
                line.push_str(&text::fit(cell, width));
            }
        }
        line.push_str("  ");
        line.push_str(if self.why { why } else { "" });
        line
    }
}
