//! What the dashboard's loop costs: a key taken in, a frame drawn after it, and a frame of everything, with 10 services that log.
//!
//! `cargo bench --bench frame`.

#![expect(clippy::panic, reason = "a bench ends at the first mistake")]

use std::{collections::BTreeMap, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use crossterm::event::KeyCode;
use devbox::{
    app::{
        keymap::Key,
        message::{EngineReport, Input, Message},
        state::State,
        stats::Usage,
        update::update,
    },
    logs::{Batch, Resume, Source, Splitter, Stamps, Stream},
    model::{
        ByteSize, ContainerId, ContainerState, ImageId, Observed, ObservedContainer, Project, ServiceName, Timestamp,
    },
    ui,
};
use ratatui::{Terminal, backend::TestBackend};

const COLUMNS: u16 = 160;
const ROWS: u16 = 48;
const LINES: usize = 10_000;
const NOW: Timestamp = Timestamp(1_795_262_667_000_000_000);

fn must<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn project() -> Project {
    let folder = must(tempfile::tempdir());
    let services: String = (0..10).map(|number| format!("  svc{number}: {{image: busybox}}\n")).collect();
    must(std::fs::write(folder.path().join("compose.yaml"), format!("name: bench\nservices:\n{services}")));
    let request = devbox::compose::Request { directory: folder.path().to_owned(), ..Default::default() };
    must(devbox::compose::load(&request)).project
}

fn id(service: &ServiceName) -> ContainerId {
    ContainerId::from(format!("{service}0123456789abcdef").as_str())
}

fn running(service: &ServiceName) -> ObservedContainer {
    ObservedContainer {
        id: id(service),
        name: format!("bench-{service}-1"),
        service: service.clone(),
        number: 1,
        oneoff: false,
        state: ContainerState::Running,
        health: None,
        exit: None,
        created: NOW,
        started: Some(NOW),
        finished: None,
        restarts: 0,
        image: ImageId::from("sha256:0123"),
        image_name: "busybox".into(),
        command: "sleep 100000".into(),
        config_hash: None,
        labels: BTreeMap::new(),
        ports: Vec::new(),
        mounts: Vec::new(),
        networks: BTreeMap::new(),
        tty: false,
        log_driver: "json-file".into(),
    }
}

fn lines(service: &ServiceName) -> Vec<Batch> {
    let mut splitter =
        Splitter::new(Source { service: service.clone(), replica: 1 }, Stamps::Leading, Resume::default());
    let mut batches = Vec::new();
    for number in 0..LINES {
        let line = format!("2026-11-21T12:04:{:02}.{number:09}Z INFO GET /page/{number} 200 12.3ms\n", number % 60);
        splitter.push(Stream::Stdout, line.as_bytes(), NOW);
        if splitter.is_full() {
            batches.extend(splitter.take());
        }
    }
    batches.extend(splitter.take());
    batches
}

/// Ten services that run, each with ten thousand lines.
fn state() -> State {
    let project = Arc::new(project());
    let mut state = State::new(Arc::clone(&project), NOW);
    let containers = project.services.keys().map(running).collect();
    let observed = Arc::new(Observed { containers, ..Observed::default() });
    update(&mut state, Message::Input(Input::Resized(COLUMNS, ROWS)), NOW);
    update(&mut state, Message::Engine(EngineReport::Observed(observed)), NOW);
    for service in project.services.keys() {
        update(&mut state, Message::Lines(lines(service)), NOW);
    }
    state
}

fn key(code: char) -> Message {
    Message::Input(Input::Key(Key::plain(KeyCode::Char(code))))
}

fn looping(criterion: &mut Criterion) {
    let mut state = state();
    let mut down = true;
    let mut turn = move || {
        down = !down;
        key(if down { 'j' } else { 'k' })
    };
    let mut terminal = must(Terminal::new(TestBackend::new(COLUMNS, ROWS)));
    let mut group = criterion.benchmark_group("dashboard of 10 services at 160x48");
    group.bench_function("a key taken in", |bencher| bencher.iter(|| update(&mut state, turn(), NOW)));
    group.bench_function("a key taken in and drawn", |bencher| {
        bencher.iter(|| {
            update(&mut state, turn(), NOW);
            must(terminal.draw(|frame| ui::draw(&state, frame)));
        });
    });
    group.bench_function("the first frame", |bencher| {
        bencher.iter(|| {
            let mut terminal = must(Terminal::new(TestBackend::new(COLUMNS, ROWS)));
            must(terminal.draw(|frame| ui::draw(&state, frame)));
        });
    });
    let usage = Usage { cpu: 0.3, memory: ByteSize(1 << 20) };
    let figures: Vec<_> = state.project.services.keys().map(|service| (id(service), usage)).collect();
    group.bench_function("ten figures taken in and drawn", |bencher| {
        bencher.iter(|| {
            update(&mut state, Message::Stats(figures.clone()), NOW);
            must(terminal.draw(|frame| ui::draw(&state, frame)));
        });
    });
    group.finish();
}

criterion_group!(benches, looping);
criterion_main!(benches);
