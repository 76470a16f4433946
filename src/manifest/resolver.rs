//! A failed install, in the resolver's own words: which line of a build's output says why, which package it names, and where
//! that package is declared.
//!
//! Only sentences that a tool is known to print are taken; without one the build's last lines have to speak.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::fingerprint;
use super::text;
use crate::model::{Manifest, Package, Place, ServiceSources};

/// The longest sentence, in characters.
const MAX_SENTENCE: usize = 400;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// No index has a package of that name.
    NoSuchPackage,
    /// The package is there, and no version fits.
    NoSuchVersion,
    /// Packages want different versions of another.
    Conflict,
    /// The lock file does not belong to its manifest.
    LockOutdated,
    /// What was downloaded is not what the hash says.
    HashMismatch,
    /// A package can't be compiled.
    BuildFailed,
    /// The manifest itself can't be read by the tool.
    BadManifest,
}

/// Why an install failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The resolver's own sentence, without its prefix.
    pub sentence: String,
    /// Its kind.
    pub kind: FailureKind,
    /// The package it is about, as the tool names it.
    pub package: Option<String>,
    /// The output also says that the index could not be reached; that is then the cause.
    pub unreachable: bool,
}

impl Failure {
    /// In a few words: `no such package djangorestframewrok`.
    pub fn short(&self) -> String {
        if self.unreachable {
            return "the package index cannot be reached".to_owned();
        }
        let package = self.package.as_deref().unwrap_or("a package");
        match self.kind {
            FailureKind::NoSuchPackage => format!("no such package {package}"),
            FailureKind::NoSuchVersion => format!("no such version of {package}"),
            FailureKind::Conflict => "the packages' requirements conflict".to_owned(),
            FailureKind::LockOutdated => "the lock file does not belong to its manifest".to_owned(),
            FailureKind::HashMismatch => "a download does not have its hash".to_owned(),
            FailureKind::BuildFailed => format!("{package} could not be compiled"),
            FailureKind::BadManifest => "a manifest cannot be read".to_owned(),
        }
    }
}

/// One sentence that a tool prints. The first group is the sentence, `package` the package. A rule higher up in the table says more.
struct Rule {
    pattern: &'static str,
    kind: FailureKind,
    /// The sentence goes on over the indented lines below.
    goes_on: bool,
}

const fn rule(pattern: &'static str, kind: FailureKind) -> Rule {
    Rule { pattern, kind, goes_on: false }
}

const fn long(pattern: &'static str, kind: FailureKind) -> Rule {
    Rule { pattern, kind, goes_on: true }
}

