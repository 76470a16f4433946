//! SGR: colours and attributes.

use std::fmt;

/// A colour as a program chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Color {
    /// The terminal's own.
    #[default]
    Default,
    /// One of the palette: 0-15 the theme's, 16-231 the cube, 232-255 greys.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// A set of attributes. Blinking and hidden text are not kept: a log must stay readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Attributes(u8);

impl Attributes {
    /// Bold.
    pub const BOLD: Self = Attributes(1);
    /// Dim.
    pub const DIM: Self = Attributes(1 << 1);
    /// Italic.
    pub const ITALIC: Self = Attributes(1 << 2);
    /// Underlined, in any manner.
    pub const UNDERLINED: Self = Attributes(1 << 3);
    /// Foreground and background exchanged.
    pub const REVERSED: Self = Attributes(1 << 4);
    /// Struck through.
    pub const STRUCK: Self = Attributes(1 << 5);

    /// All of `other` are in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Style {
    /// Colour of the text.
    pub fg: Color,
    /// Colour behind it.
    pub bg: Color,
    /// Attributes.
    pub attributes: Attributes,
}

impl Style {
    /// The terminal's own look.
    pub const DEFAULT: Self = Style { fg: Color::Default, bg: Color::Default, attributes: Attributes(0) };
}

impl fmt::Display for Style {
    /// The SGR sequence that switches from the terminal's own look to this one; nothing for that look itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DEFAULT {
            return Ok(());
        }
        let mut codes: Vec<String> = [
            (Attributes::BOLD, "1"),
            (Attributes::DIM, "2"),
            (Attributes::ITALIC, "3"),
            (Attributes::UNDERLINED, "4"),
            (Attributes::REVERSED, "7"),
            (Attributes::STRUCK, "9"),
        ]
        .into_iter()
        .filter(|(attribute, _)| self.attributes.contains(*attribute))
        .map(|(_, code)| code.to_owned())
        .collect();
        for (color, base) in [(self.fg, 30), (self.bg, 40)] {
            match color {
                Color::Default => {}
                Color::Indexed(index @ 0..8) => codes.push((base + i32::from(index)).to_string()),
                Color::Indexed(index @ 8..16) => codes.push((base + 60 + i32::from(index) - 8).to_string()),
                Color::Indexed(index) => codes.push(format!("{};5;{index}", base + 8)),
                Color::Rgb(r, g, b) => codes.push(format!("{};2;{r};{g};{b}", base + 8)),
            }
        }
        write!(f, "\x1b[{}m", codes.join(";"))
    }
}

/// From `start` on, text looks like `style`, up to the next run or the end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Byte offset.
    pub start: u32,
    /// The style.
    pub style: Style,
}

