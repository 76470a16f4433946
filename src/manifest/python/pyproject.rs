//! pyproject.toml: PEP 621, PEP 735 groups, build requirements, and the dependency tables of Poetry, PDM, Hatch and uv.
//!
//! Tables of tools that only check or format code say nothing about what is installed and are left out, so that a new
//! line length wants no rebuild. Any other tool's table is kept as one setting, since it may steer the build.

use toml_edit::{Item, TableLike, Value};

use super::requirement::{self, marker_text, normal_name};
use crate::manifest::declared::{Declared, IncludeKind, ParseError, mask_credentials};
use crate::manifest::toml::{Toml, plain, string, strings, tables};
use crate::model::Package;

/// Tables under `[tool]` that steer checks, tests, releases and tasks but never what is installed.
const NO_INSTALL: &[&str] = &[
    "autopep8",
    "bandit",
    "basedpyright",
    "black",
    "bumpversion",
    "codespell",
    "commitizen",
    "coverage",
    "cibuildwheel",
    "deptry",
    "djlint",
    "docformatter",
    "flake8",
    "interrogate",
    "isort",
    "mypy",
    "nox",
    "poe",
    "pycodestyle",
    "pydocstyle",
    "pylint",
    "pyrefly",
    "pyright",
    "pytest",
    "refurb",
    "ruff",
    "semantic_release",
    "taskipy",
    "towncrier",
    "tox",
    "ty",
    "vulture",
    "yapf",
];

/// Reads pyproject.toml.
pub(crate) fn parse(text: &str) -> Result<Declared, ParseError> {
    let toml = Toml::parse(text)?;
    let mut declared = Declared::default();
    project(&toml, &mut declared);
    if let Some(groups) = toml.table(&["dependency-groups"]) {
        for (group, list) in groups.iter() {
            requirements(&toml, list, group, &mut declared);
            for include in list.as_array().into_iter().flat_map(|array| array.iter()).filter_map(Value::as_inline_table)
            {
                declared.setting(
                    format!("dependency-groups.{group}"),
                    plain(&Item::Value(Value::InlineTable(include.clone()))),
                );
            }
        }
    }
    if let Some(build) = toml.table(&["build-system"]) {
        for (key, item) in build.iter() {
            match key {
                "requires" => requirements(&toml, item, "build-system", &mut declared),
                _ => declared.setting(format!("build-system.{key}"), plain(item)),
            }
        }
    }
    if let Some(tools) = toml.table(&["tool"]) {
        for (name, item) in tools.iter() {
            tool(&toml, name, item, &mut declared);
        }
    }
    Ok(declared)
}

fn project(toml: &Toml<'_>, declared: &mut Declared) {
    let Some(project) = toml.table(&["project"]) else { return };
    for (key, item) in project.iter() {
        match key {
            "dependencies" => requirements(toml, item, "", declared),
            "optional-dependencies" => {
                for (extra, list) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
                    requirements(toml, list, extra, declared);
                }
            }
            "requires-python" | "name" | "dynamic" | "scripts" | "gui-scripts" | "entry-points" => {
                declared.setting(
                    if key == "requires-python" { key.to_owned() } else { format!("project.{key}") },
                    plain(item),
                );
            }
            _ => {}
        }
    }
}

/// A list of requirement strings.
fn requirements(toml: &Toml<'_>, list: &Item, group: &str, declared: &mut Declared) {
    for (text, value) in strings(list) {
        match requirement::parse(text, toml.value_line(value)) {
            Some(package) => declared.package(package.grouped(group)),
            None => declared.setting(group, text),
        }
    }
}

fn tool(toml: &Toml<'_>, name: &str, item: &Item, declared: &mut Declared) {
    let Some(table) = item.as_table_like() else { return };
    match name {
        "poetry" => poetry(toml, table, declared),
        "pdm" => {
            for (key, item) in table.iter() {
                match key {
                    "dev-dependencies" => groups_of_lists(toml, item, "", declared),
                    "scripts" | "version" => {}
                    _ => declared.setting(format!("tool.pdm.{key}"), plain(item)),
                }
            }
        }
        "hatch" => {
            for (key, item) in table.iter() {
                match (key, item.as_table_like()) {
                    ("envs", Some(envs)) => hatch(toml, envs, declared),
                    ("version" | "publish", _) => {}
                    _ => declared.setting(format!("tool.hatch.{key}"), plain(item)),
                }
            }
        }
        "uv" => {
            for (key, item) in table.iter() {
                match key {
                    "dev-dependencies" => requirements(toml, item, "dev", declared),
                    "constraint-dependencies" | "override-dependencies" | "build-constraint-dependencies" => {
                        requirements(toml, item, key.trim_end_matches("-dependencies"), declared);
                    }
                    _ => {
                        if key == "workspace" {
                            workspace_members(toml, item, declared);
                        }
                        each_setting(&format!("tool.uv.{key}"), item, declared);
                    }
                }
            }
        }
        "setuptools" => {
            dynamic_files(toml, table, declared);
            declared.setting("tool.setuptools", plain(item));
        }
        _ if NO_INSTALL.contains(&name) => {}
        _ => declared.setting(format!("tool.{name}"), plain(item)),
    }
}

