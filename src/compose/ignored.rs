//! Keys that are accepted and do nothing here: a warning at each place.

use super::{
    path::Path,
    report::{Problem, Report},
    schema::{self, Go, Section},
    tree::{Map, Node},
};

/// Warns about all of them.
pub(super) fn warn(root: &Node, report: &mut Report) {
    visit(root, &schema::TOP, &Path::ROOT, report);
    for (name, section) in [
        ("services", &schema::SERVICE),
        ("networks", &schema::NETWORK),
        ("volumes", &schema::VOLUME),
        ("secrets", &schema::SECRET),
        ("configs", &schema::CONFIG),
        ("models", &schema::MODEL),
    ] {
        for (key, node) in root.at(&[name]).and_then(Node::map).into_iter().flat_map(Map::nodes) {
            visit(node, section, &Path::ROOT.next(name).next(key), report);
        }
    }
}

fn visit(node: &Node, section: &'static Section, path: &Path<'_>, report: &mut Report) {
    let Some(map) = node.map() else { return };
    for (name, entry) in map.iter() {
        let Some(field) = section.field(name) else { continue };
        let path = path.next(name);
        if let schema::Support::Ignored(why) = field.support {
            // What a stage filled in, the user didn't write.
            if entry.key.line > 0 && !entry.node.is_null() {
                report.warning(Problem::new(format!("`{path}` has no effect: {why}")).at(entry.key));
            }
            continue;
        }
        match field.go {
            Go::Struct(inner) | Go::StructSet(inner) => visit(&entry.node, inner, &path, report),
            Go::Structs(inner) => {
                for (i, item) in entry.node.seq().into_iter().flatten().enumerate() {
                    visit(item, inner, &path.next(&i.to_string()), report);
                }
            }
            Go::StructDict(inner) => {
                for (key, item) in entry.node.map().into_iter().flat_map(Map::nodes) {
                    visit(item, inner, &path.next(key), report);
                }
            }
            _ => {}
        }
    }
}
