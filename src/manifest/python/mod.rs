//! Python's manifests: one file a format, and the names and requirements that they share.

pub(crate) mod environment;
pub(crate) mod locks;
pub(crate) mod pipfile;
pub(crate) mod pyproject;
pub(crate) mod requirement;
pub(crate) mod requirements;
pub(crate) mod setup_cfg;
pub(crate) mod setup_py;
