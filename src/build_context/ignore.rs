//! `.dockerignore`: which file holds for a build, and how its lines become patterns.
//!
//! A Dockerfile's own file (`Dockerfile.dockerignore`, beside it) replaces the context's `.dockerignore` altogether, even when it
//! is empty. Matching itself is [`super::pattern`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::ContextError;
use super::path::clean;
use super::pattern::Patterns;

/// The largest ignore file that is read. The builder has no such bound; real files have a few hundred bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The longest line, in bytes, that the builder reads.
const MAX_LINE: usize = 64 * 1024 - 1;

/// The ignore file that holds for a build, read.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    /// The file it came from; none where the project has none.
    pub file: Option<PathBuf>,
    /// Its patterns, as text, in the form that the builder makes of them.
    pub lines: Vec<String>,
    /// The same, ready to match.
    pub patterns: Patterns,
}

impl Ignore {
    /// Finds and reads the ignore file for a context folder and the Dockerfile built with it.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be read, is too large, or holds a pattern that the builder refuses.
    pub fn load(context: &Path, dockerfile: Option<&Path>) -> Result<Self, ContextError> {
        for candidate in candidates(context, dockerfile) {
            if let Some(text) = read_bounded(&candidate)? {
                return Self::parse(&text, candidate);
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, file: PathBuf) -> Result<Self, ContextError> {
        let lines = read_lines(text).map_err(|line| ContextError::IgnoreLine { file: file.clone(), line })?;
        let patterns = Patterns::new(&lines).map_err(|error| ContextError::Pattern {
            line: offending_line(text),
            file: file.clone(),
            error,
        })?;
        Ok(Self { file: Some(file), lines, patterns })
    }

    /// Whether a path of the context, relative and with slashes, is left out.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        self.patterns.matches(path)
    }

    /// The lines for a builder that takes a tar archive: it looks for the Dockerfile and the ignore file inside, so these travel
    /// even where a pattern leaves them out. (BuildKit asks for the two by themselves.)
    #[must_use]
    pub fn lines_with_build_files(&self, dockerfile: Option<&str>) -> Vec<String> {
        let mut lines = self.lines.clone();
        for needed in [Some(".dockerignore"), dockerfile].into_iter().flatten() {
            if self.excludes(needed) {
                lines.push(format!("!{needed}"));
            }
        }
        lines
    }
}

/// The ignore files that a build looks for, the first that exists holds.
#[must_use]
pub fn candidates(context: &Path, dockerfile: Option<&Path>) -> Vec<PathBuf> {
    let own = dockerfile.and_then(|dockerfile| {
        let mut name = dockerfile.file_name()?.to_owned();
        name.push(".dockerignore");
        Some(context.join(dockerfile).with_file_name(name))
    });
    own.into_iter().chain([context.join(".dockerignore")]).collect()
}

/// A file's text; nothing when there is none. A folder or a special file of that name is none either, as for the builder.
fn read_bounded(file: &Path) -> Result<Option<String>, ContextError> {
    let unreadable = |source| ContextError::Read { path: file.to_owned(), source };
    match std::fs::metadata(file) {
        Ok(meta) if !meta.is_file() => return Ok(None),
        Ok(meta) if meta.len() > MAX_BYTES => {
            return Err(ContextError::TooLarge { path: file.to_owned(), limit: MAX_BYTES });
        }
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The patterns that a text holds, or the number of a line that is too long.
fn read_lines(text: &str) -> Result<Vec<String>, usize> {
    let mut patterns = Vec::new();
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').enumerate() {
        if line.len() > MAX_LINE {
            return Err(index + 1);
        }
        patterns.extend(read_line(line));
    }
    Ok(patterns)
}

fn read_line(line: &str) -> Option<String> {
    // Only a `#` in the first column makes a comment.
    if line.starts_with('#') {
        return None;
    }
    let trimmed = line.trim();
    if trimmed.is_empty() {
        return None;
    }
    let (bang, pattern) = trimmed.strip_prefix('!').map_or(("", trimmed), |rest| ("!", rest.trim()));
    if pattern.is_empty() {
        return Some(bang.to_owned());
    }
    let cleaned = clean(pattern);
    let relative = match cleaned.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => rest,
        _ => &cleaned,
    };
    Some(format!("{bang}{relative}"))
}

/// The number of the first line that is no pattern.
fn offending_line(text: &str) -> Option<usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let refused = |line: &str| read_line(line).is_some_and(|pattern| Patterns::new([pattern]).is_err());
    text.split('\n').position(refused).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(read_lines(text).unwrap(), expected, "{text:?}");
    }

    #[test]
    fn reads_lines_as_the_builder_does() {
        check("a\n\n  b  \r\n# comment\n  # not a comment\n", &["a", "b", "# not a comment"]);
        check("\u{feff}a\n", &["a"]);
        check("\u{feff}#comment\nb", &["b"]);
        check("/build\n./x//y/\n", &["build", "x/y"]);
        check("! src\n!/a/../b\n!", &["!src", "!b", "!"]);
        check("/", &["/"]);
        check("a/..", &["."]);
    }

    #[test]
    fn the_dockerfiles_own_file_replaces_the_contexts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "a").unwrap();
        let load = |dockerfile: &str| Ignore::load(dir.path(), Some(Path::new(dockerfile))).unwrap().lines;
        assert_eq!(load("Dockerfile"), ["a"]);
        std::fs::create_dir(dir.path().join("docker")).unwrap();
        std::fs::write(dir.path().join("docker/dev.Dockerfile.dockerignore"), "b").unwrap();
        assert_eq!(load("docker/dev.Dockerfile"), ["b"]);
        std::fs::write(dir.path().join("Dockerfile.dockerignore"), "").unwrap();
        assert_eq!(load("Dockerfile"), [""; 0]);
    }

    #[test]
    fn a_refused_pattern_has_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "a\n\nb[\n").unwrap();
        let error = Ignore::load(dir.path(), None).unwrap_err();
        assert!(matches!(error, ContextError::Pattern { line: Some(3), .. }), "{error}");
    }

    #[test]
    fn build_files_travel_in_an_archive() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".dockerignore"), "*\n!src").unwrap();
        let ignore = Ignore::load(dir.path(), None).unwrap();
        assert!(ignore.excludes("Dockerfile"));
        let patterns = Patterns::new(ignore.lines_with_build_files(Some("Dockerfile"))).unwrap();
        assert!(!patterns.matches("Dockerfile") && !patterns.matches(".dockerignore") && patterns.matches("other"));
    }
}
