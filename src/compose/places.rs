//! Where a project's values are written.

use std::{path::PathBuf, sync::Arc};

use crate::model::Place;

use super::tree::{Node, Span, Value};

/// Where things are written: keys of the project by path, `services.web.ports`, `services.web.environment.DEBUG`.
///
/// Beside the project and not in it, so that a blank line more in a file does not change a
/// [`Project`](crate::model::Project). Of a value that several files wrote, the place is that of the one that won.
#[derive(Debug, Clone)]
pub struct Places {
    root: Arc<Node>,
    files: Vec<Arc<PathBuf>>,
}

impl Default for Places {
    /// Of a project that no file wrote.
    fn default() -> Self {
        Places { root: Arc::new(Node::new(Value::Null, Span::default())), files: Vec::new() }
    }
}

impl Places {
    pub(super) fn new(root: Arc<Node>, files: Vec<Arc<PathBuf>>) -> Self {
        Places { root, files }
    }

    /// The place of the longest part of `path` that is written: that of `services.web` for `services.web.tty` if no
    /// file says anything of `tty`. Elements of a list are numbers; of a list of `NAME=value`, names.
    pub fn of(&self, path: &str) -> Option<Place> {
        let mut node = &*self.root;
        let mut rest = path;
        let mut found = None;
        while !rest.is_empty() {
            let Some((span, next, after)) = step(node, rest) else { break };
            if span.line > 0 {
                found = Some(span);
            }
            node = next;
            rest = after;
        }
        found.and_then(|span| self.place(span))
    }

    fn place(&self, span: Span) -> Option<Place> {
        let file = self.files.get(usize::from(span.file.0))?.clone();
        Some(Place { file, line: span.line, column: span.column })
    }
}

/// The child that `path` starts with, and what of the path is left. Keys may have dots: the longest that fits is taken.
fn step<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(Span, &'n Node, &'p str)> {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    for end in ends.collect::<Vec<_>>().into_iter().rev() {
        let (name, after) = (&path[..end], path[end..].trim_start_matches('.'));
        match &node.value {
            Value::Map(map) => {
                if let Some(entry) = map.entry(name) {
                    return Some((entry.key, &entry.node, after));
                }
            }
            Value::Seq(items) => {
                let named = |item: &&Node| item.str().is_some_and(|text| text.split('=').next() == Some(name));
                let item = name.parse::<usize>().ok().and_then(|i| items.get(i)).or_else(|| items.iter().find(named));
                if let Some(item) = item {
                    return Some((item.span, item, after));
                }
            }
            _ => return None,
        }
    }
    None
}