/// `members = ["packages/*"]`: their own pyproject.toml is read with the workspace's.
fn workspace_members(toml: &Toml<'_>, workspace: &Item, declared: &mut Declared) {
    for (path, value) in workspace.as_table_like().and_then(|table| table.get("members")).into_iter().flat_map(strings)
    {
        declared.include(IncludeKind::Member, path, toml.value_line(value));
    }
}

/// One setting a key, so that a changed index doesn't show the whole table.
fn each_setting(key: &str, item: &Item, declared: &mut Declared) {
    match item.as_table_like() {
        Some(table) => table.iter().for_each(|(name, item)| declared.setting(format!("{key}.{name}"), plain(item))),
        None => declared.setting(key, plain(item)),
    }
}

fn groups_of_lists(toml: &Toml<'_>, item: &Item, prefix: &str, declared: &mut Declared) {
    for (group, list) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
        requirements(toml, list, &format!("{prefix}{group}"), declared);
    }
}

fn hatch(toml: &Toml<'_>, envs: &dyn TableLike, declared: &mut Declared) {
    for (env, item) in envs.iter() {
        for (key, item) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
            match key {
                "dependencies" | "extra-dependencies" => requirements(toml, item, &format!("hatch.{env}"), declared),
                "scripts" => {}
                _ => declared.setting(format!("tool.hatch.envs.{env}.{key}"), plain(item)),
            }
        }
    }
}

/// `dynamic = {dependencies = {file = ["requirements.txt"]}}`: the dependencies lie in another file.
fn dynamic_files(toml: &Toml<'_>, setuptools: &dyn TableLike, declared: &mut Declared) {
    let Some(dynamic) = setuptools.get("dynamic").and_then(Item::as_table_like) else { return };
    let optional = dynamic.get("optional-dependencies").and_then(Item::as_table_like);
    let sources = dynamic
        .get("dependencies")
        .into_iter()
        .chain(optional.into_iter().flat_map(|table| table.iter()).map(|(_, item)| item));
    for file in sources.filter_map(|item| item.as_table_like()?.get("file")) {
        if let Some(path) = file.as_str() {
            declared.include(IncludeKind::Requirements, path, toml.item_line(file));
        }
        for (path, value) in strings(file) {
            declared.include(IncludeKind::Requirements, path, toml.value_line(value));
        }
    }
}

fn poetry(toml: &Toml<'_>, table: &dyn TableLike, declared: &mut Declared) {
    for (key, item) in table.iter() {
        match key {
            "dependencies" => poetry_packages(toml, item, "", declared),
            "dev-dependencies" => poetry_packages(toml, item, "dev", declared),
            "group" => {
                for (group, item) in item.as_table_like().into_iter().flat_map(|table| table.iter()) {
                    let Some(fields) = item.as_table_like() else { continue };
                    for (key, item) in fields.iter() {
                        match key {
                            "dependencies" => poetry_packages(toml, item, group, declared),
                            _ => declared.setting(format!("tool.poetry.group.{group}.{key}"), plain(item)),
                        }
                    }
                }
            }
            "extras" | "source" | "packages" | "include" | "exclude" | "scripts" | "plugins" | "build"
            | "package-mode" | "requires-poetry" | "name" => {
                declared.setting(format!("tool.poetry.{key}"), plain(item))
            }
            _ => {}
        }
    }
}

fn poetry_packages(toml: &Toml<'_>, item: &Item, group: &str, declared: &mut Declared) {
    let Some(table) = item.as_table_like() else { return };
    for (name, item) in table.iter() {
        if name == "python" {
            declared.setting("requires-python", plain(item));
            continue;
        }
        let line = toml.key_line(table, name);
        let choices = tables(item);
        if choices.is_empty() {
            let version = item.as_str().unwrap_or_default();
            declared.package(Package::new(normal_name(name), poetry_version(version), line).grouped(group));
        }
        for choice in choices {
            if let Some(path) = string(choice, "path") {
                declared.include(IncludeKind::Project, path, line);
            }
            declared.package(poetry_table(name, choice, line).grouped(group));
        }
    }
}

