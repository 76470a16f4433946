//! YAML text -> tree. The only user of the YAML parser.
//!
//! Aliases are copied where they stand (bounded, so that a few lines cannot become gigabytes), `<<` is merged, a
//! mapping's keys must be strings and differ. What go-yaml refuses is refused, with the place.

use std::{collections::HashMap, sync::Arc};

use base64::Engine as _;
use granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan};

use super::{
    report::{Failed, Problem, Report},
    scalar, syntax,
    tree::{FileId, Map, Node, Span, Tag, Value},
};

/// Nodes that aliases may stand for, all together, however small the file.
const MOST_ALIASED: usize = 300_000;
/// And as many more for each node that is written out.
const MOST_ALIASED_PER_NODE: usize = 10;
/// Levels of nesting.
const DEEPEST: usize = 200;

/// The documents of a file. An empty file has none.
pub(super) fn parse(text: &str, file: FileId, report: &mut Report) -> Result<Vec<Node>, Failed> {
    let mut builder = Builder {
        events: Parser::new_from_str(text),
        text,
        file,
        report,
        anchors: HashMap::new(),
        nodes: 0,
        aliased: 0,
        depth: 0,
    };
    let mut documents = Vec::new();
    loop {
        match builder.next()? {
            (Event::StreamEnd, _) => break,
            (Event::DocumentStart(..), _) => {
                let event = builder.next()?;
                let (node, _) = builder.node(event)?;
                documents.push(node);
                builder.anchors.clear();
            }
            _ => {}
        }
    }
    builder.report.checked()?;
    Ok(documents)
}

struct Builder<'t, 'r> {
    events: Parser<'t, granit_parser::StrInput<'t>>,
    text: &'t str,
    file: FileId,
    report: &'r mut Report,
    /// Complete anchored nodes, with how many nodes each is.
    anchors: HashMap<usize, (Node, usize, KeyKind)>,
    nodes: usize,
    aliased: usize,
    depth: usize,
}

/// What a node would be as a key.
#[derive(Clone)]
enum KeyKind {
    /// A string.
    String,
    /// A plain `<<`.
    Merge,
    /// Anything else.
    Other,
}

