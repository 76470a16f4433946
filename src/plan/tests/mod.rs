//! Tables: a project and what is observed of it, and the plan's text.

mod again;
mod display;
mod existing;
mod model_engine;
mod rebuild;
mod recreate;
mod up;
