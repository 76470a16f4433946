//! The last line: the keys that work now, most wanted first, or a word on what was just done.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, pane, rest, text};
use crate::app::{action::Action, available};

/// What is always reachable, kept at the end of the line.
const ALWAYS: [Action; 3] = [Action::Palette, Action::Help, Action::Quit];

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let (state, theme) = (scene.state, scene.theme);
    let mut area = scene.geometry.keys;
    buffer.set_style(area, theme.bar);
    if let Some((said, _)) = &state.said {
        area = say(scene, area, said, buffer);
    }
    if let Some(keys) = available::taken(state) {
        return write(scene, area, keys, buffer);
    }
    let label = |action: Action| Some((state.keymap.key(action)?.to_string(), available::word(state, action)));
    let wide = |(key, word): &(String, &str)| text::width(key) + 1 + text::width(word) + 2;
    let always: Vec<_> = ALWAYS.into_iter().filter_map(label).collect();
    let reserved: usize = always.iter().map(wide).sum();
    let mut room = usize::from(area.width).saturating_sub(reserved + 1);
    let mut shown: Vec<(String, &str)> = Vec::new();
    for item in available::key_bar(state).into_iter().filter_map(label) {
        let takes = wide(&item);
        if takes > room {
            break;
        }
        room -= takes;
        shown.push(item);
    }
    write(scene, area, shown.into_iter().chain(always), buffer);
}

/// Writes keys and their words, as many as fit.
fn write(scene: &Scene<'_>, area: Rect, keys: impl IntoIterator<Item = (String, &'static str)>, buffer: &mut Buffer) {
    let theme = scene.theme;
    let mut x = area.x + 1;
    for (key, word) in keys {
        if rest(area, x) < text::width(&key) + 1 + text::width(word) {
            break;
        }
        x = pane::row(buffer, area, 0, x, &key, theme.strong.patch(theme.bar)) + 1;
        x = pane::row(buffer, area, 0, x, word, theme.dim.patch(theme.bar)) + 2;
    }
}

/// A word on the last action stands at the line's right end for a while; gives what is left of the line.
fn say(scene: &Scene<'_>, area: Rect, said: &str, buffer: &mut Buffer) -> Rect {
    let shown = text::cut(said, usize::from(area.width).saturating_sub(3));
    let wide = u16::try_from(text::width(&shown)).unwrap_or(0) + 1;
    let place = Rect { x: area.right().saturating_sub(wide), width: wide, ..area };
    pane::row(buffer, place, 0, place.x, &shown, scene.theme.wants.patch(scene.theme.bar));
    Rect { width: area.width.saturating_sub(wide + 2), ..area }
}
