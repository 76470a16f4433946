//! What a failed build says first: the resolver's own sentence instead of the last line of noise, and where the package
//! that it is about is declared. Pure: places come from the manifests that were read before.

use crate::{
    manifest::resolver,
    model::{BuildFailure, Sources},
};

/// The sentence that explains a failure, and the package it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `No matching distribution found for djangorestframewrok==3.15.2`; the builder's message where no resolver spoke.
    pub sentence: String,
    /// In a few words: `no such package djangorestframewrok`.
    pub short: String,
    /// The package's name as the resolver wrote it.
    pub package: Option<String>,
}

impl Verdict {
    /// Looks for a resolver's sentence in a failure.
    pub fn of(failure: &BuildFailure) -> Verdict {
        match resolver::failure(&failure.output) {
            Some(found) => Verdict { short: found.short(), sentence: found.sentence, package: found.package },
            None => Verdict { sentence: failure.message.clone(), short: failure.message.clone(), package: None },
        }
    }

    /// Where a manifest declares the package: `requirements/base.txt:7`, and what it declares.
    pub fn place(&self, sources: &Sources) -> Option<(String, String)> {
        let wanted = comparable(self.package.as_deref()?);
        sources.services.values().flat_map(|service| &service.manifests).find_map(|manifest| {
            let package = manifest.packages.as_ref()?.iter().find(|package| comparable(&package.name) == wanted)?;
            let place = format!("{}:{}", manifest.name, package.line);
            Some((place, format!("{} {}", package.display_name(), package.version)))
        })
    }
}

/// Names as all ecosystems' tools print them: case, `_` and `.` differ between a manifest and a message.
fn comparable(name: &str) -> String {
    let bare = name.split('[').next().unwrap_or(name);
    bare.trim().to_lowercase().replace(['_', '.'], "-")
}
