//! What is wrong with a compose file is told with its place, the line, what was expected, and what to do.

use devbox::compose::{self, Request};
use proptest::prelude::*;

use super::compose::load_files;

/// The error of a `compose.yaml`, all of it.
fn check(text: &str, expected: &str) {
    match load_files(&[("compose.yaml", text)]) {
        Ok(_) => panic!("loads: {text}"),
        Err(error) => assert_eq!(error, expected.trim_start_matches('\n')),
    }
}

/// The first line of the error, and its place.
fn check_short(text: &str, what: &str, place: &str) {
    let error = load_files(&[("compose.yaml", text)]).err().unwrap_or_else(|| panic!("loads: {text}"));
    let mut lines = error.lines();
    assert_eq!(lines.next(), Some(format!("error: {what}").as_str()), "{text}\n{error}");
    let found = lines.next().unwrap_or_default();
    assert!(found.ends_with(&format!("compose.yaml:{place}")), "{text}\n{error}");
}

#[test]
fn an_unknown_key_is_shown_with_what_was_meant() {
    check(
        "services:\n  web:\n    image: x\n    prots: [\"80:80\"]\n",
        "
error: unknown key `prots` in service `web`
  ┌ compose.yaml:4:5
4 │     prots: [\"80:80\"]
  │     ^^^^^
help: did you mean `ports`?",
    );
    check(
        "services:\n  web:\n    image: x\n    dockerfile: Dockerfile.dev\n",
        "
error: unknown key `dockerfile` in service `web`
  ┌ compose.yaml:4:5
4 │     dockerfile: Dockerfile.dev
  │     ^^^^^^^^^^
help: `dockerfile` belongs under `build`",
    );
}

#[test]
fn an_empty_file_is_shown() {
    check(
        "# nothing yet\n",
        "
error: the compose file is empty
  ┌ compose.yaml:1:1
1 │ # nothing yet
  │ ^ expected `services:`
help: a smallest one: `services: {web: {image: nginx}}`",
    );
}

/// Of what no file says there is no place to show, so the help has to do.
#[test]
fn what_is_named_on_the_command_line_gets_help() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("compose.yaml"), "services: {a: {image: x}}").expect("a file");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    let here = folder.path().display();
    let check = |change: &dyn Fn(&mut Request), expected: &str| {
        let mut request = Request { directory: folder.path().to_owned(), ..Request::default() };
        change(&mut request);
        let error = compose::load(&request).expect_err("a mistake").to_string();
        assert_eq!(error, expected);
    };
    let files = |file: &str| {
        let file = folder.path().join(file);
        move |request: &mut Request| request.files = vec![file.clone()]
    };
    check(&files("compose.yml"), "error: compose.yml: there is no such file\nhelp: did you mean `compose.yaml`?");
    check(
        &files("missing.yaml"),
        &format!("error: missing.yaml: there is no such file\nhelp: it is looked for in {here}"),
    );
    check(
        &files("no/missing.yaml"),
        &format!("error: no/missing.yaml: there is no such file\nhelp: there is no folder {here}/no either"),
    );
    check(&files("sub"), "error: sub: is a folder\nhelp: name a file in it");
    let env_file = folder.path().join("no.env");
    check(
        &|request| request.env_files = vec![env_file.clone()],
        "error: env file no.env: there is no such file\nhelp: create it, or name another with --env-file",
    );
}

