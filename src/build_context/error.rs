//! What can be wrong with a build context.

use std::path::PathBuf;

use super::pattern::PatternError;

/// Why a context cannot be read or sent.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A file or folder of it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The context is not a folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// What should be a file is a folder or something else.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// A file that is read whole is larger than any such file should be.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// The bound, in bytes.
        limit: u64,
    },
    /// The builder's protocol carries names as UTF-8 only.
    #[error("the file name {path:?} is not UTF-8, and the builder cannot take it")]
    NotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// A line of the ignore file is longer than the builder reads.
    #[error("line {line} of {} is too long", file.display())]
    IgnoreLine {
        /// The ignore file.
        file: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A line of the ignore file is not a pattern.
    #[error("{}: {error}", file.display())]
    Pattern {
        /// The ignore file.
        file: PathBuf,
        /// From 1, where it is known.
        line: Option<usize>,
        /// What is wrong with it.
        error: PatternError,
    },
    /// A pattern that the builder asked for is not one.
    #[error("the builder asked for a pattern that cannot be used: {0}")]
    Asked(#[from] PatternError),
}
