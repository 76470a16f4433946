//! Colours by role. A theme fills the roles; panes ask for a role and never for a colour.
//!
//! `terminal` uses the terminal's own sixteen colours and no background, so that it looks right in everybody's scheme.
//! The named themes use true colour, and fall back to `terminal` where the terminal has none. Without colours (NO_COLOR)
//! the modifiers stay: bold, dim, reversed.

use ratatui::style::{Color, Modifier, Style};

use crate::{
    app::{
        history::Role,
        state::{Appearance, Colours},
    },
    logs::ansi::{self, Attributes},
};

/// The names that config.toml's `theme` takes.
pub const THEMES: &[&str] = &["terminal", "dusk", "paper", "contrast"];

/// A style for each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Plain text.
    pub text: Style,
    /// What is secondary.
    pub dim: Style,
    /// What stands out: the project's name, keys.
    pub strong: Style,
    /// Works.
    pub works: Style,
    /// Wants the user.
    pub wants: Style,
    /// Failed.
    pub failed: Style,
    /// Busy.
    pub busy: Style,
    /// Border of the focused pane.
    pub focus: Style,
    /// Border of the others.
    pub border: Style,
    /// The row under the cursor in the focused pane.
    pub cursor: Style,
    /// The row under the cursor elsewhere.
    pub cursor_elsewhere: Style,
    /// A search hit.
    pub hit: Style,
    /// The key bar.
    pub bar: Style,
    /// What was known before the engine was lost.
    pub stale: Style,
    /// Services' own colours, chosen by name.
    services: [Color; 10],
    depth: Colours,
}

const ANSI: [Color; 10] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Blue,
    Color::LightCyan,
    Color::LightYellow,
    Color::LightGreen,
    Color::LightMagenta,
    Color::LightBlue,
];

/// The palette's first sixteen, which every terminal has.
const SIXTEEN: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// The colours of a named theme.
struct Palette {
    text: u32,
    ground: u32,
    dim: u32,
    green: u32,
    yellow: u32,
    red: u32,
    blue: u32,
    line: u32,
    raised: u32,
    services: [u32; 10],
}

const DUSK: Palette = Palette {
    text: 0xd8dee9,
    ground: 0x1c2028,
    dim: 0x7b8494,
    green: 0x9ece8a,
    yellow: 0xe8c47c,
    red: 0xe87c86,
    blue: 0x7cb2e8,
    line: 0x3d4657,
    raised: 0x2e3544,
    services: [0x7fd1c7, 0xe0b06f, 0xa3cf7d, 0xc79be0, 0x7fa8e8, 0x9be3ec, 0xe8d58f, 0xb9e3a0, 0xe3a5cf, 0xa9bdf5],
};

const PAPER: Palette = Palette {
    text: 0x2b2f36,
    ground: 0xfaf8f3,
    dim: 0x7d7a72,
    green: 0x2f7d32,
    yellow: 0x946200,
    red: 0xb3261e,
    blue: 0x1f5fa8,
    line: 0xcfc9bb,
    raised: 0xe9e4d8,
    services: [0x006d75, 0x8a5a00, 0x33691e, 0x7b1fa2, 0x1a4fa3, 0x00695c, 0x7a5b00, 0x4a6b00, 0x9c1f6b, 0x3949ab],
};

const CONTRAST: Palette = Palette {
    text: 0xffffff,
    ground: 0x000000,
    dim: 0xb8b8b8,
    green: 0x5fff5f,
    yellow: 0xffff5f,
    red: 0xff7070,
    blue: 0x7fbfff,
    line: 0x9a9a9a,
    raised: 0x3a3a3a,
    services: [0x5fffff, 0xffd75f, 0x87ff87, 0xff9fff, 0x9fbfff, 0xafffff, 0xffffaf, 0xd7ffaf, 0xffc0e0, 0xc0d0ff],
};

fn rgb(hex: u32) -> Color {
    Color::from_u32(hex)
}

impl Theme {
    /// The theme that was chosen, as far as the terminal can show it.
    pub fn of(appearance: &Appearance) -> Theme {
        let theme = match (appearance.colours, appearance.theme.as_str()) {
            (Colours::None, _) => Theme::plain(),
            (Colours::True, "dusk") => Theme::named(&DUSK),
            (Colours::True, "paper") => Theme::named(&PAPER),
            (Colours::True, "contrast") => Theme::named(&CONTRAST),
            (Colours::Sixteen | Colours::True, _) => Theme::terminal(),
        };
        Theme { depth: appearance.colours, ..theme }
    }

    fn plain() -> Theme {
        let style = Style::default();
        let bold = style.add_modifier(Modifier::BOLD);
        let dim = style.add_modifier(Modifier::DIM);
        Theme {
            text: style,
            dim,
            strong: bold,
            works: style,
            wants: bold,
            failed: bold,
            busy: style,
            focus: bold,
            border: dim,
            cursor: style.add_modifier(Modifier::REVERSED),
            cursor_elsewhere: bold,
            hit: style.add_modifier(Modifier::REVERSED),
            bar: style,
            stale: dim,
            services: ANSI,
            depth: Colours::None,
        }
    }