/// `*` is any version, and `1.2.3` or `==1.2.3` that one.
fn poetry_version(text: &str) -> String {
    if text.trim() == "*" { String::new() } else { requirement::version_text(text) }
}

fn poetry_table(name: &str, table: &dyn TableLike, line: u32) -> Package {
    let mut package =
        Package::new(normal_name(name), poetry_version(string(table, "version").unwrap_or_default()), line);
    let mut details = Vec::new();
    for (key, item) in table.iter() {
        match key {
            "version" => {}
            "extras" => {
                package.extras =
                    requirement::extra_names(&strings(item).map(|(text, _)| text).collect::<Vec<_>>().join(","))
            }
            "git" | "url" | "path" => package.version = format!("@ {}", mask_credentials(&plain(item))),
            "markers" => details.push(marker_text(&plain(item))),
            _ => details.push(format!("{key} {}", plain(item))),
        }
    }
    details.sort();
    package.detail = details.join(", ");
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One package a line: `line group/name|version|detail`; settings as `= key value`; includes as `> path`.
    fn check(text: &str, expected: &[&str]) {
        let declared = parse(text).unwrap();
        let mut shown: Vec<String> = Vec::new();
        for p in &declared.packages {
            shown.push(format!("{} {}/{}|{}|{}", p.line, p.group, p.display_name(), p.version, p.detail));
        }
        shown.extend(declared.settings.iter().map(|setting| format!("= {} {}", setting.key, setting.value)));
        shown.extend(declared.includes.iter().map(|include| format!("> {}", include.path)));
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn pep_621_and_735() {
        check(
            "[project]\nname = 'shop'\nversion = '1'\nrequires-python = '>=3.11'\ndependencies = [\n  'django==5.1.3', # pin\n  'psycopg[binary]>=3',\n]\n[project.optional-dependencies]\nasync = ['uvloop']\n[dependency-groups]\ntest = ['pytest', {include-group = 'lint'}]\n[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n",
            &[
                "6 /django|5.1.3|",
                "7 /psycopg[binary]|>=3|",
                "10 async/uvloop||",
                "12 test/pytest||",
                "14 build-system/hatchling||",
                "= project.name shop",
                "= requires-python >=3.11",
                "= dependency-groups.test {include-group = lint}",
                "= build-system.build-backend hatchling.build",
            ],
        );
    }

    #[test]
    fn poetry_tables() {
        check(
            "[tool.poetry.dependencies]\npython = '^3.11'\nDjango = '^5.1'\ncelery = {version = '5.4.0', extras = ['redis'], markers = \"python_version<'3.13'\"}\nlib = {git = 'https://t:x@h/lib.git', rev = 'abc'}\nany = '*'\nmulti = [{version = '1', python = '<3.9'}, {version = '2', python = '>=3.9'}]\n[tool.poetry.group.dev.dependencies]\npytest = '^8'\n[[tool.poetry.source]]\nname = 'corp'\n",
            &[
                "3 /django|^5.1|",
                "4 /celery[redis]|5.4.0|python_version<\"3.13\"",
                "5 /lib|@ https://***@h/lib.git|rev abc",
                "6 /any||",
                "7 /multi|1|python <3.9",
                "7 /multi|2|python >=3.9",
                "9 dev/pytest|^8|",
                "= requires-python ^3.11",
                "= tool.poetry.source [{name = corp}]",
            ],
        );
    }

    #[test]
    fn pdm_uv_and_hatch() {
        check(
            "[tool.pdm.dev-dependencies]\ntest = ['pytest']\n[tool.uv]\ndev-dependencies = ['ruff==0.5']\n[tool.uv.sources]\nshared = {workspace = true}\n[tool.hatch.envs.default]\ndependencies = ['mkdocs']\n",
            &[
                "2 test/pytest||",
                "4 dev/ruff|0.5|",
                "8 hatch.default/mkdocs||",
                "= tool.uv.sources.shared {workspace = true}",
            ],
        );
    }

    #[test]
    fn linters_say_nothing_and_unknown_tools_do() {
        check(
            "[tool.ruff]\nline-length = 100\n[tool.maturin]\nbindings = 'pyo3'\n",
            &["= tool.maturin {bindings = pyo3}"],
        );
    }

    #[test]
    fn setuptools_reads_its_dependencies_from_files() {
        check(
            "[tool.setuptools.dynamic]\ndependencies = {file = ['requirements.txt']}\noptional-dependencies.dev = {file = 'dev.txt'}\n",
            &[
                "= tool.setuptools {dynamic = {dependencies = {file = [requirements.txt]}, optional-dependencies = {dev = {file = dev.txt}}}}",
                "> requirements.txt",
                "> dev.txt",
            ],
        );
    }
}
