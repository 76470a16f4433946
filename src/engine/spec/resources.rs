//! Limits and devices.

use bollard::models::{
    DeviceMapping, DeviceRequest, HostConfig, ResourcesBlkioWeightDevice, ResourcesUlimits, ThrottleDevice,
};

use crate::model::{self, ByteSize, Resources, Service};

use super::some;

fn bytes(size: Option<ByteSize>) -> Option<i64> {
    size.map(|size| i64::try_from(size.0).unwrap_or(i64::MAX))
}

fn rates(devices: &[model::ThrottleDevice]) -> Option<Vec<ThrottleDevice>> {
    let devices = devices
        .iter()
        .map(|device| ThrottleDevice {
            path: Some(device.path.clone()),
            rate: Some(i64::try_from(device.rate).unwrap_or(i64::MAX)),
        })
        .collect();
    some(devices)
}

/// A name of the Container Device Interface: `vendor.com/class=name` (its specification, qualified names).
fn is_cdi_name(name: &str) -> bool {
    let Some((kind, device)) = name.split_once('=') else { return false };
    let Some((vendor, class)) = kind.split_once('/') else { return false };
    let word = |text: &str, first: fn(char) -> bool, more: &str| {
        text.starts_with(first)
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    word(vendor, |c| c.is_ascii_alphabetic(), "_-.")
        && word(class, |c| c.is_ascii_alphabetic(), "_-")
        && word(device, |c| c.is_ascii_alphanumeric(), "_-.:")
}

/// The part of the host configuration that is about limits and devices.
pub(super) fn translate(service: &Service) -> HostConfig {
    let from: &Resources = &service.resources;
    let (cdi, devices): (Vec<_>, Vec<_>) =
        from.devices.iter().partition(|device| device.source == device.target && is_cdi_name(&device.source));
    let mut requests: Vec<DeviceRequest> = Vec::new();
    if !cdi.is_empty() {
        requests.push(DeviceRequest {
            driver: Some("cdi".into()),
            device_ids: Some(cdi.into_iter().map(|device| device.source.clone()).collect()),
            ..Default::default()
        });
    }
    requests.extend(from.device_requests.iter().map(|request| DeviceRequest {
        driver: request.driver.clone(),
        count: request.count,
        device_ids: some(request.device_ids.clone()),
        capabilities: some(request.capabilities.clone()),
        options: super::some_map(&request.options),
    }));
    let blkio = from.blkio.clone().unwrap_or_default();
    HostConfig {
        cgroup_parent: service.cgroup_parent.clone(),
        nano_cpus: from.nano_cpus,
        cpu_count: from.cpu_count,
        // Compose hands hundredths of a percent on, in single precision.
        cpu_percent: from.cpu_percent.map(|percent| (percent as f32 * 100.0) as i64),
        cpu_shares: from.cpu_shares,
        cpu_period: from.cpu_period,
        cpu_quota: from.cpu_quota,
        cpu_realtime_period: from.cpu_rt_period,
        cpu_realtime_runtime: from.cpu_rt_runtime,
        cpuset_cpus: from.cpuset.clone(),
        memory: bytes(from.memory),
        memory_reservation: bytes(from.memory_reservation),
        memory_swap: from.memory_swap,
        memory_swappiness: from.memory_swappiness,
        pids_limit: from.pids,
        oom_kill_disable: Some(from.oom_kill_disable.unwrap_or(false)),
        oom_score_adj: from.oom_score_adj,
        blkio_weight: blkio.weight,
        blkio_weight_device: some(
            blkio
                .weight_device
                .iter()
                .map(|device| ResourcesBlkioWeightDevice {
                    path: Some(device.path.clone()),
                    weight: Some(usize::from(device.weight)),
                })
                .collect(),
        ),
        blkio_device_read_bps: rates(&blkio.device_read_bps),
        blkio_device_read_iops: rates(&blkio.device_read_iops),
        blkio_device_write_bps: rates(&blkio.device_write_bps),
        blkio_device_write_iops: rates(&blkio.device_write_iops),
        devices: some(
            devices
                .into_iter()
                .map(|device| DeviceMapping {
                    path_on_host: Some(device.source.clone()),
                    path_in_container: Some(device.target.clone()),
                    cgroup_permissions: Some(device.permissions.clone()),
                })
                .collect(),
        ),
        device_cgroup_rules: some(from.device_cgroup_rules.clone()),
        device_requests: some(requests),
        ulimits: some(
            service
                .ulimits
                .iter()
                .map(|(name, limit)| ResourcesUlimits {
                    name: Some(name.clone()),
                    soft: Some(limit.soft),
                    hard: Some(limit.hard),
                })
                .collect(),
        ),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_cdi_names_from_paths() {
        for (name, expected) in [
            ("nvidia.com/gpu=all", true),
            ("vendor.com/class=a:b", true),
            ("/dev/null", false),
            ("vendor/class", false),
            ("/gpu=0", false),
            ("1v.com/gpu=0", false),
        ] {
            assert_eq!(is_cdi_name(name), expected, "{name}");
        }
    }
}
