//! The palette: everything by name, the best match first, what can't be done now dim and with the reason.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{
    action::{ACTIONS, Action, Group},
    available,
    state::State,
    view::Tab,
};
use crate::model::ServiceName;

/// The longest text that is searched for, in characters.
const LONGEST: usize = 80;

/// What the palette finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Something to do.
    Do(Action),
    /// A service to go to.
    Go(ServiceName),
    /// A tab to show.
    Show(Tab),
}

impl Item {
    /// Its name, by which it is remembered as used.
    pub fn name(&self) -> String {
        match self {
            Item::Do(action) => action.info().name.to_owned(),
            Item::Go(service) => format!("service {service}"),
            Item::Show(tab) => format!("tab {}", tab.title()),
        }
    }

    /// The words that are shown and searched.
    pub fn title(&self) -> String {
        match self {
            Item::Do(action) => action.info().title.to_owned(),
            Item::Go(service) => format!("go to {service}"),
            Item::Show(tab) => format!("tab {}", tab.title()),
        }
    }
}

/// A line of input and the cursor in what it finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    /// What was typed.
    pub input: String,
    /// The row under the cursor.
    pub cursor: usize,
}

impl Palette {
    /// Adds a character.
    pub fn push(&mut self, c: char) {
        if self.input.chars().count() < LONGEST && !c.is_control() {
            self.input.push(c);
            self.cursor = 0;
        }
    }

    /// Takes the last character away; `false` when there was none.
    pub fn pop(&mut self) -> bool {
        self.cursor = 0;
        self.input.pop().is_some()
    }

    /// Moves the cursor among `rows` rows.
    pub fn step(&mut self, by: isize, rows: usize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(rows.saturating_sub(1));
    }
}

/// One row of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub item: Item,
    /// Why it can't be done now; `None` when it can.
    pub why_not: Option<&'static str>,
}

/// Everything that fits what was typed, best first; with nothing typed, what was used last first.
pub fn rows(state: &State, palette: &Palette) -> Vec<Row> {
    let mut items: Vec<Item> = ACTIONS
        .iter()
        .filter(|info| info.group != Group::Move && info.action != Action::Palette)
        .map(|info| Item::Do(info.action))
        .chain(state.project.services.keys().cloned().map(Item::Go))
        .chain(Tab::ALL.map(Item::Show))
        .collect();
    let used = |item: &Item| state.recent.iter().position(|name| *name == item.name()).unwrap_or(usize::MAX);
    items.sort_by_key(used);
    if !palette.input.is_empty() {
        items = matching(items, &palette.input);
    }
    let row = |item| Row { why_not: why_not(state, &item), item };
    let mut rows: Vec<Row> = items.into_iter().map(row).collect();
    rows.sort_by_key(|row| row.why_not.is_some());
    rows
}

fn why_not(state: &State, item: &Item) -> Option<&'static str> {
    match item {
        Item::Do(action) => available::why_not(state, *action),
        Item::Go(_) | Item::Show(_) => None,
    }
}

fn matching(items: Vec<Item>, input: &str) -> Vec<Item> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(input, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Item)> = items
        .into_iter()
        .filter_map(|item| {
            let text = format!("{} {}", item.name(), item.title());
            Some((pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)?, item))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, item)| item).collect()
}
