//! Where in the tree a stage is, as a chain of steps on the stack; and patterns that such a path fits.

use std::fmt;

/// A path from the root of the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: &'p str,
    depth: usize,
}

/// A pattern: `*` fits any step. Elements of lists are the step `[]`.
pub(super) type Pattern = &'static [&'static str];

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: "", depth: 0 };

    pub(super) fn next(&'p self, step: &'p str) -> Path<'p> {
        Path { parent: Some(self), step, depth: self.depth + 1 }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn fits(&self, pattern: &[&str]) -> bool {
        if self.depth != pattern.len() {
            return false;
        }
        let mut here = self;
        for expected in pattern.iter().rev() {
            if *expected != "*" && *expected != here.step {
                return false;
            }
            match here.parent {
                Some(parent) => here = parent,
                None => return true,
            }
        }
        true
    }

    /// The row of `table` whose pattern fits.
    pub(super) fn find<T: Copy>(&self, table: &[(Pattern, T)]) -> Option<T> {
        table.iter().find(|(pattern, _)| self.fits(pattern)).map(|(_, row)| *row)
    }

    /// The steps, owned.
    pub(super) fn steps(&self) -> Vec<String> {
        let mut steps = Vec::with_capacity(self.depth);
        let mut here = self;
        while let Some(parent) = here.parent {
            steps.push(here.step.to_owned());
            here = parent;
        }
        steps.reverse();
        steps
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.steps().join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_patterns() {
        let services = Path::ROOT.next("services");
        let web = services.next("web.1");
        let ports = web.next("ports");
        assert!(ports.fits(&["services", "*", "ports"]));
        assert!(!ports.fits(&["services", "*", "volumes"]));
        assert!(!ports.fits(&["services", "*"]));
        assert_eq!(ports.to_string(), "services.web.1.ports");
    }
}
