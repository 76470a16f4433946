//! What `devbox plan` and `rebuild` say of changed dependencies, on a real engine.

use crate::support::project::TestProject;

const COMPOSE: &str = "services: {web: {build: ., init: true, command: sleep 1000, stop_grace_period: 1s}}\n";
const DOCKERFILE: &str = "FROM busybox:latest\nCOPY requirements.txt .\nRUN true || pip install -r requirements.txt\n";

#[test]
fn a_change_since_the_build_is_told_as_packages() {
    let files = [("compose.yaml", COMPOSE), ("Dockerfile", DOCKERFILE), ("requirements.txt", "django==5.1.3\n")];
    let Some(project) = TestProject::new("deps", &files) else { return };
    project.succeeds(&["build"]);
    project.write("requirements.txt", "django==5.1.3\ndjangorestframework==3.15.2\n");
    let output = project.run(&["plan"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("requirements.txt changed: + djangorestframework 3.15.2"), "{said}");
    project.write("requirements.txt", "# the web framework\ndjango==5.1.3\n");
    let rebuilt = project.succeeds(&["rebuild"]);
    assert!(rebuilt.contains("no dependencies changed"), "{rebuilt}");
}
