//! What a reader does, and what is on the screen then.

use proptest::prelude::*;

use super::*;
use crate::{
    app::keymap::Key,
    logs::{Batch, Resume, Source, Splitter, Stamps, Stream},
    model::ByteSize,
};
use crossterm::event::KeyCode;

const AREA: Rect = Rect::new(0, 0, 60, 5);
const SECOND: i64 = 1_000_000_000;

struct Reader {
    store: LogStore,
    view: LogView,
    area: Rect,
    now: i64,
}

impl Reader {
    fn new() -> Self {
        let mut view = LogView::new(TimeZone::UTC);
        view.times = false;
        Self { store: LogStore::default(), view, area: AREA, now: 0 }
    }

    /// Lines of a service, one a second.
    fn push(&mut self, service: &str, lines: &[&str]) {
        let source = Source { service: ServiceName::new(service).unwrap(), replica: 1 };
        let mut splitter = Splitter::new(source, Stamps::Absent, Resume::new());
        for line in lines {
            self.now += 1;
            splitter.push(Stream::Stdout, format!("{line}\n").as_bytes(), Timestamp(self.now * SECOND));
        }
        if let Some(Batch { source, lines }) = splitter.take() {
            self.store.push(Batch { source, lines });
        }
        self.view.sync(&self.store);
    }

    fn act(&mut self, actions: &[Action]) -> Vec<LogEffect> {
        let act = |action: &Action| self.view.update(*action, &self.store, self.area, Timestamp(self.now * SECOND));
        actions.iter().flat_map(act).collect()
    }

    fn type_keys(&mut self, text: &str) -> Vec<LogEffect> {
        let mut effects = Vec::new();
        for c in text.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '^' => KeyCode::Up,
                c => KeyCode::Char(c),
            };
            effects.extend(self.view.prompt_key(
                Key::plain(code),
                &self.store,
                self.area,
                Timestamp(self.now * SECOND),
            ));
        }
        effects
    }

    /// The rows; the one under the cursor with a `>`.
    fn screen(&self) -> Vec<String> {
        let screen = self.view.screen(&self.store, self.area);
        let row = |row: &Row| {
            let line = &screen.lines[row.line];
            let sign = if line.cursor { ">" } else { "" };
            format!("{sign}{}", line.display.text[row.part.clone()].trim_end())
        };
        screen.rows.iter().map(row).collect()
    }

    fn numbered(count: usize) -> Self {
        let mut reader = Self::new();
        let lines: Vec<String> = (0..count).map(|number| format!("line {number}")).collect();
        reader.push("web", &lines.iter().map(String::as_str).collect::<Vec<_>>());
        reader
    }
}

fn said(effects: &[LogEffect]) -> Vec<&str> {
    effects
        .iter()
        .filter_map(|effect| if let LogEffect::Say(text) = effect { Some(text.as_str()) } else { None })
        .collect()
}

#[test]
fn the_end_is_followed_until_one_moves() {
    let mut reader = Reader::numbered(8);
    assert_eq!(reader.screen(), ["line 3", "line 4", "line 5", "line 6", "line 7"]);
    reader.push("web", &["line 8"]);
    assert_eq!(reader.screen()[4], "line 8");
    reader.act(&[Action::Up]);
    assert_eq!(reader.screen(), ["line 4", "line 5", "line 6", ">line 7", "line 8"]);
    reader.push("web", &["line 9"]);
    assert_eq!(reader.screen(), ["line 4", "line 5", "line 6", ">line 7", "line 8"]);
    assert_eq!(reader.view.status(&reader.store).new, 1);
    reader.act(&[Action::Down, Action::Down]);
    assert_eq!(reader.screen(), ["line 5", "line 6", "line 7", "line 8", ">line 9"]);
    reader.act(&[Action::Down]);
    assert!(reader.view.is_following());
}