impl<'t> Builder<'t, '_> {
    fn next(&mut self) -> Result<(Event<'t>, YamlSpan), Failed> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(event),
                Some(Err(error)) => {
                    let marker = *error.marker();
                    let span = Span {
                        file: self.file,
                        line: u32::try_from(marker.line()).unwrap_or(0).max(1),
                        column: u32::try_from(marker.col() + 1).unwrap_or(1),
                        width: 1,
                    };
                    return Err(self.report.fail(syntax::problem(&error.info(), self.text, span)));
                }
                None => return Ok((Event::StreamEnd, YamlSpan::default())),
            }
        }
    }

    fn span(&self, span: &YamlSpan) -> Span {
        let (start, end) = (span.start, span.end);
        let width = if end.line() == start.line() { end.col().saturating_sub(start.col()) } else { usize::MAX };
        Span {
            file: self.file,
            line: u32::try_from(start.line()).unwrap_or(u32::MAX),
            column: u32::try_from(start.col() + 1).unwrap_or(u32::MAX),
            width: u32::try_from(width.max(1)).unwrap_or(u32::MAX),
        }
    }

    fn node(&mut self, (event, yaml_span): (Event<'t>, YamlSpan)) -> Result<(Node, KeyKind), Failed> {
        let span = self.span(&yaml_span);
        let before = self.nodes;
        self.nodes += 1;
        if self.depth > DEEPEST {
            return Err(self.report.fail(Problem::new(format!("nested more than {DEEPEST} levels deep")).at(span)));
        }
        let (anchor, node, kind) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.to_string());
                let (value, kind) = self.scalar(&text, style == ScalarStyle::Plain, tag.as_deref(), span)?;
                (anchor, Node { value, span, tag: reset_tag(tag.as_deref()) }, kind)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.depth += 1;
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        event => {
                            let (item, _) = self.node(event)?;
                            // A reset element is left out, and resets nothing else.
                            if item.tag != Tag::Reset {
                                items.push(item);
                            }
                        }
                    }
                }
                self.depth -= 1;
                let tag = tag.map(|tag| tag.to_string());
                (anchor, Node { value: Value::Seq(items), span, tag: reset_tag(tag.as_deref()) }, KeyKind::Other)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.depth += 1;
                let map = self.mapping()?;
                self.depth -= 1;
                let tag = tag.map(|tag| tag.to_string());
                (anchor, Node { value: Value::Map(map), span, tag: reset_tag(tag.as_deref()) }, KeyKind::Other)
            }
            _ => return Err(self.report.fail(Problem::new("the document ends too early").at(span))),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before, kind.clone()));
        }
        Ok((node, kind))
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(Node, KeyKind), Failed> {
        let Some((node, size, kind)) = self.anchors.get(&id) else {
            return Err(self.report.fail(Problem::new("the alias stands inside the node it names").at(span)));
        };
        self.aliased += size;
        self.nodes += size;
        let most = MOST_ALIASED + MOST_ALIASED_PER_NODE * (self.nodes - self.aliased);
        if self.aliased > most {
            let problem = Problem::new("aliases expand to too much")
                .at(span)
                .help(format!("the aliases of this file may stand for {most} nodes altogether"));
            return Err(self.report.fail(problem));
        }
        Ok((node.clone(), kind.clone()))
    }

    fn mapping(&mut self) -> Result<Map, Failed> {
        let mut map = Map::new();
        let mut merge: Option<(Node, Span)> = None;
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::MappingEnd) {
                break;
            }
            let key_span = self.span(&event.1);
            let (key, kind) = self.node(event)?;
            let event = self.next()?;
            let value_span = self.span(&event.1);
            let (value, _) = self.node(event)?;
            match (kind, &key.value) {
                (KeyKind::Merge, _) => match merge {
                    Some((_, first)) => {
                        self.report.error(duplicate("<<", key_span, first).help("write one `<<: [*a, *b]`"))
                    }
                    None => merge = Some((value, value_span)),
                },
                (KeyKind::String, Value::Str(name)) => match map.key_span(name) {
                    Some(first) => self.report.error(duplicate(name, key_span, first)),
                    None => map.insert(name.clone(), key_span, value),
                },
                (_, other) => {
                    let mut problem =
                        Problem::new(format!("a key must be a string, found {}", other.kind())).at(key_span);
                    if matches!(other, Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                        problem = problem.help(match (&value.value, other) {
                            (Value::Int(inside), Value::Int(port)) => {
                                format!("quote it, or write ports as a list: - \"{port}:{inside}\"")
                            }
                            _ => format!("quote it: \"{other}\""),
                        });
                    }
                    self.report.error(problem);
                }
            }
        }
        if let Some((node, span)) = merge {
            self.merge(&mut map, node, span);
        }
        Ok(map)
    }

    /// Adds what `<<` brings; the mapping's own keys win, and of a list the earlier ones.
    fn merge(&mut self, map: &mut Map, node: Node, span: Span) {
        let sources = match node.value {
            Value::Seq(items) => items,
            _ => vec![node],
        };
        for source in sources {
            let Value::Map(source) = source.value else {
                self.report.error(
                    Problem::new(format!("`<<` merges a mapping or a list of mappings, found {}", source.value.kind()))
                        .at(span)
                        .label("expected *anchor"),
                );
                continue;
            };
            for (key, entry) in source.into_entries() {
                match map.get_mut(&key) {
                    // The tag counts although the value loses: go on replacing what earlier files said.
                    Some(own) if entry.node.tag != Tag::None && own.tag == Tag::None => own.tag = Tag::Override,
                    Some(_) => {}
                    None => map.insert(key, entry.key, entry.node),
                }
            }
        }
    }

    fn scalar(&mut self, text: &str, plain: bool, tag: Option<&str>, span: Span) -> Result<(Value, KeyKind), Failed> {
        let string = |text: &str| Value::Str(Arc::from(text));
        let wrong = |report: &mut Report, wanted: &str| {
            report.fail(Problem::new(format!("`{text}` is not {wanted}, as its tag says")).at(span))
        };
        let tag = tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").or(tag.strip_prefix("!!")).unwrap_or(tag));
        let value = match tag {
            None | Some("!") if plain => {
                if text == "<<" {
                    return Ok((string(text), KeyKind::Merge));
                }
                scalar::resolve(text)
            }
            None | Some("!" | "str") => string(text),
            Some("int") => match scalar::resolve(text) {
                value @ (Value::Int(_) | Value::Big(_)) => value,
                _ => return Err(wrong(self.report, "an integer")),
            },
            Some("float") => match scalar::resolve(text) {
                Value::Int(n) => Value::Float(n as f64),
                value @ Value::Float(_) => value,
                _ => return Err(wrong(self.report, "a number")),
            },
            Some("bool") => match scalar::resolve(text) {
                value @ Value::Bool(_) => value,
                _ => return Err(wrong(self.report, "a boolean")),
            },
            Some("null") => match scalar::resolve(text) {
                Value::Null => Value::Null,
                _ => return Err(wrong(self.report, "nothing")),
            },
            Some("timestamp") => Value::Timestamp(text.into()),
            Some("binary") => match base64::engine::general_purpose::STANDARD.decode(text.replace(['\n', ' '], "")) {
                Ok(bytes) => string(&String::from_utf8_lossy(&bytes)),
                Err(_) => return Err(wrong(self.report, "base64")),
            },
            // go-yaml leaves a scalar with a tag of its own a string.
            Some(_) => string(text),
        };
        let kind = if matches!(value, Value::Str(_)) { KeyKind::String } else { KeyKind::Other };
        Ok((value, kind))
    }
}

fn reset_tag(tag: Option<&str>) -> Tag {
    match tag {
        Some("!reset") => Tag::Reset,
        Some("!override") => Tag::Override,
        _ => Tag::None,
    }
}

fn duplicate(key: &str, at: Span, first: Span) -> Problem {
    Problem::new(format!("`{key}` is written twice")).at(at).note_at("first at", first).help("keep one of them")
}
