//! The linear memory of instances: counted and limited, for each and for all together.

use std::fmt;
use std::fs::read_to_string;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

use crate::engine::MAX_MEMORY;

/// A request that was ended because the instances of the server have all the memory they may have.
#[derive(Debug)]
pub(crate) struct MemoryLimitExceeded;

impl fmt::Display for MemoryLimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all instances together need more memory than they may")
    }
}

impl std::error::Error for MemoryLimitExceeded {}

/// The bytes by which the instances of a server have grown.
///
/// What an instance has from its start does not count: it is mapped from the component's file until it is written to.
pub(crate) struct TotalMemory {
    limit: usize,
    used: AtomicUsize,
}

impl TotalMemory {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Whether more than half of the limit is used, so that idle instances should not keep what they have.
    pub(crate) fn is_scarce(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    fn reserve(&self, bytes: usize) -> Result<(), MemoryLimitExceeded> {
        let add = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(MemoryLimitExceeded),
        }
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Counts and limits an instance's linear memory, which the host cannot read from a component.
pub(crate) struct Memory {
    /// Bytes of linear memory now; it never shrinks.
    pub(crate) bytes: usize,
    /// The part of it that counts for the total.
    grown: usize,
    total: Arc<TotalMemory>,
}

impl Memory {
    pub(crate) fn new(total: Arc<TotalMemory>) -> Self {
        Self { bytes: 0, grown: 0, total }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.total.release(self.grown);
    }
}

impl ResourceLimiter for Memory {
    /// # Errors
    ///
    /// [`MemoryLimitExceeded`], which ends the guest. It is not the guest's fault, and an allocation that fails would end
    /// it as well, with a misleading reason.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired - current;
        if self.bytes + growth > MAX_MEMORY {
            return Ok(false);
        }
        if current > 0 {
            self.total.reserve(growth)?;
            self.grown += growth;
        }
        self.bytes += growth;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// Half of the memory of this machine, or of the control group of this process if that has less. Without a limit where
/// neither is known, which is the case on other systems than Linux.
pub(crate) fn default_total() -> usize {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| mem_total(&text));
    let all = machine.into_iter().chain(cgroup_limits()).min();
    all.map_or(usize::MAX, |bytes| usize::try_from(bytes / 2).unwrap_or(usize::MAX))
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// The limits of the control group of this process and of those above it; a group without a limit has none.
fn cgroup_limits() -> Vec<u64> {
    let number = |file: &Path| read_to_string(file).ok()?.trim().parse().ok();
    let groups = read_to_string("/proc/self/cgroup").unwrap_or_default();
    // Version 2 has one hierarchy, whose line is `0::PATH`. Inside a container the path is often `/`.
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let mut limits: Vec<u64> = Path::new(group)
        .ancestors()
        .filter_map(|group| number(&Path::new("/sys/fs/cgroup").join(group).join("memory.max")))
        .collect();
    // Version 1, as containers see their own group.
    limits.extend(number(Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes")));
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_counts_growth_until_the_instance_is_dropped() {
        const PAGE: usize = 1 << 16;
        let total = TotalMemory::new(4 * PAGE);
        let (mut one, mut other) = (Memory::new(total.clone()), Memory::new(total.clone()));
        for memory in [&mut one, &mut other] {
            assert!(memory.memory_growing(0, 100 * PAGE, None).unwrap());
        }
        assert!(one.memory_growing(100 * PAGE, 103 * PAGE, None).unwrap());
        assert!(total.is_scarce());
        let error = other.memory_growing(100 * PAGE, 102 * PAGE, None).unwrap_err();
        assert!(error.is::<MemoryLimitExceeded>());
        assert!(other.memory_growing(100 * PAGE, 101 * PAGE, None).unwrap());
        drop(one);
        assert!(!total.is_scarce());
        assert!(other.memory_growing(101 * PAGE, 104 * PAGE, None).unwrap());
        assert_eq!(other.bytes, 104 * PAGE);
        drop(other);
        assert_eq!(total.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(mem_total("MemTotal:       16318504 kB\nMemFree: 1 kB\n"), Some(16_318_504 << 10));
        assert_eq!(mem_total("MemFree: 1 kB\n"), None);
        if cfg!(target_os = "linux") {
            assert!((1 << 20..usize::MAX).contains(&default_total()));
        }
    }
}
