//! What a container uses, as `docker stats` counts it.
//!
//! Figures are computed from two samples of our own: what engines send as the previous sample is empty in the first and in one-shots.

use futures_util::{StreamExt, stream::BoxStream};
use http::Method;
use serde::Deserialize;

use crate::model::{ByteSize, ContainerId, Timestamp};

use super::{
    Engine,
    error::{EngineError, Subject},
    http::{QUICK, escape},
    observe::timestamp,
    stream::json_lines,
    wire::nullable,
};

/// Counters of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// When, by the engine's clock.
    pub time: Timestamp,
    /// Processor time of the container in nanoseconds.
    cpu: u64,
    /// Processor time of the whole machine in nanoseconds; 0 where the engine doesn't count it.
    system: u64,
    /// Processors that it can use.
    cpus: u32,
    /// Memory that it holds, without the page cache that could be dropped.
    memory: ByteSize,
    memory_limit: ByteSize,
    received: u64,
    sent: u64,
    read: u64,
    written: u64,
    pids: u64,
}

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// When, by the engine's clock.
    pub time: Timestamp,
    /// Percent of one processor, since the sample before; `None` for the first.
    pub cpu: Option<f64>,
    /// Memory, without page cache.
    pub memory: ByteSize,
    /// What it may have; the machine's memory where it isn't limited.
    pub memory_limit: ByteSize,
    /// Bytes received on all networks since its start.
    pub received: ByteSize,
    /// Bytes sent.
    pub sent: ByteSize,
    /// Bytes read from disks.
    pub read: ByteSize,
    /// Bytes written to disks.
    pub written: ByteSize,
    /// Processes and threads.
    pub pids: u64,
}

impl Sample {
    /// What was used between `before` and this sample.
    pub fn usage(&self, before: Option<&Sample>) -> Usage {
        Usage {
            time: self.time,
            cpu: before.and_then(|before| self.percent(before)),
            memory: self.memory,
            memory_limit: self.memory_limit,
            received: ByteSize(self.received),
            sent: ByteSize(self.sent),
            read: ByteSize(self.read),
            written: ByteSize(self.written),
            pids: self.pids,
        }
    }

    fn percent(&self, before: &Sample) -> Option<f64> {
        let used = self.cpu.checked_sub(before.cpu)? as f64;
        let cpus = f64::from(self.cpus.max(1));
        match self.system.checked_sub(before.system) {
            Some(system) if system > 0 => Some(used / system as f64 * cpus * 100.0),
            // Windows counts no time of the machine; neither do some Podmans.
            _ => {
                let passed = self.time.since(before.time).as_nanos() as f64;
                (passed > 0.0).then(|| used / passed * 100.0)
            }
        }
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    read: String,
    #[serde(default)]
    cpu_stats: Cpu,
    #[serde(default)]
    memory_stats: Memory,
    #[serde(default)]
    pids_stats: Pids,
    #[serde(default, deserialize_with = "nullable")]
    networks: std::collections::BTreeMap<String, Network>,
    #[serde(default, deserialize_with = "nullable")]
    blkio_stats: Blkio,
}

#[derive(Deserialize, Default)]
struct Cpu {
    #[serde(default)]
    cpu_usage: CpuUsage,
    #[serde(default)]
    system_cpu_usage: u64,
    #[serde(default)]
    online_cpus: u32,
}

#[derive(Deserialize, Default)]
struct CpuUsage {
    #[serde(default)]
    total_usage: u64,
    #[serde(default, deserialize_with = "nullable")]
    percpu_usage: Vec<u64>,
}

#[derive(Deserialize, Default)]
struct Memory {
    #[serde(default)]
    usage: u64,
    #[serde(default)]
    limit: u64,
    #[serde(default, deserialize_with = "nullable")]
    stats: MemoryDetail,
}

#[derive(Deserialize, Default)]
struct MemoryDetail {
    /// cgroup v1.
    #[serde(default)]
    total_inactive_file: Option<u64>,
    /// cgroup v2.
    #[serde(default)]
    inactive_file: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Pids {
    #[serde(default)]
    current: u64,
}

#[derive(Deserialize, Default)]
struct Network {
    #[serde(default)]
    rx_bytes: u64,
    #[serde(default)]
    tx_bytes: u64,
}

#[derive(Deserialize, Default)]
struct Blkio {
    #[serde(default, deserialize_with = "nullable")]
    io_service_bytes_recursive: Vec<BlkioEntry>,
}

#[derive(Deserialize)]
struct BlkioEntry {
    #[serde(default)]
    op: String,
    #[serde(default)]
    value: u64,
}

impl Engine {
    /// What a container uses, once a second. Ends with `None` when the container is gone, with `Err` when the connection is.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when it is gone already.
    pub async fn stats(
        &self,
        container: &ContainerId,
    ) -> Result<BoxStream<'static, Result<Usage, EngineError>>, EngineError> {
        let path = format!("/containers/{}/stats?stream=true", escape(container.as_str()));
        let request = self.client().request(Method::GET, &path)?;
        let response = self.client().send(request, QUICK, Subject::Container(container.as_str())).await?;
        let mut before: Option<Sample> = None;
        Ok(json_lines::<Message>(self.client().clone(), response, "stats")
            .map(move |message| {
                message.map(|message| {
                    let sample = sample(&message);
                    sample.usage(before.replace(sample).as_ref())
                })
            })
            .boxed())
    }

