//! The examples as a newcomer uses them, on a real engine: up, they answer, down, and nothing is left.

use std::net::TcpListener;

use crate::support::{engine::healthchecks_work, http, project::TestProject, wait};

/// A copy of an example that publishes ports of its own, so that it runs beside whatever runs here.
struct Example {
    project: TestProject,
    /// Where `8000` went.
    port: u16,
}

impl Example {
    fn new(name: &str) -> Option<Example> {
        let project = TestProject::copy_of(name, &format!("examples/{name}"))?;
        let free = [TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap()]
            .map(|listener| listener.local_addr().unwrap().port());
        let file = std::fs::read_to_string(project.file("docker-compose.yaml")).unwrap();
        let file = file
            .replace("127.0.0.1:8000:8000", &format!("127.0.0.1:{}:8000", free[0]))
            .replace("127.0.0.1:8001:8001", &format!("127.0.0.1:{}:8001", free[1]));
        project.write("docker-compose.yaml", &file);
        Some(Example { project, port: free[0] })
    }

    /// The body of an answer.
    fn get(&self, path: &str) -> String {
        self.request(&http::get(path))
    }

    fn request(&self, request: &str) -> String {
        wait::until("an answer over HTTP", || http::answer(self.port, request))
    }
}

#[test]
fn minimal_comes_up_answers_and_leaves_nothing() {
    let Some(example) = Example::new("minimal") else { return };
    let project = &example.project;
    let up = project.succeeds(&["up", "-d", "--wait"]);
    assert!(up.contains("web") && up.contains(&format!("http://127.0.0.1:{}", example.port)), "{up}");
    assert!(example.get("/").contains("Hello from Flask"));

    let again = project.succeeds(&["up", "-d"]);
    assert!(again.contains("nothing to do"), "{again}");
    let ps = project.succeeds(&["ps", "--format", "json"]);
    let row: serde_json::Value = serde_json::from_str(&ps).expect("one object");
    let health = if healthchecks_work() { "healthy" } else { "starting" };
    assert_eq!((row["Service"].as_str(), row["Health"].as_str()), (Some("web"), Some(health)), "{ps}");
    let logs = project.succeeds(&["logs", "--tail", "5"]);
    assert!(logs.contains("\"GET / HTTP/1.0\" 200"), "{logs}");
    assert_eq!(project.succeeds(&["exec", "-T", "web", "id", "-un"]).trim(), "app");

    project.succeeds(&["down"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}

#[test]
fn shop_migrates_answers_from_its_database_and_keeps_its_data() {
    let Some(example) = Example::new("shop") else { return };
    let project = &example.project;
    project.succeeds(&["up", "-d", "--wait"]);
    let page = example.get("/");
    assert!(page.contains("3 products, 0 ordered, 0 shipped"), "{page}");
    let token = page.split("name=\"csrfmiddlewaretoken\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let cookie = page.split(" csrftoken=").nth(1).and_then(|rest| rest.split(';').next());
    let (token, cookie) = (token.expect("a token"), cookie.expect("a cookie"));
    let body = format!("csrfmiddlewaretoken={token}");
    let answer = example.request(&format!(
        "POST /orders/1 HTTP/1.0\r\nHost: 127.0.0.1\r\nCookie: csrftoken={cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(answer.contains(" 302 "), "{answer}");
    wait::until("the worker ships the order", || example.get("/").contains("1 ordered, 1 shipped").then_some(()));

    let tests = project.run(&["run", "--rm", "-T", "web", "python", "manage.py", "test"]);
    assert!(tests.status.success(), "{}", String::from_utf8_lossy(&tests.stderr));

    assert_eq!(project.volumes_in_use(), [format!("{}_db", project.name)]);
    project.succeeds(&["down"]);
    assert_eq!(project.on_engine(), [format!("volume {}_db", project.name)]);
    project.succeeds(&["up", "-d", "--wait"]);
    assert!(example.get("/").contains("1 ordered, 1 shipped"));
    let refused = project.fails(2, &["down", "-v"]);
    assert!(refused.contains(&format!("{}_db", project.name)) && refused.contains("-y"), "{refused}");
    project.succeeds(&["down", "-v", "-y"]);
    assert_eq!(project.on_engine(), [] as [&str; 0]);
}
