//! Text from containers, made safe to draw.
//!
//! Colours and other SGR attributes are kept as [`Run`]s beside the text. Every other control sequence is carried out where it
//! only moves within the line (carriage return, backspace, erase to the end: progress bars), left out where it is
//! well-formed and means nothing here (window titles, links, cursor and mode switches), and shown as a picture where it
//! is broken. Nothing in the result is a control character, writes from right to left by order, or has no width.
//!
//! Each line begins with the default style: a colour that a program forgets to reset ends with its line.

mod character;
mod escape;
mod overwrite;
mod style;

pub use self::{
    character::MAX_MARKS,
    style::{Attributes, Color, Run, Style},
};
use self::{
    character::{Fate, fate},
    escape::{Escape, Motion},
    overwrite::Canvas,
};

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Appends `raw` to `text`, safe, and its colours to `runs`, whose offsets count from the beginning of `text`.
///
/// `raw` is one line without its newline; bytes that are not UTF-8 become U+FFFD.
pub(super) fn clean(raw: &[u8], text: &mut String, runs: &mut Vec<Run>) {
    let mut raw = raw;
    while let [rest @ .., b'\r'] = raw {
        raw = rest;
    }
    if raw.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        if let Ok(plain) = std::str::from_utf8(raw) {
            text.push_str(plain);
        }
        return;
    }
    let raw = String::from_utf8_lossy(raw);
    let (text_start, runs_start) = (text.len(), runs.len());
    let mut plain = Appender { text, runs, start: text_start, column: 0, marks: 0, style: Style::default() };
    if walk(&raw, &mut plain).is_err() {
        text.truncate(text_start);
        runs.truncate(runs_start);
        let mut canvas = Canvas::default();
        // A canvas carries out every motion.
        let _done = walk(&raw, &mut canvas);
        canvas.write(text, runs);
    }
}

/// `text` made safe without its colours: for names and messages that come from an engine or a file.
pub fn plain(text: &str) -> String {
    let (mut safe, mut runs) = (String::with_capacity(text.len()), Vec::new());
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            safe.push('\n');
        }
        clean(line.as_bytes(), &mut safe, &mut runs);
    }
    safe
}

/// The line needs a canvas: something in it moves back.
struct Moves;

/// Takes what [`walk`] finds.
trait Sink {
    /// Printable ASCII.
    fn ascii(&mut self, text: &str);
    /// A character of one or two columns.
    fn char(&mut self, c: char, width: usize);
    /// A mark that stands on the character before it.
    fn mark(&mut self, c: char);
    /// The style from here on.
    fn style(&mut self) -> &mut Style;
    /// Spaces up to the next tab stop.
    fn tab(&mut self);
    /// A movement within the line.
    fn motion(&mut self, motion: Motion) -> Result<(), Moves>;
}

/// Reads `raw` and tells `sink` what it means.
fn walk(raw: &str, sink: &mut impl Sink) -> Result<(), Moves> {
    let mut rest = raw;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| !(0x20..0x7f).contains(&byte)).unwrap_or(rest.len());
        sink.ascii(&rest[..ascii]);
        rest = &rest[ascii..];
        let Some(c) = rest.chars().next() else { break };
        let mut after = &rest[c.len_utf8()..];
        match c {
            '\x1b' => {
                let (escape, length) = escape::read(after);
                after = &after[length..];
                match escape {
                    Escape::Style(parameters) => style::apply(parameters, sink.style()),
                    Escape::Motion(motion) => sink.motion(motion)?,
                    Escape::Ignored => {}
                    Escape::Broken => sink.char('␛', 1),
                }
            }
            '\t' => sink.tab(),
            '\r' => sink.motion(Motion::Start)?,
            '\x08' => sink.motion(Motion::Left(1))?,
            _ => match fate(c) {
                Fate::Keep(width) => sink.char(c, width),
                Fate::Mark => sink.mark(c),
                Fate::Drop => {}
                Fate::Picture(picture) => sink.char(picture, 1),
                Fate::Name => sink.ascii(&format!("<U+{:04X}>", u32::from(c))),
            },
        }
        rest = after;
    }
    Ok(())
}

/// A line in which nothing moves back.
struct Appender<'a> {
    text: &'a mut String,
    runs: &'a mut Vec<Run>,
    start: usize,
    column: usize,
    marks: usize,
    style: Style,
}

impl Appender<'_> {
    /// Notes where the style changes; called before text is added.
    fn begin(&mut self) {
        let current = match self.runs.last() {
            Some(run) if run.start as usize >= self.start => run.style,
            _ => Style::default(),
        };
        if current != self.style {
            let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            self.runs.push(Run { start, style: self.style });
        }
    }
}

