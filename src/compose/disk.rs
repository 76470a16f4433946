//! The only reads of files while loading: bounded, of regular files, and remembered, so that whoever reloads knows what
//! to watch.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    report::{Problem, Report},
    tree::{FileId, Span},
};

/// The most that is read of one file, in bytes.
const LARGEST: u64 = 16 << 20;

/// The files of a load.
#[derive(Debug)]
pub(super) struct Disk {
    /// What paths are shown relative to.
    directory: PathBuf,
    pub(super) read: Vec<PathBuf>,
    pub(super) looked_for: Vec<PathBuf>,
}

/// A file's text.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) id: FileId,
    pub(super) text: Arc<str>,
}

/// Why there is no text.
#[derive(Debug)]
pub(super) enum NoText {
    Missing,
    Other(Problem),
}

impl Disk {
    pub(super) fn new(directory: &Path) -> Self {
        Disk { directory: directory.to_path_buf(), read: Vec::new(), looked_for: Vec::new() }
    }

    /// As the user would name it: below the current folder without that folder.
    pub(super) fn shown<'p>(&self, path: &'p Path) -> &'p Path {
        match path.strip_prefix(&self.directory) {
            Ok(below) if !below.as_os_str().is_empty() => below,
            _ => path,
        }
    }

    /// Whether something of that name exists; remembered if not.
    pub(super) fn exists(&mut self, path: &Path) -> bool {
        let exists = fs::metadata(path).is_ok();
        if !exists {
            self.missing(path);
        }
        exists
    }

    /// Names in a folder, for what somebody may have meant.
    pub(super) fn names(&self, folder: &Path) -> Vec<String> {
        const MOST: usize = 1000;
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST);
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn missing(&mut self, path: &Path) {
        if !self.looked_for.iter().any(|known| known == path) {
            self.looked_for.push(path.to_path_buf());
        }
    }

    /// Reads a text file.
    pub(super) fn text(&mut self, path: &Path, report: &mut Report) -> Result<Text, NoText> {
        let shown = self.shown(path).to_path_buf();
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.missing(path);
                return Err(NoText::Missing);
            }
            Err(error) => {
                self.missing(path);
                let problem = |what: &str| Problem::new(format!("{}: {what}", shown.display()));
                return Err(NoText::Other(match error.kind() {
                    io::ErrorKind::IsADirectory => problem("is a folder").help("name a file in it"),
                    io::ErrorKind::PermissionDenied => {
                        problem("may not be read").help("give yourself the right to: `chmod u+r`, or its owner does")
                    }
                    _ => problem(&error.to_string()),
                }));
            }
        };
        if !self.read.iter().any(|known| known == path) {
            self.read.push(path.to_path_buf());
        }
        match decode(bytes) {
            Ok(text) => {
                let text: Arc<str> = text.into();
                Ok(Text { id: report.add_source(&shown, text.clone()), text })
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let before = &text[..valid];
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let id = report.add_source(&shown, text.into());
                let span = Span { file: id, line: number(line), column: number(column), width: 1 };
                Err(NoText::Other(Problem::new("not UTF-8").at(span).help("save the file as UTF-8")))
            }
        }
    }
}

/// The text; also of UTF-16 with a byte order mark, which YAML allows.
fn decode(bytes: Vec<u8>) -> Result<String, std::string::FromUtf8Error> {
    let units = |unit: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, ..] => Ok(units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Ok(units(u16::from_be_bytes)),
        _ => String::from_utf8(bytes),
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // A pipe that the shell made is fine; one in the project would block.
    let of_the_shell =
        ["/dev/fd/", "/proc/self/fd/", "/dev/stdin"].iter().any(|p| path.to_string_lossy().starts_with(p));
    if !metadata.is_file() && !of_the_shell {
        return Err(io::Error::other("is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}
