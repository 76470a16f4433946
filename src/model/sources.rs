//! What the files on disk declare: the manifests of every built service.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use super::{PackageChange, Place, ServiceName};

/// SHA-256 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    /// `sha256:` and 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: `sha256:` and 64 hexadecimal digits")]
pub struct InvalidDigest;

impl std::str::FromStr for Digest {
    type Err = InvalidDigest;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text
            .strip_prefix("sha256:")
            .filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .ok_or(InvalidDigest)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidDigest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidDigest)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of file a manifest is, which decides how its packages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ManifestKind {
    /// requirements*.txt, constraints.
    Requirements,
    /// pyproject.toml.
    Pyproject,
    /// poetry.lock.
    PoetryLock,
    /// uv.lock.
    UvLock,
    /// pdm.lock.
    PdmLock,
    /// pylock.toml (PEP 751).
    Pylock,
    /// Pipfile.
    Pipfile,
    /// Pipfile.lock.
    PipfileLock,
    /// setup.py.
    SetupPy,
    /// setup.cfg.
    SetupCfg,
    /// environment.yml.
    CondaEnvironment,
    /// package.json.
    PackageJson,
    /// package-lock.json, npm-shrinkwrap.json.
    PackageLock,
    /// yarn.lock.
    YarnLock,
    /// pnpm-lock.yaml.
    PnpmLock,
    /// Gemfile.
    Gemfile,
    /// Gemfile.lock.
    GemfileLock,
    /// go.mod.
    GoMod,
    /// go.sum.
    GoSum,
    /// Cargo.toml.
    CargoToml,
    /// Cargo.lock.
    CargoLock,
    /// composer.json.
    ComposerJson,
    /// composer.lock.
    ComposerLock,
    /// The Dockerfile itself.
    Dockerfile,
    /// Copied before an install step, of no format that is known: any change wants a rebuild.
    Other,
}

/// One declared or locked package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Package {
    /// The name in the form in which its ecosystem compares names (`Django_Rest` is `django-rest` in Python, PEP 503).
    pub name: String,
    /// `5.1.3` when pinned, a range as written otherwise (`>=4,<5`), `@ git+https://…` for a source, empty for any.
    pub version: String,
    /// Extras that are asked for, sorted: `binary` of `psycopg[binary]`.
    pub extras: Vec<String>,
    /// The group it belongs to, empty for the main one: `dev`, `optional`, `build-system`.
    pub group: String,
    /// What else decides what is installed: a marker (`python_version < "3.9"`), `hashes 1f2e3d`, an option.
    pub detail: String,
    /// The line of the manifest that declares it, counted from 1; 0 where the format has no such line.
    pub line: u32,
}

impl Package {
    /// A package of the main group with nothing but a name, a version and its line.
    pub fn new(name: impl Into<String>, version: impl Into<String>, line: u32) -> Self {
        Self { name: name.into(), version: version.into(), line, ..Self::default() }
    }

    /// The same package in a group.
    #[must_use]
    pub fn grouped(self, group: impl Into<String>) -> Self {
        Self { group: group.into(), ..self }
    }

    /// The name with its extras, as it is shown: `psycopg[binary]`.
    pub fn display_name(&self) -> String {
        if self.extras.is_empty() { self.name.clone() } else { format!("{}[{}]", self.name, self.extras.join(",")) }
    }
}

/// Something beside packages that an install reads: an index, the required Python, an override.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Setting {
    /// What it is called in the file: `index-url`, `requires-python`, `tool.uv.sources`.
    pub key: String,
    /// Its value without layout and comments, credentials masked.
    pub value: String,
}

/// One manifest of a service, as it is on disk now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Absolute path.
    pub path: PathBuf,
    /// As shown, and as the image label names it: relative to the build context where it is inside.
    pub name: String,
    /// Its format.
    pub kind: ManifestKind,
    /// Of its bytes; `None` when the file is not there.
    pub digest: Option<Digest>,
    /// What it declares; `None` where no parser knows it or it can't be parsed.
    pub packages: Option<Arc<Vec<Package>>>,
    /// What else the install reads in it; empty where there are no packages.
    pub settings: Arc<Vec<Setting>>,
    /// Why it can't be read or parsed: `line 3: expected value`. Its changes are seen all the same.
    pub problem: Option<String>,
    /// Why it belongs to the service: `COPY requirements.txt (Dockerfile:4)`, `-r base.txt (dev.txt:1)`.
    pub because: String,
    /// Where the built image has a copy of it, by the Dockerfile, the likeliest first; empty where it has none.
    pub copies: Vec<String>,
}

impl Manifest {
    /// Where a package of this manifest is declared, as the user names it: `requirements/base.txt:7:1`.
    pub fn place(&self, package: &Package) -> Place {
        Place { file: Arc::new(PathBuf::from(&self.name)), line: package.line.max(1), column: 1 }
    }
}

/// The manifests of one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSources {
    /// Sorted by path.
    pub manifests: Vec<Manifest>,
    /// What changed since the image was built, by the manifest's name, where both contents are known. An empty list is a
    /// change of comments or order only; a manifest that isn't listed is known by its digest alone.
    pub changes: BTreeMap<String, Vec<PackageChange>>,
    /// The Dockerfile or the build context can't be read as they are now, so that which manifests there are isn't known.
    pub incomplete: bool,
}

/// The manifests of every service that is built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// By service.
    pub services: BTreeMap<ServiceName, ServiceSources>,
}
