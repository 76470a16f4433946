//! Which format a file has, and its parser.

use super::declared::{Declared, MAX_TEXT, ParseError};
use super::{dockerfile, go, node, php, python, ruby, rust, text};
use crate::model::ManifestKind;

/// Whose packages a manifest names. An install step of one ecosystem reads no manifest of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ecosystem {
    /// pip, uv, Poetry, PDM, Pipenv, conda.
    Python,
    /// npm, yarn, pnpm.
    Node,
    /// Bundler.
    Ruby,
    /// The go command.
    Go,
    /// Cargo.
    Rust,
    /// Composer.
    Php,
}

/// The format of a file by its name, wherever it lies; `None` when no parser knows it. A file that another manifest
/// includes with `-r` is [`ManifestKind::Requirements`] whatever its name.
pub fn kind_of(path: &str) -> Option<ManifestKind> {
    let mut parts = path.rsplit('/');
    let name = parts.next()?;
    let kind = match name {
        "pyproject.toml" => ManifestKind::Pyproject,
        "poetry.lock" => ManifestKind::PoetryLock,
        "uv.lock" => ManifestKind::UvLock,
        "pdm.lock" => ManifestKind::PdmLock,
        "Pipfile" => ManifestKind::Pipfile,
        "Pipfile.lock" => ManifestKind::PipfileLock,
        "setup.py" => ManifestKind::SetupPy,
        "setup.cfg" => ManifestKind::SetupCfg,
        "environment.yml" | "environment.yaml" | "conda.yml" | "conda.yaml" => ManifestKind::CondaEnvironment,
        "package.json" => ManifestKind::PackageJson,
        "package-lock.json" | "npm-shrinkwrap.json" => ManifestKind::PackageLock,
        "yarn.lock" => ManifestKind::YarnLock,
        "pnpm-lock.yaml" => ManifestKind::PnpmLock,
        "Gemfile" | "gems.rb" => ManifestKind::Gemfile,
        "Gemfile.lock" | "gems.locked" => ManifestKind::GemfileLock,
        "go.mod" => ManifestKind::GoMod,
        "go.sum" => ManifestKind::GoSum,
        "Cargo.toml" => ManifestKind::CargoToml,
        "Cargo.lock" => ManifestKind::CargoLock,
        "composer.json" => ManifestKind::ComposerJson,
        "composer.lock" => ManifestKind::ComposerLock,
        _ if name.starts_with("pylock.") && name.ends_with(".toml") => ManifestKind::Pylock,
        _ => return requirements_name(name, parts.next()).then_some(ManifestKind::Requirements),
    };
    Some(kind)
}

/// `requirements*.txt`, `*-requirements.txt`, `constraints*.txt`, the same as `.in`, and any of them in `requirements/`.
fn requirements_name(name: &str, folder: Option<&str>) -> bool {
    let Some(stem) =
        name.strip_suffix(".txt").or_else(|| name.strip_suffix(".in")).or_else(|| name.strip_suffix(".pip"))
    else {
        return false;
    };
    let said = |word: &str| stem.starts_with(word) || stem.ends_with(word);
    folder == Some("requirements") || said("requirements") || said("constraints") || stem == "reqs"
}

/// Whether the file is written by a tool from another manifest.
pub fn is_lock(kind: ManifestKind) -> bool {
    use ManifestKind as Kind;
    matches!(
        kind,
        Kind::PoetryLock
            | Kind::UvLock
            | Kind::PdmLock
            | Kind::Pylock
            | Kind::PipfileLock
            | Kind::PackageLock
            | Kind::YarnLock
            | Kind::PnpmLock
            | Kind::GemfileLock
            | Kind::GoSum
            | Kind::CargoLock
            | Kind::ComposerLock
    )
}

/// Whose packages a format names; `None` for a Dockerfile and for files of no known format.
pub fn ecosystem(kind: ManifestKind) -> Option<Ecosystem> {
    use ManifestKind as Kind;
    match kind {
        Kind::Requirements
        | Kind::Pyproject
        | Kind::PoetryLock
        | Kind::UvLock
        | Kind::PdmLock
        | Kind::Pylock
        | Kind::Pipfile
        | Kind::PipfileLock
        | Kind::SetupPy
        | Kind::SetupCfg
        | Kind::CondaEnvironment => Some(Ecosystem::Python),
        Kind::PackageJson | Kind::PackageLock | Kind::YarnLock | Kind::PnpmLock => Some(Ecosystem::Node),
        Kind::Gemfile | Kind::GemfileLock => Some(Ecosystem::Ruby),
        Kind::GoMod | Kind::GoSum => Some(Ecosystem::Go),
        Kind::CargoToml | Kind::CargoLock => Some(Ecosystem::Rust),
        Kind::ComposerJson | Kind::ComposerLock => Some(Ecosystem::Php),
        Kind::Dockerfile | Kind::Other => None,
    }
}

