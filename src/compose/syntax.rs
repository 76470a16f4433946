//! Text that is not YAML: what the parser says of it is seldom what went wrong, so the lines before its place are looked
//! at for the slips that people make, and the place and the help are those of the slip.

use super::{report::Problem, tree::Span};

/// What to say of a parser's error at `span`.
pub(super) fn problem(message: &str, text: &str, span: Span) -> Problem {
    if message.contains("recursion limit") {
        return Problem::new("nested too deeply").at(span);
    }
    let message = message.trim_end_matches('.');
    let as_said = || Problem::new(format!("not valid YAML: {message}")).at(span);
    if message.contains("tab") {
        return as_said().help("YAML is indented with spaces, never with tabs");
    }
    let Some(place) = Place::new(text, span) else { return as_said() };
    if message.contains("unknown anchor") {
        return place.anchor();
    }
    if message.contains("unexpected character") {
        return as_said().help(format!("quote the value: \"{}\"", place.rest()));
    }
    let (before, after) = place.line.split_at(place.start());
    if after.starts_with(',') && before.trim_end().ends_with([',', '[', '{']) {
        return as_said().help("remove the comma, or put a value between the two");
    }
    let slip = if message.contains("flow") || message.contains("quoted") || message.contains("illegal placement") {
        place.open()
    } else {
        place.colon().or_else(|| place.value_with_colon()).or_else(|| place.indentation()).or_else(|| place.open())
    };
    slip.unwrap_or_else(as_said)
}

/// Where the parser stopped.
struct Place<'t> {
    text: &'t str,
    span: Span,
    line: &'t str,
    /// The lines before it that are neither empty nor comments, with their numbers.
    before: Vec<(u32, &'t str)>,
}

impl<'t> Place<'t> {
    fn new(text: &'t str, span: Span) -> Option<Self> {
        let line = text.lines().nth((span.line as usize).checked_sub(1)?)?;
        let written = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let before = (1..span.line).zip(text.lines()).filter(|(_, line)| written(line)).collect();
        Some(Place { text, span, line, before })
    }

    /// Where the place is in its line, in bytes.
    fn start(&self) -> usize {
        self.line
            .char_indices()
            .nth((self.span.column as usize).saturating_sub(1))
            .map_or(self.line.len(), |(at, _)| at)
    }