    fn terminal() -> Theme {
        let fg = |colour| Style::default().fg(colour);
        Theme {
            works: fg(Color::Green),
            wants: fg(Color::Yellow),
            failed: fg(Color::Red),
            busy: fg(Color::Blue),
            focus: fg(Color::Cyan),
            border: fg(Color::DarkGray),
            dim: fg(Color::DarkGray),
            hit: Style::default().fg(Color::Black).bg(Color::Yellow),
            depth: Colours::Sixteen,
            ..Theme::plain()
        }
    }

    fn named(palette: &Palette) -> Theme {
        let fg = |hex| Style::default().fg(rgb(hex));
        let bold = |hex| fg(hex).add_modifier(Modifier::BOLD);
        Theme {
            text: fg(palette.text).bg(rgb(palette.ground)),
            dim: fg(palette.dim),
            strong: bold(palette.text),
            works: fg(palette.green),
            wants: fg(palette.yellow),
            failed: fg(palette.red),
            busy: fg(palette.blue),
            focus: fg(palette.blue),
            border: fg(palette.line),
            cursor: Style::default().bg(rgb(palette.raised)).add_modifier(Modifier::BOLD),
            cursor_elsewhere: Style::default().add_modifier(Modifier::BOLD),
            hit: Style::default().fg(rgb(palette.ground)).bg(rgb(palette.yellow)),
            bar: Style::default().bg(rgb(palette.raised)),
            stale: Style::default().add_modifier(Modifier::DIM),
            services: palette.services.map(rgb),
            depth: Colours::True,
        }
    }

    /// The style of a role.
    pub fn role(&self, role: Role) -> Style {
        match role {
            Role::Works => self.works,
            Role::Busy => self.busy,
            Role::Wants | Role::Look => self.wants,
            Role::Failed => self.failed,
            Role::Off => self.dim,
        }
    }

    /// Colours and attributes as a program chose them, as far as the terminal can show them.
    pub fn program(&self, chosen: ansi::Style) -> Style {
        let mut style = self.text;
        if let Some(colour) = self.chosen(chosen.fg) {
            style = style.fg(colour);
        }
        if let Some(colour) = self.chosen(chosen.bg) {
            style = style.bg(colour);
        }
        for (attribute, modifier) in [
            (Attributes::BOLD, Modifier::BOLD),
            (Attributes::DIM, Modifier::DIM),
            (Attributes::ITALIC, Modifier::ITALIC),
            (Attributes::UNDERLINED, Modifier::UNDERLINED),
            (Attributes::REVERSED, Modifier::REVERSED),
            (Attributes::STRUCK, Modifier::CROSSED_OUT),
        ] {
            if chosen.attributes.contains(attribute) {
                style = style.add_modifier(modifier);
            }
        }
        style
    }

    fn chosen(&self, colour: ansi::Color) -> Option<Color> {
        match colour {
            _ if self.depth == Colours::None => None,
            ansi::Color::Default => None,
            ansi::Color::Indexed(index) => {
                Some(SIXTEEN.get(usize::from(index)).copied().unwrap_or(Color::Indexed(index)))
            }
            ansi::Color::Rgb(r, g, b) if self.depth == Colours::True => Some(Color::Rgb(r, g, b)),
            // The nearest of the 6x6x6 cube.
            ansi::Color::Rgb(r, g, b) => {
                let [r, g, b] = [r, g, b].map(|part| if part < 48 { 0 } else { (part.max(75) - 35) / 40 });
                Some(Color::Indexed(16 + 36 * r + 6 * g + b))
            }
        }
    }

    /// A service's own colour: from its name, so that it stays the same for every order of services.
    pub fn service(&self, name: &str) -> Style {
        if self.depth == Colours::None {
            return self.text;
        }
        // FNV-1a.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Style::default().fg(self.services[hash as usize % self.services.len()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme::of(&Appearance { theme: "dusk".into(), colours: Colours::None });
        let styles = [
            theme.text,
            theme.dim,
            theme.strong,
            theme.works,
            theme.wants,
            theme.failed,
            theme.busy,
            theme.focus,
            theme.border,
            theme.cursor,
            theme.cursor_elsewhere,
            theme.hit,
            theme.bar,
            theme.stale,
            theme.service("web"),
        ];
        assert!(styles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
        assert!(theme.cursor.add_modifier.contains(Modifier::REVERSED));
    }

    #[test]
    fn named_themes_need_true_colour() {
        let of = |colours| Theme::of(&Appearance { theme: "dusk".into(), colours });
        assert!(matches!(of(Colours::True).works.fg, Some(Color::Rgb(..))));
        assert_eq!(of(Colours::Sixteen).works.fg, Some(Color::Green));
    }
}
