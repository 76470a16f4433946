//! The line above the keys: what wants the user, and the keys that act on it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, mask::masked, pane, rest, text};
use crate::app::{action::Action, notices, state::State};

pub(super) fn draw(scene: &Scene<'_>, buffer: &mut Buffer) {
    let area = scene.geometry.notice;
    let all = notices::all(scene.state);
    let Some(notice) = all.first().filter(|_| !area.is_empty()) else { return };
    let theme = scene.theme;
    let acts = acts(scene.state, &notice.acts, usize::from(area.width) / 2);
    let wide: usize = acts.iter().map(|(key, word)| text::width(key) + text::width(word) + 3).sum();
    let mut left = area.right().saturating_sub(u16::try_from(wide).unwrap_or(0));
    let words = Rect { width: left.saturating_sub(area.x + 1), ..area };
    let mut x = pane::row(buffer, words, 0, area.x + 1, notice.role.sign(), theme.role(notice.role)) + 1;
    let others = if all.len() > 1 { format!("  (1 of {})", all.len()) } else { String::new() };
    x = pane::row(buffer, words, 0, x, &masked(&notice.text), theme.role(notice.role)) + 2;
    for piece in &notice.more {
        if rest(words, x) < 4 {
            break;
        }
        x = pane::row(buffer, words, 0, x, piece, theme.text) + 2;
    }
    pane::row(buffer, words, 0, x.saturating_sub(2), &others, theme.dim);
    for (key, word) in acts {
        left = pane::row(buffer, area, 0, left, &key, theme.strong) + 1;
        left = pane::row(buffer, area, 0, left, word, theme.dim) + 2;
    }
}

/// The keys that act on a notice, as many as fit.
fn acts<'a>(state: &State, acts: &[(Action, &'a str)], room: usize) -> Vec<(String, &'a str)> {
    let mut used = 0;
    let with_key = |(action, word): &(Action, &'a str)| Some((state.keymap.key(*action)?.to_string(), *word));
    let fits = |(key, word): &(String, &'a str)| {
        used += text::width(key) + text::width(word) + 3;
        used <= room
    };
    acts.iter().filter_map(with_key).take_while(fits).collect()
}
