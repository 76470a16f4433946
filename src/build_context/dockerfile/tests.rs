//! The reader against Dockerfiles as people write them, and against anything at all.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Dockerfile {
    Dockerfile::parse(text).unwrap()
}

/// One line per instruction: lines, then what the reader made of it.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let dockerfile = read(text);
    let mut found = Vec::new();
    for stage in &dockerfile.stages {
        let name = stage.name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
        found.push(format!("{} from {}{name}", stage.lines, stage.from));
        found
            .extend(stage.instructions.iter().map(|instruction| format!("{} {}", instruction.lines, instruction.text)));
    }
    assert_eq!(found, expected);
}

#[test]
fn continuations_comments_and_blank_lines() {
    check(
        "# a comment\nFROM python:3.11 AS Base\nRUN a && \\\n  # inside\n\n  b \\  \n  c\n  copy . .\n",
        &["2 from python:3.11 as base", "3-7 RUN a &&   b   c", "8 copy . ."],
    );
    check("FROM a\r\nRUN x \\\r\n y\r\n", &["1 from a", "2-3 RUN x  y"]);
    check("\u{feff}FROM a\nRUN echo \\\\\nRUN b", &["1 from a", "2 RUN echo \\\\", "3 RUN b"]);
}

#[test]
fn the_escape_directive() {
    check("# escape=`\nFROM a\nRUN x `\n  y\nCOPY c:\\ d\\\n", &["2 from a", "3-4 RUN x   y", "5 COPY c:\\ d\\"]);
    assert_eq!(
        read("# syntax = docker/dockerfile:1\n# escape=`\nFROM a").directives.syntax.as_deref(),
        Some("docker/dockerfile:1")
    );
    // A comment ends the directives.
    assert_eq!(read("# hello\n# escape=`\nFROM a").directives.escape, '\\');
}

#[test]
fn heredocs() {
    check(
        "FROM a\nRUN <<EOF\napt-get update\nFROM not-a-stage\nEOF\nCOPY <<-\"X\" <<Y /dst/\n\tx\n\tX\ny\nY\nRUN b\n",
        &["1 from a", "2-5 RUN <<EOF", "6-10 COPY <<-\"X\" <<Y /dst/", "11 RUN b"],
    );
    let dockerfile = read("FROM a\nCOPY <<-\"X\" req.txt <<Y /dst/\n\tx\n\tX\ny\nY\n");
    let InstructionKind::Copy(copy) = &dockerfile.stages[0].instructions[0].kind else { panic!() };
    assert_eq!(copy.sources, ["req.txt"]);
    let documents: Vec<_> = copy.heredocs.iter().map(|d| (d.name.as_str(), d.expand, d.content.as_str())).collect();
    assert_eq!(documents, [("X", false, "\tx\n"), ("Y", true, "y\n")]);
    check(
        "FROM a\nRUN echo 1<<2\n2\nRUN [\"a\", \"<<b\"]\n",
        &["1 from a", "2-3 RUN echo 1<<2", "4 RUN [\"a\", \"<<b\"]"],
    );
}

