//! The sections inside a service: build, deploy, healthcheck, logging, develop and the long forms of lists.

use super::{
    BOOL, COMMAND, EXTRA_HOSTS, Extra, FLAG, Field, Go, INT, INTEGER, LIST_OR_DICT, NULL, NUM, NUMBER, OPTIONS, STR,
    STRICT_FLAG, STRING, STRING_OR_LIST, STRINGS, Schema, Section, UNIQUE_STRINGS, field, lower_case, not_empty,
};

const fn section(name: &'static str, fields: &'static [Field]) -> Section {
    Section { name, fields, required: &[], extra: Extra::Extensions, nullable: false }
}

const SWARM: &str = "it is for a swarm, which a single engine is not";

pub(in super::super) static BUILD: Section = section(
    "build",
    &[
        field("context", STRING, Go::Str),
        field("dockerfile", STRING, Go::Str),
        field("dockerfile_inline", STRING, Go::Str),
        field("entitlements", STRINGS, Go::Strings),
        field("args", LIST_OR_DICT, Go::Environment),
        field("provenance", Schema::Scalar(STR.or(BOOL)), Go::Str),
        field("sbom", Schema::Scalar(STR.or(BOOL)), Go::Str),
        field("ssh", LIST_OR_DICT, Go::Ssh),
        field("labels", LIST_OR_DICT, Go::Labels),
        field("cache_from", STRINGS, Go::Strings),
        field("cache_to", STRINGS, Go::Strings),
        field("no_cache", FLAG, Go::Bool),
        field("additional_contexts", LIST_OR_DICT, Go::Mapping),
        field("pull", FLAG, Go::Bool),
        field("extra_hosts", EXTRA_HOSTS, Go::Hosts),
        field("isolation", STRING, Go::Str),
        field("network", STRING, Go::Str),
        field("target", STRING, Go::Str),
        field("secrets", FILE_REFERENCES, Go::Structs(&FILE_REFERENCE)),
        field("shm_size", INTEGER, Go::Bytes),
        field("tags", STRINGS, Go::Strings),
        field("ulimits", ULIMITS, Go::Ulimits),
        field("platforms", STRINGS, Go::Strings),
        field("privileged", FLAG, Go::Bool),
    ],
);

pub(super) const ULIMITS: Schema =
    Schema::Dict { key: lower_case, strict: false, value: &Schema::OneOf(&[&INTEGER, &Schema::Object(&ULIMIT)]) };

static ULIMIT: Section = Section {
    required: &["soft", "hard"],
    ..section("ulimits.NAME", &[field("soft", INTEGER, Go::Int), field("hard", INTEGER, Go::Int)])
};

pub(super) const FILE_REFERENCES: Schema =
    Schema::List { item: &Schema::OneOf(&[&STRING, &Schema::Object(&FILE_REFERENCE)]), unique: false };

pub(super) static FILE_REFERENCE: Section = section(
    "secrets or configs entry",
    &[
        field("source", STRING, Go::Str),
        field("target", STRING, Go::Str),
        field("uid", STRING, Go::Str),
        field("gid", STRING, Go::Str),
        field("mode", NUMBER, Go::FileMode),
    ],
);

pub(super) static DEVELOP: Section = Section {
    nullable: true,
    ..section(
        "develop",
        &[field("watch", Schema::List { item: &Schema::Object(&WATCH), unique: false }, Go::Structs(&WATCH))],
    )
};

static WATCH: Section = Section {
    required: &["path", "action"],
    ..section(
        "develop.watch entry",
        &[
            field("path", STRING, Go::Str),
            field("action", Schema::Enum(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]), Go::Str),
            field("target", STRING, Go::Str),
            field("exec", Schema::Object(&HOOK), Go::Struct(&HOOK)),
            field("include", STRING_OR_LIST, Go::Strings),
            field("ignore", STRING_OR_LIST, Go::Strings),
            field("initial_sync", STRICT_FLAG, Go::Bool),
        ],
    )
};

pub(super) static HOOK: Section = Section {
    required: &["command"],
    ..section(
        "hook",
        &[
            field("command", COMMAND, Go::Command),
            field("user", STRING, Go::Str),
            field("privileged", FLAG, Go::Bool),
            field("working_dir", STRING, Go::Str),
            field("environment", LIST_OR_DICT, Go::Environment),
        ],
    )
};

pub(super) static BLKIO: Section = Section {
    extra: Extra::None,
    ..section(
        "blkio_config",
        &[
            field("weight", INTEGER, Go::Uint),
            field(
                "weight_device",
                Schema::List { item: &Schema::Object(&WEIGHT), unique: false },
                Go::Structs(&WEIGHT),
            ),
            field("device_read_bps", RATES, Go::Structs(&RATE)),
            field("device_read_iops", RATES, Go::Structs(&RATE)),
            field("device_write_bps", RATES, Go::Structs(&RATE)),
            field("device_write_iops", RATES, Go::Structs(&RATE)),
        ],
    )
};

