//! JSON as manifests use it, with the line of a key where a user wrote the file by hand.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use super::declared::ParseError;
use super::text::Lines;

/// Parses a whole document.
pub(crate) fn parse(text: &str) -> Result<Value, ParseError> {
    serde_json::from_str(text).map_err(|error| syntax(&error))
}

/// A document whose upper levels keep the place of their values.
pub(crate) struct Json<'a> {
    lines: Lines<'a>,
    text: &'a str,
    root: IndexMap<String, &'a RawValue>,
}

impl<'a> Json<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Json<'a>, ParseError> {
        let root = serde_json::from_str(text).map_err(|error| syntax(&error))?;
        Ok(Json { lines: Lines::new(text), text, root })
    }

    /// The keys of the root, each with its value.
    pub(crate) fn root(&self) -> impl Iterator<Item = (&str, Value)> {
        self.root.iter().map(|(key, raw)| (key.as_str(), value(raw)))
    }

    /// The members of an object at the root, each with its value and line; nothing when it is no object.
    pub(crate) fn members(&self, key: &str) -> Vec<(String, Value, u32)> {
        let Some(raw) = self.root.get(key) else { return Vec::new() };
        let members: IndexMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        // A raw value borrows from the text, so the distance of the two addresses is its offset.
        let offset = |raw: &RawValue| (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        members.into_iter().map(|(name, raw)| (name, value(raw), self.lines.line(offset(raw)))).collect()
    }
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

fn syntax(error: &serde_json::Error) -> ParseError {
    let place = |number: usize| u32::try_from(number).unwrap_or(0);
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
    ParseError::new(what, place(error.line()), place(error.column()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_know_their_lines() {
        let json = Json::parse("{\n \"a\": {\n  \"x\": 1,\n\n  \"y\": \"2\"\n }, \"b\": 3 }").unwrap();
        let lines: Vec<_> = json.members("a").into_iter().map(|(name, _, line)| (name, line)).collect();
        assert_eq!(lines, [("x".to_owned(), 3), ("y".to_owned(), 5)]);
        assert!(json.members("b").is_empty() && json.members("c").is_empty());
    }

    #[test]
    fn errors_have_places() {
        let error = parse("{\n \"a\": \n}").unwrap_err();
        assert_eq!((error.line, error.what.as_str()), (3, "expected value"));
    }
}