#[test]
fn flags_and_forms() {
    let dockerfile = read(
        "FROM --platform=linux/arm64 a\nCOPY --chown=1:1 --from=b --exclude=*.pyc [\"x y\", \"/z\"]\n\
         RUN --mount=type=cache,target=/root/.cache --mount=src=req.txt,dst=/r.txt pip install -r /r.txt\n\
         ENV A=1 B=\"x y\"\nENV C d e\nLABEL a.b='c d'\nCMD [\"a\", \"b\"]\nHEALTHCHECK --interval=5s CMD curl x\n",
    );
    let stage = &dockerfile.stages[0];
    assert_eq!(stage.platform.as_deref(), Some("linux/arm64"));
    let kinds: Vec<_> = stage.instructions.iter().map(|instruction| &instruction.kind).collect();
    let InstructionKind::Copy(copy) = kinds[0] else { panic!() };
    assert_eq!((copy.sources[0].as_str(), copy.destination.as_str(), copy.from.as_deref()), ("x y", "/z", Some("b")));
    assert_eq!(copy.excludes, ["*.pyc"]);
    assert_eq!(stage.instructions[0].flag("chown"), Some("1:1"));
    let InstructionKind::Run(run) = kinds[1] else { panic!() };
    assert_eq!(run.command, Command::Shell("pip install -r /r.txt".to_owned()));
    assert_eq!((run.mounts[0].kind.as_str(), run.mounts[1].kind.as_str()), ("cache", "bind"));
    assert_eq!(run.mounts[1].option(&["target", "dst"]), Some("/r.txt"));
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(kinds[2], &InstructionKind::Env(vec![pair("A", "1"), pair("B", "\"x y\"")]));
    assert_eq!(dockerfile.unquoted("\"x y\"$A"), "x y$A");
    assert_eq!(kinds[3], &InstructionKind::Env(vec![pair("C", "d e")]));
    assert_eq!(kinds[4], &InstructionKind::Label(vec![pair("a.b", "'c d'")]));
    assert_eq!(kinds[5], &InstructionKind::Cmd(Command::Exec(vec!["a".to_owned(), "b".to_owned()])));
    assert!(matches!(kinds[6], InstructionKind::Healthcheck(Some(_))));
}

#[track_caller]
fn refused(text: &str, place: &str, what: &str) {
    let error = Dockerfile::parse(text).unwrap_err();
    assert_eq!((error.lines.to_string().as_str(), error.what.as_str()), (place, what), "{text:?}");
}

#[test]
fn errors_have_a_place() {
    refused("", "1", "the file has no instructions");
    refused("ARG a\n", "1", "the file has no FROM");
    refused("ARG a\nRUN x\n", "2", "the first instruction must be FROM; only ARG may stand before it");
    refused("FROM a\nRUNN x\n", "2", "RUNN is not an instruction");
    refused("FROM a b\n", "1", "FROM takes an image, and `AS name` behind it");
    refused("FROM a AS 1\n", "1", "`1` cannot be a stage's name");
    refused("FROM a\nCOPY x\n", "2", "COPY needs a source and a destination");
    refused("FROM a\nENV a\n", "2", "ENV needs a name and a value");
    refused("FROM a\nENV a=b c\n", "2", "`c` has no `=`: ENV takes NAME=value");
    refused("FROM a\nRUN <<EOF\nx\n", "2", "the here-document `EOF` is not closed");
    refused("FROM a\nCMD [\"a\", 1]\n", "2", "a JSON list of arguments holds strings only");
    refused("# escape=x\nFROM a", "1", "`x` cannot be the escape character: it is ` or \\");
    refused("FROM a\nUSER --x y", "2", "USER has no flag --x");
    assert_eq!(Dockerfile::parse("FROM a\nCPOY x y").unwrap_err().help.as_deref(), Some("did you mean COPY?"));
}

const STAGES: &str = "ARG VERSION=3.11\nARG DIR=app\nFROM python:${VERSION}-slim AS base\nWORKDIR /app\n\
FROM base AS deps\nARG DIR\nENV REQ=requirements\nCOPY ${DIR}/pyproject.toml ./$REQ/*.txt /app/\nRUN pip install .\n\
FROM node AS web\nCOPY web .\nFROM scratch AS unused\nCOPY unused .\n\
FROM base AS final\nCOPY --from=deps /x /x\nCOPY --from=2 /w /w\nCOPY --from=nginx /n /n\nADD https://example.com/x /x\n\
RUN --mount=target=/src true\nRUN --mount=from=deps,target=/d true\nCOPY $PYTHON_VERSION.txt .\n";