const RATES: Schema = Schema::List { item: &Schema::Object(&RATE), unique: false };

/// Compose's struct has no tags here, so that it prints Go's field names; see `encode`.
static RATE: Section = Section {
    extra: Extra::None,
    ..section("blkio limit", &[field("path", STRING, Go::Str), field("rate", INTEGER, Go::BytesAlways)])
};

static WEIGHT: Section = Section {
    extra: Extra::None,
    ..section("blkio weight", &[field("path", STRING, Go::Str), field("weight", INTEGER, Go::UintAlways)])
};

/// Whether a section prints its keys with a capital, empty ones too.
pub(in super::super) fn untagged(section: &Section) -> bool {
    std::ptr::eq(section, &RATE) || std::ptr::eq(section, &WEIGHT)
}

pub(super) static CREDENTIAL_SPEC: Section = section(
    "credential_spec",
    &[field("config", STRING, Go::Str), field("file", STRING, Go::Str), field("registry", STRING, Go::Str)],
);

pub(super) const DEPENDS_ON: Schema = Schema::OneOf(&[
    &UNIQUE_STRINGS,
    &Schema::Dict { key: super::resource_key, strict: true, value: &Schema::Object(&DEPENDENCY) },
]);

pub(super) static DEPENDENCY: Section = Section {
    required: &["condition"],
    ..section(
        "depends_on entry",
        &[
            field(
                "condition",
                Schema::Enum(&["service_started", "service_healthy", "service_completed_successfully"]),
                Go::Str,
            ),
            field("restart", FLAG, Go::Bool),
            field("required", STRICT_FLAG, Go::BoolAlways),
        ],
    )
};

pub(super) static DEPLOY: Section = Section {
    nullable: true,
    ..section(
        "deploy",
        &[
            field("mode", STRING, Go::Str).ignored(SWARM),
            field("replicas", INTEGER, Go::IntSet),
            field("labels", LIST_OR_DICT, Go::Labels).ignored(SWARM),
            field("update_config", Schema::Object(&UPDATE), Go::StructSet(&UPDATE)).ignored(SWARM),
            field("rollback_config", Schema::Object(&UPDATE), Go::StructSet(&UPDATE)).ignored(SWARM),
            field("resources", Schema::Object(&RESOURCES), Go::Struct(&RESOURCES)),
            field("restart_policy", Schema::Object(&RESTART), Go::StructSet(&RESTART)),
            field("placement", Schema::Object(&PLACEMENT), Go::Struct(&PLACEMENT)).ignored(SWARM),
            field("endpoint_mode", STRING, Go::Str).ignored(SWARM),
        ],
    )
};

static UPDATE: Section = section(
    "deploy.update_config",
    &[
        field("parallelism", INTEGER, Go::UintSet),
        field("delay", STRING, Go::Duration),
        field("failure_action", STRING, Go::Str),
        field("monitor", STRING, Go::Duration),
        field("max_failure_ratio", NUMBER, Go::Float),
        field("order", Schema::Enum(&["start-first", "stop-first"]), Go::Str),
    ],
);

static RESOURCES: Section = section(
    "deploy.resources",
    &[
        field("limits", Schema::Object(&LIMITS), Go::StructSet(&LIMITS)),
        field("reservations", Schema::Object(&RESERVATIONS), Go::StructSet(&RESERVATIONS)),
    ],
);

static LIMITS: Section = section(
    "deploy.resources.limits",
    &[field("cpus", NUMBER, Go::Cpus), field("memory", STRING, Go::Bytes), field("pids", INTEGER, Go::Int)],
);

static RESERVATIONS: Section = section(
    "deploy.resources.reservations",
    &[
        field("cpus", NUMBER, Go::Cpus).ignored("an engine can't reserve processors"),
        field("memory", STRING, Go::Bytes),
        field(
            "devices",
            Schema::List { item: &Schema::Object(&DEVICE_REQUEST), unique: false },
            Go::Structs(&DEVICE_REQUEST),
        ),
        field(
            "generic_resources",
            Schema::List { item: &Schema::Object(&GENERIC_RESOURCE), unique: false },
            Go::Structs(&GENERIC_RESOURCE),
        )
        .ignored(SWARM),
    ],
);

static GENERIC_RESOURCE: Section = section(
    "generic_resources entry",
    &[field("discrete_resource_spec", Schema::Object(&DISCRETE_RESOURCE), Go::StructSet(&DISCRETE_RESOURCE))],
);

