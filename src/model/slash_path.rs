//! Paths as text, with slashes: nothing here looks at a file system.

/// The shortest path that means the same: no `.`, no double slashes, `..` resolved as far as it can be; `.` for nothing at all.
///
/// The rules are those of Go's `path.Clean`, which the builder applies to every pattern and source path, and Compose to every path of a file.
#[must_use]
pub fn clean_path(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}
