//! Which lines belong together: tracebacks of Python (chained ones and exception groups too), stacks of Java and Node, panics of
//! Go and Rust. A block folds to its headline, the line that says what went wrong.

use super::line::{Part, Stream};

/// A block is never longer; what follows stands alone again.
const LONGEST: u32 = 1000;

/// So many lines of the other stream may stand between two of a block.
const APART: u32 = 64;

/// Recognises blocks in one container's lines, each stream by itself.
#[derive(Debug, Default)]
pub struct Tracebacks {
    streams: [Block; 3],
}

#[derive(Debug, Default)]
struct Block {
    state: State,
    lines: u32,
    /// Lines of other streams since the last one of this.
    apart: u32,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    None,
    /// In the frames of a Python traceback.
    Python,
    /// After its last line: another may be chained to it. The flag: the one empty line before that was seen.
    PythonEnded { blank: bool },
    /// After "During handling of the above exception" or its like.
    PythonChained,
    /// In a Python exception group: all of it is indented.
    PythonGroup,
    /// In the frames of a Java or Node stack.
    Frames,
    /// In what Go prints after a panic.
    Go,
    /// After `thread 'main' panicked at src/main.rs:2:5:`, before the message.
    RustMessage,
    /// After the message.
    Rust,
}

const DURING: &str = "During handling of the above exception, another exception occurred:";
const CAUSE: &str = "The above exception was the direct cause of the following exception:";
const PYTHON: &str = "Traceback (most recent call last):";

impl Tracebacks {
    /// The part that the next line of `stream` has.
    pub fn part(&mut self, stream: Stream, text: &str) -> Part {
        let index = match stream {
            Stream::Note => return Part::Alone,
            Stream::Stdout => 0,
            Stream::Stderr => 1,
            Stream::Console => 2,
        };
        for (other, block) in self.streams.iter_mut().enumerate() {
            if other != index && block.state != State::None {
                block.apart += 1;
            }
        }
        self.streams[index].part(text)
    }
}

impl Block {
    fn part(&mut self, text: &str) -> Part {
        if self.lines >= LONGEST || self.apart >= APART {
            self.state = State::None;
        }
        self.apart = 0;
        if self.state != State::None
            && let Some((state, part)) = go_on(self.state, text)
        {
            self.state = state;
            self.lines += 1;
            return part;
        }
        self.state = begin(text);
        self.lines = 1;
        if self.state == State::None { Part::Alone } else { Part::Start }
    }
}

/// The state after a line that can begin a block.
fn begin(text: &str) -> State {
    // Most lines begin with none of these letters.
    let trimmed = text.trim_start();
    match trimmed.as_bytes().first() {
        Some(b'T') if trimmed.starts_with(PYTHON) => State::Python,
        Some(b'+') if trimmed.starts_with("+ Exception Group Traceback (most recent call last):") => State::PythonGroup,
        Some(b'a') if trimmed.len() < text.len() && frame(trimmed) => State::Frames,
        Some(b'p') if text.starts_with("panic: ") => State::Go,
        Some(b'f') if text.starts_with("fatal error: ") => State::Go,
        Some(b't') if text.starts_with("thread '") && text.contains(" panicked at ") => {
            if text.ends_with(':') {
                State::RustMessage
            } else {
                State::Rust
            }
        }
        _ => State::None,
    }
}

/// `at com.example.App.main(App.java:5)`, `at Object.<anonymous> (/app/x.js:1:1)`, `at node:internal/main:28:49`.
fn frame(trimmed: &str) -> bool {
    trimmed.starts_with("at ") && (trimmed.contains('(') || trimmed.contains(':'))
}