/// A package's name inside a sentence, and what may follow it.
const RULES: &[Rule] = &[
    // pip, pipenv
    rule(r"(No matching distribution found for (?P<package>[A-Za-z0-9][\w.-]*).*)", FailureKind::NoSuchPackage),
    rule(r"(Cannot install .* because these package versions have conflicting dependencies.*)", FailureKind::Conflict),
    rule(r"(Package '(?P<package>[^']+)' requires a different Python: .*)", FailureKind::NoSuchVersion),
    rule(r"(Invalid requirement: .*)", FailureKind::BadManifest),
    rule(r"(Could not open requirements file: .*)", FailureKind::BadManifest),
    rule(r"(THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.*)", FailureKind::HashMismatch),
    rule(r"(In --require-hashes mode, .*)", FailureKind::HashMismatch),
    rule(r"(Your Pipfile\.lock \(.*\) is out of date.*)", FailureKind::LockOutdated),
    // uv
    long(
        r"(Because (?P<package>[A-Za-z0-9][\w.-]*) was not found in the package registry.*)",
        FailureKind::NoSuchPackage,
    ),
    long(r"(Because there (?:is|are) no versions? of (?P<package>[A-Za-z0-9][\w.-]*).*)", FailureKind::NoSuchVersion),
    long(r"(Because only (?P<package>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*[<>=!~].*)", FailureKind::NoSuchVersion),
    rule(r"(The lockfile at `uv\.lock` needs to be updated.*)", FailureKind::LockOutdated),
    rule(r"(Hash mismatch for `(?P<package>[^`=]+).*)", FailureKind::HashMismatch),
    // Poetry
    long(
        r"(Because .* depends on (?P<package>[A-Za-z0-9][\w.-]*) \([^)]*\) which doesn't match any versions.*)",
        FailureKind::NoSuchVersion,
    ),
    long(r"(Because no versions of (?P<package>[A-Za-z0-9][\w.-]*) match .*)", FailureKind::NoSuchVersion),
    rule(r"(pyproject\.toml changed significantly since poetry\.lock was last generated.*)", FailureKind::LockOutdated),
    long(r"(Because .*)", FailureKind::Conflict),
    // PDM
    rule(r"(Unable to find candidates for (?P<package>[A-Za-z0-9][\w.-]*).*)", FailureKind::NoSuchPackage),
    rule(r"(Unable to find a resolution.*)", FailureKind::Conflict),
    // npm
    rule(r"404\s+('(?P<package>@?[^'@]+)@?[^']*' is not in (?:this|the npm) registry.*)", FailureKind::NoSuchPackage),
    rule(r"(No matching version found for (?P<package>@?[^@\s]+)@.*)", FailureKind::NoSuchVersion),
    rule(r"ERESOLVE ((?:unable to|could not) resolve.*)", FailureKind::Conflict),
    rule(
        r"(`npm ci` can only install packages when your package\.json and package-lock\.json.*)",
        FailureKind::LockOutdated,
    ),
    // yarn, pnpm
    rule(r#"(Couldn't find package "(?P<package>[^"]+)".*)"#, FailureKind::NoSuchPackage),
    rule(r#"(Couldn't find any versions for "(?P<package>[^"]+)".*)"#, FailureKind::NoSuchVersion),
    rule(r"YN0035: [^\w@]*((?P<package>@?[^@\s]+)@\S+: Package not found.*)", FailureKind::NoSuchPackage),
    rule(r"YN0082: [^\w@]*((?P<package>@?[^@\s:]+)(?:@\S+)?: No candidates found.*)", FailureKind::NoSuchVersion),
    rule(r"YN0028: [^\w@]*(The lockfile would have been modified.*)", FailureKind::LockOutdated),
    rule(
        r"(ERR_PNPM_FETCH_404\s+GET \S+/(?P<package>(?:@[^/\s]+(?:/|%2[Ff]))?[^/\s:]+): Not Found.*)",
        FailureKind::NoSuchPackage,
    ),
    rule(
        r"(ERR_PNPM_NO_MATCHING_VERSION\s+No matching version found for (?P<package>@?[^@\s]+).*)",
        FailureKind::NoSuchVersion,
    ),
    rule(r"(ERR_PNPM_OUTDATED_LOCKFILE.*)", FailureKind::LockOutdated),
    // Bundler, Cargo, Go, Composer, the system's
    rule(r"(Could not find gem '(?P<package>[^' ]+).*)", FailureKind::NoSuchPackage),
    rule(r"(no matching package named `(?P<package>[^`]+)` found.*)", FailureKind::NoSuchPackage),
    rule(r"(failed to select a version for the requirement `(?P<package>[^ `]+).*)", FailureKind::NoSuchVersion),
    rule(r"(the lock file \S+ needs to be updated but --locked was passed.*)", FailureKind::LockOutdated),
    rule(r"go: (module (?P<package>\S+?): (?:not found|reading .*))", FailureKind::NoSuchPackage),
    rule(r"(Root composer\.json requires (?P<package>[^ ,]+),? .*could not be found.*)", FailureKind::NoSuchPackage),
    rule(r"E: (Unable to locate package (?P<package>\S+))", FailureKind::NoSuchPackage),
    // The weakest: a build that failed for a reason of its own.
    rule(r"(Failed (?:to build|building wheel for) `?(?P<package>[A-Za-z0-9][\w.-]*).*)", FailureKind::BuildFailed),
];

/// What says that no index was reached at all.
const UNREACHABLE: &[&str] = &[
    "Temporary failure in name resolution",
    "Name or service not known",
    "Failed to establish a new connection",
    "Could not resolve host",
    "Network is unreachable",
    "ConnectTimeoutError",
    "dns error",
    "EAI_AGAIN",
    "getaddrinfo",
    "Temporary failure resolving",
    "no such host",
];

static COMPILED: LazyLock<Vec<(Regex, &'static Rule)>> =
    LazyLock::new(|| RULES.iter().filter_map(|rule| Some((Regex::new(rule.pattern).ok()?, rule))).collect());

static ESCAPES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]").ok());

/// Finds the sentence that says why an install failed, in the lines of a failed step.
pub fn failure<S: AsRef<str>>(lines: &[S]) -> Option<Failure> {
    let lines: Vec<String> = lines.iter().map(|line| plain(line.as_ref())).collect();
    let rank = |line: &str| COMPILED.iter().position(|(regex, _)| regex.is_match(line));
    let (index, rule) = lines
        .iter()
        .enumerate()
        .filter_map(|(index, line)| Some((rank(line)?, index)))
        .min()
        .map(|(rule, index)| (index, rule))?;
    let (regex, rule) = COMPILED.get(rule)?;
    let found = regex.captures(lines.get(index)?)?;
    let mut sentence = found.get(1)?.as_str().trim().to_owned();
    if rule.goes_on {
        for line in lines[index + 1..].iter().take_while(|line| goes_on(line)) {
            sentence.push(' ');
            sentence.push_str(line.trim());
        }
    }
    let unreachable = lines.iter().any(|line| UNREACHABLE.iter().any(|text| line.contains(text)));
    let package = package(&found);
    let mut kind = rule.kind;
    if kind == FailureKind::NoSuchPackage && package.as_deref().is_some_and(|package| has_versions(&lines, package)) {
        kind = FailureKind::NoSuchVersion;
    }
    Some(Failure { sentence: cut(&super::declared::mask_credentials(&sentence)), kind, package, unreachable })
}

/// A continuation of a long sentence: indented, not empty, and no new remark of the tool.
fn goes_on(line: &str) -> bool {
    line.starts_with("  ") && !line.trim().is_empty() && !line.trim_start().starts_with("hint:")
}

/// pip's line before its last one lists the versions that there are.
fn has_versions(lines: &[String], package: &str) -> bool {
    let lists = |line: &String| {
        line.contains("that satisfies the requirement") && line.contains(package) && line.contains("(from versions: ")
    };
    lines.iter().any(|line| lists(line) && !line.contains("(from versions: none)"))
}

fn package(found: &Captures<'_>) -> Option<String> {
    let name = found.name("package")?.as_str().trim_end_matches(['.', ',', ':']);
    (!name.is_empty()).then(|| name.replace("%2f", "/").replace("%2F", "/"))
}

/// Without control sequences, tabs as spaces: text of a build can't drive the terminal.
fn plain(line: &str) -> String {
    let line = line.replace('\t', "    ");
    ESCAPES.as_ref().map_or_else(|| line.clone(), |escapes| escapes.replace_all(&line, "").into_owned())
}

fn cut(sentence: &str) -> String {
    if sentence.chars().count() <= MAX_SENTENCE {
        sentence.to_owned()
    } else {
        sentence.chars().take(MAX_SENTENCE - 1).chain(['…']).collect()
    }
}

/// Where a package is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredAt {
    /// `requirements/base.txt:7`.
    pub place: Place,
    /// That line, without blanks around it and with the credentials of URLs masked.
    pub text: String,
}

/// Finds where a package that a tool names is declared: manifests that people write before locks, the order of the files otherwise.
pub fn declared_at(sources: &ServiceSources, package: &str) -> Option<DeclaredAt> {
    let wanted = comparable(package);
    let mut manifests: Vec<&Manifest> = sources.manifests.iter().collect();
    manifests.sort_by_key(|manifest| super::is_lock(manifest.kind));
    let (manifest, package) = manifests.into_iter().find_map(|manifest| {
        let fits = |package: &&Package| comparable(&package.name) == wanted && package.line > 0;
        Some((manifest, manifest.packages.as_ref()?.iter().find(fits)?))
    })?;
    let line =
        line_of(manifest, package.line).unwrap_or_else(|| format!("{} {}", package.display_name(), package.version));
    Some(DeclaredAt { place: manifest.place(package), text: super::declared::mask_credentials(line.trim()) })
}

/// Names as all ecosystems' tools print them: case, `_` and `.` differ between a manifest and a message.
fn comparable(name: &str) -> String {
    let bare = name.split('[').next().unwrap_or(name);
    bare.to_lowercase().replace(['_', '.'], "-")
}

fn line_of(manifest: &Manifest, line: u32) -> Option<String> {
    let bytes = fingerprint::read(&manifest.path).ok()??.bytes?;
    let text = text::decode(&bytes);
    text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::ManifestKind;

    /// `kind package: sentence`.
    #[track_caller]
    fn check(output: &str, expected: &str) {
        let lines: Vec<&str> = output.lines().collect();
        let shown = failure(&lines).map_or("-".to_owned(), |failure| {
            let unreachable = if failure.unreachable { " (unreachable)" } else { "" };
            format!("{:?} {}: {}{unreachable}", failure.kind, failure.package.unwrap_or_default(), failure.sentence)
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_rule_compiles() {
        assert_eq!(COMPILED.len(), RULES.len());
        assert!(ESCAPES.is_some());
    }

    #[test]
    fn pip() {
        check(
            "Collecting celery==5.4.0\n\x1b[31mERROR: Could not find a version that satisfies the requirement djangorestframewrok==3.15.2 (from versions: none)\x1b[0m\n\x1b[31mERROR: No matching distribution found for djangorestframewrok==3.15.2\x1b[0m\n[notice] A new release of pip\n",
            "NoSuchPackage djangorestframewrok: No matching distribution found for djangorestframewrok==3.15.2",
        );
        check(
            "ERROR: Could not find a version that satisfies the requirement django==99 (from versions: 1.0, 2.0)\nERROR: No matching distribution found for django==99",
            "NoSuchVersion django: No matching distribution found for django==99",
        );
        check(
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: Failed to establish a new connection: [Errno -3] Temporary failure in name resolution'\nERROR: No matching distribution found for a",
            "NoSuchPackage a: No matching distribution found for a (unreachable)",
        );
        check(
            "ERROR: Cannot install -r requirements.txt (line 1) and b==2 because these package versions have conflicting dependencies.\nERROR: ResolutionImpossible",
            "Conflict : Cannot install -r requirements.txt (line 1) and b==2 because these package versions have conflicting dependencies.",
        );
        check(
            "  ERROR: Failed building wheel for psycopg2\nFailed to build psycopg2",
            "BuildFailed psycopg2: Failed building wheel for psycopg2",
        );
    }

    #[test]
    fn uv_and_poetry() {
        check(
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because foo was not found in the package registry and you require foo, we\n      can conclude that your requirements are unsatisfiable.\n\n      hint: x\n",
            "NoSuchPackage foo: Because foo was not found in the package registry and you require foo, we can conclude that your requirements are unsatisfiable.",
        );
        check(
            "  ╰─▶ Because there is no version of django==99 and you require django==99, we can conclude",
            "NoSuchVersion django: Because there is no version of django==99 and you require django==99, we can conclude",
        );
        check(
            "Because shop depends on foo (^9) which doesn't match any versions, version solving failed.",
            "NoSuchVersion foo: Because shop depends on foo (^9) which doesn't match any versions, version solving failed.",
        );
        check(
            "error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.",
            "LockOutdated : The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.",
        );
    }

    #[test]
    fn node() {
        check(
            "npm error code E404\nnpm error 404 Not Found - GET https://registry.npmjs.org/lodahs - Not found\nnpm error 404\nnpm error 404  'lodahs@^4' is not in this registry.",
            "NoSuchPackage lodahs: 'lodahs@^4' is not in this registry.",
        );
        check(
            "npm ERR! notarget No matching version found for @a/b@^99.0.0.",
            "NoSuchVersion @a/b: No matching version found for @a/b@^99.0.0.",
        );
        check(
            "npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE unable to resolve dependency tree",
            "Conflict : unable to resolve dependency tree",
        );
        check(
            "error Couldn't find package \"x\" on the \"npm\" registry.",
            "NoSuchPackage x: Couldn't find package \"x\" on the \"npm\" registry.",
        );
        check(
            "ERR_PNPM_FETCH_404  GET https://r/@a%2Fb: Not Found - 404",
            "NoSuchPackage @a/b: ERR_PNPM_FETCH_404  GET https://r/@a%2Fb: Not Found - 404",
        );
        check("➤ YN0035: │ x@npm:^1: Package not found", "NoSuchPackage x: x@npm:^1: Package not found");
    }

    #[test]
    fn other_failures_have_no_sentence() {
        check("make: *** [all] Error 2\n", "-");
        check(
            "E: Unable to locate package libfoo-dev",
            "NoSuchPackage libfoo-dev: Unable to locate package libfoo-dev",
        );
    }

    #[test]
    fn the_place_of_a_declaration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("base.txt");
        std::fs::write(&path, "# c\nDjango_Rest.x == 3  # why\n").unwrap();
        let manifest = |name: &str, kind: ManifestKind, line: u32| Manifest {
            path: path.clone(),
            name: name.to_owned(),
            kind,
            digest: None,
            packages: Some(Arc::new(vec![Package::new("django-rest-x", "3", line)])),
            settings: Arc::default(),
            problem: None,
            because: String::new(),
            copies: Vec::new(),
        };
        let sources = ServiceSources {
            manifests: vec![
                manifest("a.lock", ManifestKind::UvLock, 9),
                manifest("requirements/base.txt", ManifestKind::Requirements, 2),
            ],
            ..ServiceSources::default()
        };
        let found = declared_at(&sources, "django_rest.X[a]").unwrap();
        assert_eq!(
            (found.place.to_string().as_str(), found.text.as_str()),
            ("requirements/base.txt:2:1", "Django_Rest.x == 3  # why")
        );
        assert_eq!(declared_at(&sources, "other"), None);
    }
}
