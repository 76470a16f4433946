//! The keys of a service.

use super::{
    COMMAND, EXTRA_HOSTS, Extra, FLAG, Go, INTEGER, LIST_OR_DICT, NUM, NUMBER, STR, STRICT_FLAG, STRING,
    STRING_OR_LIST, STRINGS, Schema, Section, UNIQUE_STRINGS, field,
    parts::{
        ANY_MAPPING, BLKIO, BUILD, CREDENTIAL_SPEC, DEPENDENCY, DEPENDS_ON, DEPLOY, DEVELOP, DEVICE, ENV_FILE, EXTENDS,
        FILE_REFERENCE, FILE_REFERENCES, GPU, GPUS, HEALTHCHECK, HOOK, LOGGING, MODELS, MOUNT, NETWORKS, PID, PORT,
        PORTS, PROVIDER, SERVICE_MODEL, SERVICE_NETWORK, ULIMITS, VOLUMES,
    },
};

const WINDOWS: &str = "it is for Windows containers";

pub(in super::super) static SERVICE: Section = Section {
    name: "service",
    required: &[],
    extra: Extra::Extensions,
    nullable: false,
    fields: &[
        field("profiles", UNIQUE_STRINGS, Go::Strings),
        field("annotations", LIST_OR_DICT, Go::Mapping),
        field("attach", FLAG, Go::BoolSet),
        field("build", Schema::OneOf(&[&STRING, &Schema::Object(&BUILD)]), Go::StructSet(&BUILD)),
        field("develop", Schema::Object(&DEVELOP), Go::StructSet(&DEVELOP)),
        field("blkio_config", Schema::Object(&BLKIO), Go::StructSet(&BLKIO)),
        field("cap_add", UNIQUE_STRINGS, Go::Strings),
        field("cap_drop", UNIQUE_STRINGS, Go::Strings),
        field("cgroup_parent", STRING, Go::Str),
        field("cgroup", Schema::Enum(&["host", "private"]), Go::Str),
        field("cpu_count", Schema::Range(0, i64::MAX), Go::Int),
        field("cpu_percent", Schema::Range(0, 100), Go::Float),
        field("cpu_period", NUMBER, Go::Int),
        field("cpu_quota", NUMBER, Go::Int),
        field("cpu_rt_period", NUMBER, Go::Int),
        field("cpu_rt_runtime", NUMBER, Go::Int),
        field("cpus", NUMBER, Go::Float),
        field("cpuset", STRING, Go::Str),
        field("cpu_shares", NUMBER, Go::Int),
        field("command", COMMAND, Go::Command),
        field("configs", FILE_REFERENCES, Go::Structs(&FILE_REFERENCE)),
        field(
            "container_name",
            Schema::Pattern(container_name, "letters, digits, `_`, `.` and `-`, two or more"),
            Go::Str,
        ),
        field("credential_spec", Schema::Object(&CREDENTIAL_SPEC), Go::StructSet(&CREDENTIAL_SPEC)).ignored(WINDOWS),
        field("depends_on", DEPENDS_ON, Go::StructDict(&DEPENDENCY)),
        field("deploy", Schema::Object(&DEPLOY), Go::StructSet(&DEPLOY)),
        field("device_cgroup_rules", UNIQUE_STRINGS, Go::Strings),
        field(
            "devices",
            Schema::List { item: &Schema::OneOf(&[&STRING, &Schema::Object(&DEVICE)]), unique: false },
            Go::Structs(&DEVICE),
        ),
        field("dns", STRING_OR_LIST, Go::Strings),
        field("dns_opt", UNIQUE_STRINGS, Go::Strings),
        field("dns_search", STRING_OR_LIST, Go::Strings),
        field("domainname", STRING, Go::Str),
        field("entrypoint", COMMAND, Go::Command),
        field("provider", Schema::Object(&PROVIDER), Go::StructSet(&PROVIDER))
            .ignored("devbox runs no provider plugins"),
        field("environment", LIST_OR_DICT, Go::Environment),
        field("env_file", ENV_FILE, Go::EnvFiles),
        field("expose", Schema::List { item: &Schema::Scalar(STR.or(NUM)), unique: true }, Go::NumberStrings),
        field("extends", EXTENDS, Go::Absent),
        field("external_links", UNIQUE_STRINGS, Go::Strings),
        field("extra_hosts", EXTRA_HOSTS, Go::Hosts),
        field("group_add", Schema::List { item: &Schema::Scalar(STR.or(NUM)), unique: true }, Go::Strings),
        field("gpus", GPUS, Go::Structs(&GPU)),
        field("hostname", STRING, Go::Str),
        field("healthcheck", Schema::Object(&HEALTHCHECK), Go::StructSet(&HEALTHCHECK)),
        field("image", STRING, Go::Str),
        field("init", FLAG, Go::BoolSet),
        field("ipc", STRING, Go::Str),
        field("isolation", STRING, Go::Str),
        field("labels", LIST_OR_DICT, Go::Labels),
        field("label_file", Schema::OneOf(&[&STRING, &STRINGS]), Go::Strings),
        field("links", UNIQUE_STRINGS, Go::Strings),
        field("logging", Schema::Object(&LOGGING), Go::StructSet(&LOGGING)),
        field("mem_limit", NUMBER, Go::Bytes),
        field("mem_reservation", INTEGER, Go::Bytes),
        field("memswap_limit", NUMBER, Go::Bytes),
        field("mem_swappiness", INTEGER, Go::Bytes),
        field("mac_address", STRING, Go::Str),
        field("models", MODELS, Go::StructDict(&SERVICE_MODEL)).ignored("devbox runs no model runner"),
        field("network_mode", STRING, Go::Str),
        field("networks", NETWORKS, Go::StructDict(&SERVICE_NETWORK)),
        field("oom_kill_disable", FLAG, Go::Bool),
        field("oom_score_adj", Schema::Range(-1000, 1000), Go::Int),
        field("pid", PID, Go::Str),
        field("pids_limit", NUMBER, Go::Int),
        field("platform", STRING, Go::Str),
        field("ports", PORTS, Go::Structs(&PORT)),
        field("privileged", FLAG, Go::Bool),
        field(
            "pull_policy",
            Schema::Pattern(pull_policy, "always, never, missing, build, daily, weekly or every_<time>"),
            Go::Str,
        ),
        field("pull_refresh_after", STRING, Go::Absent).ignored("Compose ignores it too"),
        field("read_only", FLAG, Go::Bool),
        field("restart", STRING, Go::Str),
        field("runtime", STRING, Go::Str),
        field("scale", INTEGER, Go::IntSet),
        field("secrets", FILE_REFERENCES, Go::Structs(&FILE_REFERENCE)),
        field("security_opt", UNIQUE_STRINGS, Go::Strings),
        field("shm_size", NUMBER, Go::Bytes),
        field("stdin_open", FLAG, Go::Bool),
        field("stop_grace_period", STRING, Go::DurationSet),
        field("stop_signal", STRING, Go::Str),
        field("storage_opt", ANY_MAPPING, Go::Options),
        field("sysctls", LIST_OR_DICT, Go::Mapping),
        field("tmpfs", STRING_OR_LIST, Go::Strings),
        field("tty", FLAG, Go::Bool),
        field("ulimits", ULIMITS, Go::Ulimits),
        field("use_api_socket", STRICT_FLAG, Go::Bool).ignored("devbox doesn't hand the engine's socket in"),
        field("user", STRING, Go::Str),
        field("userns_mode", STRING, Go::Str),
        field("uts", STRING, Go::Str),
        field("volumes", VOLUMES, Go::Structs(&MOUNT)),
        field("volumes_from", UNIQUE_STRINGS, Go::Strings),
        field("working_dir", STRING, Go::Str),
        field("post_start", Schema::List { item: &Schema::Object(&HOOK), unique: false }, Go::Structs(&HOOK)),
        field("pre_stop", Schema::List { item: &Schema::Object(&HOOK), unique: false }, Go::Structs(&HOOK)),
    ],
};

/// `[a-zA-Z0-9][a-zA-Z0-9_.-]+`, anywhere in the text.
fn container_name(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| {
        pair[0].is_ascii_alphanumeric() && (pair[1].is_ascii_alphanumeric() || matches!(pair[1], b'_' | b'.' | b'-'))
    })
}

/// One of the words, anywhere in the text; or `every_` with times behind it.
fn pull_policy(text: &str) -> bool {
    ["always", "never", "build", "if_not_present", "missing", "refresh", "daily", "weekly"]
        .iter()
        .any(|word| text.contains(word))
        || text.match_indices("every_").any(|(at, _)| {
            let after = &text[at + 6..];
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && after[digits..].starts_with(['w', 'd', 'h', 'm', 's'])
        })
}
