//! Lines of containers' logs: from an engine's bytes to what can be searched, filtered and drawn. Pure: no I/O, no clock.
//!
//! The path of a line: [`Splitter`] (in the follower's task) joins the engine's pieces, makes the text safe ([`ansi`]), reads its
//! level, marks tracebacks, and leaves out what came before a cut ([`Resume`]). [`LogStore`] keeps it in the [`Lane`] of its source,
//! bounded in bytes. [`Merged`] walks some lanes as one sequence by time. A [`Filter`] or a [`Pattern`] becomes an [`Index`] of what matches,
//! so that moving among matches costs nothing, wherever they are.

pub mod ansi;
mod chunk;
mod filter;
mod index;
mod joiner;
mod json;
mod lane;
mod level;
mod line;
mod merge;
mod pattern;
mod resume;
mod split;
mod stamp;
mod store;
mod traceback;

pub use chunk::{Batch, Chunk};
pub use filter::{Clock, Filter, InvalidFilter};
pub use index::{Index, Matcher};
pub use joiner::{Joiner, LINE_LIMIT, RawLine, Stamps};
pub use json::{Fields, fields};
pub use lane::{Block, Lane};
pub use level::detect;
pub use line::{Level, Line, Part, Source, Stream};
pub use merge::{Merged, Position, Select};
pub use pattern::{InvalidPattern, Pattern};
pub use resume::Resume;
pub use split::{BATCH_BYTES, BATCH_LINES, Splitter};
pub use store::{DEFAULT_LIMIT, LaneId, LogStore};
pub use traceback::Tracebacks;
