//! The .dockerignore's text.

use super::Blueprint;

/// What no image of a Python project needs, or may have.
const USUAL: &str = include_str!("../../assets/init/dockerignore");

/// Writes it: the usual, and the project's own virtualenvs.
pub fn text(blueprint: &Blueprint) -> String {
    let mut out = USUAL.to_owned();
    for name in &blueprint.virtualenvs {
        if !USUAL.lines().any(|line| line == name) {
            out.push_str(&format!("{name}\n"));
        }
    }
    out
}
