//! The short form of a mount: `source:target:mode`, `./src:/app:ro,z`, `data:/var/lib`, `/cache`.

use super::tree::{Map, Node, Span, Value};
pub(super) use crate::model::clean_path as clean;

/// A mount that was written in the short form.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ShortVolume {
    pub(super) source: String,
    pub(super) target: String,
    bind: bool,
    /// Too short to be anything but a target: Compose doesn't look at it further.
    bare: bool,
    read_only: bool,
    no_copy: bool,
    propagation: String,
    selinux: String,
}

/// Takes the short form apart.
pub(super) fn parse(spec: &str) -> Result<ShortVolume, &'static str> {
    let mut volume = ShortVolume::default();
    if spec.is_empty() {
        return Err("it is empty");
    }
    if spec.len() <= 2 {
        volume.target = spec.into();
        volume.bare = true;
        return Ok(volume);
    }
    let mut sections: Vec<String> = vec![String::new()];
    let mut variables = 0;
    let mut chars = spec.chars().peekable();
    while let Some(c) = chars.next() {
        let current = sections.len() - 1;
        match c {
            '$' if chars.peek() == Some(&'{') => variables += 1,
            '}' if variables > 0 => variables -= 1,
            // A drive letter.
            ':' if sections[current].chars().count() == 1 && sections[current].chars().all(char::is_alphabetic) => {}
            ':' if variables == 0 => {
                if sections[current].is_empty() {
                    return Err("nothing stands between two colons");
                }
                if current >= 2 {
                    return Err("it has too many colons");
                }
                sections.push(String::new());
                continue;
            }
            _ => {}
        }
        sections[current].push(c);
    }
    if sections.last().is_some_and(String::is_empty) {
        return Err("nothing stands behind the last colon");
    }
    let mut sections = sections.into_iter();
    match (sections.next(), sections.next()) {
        (Some(source), Some(target)) => (volume.source, volume.target) = (source, target),
        (Some(target), None) => volume.target = target,
        _ => {}
    }
    for option in sections.next().iter().flat_map(|options| options.split(',')) {
        match option {
            "ro" => volume.read_only = true,
            "rw" => volume.read_only = false,
            "nocopy" => volume.no_copy = true,
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => volume.propagation = option.into(),
            "z" | "Z" => volume.selinux = option.into(),
            // Compose ignores what it doesn't know here.
            _ => {}
        }
    }
    volume.bind = is_file_path(&volume.source);
    Ok(volume)
}

fn is_file_path(source: &str) -> bool {
    let mut chars = source.chars();
    match chars.next() {
        Some('.' | '/' | '~') => true,
        Some(_) if source.starts_with(r"\\") => true,
        Some(first) => first.is_alphabetic() && chars.next() == Some(':'),
        None => false,
    }
}

impl ShortVolume {
    /// The long form, as Compose spells it out.
    pub(super) fn long(&self, span: Span) -> Node {
        let mut map = Map::new();
        let string = |text: &str| Node::string(text, span);
        let yes = || Node::new(Value::Bool(true), span);
        map.set("type", string(if self.bind { "bind" } else { "volume" }));
        if !self.source.is_empty() {
            map.set("source", string(&self.source));
        }
        map.set("target", string(&clean(&self.target)));
        if self.read_only {
            map.set("read_only", yes());
        }
        // Options of a bind are kept for a volume too, and the other way round: so does Compose.
        let mut bind = Map::new();
        if !self.selinux.is_empty() {
            bind.set("selinux", string(&self.selinux));
        }
        if !self.propagation.is_empty() {
            bind.set("propagation", string(&self.propagation));
        }
        if self.bind {
            bind.set("create_host_path", yes());
        }
        if !bind.is_empty() {
            map.set("bind", Node::new(Value::Map(bind), span));
        }
        if (!self.bind && !self.bare) || self.no_copy {
            let mut volume = Map::new();
            if self.no_copy {
                volume.set("nocopy", yes());
            }
            map.set("volume", Node::new(Value::Map(volume), span));
        }
        Node::new(Value::Map(map), span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, source: &str, target: &str) {
        let volume = parse(spec).unwrap();
        assert_eq!((volume.source.as_str(), volume.target.as_str()), (source, target), "{spec}");
    }

    #[test]
    fn short_forms_come_apart() {
        check("./src:/app:ro,z", "./src", "/app");
        check("data:/var/lib", "data", "/var/lib");
        check("/cache", "", "/cache");
        check("c:\\x:/app", "c:\\x", "/app");
        check("${A:-x}:/app", "${A:-x}", "/app");
        for wrong in ["", ":/x", "./a:/b:ro:z:x", "aa::b", "aa:/b:"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_are_cleaned() {
        for (path, expected) in [("/a/../b/", "/b"), ("a/./b//c", "a/b/c"), ("../a/..", ".."), ("", "."), ("/..", "/")]
        {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
