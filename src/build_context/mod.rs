//! What the builder is sent: the context's files without those that `.dockerignore` leaves out, and the Dockerfile, read.
//!
//! Knows nothing of the engine: it walks, matches, packs and parses. It never holds a file's contents beyond one buffer, never
//! follows a symbolic link out of the context, and reads a Dockerfile without running or fetching anything.

pub mod dockerfile;
pub mod error;
mod follow;
pub mod ignore;
pub mod path;
pub mod pattern;
pub mod tar_stream;
pub mod walk;