#[test]
fn several_errors_are_told_together() {
    check(
        "services:\n  web:\n    image: x\n    ports: \"8000:8000\"\n    user: 1000\n",
        "
error: `services.web.ports` must be a list, found a string
  ┌ compose.yaml:4:12
4 │     ports: \"8000:8000\"
  │            ^^^^^^^^^^^ expected a list
help: write it as a list: [\"8000:8000\"]
error: `services.web.user` must be a string, found a number
  ┌ compose.yaml:5:11
5 │     user: 1000
  │           ^^^^ expected a string
help: quote it: \"1000\"",
    );
}

#[test]
fn a_key_written_twice_shows_both_places() {
    check(
        "services:\n  web:\n    image: x\n    image: y\n",
        "
error: `image` is written twice
  ┌ compose.yaml:4:5
4 │     image: y
  │     ^^^^^
  first at compose.yaml:3:5
help: keep one of them",
    );
}

#[test]
fn every_kind_of_rejection_has_a_place() {
    let service = |rest: &str| format!("services:\n  a:\n    image: x\n    {rest}\n");
    for (rest, what, place) in [
        ("environment:", "`services.a.environment` must be a list or a mapping, found nothing", "4:5"),
        ("mem_limit: 5x", "`services.a.mem_limit`: `x` is not a unit of size", "4:16"),
        ("ports: [\"80:80x\"]", "`80:80x` is not a port: `80x` is not a port: expected a number up to 65535", "4:13"),
        ("volumes: [data:/x]", "service `a` uses volume `data`, which is not defined", "4:15"),
        ("depends_on: [b]", "service `a` depends on `b`, which is not defined", "4:18"),
        ("depends_on: [a]", "services depend on each other in a circle: a → a", "4:18"),
        ("command: \"a 'b\"", "`services.a.command`: a quote or a bracket is not closed", "4:14"),
        ("hostname: ${X:?say it}", "the variable X is required and not set: say it", "4:15"),
        ("hostname: ${X", "`${X` is not a variable", "4:15"),
        ("scale: many", "`services.a.scale` must be an integer, found `many`", "4:12"),
        (
            "labels: {d: 2001-01-01}",
            "`services.a.labels.d` must be a string, a number or a boolean, found a date",
            "4:17",
        ),
        ("healthcheck: {test: [curl, x]}", "the healthcheck of `a` must start with CMD, CMD-SHELL or NONE", "4:25"),
        ("env_file: no.env", "env file no.env: there is no such file", "4:15"),
        ("extends: b", "there is no service `b` in compose.yaml", "4:14"),
        ("security_opt: [A, A]", "`services.a.security_opt` has `A` twice", "4:23"),
        ("volumes: [{type: bind, target: /x}]", "a bind mount of `a` has no source", "4:15"),
        ("tmpfs: [/x, /x:ro]", "service `a` mounts two things at /x", "4:17"),
        ("secrets: [s]", "service `a` uses secret `s`, which is not defined", "4:15"),
        // Also where a section does nothing on a single engine, its keys are Compose's.
        ("credential_spec: {file: f, nope: 1}", "unknown key `nope` in `services.a.credential_spec`", "4:32"),
        ("provider: {type: t, nope: 1}", "unknown key `nope` in `services.a.provider`", "4:25"),
        ("deploy: {rollback_config: {nope: 1}}", "unknown key `nope` in `services.a.deploy.rollback_config`", "4:32"),
        (
            "deploy: {placement: {preferences: [{spread: a, nope: 1}]}}",
            "unknown key `nope` in `services.a.deploy.placement.preferences.0`",
            "4:52",
        ),
        (
            "deploy: {resources: {reservations: {generic_resources: [{nope: 1}]}}}",
            "unknown key `nope` in `services.a.deploy.resources.reservations.generic_resources.0`",
            "4:62",
        ),
    ] {
        check_short(&service(rest), what, place);
    }
    for (text, what, place) in [
        ("services:\n\ta: x\n", "not valid YAML: tabs disallowed within this context (block indentation)", "2:2"),
        ("services: {a: {image: x}\n", "not valid YAML: unclosed bracket '{'", "1:11"),
        ("- a\n", "a compose file must be a mapping, found a list", "1:1"),
        ("services: {a: {}}\n", "service `a` has neither an image nor a build", "1:12"),
        ("services: {5: {image: x}}\n", "a key must be a string, found a number", "1:12"),
        ("x: 1\nservices: {a: {image: x}}\n", "unknown key `x` at the top of the file", "1:1"),
        ("include: [nope.yaml]\n", "nope.yaml: there is no such file", "1:11"),
        ("volumes: {v: {external: true, driver: d}}\n", "`volumes.v` is external and has `driver`", "1:31"),
    ] {
        check_short(text, what, place);
    }
}

#[test]
fn warnings_have_places_too() {
    let text = "version: \"3\"\nservices:\n  a:\n    image: x:$TAG\n    ports: [22:22]\n    deploy: {mode: global}\n    x-any: 1\n";
    let (_folder, loaded) = load_files(&[("compose.yaml", text)]).unwrap();
    let found: Vec<String> = loaded
        .warnings
        .iter()
        .map(|warning| {
            let place = warning.place.as_ref().unwrap();
            format!("{}:{} {}", place.line, place.column, warning.what)
        })
        .collect();
    assert_eq!(
        found,
        [
            "4:14 the variable TAG is not set: it stands for nothing here",
            "5:13 port 22:22 of `a` is a number in base 60 to YAML 1.1",
            "1:1 `version` is obsolete and ignored",
            "6:14 `services.a.deploy.mode` has no effect: it is for a swarm, which a single engine is not",
        ]
    );
}

/// Pieces that compose files are made of, and pieces that break them.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "services:",
        "a:",
        "b:",
        "image:",
        "x",
        " ",
        "  ",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "'",
        "&x ",
        "*x",
        "<<: *x",
        "!reset ",
        "!override ",
        "!!int ",
        "|",
        ">-",
        "# c",
        "\t",
        "${A",
        ":-",
        "}",
        "$$",
        "$A",
        "ports: ",
        "80:80",
        "1-65535",
        "volumes: ",
        "./a:/b",
        "extends: a",
        "include: ",
        "compose.yaml",
        "depends_on: ",
        "environment: ",
        "0x1F",
        "1e9",
        "2001-01-01",
        "null",
        "~",
        "é",
        "\u{feff}",
        "deploy: ",
        "healthcheck: ",
        "test: ",
        "build: ",
        "networks: ",
        "---",
        "...",
        "%YAML 1.2",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever the file is, it loads or is refused; refusing says something.
    #[test]
    fn no_text_panics(pieces in prop::collection::vec(fragment(), 0..60)) {
        let text = pieces.concat();
        if let Err(error) = load_files(&[("compose.yaml", &text)]) {
            prop_assert!(error.starts_with("error: "), "{error}");
        }
    }

    /// The same for any text behind a service, and for env files.
    #[test]
    fn no_service_panics(key in "[a-z_]{1,12}", value in "\\PC{0,40}", env in "\\PC{0,60}") {
        let text = format!("services:\n  a:\n    image: x\n    env_file: a.env\n    {key}: {value}\n");
        if let Err(error) = load_files(&[("compose.yaml", &text), ("a.env", &env)]) {
            prop_assert!(error.starts_with("error: "), "{error}");
        }
    }
}
