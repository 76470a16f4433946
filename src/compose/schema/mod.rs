//! Every key of the specification, as tables: what a key accepts, what Compose's type for it is, whether devbox honours
//! it. The one list from which files are checked, values are rendered and hashed, and `config --keys` is printed.
//!
//! The order of a section's fields is that of Compose's own structs: the config hashes depend on it.

mod network;
mod parts;
mod service;
mod top;

use super::tree::same_key;
pub(super) use parts::untagged;
pub(super) use service::SERVICE;
pub(super) use top::{CONFIG, MODEL, NETWORK, SECRET, TOP, VOLUME};

/// The kinds of value a key accepts, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

pub(super) const NULL: Types = Types(1);
pub(super) const BOOL: Types = Types(2);
pub(super) const INT: Types = Types(4);
/// Any number.
pub(super) const NUM: Types = Types(4 | 8);
pub(super) const STR: Types = Types(16);
pub(super) const SEQ: Types = Types(32);
pub(super) const MAP: Types = Types(64);

impl Types {
    pub(super) const fn or(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub(super) const fn has(self, other: Types) -> bool {
        self.0 & other.0 == other.0
    }

    /// `a list or a mapping`.
    pub(super) fn expected(self) -> String {
        let mut names = Vec::new();
        for (types, name) in
            [(STR, "a string"), (NUM, "a number"), (BOOL, "a boolean"), (SEQ, "a list"), (MAP, "a mapping")]
        {
            if self.has(types) {
                names.push(name);
            } else if types == NUM && self.has(INT) {
                names.push("an integer");
            }
        }
        match names.as_slice() {
            [] => "nothing".into(),
            [one] => (*one).into(),
            [first @ .., last] => format!("{} or {last}", first.join(", ")),
        }
    }
}

/// What a value must look like.
#[derive(Debug)]
pub(super) enum Schema {
    /// Whatever it is.
    Any,
    /// A scalar of one of these types.
    Scalar(Types),
    /// A string, or an integer between these.
    Range(i64, i64),
    /// One of these strings.
    Enum(&'static [&'static str]),
    /// A string that fits; what is expected, in words.
    Pattern(fn(&str) -> bool, &'static str),
    /// A list.
    List { item: &'static Schema, unique: bool },
    /// A mapping whose keys the user chooses.
    Dict {
        /// Keys that don't fit are refused, or, if not `strict`, not looked at.
        key: fn(&str) -> bool,
        strict: bool,
        value: &'static Schema,
    },
    /// A mapping with known keys.
    Object(&'static Section),
    /// Whichever accepts the value's kind.
    OneOf(&'static [&'static Schema]),
}

impl Schema {
    /// The kinds of value it accepts.
    pub(super) fn types(&self) -> Types {
        match self {
            Schema::Any => Types(0x7f),
            Schema::Scalar(types) => *types,
            Schema::Range(..) => STR.or(INT),
            Schema::Enum(_) | Schema::Pattern(..) => STR,
            Schema::List { .. } => SEQ,
            Schema::Dict { .. } => MAP,
            Schema::Object(section) => {
                if section.nullable {
                    MAP.or(NULL)
                } else {
                    MAP
                }
            }
            Schema::OneOf(schemas) => schemas.iter().fold(Types(0), |types, schema| types.or(schema.types())),
        }
    }
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Section {
    /// What messages call it.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
    pub(super) required: &'static [&'static str],
    pub(super) extra: Extra,
    pub(super) nullable: bool,
}

impl Section {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| same_key(field.name, name))
    }
}

/// Keys that a section has besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    None,
    /// `x-` keys.
    Extensions,
    /// Anything, to no effect.
    Any,
}

/// A key.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) schema: Schema,
    pub(super) go: Go,
    pub(super) support: Support,
}

/// Whether devbox does with a key what Compose does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    Yes,
    /// Accepted and without effect; why.
    Ignored(&'static str),
}

/// Compose's type for a key: how it is decoded, rendered and hashed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Go {
    /// In the schema only: gone after loading.
    Absent,
    Str,
    Bool,
    /// Printed when false too.
    BoolAlways,
    /// Printed when it is set.
    BoolSet,
    Int,
    IntSet,
    /// An integer that a string doesn't become.
    Uint,
    UintSet,
    /// As `Uint`, printed when 0 too.
    UintAlways,
    Float,
    /// deploy's `cpus`.
    Cpus,
    Bytes,
    BytesAlways,
    Duration,
    DurationSet,
    Strings,
    /// Numbers become strings.
    NumberStrings,
    /// `null` when unset, `[]` when empty.
    Command,
    HealthTest,
    /// Values are strings.
    Labels,
    Mapping,
    /// Values are strings or unset.
    Environment,
    Options,
    /// Values are lists of strings.
    MultiOptions,
    Hosts,
    Ulimits,
    FileMode,
    DeviceCount,
    EnvFiles,
    Ssh,
    /// Printed in any case.
    Struct(&'static Section),
    StructSet(&'static Section),
    Structs(&'static Section),
    /// By the user's keys; null stays null.
    StructDict(&'static Section),
}

pub(super) const fn field(name: &'static str, schema: Schema, go: Go) -> Field {
    Field { name, schema, go, support: Support::Yes }
}

impl Field {
    const fn ignored(mut self, why: &'static str) -> Self {
        self.support = Support::Ignored(why);
        self
    }
}

// The shapes that many keys share.

pub(super) const STRING: Schema = Schema::Scalar(STR);
pub(super) const FLAG: Schema = Schema::Scalar(BOOL.or(STR));
pub(super) const STRICT_FLAG: Schema = Schema::Scalar(BOOL);
pub(super) const NUMBER: Schema = Schema::Scalar(NUM.or(STR));
pub(super) const INTEGER: Schema = Schema::Scalar(INT.or(STR));
pub(super) const STRINGS: Schema = Schema::List { item: &STRING, unique: false };
pub(super) const UNIQUE_STRINGS: Schema = Schema::List { item: &STRING, unique: true };
pub(super) const STRING_OR_LIST: Schema = Schema::OneOf(&[&STRING, &UNIQUE_STRINGS]);
pub(super) const COMMAND: Schema = Schema::OneOf(&[&Schema::Scalar(NULL), &STRING, &STRINGS]);
pub(super) const LIST_OR_DICT: Schema = Schema::OneOf(&[
    &Schema::Dict { key: not_empty, strict: true, value: &Schema::Scalar(STR.or(NUM).or(BOOL).or(NULL)) },
    &UNIQUE_STRINGS,
]);
pub(super) const EXTRA_HOSTS: Schema = Schema::OneOf(&[
    &Schema::Dict { key: not_empty, strict: true, value: &Schema::OneOf(&[&STRING, &STRINGS]) },
    &UNIQUE_STRINGS,
]);
pub(super) const OPTIONS: Schema = Schema::Dict { key: not_empty, strict: false, value: &Schema::Scalar(STR.or(NUM)) };

pub(super) fn not_empty(key: &str) -> bool {
    !key.is_empty()
}

/// `^[a-zA-Z0-9._-]+$`
pub(super) fn resource_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

/// `^[a-z]+$`
fn lower_case(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|c| c.is_ascii_lowercase())
}

/// The keys of `deploy`, in its struct's order.
pub(super) fn deploy_fields() -> impl Iterator<Item = &'static str> {
    parts::DEPLOY.fields.iter().map(|field| field.name)
}