static DISCRETE_RESOURCE: Section =
    section("discrete_resource_spec", &[field("kind", STRING, Go::Str), field("value", NUMBER, Go::UintAlways)]);

static RESTART: Section = section(
    "deploy.restart_policy",
    &[
        field("condition", STRING, Go::Str),
        field("delay", STRING, Go::DurationSet).ignored(SWARM),
        field("max_attempts", INTEGER, Go::UintSet),
        field("window", STRING, Go::DurationSet).ignored(SWARM),
    ],
);

static PLACEMENT: Section = section(
    "deploy.placement",
    &[
        field("constraints", STRINGS, Go::Strings),
        field(
            "preferences",
            Schema::List { item: &Schema::Object(&PREFERENCE), unique: false },
            Go::Structs(&PREFERENCE),
        ),
        field("max_replicas_per_node", INTEGER, Go::Uint),
    ],
);

static PREFERENCE: Section = section("placement.preferences entry", &[field("spread", STRING, Go::Str)]);

static DEVICE_REQUEST: Section =
    Section { required: &["capabilities"], ..section("device request", DEVICE_REQUEST_FIELDS) };

const DEVICE_REQUEST_FIELDS: &[Field] = &[
    field("capabilities", UNIQUE_STRINGS, Go::Strings),
    field("driver", STRING, Go::Str),
    field("count", INTEGER, Go::DeviceCount),
    field("device_ids", UNIQUE_STRINGS, Go::Strings),
    field("options", LIST_OR_DICT, Go::Mapping),
];

pub(super) const GPUS: Schema =
    Schema::OneOf(&[&Schema::Enum(&["all"]), &Schema::List { item: &Schema::Object(&GPU), unique: false }]);

pub(super) static GPU: Section = Section { extra: Extra::Any, ..section("gpus entry", DEVICE_REQUEST_FIELDS) };

pub(super) static DEVICE: Section = Section {
    required: &["source"],
    ..section(
        "devices entry",
        &[field("source", STRING, Go::Str), field("target", STRING, Go::Str), field("permissions", STRING, Go::Str)],
    )
};

pub(super) const ENV_FILE: Schema = Schema::OneOf(&[
    &STRING,
    &Schema::List { item: &Schema::OneOf(&[&STRING, &Schema::Object(&ENV_FILE_ENTRY)]), unique: false },
]);

static ENV_FILE_ENTRY: Section = Section {
    extra: Extra::None,
    required: &["path"],
    ..section(
        "env_file entry",
        &[field("path", STRING, Go::Str), field("required", FLAG, Go::BoolAlways), field("format", STRING, Go::Str)],
    )
};

pub(super) const EXTENDS: Schema = Schema::OneOf(&[&STRING, &Schema::Object(&EXTENDS_LONG)]);

static EXTENDS_LONG: Section = Section {
    extra: Extra::None,
    required: &["service"],
    ..section("extends", &[field("file", STRING, Go::Str), field("service", STRING, Go::Str)])
};

pub(super) static PROVIDER: Section = Section {
    required: &["type"],
    ..section(
        "provider",
        &[
            field("type", STRING, Go::Str),
            field(
                "options",
                Schema::Dict {
                    key: not_empty,
                    strict: false,
                    value: &Schema::OneOf(&[
                        &Schema::Scalar(STR.or(NUM).or(BOOL)),
                        &Schema::List { item: &Schema::Scalar(STR.or(NUM).or(BOOL)), unique: false },
                    ]),
                },
                Go::MultiOptions,
            ),
        ],
    )
};

pub(super) static HEALTHCHECK: Section = section(
    "healthcheck",
    &[
        field("test", Schema::OneOf(&[&STRING, &STRINGS]), Go::HealthTest),
        field("timeout", STRING, Go::DurationSet),
        field("interval", STRING, Go::DurationSet),
        field("retries", NUMBER, Go::UintSet),
        field("start_period", STRING, Go::DurationSet),
        field("start_interval", STRING, Go::DurationSet),
        field("disable", FLAG, Go::Bool),
    ],
);

pub(super) static LOGGING: Section = section(
    "logging",
    &[
        field("driver", STRING, Go::Str),
        field(
            "options",
            Schema::Dict { key: not_empty, strict: false, value: &Schema::Scalar(STR.or(NUM).or(NULL)) },
            Go::Options,
        ),
    ],
);

pub(super) const MODELS: Schema = Schema::OneOf(&[
    &UNIQUE_STRINGS,
    &Schema::Dict {
        key: super::resource_key,
        strict: false,
        value: &Schema::OneOf(&[&Schema::Object(&SERVICE_MODEL), &Schema::Scalar(NULL)]),
    },
]);

