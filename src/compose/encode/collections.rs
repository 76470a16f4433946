//! The values that are more than a scalar and less than a struct: hosts, limits, modes, env files, keys.

use super::{
    super::{
        go,
        json::{Json, Object, Text},
        path::Path,
        tree::{Node, Value},
    },
    Encoder, some_object, sorted,
};

impl Encoder<'_> {
    pub(super) fn hosts(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let mut list: Vec<String> = Vec::new();
        let mut add = |encoder: &mut Self, node: &Node, host: &str, address: &str| {
            if host.is_empty() || host.contains([':', '=']) {
                encoder.meaningless::<()>(node, path, &format!("`{host}` is not a host's name"), "HOST=ADDRESS");
            }
            let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).filter(|a| !a.is_empty());
            list.push(format!("{host}={}", bare.unwrap_or(address)));
        };
        match &node.value {
            Value::Map(map) => {
                for (host, node) in map.nodes() {
                    match &node.value {
                        Value::Null => add(self, node, host, ""),
                        Value::Seq(items) => {
                            for item in items {
                                add(self, item, host, &item.value.to_string());
                            }
                        }
                        value => add(self, node, host, &value.to_string()),
                    }
                }
            }
            Value::Seq(items) => {
                for item in items {
                    let text = item.value.to_string();
                    match text.split_once('=').or_else(|| text.split_once(':')) {
                        Some((host, addresses)) => {
                            for address in addresses.split(',') {
                                add(self, item, host, address);
                            }
                        }
                        None => {
                            return self.meaningless(
                                item,
                                path,
                                &format!("`{text}` lacks the address"),
                                "HOST=ADDRESS",
                            );
                        }
                    }
                }
            }
            _ => return self.wrong(node, path, "a list"),
        }
        list.sort();
        (!list.is_empty()).then(|| Json::from(list))
    }

    pub(super) fn ulimits(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let mut object = Object::new();
        for (name, limit) in sorted(node.map()?) {
            let path = path.next(name);
            let encoded = match &limit.value {
                Value::Int(n) if *n != 0 => Json::Int(*n),
                Value::Int(_) => Json::Object(Object::new()),
                Value::Map(fields) => {
                    let mut object = Object::new();
                    for key in ["soft", "hard"] {
                        let Some(value) = fields.get(key) else { continue };
                        if let Some(n) = self.integer(value, &path.next(key), false).filter(|n| *n != 0) {
                            object.push(key, n);
                        }
                    }
                    Json::Object(object)
                }
                _ => self.wrong(limit, &path, "an integer or a mapping")?,
            };
            object.push(name, encoded);
        }
        some_object(object)
    }

    pub(super) fn file_mode(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let mode = match &node.value {
            Value::Int(n) => *n,
            Value::Str(text) => match i64::from_str_radix(text, 8) {
                Ok(n) => n,
                Err(_) => return self.meaningless(node, path, &format!("`{text}` is not a file mode"), "0444"),
            },
            _ => return self.wrong(node, path, "a file mode"),
        };
        let sign = if mode < 0 { "-" } else { "" };
        Some(Json::from(format!("0{sign}{:o}", mode.unsigned_abs())))
    }

    pub(super) fn device_count(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let count = match &node.value {
            Value::Int(n) => *n,
            Value::Str(text) if text.eq_ignore_ascii_case("all") => -1,
            Value::Str(text) => match go::parse_int(text) {
                Some(n) => n,
                None => return self.meaningless(node, path, &format!("`{text}` is not a count"), "`all` or a number"),
            },
            _ => return self.wrong(node, path, "`all` or a number"),
        };
        (count != 0).then(|| Json::from(count))
    }

    pub(super) fn env_files(&mut self, node: &Node, path: &Path<'_>) -> Option<Json> {
        let mut files = Vec::new();
        for entry in node.seq()? {
            let Some(map) = entry.map() else { continue };
            let text = |key: &str| match map.get(key).map(|node| &node.value) {
                Some(Value::Str(text)) => Text::from(text),
                _ => Text::from(""),
            };
            let (file, format) = (text("path"), text("format"));
            let required = match map.some("required") {
                Some(required) => self.boolean(required, &path.next("required"))?,
                None => false,
            };
            if required {
                files.push(Json::from(file));
                continue;
            }
            let mut object = Object::new();
            if !file.is_empty() {
                object.push("path", file);
            }
            object.push("required", false);
            if !format.is_empty() {
                object.push("format", format);
            }
            files.push(Json::Object(object));
        }
        (!files.is_empty()).then_some(Json::Array(files))
    }

    pub(super) fn ssh(&mut self, node: &Node) -> Option<Json> {
        let map = node.map()?;
        let keys = map.iter().map(|(id, path)| match &path.node.value {
            Value::Null => Text::from(id),
            value => match value.to_string() {
                text if text.is_empty() => Text::from(id),
                text => Text::from(format!("{id}={text}")),
            },
        });
        Some(keys.collect()).filter(|_| !map.is_empty())
    }
}
