//! A JSON tree that is cheap to make, to copy and to look at: strings are shared with the files' [tree](super::tree) or
//! stand in the [schema](super::schema)'s tables, and objects are lists in order.
//!
//! What a compose file means is held in these between [`encode`](super::encode), which makes them, and whoever prints,
//! hashes, checks or decodes it. Most objects have a dozen keys, so a key is looked for from the front; where users choose
//! how many there are, the keys are gone through or stand in a [`Section`].

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::tree::same_key;

/// A string.
#[derive(Clone)]
pub(super) enum Text {
    /// Of the program.
    Known(&'static str),
    /// Of a file.
    Shared(Arc<str>),
}

/// A value.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Json {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    /// Past `i64`.
    Big(u64),
    Float(f64),
    String(Text),
    Array(Vec<Json>),
    Object(Object),
}

/// An object: no key stands in it twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    entries: Vec<(Text, Json)>,
}

/// The objects of a section of the file, by the user's keys.
pub(super) type Section = BTreeMap<Text, Object>;

impl Text {
    /// Of what stands nowhere yet.
    pub(super) fn copy_of(text: &str) -> Self {
        Text::Shared(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Known(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Text::Known(text)
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Text::Shared(text)
    }
}

impl From<&Arc<str>> for Text {
    fn from(text: &Arc<str>) -> Self {
        Text::Shared(text.clone())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::Shared(text.into())
    }
}

impl<T: Into<Text>> From<T> for Json {
    fn from(text: T) -> Self {
        Json::String(text.into())
    }
}

impl From<bool> for Json {
    fn from(b: bool) -> Self {
        Json::Bool(b)
    }
}

impl From<i64> for Json {
    fn from(n: i64) -> Self {
        Json::Int(n)
    }
}

impl From<u64> for Json {
    fn from(n: u64) -> Self {
        i64::try_from(n).map_or(Json::Big(n), Json::Int)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Json::Object(object)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Json::Array(items.into_iter().map(Into::into).collect())
    }
}

impl Json {
    /// A string of what stands nowhere yet.
    pub(super) fn copy_of(text: &str) -> Self {
        Json::String(Text::copy_of(text))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub(super) fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Int(n) => u64::try_from(*n).ok(),
            Json::Big(n) => Some(*n),
            _ => None,
        }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Int(n) => Some(*n as f64),
            Json::Big(n) => Some(*n as f64),
            Json::Float(x) => Some(*x),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(super) fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value of an object's key.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }
}

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Entries by key; of those with the same key the last.
    pub(super) fn sorted(mut entries: Vec<(Text, Json)>) -> Self {
        if !entries.is_sorted_by(|a, b| a.0 < b.0) {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            // The first of a run stays: give it the last one's value.
            entries.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    std::mem::swap(later, first);
                }
                same
            });
        }
        Object { entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(known, _)| same_key(known, key))
    }

    pub(super) fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.position(key).map(|at| &mut self.entries[at].1)
    }

    /// Adds a key, which is not there yet, behind the others.
    pub(super) fn push(&mut self, key: impl Into<Text>, value: impl Into<Json>) {
        self.entries.push((key.into(), value.into()));
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Json> {
        self.position(key).map(|at| self.entries.remove(at).1)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.entries.retain(|(key, value)| keep(key, value));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Json)> {
        self.entries.iter_mut().map(|(key, value)| (&**key, value))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| &**key)
    }
}

/// Of entries whose keys differ.
impl FromIterator<(Text, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (Text, Json)>>(entries: I) -> Self {
        Object { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for Object {
    type Item = (Text, Json);
    type IntoIter = std::vec::IntoIter<(Text, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(b) => serializer.serialize_bool(*b),
            Json::Int(n) => serializer.serialize_i64(*n),
            Json::Big(n) => serializer.serialize_u64(*n),
            Json::Float(x) => serializer.serialize_f64(*x),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items),
            Json::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.entries.len()))?;
                for (key, value) in &object.entries {
                    map.serialize_entry(&**key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_entries_with_the_same_key_the_last_wins() {
        let entry = |key: &'static str, n: i64| (Text::from(key), Json::Int(n));
        let object = Object::sorted(vec![entry("b", 1), entry("a", 2), entry("b", 3), entry("b", 4)]);
        assert_eq!(
            object.iter().map(|(key, n)| (key, n.as_i64())).collect::<Vec<_>>(),
            [("a", Some(2)), ("b", Some(4))]
        );
        let twice = Object::sorted(vec![entry("a", 1), entry("a", 2)]);
        assert_eq!(twice.get("a"), Some(&Json::Int(2)));
    }
}