/// The state after a line that belongs to the block, and its part; `None` if it doesn't.
fn go_on(state: State, text: &str) -> Option<(State, Part)> {
    let blank = text.trim_start().is_empty();
    let indented = text.starts_with(' ');
    match state {
        State::None => None,
        State::Python if indented || blank => Some((State::Python, Part::Member)),
        State::Python if text.starts_with(PYTHON) => None,
        // The first line that isn't indented says what was raised.
        State::Python => Some((State::PythonEnded { blank: false }, Part::Headline)),
        State::PythonEnded { blank: false } if blank => Some((State::PythonEnded { blank: true }, Part::Member)),
        State::PythonEnded { .. } if text == DURING || text == CAUSE => Some((State::PythonChained, Part::Member)),
        State::PythonEnded { .. } => None,
        State::PythonChained if blank => Some((State::PythonChained, Part::Member)),
        State::PythonChained if text.starts_with(PYTHON) => Some((State::Python, Part::Member)),
        State::PythonChained => None,
        State::PythonGroup if !indented => None,
        State::PythonGroup => {
            // The first line of the group's own that isn't indented within its frame.
            let raised = text
                .strip_prefix("  | ")
                .is_some_and(|rest| !rest.starts_with([' ', '+', '-']) && rest.contains("Group"));
            Some((State::PythonGroup, if raised && !text.contains(PYTHON) { Part::Headline } else { Part::Member }))
        }
        State::Frames => {
            let trimmed = text.trim_start();
            if trimmed.starts_with("Caused by: ") || trimmed.starts_with("[cause]: ") {
                Some((State::Frames, Part::Headline))
            } else if indented && !blank || text == "}" {
                Some((State::Frames, Part::Member))
            } else {
                None
            }
        }
        State::Go => {
            let member = blank
                || indented
                || text.starts_with("goroutine ")
                || text.starts_with("[signal ")
                || text.starts_with("created by ")
                || text.starts_with("panic: ")
                || text.starts_with("exit status ")
                || text.ends_with(')') && !text.contains(": ");
            member.then_some((State::Go, Part::Member))
        }
        State::RustMessage => Some((State::Rust, Part::Headline)),
        State::Rust => {
            let member = indented && !blank || text.starts_with("stack backtrace:") || text.starts_with("note: ");
            member.then_some((State::Rust, Part::Member))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter a line: `.` alone, `S` start, `m` member, `H` headline.
    fn check(text: &str, expected: &str) {
        let mut tracebacks = Tracebacks::default();
        let parts: String = text
            .lines()
            .map(|line| match tracebacks.part(Stream::Stderr, &line.replace('\t', "        ")) {
                Part::Alone => '.',
                Part::Start => 'S',
                Part::Member => 'm',
                Part::Headline => 'H',
            })
            .collect();
        assert_eq!(parts, expected, "{text}");
    }

    const TRACEBACK: &str =
        "Traceback (most recent call last):\n  File \"/app/x.py\", line 1, in f\n    g()\n    ~^^\n";

    #[test]
    fn python() {
        check(&format!("before\n{TRACEBACK}ValueError: x\nafter"), ".SmmmH.");
        check(&format!("{TRACEBACK}ValueError: x\n{TRACEBACK}KeyError: y"), "SmmmHSmmmH");
        check(&format!("{TRACEBACK}KeyboardInterrupt\n\nafter"), "SmmmHm.");
        check(&format!("{TRACEBACK}ValueError: x\n\n\nafter"), "SmmmHm..");
    }

    #[test]
    fn python_chained() {
        check(&format!("{TRACEBACK}KeyError: x\n\n{DURING}\n\n{TRACEBACK}ValueError: y\nafter"), "SmmmHmmmmmmmH.");
        check(&format!("{TRACEBACK}KeyError: x\n\n{CAUSE}\n\n{TRACEBACK}ValueError: y\nafter"), "SmmmHmmmmmmmH.");
    }

    #[test]
    fn python_groups() {
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"x.py\", line 1, in <module>\n  |     raise g\n  | \
                    ExceptionGroup: two (2 sub-exceptions)\n  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +---------------- 2 \
                    ----------------\n    | TypeError: 2\n    +------------------------------------\nafter";
        check(text, "SmmHmmmmm.");
    }

    #[test]
    fn java_and_node() {
        check(
            "Exception in thread \"main\" java.lang.X: boom\n\tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\nCaused by: a.Y: z\n\tat \
             a.B.e(B.java:3)\n\t... 2 more\nafter",
            ".SmHmm.",
        );
        check("Error: boom\n    at f (/app/x.js:1:1)\n    at node:internal/main:28:49\nafter", ".Sm.");
        check("we meet\n  at noon\nafter", "...");
    }

    #[test]
    fn go_and_rust() {
        check(
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\nexit status 2\nhello",
            "Smmmmm.",
        );
        check("thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with `RUST_BACKTRACE=1`\nafter", "SHm.");
        check(
            "thread 'main' panicked at 'boom', src/main.rs:2:5\nstack backtrace:\n   0: rust_begin_unwind\nafter",
            "Smm.",
        );
    }

    #[test]
    fn lines_of_the_other_stream_are_not_in_it() {
        let mut tracebacks = Tracebacks::default();
        let mut part = |stream, text| tracebacks.part(stream, text);
        assert_eq!(part(Stream::Stderr, PYTHON), Part::Start);
        assert_eq!(part(Stream::Stdout, "  indented"), Part::Alone);
        assert_eq!(part(Stream::Stderr, "  File"), Part::Member);
        for _ in 0..APART {
            assert_eq!(part(Stream::Stdout, "x"), Part::Alone);
        }
        assert_eq!(part(Stream::Stderr, "  indented"), Part::Alone);
    }

    #[test]
    fn a_block_has_an_end() {
        let mut tracebacks = Tracebacks::default();
        assert_eq!(tracebacks.part(Stream::Stdout, PYTHON), Part::Start);
        let members = (0..5000).filter(|_| tracebacks.part(Stream::Stdout, "  x") == Part::Member).count();
        assert_eq!(members, LONGEST as usize - 1);
    }
}
