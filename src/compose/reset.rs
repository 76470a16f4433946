//! `!reset` and `!override`: what a file removes of the files before it, or of the service it extends.

use super::{
    path::Path,
    tree::{Map, Node, Tag, Value},
};

/// The places that a file tags, each a path from the root.
#[derive(Debug, Clone, Default)]
pub(super) struct Resets {
    paths: Vec<Vec<String>>,
}

impl Resets {
    /// Takes the tags out of a file: what is `!reset` is not there any more.
    pub(super) fn take(root: &mut Node) -> Self {
        let mut resets = Resets::default();
        collect(root, &Path::ROOT, &mut resets.paths);
        resets
    }

    /// Removes the tagged places from what the file is merged over.
    pub(super) fn apply(&self, root: &mut Node) {
        for path in &self.paths {
            if let Some((last, parents)) = path.split_last() {
                remove(root, parents, last);
            }
        }
    }

    /// As [`Resets::apply`], of one service.
    pub(super) fn apply_to_service(&self, name: &str, service: &mut Node) {
        for path in &self.paths {
            if let [section, key, parents @ .., last] = path.as_slice()
                && section == "services"
                && key == name
            {
                remove(service, parents, last);
            }
        }
    }
}

fn collect(node: &mut Node, path: &Path<'_>, paths: &mut Vec<Vec<String>>) {
    let tag = std::mem::take(&mut node.tag);
    if tag != Tag::None {
        paths.push(path.steps());
        return;
    }
    match &mut node.value {
        Value::Map(map) => collect_map(map, path, paths),
        // Elements have no name by which another file's could be removed.
        Value::Seq(items) => items.iter_mut().for_each(|item| collect(item, &path.next("[]"), paths)),
        _ => {}
    }
}

fn collect_map(map: &mut Map, path: &Path<'_>, paths: &mut Vec<Vec<String>>) {
    map.retain(|key, node| {
        let gone = node.tag == Tag::Reset;
        collect(node, &path.next(key), paths);
        !gone
    });
}

fn remove(node: &mut Node, parents: &[String], last: &str) {
    let found = parents.iter().try_fold(node, |node, step| node.map_mut().and_then(|map| map.get_mut(step)));
    if let Some(map) = found.and_then(Node::map_mut) {
        map.remove(last);
    }
}
