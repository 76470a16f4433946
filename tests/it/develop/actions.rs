//! Commands, restarts and rebuilds.

use bollard::query_parameters::ListImagesOptions;

use super::Watching;
use crate::support::engine::block_on;

/// Images of the project that no name leads to.
fn nameless(web: &Watching) -> usize {
    let docker = web.project.docker().clone();
    let label = format!("com.docker.compose.project={}", web.project.name);
    let filters = [("dangling".to_owned(), vec!["true".to_owned()]), ("label".to_owned(), vec![label])];
    let options = ListImagesOptions { filters: Some(filters.into()), ..Default::default() };
    block_on(async move { docker.list_images(Some(options)).await }).expect("images").len()
}

#[test]
fn commands_restarts_and_rebuilds_follow() {
    let Some(web) = Watching::start("actions", &[("src/kept", "kept")]) else { return };
    web.project.write("conf/a", "one");
    web.shows("cat /tmp/seen", "one");
    let container = web.container();
    let started = |web: &Watching| web.inside("stat -c %Y /proc/1");
    let before = started(&web);
    web.project.write("settings/a", "two");
    web.says("web  synced 1 file, restarted");
    web.shows("cat /app/settings/a", "two");
    web.project.write("again", "2\n");
    web.says("web  restarted");
    assert!(web.container() == container && before <= started(&web), "restarted, not replaced");

    web.project.write("version", "2\n");
    web.shows("cat /version", "2");
    web.shows("cat /app/src/kept", "kept");
    let second = web.container();
    assert_ne!(second, container, "replaced");
    // The new container is followed like the old one.
    web.project.write("src/late.txt", "late");
    web.shows("cat /app/src/late.txt", "late");

    // The same bytes would make the same image.
    let built = web.said().matches("built").count();
    web.project.write("version", "2\n");
    web.project.write("src/late.txt", "later");
    web.shows("cat /app/src/late.txt", "later");
    assert_eq!((web.container(), web.said().matches("built").count()), (second.clone(), built), "nothing was built");

    // The image of the first build has lost its name to the second's by now.
    web.project.write("version", "3\n");
    web.shows("cat /version", "3");
    web.until("it has replaced the container", || web.container() != second);
    web.until("the image without a name is gone", || nameless(&web) == 0);
}

#[test]
fn a_build_that_fails_leaves_what_runs_and_is_made_good() {
    let Some(web) = Watching::start("broken", &[]) else { return };
    let container = web.container();
    web.project.write("Dockerfile", "FROM busybox:latest\nRUN exit 7\n");
    web.project.write("version", "2\n");
    web.says("RUN exit 7 ended with exit code 7");
    assert_eq!(web.container(), container);
    web.project.write("src/a", "1");
    web.shows("cat /app/src/a", "1");
    web.project.write("Dockerfile", super::DOCKERFILE);
    web.project.write("version", "3\n");
    web.shows("cat /version", "3");
}

#[test]
fn what_could_not_be_brought_comes_with_the_next() {
    let Some(web) = Watching::start("owed", &[("src/a", "1")]) else { return };
    web.project.succeeds(&["stop", "web"]);
    web.project.write("src/a", "2");
    web.says("web does not run: files that changed were not synced");
    web.project.succeeds(&["start", "web"]);
    web.project.write("src/b", "3");
    web.shows("cat /app/src/a /app/src/b", "23");
}