    /// One sample, at once. [`Sample::usage`] makes figures of two.
    ///
    /// # Errors
    ///
    /// [`EngineError::NotFound`] when the container is gone.
    pub async fn sample(&self, container: &ContainerId) -> Result<Sample, EngineError> {
        let path = format!("/containers/{}/stats?stream=false&one-shot=true", escape(container.as_str()));
        let message: Message = self.client().get(&path, Subject::Container(container.as_str())).await?;
        Ok(sample(&message))
    }
}

fn sample(message: &Message) -> Sample {
    let Message { cpu_stats: cpu, memory_stats: memory, .. } = message;
    // docker/cli, cli/command/container/stats_helpers.go: what can be dropped is not counted as used.
    let droppable = memory.stats.total_inactive_file.or(memory.stats.inactive_file).unwrap_or(0);
    let used = if droppable < memory.usage { memory.usage - droppable } else { memory.usage };
    let blkio = |wanted: &str| {
        let entries = &message.blkio_stats.io_service_bytes_recursive;
        entries.iter().filter(|entry| entry.op.eq_ignore_ascii_case(wanted)).map(|entry| entry.value).sum()
    };
    let cpus = match cpu.online_cpus {
        0 => u32::try_from(cpu.cpu_usage.percpu_usage.len()).unwrap_or(1),
        cpus => cpus,
    };
    Sample {
        time: timestamp(&message.read).unwrap_or_default(),
        cpu: cpu.cpu_usage.total_usage,
        system: cpu.system_cpu_usage,
        cpus,
        memory: ByteSize(used),
        memory_limit: ByteSize(memory.limit),
        received: message.networks.values().map(|network| network.rx_bytes).sum(),
        sent: message.networks.values().map(|network| network.tx_bytes).sum(),
        read: blkio("read"),
        written: blkio("write"),
        pids: message.pids_stats.current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Sample {
        sample(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn counts_as_docker_stats_does() {
        let before = of(
            r#"{"read":"2024-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":1000},"system_cpu_usage":10000,"online_cpus":4}}"#,
        );
        let after = of(
            r#"{"read":"2024-01-01T00:00:01Z","cpu_stats":{"cpu_usage":{"total_usage":1500},"system_cpu_usage":14000,"online_cpus":4},
            "memory_stats":{"usage":1000,"limit":5000,"stats":{"inactive_file":100}},"pids_stats":{"current":3},
            "networks":{"a":{"rx_bytes":1,"tx_bytes":2},"b":{"rx_bytes":3}},
            "blkio_stats":{"io_service_bytes_recursive":[{"op":"Read","value":7},{"op":"write","value":8},{"op":"Total","value":15}]}}"#,
        );
        let usage = after.usage(Some(&before));
        assert_eq!(usage.cpu, Some(50.0));
        assert_eq!((usage.memory, usage.memory_limit, usage.pids), (ByteSize(900), ByteSize(5000), 3));
        assert_eq!((usage.received, usage.sent), (ByteSize(4), ByteSize(2)));
        assert_eq!((usage.read, usage.written), (ByteSize(7), ByteSize(8)));
        assert_eq!(after.usage(None).cpu, None);
    }

    #[test]
    fn a_restarted_container_starts_anew() {
        let before = of(r#"{"cpu_stats":{"cpu_usage":{"total_usage":1000},"system_cpu_usage":10000,"online_cpus":1}}"#);
        let after = of(r#"{"cpu_stats":{"cpu_usage":{"total_usage":10},"system_cpu_usage":20000,"online_cpus":1}}"#);
        assert_eq!(after.usage(Some(&before)).cpu, None);
    }

    #[test]
    fn a_stopped_container_has_nothing() {
        let usage = of(r#"{"read":"0001-01-01T00:00:00Z","networks":null,"blkio_stats":{"io_service_bytes_recursive":null},"memory_stats":{}}"#)
            .usage(None);
        assert_eq!(usage, Usage::default());
    }
}