pub(super) static SERVICE_MODEL: Section =
    section("models entry", &[field("endpoint_var", STRING, Go::Str), field("model_var", STRING, Go::Str)]);

pub(super) const NETWORKS: Schema = Schema::OneOf(&[
    &UNIQUE_STRINGS,
    &Schema::Dict {
        key: super::resource_key,
        strict: true,
        value: &Schema::OneOf(&[&Schema::Object(&SERVICE_NETWORK), &Schema::Scalar(NULL)]),
    },
]);

pub(super) static SERVICE_NETWORK: Section = section(
    "networks entry",
    &[
        field("aliases", UNIQUE_STRINGS, Go::Strings),
        field("driver_opts", OPTIONS, Go::Options),
        field("gw_priority", Schema::Scalar(NUM), Go::Int),
        field("interface_name", STRING, Go::Str),
        field("ipv4_address", STRING, Go::Str),
        field("ipv6_address", STRING, Go::Str),
        field("link_local_ips", UNIQUE_STRINGS, Go::Strings),
        field("mac_address", STRING, Go::Str),
        field("priority", Schema::Scalar(NUM), Go::Int),
    ],
);

pub(super) const PORTS: Schema =
    Schema::List { item: &Schema::OneOf(&[&Schema::Scalar(NUM.or(STR)), &Schema::Object(&PORT)]), unique: true };

pub(super) static PORT: Section = section(
    "ports entry",
    &[
        field("name", STRING, Go::Str),
        field("mode", STRING, Go::Str),
        field("host_ip", STRING, Go::Str),
        field("target", INTEGER, Go::Uint),
        field("published", INTEGER, Go::Str),
        field("protocol", STRING, Go::Str),
        field("app_protocol", STRING, Go::Str),
    ],
);

pub(super) const VOLUMES: Schema =
    Schema::List { item: &Schema::OneOf(&[&STRING, &Schema::Object(&MOUNT)]), unique: true };

pub(super) static MOUNT: Section = Section {
    required: &["type"],
    ..section(
        "volumes entry",
        &[
            field("type", Schema::Enum(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]), Go::Str),
            field("source", STRING, Go::Str),
            field("target", STRING, Go::Str),
            field("read_only", FLAG, Go::Bool),
            field("consistency", STRING, Go::Str),
            field("bind", Schema::Object(&MOUNT_BIND), Go::StructSet(&MOUNT_BIND)),
            field("volume", Schema::Object(&MOUNT_VOLUME), Go::StructSet(&MOUNT_VOLUME)),
            field("tmpfs", Schema::Object(&MOUNT_TMPFS), Go::StructSet(&MOUNT_TMPFS)),
            field("image", Schema::Object(&MOUNT_IMAGE), Go::StructSet(&MOUNT_IMAGE)),
        ],
    )
};

static MOUNT_BIND: Section = section(
    "bind",
    &[
        field("selinux", Schema::Enum(&["z", "Z"]), Go::Str),
        field("propagation", STRING, Go::Str),
        field("create_host_path", FLAG, Go::Bool),
        field("recursive", Schema::Enum(&["enabled", "disabled", "writable", "readonly"]), Go::Str),
    ],
);

static MOUNT_VOLUME: Section = section(
    "volume",
    &[field("labels", LIST_OR_DICT, Go::Mapping), field("nocopy", FLAG, Go::Bool), field("subpath", STRING, Go::Str)],
);

static MOUNT_TMPFS: Section =
    section("tmpfs", &[field("size", Schema::Range(0, i64::MAX), Go::Bytes), field("mode", NUMBER, Go::Uint)]);

static MOUNT_IMAGE: Section = section("image", &[field("subpath", STRING, Go::Str)]);

pub(super) const EXTERNAL: Schema = Schema::OneOf(&[&Schema::Scalar(BOOL.or(STR)), &Schema::Object(&EXTERNAL_LONG)]);

static EXTERNAL_LONG: Section = section("external", &[field("name", STRING, Go::Str)]);

/// As `EXTERNAL`, with any key.
pub(super) const LOOSE_EXTERNAL: Schema =
    Schema::OneOf(&[&Schema::Scalar(BOOL.or(STR)), &Schema::Dict { key: is_name, strict: false, value: &STRING }]);

fn is_name(key: &str) -> bool {
    key == "name"
}

pub(super) const PID: Schema = Schema::Scalar(STR.or(NULL));
pub(super) const ANY_MAPPING: Schema = Schema::Dict { key: not_empty, strict: false, value: &Schema::Any };
pub(super) const CONTEXT_SIZE: Schema = Schema::Scalar(INT);
