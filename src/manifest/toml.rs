//! TOML as manifests use it: a parsed document with lines, and values without their layout.

use toml_edit::{Document, Item, TableLike, Value};

use super::declared::ParseError;
use super::text::Lines;

/// A parsed document that still knows where things stand.
pub(crate) struct Toml<'a> {
    document: Document<&'a str>,
    lines: Lines<'a>,
}

impl<'a> Toml<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Toml<'a>, ParseError> {
        let lines = Lines::new(text);
        match Document::parse(text) {
            Ok(document) => Ok(Toml { document, lines }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let what = error.message().lines().next().unwrap_or("not TOML").to_owned();
                Err(ParseError::new(what, lines.line(at), lines.column(at)))
            }
        }
    }

    /// The root table.
    pub(crate) fn root(&self) -> &dyn TableLike {
        self.document.as_table()
    }

    /// The item at a path of keys.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Item> {
        let mut item = self.document.as_item();
        for key in path {
            item = item.as_table_like()?.get(key)?;
        }
        Some(item)
    }

    /// The table at a path of keys.
    pub(crate) fn table(&self, path: &[&str]) -> Option<&dyn TableLike> {
        self.get(path)?.as_table_like()
    }

    /// The line on which a key of a table stands, or 0.
    pub(crate) fn key_line(&self, table: &dyn TableLike, key: &str) -> u32 {
        let Some((key, item)) = table.get_key_value(key) else { return 0 };
        key.span().or_else(|| item.span()).map_or(0, |span| self.lines.line(span.start))
    }

    /// The line on which an item starts, or 0.
    pub(crate) fn item_line(&self, item: &Item) -> u32 {
        item.span().map_or(0, |span| self.lines.line(span.start))
    }

    /// The line on which a value starts, or 0.
    pub(crate) fn value_line(&self, value: &Value) -> u32 {
        value.span().map_or(0, |span| self.lines.line(span.start))
    }
}

/// The tables of `[[name]]`, or of `name = [{…}, {…}]`; one table stands for itself.
pub(crate) fn tables(item: &Item) -> Vec<&dyn TableLike> {
    match item {
        Item::ArrayOfTables(array) => array.iter().map(|table| table as &dyn TableLike).collect(),
        Item::Value(Value::Array(array)) => {
            array.iter().filter_map(Value::as_inline_table).map(|table| table as &dyn TableLike).collect()
        }
        other => other.as_table_like().into_iter().collect(),
    }
}

/// The strings of an array, with the value each stands in.
pub(crate) fn strings(item: &Item) -> impl Iterator<Item = (&str, &Value)> {
    item.as_array().into_iter().flat_map(|array| array.iter()).filter_map(|value| Some((value.as_str()?, value)))
}

/// A string key of a table.
pub(crate) fn string<'t>(table: &'t dyn TableLike, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str()
}

/// An item without layout and comments, keys sorted: equal text means equal meaning.
pub(crate) fn plain(item: &Item) -> String {
    match item {
        Item::None => String::new(),
        Item::Value(value) => plain_value(value),
        Item::Table(table) => plain_table(table),
        Item::ArrayOfTables(array) => {
            let parts: Vec<String> = array.iter().map(|table| plain_table(table)).collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

fn plain_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.value().clone(),
        Value::Integer(number) => number.value().to_string(),
        Value::Float(number) => number.value().to_string(),
        Value::Boolean(flag) => flag.value().to_string(),
        Value::Datetime(time) => time.value().to_string(),
        Value::Array(array) => {
            let parts: Vec<String> = array.iter().map(plain_value).collect();
            format!("[{}]", parts.join(", "))
        }
        Value::InlineTable(table) => plain_table(table),
    }
}

/// A table as `{key = value, …}` with sorted keys.
pub(crate) fn plain_table(table: &dyn TableLike) -> String {
    let mut parts: Vec<String> = table.iter().map(|(key, item)| format!("{key} = {}", plain(item))).collect();
    parts.sort();
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = Toml::parse("a = 1\nb = = 2\n").err().map(|error| (error.line, error.column));
        assert_eq!(error, Some((2, 5)));
    }

    #[test]
    fn plain_text_has_no_layout() {
        let text = |toml: &str| plain(Toml::parse(toml).unwrap().get(&["x"]).unwrap());
        assert_eq!(text("x = { b = 1, a = [ 1,  # one\n 2 ] }"), text("[x]\na = [1, 2]\nb=1"));
        assert_eq!(text("[[x]]\na = 'q'"), "[{a = q}]");
    }
}
