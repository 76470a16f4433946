//! The keys of a network.

use super::{Extra, FLAG, Go, LIST_OR_DICT, OPTIONS, STRING, Schema, Section, field, not_empty, parts::EXTERNAL};

pub(in super::super) static NETWORK: Section = Section {
    name: "network",
    required: &[],
    extra: Extra::Extensions,
    nullable: true,
    fields: &[
        field("name", STRING, Go::Str),
        field("driver", STRING, Go::Str),
        field("driver_opts", OPTIONS, Go::Options),
        field("ipam", Schema::Object(&IPAM), Go::Struct(&IPAM)),
        field("external", EXTERNAL, Go::Bool),
        field("internal", FLAG, Go::Bool),
        field("attachable", FLAG, Go::Bool),
        field("labels", LIST_OR_DICT, Go::Labels),
        field("enable_ipv4", FLAG, Go::BoolSet),
        field("enable_ipv6", FLAG, Go::BoolSet),
    ],
};

const STRING_DICT: Schema = Schema::Dict { key: not_empty, strict: true, value: &STRING };

static IPAM: Section = Section {
    name: "ipam",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("driver", STRING, Go::Str),
        field("config", Schema::List { item: &Schema::Object(&POOL), unique: false }, Go::Structs(&POOL)),
        field("options", STRING_DICT, Go::Absent).ignored("Compose ignores it too"),
    ],
};

static POOL: Section = Section {
    name: "ipam.config entry",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("subnet", STRING, Go::Str),
        field("gateway", STRING, Go::Str),
        field("ip_range", STRING, Go::Str),
        field("aux_addresses", STRING_DICT, Go::Mapping),
    ],
};