    /// The line from the place on, as far as it is one value.
    fn rest(&self) -> &'t str {
        self.line[self.start()..].trim_end().trim_end_matches([',', ']', '}'])
    }

    fn at(&self, line: u32, column: usize, width: usize) -> Span {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { line, column: number(column), width: number(width), ..self.span }
    }

    fn anchor(&self) -> Problem {
        let alias = self.rest();
        let name = alias.trim_start_matches('*');
        Problem::new(format!("there is no anchor `{name}` above"))
            .at(self.at(self.span.line, self.span.column as usize, alias.chars().count()))
            .help(format!("name a node with `&{name}` before its alias, or quote the text: \"{alias}\""))
    }

    /// `web` without its colon, or `image:nginx` without the space behind it; on this line or the one before.
    fn colon(&self) -> Option<Problem> {
        let lines = self.before.last().copied().into_iter().chain([(self.span.line, self.line)]);
        for (number, line) in lines {
            let start = indent(line);
            let text = line.trim();
            let key = text.strip_prefix("- ").unwrap_or(text);
            let column = start + 1 + (text.len() - key.len());
            if is_key(key) {
                return Some(
                    Problem::new(format!("a colon is missing behind `{key}`"))
                        .at(self.at(number, column, key.len()))
                        .help(format!("write `{key}:`")),
                );
            }
            if let Some((key, value)) = key.split_once(':')
                && is_key(key)
                && !value.is_empty()
                && !value.starts_with([' ', '/', '\t'])
                && !value.contains(' ')
            {
                return Some(
                    Problem::new(format!("a space is missing behind the colon of `{key}`"))
                        .at(self.at(number, column, key.len() + 1))
                        .help(format!("write `{key}: {value}`")),
                );
            }
        }
        None
    }

    /// `command: echo a: b`.
    fn value_with_colon(&self) -> Option<Problem> {
        let (key, value) = self.line.split_once(": ")?;
        let value = value.trim();
        let second = key.chars().count() + 2 < self.span.column as usize;
        if !second || value.starts_with(['"', '\'', '[', '{']) || !value.contains(':') {
            return None;
        }
        Some(
            Problem::new("a value that has `: ` in it must be quoted")
                .at(self.at(self.span.line, key.chars().count() + 3, value.chars().count()))
                .help(format!("write `{}: \"{}\"`", key.trim(), value.replace('"', "\\\""))),
        )
    }

    /// A line that starts where no line above does.
    fn indentation(&self) -> Option<Problem> {
        let own = indent(self.line);
        let (_, above) = self.before.last()?;
        let own_span = self.at(self.span.line, own + 1, self.line.trim().chars().count());
        let key = |line: &'t str| line.trim().split(':').next().unwrap_or_default();
        if own > indent(above) {
            let (name, value) = above.trim().split_once(": ")?;
            if value.trim_start().starts_with(['|', '>', '&', '#']) {
                return None;
            }
            return Some(
                Problem::new(format!("`{}` stands below `{name}`, which has a value already", key(self.line)))
                    .at(own_span)
                    .help(format!("indent it as far as `{name}`: {}", spaces(indent(above)))),
            );
        }
        // The blocks that are open here: each line above that starts further left than all between.
        let mut open: Vec<(usize, &str)> = Vec::new();
        for (_, line) in &self.before {
            let start = indent(line);
            open.retain(|(other, _)| *other < start);
            open.push((start, key(line)));
        }
        if open.iter().any(|(start, _)| *start == own) {
            return None;
        }
        let fitting = open.iter().rev().take(2).map(|(start, name)| format!("{} as `{name}`", spaces(*start)));
        Some(
            Problem::new(format!("this line is indented with {}, as none above it", spaces(own)))
                .at(own_span)
                .help(format!("use {}", fitting.collect::<Vec<_>>().join(", or "))),
        )
    }

    /// A quote or a bracket that is open at the place.
    fn open(&self) -> Option<Problem> {
        let (line, column, opener) = unclosed(self.text, self.span)?;
        if line == self.span.line && opener != '"' && opener != '\'' {
            return None;
        }
        let closer = match opener {
            '[' => ']',
            '{' => '}',
            quote => quote,
        };
        let what = if opener == closer { "quote" } else { "bracket" };
        Some(
            Problem::new(format!("the {what} `{opener}` is not closed"))
                .at(self.at(line, column, 1))
                .note_at("noticed at", self.span)
                .help(format!("add the `{closer}` that belongs to it")),
        )
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn spaces(count: usize) -> String {
    match count {
        0 => "no space".into(),
        1 => "1 space".into(),
        _ => format!("{count} spaces"),
    }
}

fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The last quote or bracket that opens before `end` and doesn't close: its line, column and character.
fn unclosed(text: &str, end: Span) -> Option<(u32, usize, char)> {
    let mut open: Vec<(u32, usize, char)> = Vec::new();
    let mut quote: Option<(u32, usize, char)> = None;
    // Texts in block style hold anything.
    let mut block: Option<usize> = None;
    for (number, line) in (1u32..).zip(text.lines()) {
        if number > end.line {
            break;
        }
        if let Some(parent) = block {
            if line.trim().is_empty() || indent(line) > parent {
                continue;
            }
            block = None;
        }
        let mut before = ' ';
        let mut at_start = true;
        let mut chars = line.chars().enumerate().peekable();
        while let Some((at, c)) = chars.next() {
            if number == end.line && at + 1 >= end.column as usize {
                break;
            }
            match (quote, c) {
                (Some((.., '"')), '\\') => drop(chars.next()),
                (Some((.., opener)), c) if c == opener => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') if at_start => quote = Some((number, at + 1, c)),
                (None, '[' | '{') if at_start || (!open.is_empty() && before != '$') => open.push((number, at + 1, c)),
                (None, ']' | '}') => drop(open.pop()),
                _ => {}
            }
            // A value starts behind a space, or in brackets behind their punctuation.
            at_start = (at_start && c == ' ') || matches!(c, ' ' | '[' | '{' | ',') && quote.is_none();
            before = c;
        }
        let end_of_line = line.trim_end();
        if quote.is_none()
            && open.is_empty()
            && [" |", " >", " |-", " >-", " |+", " >+"].iter().any(|s| end_of_line.ends_with(s))
        {
            block = Some(indent(line));
        }
    }
    quote.or_else(|| open.pop())
}