impl Sink for Appender<'_> {
    fn ascii(&mut self, text: &str) {
        if !text.is_empty() {
            self.begin();
            self.text.push_str(text);
            self.column += text.len();
            self.marks = 0;
        }
    }

    fn char(&mut self, c: char, width: usize) {
        self.begin();
        self.text.push(c);
        self.column += width;
        self.marks = 0;
    }

    fn mark(&mut self, c: char) {
        if self.column == 0 {
            self.char(character::CARRIER, 1);
        }
        if self.marks < MAX_MARKS {
            self.marks += 1;
            self.text.push(c);
        }
    }

    fn style(&mut self) -> &mut Style {
        &mut self.style
    }

    fn tab(&mut self) {
        const SPACES: &str = "        ";
        self.ascii(&SPACES[..TAB - self.column % TAB]);
    }

    fn motion(&mut self, _: Motion) -> Result<(), Moves> {
        Err(Moves)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(raw: &str, expected: &str) {
        let (mut text, mut runs) = (String::new(), Vec::new());
        clean(raw.as_bytes(), &mut text, &mut runs);
        assert_eq!(text, expected, "{raw:?}");
    }

    #[test]
    fn what_only_moves_in_the_line_is_carried_out() {
        check("10%\r20%\r100%\r", "100%");
        check("hello\rhi", "hillo");
        check("downloading\r\x1b[Kdone", "done");
        check("downloading\x1b[2K\rdone", "done");
        check("\x1b[1Gspin |\x1b[1G\x1b[0Kready", "ready");
        check("abc\x08\x08X", "aXc");
        check("abc\x1b[2DX", "aXc");
        check("a\x1b[3Cb", "a   b");
        check("日本\rab", "ab本");
        check("日本\ra", "a 本");
        check("日本\x1b[2GX", " X本");
        check("one\r\n".trim_end_matches('\n'), "one");
    }

    #[test]
    fn other_sequences_are_left_out() {
        for sequence in [
            "\x1b]0;title\x07",
            "\x1b]0;title\x1b\\",
            "\x1b]52;c;ZXZpbA==\x07",
            "\x1bP$qm\x1b\\",
            "\x1b_Gf=100;AAAA\x1b\\",
            "\x1b^pm\x1b\\",
            "\x1b[2J",
            "\x1b[H",
            "\x1b[10;20H",
            "\x1b[?1049h",
            "\x1b[?25l",
            "\x1b[6n",
            "\x1b[c",
            "\x1b[>4;1m",
            "\x1b[!p",
            "\x1b(0",
            "\x1bc",
            "\x1b7",
            "\x1b#8",
            "\x1b[3;5r",
        ] {
            check(&format!("a{sequence}b"), "ab");
        }
        check("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link");
    }

    #[test]
    fn broken_sequences_are_shown() {
        check("a\x1b", "a␛");
        check("a\x1b]0;never ends", "a␛]0;never ends");
        check("a\x1b[12", "a␛[12");
        check("a\x1b[1\x07m", "a␛[1␇m");
        check("\x07\x00\x7f", "␇␀␡");
        check("a\u{9b}31mb", "a<U+009B>31mb");
    }

    #[test]
    fn characters_that_mislead_are_named() {
        check("user\u{202e}nimda", "user<U+202E>nimda");
        check("\u{2066}x\u{2069}", "<U+2066>x<U+2069>");
        check("a\u{200b}b", "a<U+200B>b");
        check("a\u{2028}b", "a<U+2028>b");
        check("fam\u{1f468}\u{200d}\u{1f469}\u{fe0f}", "fam\u{1f468}\u{1f469}");
        check("e\u{301}", "e\u{301}");
        check("e\u{301}\u{302}\u{303}\u{304}\u{305}", "e\u{301}\u{302}");
        check("\u{301}x", "◌\u{301}x");
        check("a\r\u{301}x", "◌\u{301}x");
    }

    #[test]
    fn tabs_are_expanded_to_the_next_stop() {
        check("\tx", "        x");
        check("abc\tx", "abc     x");
        check("日\tx", "日      x");
        check("12345678\tx", "12345678        x");
        check("a\rb\tc", "b       c");
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced() {
        let (mut text, mut runs) = (String::new(), Vec::new());
        clean(b"a\xff\xfe\x00b", &mut text, &mut runs);
        assert_eq!(text, "a\u{fffd}\u{fffd}␀b");
    }

    fn styles(raw: &str) -> Vec<(u32, Style)> {
        let (mut text, mut runs) = (String::from("before\n"), Vec::new());
        clean(raw.as_bytes(), &mut text, &mut runs);
        runs.iter().map(|run| (run.start - 7, run.style)).collect()
    }

    #[test]
    fn colours_become_runs() {
        let red = Style { fg: Color::Indexed(1), ..Style::default() };
        let bold_red = Style { attributes: Attributes::BOLD, ..red };
        assert_eq!(styles("a\x1b[31mb\x1b[0mc"), [(1, red), (2, Style::default())]);
        assert_eq!(styles("a\x1b[1;31mb"), [(1, bold_red)]);
        assert_eq!(styles("\x1b[31m\x1b[1mb\x1b[m"), [(0, bold_red)]);
        assert_eq!(styles("\x1b[31m\x1b[0mplain"), []);
        assert_eq!(styles("xx\r\x1b[31mb"), [(0, red), (1, Style::default())]);
    }

    proptest! {
        #[test]
        fn nothing_that_drives_a_terminal_is_left(raw in proptest::collection::vec(
            prop_oneof![3 => Just(0x1bu8), 2 => Just(b'['), 1 => Just(b'\r'), 1 => Just(b'K'), 1 => Just(b';'), 6 => any::<u8>()], 0..200)
        ) {
            let (mut text, mut runs) = (String::new(), Vec::new());
            clean(&raw, &mut text, &mut runs);
            prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
            prop_assert!(!text.chars().any(|c| matches!(fate(c), Fate::Drop | Fate::Name | Fate::Picture(_))), "{:?}", text);
            prop_assert!(runs.is_sorted_by(|a, b| a.start < b.start));
            prop_assert!(runs.iter().all(|run| text.is_char_boundary(run.start as usize)));
        }

        #[test]
        fn text_without_controls_stays_as_it_is(raw in "[ -~éßЖ日本]{0,80}") {
            let (mut text, mut runs) = (String::new(), Vec::new());
            clean(raw.as_bytes(), &mut text, &mut runs);
            prop_assert_eq!(text, raw);
            prop_assert!(runs.is_empty());
        }
    }
}
