//! What reading a compose file costs: 5 and 1,000 services, from bytes on disk to the project, and printed again.
//!
//! `cargo bench --bench load`.

#![expect(clippy::panic, reason = "a bench ends at the first mistake")]

#[path = "support/compose_file.rs"]
mod compose_file;

use std::{fs, path::Path};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use devbox::compose::{self, Format, Loaded, Request};

fn load(folder: &Path) -> Loaded {
    let request = Request { directory: folder.to_owned(), ..Request::default() };
    compose::load(&request).unwrap_or_else(|error| panic!("{error}"))
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compose file");
    for services in [5, 1000] {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let file = folder.path().join("compose.yaml");
        fs::write(file, compose_file::rich(services)).unwrap_or_else(|error| panic!("{error}"));
        group.throughput(Throughput::Elements(services as u64)).sample_size(20);
        group.bench_with_input(BenchmarkId::new("load", services), folder.path(), |bencher, folder| {
            bencher.iter(|| load(folder));
        });
        let loaded = load(folder.path());
        group.bench_with_input(BenchmarkId::new("print", services), &loaded, |bencher, loaded| {
            bencher.iter(|| loaded.config(Format::Yaml, &[]));
        });
    }
    group.finish();
}

criterion_group!(benches, loading);
criterion_main!(benches);
