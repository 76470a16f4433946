//! The filter and the search: what was asked for, and which lines match.
//!
//! A large store is looked through beside the loop: [`Scan::run`] on a copy of it. Until the answer is there, what was in force
//! before stays in force, so typing never waits.

use crate::logs::{Clock, Filter, Index, LogStore, Matcher, Pattern};

use super::input::{LineInput, Recalled};

/// So many lines are looked at on the spot.
const AT_ONCE: u64 = 20_000;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Only matching lines are shown.
    Filter,
    /// Matching lines are marked and gone to.
    Search,
}

/// A large store to be looked through, beside the loop.
#[derive(Debug, Clone)]
pub struct Scan {
    finding: Finding,
    generation: u64,
    matcher: Matcher,
    store: LogStore,
}

impl PartialEq for Scan {
    fn eq(&self, other: &Self) -> bool {
        (self.finding, self.generation) == (other.finding, other.generation)
    }
}

/// What a [`Scan`] found.
#[derive(Debug, Clone)]
pub struct Scanned {
    pub(super) finding: Finding,
    generation: u64,
    index: Index,
}

impl Scan {
    /// Looks through the store. Takes up to some tenths of a second; a newer scan of the same kind makes it useless.
    pub fn run(self) -> Scanned {
        let mut index = Index::default();
        index.extend(&self.store, &self.matcher);
        Scanned { finding: self.finding, generation: self.generation, index }
    }
}

/// What is in force.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub text: String,
    pub matcher: Matcher,
    pub index: Index,
}

/// One of the two.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    finding: Finding,
    applied: Option<Applied>,
    pending: Option<(String, Matcher)>,
    generation: u64,
    pub recalled: Recalled,
}

impl Finder {
    pub fn new(finding: Finding) -> Self {
        Self { finding, applied: None, pending: None, generation: 0, recalled: Recalled::default() }
    }

    /// What is in force.
    pub fn applied(&self) -> Option<&Applied> {
        self.applied.as_ref()
    }

    /// The text that is in force, or will be as soon as the scan is done.
    pub fn text(&self) -> &str {
        match (&self.pending, &self.applied) {
            (Some((text, _)), _) => text,
            (None, Some(applied)) => &applied.text,
            (None, None) => "",
        }
    }

    /// A scan is under way.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Asks for something else; an empty text asks for nothing.
    pub fn set(&mut self, text: &str, clock: &Clock, store: &LogStore) -> Result<Option<Scan>, String> {
        let matcher = match self.finding {
            Finding::Filter => {
                let filter = Filter::parse(text, clock).map_err(|error| error.to_string())?;
                (!filter.is_empty()).then_some(Matcher::Filter(filter))
            }
            Finding::Search if text.is_empty() => None,
            Finding::Search => Some(Matcher::Search(Pattern::parse(text).map_err(|error| error.to_string())?)),
        };
        self.generation += 1;
        self.pending = None;
        let Some(matcher) = matcher else {
            self.applied = None;
            return Ok(None);
        };
        if self.applied.as_ref().is_some_and(|applied| applied.matcher == matcher) {
            return Ok(None);
        }
        let mut index = Index::default();
        if index.behind(store) <= AT_ONCE {
            index.extend(store, &matcher);
            self.applied = Some(Applied { text: text.to_owned(), matcher, index });
            return Ok(None);
        }
        self.pending = Some((text.to_owned(), matcher.clone()));
        Ok(Some(Scan { finding: self.finding, generation: self.generation, matcher, store: store.clone() }))
    }

    /// Takes the answer of a scan; `false` if it is no longer wanted.
    pub fn scanned(&mut self, scanned: Scanned, store: &LogStore) -> bool {
        if scanned.generation != self.generation {
            return false;
        }
        let Some((text, matcher)) = self.pending.take() else { return false };
        self.applied = Some(Applied { text, matcher, index: scanned.index });
        self.sync(store);
        true
    }

    /// Looks at the lines that came.
    pub fn sync(&mut self, store: &LogStore) {
        if let Some(applied) = &mut self.applied {
            applied.index.extend(store, &applied.matcher);
        }
    }

    pub fn clear(&mut self) {
        self.generation += 1;
        (self.applied, self.pending) = (None, None);
    }
}

/// The line in which a filter or a search is typed.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Which of the two.
    pub finding: Finding,
    /// What is typed.
    pub input: LineInput,
    /// Why that can't be asked for.
    pub error: Option<String>,
    /// The text that was in force before.
    pub(super) before: String,
    /// Where the log was.
    pub(super) place: super::Place,
}
