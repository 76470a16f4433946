//! Node's manifests: package.json and the locks of npm, yarn and pnpm.

pub(crate) mod package_json;
pub(crate) mod package_lock;
pub(crate) mod pnpm;
pub(crate) mod yarn;
