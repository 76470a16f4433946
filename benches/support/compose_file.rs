//! Compose files of any size, as text.

use std::fmt::Write as _;

/// Services that use most keys that a development project has: variables, ports, volumes, limits, a probe, dependencies.
#[must_use]
pub fn rich(services: usize) -> String {
    let mut text = String::from("services:\n");
    for number in 0..services {
        let before = number.saturating_sub(1);
        let _ = write!(
            text,
            "  s{number:04}:
    image: busybox:latest
    command: [sleep, \"${{SLEEP_{number}:-100000}}\"]
    environment:
      A: \"${{A:-a}}\"
      PORT: \"{number}\"
      URL: http://user:${{PW:-pw}}@s{before:04}:80/x
    ports: [\"127.0.0.1:{}:80\"]
    volumes: [\"./data{number}:/data:ro\", \"cache:/cache\"]
    networks: [front, back]
    deploy: {{resources: {{limits: {{cpus: \"0.5\", memory: 64M}}}}}}
    healthcheck: {{test: [CMD, \"true\"], interval: 5s, timeout: 2s, retries: 3}}
",
            20000 + number
        );
        if number > 0 {
            let _ = writeln!(text, "    depends_on: {{s{before:04}: {{condition: service_started}}}}");
        }
    }
    text.push_str("volumes: {cache: {}}\nnetworks: {front: {}, back: {}}\n");
    text
}