#[test]
fn pages_and_ends() {
    let mut reader = Reader::numbered(20);
    reader.act(&[Action::PageUp]);
    assert_eq!(reader.screen(), ["line 11", "line 12", "line 13", "line 14", ">line 15"]);
    reader.act(&[Action::Top]);
    assert_eq!(reader.screen()[0], ">line 0");
    reader.act(&[Action::PageDown]);
    assert_eq!(reader.screen(), [">line 4", "line 5", "line 6", "line 7", "line 8"]);
    reader.act(&[Action::PageUp, Action::PageUp]);
    assert_eq!(reader.screen()[0], ">line 0");
    for _ in 0..4 {
        reader.act(&[Action::PageDown]);
    }
    assert!(reader.view.is_following());
    reader.act(&[Action::PageUp, Action::Bottom]);
    assert!(reader.view.is_following());
}

#[test]
fn late_lines_of_another_service_do_not_move_what_is_read() {
    let mut reader = Reader::numbered(20);
    reader.act(&[Action::Up, Action::Up]);
    let before = reader.screen();
    reader.now = 3;
    reader.push("db", &["late 1", "late 2"]);
    assert_eq!(reader.screen(), before);
}

#[test]
fn what_is_dropped_above_does_not_move_what_is_read() {
    let mut reader = Reader::new();
    reader.store = LogStore::new(ByteSize(20_000));
    let add = |reader: &mut Reader, count: usize| {
        for _ in 0..count {
            let line = format!("line {}", reader.now);
            reader.push("web", &[&line]);
        }
        reader.view.status(&reader.store).dropped
    };
    let dropped = add(&mut reader, 1000);
    reader.act(&[Action::Up]);
    let before = reader.screen();
    assert!(dropped > 0 && add(&mut reader, 200) > dropped);
    assert_eq!(reader.screen(), before);
    // In the end they go as well: what is shown is the oldest that is left.
    let dropped = add(&mut reader, 1000);
    assert_eq!(reader.screen()[0], format!(">line {dropped}"));
}

const TRACEBACK: [&str; 5] =
    ["ERROR failed", "Traceback (most recent call last):", "  File \"a.py\"", "    x()", "KeyError: x"];

#[test]
fn a_traceback_folds_to_its_last_line() {
    let mut reader = Reader::new();
    reader.push("web", &["before"]);
    reader.push("web", &TRACEBACK);
    reader.push("web", &["after"]);
    assert_eq!(reader.screen(), ["before", "ERROR failed", "▸ KeyError: x  (4 lines)", "after"]);
    reader.act(&[Action::Enter]);
    assert_eq!(
        reader.screen(),
        ["ERROR failed", ">▾ Traceback (most recent call last):", "    File \"a.py\"", "      x()", "  KeyError: x"]
    );
    reader.act(&[Action::Down, Action::Enter]);
    assert_eq!(reader.screen()[1], ">▸ KeyError: x  (4 lines)");
}

#[test]
fn a_filter_is_live_and_survives_the_other_toggles() {
    let mut reader = Reader::new();
    reader.push("web", &["GET /a", "POST /b", "GET /c health"]);
    reader.push("db", &["get ready"]);
    reader.act(&[Action::Filter]);
    reader.type_keys("get");
    assert_eq!(reader.screen(), ["GET /a", "GET /c health", "get ready"]);
    reader.type_keys(" !health\n");
    assert_eq!(reader.screen(), ["GET /a", "get ready"]);
    reader.act(&[Action::Wrap, Action::Timestamps, Action::Follow, Action::Fields, Action::MergedLogs]);
    assert_eq!(reader.screen(), ["GET /a", ">get ready"]);
    reader.push("web", &["GET /d", "PUT /e"]);
    assert_eq!(reader.screen(), ["GET /a", ">get ready", "GET /d"]);
    reader.act(&[Action::Filter]);
    assert_eq!(reader.view.prompt().map(|prompt| prompt.input.text()), Some("get !health"));
    reader.type_keys(" level:x");
    assert!(reader.view.prompt().is_some_and(|prompt| prompt.error.is_some()));
    reader.type_keys("\x1b");
    assert_eq!(reader.screen(), ["GET /a", ">get ready", "GET /d"]);
}

