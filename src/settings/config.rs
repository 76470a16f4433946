//! config.toml: every setting with its default, and reading it so that one mistake spoils one setting.

use std::collections::BTreeMap;
use std::path::Path;

use toml_edit::{Item, TableLike};

use super::decode::Source;
use super::error::SettingsError;
use super::folders::read_bounded;
use crate::model::{ByteSize, Diagnostic, OnChange, nearest};

/// The largest config.toml that is read, in bytes.
const MAX_CONFIG: u64 = 1024 * 1024;

/// Every key of config.toml, for the advice on a mistyped one.
const KEYS: &[&str] = &["theme", "mouse", "on_change", "log_size", "image_age_days", "keys"];

/// The least and the most log that can be kept, in bytes.
const LOG_RANGE: (u64, u64) = (1 << 20, 64 << 30);

/// The user's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name of a theme.
    pub theme: String,
    /// Take the mouse.
    pub mouse: bool,
    /// What a change of dependencies does where neither the service nor the command line says so.
    pub on_change: OnChange,
    /// How much log is kept in memory, all services together.
    pub log_size: ByteSize,
    /// From how many days on an image is called old.
    pub image_age_days: u32,
    /// Action names and their keys, as written; what they mean is the key map's matter.
    pub keys: BTreeMap<String, Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            theme: "terminal".to_owned(),
            mouse: true,
            on_change: OnChange::Ask,
            log_size: ByteSize(64 << 20),
            image_age_days: 30,
            keys: BTreeMap::new(),
        }
    }
}

/// Settings, and what was wrong in the file that gave them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Loaded {
    /// What is well-formed in the file, defaults for the rest.
    pub settings: Settings,
    /// Errors of values and unknown keys, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads config.toml. No file is no error.
pub fn load(path: &Path) -> Loaded {
    let bytes = match read_bounded(path, MAX_CONFIG) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Loaded::default(),
        Err(error) => return failed(&error),
    };
    match String::from_utf8(bytes) {
        Ok(text) => parse(path, &text),
        Err(_) => failed(&SettingsError::Damaged { path: path.to_owned(), what: "not UTF-8".to_owned() }),
    }
}

fn failed(error: &SettingsError) -> Loaded {
    Loaded { diagnostics: vec![error.into()], ..Loaded::default() }
}

fn parse(path: &Path, text: &str) -> Loaded {
    let mut source = Source::new(path.to_owned(), text);
    let mut settings = Settings::default();
    if let Some(document) = source.document() {
        for (name, item) in document.iter() {
            match (name, document.key(name)) {
                ("theme", _) => read(&mut source, name, item, "a theme's name", text_of, &mut settings.theme),
                ("mouse", _) => read(&mut source, name, item, "true or false", Item::as_bool, &mut settings.mouse),
                ("on_change", _) => on_change(&mut source, item, &mut settings.on_change),
                ("log_size", _) => read(
                    &mut source,
                    name,
                    item,
                    "a size such as \"64MiB\", 1 MiB to 64 GiB",
                    size,
                    &mut settings.log_size,
                ),
                ("image_age_days", _) => {
                    read(&mut source, name, item, "a number of days", days, &mut settings.image_age_days)
                }
                ("keys", _) => match item.as_table_like() {
                    Some(table) => keys(&mut source, table, &mut settings.keys),
                    None => source.bad_value(
                        name,
                        item,
                        "a table",
                        Some("write `[keys]`, and `rebuild = \"b\"` below it".to_owned()),
                    ),
                },
                (_, Some(key)) => source.unknown_key(key, KEYS),
                (_, None) => {}
            }
        }
    }
    Loaded { settings, diagnostics: source.diagnostics }
}

fn read<T>(
    source: &mut Source<'_>,
    key: &str,
    item: &Item,
    expected: &str,
    decode: fn(&Item) -> Option<T>,
    into: &mut T,
) {
    match decode(item) {
        Some(value) => *into = value,
        None => source.bad_value(key, item, expected, None),
    }
}

fn text_of(item: &Item) -> Option<String> {
    item.as_str().map(str::to_owned)
}

fn days(item: &Item) -> Option<u32> {
    u32::try_from(item.as_integer()?).ok()
}

