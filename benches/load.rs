//! What a compose file costs: loaded, and printed as `devbox config` prints it, with 5 and with 1,000 services.
//!
//! `cargo bench --bench load`.

#![expect(clippy::panic, reason = "a bench ends at the first mistake")]

use std::{collections::BTreeMap, fmt::Write as _, fs, hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use devbox::compose::{self, Format, Loaded, Request};

/// As many services as people write: each with ports, environment, volumes, labels, a healthcheck and a dependency.
fn file(services: usize) -> String {
    let mut text = String::from("services:\n");
    for number in 0..services {
        let _ = write!(
            text,
            "  service{number}:
    image: registry.example.com/team/service{number}:1.{number}
    command: [\"serve\", \"--port\", \"8080\"]
    environment:
      NAME: service{number}
      DATABASE_URL: postgres://user:${{PASSWORD:-secret}}@database:5432/service{number}
      LOG_LEVEL: ${{LOG_LEVEL:-info}}
    ports: [\"{}:8080\"]
    volumes: [\"data{number}:/data\", \"./service{number}:/app:ro\"]
    networks: [front, back]
    labels: {{team: platform, number: \"{number}\"}}
    healthcheck: {{test: [\"CMD\", \"true\"], interval: 10s, retries: 3}}
    restart: unless-stopped
",
            10_000 + number
        );
        if number > 0 {
            let _ = writeln!(text, "    depends_on: [service{}]", number - 1);
        }
    }
    text.push_str("networks: {front: , back: }\nvolumes:\n");
    for number in 0..services {
        let _ = writeln!(text, "  data{number}:");
    }
    text
}

fn load(folder: &Path) -> Loaded {
    let request = Request {
        directory: folder.to_owned(),
        environment: BTreeMap::from([("HOME".into(), "/home/someone".into())]),
        ..Request::default()
    };
    compose::load(&request).unwrap_or_else(|error| panic!("{error}"))
}

fn services(criterion: &mut Criterion, count: usize) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    fs::write(folder.path().join("compose.yaml"), file(count)).unwrap_or_else(|error| panic!("{error}"));
    criterion.bench_function(&format!("load and print {count} services"), |bencher| {
        bencher.iter(|| black_box(load(folder.path()).config(Format::Yaml, &[])));
    });
}

fn benches(criterion: &mut Criterion) {
    services(criterion, 5);
    services(criterion, 1000);
}

criterion_group! {
    name = groups;
    config = Criterion::default().sample_size(20);
    targets = benches
}
criterion_main!(groups);