/// Reads a manifest's bytes as packages; `None` where no parser knows the format.
///
/// # Errors
/// The text is not of its format, or longer than [`MAX_TEXT`].
pub fn parse(kind: ManifestKind, bytes: &[u8]) -> Option<Result<Declared, ParseError>> {
    use ManifestKind as Kind;
    if kind == Kind::Other {
        return None;
    }
    if bytes.len() > MAX_TEXT {
        return Some(Err(ParseError::new("too large to be read as packages", 0, 0)));
    }
    let text = text::decode(bytes);
    let text = text.as_ref();
    Some(match kind {
        Kind::Requirements => Ok(python::requirements::parse(text)),
        Kind::Pyproject => python::pyproject::parse(text),
        Kind::PoetryLock | Kind::UvLock | Kind::PdmLock => python::locks::parse(text),
        Kind::Pylock => python::locks::parse_pylock(text),
        Kind::Pipfile => python::pipfile::parse(text),
        Kind::PipfileLock => python::pipfile::parse_lock(text),
        Kind::SetupPy => Ok(python::setup_py::parse(text)),
        Kind::SetupCfg => Ok(python::setup_cfg::parse(text)),
        Kind::CondaEnvironment => python::environment::parse(text),
        Kind::PackageJson => node::package_json::parse(text),
        Kind::PackageLock => node::package_lock::parse(text),
        Kind::YarnLock => Ok(node::yarn::parse(text)),
        Kind::PnpmLock => Ok(node::pnpm::parse(text)),
        Kind::Gemfile => Ok(ruby::parse(text)),
        Kind::GemfileLock => Ok(ruby::parse_lock(text)),
        Kind::GoMod => Ok(go::parse(text)),
        Kind::GoSum => Ok(go::parse_sum(text)),
        Kind::CargoToml => rust::parse(text),
        Kind::CargoLock => rust::parse_lock(text),
        Kind::ComposerJson => php::parse(text),
        Kind::ComposerLock => php::parse_lock(text),
        Kind::Dockerfile => dockerfile::parse(text),
        Kind::Other => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [ManifestKind; 24] = [
        ManifestKind::Requirements,
        ManifestKind::Pyproject,
        ManifestKind::PoetryLock,
        ManifestKind::UvLock,
        ManifestKind::PdmLock,
        ManifestKind::Pylock,
        ManifestKind::Pipfile,
        ManifestKind::PipfileLock,
        ManifestKind::SetupPy,
        ManifestKind::SetupCfg,
        ManifestKind::CondaEnvironment,
        ManifestKind::PackageJson,
        ManifestKind::PackageLock,
        ManifestKind::YarnLock,
        ManifestKind::PnpmLock,
        ManifestKind::Gemfile,
        ManifestKind::GemfileLock,
        ManifestKind::GoMod,
        ManifestKind::GoSum,
        ManifestKind::CargoToml,
        ManifestKind::CargoLock,
        ManifestKind::ComposerJson,
        ManifestKind::ComposerLock,
        ManifestKind::Dockerfile,
    ];

    #[test]
    fn names() {
        let check = |path: &str, expected: Option<ManifestKind>| assert_eq!(kind_of(path), expected, "{path}");
        for name in [
            "requirements.txt",
            "a/requirements-dev.txt",
            "dev-requirements.txt",
            "requirements/base.txt",
            "requirements.in",
            "constraints.txt",
        ] {
            check(name, Some(ManifestKind::Requirements));
        }
        check("web/package.json", Some(ManifestKind::PackageJson));
        check("pylock.dev.toml", Some(ManifestKind::Pylock));
        check("notes.txt", None);
        check("requirements/README.md", None);
        check("", None);
    }

    /// Text made of the pieces that manifests are made of, so that parsers get beyond their first error.
    fn manifest_like() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("\n"),
            Just("  "),
            Just("    "),
            Just("["),
            Just("]"),
            Just("[["),
            Just("]]"),
            Just("{"),
            Just("}"),
            Just("\""),
            Just("'"),
            Just("'''"),
            Just(":"),
            Just("="),
            Just("=="),
            Just("@"),
            Just("/"),
            Just("#"),
            Just("\\\n"),
            Just("-r "),
            Just("--hash="),
            Just("package"),
            Just("dependencies"),
            Just("packages:\n  "),
            Just("install_requires=["),
            Just("extras_require={"),
            Just("version "),
            Just("gem "),
            Just("require ("),
            Just("tool.poetry"),
            Just("name"),
            Just("é"),
            Just("://"),
            Just(","),
            Just(";"),
            Just("\0"),
            Just("RUN pip install "),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_text_makes_a_parser_panic_or_grow(text in manifest_like(), junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in KINDS {
                for bytes in [text.as_bytes(), &junk] {
                    if let Some(Ok(declared)) = parse(kind, bytes) {
                        prop_assert!(declared.packages.len() + declared.settings.len() <= 4 * bytes.len() + 8);
                        prop_assert!(declared.packages.iter().all(|package| package.line as usize <= bytes.len() + 1));
                    }
                }
            }
        }
    }
}
