//! Every key of the specification and what devbox does with it, from the tables that files are checked against.

use std::fmt::Write as _;

use super::schema::{self, Schema, Section, Support};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `services.*.build.context`; `*` is a name, `[]` an element of a list.
    pub path: String,
    /// `a string or a list`.
    pub accepts: String,
    /// Why it has no effect, if it has none.
    pub ignored: Option<&'static str>,
}

/// All of them, in the order of their sections. Keys that are not here are refused, but for `x-`.
pub fn keys() -> Vec<Key> {
    let mut found = Vec::new();
    section("", &schema::TOP, None, &mut found);
    found
}

/// The keys as a Markdown table.
pub fn keys_table() -> String {
    let mut table = String::from("| key | accepts | devbox |\n| --- | --- | --- |\n");
    for key in keys() {
        let effect = key.ignored.map_or_else(|| "supported".into(), |why| format!("warned: {why}"));
        let _ = writeln!(table, "| `{}` | {} | {effect} |", key.path, key.accepts);
    }
    table
}

fn section(path: &str, section_of: &'static Section, ignored: Option<&'static str>, found: &mut Vec<Key>) {
    for field in section_of.fields {
        let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        let own = match field.support {
            Support::Ignored(why) => Some(why),
            Support::Yes => None,
        };
        // What is below a key without effect has none either.
        let ignored = ignored.or(own);
        found.push(Key { path: path.clone(), accepts: field.schema.types().expected(), ignored });
        below(&path, &field.schema, ignored, found);
    }
}

fn below(path: &str, schema: &'static Schema, ignored: Option<&'static str>, found: &mut Vec<Key>) {
    match schema {
        Schema::Object(inner) => section(path, inner, ignored, found),
        Schema::List { item, .. } => below(&format!("{path}[]"), item, ignored, found),
        Schema::Dict { value, .. } => below(&format!("{path}.*"), value, ignored, found),
        Schema::OneOf(schemas) => {
            for schema in *schemas {
                below(path, schema, ignored, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{super::schema::Go, *};

    /// Walks what encodes values, and what checks them: both must know the same sections.
    #[test]
    fn what_is_checked_is_encoded() {
        fn check(path: &str, section: &'static Section) {
            for field in section.fields {
                let encoded = match field.go {
                    Go::Struct(inner) | Go::StructSet(inner) | Go::Structs(inner) | Go::StructDict(inner) => {
                        Some(inner)
                    }
                    _ => None,
                };
                if let Some(inner) = encoded {
                    let mut found = Vec::new();
                    below("", &field.schema, None, &mut found);
                    for field in inner.fields {
                        let known = found.iter().any(|key| key.path.rsplit('.').next() == Some(field.name));
                        assert!(known, "{path}.{} is encoded and not checked", field.name);
                    }
                    check(&format!("{path}.{}", field.name), inner);
                }
            }
        }
        for section in [&schema::SERVICE, &schema::NETWORK, &schema::VOLUME, &schema::SECRET, &schema::CONFIG] {
            check(section.name, section);
        }
    }

    #[test]
    fn keys_have_paths() {
        let keys = keys();
        let key = |path: &str| keys.iter().find(|key| key.path == path);
        assert_eq!(key("services.*.ports").unwrap().accepts, "a list");
        assert_eq!(key("services.*.ports[].host_ip").unwrap().ignored, None);
        assert!(key("services.*.deploy.placement.constraints").unwrap().ignored.is_some());
    }
}
