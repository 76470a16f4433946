//! Typing a filter or a search: what is typed is in force at once, `Esc` brings back what was before.

use ratatui::layout::Rect;

use super::{
    LogEffect, LogView,
    finding::{Finding, Prompt},
    input::{LineInput, Typed},
};
use crate::{app::keymap::Key, logs::LogStore, model::Timestamp};

impl LogView {
    /// A filter is opened to be changed, a search to be typed anew.
    pub(super) fn open_prompt(&mut self, finding: Finding) {
        let before = self.finder(finding).text().to_owned();
        let input = match finding {
            Finding::Filter => LineInput::new(&before),
            Finding::Search => LineInput::default(),
        };
        self.prompt = Some(Prompt { finding, input, error: None, before, place: self.place() });
    }

    /// A key, while a prompt is open.
    pub fn prompt_key(&mut self, key: Key, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        let finding = prompt.finding;
        match prompt.input.key(key) {
            Typed::Moved => Vec::new(),
            Typed::Changed => self.typed(store, area, now),
            Typed::Recall { older } => {
                let text = self.finder_mut(finding).recalled.step(older).to_owned();
                if let Some(prompt) = &mut self.prompt {
                    prompt.input = LineInput::new(&text);
                }
                self.typed(store, area, now)
            }
            Typed::Accepted => self.accept(store, area, now),
            Typed::Cancelled => self.cancel(store, area, now),
        }
    }

    /// Text that was pasted while a prompt is open.
    pub fn prompt_paste(&mut self, text: &str, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        let Some(prompt) = &mut self.prompt else { return Vec::new() };
        prompt.input.insert(text);
        self.typed(store, area, now)
    }

    fn typed(&mut self, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        let Some(prompt) = &self.prompt else { return Vec::new() };
        let (finding, text, place) = (prompt.finding, prompt.input.text().to_owned(), prompt.place);
        if finding == Finding::Search {
            self.seeking = Some(place);
        }
        let found = self.find(finding, &text, store, area, now);
        if let Some(prompt) = &mut self.prompt {
            prompt.error = found.as_ref().err().cloned();
        }
        found.unwrap_or_default()
    }

    /// `Enter` on an empty search repeats the last one; on one that is wrong, nothing happens.
    fn accept(&mut self, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        let Some(prompt) = &self.prompt else { return Vec::new() };
        if prompt.error.is_some() {
            return Vec::new();
        }
        let (finding, text, before) = (prompt.finding, prompt.input.text().to_owned(), prompt.before.clone());
        self.prompt = None;
        if finding == Finding::Search && text.is_empty() {
            let mut effects = self.find(finding, &before, store, area, now).unwrap_or_default();
            effects.extend(self.next_hit(store, area, true));
            return effects;
        }
        let finder = self.finder_mut(finding);
        finder.recalled.remember(&text);
        let none = finding == Finding::Search
            && !finder.is_pending()
            && finder
                .applied()
                .is_some_and(|applied| applied.index.count(&store.lanes().map(|(id, _)| id).collect::<Vec<_>>()) == 0);
        if none { vec![LogEffect::Say(format!("no line has {text}"))] } else { Vec::new() }
    }

    fn cancel(&mut self, store: &LogStore, area: Rect, now: Timestamp) -> Vec<LogEffect> {
        let Some(prompt) = self.prompt.take() else { return Vec::new() };
        self.seeking = None;
        let effects = self.find(prompt.finding, &prompt.before, store, area, now).unwrap_or_default();
        (self.top, self.cursor) = (prompt.place.top, prompt.place.cursor);
        effects
    }

    /// Asks for a text, at once or by a scan.
    pub(super) fn find(
        &mut self,
        finding: Finding,
        text: &str,
        store: &LogStore,
        area: Rect,
        now: Timestamp,
    ) -> Result<Vec<LogEffect>, String> {
        let clock = self.clock(now);
        let scan = self.finder_mut(finding).set(text, &clock, store)?;
        if scan.is_none() {
            match finding {
                Finding::Filter => self.settle(store, area),
                Finding::Search => {
                    if let Some(place) = self.seeking.take() {
                        self.seek_from(place, store, area);
                    }
                }
            }
        }
        Ok(scan.map(LogEffect::Scan).into_iter().collect())
    }

    fn finder(&self, finding: Finding) -> &super::finding::Finder {
        match finding {
            Finding::Filter => &self.filter,
            Finding::Search => &self.search,
        }
    }

    fn finder_mut(&mut self, finding: Finding) -> &mut super::finding::Finder {
        match finding {
            Finding::Filter => &mut self.filter,
            Finding::Search => &mut self.search,
        }
    }
}