/// Changes `style` as the parameters of one SGR sequence say; unknown ones change nothing.
pub(super) fn apply(parameters: &str, style: &mut Style) {
    let mut groups = parameters.split(';');
    while let Some(group) = groups.next() {
        let mut parts = group.split(':');
        let code: u16 = match parts.next() {
            Some("") | None => 0,
            Some(digits) => match digits.parse() {
                Ok(code) => code,
                Err(_) => continue,
            },
        };
        match code {
            0 => *style = Style::default(),
            1 => style.attributes.add(Attributes::BOLD),
            2 => style.attributes.add(Attributes::DIM),
            3 => style.attributes.add(Attributes::ITALIC),
            4 if parts.next() == Some("0") => style.attributes.remove(Attributes::UNDERLINED),
            4 | 21 => style.attributes.add(Attributes::UNDERLINED),
            7 => style.attributes.add(Attributes::REVERSED),
            9 => style.attributes.add(Attributes::STRUCK),
            22 => {
                style.attributes.remove(Attributes::BOLD);
                style.attributes.remove(Attributes::DIM);
            }
            23 => style.attributes.remove(Attributes::ITALIC),
            24 => style.attributes.remove(Attributes::UNDERLINED),
            27 => style.attributes.remove(Attributes::REVERSED),
            29 => style.attributes.remove(Attributes::STRUCK),
            30..=37 => style.fg = Color::Indexed((code - 30) as u8),
            39 => style.fg = Color::Default,
            40..=47 => style.bg = Color::Indexed((code - 40) as u8),
            49 => style.bg = Color::Default,
            90..=97 => style.fg = Color::Indexed((code - 90 + 8) as u8),
            100..=107 => style.bg = Color::Indexed((code - 100 + 8) as u8),
            38 | 48 | 58 => {
                let color = if group.contains(':') { with_colons(parts) } else { with_semicolons(&mut groups) };
                match (code, color) {
                    (38, Some(color)) => style.fg = color,
                    (48, Some(color)) => style.bg = color,
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// `5;n` or `2;r;g;b`, taken from the parameters that follow.
fn with_semicolons<'a>(groups: &mut impl Iterator<Item = &'a str>) -> Option<Color> {
    let mut number = || groups.next().and_then(|digits| digits.parse::<u8>().ok());
    match number()? {
        5 => Some(Color::Indexed(number()?)),
        2 => Some(Color::Rgb(number()?, number()?, number()?)),
        _ => None,
    }
}

/// `5:n`, `2:r:g:b` or `2:space:r:g:b`.
fn with_colons<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Color> {
    let parts: Vec<&str> = parts.take(6).collect();
    let number = |at: usize| parts.get(at).and_then(|digits| digits.parse::<u8>().ok());
    match (number(0)?, parts.len()) {
        (5, _) => Some(Color::Indexed(number(1)?)),
        (2, 4) => Some(Color::Rgb(number(1)?, number(2)?, number(3)?)),
        (2, 5..) => Some(Color::Rgb(number(2)?, number(3)?, number(4)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameters: &str, fg: Color, bg: Color) {
        let mut style = Style::default();
        apply(parameters, &mut style);
        assert_eq!((style.fg, style.bg), (fg, bg), "{parameters}");
    }

    #[test]
    fn colours_in_all_their_notations() {
        check("31", Color::Indexed(1), Color::Default);
        check("97;104", Color::Indexed(15), Color::Indexed(12));
        check("38;5;208", Color::Indexed(208), Color::Default);
        check("38;2;1;2;3;41", Color::Rgb(1, 2, 3), Color::Indexed(1));
        check("38:5:208", Color::Indexed(208), Color::Default);
        check("38:2:1:2:3", Color::Rgb(1, 2, 3), Color::Default);
        check("48:2::1:2:3", Color::Default, Color::Rgb(1, 2, 3));
        check("58;5;1;32", Color::Indexed(2), Color::Default);
        check("31;39", Color::Default, Color::Default);
        check("31;", Color::Default, Color::Default);
        check("38;5", Color::Default, Color::Default);
        check("38;2;999;1;1", Color::Default, Color::Default);
    }

    #[test]
    fn written_and_read_again_it_is_the_same() {
        for parameters in ["1;31", "2;3;4;7;9", "92;103", "38;5;208;48;5;17", "38;2;1;2;3", "97"] {
            let (mut style, mut again) = (Style::DEFAULT, Style::DEFAULT);
            apply(parameters, &mut style);
            let written = style.to_string();
            apply(written.trim_start_matches("\x1b[").trim_end_matches('m'), &mut again);
            assert_eq!(style, again, "{written:?}");
        }
        assert_eq!(Style::DEFAULT.to_string(), "");
    }

    #[test]
    fn attributes_come_and_go() {
        let mut style = Style::default();
        apply("1;3;4:3;7;9", &mut style);
        for attribute in
            [Attributes::BOLD, Attributes::ITALIC, Attributes::UNDERLINED, Attributes::REVERSED, Attributes::STRUCK]
        {
            assert!(style.attributes.contains(attribute));
        }
        apply("22;23;4:0;27;29", &mut style);
        assert_eq!(style, Style::default());
    }
}
