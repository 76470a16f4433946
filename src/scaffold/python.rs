//! Which Python the image has: what was asked for, what the project pins, or the newest that it allows.
//!
//! A version is `3.13`, which means its newest patch level, or `3.13.2` where the project allows no newer one. What the project pins and
//! what its manifest wants must agree: the build would fail otherwise, later and with more words.

use std::{fmt, str::FromStr};

use pep440_rs::{Version, VersionSpecifiers};

use super::{Chosen, ScaffoldError, Survey, error::Line, manifests::Choice};
use crate::model::{Diagnostic, ManifestKind};

/// What is taken where nothing is said: released long enough ago that packages have wheels for it.
const DEFAULT: PythonVersion = PythonVersion { minor: 13, patch: None };

/// Tried in this order where the default doesn't fit.
const MINORS: [u32; 8] = [13, 14, 12, 11, 10, 9, 8, 7];

/// Minor versions for which images are, or can be expected to be.
const IMAGES: std::ops::RangeInclusive<u32> = 6..=19;

/// Patch levels that are tried where a range leaves out the newest.
const PATCHES: u32 = 30;

/// Stands for the newest patch level, whichever that is.
const NEWEST: u32 = 99;

/// A version of Python 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PythonVersion {
    /// 13 of 3.13.
    pub minor: u32,
    /// The patch level; the newest when `None`.
    pub patch: Option<u32>,
}

impl fmt::Display for PythonVersion {
    /// As the image is tagged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.patch {
            Some(patch) => write!(f, "3.{}.{patch}", self.minor),
            None => write!(f, "3.{}", self.minor),
        }
    }
}

impl PythonVersion {
    /// Reads `3.13`, `3.13.2`, `python-3.13.2`, `cpython@3.13`; none for anything else.
    pub fn read(text: &str) -> Option<PythonVersion> {
        let text = text.trim();
        let text = ["cpython", "python"].iter().find_map(|name| text.strip_prefix(name)).unwrap_or(text);
        let mut parts = text.trim_start_matches(['-', '@', '=', ' ']).split('.');
        let (major, minor) = (parts.next()?, parts.next()?.parse().ok()?);
        let patch = match parts.next() {
            None | Some("*") => None,
            Some(patch) => Some(patch.parse().ok()?),
        };
        (major == "3" && parts.next().is_none() && IMAGES.contains(&minor)).then_some(PythonVersion { minor, patch })
    }
}

/// What a manifest wants of Python: any of these ranges.
struct Wanted {
    ranges: Vec<VersionSpecifiers>,
    text: String,
    line: Line,
}

impl Wanted {
    fn of(choice: &Choice<'_>) -> Option<Wanted> {
        let text = choice.manifest.setting("requires-python")?;
        let ranges: Option<Vec<VersionSpecifiers>> = text.split("||").map(range).collect();
        let line =
            choice.manifest.line(&["requires-python", "requires_python", "python_requires", "python ", "python="]);
        Some(Wanted { ranges: ranges?, text: text.to_owned(), line })
    }

    /// What an environment.yml pins, which conda would insist on.
    fn of_conda(choice: &Choice<'_>) -> Option<Wanted> {
        if choice.manifest.kind != ManifestKind::CondaEnvironment {
            return None;
        }
        let python = python_of_conda(choice)?;
        let line = choice.manifest.line(&["- python", "- \"python", "- 'python"]);
        Some(Wanted { ranges: vec![range(&python)?], text: python, line })
    }

    fn allows(&self, minor: u32, patch: u32) -> bool {
        let version = Version::new([3, u64::from(minor), u64::from(patch)]);
        self.ranges.iter().any(|range| range.contains(&version))
    }

    /// The version that is meant by a minor one: its newest patch level that is allowed.
    fn fitting(&self, minor: u32) -> Option<PythonVersion> {
        if self.allows(minor, NEWEST) {
            return Some(PythonVersion { minor, patch: None });
        }
        let patch = (0..=PATCHES).rev().find(|patch| self.allows(minor, *patch))?;
        Some(PythonVersion { minor, patch: Some(patch) })
    }

    fn newest(&self) -> Option<PythonVersion> {
        MINORS.into_iter().find_map(|minor| self.fitting(minor))
    }

    /// The version if it is allowed.
    fn check(&self, version: PythonVersion, asked: Option<String>) -> Result<PythonVersion, ScaffoldError> {
        let allowed = match version.patch {
            Some(patch) => self.allows(version.minor, patch).then_some(version),
            None => self.fitting(version.minor),
        };
        allowed.ok_or_else(|| ScaffoldError::VersionExcluded {
            version: version.to_string(),
            asked,
            range: self.text.clone(),
            line: self.line.clone(),
            fitting: self.newest().map(|version| version.to_string()),
        })
    }
}

