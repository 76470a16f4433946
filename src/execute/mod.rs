//! Carrying a plan out: observe, plan, walk; each step one call to the engine, each reported.
//!
//! Nothing is decided here that a plan could decide. A failed step skips its dependents and nothing else; a run that is
//! cancelled leaves what it began in a state from which the next one goes on. Creating what exists is success.
//!
//! The entry is [`run`], and [`sync`] for files alone; `planning` makes the plan with all its reasons, for which
//! `recall` finds old manifests again; `walk` and `ready` are pure, `step` turns operations into calls, `wait` judges looks at the
//! engine, `rollback` is the way back of a guarded recreate.

mod conclude;
mod event;
mod hook;
mod image;
mod manifests;
mod oneoff;
mod planning;
mod port;
mod ready;
mod recall;
mod rollback;
mod run;
mod step;
mod sync;
mod trouble;
mod wait;
mod walk;

pub use event::{Event, Outcome, Progress, PullProgress, RunContainer, StepResult, Verdict};
pub use planning::plan;
pub use recall::{recall, recall_all};
pub use run::{Run, run};
pub use sync::{owner, sync};
