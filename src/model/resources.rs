//! Limits and devices of a container (Compose specification, deploy.resources and the service's own keys).

use super::ByteSize;

/// What a container may use. `None` and empty are the engine's defaults; the service's own keys and
/// `deploy.resources` are already brought together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resources {
    /// Processor limit in nanoseconds of processor time a second (1 cpu = 1e9).
    pub nano_cpus: Option<i64>,
    /// Number of processors (Windows).
    pub cpu_count: Option<i64>,
    /// Percent of the processors (Windows).
    pub cpu_percent: Option<f64>,
    /// Relative weight.
    pub cpu_shares: Option<i64>,
    /// Scheduler period in microseconds.
    pub cpu_period: Option<i64>,
    /// Scheduler quota in microseconds.
    pub cpu_quota: Option<i64>,
    /// Real-time period in microseconds.
    pub cpu_rt_period: Option<i64>,
    /// Real-time runtime in microseconds.
    pub cpu_rt_runtime: Option<i64>,
    /// Which processors: `0-3`, `0,1`.
    pub cpuset: Option<String>,
    /// Memory limit.
    pub memory: Option<ByteSize>,
    /// Memory that is kept for it.
    pub memory_reservation: Option<ByteSize>,
    /// Memory and swap; -1 is unlimited.
    pub memory_swap: Option<i64>,
    /// 0 to 100.
    pub memory_swappiness: Option<i64>,
    /// Most processes; -1 is unlimited.
    pub pids: Option<i64>,
    /// Don't kill it when memory runs out.
    pub oom_kill_disable: Option<bool>,
    /// -1000 to 1000.
    pub oom_score_adj: Option<i64>,
    /// Disk weights and limits.
    pub blkio: Option<BlkioConfig>,
    /// Devices of the host.
    pub devices: Vec<DeviceMapping>,
    /// Rules for device nodes: `c 1:3 mr`.
    pub device_cgroup_rules: Vec<String>,
    /// GPUs and the like (`gpus`, `deploy.resources.reservations.devices`).
    pub device_requests: Vec<DeviceRequest>,
}

/// `blkio_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlkioConfig {
    /// 10 to 1000.
    pub weight: Option<u16>,
    /// Weight by device.
    pub weight_device: Vec<WeightDevice>,
    /// Bytes a second.
    pub device_read_bps: Vec<ThrottleDevice>,
    /// Operations a second.
    pub device_read_iops: Vec<ThrottleDevice>,
    /// Bytes a second.
    pub device_write_bps: Vec<ThrottleDevice>,
    /// Operations a second.
    pub device_write_iops: Vec<ThrottleDevice>,
}

/// The weight of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightDevice {
    /// Path of the device.
    pub path: String,
    /// 10 to 1000.
    pub weight: u16,
}

/// The rate of one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleDevice {
    /// Path of the device.
    pub path: String,
    /// Bytes or operations a second.
    pub rate: u64,
}

/// A device of the host inside the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceMapping {
    /// Path on the host, or a CDI name.
    pub source: String,
    /// Path inside.
    pub target: String,
    /// Of `rwm`.
    pub permissions: String,
}

/// Devices asked for by what they can do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceRequest {
    /// `gpu`, `compute`, …: alternatives of sets, outer OR, inner AND.
    pub capabilities: Vec<Vec<String>>,
    /// `nvidia`, …
    pub driver: Option<String>,
    /// -1 is all.
    pub count: Option<i64>,
    /// Instead of a count.
    pub device_ids: Vec<String>,
    /// Options of the driver.
    pub options: std::collections::BTreeMap<String, String>,
}

/// A limit of the container's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit {
    /// What applies; -1 is unlimited.
    pub soft: i64,
    /// How far a process may raise it; -1 is unlimited.
    pub hard: i64,
}
