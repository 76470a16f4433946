//! Slash paths as the builder compares them. Text only: nothing here looks at a file system.

pub use crate::model::clean_path as clean;

/// A path within the context, whatever way it was written: relative to the context's root and unable to leave it. `.` is the root.
#[must_use]
pub fn within_root(path: &str) -> String {
    let cleaned = clean(&format!("/{path}"));
    let relative = cleaned.trim_start_matches('/');
    if relative.is_empty() { ".".to_owned() } else { relative.to_owned() }
}

/// The part before the last slash; empty for a path of one part.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

/// The part after the last slash.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rfind('/').map_or(path, |slash| &path[slash + 1..])
}

/// `parent/name`, or `name` at the root.
#[must_use]
pub fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() || parent == "." { name.to_owned() } else { format!("{parent}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(clean(path), expected, "clean({path:?})");
    }

    #[test]
    fn cleans_as_go_does() {
        check("", ".");
        check("a//b/./c/", "a/b/c");
        check("a/../..", "..");
        check("a/../../b", "../b");
        check("/../a", "/a");
        check("/", "/");
        check("./a", "a");
        check("..", "..");
        check("a/b/../../..", "..");
        check("!../x", "!../x");
        check("!a/..", ".");
    }

    #[test]
    fn nothing_leaves_the_root() {
        assert_eq!(within_root("../../etc/passwd"), "etc/passwd");
        assert_eq!(within_root("/"), ".");
        assert_eq!(within_root("./a/"), "a");
        assert_eq!(within_root(""), ".");
    }
}
