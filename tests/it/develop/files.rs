//! What happens to files on the way into a container.

use std::{fs, os::unix::fs::PermissionsExt};

use super::Watching;

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
    let sum = web.inside("md5sum /app/src/blob");
    fs::set_permissions(web.project.file("src/blob"), fs::Permissions::from_mode(0o600)).expect("a mode");
    web.shows("stat -c '%a %u %s' /app/src/blob", "600 1234 300000");
    assert_eq!(web.inside("md5sum /app/src/blob"), sum, "every byte of it");
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
fn what_is_left_out_stays_out() {
    let Some(web) = Watching::start("ignored", &[(".dockerignore", "src/secret\n"), ("src/kept", "1")]) else { return };
    web.project.write("src/secret", "x");
    web.project.write("pages/note.txt", "x");
    web.project.write("pages/deep/index.html", "<p>");
    web.project.write("src/kept", "2");
    web.shows("cat /app/src/kept /app/pages/deep/index.html", "2<p>");
    assert_eq!(web.inside("find /app/src /app/pages -type f | sort"), "/app/pages/deep/index.html\n/app/src/kept");

    // The rules go by the file as it is now.
    web.project.write(".dockerignore", "src/other\n");
    web.until("the secret comes, since nothing leaves it out any more", || {
        web.project.write("src/secret", "y");
        web.inside("cat /app/src/secret") == "y"
    });
    web.project.write("src/other", "x");
    web.project.write("src/kept", "3");
    web.shows("cat /app/src/kept", "3");
    assert_eq!(web.inside("ls /app/src"), "kept\nsecret");
}

#[test]
fn a_folder_that_is_replaced_and_a_root_that_comes_later_are_followed() {
    let Some(web) = Watching::start("replaced", &[("src/a", "1")]) else { return };
    web.shows("cat /app/src/a", "1");
    let folder = web.project.file("src");
    fs::rename(&folder, web.project.file("away")).expect("renamed");
    web.shows("ls /app", "conf\npages\nsettings");
    fs::create_dir(&folder).expect("a folder");
    web.project.write("src/new/b", "2");
    web.shows("cat /app/src/new/b", "2");
    fs::remove_dir_all(&folder).expect("removed");
    fs::rename(web.project.file("away"), &folder).expect("back");
    web.shows("find /app/src -type f", "/app/src/a");
    web.project.write("src/a", "3");
    web.shows("cat /app/src/a", "3");
}
