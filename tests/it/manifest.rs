//! Whole projects of the kinds that teams have, in `tests/fixtures/manifest`: which manifests each service owns, what they declare, and
//! where the build puts it.

use std::collections::BTreeMap;
use std::path::Path;

use devbox::manifest::{Discovered, Reader, discover};
use devbox::model::{Build, DockerfileSource};

fn discovered(context: &str, dockerfile: &str, target: Option<&str>) -> Discovered {
    let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/manifest").join(context);
    let build = Build {
        dockerfile: DockerfileSource::File(dockerfile.into()),
        target: target.map(str::to_owned),
        args: BTreeMap::from([("GROUPS".to_owned(), Some("main,dev".to_owned()))]),
        ..Build::new(context.to_string_lossy())
    };
    discover(&build, &mut Reader::new())
}

/// Each manifest as `name (why): packages`, and a last line with where dependencies go.
#[track_caller]
fn check(discovered: &Discovered, expected: &[&str]) {
    assert_eq!(discovered.problem, None);
    let mut shown = Vec::new();
    for manifest in &discovered.sources.manifests {
        assert_eq!(manifest.problem, None, "{}", manifest.name);
        assert!(manifest.digest.is_some(), "{}", manifest.name);
        let packages = manifest.packages.as_ref().unwrap().iter();
        let packages: Vec<String> =
            packages.map(|p| format!("{} {}@{}", p.display_name(), p.version, p.line)).collect();
        shown.push(format!("{} ({}): {}", manifest.name, manifest.because, packages.join(", ")));
    }
    shown.push(discovered.environments.iter().cloned().collect::<Vec<_>>().join(" "));
    assert_eq!(shown, expected);
}

#[test]
fn services_of_a_monorepo_own_their_manifests() {
    check(
        &discovered("uv-monorepo", "api/Dockerfile", None),
        &[
            "api/Dockerfile (builds the image): ",
            "api/pyproject.toml (RUN uv sync --frozen --no-install-workspace --p… (api/Dockerfile:8)): anyio @4, shared @4",
            "pyproject.toml (RUN uv sync --frozen --no-install-workspace --p… (api/Dockerfile:8)): ",
            "shared/pyproject.toml (RUN uv sync --frozen --no-install-workspace --p… (api/Dockerfile:8)): ",
            "uv.lock (RUN uv sync --frozen --no-install-workspace --p… (api/Dockerfile:8)): anyio 4.6.2@5",
            "/app/.venv",
        ],
    );
    check(
        &discovered("uv-monorepo", "worker/Dockerfile", None),
        &[
            "worker/Dockerfile (builds the image): ",
            "worker/requirements.txt (COPY worker/requirements*.txt ./ (worker/Dockerfile:3)): redis 5.2.0@1",
            "",
        ],
    );
}

#[test]
fn node_with_its_lock() {
    check(
        &discovered("node-web", "Dockerfile", Some("dev")),
        &[
            "Dockerfile (builds the image): ",
            "package-lock.json (COPY package.json package-lock.json* ./ (Dockerfile:3)): react 18.3.1@0, vite 5.4.10@0",
            "package.json (COPY package.json package-lock.json* ./ (Dockerfile:3)): react ^18.3.1@4, vite 5.4.10@7",
            "/web/node_modules",
        ],
    );
}

#[test]
fn poetry_in_a_heredoc_with_a_path_dependency() {
    check(
        &discovered("poetry", "Dockerfile", None),
        &[
            "Dockerfile (builds the image): ",
            "libs/shared/pyproject.toml (COPY libs/ libs/ (Dockerfile:8)): attrs 24.2.0@5",
            "poetry.lock (COPY pyproject.toml poetry.lock ./ (Dockerfile:7)): django 5.1.3@2",
            "pyproject.toml (COPY pyproject.toml poetry.lock ./ (Dockerfile:7)): django ^5.1@7, shared @ libs/shared@8, pytest ^8@11",
            "/app/.venv",
        ],
    );
}
