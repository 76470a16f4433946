//! The keys of a file's top level, and of volumes, secrets, configs and models.

pub(in super::super) use super::network::NETWORK;
use super::{
    Extra, Go, LIST_OR_DICT, OPTIONS, SERVICE, STRING, STRING_OR_LIST, STRINGS, Schema, Section, field,
    parts::{CONTEXT_SIZE, EXTERNAL, LOOSE_EXTERNAL},
    resource_key,
};

const SWARM: &str = "it is for a swarm, which a single engine is not";

pub(in super::super) static TOP: Section = Section {
    name: "compose file",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("version", STRING, Go::Absent).ignored("it is obsolete"),
        field("name", STRING, Go::Str),
        field("include", Schema::List { item: &INCLUDE, unique: false }, Go::Absent),
        field("services", named(&Schema::Object(&SERVICE)), Go::Absent),
        field("networks", loosely_named(&Schema::Object(&NETWORK)), Go::Absent),
        field("volumes", named(&Schema::Object(&VOLUME)), Go::Absent),
        field("secrets", named(&Schema::Object(&SECRET)), Go::Absent),
        field("configs", named(&Schema::Object(&CONFIG)), Go::Absent),
        field("models", loosely_named(&Schema::Object(&MODEL)), Go::Absent).ignored("devbox runs no model runner"),
    ],
};

const fn named(value: &'static Schema) -> Schema {
    Schema::Dict { key: resource_key, strict: true, value }
}

const fn loosely_named(value: &'static Schema) -> Schema {
    Schema::Dict { key: resource_key, strict: false, value }
}

const INCLUDE: Schema = Schema::OneOf(&[&STRING, &Schema::Object(&INCLUDE_LONG)]);

static INCLUDE_LONG: Section = Section {
    name: "include entry",
    required: &[],
    extra: Extra::None,
    nullable: false,
    fields: &[
        field("path", STRING_OR_LIST, Go::Strings),
        field("project_directory", STRING, Go::Str),
        field("env_file", STRING_OR_LIST, Go::Strings),
    ],
};

pub(in super::super) static VOLUME: Section = Section {
    name: "volume",
    required: &[],
    extra: Extra::Extensions,
    nullable: true,
    fields: &[
        field("name", STRING, Go::Str),
        field("driver", STRING, Go::Str),
        field("driver_opts", OPTIONS, Go::Options),
        field("external", EXTERNAL, Go::Bool),
        field("labels", LIST_OR_DICT, Go::Labels),
    ],
};

pub(in super::super) static SECRET: Section = Section {
    name: "secret",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("name", STRING, Go::Str),
        field("file", STRING, Go::Str),
        field("environment", STRING, Go::Str),
        field("external", LOOSE_EXTERNAL, Go::Bool),
        field("labels", LIST_OR_DICT, Go::Labels).ignored(SWARM),
        field("driver", STRING, Go::Str).ignored(SWARM),
        field("driver_opts", OPTIONS, Go::Options).ignored(SWARM),
        field("template_driver", STRING, Go::Str).ignored(SWARM),
    ],
};

pub(in super::super) static CONFIG: Section = Section {
    name: "config",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("name", STRING, Go::Str),
        field("file", STRING, Go::Str),
        field("environment", STRING, Go::Str),
        field("content", STRING, Go::Str),
        field("external", LOOSE_EXTERNAL, Go::Bool),
        field("labels", LIST_OR_DICT, Go::Labels).ignored(SWARM),
        field("template_driver", STRING, Go::Str).ignored(SWARM),
    ],
};

pub(in super::super) static MODEL: Section = Section {
    name: "model",
    required: &["model"],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("name", STRING, Go::Str),
        field("model", STRING, Go::Str),
        field("context_size", CONTEXT_SIZE, Go::Int),
        field("runtime_flags", STRINGS, Go::Strings),
    ],
};
