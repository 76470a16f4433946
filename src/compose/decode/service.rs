//! A service.

use std::time::Duration;

use crate::model::{
    Condition, Dependency, Healthcheck, HealthcheckTest, Hook, Logging, NetworkAttachment, Networking, Port, Protocol,
    PullPolicy, RestartPolicy, Service, ServiceName, WatchAction, WatchExec, WatchRule,
};

use super::{
    super::{go, project::Folded},
    build::build,
    fields::{self, Fields},
    mount::{file_mount, mount},
    resources::{resources, ulimits},
};

/// The service that `up` would create, but for what the rest of the project decides: whether it is in force, its hash.
pub(super) fn service(name: ServiceName, fields: Fields<'_>, folded: &Folded) -> Service {
    let deploy = fields.section("deploy");
    let scale = fields.integer("scale").or_else(|| deploy.and_then(|deploy| deploy.integer("replicas")));
    Service {
        profiles: fields.strings("profiles"),
        image: fields.str("image").map(Into::into),
        build: fields.section("build").map(build),
        pull_policy: fields.str("pull_policy").map(pull_policy),
        platform: fields.string("platform"),
        command: fields.optional_strings("command"),
        entrypoint: fields.optional_strings("entrypoint"),
        environment: folded.environment.as_ref().map(fields::environment).unwrap_or_default(),
        user: fields.string("user"),
        group_add: fields.strings("group_add"),
        working_dir: fields.string("working_dir"),
        tty: fields.flag("tty"),
        stdin_open: fields.flag("stdin_open"),
        init: fields.optional_flag("init"),
        stop_signal: fields.string("stop_signal"),
        stop_grace_period: fields.duration("stop_grace_period"),
        container_name: fields.string("container_name"),
        hostname: fields.string("hostname"),
        domainname: fields.string("domainname"),
        scale: scale.map_or(1, |scale| u32::try_from(scale).unwrap_or(0)),
        labels: folded.labels.as_ref().map(fields::strings_by_key).unwrap_or_default(),
        annotations: fields.strings_by_key("annotations"),
        ports: fields.structs("ports").map(port).collect(),
        expose: fields.strings("expose"),
        networking: networking(fields),
        links: fields.strings("links"),
        external_links: fields.strings("external_links"),
        extra_hosts: fields.hosts("extra_hosts"),
        dns: fields.strings("dns"),
        dns_search: fields.strings("dns_search"),
        dns_opt: fields.strings("dns_opt"),
        mac_address: fields.string("mac_address"),
        mounts: fields.structs("volumes").map(mount).collect(),
        tmpfs: fields.strings("tmpfs"),
        volumes_from: fields.strings("volumes_from"),
        secrets: fields.structs("secrets").map(|fields| file_mount(fields, "/run/secrets/")).collect(),
        configs: fields.structs("configs").map(|fields| file_mount(fields, "/")).collect(),
        depends_on: fields
            .entries("depends_on")
            .filter_map(|(target, value)| Some((ServiceName::new(target).ok()?, dependency(Fields::of(value)))))
            .collect(),
        healthcheck: fields.section("healthcheck").map(healthcheck),
        restart: restart(fields),
        post_start: fields.structs("post_start").map(hook).collect(),
        pre_stop: fields.structs("pre_stop").map(hook).collect(),
        attach: fields.optional_flag("attach").unwrap_or(true),
        logging: fields
            .section("logging")
            .map(|logging| Logging { driver: logging.string("driver"), options: logging.strings_by_key("options") }),
        resources: resources(fields),
        shm_size: fields.bytes("shm_size"),
        ulimits: ulimits(fields),
        sysctls: fields.strings_by_key("sysctls"),
        storage_opt: fields.strings_by_key("storage_opt"),
        cap_add: fields.strings("cap_add"),
        cap_drop: fields.strings("cap_drop"),
        privileged: fields.flag("privileged"),
        read_only: fields.flag("read_only"),
        security_opt: fields.strings("security_opt"),
        cgroup: fields.string("cgroup"),
        cgroup_parent: fields.string("cgroup_parent"),
        ipc: fields.string("ipc"),
        pid: fields.string("pid"),
        uts: fields.string("uts"),
        userns_mode: fields.string("userns_mode"),
        runtime: fields.string("runtime"),
        isolation: fields.string("isolation"),
        watch: fields
            .section("develop")
            .map(|develop| develop.structs("watch").map(watch_rule).collect())
            .unwrap_or_default(),
        ..Service::empty(name)
    }
}

fn pull_policy(text: &str) -> PullPolicy {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    match text {
        "always" => PullPolicy::Always,
        "never" => PullPolicy::Never,
        "build" => PullPolicy::Build,
        "daily" => PullPolicy::Every(DAY),
        "weekly" => PullPolicy::Every(7 * DAY),
        text => {
            let every = text.strip_prefix("every_").and_then(|every| go::parse_duration(every).ok());
            match every.and_then(|nanos| u64::try_from(nanos).ok()) {
                Some(nanos) => PullPolicy::Every(Duration::from_nanos(nanos)),
                None => PullPolicy::Missing,
            }
        }
    }
}

