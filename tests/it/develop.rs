//! `devbox watch` on a real engine: each action of `develop.watch`, and what happens to files on the way into a container.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
};

use crate::support::{project::TestProject, wait};

const COMPOSE: &str = "
services:
  web:
    build: .
    init: true
    command: sleep 1000
    stop_grace_period: 1s
    develop:
      watch:
        - {path: ./src, action: sync, target: /app/src, ignore: ['*.log'], initial_sync: true}
        - {path: ./conf, action: sync+exec, target: /app/conf, exec: {command: 'sh -c \"cat /app/conf/* > /tmp/seen\"'}}
        - {path: ./settings, action: sync+restart, target: /app/settings}
        - {path: ./version, action: rebuild}
";
// The stand-in for busybox has no adduser.
const DOCKERFILE: &str = "FROM busybox:latest\nRUN echo app:x:1234:1234::/app:/bin/sh >> /etc/passwd && mkdir -p /tmp /app/src /app/conf /app/settings \\\n\
                          && chmod 1777 /tmp && chown -R 1234:1234 /app\nCOPY version /version\nUSER app\n";

/// A running `devbox watch`, ended with the test.
struct Watching {
    project: TestProject,
    child: Child,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watching {
    fn start(subject: &str, files: &[(&str, &str)]) -> Option<Watching> {
        let project =
            TestProject::new(subject, &[("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("version", "1\n")])?;
        files.iter().for_each(|(path, content)| project.write(path, content));
        for folder in ["src", "conf", "settings"] {
            fs::create_dir_all(project.file(folder)).expect("a folder");
        }
        // Outside of every rule's path.
        let log = fs::File::create(project.file("watch.out")).expect("a log");
        let child = project
            .devbox(&["watch"])
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("the log again"))
            .stdout(log)
            .spawn()
            .expect("devbox runs");
        let watching = Watching { project, child };
        watching.until("it watches", || watching.said().contains("watching conf, settings, src, version"));
        Some(watching)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.project.file("watch.out")).expect("its output")
    }

    /// Waits, and tells what it said when that is in vain.
    fn until(&self, what: &str, mut probe: impl FnMut() -> bool) {
        let deadline = std::time::Instant::now() + wait::PATIENCE;
        wait::until(what, || {
            let done = probe();
            assert!(done || std::time::Instant::now() < deadline, "{what}\n{}", self.said());
            done.then_some(())
        });
    }

    /// The output of a script in the container.
    fn inside(&self, script: &str) -> String {
        let output = self.project.run(&["exec", "-T", "web", "sh", "-c", script]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn shows(&self, script: &str, expected: &str) {
        self.until(&format!("`{script}` says {expected:?}"), || self.inside(script) == expected);
    }
}

#[test]
fn files_arrive_change_move_and_go() {
    let Some(web) = Watching::start("sync", &[("src/app.py", "first"), ("src/noise.log", "x")]) else { return };
    web.shows("cat /app/src/app.py", "first");
    assert_eq!(web.inside("ls /app/src"), "app.py", "the ignored file stays out of the initial sync");

    web.project.write("src/app.py", "second");
    web.shows("cat /app/src/app.py", "second");
    let binary: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    fs::write(web.project.file("src/blob"), &binary).expect("a file");
    fs::set_permissions(web.project.file("src/blob"), fs::Permissions::from_mode(0o751)).expect("a mode");
    web.shows("stat -c '%a %u %s' /app/src/blob", "751 1234 300000");
    web.project.write("src/deep/er/x.txt", "x");
    web.shows("stat -c '%u' /app/src/deep/er /app/src/deep/er/x.txt", "1234\n1234");
    std::os::unix::fs::symlink("app.py", web.project.file("src/link")).expect("a link");
    web.shows("readlink /app/src/link", "app.py");

    // As editors save: a new file takes the old one's name.
    web.project.write("src/.app.py.swp", "third");
    fs::rename(web.project.file("src/.app.py.swp"), web.project.file("src/app.py")).expect("renamed");
    web.shows("cat /app/src/app.py", "third");
    fs::rename(web.project.file("src/deep"), web.project.file("src/other")).expect("renamed");
    web.shows("ls /app/src /app/src/other/er", "/app/src:\napp.py\nblob\nlink\nother\n\n/app/src/other/er:\nx.txt");
    fs::remove_dir_all(web.project.file("src/other")).expect("removed");
    fs::remove_file(web.project.file("src/blob")).expect("removed");
    web.shows("ls /app/src", "app.py\nlink");
    // And the program in the container may write what came.
    web.shows("echo fourth > /app/src/app.py && cat /app/src/app.py", "fourth");
}

#[test]
fn thousands_of_files_at_once() {
    let Some(web) = Watching::start("burst", &[]) else { return };
    let folder = web.project.file("src/many");
    for part in 0..50 {
        fs::create_dir_all(folder.join(part.to_string())).expect("a folder");
        for file in 0..100 {
            fs::write(folder.join(format!("{part}/{file}")), format!("{part} {file}")).expect("a file");
        }
    }
    web.shows("find /app/src/many -type f | wc -l", "5000");
    web.shows("cat /app/src/many/49/99", "49 99");
    fs::remove_dir_all(&folder).expect("removed");
    web.shows("ls /app/src", "");
}

#[test]
fn commands_restarts_and_rebuilds_follow() {
    let Some(web) = Watching::start("actions", &[("src/kept", "kept")]) else { return };
    web.project.write("conf/a", "one");
    web.shows("cat /tmp/seen", "one");
    let container = web.project.succeeds(&["ps", "-q", "web"]);
    let started = |web: &Watching| web.inside("stat -c %Y /proc/1");
    let before = started(&web);
    web.project.write("settings/a", "two");
    web.until("the restart is said", || web.said().contains("web  synced 1 file, restarted"));
    web.shows("cat /app/settings/a", "two");
    assert!(
        web.project.succeeds(&["ps", "-q", "web"]) == container && before <= started(&web),
        "restarted, not replaced"
    );

    web.project.write("version", "2\n");
    web.shows("cat /version", "2");
    web.shows("cat /app/src/kept", "kept");
    assert_ne!(web.project.succeeds(&["ps", "-q", "web"]), container, "replaced");
    // The new container is followed like the old one.
    web.project.write("src/late.txt", "late");
    web.shows("cat /app/src/late.txt", "late");
}

#[test]
fn without_rules_there_is_nothing_to_watch() {
    let file = "services: {web: {image: 'busybox:latest'}}\n";
    let Some(project) = TestProject::new("norules", &[("compose.yaml", file)]) else { return };
    assert!(project.fails(2, &["watch"]).contains("no service has rules of develop.watch"));
}
