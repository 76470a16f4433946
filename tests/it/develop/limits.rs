//! What the system doesn't tell: its limits reached, and file systems that other machines write to.

use std::{fs, process::Command};

use super::{Watching, project as usual};
use crate::support::project::TestProject;

/// Whether a command of this machine succeeds.
fn succeeds(words: &[&str]) -> bool {
    Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
}

#[test]
#[cfg(target_os = "linux")]
fn a_limit_that_is_reached_is_named_and_files_arrive_all_the_same() {
    // A limit of a user namespace of its own; the machine's stays as it is.
    if !succeeds(&["unshare", "-Ur", "sh", "-c", "echo 2 > /proc/sys/user/max_inotify_watches"]) {
        return eprintln!("skipped: no user namespace can be made");
    }
    let Some(project) = usual("inotify", &[("src/a", "1")]) else { return };
    let devbox = project.devbox(&["watch"]);
    let mut limited = Command::new("unshare");
    let script = "echo 2 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    limited.args(["-Ur", "sh", "-c", script, "sh"]).arg(devbox.get_program()).args(devbox.get_args());
    limited.current_dir(project.path());
    project.environment(|key, value| {
        limited.env(key, value);
    });
    let web = Watching::spawn(project, limited);
    web.says("the limit fs.inotify.max_user_watches");
    web.says("sudo sysctl fs.inotify.max_user_watches=");
    web.project.write("src/a", "2");
    web.shows("cat /app/src/a", "2");
}

/// A folder whose files another one has, by way of FUSE; given back with the test.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new() -> Option<Mount> {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["lower", "upper", "work", "seen"] {
            fs::create_dir(root.path().join(name)).expect("a folder");
        }
        fs::write(root.path().join("upper/far"), "1").expect("a file");
        let path = |name: &str| root.path().join(name).display().to_string();
        let options = format!(
            "timeout=0,writeback=0,lowerdir={},upperdir={},workdir={}",
            path("lower"),
            path("upper"),
            path("work")
        );
        let mounted = succeeds(&["fuse-overlayfs", "-o", &options, &path("seen")]);
        if !mounted {
            eprintln!("skipped: fuse-overlayfs is not there or may not mount");
        }
        mounted.then_some(Mount(root))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        succeeds(&["umount", "-l", &self.0.path().join("seen").display().to_string()]);
    }
}

#[test]
fn a_file_system_that_tells_nothing_is_looked_at() {
    let Some(mount) = Mount::new() else { return };
    let seen = mount.0.path().join("seen");
    let compose = format!(
        "services:\n  web:\n    image: busybox:latest\n    init: true\n    command: sleep 1000\n    stop_grace_period: 1s\n    \
         develop: {{watch: [{{path: {}, action: sync, target: /app}}]}}\n",
        seen.display()
    );
    let Some(project) = TestProject::new("fuse", &[("compose.yaml", &compose)]) else { return };
    let web = Watching::run(project, &["watch"]);
    web.says("fuse reports no changes made elsewhere");
    // As another machine writes: below the mount, where nobody is told of it.
    fs::write(mount.0.path().join("upper/far"), "from afar").expect("a file");
    web.shows("cat /app/far", "from afar");
    // And as this one does.
    fs::write(seen.join("near"), "2").expect("a file");
    web.shows("cat /app/near", "2");
}