/// A range as PEP 440 has it, or as Poetry does: `^3.11`, `~3.11`, `3.11.*`, `3.11`, `*`.
fn range(text: &str) -> Option<VersionSpecifiers> {
    let terms = text.split(',').flat_map(str::split_whitespace);
    let mut out: Vec<String> = Vec::new();
    let mut operator = "";
    for term in terms {
        if term.chars().all(|c| matches!(c, '<' | '>' | '=' | '!' | '~' | '^')) {
            operator = term;
            continue;
        }
        let term = format!("{}{term}", std::mem::take(&mut operator));
        let parts = |text: &str| text.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>().ok();
        if term == "*" {
            continue;
        } else if let Some(version) = term.strip_prefix('^') {
            out.push(format!(">={version},<{}", parts(version)?.first()? + 1));
        } else if let Some(version) = term.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
            let parts = parts(version)?;
            let below = parts.get(1).map_or(format!("{}", parts[0] + 1), |minor| format!("{}.{}", parts[0], minor + 1));
            out.push(format!(">={version},<{below}"));
        } else if term.starts_with(|c: char| c.is_ascii_digit()) {
            let short = term.matches('.').count() < 2 && !term.contains('*');
            out.push(if short { format!("=={term}.*") } else { format!("=={term}") });
        } else {
            out.push(term);
        }
    }
    VersionSpecifiers::from_str(&out.join(",")).ok()
}