/// `64MiB`, `64M`, `67108864`: units are powers of 1024, as Compose reads sizes.
fn size(item: &Item) -> Option<ByteSize> {
    let bytes = match item.as_integer() {
        Some(number) => u64::try_from(number).ok()?,
        None => {
            let text = item.as_str()?.trim().to_ascii_lowercase();
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let shift = match text[digits..].trim() {
                "" | "b" => 0,
                "k" | "kb" | "kib" => 10,
                "m" | "mb" | "mib" => 20,
                "g" | "gb" | "gib" => 30,
                _ => return None,
            };
            text[..digits].parse::<u64>().ok()?.checked_mul(1 << shift)?
        }
    };
    (LOG_RANGE.0..=LOG_RANGE.1).contains(&bytes).then_some(ByteSize(bytes))
}

fn on_change(source: &mut Source<'_>, item: &Item, into: &mut OnChange) {
    *into = match item.as_str() {
        Some("ask") => OnChange::Ask,
        Some("rebuild") => OnChange::Rebuild,
        Some("ignore") => OnChange::Ignore,
        other => {
            let near = other.and_then(|text| nearest(text, ["ask", "rebuild", "ignore"]));
            return source.bad_value(
                "on_change",
                item,
                "ask, rebuild or ignore",
                near.map(|near| format!("did you mean {near:?}?")),
            );
        }
    };
}

fn keys(source: &mut Source<'_>, table: &dyn TableLike, into: &mut BTreeMap<String, Vec<String>>) {
    for (action, item) in table.iter() {
        let list = match item.as_array() {
            Some(array) => array.iter().map(|key| key.as_str().map(str::to_owned)).collect(),
            None => item.as_str().map(|key| vec![key.to_owned()]),
        };
        match list {
            Some(keys) => {
                into.insert(action.to_owned(), keys);
            }
            None => source.bad_value(
                &format!("keys.{action}"),
                item,
                "a key or a list of keys",
                Some("such as \"b\" or [\"b\", \"F5\"]".to_owned()),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Settings, String) {
        let loaded = parse(Path::new("config.toml"), text);
        let shown: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
        (loaded.settings, shown.join("\n"))
    }

    #[test]
    fn every_key_is_read() {
        let text = "theme = 'night'\nmouse = false\non_change = 'rebuild'\nlog_size = '16MiB'\nimage_age_days = 7\n[keys]\nrebuild = ['b', 'F5']\nquit = 'q'\n";
        let (settings, errors) = parsed(text);
        assert_eq!(errors, "");
        let keys = BTreeMap::from([
            ("rebuild".to_owned(), vec!["b".to_owned(), "F5".to_owned()]),
            ("quit".to_owned(), vec!["q".to_owned()]),
        ]);
        assert_eq!(
            settings,
            Settings {
                theme: "night".to_owned(),
                mouse: false,
                on_change: OnChange::Rebuild,
                log_size: ByteSize(16 << 20),
                image_age_days: 7,
                keys
            }
        );
    }

    #[test]
    fn one_mistake_spoils_one_setting() {
        let (settings, errors) = parsed("mouse = false\nimage_age_days = 'soon'\non_chnge = 'ask'\n");
        assert_eq!(settings, Settings { mouse: false, ..Settings::default() });
        assert_eq!(
            errors,
            "error: `image_age_days` must be a number of days, found \"soon\"
  ┌ config.toml:2:18
2 │ image_age_days = 'soon'
  │                  ^^^^^^ expected a number of days
warning: unknown setting `on_chnge`
  ┌ config.toml:3:1
3 │ on_chnge = 'ask'
  │ ^^^^^^^^
help: did you mean `on_change`?"
        );
    }

    #[test]
    fn syntax_errors_have_their_place() {
        let (settings, errors) = parsed("mouse = false\ntheme = \n");
        assert_eq!(settings, Settings::default());
        assert!(errors.contains("config.toml:2:"), "{errors}");
    }

    #[test]
    fn sizes() {
        let check = |value: &str, expected: Option<u64>| {
            let (settings, errors) = parsed(&format!("log_size = {value}"));
            assert_eq!(errors.is_empty().then_some(settings.log_size.0), expected, "{value}");
        };
        check("'64m'", Some(64 << 20));
        check("'2 GiB'", Some(2 << 30));
        check("4194304", Some(4 << 20));
        check("'1k'", None);
        check("-1", None);
        check("'99999999999999999999'", None);
        check("'99999999999999g'", None);
        check("'much'", None);
    }

    #[test]
    fn no_file_is_no_error() {
        assert_eq!(load(Path::new("/nonexistent/config.toml")), Loaded::default());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z_='\"\\[\\]\n é#{}0-9]{0,80}") {
            let _ = parse(Path::new("c"), &text);
        }
    }
}
