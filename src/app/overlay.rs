//! What lies over the panes and takes the keys until it is closed.

use super::palette::Palette;
use crate::model::ServiceName;

/// What lies over the panes.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// Actions, services and tabs by name.
    Palette(Palette),
    /// The keys; first shown line.
    Help(usize),
    /// A question.
    Confirm(Confirm),
    /// The text of the waiting change of a service; first shown line.
    Diff(ServiceName, usize),
    /// An entry of the history, counted from the newest when it was opened; first shown line.
    Event(Box<super::history::Entry>, usize),
    /// The end of devbox's own log; all of it is in `--log-file`.
    OwnLog,
}

/// A question with one key for each answer. `Esc` always keeps everything as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// What is asked, with names.
    pub question: String,
    /// The answers in the order in which they are shown.
    pub answers: Vec<Answer>,
    /// What `Esc` is called here: `keep`, `stay`.
    pub otherwise: &'static str,
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its key.
    pub key: char,
    /// What it does, in a word or two.
    pub word: &'static str,
    /// What it does.
    pub does: Decision,
}

/// What an answer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Leave; the services go on.
    Leave,
    /// Stop everything and leave.
    StopAndLeave,
    /// `down` with volumes.
    TakeDownVolumes,
}
