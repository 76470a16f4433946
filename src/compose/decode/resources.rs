//! Limits and devices: the service's own keys and those of `deploy.resources`, which win.

use std::collections::BTreeMap;

use crate::model::{
    BlkioConfig, ByteSize, DeviceMapping, DeviceRequest, Resources, ThrottleDevice, Ulimit, WeightDevice,
};

use super::{super::json::Json, fields::Fields};

pub(super) fn resources(fields: Fields<'_>) -> Resources {
    let deploy = fields.section("deploy").and_then(|deploy| deploy.section("resources"));
    let limits = deploy.and_then(|deploy| deploy.section("limits"));
    let reservations = deploy.and_then(|deploy| deploy.section("reservations"));
    let size = |section: Option<Fields<'_>>| section.and_then(|section| section.bytes("memory"));
    let cpus = limits.and_then(|limits| limits.number("cpus")).or(fields.number("cpus"));
    let (devices, mut device_requests) = devices(fields);
    let reserved = reservations.into_iter().flat_map(|reservations| reservations.structs("devices"));
    let reserved: Vec<_> = reserved.map(|request| device_request(request, None)).collect();
    device_requests.splice(0..0, reserved);
    device_requests.extend(fields.structs("gpus").map(|request| device_request(request, Some("gpu"))));
    Resources {
        // In single precision, as Compose does: 0.2 is 200000000, not 200000002.
        nano_cpus: cpus.map(|cpus| (cpus as f32 * 1e9) as i64),
        cpu_count: fields.integer("cpu_count"),
        cpu_percent: fields.number("cpu_percent"),
        cpu_shares: fields.integer("cpu_shares"),
        cpu_period: fields.integer("cpu_period"),
        cpu_quota: fields.integer("cpu_quota"),
        cpu_rt_period: fields.integer("cpu_rt_period"),
        cpu_rt_runtime: fields.integer("cpu_rt_runtime"),
        cpuset: fields.string("cpuset"),
        memory: size(limits).or(fields.bytes("mem_limit")),
        memory_reservation: size(reservations).or(fields.bytes("mem_reservation")),
        memory_swap: fields.signed_bytes("memswap_limit"),
        memory_swappiness: fields.signed_bytes("mem_swappiness"),
        pids: limits
            .and_then(|limits| limits.integer("pids").filter(|pids| *pids > 0))
            .or(fields.integer("pids_limit")),
        oom_kill_disable: fields.optional_flag("oom_kill_disable"),
        oom_score_adj: fields.integer("oom_score_adj"),
        blkio: fields.section("blkio_config").map(blkio),
        devices,
        device_cgroup_rules: fields.strings("device_cgroup_rules"),
        device_requests,
    }
}

/// Device nodes, and CDI names, which are asked for as requests.
fn devices(fields: Fields<'_>) -> (Vec<DeviceMapping>, Vec<DeviceRequest>) {
    let mut mappings = Vec::new();
    let mut names = Vec::new();
    for device in fields.structs("devices") {
        let source = device.text("source");
        let target = device.text("target");
        if source == target && is_cdi_name(&source) {
            names.push(source);
        } else {
            mappings.push(DeviceMapping { source, target, permissions: device.text("permissions") });
        }
    }
    let request = DeviceRequest { driver: Some("cdi".into()), device_ids: names, ..DeviceRequest::default() };
    let requests = if request.device_ids.is_empty() { Vec::new() } else { vec![request] };
    (mappings, requests)
}

/// `vendor.com/class=name`.
fn is_cdi_name(text: &str) -> bool {
    text.split_once('=').is_some_and(|(kind, name)| {
        !name.is_empty() && kind.split_once('/').is_some_and(|(vendor, class)| !vendor.is_empty() && !class.is_empty())
    })
}

fn device_request(fields: Fields<'_>, capability: Option<&str>) -> DeviceRequest {
    let mut capabilities = fields.strings("capabilities");
    capabilities.extend(capability.map(str::to_owned));
    DeviceRequest {
        capabilities: vec![capabilities],
        driver: fields.string("driver"),
        count: fields.integer("count"),
        device_ids: fields.strings("device_ids"),
        options: fields.strings_by_key("options"),
    }
}

fn blkio(fields: Fields<'_>) -> BlkioConfig {
    let rates = |key: &str| -> Vec<ThrottleDevice> {
        let rate = |fields: Fields<'_>| ThrottleDevice {
            path: fields.text("Path"),
            rate: fields.bytes("Rate").map_or(0, |ByteSize(rate)| rate),
        };
        fields.structs(key).map(rate).collect()
    };
    let weight = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
    BlkioConfig {
        weight: fields.unsigned("weight").map(weight),
        weight_device: fields
            .structs("weight_device")
            .map(|fields| WeightDevice {
                path: fields.text("Path"),
                weight: fields.unsigned("Weight").map_or(0, weight),
            })
            .collect(),
        device_read_bps: rates("device_read_bps"),
        device_read_iops: rates("device_read_iops"),
        device_write_bps: rates("device_write_bps"),
        device_write_iops: rates("device_write_iops"),
    }
}

/// `ulimits` of a service or of a build.
pub(super) fn ulimits(fields: Fields<'_>) -> BTreeMap<String, Ulimit> {
    let limit = |value: &Json| match value.as_i64() {
        Some(n) => Ulimit { soft: n, hard: n },
        None => {
            let fields = Fields::of(value);
            Ulimit { soft: fields.integer("soft").unwrap_or(0), hard: fields.integer("hard").unwrap_or(0) }
        }
    };
    fields.entries("ulimits").map(|(name, value)| (name.to_string(), limit(value))).collect()
}