#[test]
fn clearing_the_filter_leaves_the_reader_where_he_was() {
    let mut reader = Reader::numbered(50);
    reader.act(&[Action::PageUp, Action::PageUp]);
    let before = reader.screen();
    reader.act(&[Action::Filter]);
    reader.type_keys("49");
    assert_ne!(reader.screen(), before);
    reader.type_keys("\x1b");
    assert_eq!(reader.screen(), before);
}

#[test]
fn a_search_goes_to_its_hits() {
    let mut reader = Reader::numbered(30);
    reader.act(&[Action::Search]);
    reader.type_keys("line 1\n");
    // From the followed end, the last of the eleven.
    assert_eq!(reader.screen().iter().filter(|row| row.starts_with('>')).collect::<Vec<_>>(), [">line 19"]);
    assert_eq!(reader.view.status(&reader.store).hits, (11, 11));
    reader.act(&[Action::PreviousHit]);
    assert!(reader.screen().contains(&">line 18".to_owned()));
    let effects = reader.act(&[Action::NextHit, Action::NextHit]);
    assert_eq!(said(&effects), ["from the top again"]);
    assert!(reader.screen().contains(&">line 1".to_owned()));
    assert_eq!(reader.view.status(&reader.store).hits, (11, 1));
    reader.act(&[Action::Search]);
    let effects = reader.type_keys("nowhere\n");
    assert_eq!(said(&effects), ["no line has nowhere"]);
    // Up brings back what was typed.
    reader.act(&[Action::Search]);
    reader.type_keys("^^\n");
    assert_eq!(reader.view.status(&reader.store).search.as_deref(), Some("line 1"));
}

#[test]
fn a_hit_inside_a_folded_traceback_unfolds_it() {
    let mut reader = Reader::new();
    reader.push("web", &TRACEBACK);
    reader.act(&[Action::Search]);
    reader.type_keys("a.py\n");
    assert!(reader.screen().contains(&">    File \"a.py\"".to_owned()), "{:?}", reader.screen());
}

#[test]
fn a_large_store_is_searched_beside_the_loop() {
    let mut reader = Reader::numbered(30_000);
    reader.act(&[Action::Search]);
    let mut effects = reader.type_keys("line 17000");
    let Some(LogEffect::Scan(scan)) = effects.pop() else { panic!("{effects:?}") };
    reader.push("web", &["line 17000 again"]);
    assert!(reader.view.status(&reader.store).working);
    for effect in effects {
        let LogEffect::Scan(late) = effect else { continue };
        reader.view.scanned(late.run(), &reader.store, AREA);
        assert!(
            reader.view.status(&reader.store).working,
            "a scan for less than what was typed is not wanted any more"
        );
    }
    reader.view.scanned(scan.run(), &reader.store, AREA);
    assert_eq!(reader.view.status(&reader.store).hits, (2, 2));
    assert!(reader.screen().contains(&">line 17000 again".to_owned()));
}

#[test]
fn errors_are_found_anywhere() {
    let mut reader = Reader::numbered(30);
    reader.push("worker", &TRACEBACK);
    reader.push("web", &["GET / 1", "ERROR second", "GET / 2", "GET / 3", "GET / 4", "GET / 5", "GET / 6"]);
    reader.view.show(Shown::Only([ServiceName::new("web").unwrap()].into()));
    reader.act(&[Action::Filter]);
    reader.type_keys("get\n");
    let effects = reader.act(&[Action::NextError]);
    assert_eq!(said(&effects), ["shows worker as well", "the filter hid it: & and Up bring it back"]);
    assert!(reader.screen().contains(&">ERROR failed".to_owned()));
    reader.act(&[Action::NextError]);
    assert!(reader.screen().contains(&">ERROR second".to_owned()));
    assert_eq!(said(&reader.act(&[Action::NextError])), ["no later error"]);
    reader.act(&[Action::PreviousError]);
    assert!(reader.screen().contains(&">ERROR failed".to_owned()));
}

