//! One line of text that is being typed, with a history.

use crossterm::event::{KeyCode, KeyModifiers};

use super::super::keymap::Key;

/// The longest text, in bytes.
const LONGEST: usize = 1000;

/// How many texts are remembered.
const REMEMBERED: usize = 50;

/// A line of text and the place in it where the next character goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineInput {
    text: String,
    cursor: usize,
}

/// What a key did to a line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// The text is another.
    Changed,
    /// At most the cursor moved.
    Moved,
    /// It is done.
    Accepted,
    /// It is given up.
    Cancelled,
    /// The text before it, or after it, in the history is wanted.
    Recall {
        /// An older one.
        older: bool,
    },
}

impl LineInput {
    /// With a text to change, the cursor at its end.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor and from it on.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Adds text at the cursor; control characters and newlines become spaces.
    pub fn insert(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            if self.text.len() + c.len_utf8() <= LONGEST {
                let c = if c.is_control() { ' ' } else { c };
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
        }
    }

    /// Does what the key says.
    pub fn key(&mut self, key: Key) -> Typed {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Typed::Accepted,
            KeyCode::Esc => return Typed::Cancelled,
            KeyCode::Char('c') if control => return Typed::Cancelled,
            KeyCode::Up => return Typed::Recall { older: true },
            KeyCode::Down => return Typed::Recall { older: false },
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor += self.text[self.cursor..].chars().next().map_or(0, char::len_utf8),
            KeyCode::Home => self.cursor = 0,
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Char('e') if control => self.cursor = self.text.len(),
            KeyCode::Backspace if self.text.is_empty() => return Typed::Cancelled,
            KeyCode::Backspace => return self.delete(self.before()),
            KeyCode::Char('h') if control => return self.delete(self.before()),
            KeyCode::Delete => {
                let end = self.cursor + self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
                self.text.replace_range(self.cursor..end, "");
                return Typed::Changed;
            }
            KeyCode::Char('u') if control => return self.delete(0),
            KeyCode::Char('w') if control => {
                let word = self.text[..self.cursor].trim_end().rfind(' ').map_or(0, |space| space + 1);
                return self.delete(word);
            }
            _ => {
                if let Some(c) = key.typed() {
                    self.insert(c.encode_utf8(&mut [0; 4]));
                    return Typed::Changed;
                }
            }
        }
        Typed::Moved
    }

    fn before(&self) -> usize {
        self.cursor - self.text[..self.cursor].chars().next_back().map_or(0, char::len_utf8)
    }

    fn delete(&mut self, from: usize) -> Typed {
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
        Typed::Changed
    }
}

/// Texts that were typed before, the newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recalled {
    texts: Vec<String>,
    /// How far back the one in the input is; 0 for one that is new.
    back: usize,
}

impl Recalled {
    /// Remembers a text.
    pub fn remember(&mut self, text: &str) {
        self.back = 0;
        if text.is_empty() {
            return;
        }
        self.texts.retain(|known| known != text);
        self.texts.push(text.to_owned());
        if self.texts.len() > REMEMBERED {
            self.texts.remove(0);
        }
    }

    /// The text that was typed last.
    pub fn last(&self) -> Option<&str> {
        self.texts.last().map(String::as_str)
    }

    /// One step back, or on again; past the newest it is empty.
    pub fn step(&mut self, older: bool) -> &str {
        self.back = if older { (self.back + 1).min(self.texts.len()) } else { self.back.saturating_sub(1) };
        self.texts.len().checked_sub(self.back).and_then(|at| self.texts.get(at)).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[Key]) -> (String, usize) {
        let mut input = LineInput::new("one twö");
        for key in keys {
            input.key(*key);
        }
        (input.text.clone(), input.cursor)
    }

    #[test]
    fn keys_edit_the_line() {
        let key = Key::plain;
        assert_eq!(typed(&[key(KeyCode::Backspace), key(KeyCode::Char('o'))]), ("one two".into(), 7));
        assert_eq!(typed(&[key(KeyCode::Left), key(KeyCode::Delete)]), ("one tw".into(), 6));
        assert_eq!(typed(&[key(KeyCode::Home), key(KeyCode::Right), key(KeyCode::Char('-'))]), ("o-ne twö".into(), 2));
        assert_eq!(typed(&[Key::ctrl('w')]), ("one ".into(), 4));
        assert_eq!(typed(&[Key::ctrl('w'), Key::ctrl('w')]), (String::new(), 0));
        assert_eq!(typed(&[key(KeyCode::Left), Key::ctrl('u')]), ("ö".into(), 0));
    }

    #[test]
    fn pasted_text_is_one_line() {
        let mut input = LineInput::default();
        input.insert("a\nb\x1b[c\r\n");
        assert_eq!(input.text(), "a b [c");
    }

    #[test]
    fn texts_are_recalled() {
        let mut recalled = Recalled::default();
        for text in ["a", "b", "a", ""] {
            recalled.remember(text);
        }
        let steps: Vec<String> =
            [true, true, true, false, false].into_iter().map(|older| recalled.step(older).to_owned()).collect();
        assert_eq!(steps, ["a", "b", "b", "a", ""]);
    }
}
