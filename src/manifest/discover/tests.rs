//! Small projects on disk, and the manifests that are found in them.

use std::fs;

use super::*;

struct Project {
    folder: tempfile::TempDir,
    build: Build,
}

impl Project {
    /// Files of a context; those without text of their own hold a little that parses.
    fn new(files: &[(&str, &str)]) -> Project {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let build = Build::new(folder.path().to_string_lossy());
        Project { folder, build }
    }

    fn discover(&self) -> Discovered {
        discover(&self.build, &mut Reader::new())
    }

    /// `name: why` of each manifest but the Dockerfile.
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let discovered = self.discover();
        assert_eq!(discovered.problem, None);
        let manifests =
            discovered.sources.manifests.iter().filter(|manifest| manifest.kind != ManifestKind::Dockerfile);
        let shown: Vec<String> = manifests.map(|manifest| format!("{}: {}", manifest.name, manifest.because)).collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn the_dockerfile_tells_where_the_image_has_a_copy() {
    let project = Project::new(&[
        (
            "Dockerfile",
            "FROM python:3.11 AS deps\nWORKDIR /deps\nCOPY uv.lock pyproject.toml ./\nRUN uv sync\n\
             FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt /tmp/wanted.txt\nCOPY requirements /tmp/requirements\n\
             COPY con*.txt /tmp/\nRUN pip install -r /tmp/wanted.txt -c /tmp/constraints.txt\nCOPY --from=deps /deps /deps\nCOPY . .\n",
        ),
        ("requirements.txt", "-r requirements/base.txt\n"),
        ("requirements/base.txt", "django\n"),
        ("constraints.txt", "django<6\n"),
        ("uv.lock", ""),
        ("pyproject.toml", ""),
    ]);
    let discovered = project.discover();
    let copies = |name: &str| {
        let manifest = discovered.sources.manifests.iter().find(|manifest| manifest.name == name);
        manifest.expect(name).copies.join(" ")
    };
    assert_eq!(copies("requirements.txt"), "/app/requirements.txt /tmp/wanted.txt/requirements.txt /tmp/wanted.txt");
    assert_eq!(copies("requirements/base.txt"), "/app/requirements/base.txt /tmp/requirements/base.txt");
    assert_eq!(copies("constraints.txt"), "/app/constraints.txt /tmp/constraints.txt");
    assert_eq!(copies("uv.lock"), "/app/uv.lock", "an earlier stage's files are not in the image");
}

#[test]
fn the_usual_python_project() {
    let project = Project::new(&[
        (
            "Dockerfile",
            "FROM python:3.11\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n",
        ),
        ("requirements.txt", "-r requirements/base.txt\n-c constraints.txt\nredis\n"),
        ("requirements/base.txt", "django\n"),
        ("constraints.txt", "django<6\n"),
        ("requirements-dev.txt", "pytest\n"),
        ("package.json", "{}"),
        ("manage.py", ""),
    ]);
    project.check(&[
        "constraints.txt: -c constraints.txt (requirements.txt:2)",
        "requirements/base.txt: -r requirements/base.txt (requirements.txt:1)",
        "requirements.txt: COPY requirements.txt . (Dockerfile:3)",
    ]);
    let discovered = project.discover();
    let dockerfile = &discovered.sources.manifests[0];
    assert_eq!((dockerfile.name.as_str(), dockerfile.because.as_str()), ("Dockerfile", "builds the image"));
    assert!(
        discovered.looked_at.files.contains(&project.folder.path().join(".dockerignore")),
        "its coming changes the answer"
    );
}

#[test]
fn everything_copied_at_once_leaves_what_the_tools_read() {
    let files = [
        (
            "Dockerfile",
            "FROM python\nWORKDIR /srv\nCOPY . /srv\nRUN pip install -r requirements/dev.txt && pip install -e .\n",
        ),
        ("requirements/dev.txt", "-r base.txt\n"),
        ("requirements/base.txt", "django\n"),
        ("requirements/prod.txt", "gunicorn\n"),
        ("pyproject.toml", "[project]\nname='x'\n"),
        ("docs/requirements.txt", "sphinx\n"),
        ("app.py", ""),
    ];
    Project::new(&files).check(&[
        "pyproject.toml: pip install -e . (Dockerfile:4)",
        "requirements/base.txt: -r base.txt (requirements/dev.txt:1)",
        "requirements/dev.txt: pip install -r requirements/dev.txt (Dockerfile:4)",
    ]);
}

#[test]
fn folders_globs_and_variables() {
    let project = Project::new(&[
        (
            "Dockerfile",
            "FROM python\nARG KIND=dev\nWORKDIR /app\nCOPY requirements/ requirements/\nCOPY *.toml poetry.lock* ./\nCOPY apt.txt app.py /tmp/\nRUN xargs apt-get install < /tmp/apt.txt\nRUN pip install -r requirements/${KIND}.txt\n",
        ),
        ("requirements/dev.txt", ""),
        ("requirements/README.md", ""),
        ("pyproject.toml", ""),
        ("other.toml", ""),
        ("apt.txt", ""),
        ("app.py", ""),
        ("src/requirements.txt", ""),
    ]);
    project.check(&[
        "apt.txt: COPY apt.txt app.py /tmp/ (Dockerfile:6)",
        "other.toml: COPY *.toml poetry.lock* ./ (Dockerfile:5)",
        "pyproject.toml: COPY *.toml poetry.lock* ./ (Dockerfile:5)",
        "requirements/dev.txt: COPY requirements/ requirements/ (Dockerfile:4)",
    ]);
    let looked = project.discover().looked_at;
    let root = &looked.folders[project.folder.path()];
    assert!(root.iter().any(|sought| sought.concerns(&project.folder.path().join("poetry.lock"))));
    assert!(!root.iter().any(|sought| sought.concerns(&project.folder.path().join("app.log"))));
}

#[test]
fn stages_up_to_the_target() {
    let text = "FROM node AS web\nWORKDIR /web\nCOPY web/package.json web/package-lock.json ./\nRUN npm ci\nFROM python AS base\nWORKDIR /app\nCOPY requirements.txt .\nFROM base AS dev\nCOPY dev.txt .\nRUN pip install -r requirements.txt -r dev.txt\nFROM base AS prod\nCOPY prod.txt ./\nRUN pip install -r requirements.txt -r prod.txt\nCOPY --from=web /web/dist dist\n";
    let files = [
        ("Dockerfile", text),
        ("web/package.json", "{}"),
        ("web/package-lock.json", "{}"),
        ("requirements.txt", ""),
        ("dev.txt", ""),
        ("prod.txt", ""),
    ];
    let mut project = Project::new(&files);
    project.build.target = Some("dev".to_owned());
    project
        .check(&["dev.txt: COPY dev.txt . (Dockerfile:9)", "requirements.txt: COPY requirements.txt . (Dockerfile:7)"]);
    project.build.target = Some("prod".to_owned());
    let names: Vec<String> = project.discover().sources.manifests.into_iter().map(|manifest| manifest.name).collect();
    assert_eq!(names, ["Dockerfile", "prod.txt", "requirements.txt", "web/package-lock.json", "web/package.json"]);
    let dev = project.discover().sources.manifests.into_iter().find(|manifest| manifest.name == "prod.txt").unwrap();
    assert_eq!(dev.kind, ManifestKind::Requirements, "pip reads it, whatever its name");
}

#[test]
fn mounts_of_one_run() {
    Project::new(&[
        (
            "Dockerfile",
            "FROM python\nWORKDIR /app\nRUN --mount=type=cache,target=/root/.cache --mount=type=bind,source=uv.lock,target=uv.lock --mount=type=bind,source=pyproject.toml,target=pyproject.toml uv sync --frozen\nCOPY . .\n",
        ),
        ("uv.lock", ""),
        ("pyproject.toml", ""),
    ])
    .check(&[
        "pyproject.toml: RUN uv sync --frozen (Dockerfile:3)",
        "uv.lock: RUN uv sync --frozen (Dockerfile:3)",
    ]);
}

#[test]
fn what_dockerignore_leaves_out_does_not_count() {
    Project::new(&[
        ("Dockerfile", "FROM python\nCOPY . /app\nWORKDIR /app\nRUN pip install -r a.txt -r b.txt\n"),
        (".dockerignore", "b.txt\n"),
        ("a.txt", "-r b.txt\n"),
        ("b.txt", ""),
    ])
    .check(&["a.txt: pip install -r a.txt -r b.txt (Dockerfile:4)"]);
}

#[test]
fn an_unknown_script_reads_what_lies_beside_it() {
    Project::new(&[
        ("Dockerfile", "FROM python\nWORKDIR /app\nCOPY . .\nRUN make install\n"),
        ("requirements.txt", ""),
        ("sub/requirements.txt", ""),
        ("Makefile", ""),
    ])
    .check(&["requirements.txt: make install (Dockerfile:4)"]);
}

#[test]
fn a_manifest_is_one_without_an_install_step_and_nothing_else_is() {
    Project::new(&[
        ("Dockerfile", "FROM corp/python-onbuild\nCOPY requirements.txt nginx.conf /app/\nCMD run\n"),
        ("requirements.txt", ""),
        ("nginx.conf", ""),
    ])
    .check(&["requirements.txt: COPY requirements.txt nginx.conf /app/ (Dockerfile:2)"]);
    Project::new(&[("Dockerfile", "FROM python\nCOPY . /app\n"), ("requirements.txt", "")]).check(&[]);
}

#[test]
fn files_that_are_missing_are_seen_when_they_come() {
    let project = Project::new(&[(
        "Dockerfile",
        "FROM python\nWORKDIR /app\nCOPY requirements.txt .\nRUN uv sync\nCOPY . .\nRUN uv sync\n",
    )]);
    project.check(&["requirements.txt: COPY requirements.txt . (Dockerfile:3)"]);
    let looked = project.discover().looked_at;
    assert!(looked.files.contains(&project.folder.path().join("uv.lock")));
    fs::write(project.folder.path().join("uv.lock"), "").unwrap();
    assert_eq!(project.discover().sources.manifests.len(), 3);
}

#[test]
fn editable_projects_and_path_dependencies() {
    Project::new(&[
        ("Dockerfile", "FROM python\nWORKDIR /app\nCOPY . .\nRUN poetry install\nRUN pip install -r r.txt\n"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nshared = {path = 'libs/shared', develop = true}\n"),
        ("poetry.lock", ""),
        ("libs/shared/pyproject.toml", ""),
        ("libs/other/setup.py", ""),
        ("r.txt", "-e ./libs/other[x]\n-e ../outside\n"),
    ])
    .check(&[
        "libs/other/setup.py: -e ./libs/other (r.txt:1)",
        "libs/shared/pyproject.toml: -e libs/shared (pyproject.toml:2)",
        "poetry.lock: poetry install (Dockerfile:4)",
        "pyproject.toml: poetry install (Dockerfile:4)",
        "r.txt: pip install -r r.txt (Dockerfile:5)",
    ]);
}

#[test]
fn members_of_a_workspace() {
    Project::new(&[
        ("Dockerfile", "FROM python\nWORKDIR /app\nCOPY . .\nRUN uv sync && npm ci\n"),
        ("pyproject.toml", "[tool.uv.workspace]\nmembers = ['packages/*', '../x']\n"),
        ("uv.lock", ""),
        ("packages/a/pyproject.toml", ""),
        ("packages/b/README.md", ""),
        ("package.json", "{\"workspaces\": [\"web\"]}"),
        ("web/package.json", "{}"),
    ])
    .check(&[
        "package.json: npm ci (Dockerfile:4)",
        "packages/a/pyproject.toml: workspace member packages/* (pyproject.toml:2)",
        "pyproject.toml: uv sync (Dockerfile:4)",
        "uv.lock: uv sync (Dockerfile:4)",
        "web/package.json: workspace member web (package.json:1)",
    ]);
}

#[test]
fn a_dockerfile_elsewhere_and_an_additional_context() {
    let shared = Project::new(&[("requirements.txt", "shared-lib\n")]);
    let mut project = Project::new(&[(
        "docker/web.Dockerfile",
        "FROM python\nCOPY --from=shared requirements.txt /r.txt\nRUN pip install -r /r.txt\n",
    )]);
    project.build.dockerfile = DockerfileSource::File("docker/web.Dockerfile".into());
    project.build.additional_contexts =
        BTreeMap::from([("shared".to_owned(), shared.folder.path().to_string_lossy().into_owned())]);
    let manifests = project.discover().sources.manifests;
    let names: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    assert!(names.contains(&"docker/web.Dockerfile"), "{names:?}");
    assert_eq!(
        manifests
            .iter()
            .find(|manifest| manifest.kind == ManifestKind::Requirements)
            .unwrap()
            .packages
            .as_ref()
            .unwrap()[0]
            .name,
        "shared-lib"
    );
}

#[test]
fn environments_of_the_image() {
    let project = Project::new(&[(
        "Dockerfile",
        "FROM python\nENV UV_PROJECT_ENVIRONMENT=/opt/uv\nWORKDIR /app\nRUN python -m venv /opt/venv\nRUN uv sync && npm ci\n",
    )]);
    let environments: Vec<String> = project.discover().environments.into_iter().collect();
    assert_eq!(environments, ["/app/node_modules", "/opt/uv", "/opt/venv"]);
    let project = Project::new(&[(
        "Dockerfile",
        "FROM python AS build\nENV UV_PROJECT_ENVIRONMENT=/usr/local\nRUN uv sync\nFROM python\nENV PATH=/app/.venv/bin:$PATH VIRTUAL_ENV=/srv/env\n",
    )]);
    let environments: Vec<String> = project.discover().environments.into_iter().collect();
    assert_eq!(environments, ["/app/.venv", "/srv/env"]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_dockerfile_makes_it_panic(lines in proptest::collection::vec(
        proptest::sample::select(vec![
            "FROM a", "FROM a AS b", "FROM b", "ARG X=1", "ENV P=$X", "WORKDIR /a", "WORKDIR ..", "COPY . .", "COPY r*.txt [a] ./", "COPY --from=b / /",
            "COPY ../x /", "ADD http://x/y /", "RUN pip install -r r.txt", "RUN cd $X && npm ci", "RUN --mount=type=bind,source=..,target=/z make install",
            "RUN <<E\npip install -e .\nE", "RUN [\"pip\", \"install\", \"-r\"]", "COPY \"a b\" ${X:-.}/", "USER $", "ONBUILD COPY . .",
        ]),
        0..14,
    )) {
        let project = Project::new(&[("Dockerfile", &lines.join("\n")), ("r.txt", "-r r.txt\n-e .\n-c ../../x\n"), ("a/package.json", "{}")]);
        proptest::prop_assert!(project.discover().sources.manifests.len() <= 10);
    }
}

#[test]
fn a_broken_or_missing_dockerfile_is_still_followed() {
    let broken = Project::new(&[("Dockerfile", "FROM python\nCOPPY a b\n")]).discover();
    assert_eq!(broken.sources.manifests.len(), 1);
    let problem = broken.problem.unwrap();
    assert_eq!(problem.place.unwrap().to_string(), "Dockerfile:2:1");
    let missing = Project::new(&[]).discover();
    assert_eq!((missing.sources.manifests.len(), missing.sources.manifests[0].digest), (1, None));
    assert!(missing.problem.is_some());
}

#[test]
fn a_context_that_is_no_folder_here_has_no_manifests() {
    let build = Build::new("https://github.com/a/b.git");
    assert_eq!(discover(&build, &mut Reader::new()), Discovered::default());
}

#[test]
fn equal_builds_are_read_once() {
    let project = Project::new(&[("Dockerfile", "FROM python\n")]);
    let (web, worker) = (ServiceName::new("web").unwrap(), ServiceName::new("worker").unwrap());
    let tagged = Build { tags: vec!["x".to_owned()], ..project.build.clone() };
    let all = discover_all([(&web, &project.build), (&worker, &tagged)], &mut Reader::new());
    assert!(Arc::ptr_eq(&all[&web], &all[&worker]));
    assert_eq!(sources(&all).services.len(), 2);
}
