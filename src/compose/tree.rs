//! The tree that every stage works on: YAML's values, each of which knows where it was written.
//!
//! A node keeps its span through interpolation, extends, merge and normalisation, so that whatever is wrong with the
//! result can be shown at the line it came from. Nodes made by a stage (defaults, short forms spelled out) carry the
//! span of what they were made from. Strings are shared, so that copying a node for an alias or an `extends` is cheap.

use std::{collections::HashMap, fmt, sync::Arc};

/// A file among those that were read, as an index into the loader's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct FileId(pub(super) u16);

/// Where a node is written. Line and column count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Span {
    pub(super) file: FileId,
    /// 0 for a node that no file wrote.
    pub(super) line: u32,
    pub(super) column: u32,
    /// In characters; may reach past the end of the line, where whoever shows it cuts it.
    pub(super) width: u32,
}

/// What `!reset` and `!override` say of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tag {
    #[default]
    None,
    Reset,
    Override,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Span,
    pub(super) tag: Tag,
}

/// YAML's values as go-yaml, Compose's parser, resolves them.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer past `i64`.
    Big(u64),
    Float(f64),
    Str(Arc<str>),
    /// An unquoted date: nothing in a compose file accepts one.
    Timestamp(Arc<str>),
    Seq(Vec<Node>),
    Map(Map),
}

/// A mapping in the file's order; each key knows its own place.
///
/// Most have a handful of keys, which are looked through; an index is kept only for those with more.
#[derive(Debug, Clone, Default)]
pub(super) struct Map {
    entries: Vec<(Arc<str>, Entry)>,
    #[expect(clippy::box_collection, reason = "nearly no mapping has one, and each is moved about with its values")]
    index: Option<Box<HashMap<Arc<str>, usize>>>,
}

/// From this many keys on an index is worth its cost.
const INDEXED_FROM: usize = 24;

/// Equal; most keys differ in their first byte already.
pub(super) fn same_key(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

/// A value of a mapping with the place of its key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Span,
    pub(super) node: Node,
}

impl Map {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(key).copied(),
            None => self.entries.iter().position(|(known, _)| same_key(known, key)),
        }
    }

    fn reindex(&mut self) {
        self.index = (self.entries.len() >= INDEXED_FROM)
            .then(|| Box::new(self.entries.iter().enumerate().map(|(i, (key, _))| (key.clone(), i)).collect()));
    }

    fn push(&mut self, key: Arc<str>, entry: Entry) {
        if let Some(index) = &mut self.index {
            index.insert(key.clone(), self.entries.len());
        }
        self.entries.push((key, entry));
        if self.index.is_none() && self.entries.len() >= INDEXED_FROM {
            self.reindex();
        }
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        self.entries.get_mut(at).map(|(_, entry)| &mut entry.node)
    }

    /// The value of `key`, if it is there and is not null.
    pub(super) fn some(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|node| !matches!(node.value, Value::Null))
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.get(self.position(key)?).map(|(_, entry)| entry)
    }

    pub(super) fn key_span(&self, key: &str) -> Option<Span> {
        self.entry(key).map(|entry| entry.key)
    }

    pub(super) fn insert(&mut self, key: impl Into<Arc<str>>, key_span: Span, node: Node) {
        let key = key.into();
        match self.position(&key) {
            Some(at) => self.entries[at].1 = Entry { key: key_span, node },
            None => self.push(key, Entry { key: key_span, node }),
        }
    }

    /// Puts a value that a stage made: a new key stands where the value does.
    pub(super) fn set(&mut self, key: impl Into<Arc<str>>, node: Node) {
        let key = key.into();
        match self.position(&key) {
            Some(at) => self.entries[at].1.node = node,
            None => {
                let span = node.span;
                self.push(key, Entry { key: span, node });
            }
        }
    }

    /// [`Map::set`] unless the key is there.
    pub(super) fn set_default(&mut self, key: &str, value: Value, span: Span) {
        if !self.contains(key) {
            self.set(key, Node::new(value, span));
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        let (_, entry) = self.entries.remove(at);
        if self.index.is_some() {
            self.reindex();
        }
        Some(entry.node)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Entry)> {
        self.entries.iter().map(|(key, entry)| (key, entry))
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(key, entry)| (&**key, &entry.node))
    }

    pub(super) fn nodes_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node)> {
        self.entries.iter_mut().map(|(key, entry)| (&**key, &mut entry.node))
    }

    pub(super) fn into_entries(self) -> impl Iterator<Item = (Arc<str>, Entry)> {
        self.entries.into_iter()
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &mut Node) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|(key, entry)| keep(key, &mut entry.node));
        if self.index.is_some() && self.entries.len() != before {
            self.reindex();
        }
    }
}

impl Node {
    pub(super) fn new(value: Value, span: Span) -> Self {
        Node { value, span, tag: Tag::None }
    }

    pub(super) fn string(text: impl Into<Arc<str>>, span: Span) -> Self {
        Node::new(Value::Str(text.into()), span)
    }

    pub(super) fn str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(super) fn seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn seq_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The child at `path`, each step a key or, of a list, a number.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::Map(map) => map.get(step),
            Value::Seq(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        })
    }

    /// Equal whatever the places; 1 and 1.0 are equal, as in JSON.
    pub(super) fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Big(a), Value::Big(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
            (Value::Str(a), Value::Str(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.nodes().all(|(key, a)| b.get(key).is_some_and(|b| a.same(b)))
            }
            _ => false,
        }
    }
}

impl Value {
    /// What a message calls a value of this kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::Big(_) | Value::Float(_) => "a number",
            Value::Str(_) => "a string",
            Value::Timestamp(_) => "a date",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

impl fmt::Display for Value {
    /// As Go's `%v` prints it, which is how Compose turns a label's or a variable's number into text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("<nil>"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Big(n) => write!(f, "{n}"),
            Value::Float(x) => f.write_str(&super::go::float(*x)),
            Value::Str(text) | Value::Timestamp(text) => f.write_str(text),
            Value::Seq(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { " " } else { "" }, item.value)?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("map[")?;
                let mut keys: Vec<_> = map.nodes().collect();
                keys.sort_by_key(|(key, _)| *key);
                for (i, (key, node)) in keys.into_iter().enumerate() {
                    write!(f, "{}{key}:{}", if i > 0 { " " } else { "" }, node.value)?;
                }
                f.write_str("]")
            }
        }
    }
}