fn sources(inputs: &BuildInputs) -> Vec<String> {
    let resolved = read(STAGES).resolve(inputs).unwrap();
    resolved.sources().map(|source| format!("{} {} {}", source.lines, source.path, source.unknown.join(","))).collect()
}

#[test]
fn a_build_uses_only_what_its_target_needs() {
    let resolved = read(STAGES).resolve(&BuildInputs::default()).unwrap();
    let used: Vec<_> = resolved.stages.iter().map(|stage| stage.index).collect();
    assert_eq!(used, [0, 1, 2, 4]);
    assert_eq!(resolved.stages[0].base, Base::Image("python:3.11-slim".to_owned()));
    assert_eq!(resolved.stages[3].base, Base::Stage(0));
    let expected = ["8 app/pyproject.toml ", "8 requirements/*.txt ", "11 web ", "19 . ", "21 .txt PYTHON_VERSION"];
    assert_eq!(sources(&BuildInputs::default()), expected);
}

#[test]
fn target_args_and_contexts_change_it() {
    let target = |name: &str| BuildInputs { target: Some(name.to_owned()), ..BuildInputs::default() };
    assert_eq!(sources(&target("WEB")), ["11 web "]);
    let args = [("DIR".to_owned(), "src".to_owned())].into();
    assert_eq!(sources(&BuildInputs { args, ..target("deps") })[0], "8 src/pyproject.toml ");
    let contexts = ["deps".to_owned()].into();
    assert_eq!(sources(&BuildInputs { contexts, ..target("final") }), ["11 web ", "19 . ", "21 .txt PYTHON_VERSION"]);
    let error = read(STAGES).resolve(&target("nope")).unwrap_err();
    assert_eq!(error.help.as_deref(), Some("its stages are base, deps, web, unused, final"));
}

#[test]
fn circles_and_empty_bases_are_refused() {
    let circle = read("FROM a AS x\nCOPY --from=y / /\nFROM a AS y\nCOPY --from=x / /\n");
    assert_eq!(circle.resolve(&BuildInputs::default()).unwrap_err().what, "the stage `y` needs itself");
    let empty = read("ARG IMAGE\nFROM $IMAGE\n");
    assert_eq!(empty.resolve(&BuildInputs::default()).unwrap_err().what, "`$IMAGE` gives no base image");
}

#[test]
fn steps_have_the_builders_numbers() {
    let one = read("FROM a\nENV x=y\nWORKDIR /a\nRUN b\n");
    assert_eq!(one.step_lines(None, 3), Some(LineRange::line(4)));
    assert_eq!(one.step_lines(None, 4), None);
    let many = read(STAGES);
    assert_eq!(many.step_lines(Some("deps"), 1), Some(LineRange::line(8)));
    assert_eq!(many.step_lines(Some("web"), 1), Some(LineRange::line(10)));
    let nameless = read("FROM a AS x\nFROM x\nRUN y\n");
    assert_eq!(nameless.step_lines(Some("stage-1"), 1), Some(LineRange::line(3)));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([A-Z]{2,4}|FROM a|RUN|COPY|ENV|ARG|<<E|--f=|[\\[\\]\"'\\\\$ {}=\n#a.:]){0,30}") {
        if let Ok(dockerfile) = Dockerfile::parse(&text) {
            let _ = dockerfile.resolve(&BuildInputs::default());
        }
    }

    #[test]
    fn lines_are_in_order_and_inside_the_file(body in proptest::collection::vec("(RUN a \\\\|  b|COPY x y|# c|)", 0..20)) {
        let text = format!("FROM a\n{}", body.join("\n"));
        if let Ok(dockerfile) = Dockerfile::parse(&text) {
            let mut last = 1;
            for instruction in &dockerfile.stages[0].instructions {
                prop_assert!(instruction.lines.first > last && instruction.lines.last >= instruction.lines.first);
                last = instruction.lines.last;
            }
            prop_assert!(last as usize <= text.lines().count() + 1);
        }
    }
}