#[test]
fn an_error_counts_until_it_was_on_the_screen_for_a_second() {
    let mut reader = Reader::new();
    reader.push("web", &["ERROR a", "b"]);
    let web = ServiceName::new("web").unwrap();
    let unseen = |reader: &Reader| reader.view.unseen_errors(&reader.store, &web);
    assert_eq!(unseen(&reader), 1);
    let at = Timestamp(100 * SECOND);
    reader.view.look(&reader.store, AREA, at);
    assert_eq!((unseen(&reader), reader.view.wake_at()), (1, Some(Timestamp(101 * SECOND))));
    // It is scrolled away too soon.
    reader.push("web", &["c", "d", "e", "f", "g"]);
    reader.view.look(&reader.store, AREA, Timestamp(101 * SECOND));
    assert_eq!((unseen(&reader), reader.view.wake_at()), (1, None));
    reader.act(&[Action::NextError]);
    reader.view.look(&reader.store, AREA, at);
    reader.view.look(&reader.store, AREA, Timestamp(101 * SECOND));
    assert_eq!((unseen(&reader), reader.view.wake_at()), (0, None));
}

#[test]
fn lines_are_copied_and_saved() {
    let mut reader = Reader::new();
    reader.push("web", &["before"]);
    reader.push("web", &TRACEBACK);
    reader.push("db", &["\x1b[31mafter\x1b[0m"]);
    let copied = |effects: Vec<LogEffect>| match effects.into_iter().next() {
        Some(LogEffect::Copy(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(reader.act(&[Action::Copy])), "after\n");
    assert_eq!(copied(reader.act(&[Action::CopyLastError])), TRACEBACK.join("\n") + "\n");
    reader.act(&[Action::Mark, Action::Up, Action::Mark]);
    let block: String = TRACEBACK[1..].iter().map(|line| format!("web  {line}\n")).collect();
    assert_eq!(copied(reader.act(&[Action::Copy])), format!("{block}db  after\n"));
    assert_eq!(copied(reader.view.copy_last(&reader.store, 2)), "web  KeyError: x\ndb  after\n");
    assert_eq!(copied(reader.act(&[Action::CopyLast])).lines().count(), 7);
    reader.act(&[Action::Filter]);
    reader.type_keys("after\n");
    let Some(LogEffect::Save(export)) = reader.act(&[Action::SaveLog]).pop() else { panic!() };
    assert_eq!(
        (export.name.as_str(), export.text().as_str()),
        ("log-all-19700101-000007", "1970-01-01T00:00:07.000+00:00 db after\n")
    );
}

#[test]
fn esc_goes_out_one_step_at_a_time() {
    let mut reader = Reader::numbered(10);
    reader.act(&[Action::Filter]);
    reader.type_keys("line\n");
    reader.act(&[Action::Search]);
    reader.type_keys("5\n");
    reader.act(&[Action::Mark]);
    let mut steps = Vec::new();
    loop {
        let status = reader.view.status(&reader.store);
        steps.push((status.marks, status.search.is_some(), status.filter.is_some(), status.following));
        if !reader.view.back() {
            break;
        }
    }
    assert_eq!(
        steps,
        [
            (1, true, true, false),
            (0, true, true, false),
            (0, false, true, false),
            (0, false, false, false),
            (0, false, false, true)
        ]
    );
}

#[test]
fn a_long_line_wraps_or_is_moved_along() {
    let mut reader = Reader::new();
    reader.area = Rect::new(0, 0, 21, 4);
    reader.push("web", &["first", "0123456789 0123456789 0123456789 0123456789"]);
    assert_eq!(reader.screen(), ["first", "0123456789 012345678"]);
    reader.act(&[Action::Right]);
    assert_eq!(reader.screen(), ["", "89 0123456789 012345"]);
    // No farther than to the end.
    reader.act(&[Action::Right; 9]);
    assert_eq!(reader.screen(), ["", "23456789 0123456789"]);
    reader.act(&[Action::Wrap]);
    assert_eq!(reader.screen(), ["0123456789", "0123456789", "0123456789", "0123456789"]);
}

#[test]
fn json_is_shown_as_fields() {
    let mut reader = Reader::new();
    reader.push("web", &[r#"{"level":"info","msg":"up","port":8000}"#]);
    assert_eq!(reader.screen(), ["INFO up  port=8000"]);
    reader.act(&[Action::Fields]);
    assert_eq!(reader.screen(), [r#"{"level":"info","msg":"up","port":8000}"#]);
}

fn actions() -> impl Strategy<Value = Action> {
    proptest::sample::select(vec![
        Action::Down,
        Action::Up,
        Action::Top,
        Action::Bottom,
        Action::PageDown,
        Action::PageUp,
        Action::Enter,
        Action::Follow,
        Action::Wrap,
        Action::Fields,
        Action::Timestamps,
        Action::NextError,
        Action::PreviousError,
        Action::NextHit,
        Action::PreviousHit,
        Action::Mark,
        Action::Right,
        Action::Left,
    ])
}

proptest! {
    /// Whatever one does while lines come and go: the screen is never overfull, the cursor is on it, and new lines alone never
    /// move what is frozen.
    #[test]
    fn the_screen_is_in_order(
        steps in proptest::collection::vec((actions(), proptest::collection::vec(0usize..6, 0..4), any::<bool>()), 1..60),
        width in 12u16..80, height in 1u16..8, search in any::<bool>(), filter in any::<bool>(),
    ) {
        const LINES: [&str; 6] = [
            "GET / 200", "Traceback (most recent call last):", "  File x", "KeyError: no",
            "ERROR a line that is long enough to need several rows of a narrow screen", "{\"msg\":\"json\",\"a\":1}",
        ];
        let mut reader = Reader::new();
        reader.area = Rect::new(0, 0, width, height);
        reader.view.set_services(["web", "db"].map(|name| ServiceName::new(name).unwrap()).to_vec());
        reader.push("web", &LINES);
        if search {
            reader.act(&[Action::Search]);
            reader.type_keys("e\n");
        }
        if filter {
            reader.act(&[Action::Filter]);
            reader.type_keys("!200\n");
        }
        for (action, lines, db) in steps {
            reader.act(&[action]);
            let screen = reader.view.screen(&reader.store, reader.area);
            prop_assert!(screen.rows.len() <= usize::from(height));
            prop_assert_eq!(reader.view.is_following(), reader.view.cursor.is_none());
            if !reader.view.is_following() {
                prop_assert!(screen.lines.iter().any(|line| line.cursor), "{:?} {:?}", action, reader.screen());
            } else if let Some(last) = screen.lines.last() {
                let lanes = reader.view.lanes(&reader.store);
                let layout = reader.view.layout(&reader.store, &lanes, reader.area);
                prop_assert_eq!(layout.backward(Spot::END).next(), Some(last.spot));
            }
            let before = reader.screen();
            let frozen = !reader.view.is_following();
            let lines: Vec<&str> = lines.into_iter().map(|line| LINES[line]).collect();
            reader.push(if db { "db" } else { "web" }, &lines);
            // Room below may be filled, a block that grows says so; what was there stays where it was.
            if frozen && before.len() == usize::from(height) && !before.iter().any(|row| row.contains("lines)")) && reader.view.unfolded.is_empty() {
                prop_assert_eq!(reader.screen(), before);
            }
        }
    }
}
