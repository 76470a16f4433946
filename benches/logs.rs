//! What a log line costs: joined and made safe in its follower, stored by the loop, filtered and searched in a full store.
//!
//! `cargo bench --bench logs`. Also prints the memory that a line takes.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench ends at the first mistake and prints what it measured"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use devbox::{
    app::{action::Action, log_view::LogView},
    logs::{
        Batch, Clock, Filter, Index, LaneId, LogStore, Matcher, Merged, Pattern, Position, Resume, Select, Source,
        Splitter, Stamps, Stream,
    },
    model::{ByteSize, ServiceName, Timestamp},
};
use jiff::tz::TimeZone;
use ratatui::layout::Rect;

const MILLION: usize = 1_000_000;

fn source(service: &str) -> Source {
    Source { service: ServiceName::new(service).unwrap_or_else(|error| panic!("{error}")), replica: 1 }
}

/// Frames as an engine sends them: a stamp, about 100 bytes, a newline. One in a thousand is an error, one in ten has colours.
fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| {
            let stamp = format!(
                "2025-11-04T12:{:02}:{:02}.{:09}Z",
                number / 60_000_000 % 60,
                number / 1_000_000 % 60,
                number % 1_000_000 * 1000
            );
            let level = if number % 1000 == 0 { "ERROR" } else { "INFO" };
            let path = if number % 10 == 0 { "\x1b[32m/basket/items\x1b[0m" } else { "/catalogue/page/of/things" };
            format!(
                "{stamp} {level} GET {path}?page={number:07} HTTP/1.1 status=200 bytes=51234 took=12.3ms agent=bench\n"
            )
            .into_bytes()
        })
        .collect()
}

fn batches(service: &str, frames: &[Vec<u8>]) -> Vec<Batch> {
    let mut splitter = Splitter::new(source(service), Stamps::Leading, Resume::new());
    let mut batches = Vec::new();
    for frame in frames {
        splitter.push(Stream::Stdout, frame, Timestamp(0));
        if splitter.is_full() {
            batches.extend(splitter.take());
        }
    }
    batches.extend(splitter.take());
    batches
}

/// Four services with a quarter of a million lines each.
fn full_store() -> LogStore {
    let mut store = LogStore::new(ByteSize(1 << 30));
    let frames = frames(MILLION / 4);
    for service in ["web", "worker", "db", "cache"] {
        for batch in batches(service, &frames) {
            store.push(batch);
        }
    }
    store
}

fn arriving(criterion: &mut Criterion) {
    let frames = frames(100_000);
    let batches = batches("web", &frames);
    let mut group = criterion.benchmark_group("arriving");
    group.throughput(Throughput::Elements(frames.len() as u64)).sample_size(20);
    group.bench_function("split 100,000 lines (in the follower)", |bencher| {
        bencher.iter(|| black_box(self::batches("web", &frames)));
    });
    group.bench_function("push 100,000 lines in batches of 512 (in the loop)", |bencher| {
        bencher.iter_batched(
            || (LogStore::default(), batches.clone()),
            |(mut store, batches)| {
                for batch in batches {
                    store.push(batch);
                }
                store
            },
            BatchSize::LargeInput,
        );
    });
    let mut full = LogStore::default();
    while full.lanes().all(|(_, lane)| lane.dropped() == 0) {
        batches.iter().cloned().for_each(|batch| full.push(batch));
    }
    group.bench_function("push 100,000 lines into a full store", |bencher| {
        bencher.iter_batched(
            || batches.clone(),
            |batches| batches.into_iter().for_each(|batch| full.push(batch)),
            BatchSize::LargeInput,
        );
    });
    let singles: Vec<Batch> =
        frames[..10_000].iter().flat_map(|frame| self::batches("web", std::slice::from_ref(frame))).collect();
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("push 10,000 lines one by one", |bencher| {
        bencher.iter_batched(
            || (LogStore::default(), singles.clone()),
            |(mut store, batches)| {
                for batch in batches {
                    store.push(batch);
                }
                store
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn looking(criterion: &mut Criterion) {
    let store = full_store();
    let lines: u64 = store.lanes().map(|(_, lane)| lane.end()).sum();
    let text: usize = frames(1).iter().map(|frame| frame.len() - 31).sum();
    println!("memory: {:.1} bytes a line, of which about {text} are text", store.bytes().0 as f64 / lines as f64);

    let clock = Clock { now: Timestamp(0), zone: TimeZone::UTC };
    let filter = |text: &str| Matcher::Filter(Filter::parse(text, &clock).unwrap_or_else(|error| panic!("{error}")));
    let search = |text: &str| Matcher::Search(Pattern::parse(text).unwrap_or_else(|error| panic!("{error}")));
    let mut group = criterion.benchmark_group("1,000,000 lines");
    group.throughput(Throughput::Elements(lines)).sample_size(10);
    for (name, matcher) in [
        ("filter: error", filter("error")),
        ("filter: basket !page=0001 level:info", filter("basket !page=0001 level:info")),
        ("filter: !basket", filter("!basket")),
        ("filter: level:error", filter("level:error")),
        ("filter: regex", filter("/took=[0-9.]+ms/")),
        ("search: any case", search("basket")),
        ("search: exact", search("ERROR")),
        ("search: not there", search("nowhere to be found")),
        ("search: regex", search("re:page=\\d*999 ")),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut index = Index::default();
                index.extend(&store, &matcher);
                index
            });
        });
    }
    group.finish();

    let lanes: Vec<LaneId> = store.lanes().map(|(id, _)| id).collect();
    let mut index = Index::default();
    index.extend(&store, &search("page=0123"));
    criterion.bench_function("a screenful of merged lines from the middle", |bencher| {
        let merged = Merged { store: &store, lanes: &lanes, select: Select::All };
        let middle = merged.next(Position { time: Timestamp(1_762_257_600_125_000_000), ..Position::START });
        bencher.iter(|| middle.map(|middle| merged.forward(middle).take(60).count()));
    });
    criterion.bench_function("the next hit", |bencher| {
        let merged = Merged { store: &store, lanes: &lanes, select: Select::Matching(&index) };
        bencher.iter(|| merged.next(black_box(Position::START)));
    });
    criterion
        .bench_function("a copy of the store for a search beside the loop", |bencher| bencher.iter(|| store.clone()));
}

/// What the log pane costs in each turn and frame, with a million lines behind it.
fn showing(criterion: &mut Criterion) {
    let store = full_store();
    let area = Rect::new(0, 0, 100, 44);
    let now = Timestamp(0);
    let view = |actions: &[Action]| {
        let mut view = LogView::new(TimeZone::UTC);
        for action in actions {
            view.update(*action, &store, area, now);
        }
        view
    };
    let mut group = criterion.benchmark_group("a screenful of 44 rows");
    for (name, actions) in [
        ("followed", &[][..]),
        ("followed and wrapped", &[Action::Wrap]),
        ("frozen", &[Action::PageUp, Action::PageUp]),
    ] {
        let view = view(actions);
        group.bench_function(name, |bencher| bencher.iter(|| view.screen(&store, area).rows.len()));
    }
    let mut moving = view(&[Action::PageUp]);
    group.bench_function("one line up", |bencher| bencher.iter(|| moving.update(Action::Up, &store, area, now)));
    let mut seeing = view(&[]);
    group.bench_function("what of it was seen", |bencher| bencher.iter(|| seeing.look(&store, area, now)));
    group.finish();
}

criterion_group!(benches, arriving, looking, showing);
criterion_main!(benches);