/// Chooses the version. Gives what is to be said of files that pin something else than a version.
///
/// # Errors
/// `asked` is no version, or the project's own manifest rules out what it or another file says.
pub fn choose(
    survey: &Survey,
    choice: Option<&Choice<'_>>,
    asked: Option<&str>,
) -> Result<(Chosen<PythonVersion>, Vec<Diagnostic>), ScaffoldError> {
    let wanted = choice.and_then(|choice| Wanted::of(choice).or_else(|| Wanted::of_conda(choice)));
    let checked = |version, place: Option<String>| match &wanted {
        Some(wanted) => wanted.check(version, place),
        None => Ok(version),
    };
    if let Some(asked) = asked {
        let version = PythonVersion::read(asked)
            .ok_or_else(|| ScaffoldError::NotAVersion { text: asked.to_owned(), line: None })?;
        return Ok((Chosen::new(checked(version, None)?, "--python"), Vec::new()));
    }
    let mut notes = Vec::new();
    for (name, text) in &survey.pins {
        let lines = (1u32..).zip(text.lines());
        let Some((number, line)) =
            lines.into_iter().find(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        else {
            continue;
        };
        match PythonVersion::read(line) {
            Some(version) => {
                let place = format!("{name}:{number}");
                // Tools pin a patch level because they must; the image's newest has the same features and fewer faults.
                let version = checked(PythonVersion { patch: None, ..version }, Some(place.clone()))?;
                return Ok((Chosen::new(version, place), notes));
            }
            None => {
                let what = format!("{name}:{number} names `{}`, which is no version: it is left aside", line.trim());
                notes.push(Diagnostic::warning(what).help("`--python 3.13` names the version"));
            }
        }
    }
    if let Some((version, place)) = choice.and_then(pinned_in) {
        return Ok((Chosen::new(checked(version, Some(place.clone()))?, place), notes));
    }
    let Some(wanted) = wanted else {
        return Ok((Chosen::new(DEFAULT, "the default; --python takes another"), notes));
    };
    match wanted.newest() {
        Some(version) => {
            let because = format!("requires-python {} in {}", wanted.text, wanted.line.place());
            Ok((Chosen::new(version, because), notes))
        }
        None => Err(ScaffoldError::NoVersionFits { range: wanted.text, line: wanted.line }),
    }
}

/// What an environment.yml says of Python.
pub(super) fn python_of_conda(choice: &Choice<'_>) -> Option<String> {
    let declared = choice.manifest.declared.as_ref().ok()?;
    let python = declared.packages.iter().find(|package| package.name == "python")?;
    Some(python.version.clone())
}

/// The version that a Pipfile or an environment.yml names.
fn pinned_in(choice: &Choice<'_>) -> Option<(PythonVersion, String)> {
    let manifest = choice.manifest;
    match manifest.kind {
        ManifestKind::Pipfile => {
            let document = manifest.toml()?;
            let requires = document.get("requires")?.as_table_like()?;
            let version = requires.get("python_version").or_else(|| requires.get("python_full_version"))?.as_str()?;
            Some((PythonVersion::read(version)?, manifest.line(&["python_version", "python_full_version"]).place()))
        }
        ManifestKind::CondaEnvironment => {
            let version = PythonVersion::read(&python_of_conda(choice)?)?;
            Some((version, manifest.line(&["- python", "- \"python", "- 'python"]).place()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::kind_of;
    use crate::scaffold::manifests::{self, ManifestText};

    /// `version (reason)`, or the error; then the warnings.
    #[track_caller]
    fn check(files: &[(&str, &str)], asked: Option<&str>, expected: &str) {
        let mut survey = Survey::default();
        for (name, text) in files {
            survey.entries.insert((*name).to_owned());
            match kind_of(name) {
                Some(kind) => {
                    survey.manifests.insert((*name).to_owned(), ManifestText::read(name, kind, (*text).to_owned()));
                }
                None => survey.pins.push(((*name).to_owned(), (*text).to_owned())),
            }
        }
        let manifest = manifests::choose(&survey, None).unwrap();
        let shown = match choose(&survey, manifest.as_ref(), asked) {
            Ok((version, notes)) => {
                let notes: String = notes.iter().map(|note| format!("; {}", note.what)).collect();
                format!("{} ({}){notes}", version.value, version.because)
            }
            Err(error) => Diagnostic::from(error).to_string(),
        };
        assert_eq!(shown, expected, "{files:?} {asked:?}");
    }

    fn project(range: &str) -> String {
        format!("[project]\nname = \"x\"\nrequires-python = \"{range}\"\ndependencies = []\n")
    }

    #[test]
    fn what_the_project_says_is_taken() {
        check(&[], None, "3.13 (the default; --python takes another)");
        check(&[], Some("3.12"), "3.12 (--python)");
        check(&[], Some("3.12.7"), "3.12.7 (--python)");
        check(&[(".python-version", "# ours\n3.12.4\n")], None, "3.12 (.python-version:2)");
        check(&[(".python-version", "3.12.4\n")], Some("3.11"), "3.11 (--python)");
        check(
            &[(".python-version", "shop-env\n")],
            None,
            "3.13 (the default; --python takes another); .python-version:1 names `shop-env`, which is no version: it is left aside",
        );
        check(&[("runtime.txt", "python-3.11.6\n")], None, "3.11 (runtime.txt:1)");
        check(&[("Pipfile", "[packages]\n[requires]\npython_version = '3.10'\n")], None, "3.10 (Pipfile:3)");
        check(&[("environment.yml", "dependencies:\n  - python=3.11\n")], None, "3.11 (environment.yml:2)");
        check(&[("environment.yml", "dependencies:\n  - flask\n")], Some("3.12"), "3.12 (--python)");
        check(
            &[("environment.yml", "dependencies:\n  - python=3.11\n")],
            Some("3.12"),
            "error: Python 3.12 is ruled out by the project: it wants 3.11\n  ┌ environment.yml:2:3\n\
             2 │   - python=3.11\n  │   ^^^^^^^^^^^^^\nhelp: `--python 3.11` fits",
        );
    }

    #[test]
    fn ranges_are_kept() {
        let check = |range: &str, expected: &str| {
            let expected = format!("{expected} (requires-python {range} in pyproject.toml:3)");
            check(&[("pyproject.toml", &project(range))], None, &expected);
        };
        check(">=3.10", "3.13");
        check(">=3.10,<3.12", "3.11");
        check(">=3.14", "3.14");
        check("==3.11.6", "3.11.6");
        check("<3.12.3,>=3.12", "3.12.2");
        check("~=3.11.0", "3.11");
        check("^3.12", "3.13");
        check("~3.10", "3.10");
        check("3.9 || 3.10", "3.10");
        check(">= 3.8, < 3.10", "3.9");
    }

    #[test]
    fn what_contradicts_the_project_is_refused_with_its_place() {
        check(
            &[("pyproject.toml", &project(">=3.12"))],
            Some("3.11"),
            "error: Python 3.11 is ruled out by the project: it wants >=3.12\n  ┌ pyproject.toml:3:1\n\
             3 │ requires-python = \">=3.12\"\n  │ ^^^^^^^^^^^^^^^^^^^^^^^^^^\nhelp: `--python 3.13` fits",
        );
        check(
            &[("pyproject.toml", &project(">=3.12")), (".python-version", "3.10")],
            None,
            "error: Python 3.10 is ruled out by the project: it wants >=3.12\n  ┌ pyproject.toml:3:1\n\
             3 │ requires-python = \">=3.12\"\n  │ ^^^^^^^^^^^^^^^^^^^^^^^^^^\n  3.10 is asked for in .python-version:1\n\
             help: `--python 3.13` fits",
        );
        for text in ["2.7", "3", "three", "3.13.x", "3.99", "3.1", ""] {
            let error = format!(
                "error: `{text}` is no version of Python that an image exists for\nhelp: `--python 3.13`, or with a patch level `--python 3.13.2`"
            );
            check(&[], Some(text), &error);
        }
        check(
            &[("pyproject.toml", &project("<3"))],
            None,
            "error: no version of Python that devbox knows fits <3\n  ┌ pyproject.toml:3:1\n3 │ requires-python = \"<3\"\n  │ ^^^^^^^^^^^^^^^^^^^^^^\nhelp: `--python 3.N` names the version of the image",
        );
    }
}
