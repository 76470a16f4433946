//! What git does to many files at once.

use std::{fs, process::Command};

use super::Watching;

fn git(web: &Watching, arguments: &[&str]) {
    let who = ["AUTHOR", "COMMITTER"];
    let names = who.into_iter().flat_map(|who| [(format!("GIT_{who}_NAME"), "t"), (format!("GIT_{who}_EMAIL"), "t@t")]);
    let output = Command::new("git")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
        .envs(names)
        .args(arguments)
        .current_dir(web.project.path())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_checkout_of_thousands_of_files_and_back() {
    let Some(web) = Watching::start("burst", &[("src/kept", "main"), (".dockerignore", ".git\nwatch.out\n")]) else {
        return;
    };
    git(&web, &["init", "-qb", "main"]);
    git(&web, &["add", "src"]);
    git(&web, &["commit", "-qm", "one"]);
    git(&web, &["checkout", "-qb", "many"]);
    for part in 0..50 {
        let folder = web.project.file(&format!("src/many/{part}"));
        fs::create_dir_all(&folder).expect("a folder");
        for file in 0..100 {
            fs::write(folder.join(file.to_string()), format!("{part} {file}")).expect("a file");
        }
    }
    web.project.write("src/kept", "many");
    git(&web, &["add", "src"]);
    git(&web, &["commit", "-qm", "two"]);
    web.shows("find /app/src/many -type f | wc -l; cat /app/src/many/49/99 /app/src/kept", "5000\n49 99many");

    git(&web, &["checkout", "-q", "main"]);
    web.shows("ls /app/src; cat /app/src/kept", "kept\nmain");
    git(&web, &["checkout", "-q", "many"]);
    // All of it is one change: 5,000 files and the one that differs.
    web.says("web  synced 5001 files");
    web.shows("find /app/src/many -type f | wc -l; cat /app/src/many/0/0 /app/src/kept", "5000\n0 0many");
}
