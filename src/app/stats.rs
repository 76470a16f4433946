//! What containers use now, as the list and the header show it. One sample each; history belongs to a later tab.

use std::collections::BTreeMap;

use crate::model::{ByteSize, ContainerId};

/// What a container uses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Percent of one core; 200 is two cores.
    pub cpu: f64,
    /// Memory without the page cache that can be given back.
    pub memory: ByteSize,
}

impl Usage {
    /// What the screen shows of it: two usages that look the same are the same.
    pub fn shown(self) -> (String, String) {
        (format!("{:.0}%", self.cpu), self.memory.to_string())
    }
}

/// The last sample of each container.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    samples: BTreeMap<ContainerId, Usage>,
}

impl Stats {
    /// Takes samples in; says whether a shown figure changed.
    pub fn record(&mut self, samples: Vec<(ContainerId, Usage)>) -> bool {
        let mut changed = false;
        for (id, usage) in samples {
            let before = self.samples.insert(id, usage);
            changed |= before.is_none_or(|before| before.shown() != usage.shown());
        }
        changed
    }

    /// Forgets the containers that `keep` doesn't name.
    pub fn retain(&mut self, keep: impl Fn(&ContainerId) -> bool) {
        self.samples.retain(|id, _| keep(id));
    }

    /// The last sample of a container.
    pub fn get(&self, id: &ContainerId) -> Option<Usage> {
        self.samples.get(id).copied()
    }

    /// Everything together; `None` before the first sample.
    pub fn total(&self) -> Option<Usage> {
        let add = |sum: Usage, usage: &Usage| Usage {
            cpu: sum.cpu + usage.cpu,
            memory: ByteSize(sum.memory.0.saturating_add(usage.memory.0)),
        };
        (!self.samples.is_empty()).then(|| self.samples.values().fold(Usage::default(), add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shown_figure_counts_as_change() {
        let mut stats = Stats::default();
        let id = ContainerId::from("a");
        let usage = |cpu, memory| vec![(id.clone(), Usage { cpu, memory: ByteSize(memory) })];
        assert!(stats.record(usage(1.2, 88 << 20)));
        assert!(!stats.record(usage(1.4, (88 << 20) + 100)));
        assert!(stats.record(usage(3.0, 88 << 20)));
        assert_eq!(stats.total().map(|total| total.shown()), Some(("3%".into(), "88M".into())));
    }
}