fn port(fields: Fields<'_>) -> Port {
    Port {
        target: fields.unsigned("target").and_then(|port| u16::try_from(port).ok()).unwrap_or(0),
        published: fields.string("published"),
        host_ip: fields.string("host_ip"),
        protocol: match fields.str("protocol").unwrap_or("tcp") {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            other => Protocol::Other(other.to_owned()),
        },
        mode: fields.string("mode"),
        name: fields.string("name"),
        app_protocol: fields.string("app_protocol"),
    }
}

fn networking(fields: Fields<'_>) -> Networking {
    if let Some(mode) = fields.str("network_mode") {
        let service = mode.strip_prefix("service:").and_then(|name| ServiceName::new(name).ok());
        return service.map_or_else(|| Networking::Mode(mode.to_owned()), Networking::Service);
    }
    let mut networks: Vec<NetworkAttachment> = fields
        .entries("networks")
        .map(|(key, value)| {
            let fields = Fields::of(value);
            NetworkAttachment {
                network: key.to_string(),
                aliases: fields.strings("aliases"),
                ipv4_address: fields.string("ipv4_address"),
                ipv6_address: fields.string("ipv6_address"),
                link_local_ips: fields.strings("link_local_ips"),
                mac_address: fields.string("mac_address"),
                driver_opts: fields.strings_by_key("driver_opts"),
                priority: fields.integer("priority").unwrap_or(0),
                gw_priority: fields.integer("gw_priority").unwrap_or(0),
                interface_name: fields.string("interface_name"),
            }
        })
        .collect();
    networks.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.network.cmp(&b.network)));
    Networking::Networks(networks)
}

fn dependency(fields: Fields<'_>) -> Dependency {
    Dependency {
        condition: match fields.str("condition").unwrap_or_default() {
            "service_healthy" => Condition::Healthy,
            "service_completed_successfully" => Condition::CompletedSuccessfully,
            _ => Condition::Started,
        },
        restart: fields.flag("restart"),
        required: fields.flag("required"),
    }
}

fn healthcheck(fields: Fields<'_>) -> Healthcheck {
    let test = fields.optional_strings("test");
    let test = match test.as_deref() {
        _ if fields.flag("disable") => Some(HealthcheckTest::Disabled),
        None | Some([]) => None,
        Some([first, ..]) if first == "NONE" => Some(HealthcheckTest::Disabled),
        Some([first, rest @ ..]) if first == "CMD-SHELL" => Some(HealthcheckTest::Shell(rest.join(" "))),
        Some([_, rest @ ..]) => Some(HealthcheckTest::Command(rest.to_vec())),
    };
    Healthcheck {
        test,
        interval: fields.duration("interval"),
        timeout: fields.duration("timeout"),
        retries: fields.unsigned("retries"),
        start_period: fields.duration("start_period"),
        start_interval: fields.duration("start_interval"),
    }
}

/// deploy's policy, if there is one, wins.
fn restart(fields: Fields<'_>) -> RestartPolicy {
    match fields.section("deploy").and_then(|deploy| deploy.section("restart_policy")) {
        Some(policy) => match policy.str("condition").unwrap_or_default() {
            "any" | "always" => RestartPolicy::Always,
            "unless-stopped" => RestartPolicy::UnlessStopped,
            "on-failure" => RestartPolicy::OnFailure { max_retries: policy.unsigned("max_attempts") },
            _ => RestartPolicy::No,
        },
        None => fields.str("restart").and_then(restart_policy).unwrap_or_default(),
    }
}

/// `restart:`; `None` for what no engine takes.
pub(super) fn restart_policy(text: &str) -> Option<RestartPolicy> {
    let (name, attempts) = text.split_once(':').unwrap_or((text, ""));
    match name {
        "no" | "none" => Some(RestartPolicy::No),
        "always" | "any" => Some(RestartPolicy::Always),
        "unless-stopped" => Some(RestartPolicy::UnlessStopped),
        "on-failure" => Some(RestartPolicy::OnFailure { max_retries: attempts.parse().ok() }),
        _ => None,
    }
}

fn hook(fields: Fields<'_>) -> Hook {
    Hook {
        command: fields.strings("command"),
        user: fields.string("user"),
        privileged: fields.flag("privileged"),
        working_dir: fields.string("working_dir"),
        environment: fields.environment("environment"),
    }
}

fn watch_rule(fields: Fields<'_>) -> WatchRule {
    let exec = || {
        let hook = fields.section("exec").map(hook).unwrap_or_default();
        WatchExec {
            command: hook.command,
            user: hook.user,
            privileged: hook.privileged,
            working_dir: hook.working_dir,
            environment: hook.environment,
        }
    };
    WatchRule {
        path: fields.text("path").into(),
        action: match fields.str("action").unwrap_or_default() {
            "rebuild" => WatchAction::Rebuild,
            "restart" => WatchAction::Restart,
            "sync+restart" => WatchAction::SyncRestart,
            "sync+exec" => WatchAction::SyncExec(exec()),
            _ => WatchAction::Sync,
        },
        target: fields.string("target"),
        ignore: fields.strings("ignore"),
        include: fields.strings("include"),
        initial_sync: fields.flag("initial_sync"),
    }
}
