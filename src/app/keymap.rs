//! Keys and what they ask for.
//!
//! Owns the spelling of keys (`Ctrl-C`, `S-Tab`, `PgDn`, `j`) and the table from keys to actions: the defaults, and what
//! config.toml changes. One key means one action; overlays with a line of input take their keys before this table.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{ACTIONS, Action};
use crate::model::Diagnostic;

/// A key as it is compared: Shift is part of the character where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// Ctrl, Alt, and Shift for keys without a character.
    pub modifiers: KeyModifiers,
}

impl Key {
    /// A key without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// A character with Ctrl held.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// The character that the key types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
            _ => None,
        }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let wanted = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let modifiers = event.modifiers & wanted;
        match event.code {
            KeyCode::BackTab => Self { code: KeyCode::BackTab, modifiers: modifiers - KeyModifiers::SHIFT },
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                Self { code: KeyCode::BackTab, modifiers: modifiers - KeyModifiers::SHIFT }
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                Self { code: KeyCode::Char(c.to_ascii_lowercase()), modifiers: modifiers - KeyModifiers::SHIFT }
            }
            KeyCode::Char(_) => Self { code: event.code, modifiers: modifiers - KeyModifiers::SHIFT },
            code => Self { code, modifiers },
        }
    }
}

/// Names of keys that type no visible character.
const NAMED: &[(&str, KeyCode)] = &[
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Space", KeyCode::Char(' ')),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("Ctrl-")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("Alt-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("S-")?;
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(match *name {
                "Up" => "↑",
                "Down" => "↓",
                "Left" => "←",
                "Right" => "→",
                "Space" => "space",
                name => name,
            });
        }
        match self.code {
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", c.to_ascii_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "F{n}"),
            _ => f.write_str("?"),
        }
    }
}

/// A key's name that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no key is called {0:?}")]
pub struct UnknownKey(String);

impl FromStr for Key {
    type Err = UnknownKey;

    /// Reads `j`, `Ctrl-C`, `Alt-x`, `S-Tab`, `F5`, `PgDn`; names in any case.
    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let unknown = || UnknownKey(text.to_owned());
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        let named =
            |name: &str| NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, code)| *code);
        loop {
            let (prefix, tail) = match rest.split_once('-') {
                Some((prefix, tail)) if !tail.is_empty() && named(rest).is_none() => (prefix, tail),
                _ => break,
            };
            modifiers |= match prefix.to_ascii_lowercase().as_str() {
                "ctrl" | "c" => KeyModifiers::CONTROL,
                "alt" | "a" => KeyModifiers::ALT,
                "shift" | "s" => KeyModifiers::SHIFT,
                _ => return Err(unknown()),
            };
            rest = tail;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => match named(rest) {
                Some(code) => code,
                None => {
                    let digits = rest.strip_prefix(['F', 'f']).ok_or_else(unknown)?;
                    KeyCode::F(digits.parse().ok().filter(|n| (1..=24).contains(n)).ok_or_else(unknown)?)
                }
            },
        };
        Ok(KeyEvent::new(code, modifiers).into())
    }
}

/// Keys to actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    /// In the order of [`ACTIONS`], the key to show first.
    bindings: Vec<(Key, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let keys = |info: &'static super::action::ActionInfo| {
            info.keys.iter().filter_map(|key| Some((key.parse().ok()?, info.action)))
        };
        Self { bindings: ACTIONS.iter().flat_map(keys).collect() }
    }
}

impl Keymap {
    /// The defaults with `changes` applied: action names to their keys. A key given to one action is taken from the others.
    /// What can't be read is returned as warnings and left as it was.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> (Self, Vec<Diagnostic>) {
        let mut keymap = Self::default();
        let mut warnings = Vec::new();
        for (name, keys) in changes {
            let Some(action) = Action::named(name) else {
                warnings.push(
                    Diagnostic::warning(format!("no action is called {name:?}"))
                        .help("the palette shows every action; config.toml's [keys] takes its name"),
                );
                continue;
            };
            match keys.iter().map(|key| key.parse::<Key>()).collect::<Result<Vec<_>, _>>() {
                Ok(keys) => keymap.bind(action, &keys),
                Err(error) => warnings.push(
                    Diagnostic::warning(format!("{error} (for {name})"))
                        .help("write j, Ctrl-C, Alt-x, S-Tab, F5 or PgDn"),
                ),
            }
        }
        (keymap, warnings)
    }

    fn bind(&mut self, action: Action, keys: &[Key]) {
        self.bindings.retain(|(key, bound)| *bound != action && !keys.contains(key));
        self.bindings.extend(keys.iter().map(|key| (*key, action)));
    }

    /// What a key asks for.
    pub fn action(&self, key: Key) -> Option<Action> {
        self.bindings.iter().find(|(bound, _)| *bound == key).map(|(_, action)| *action)
    }

    /// The key to show for an action; `None` where it has none.
    pub fn key(&self, action: Action) -> Option<Key> {
        self.bindings.iter().find(|(_, bound)| *bound == action).map(|(key, _)| *key)
    }

    /// All keys of an action.
    pub fn keys(&self, action: Action) -> impl Iterator<Item = Key> {
        self.bindings.iter().filter(move |(_, bound)| *bound == action).map(|(key, _)| *key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        let key: Key = text.parse().unwrap();
        assert_eq!(key.to_string(), shown);
    }

    #[test]
    fn keys_are_read_and_shown() {
        for (text, shown) in [
            ("j", "j"),
            ("G", "G"),
            ("-", "-"),
            ("Ctrl-c", "Ctrl-C"),
            ("c-l", "Ctrl-L"),
            ("Ctrl--", "Ctrl--"),
            ("s-tab", "S-Tab"),
            ("Tab", "Tab"),
            ("space", "space"),
            ("pgdn", "PgDn"),
            ("F5", "F5"),
            ("alt-x", "Alt-x"),
            ("up", "↑"),
        ] {
            check(text, shown);
        }
        for text in ["", "foo", "F0", "F99", "hyper-x", "Ctrl-foo"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_default_key_is_read_and_means_one_thing() {
        let keymap = Keymap::default();
        assert_eq!(keymap.bindings.len(), ACTIONS.iter().map(|info| info.keys.len()).sum::<usize>());
        for (key, action) in &keymap.bindings {
            assert_eq!(keymap.action(*key), Some(*action), "{key} is given twice");
        }
    }

    #[test]
    fn a_changed_key_is_taken_from_the_other_action() {
        let changes = BTreeMap::from([("rebuild".to_owned(), vec!["r".to_owned(), "F5".to_owned()])]);
        let (keymap, warnings) = Keymap::with(&changes);
        assert!(warnings.is_empty());
        assert_eq!(keymap.action("r".parse().unwrap()), Some(Action::Rebuild));
        assert_eq!(keymap.action("b".parse().unwrap()), None);
        assert_eq!(keymap.key(Action::Restart), None);
    }

    #[test]
    fn unreadable_changes_are_told_and_change_nothing() {
        let changes = BTreeMap::from([
            ("rebuild".to_owned(), vec!["hyper-q".to_owned()]),
            ("fly".to_owned(), vec!["f".to_owned()]),
        ]);
        let (keymap, warnings) = Keymap::with(&changes);
        assert_eq!(keymap, Keymap::default());
        assert_eq!(warnings.len(), 2);
    }
}
