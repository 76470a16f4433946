//! Checked names. A value of one of these types is well-formed; cloning one is cheap.

use std::{borrow::Borrow, fmt, sync::Arc};

/// A name that does not follow its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name:?} {rule}")]
pub struct InvalidName {
    /// What was to be named: `project name`, `service name`.
    pub kind: &'static str,
    /// What was given.
    pub name: String,
    /// The rule it breaks, as the end of a sentence.
    pub rule: &'static str,
}

macro_rules! shared_str {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

shared_str! {
    /// A service's key in the compose file: `[a-zA-Z0-9._-]+` (Compose specification, services).
    ServiceName
}
shared_str! {
    /// A project's name: `[a-z0-9][a-z0-9_-]*` (Compose specification, name).
    ProjectName
}
shared_str! {
    /// An engine's id of a container: 64 hexadecimal digits, or what the engine gave.
    ContainerId
}
shared_str! {
    /// An engine's id of an image: `sha256:…`.
    ImageId
}
shared_str! {
    /// An image as a compose file names it: `postgres:15`, `registry:5000/team/app@sha256:…`. Not normalised.
    ImageRef
}

impl ServiceName {
    /// Checks the name against the specification's pattern.
    ///
    /// # Errors
    /// [`InvalidName`] for an empty name or one with a character outside `[a-zA-Z0-9._-]`.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(InvalidName {
                kind: "service name",
                name: name.into(),
                rule: "may have letters, digits, `.`, `_` and `-` only",
            });
        }
        Ok(Self(name.into()))
    }
}

impl ProjectName {
    /// Checks the name against the specification's pattern.
    ///
    /// # Errors
    /// [`InvalidName`] when it doesn't match `[a-z0-9][a-z0-9_-]*`.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let mut chars = name.chars();
        if !chars.next().is_some_and(first) || !chars.all(|c| first(c) || matches!(c, '_' | '-')) {
            return Err(InvalidName {
                kind: "project name",
                name: name.into(),
                rule: "must start with a lower-case letter or digit and go on with those, `_` and `-`",
            });
        }
        Ok(Self(name.into()))
    }
}

macro_rules! unchecked {
    ($($name:ident),*) => {
        $(impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        })*
    };
}

unchecked!(ContainerId, ImageId, ImageRef);

impl ContainerId {
    /// The first twelve digits, as engines print an id.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl ImageId {
    /// The first twelve digits after the algorithm, as engines print an id.
    pub fn short(&self) -> &str {
        let digits = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        digits.get(..12).unwrap_or(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_names_follow_the_specification() {
        for (name, valid) in [("web", true), ("web.1_a-B", true), ("", false), ("a b", false), ("é", false)] {
            assert_eq!(ServiceName::new(name).is_ok(), valid, "{name:?}");
        }
    }

    #[test]
    fn project_names_follow_the_specification() {
        for (name, valid) in
            [("shop", true), ("1_a-b", true), ("", false), ("Shop", false), ("-a", false), ("a.b", false)]
        {
            assert_eq!(ProjectName::new(name).is_ok(), valid, "{name:?}");
        }
    }

    #[test]
    fn ids_shorten_as_engines_print_them() {
        assert_eq!(ImageId::from("sha256:0123456789abcdef").short(), "0123456789ab");
        assert_eq!(ContainerId::from("0123456789abcdef").short(), "0123456789ab");
        assert_eq!(ContainerId::from("short").short(), "short");
    }
}
