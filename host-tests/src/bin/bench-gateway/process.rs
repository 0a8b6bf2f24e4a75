//! CPU time and memory of processes, from `/proc`.

use std::time::Duration;

/// The CPU time of all threads of a process, in user and kernel mode.
pub(crate) fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Duration::from_secs(1) * ticks(&stat)? / TICKS_PER_SECOND)
}

/// The same for all running processes of a group.
pub(crate) fn group_cpu(group: u32) -> Option<Duration> {
    let mut all = None;
    for entry in std::fs::read_dir("/proc").ok()?.filter_map(Result::ok) {
        // Not a process, or one that has just ended.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        if in_group(&stat) == Some(group) {
            all = Some(all.unwrap_or(0) + ticks(&stat)?);
        }
    }
    Some(Duration::from_secs(1) * all? / TICKS_PER_SECOND)
}

/// The process group in a line of `/proc/PID/stat`.
fn in_group(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// The unit of CPU time in `/proc` on every architecture that Rust's standard library supports (`USER_HZ`).
const TICKS_PER_SECOND: u32 = 100;

/// `utime` and `stime` of a line of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<u32> {
    // The program's name, in parentheses, may hold anything; the third field begins after the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    user.checked_add(system)
}

/// The resident memory of a process, in KiB.
pub(crate) fn resident(pid: u32) -> Option<Resident> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Resident { all: kib(&status, "VmRSS")?, own: kib(&status, "RssAnon")? })
}

/// In KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// All of it.
    pub(crate) all: u64,
    /// Without mapped files, which processes share and the kernel can evict.
    pub(crate) own: u64,
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Number and name of the CPUs, and the size of the RAM.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        info.lines().find_map(|line| line.strip_prefix("model name")).and_then(|line| line.split_once(':'));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = kib(&memory, "MemTotal").unwrap_or_default() >> 20;
    format!("{count} CPUs ({}), {memory} GiB", name.map_or("unknown", |(_, name)| name.trim()))
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_may_hold_anything() {
        let stat = "42 (a ) 1 (x) 7) S 1 43 42 0 -1 4194560 100 0 0 0 250 75 0 0 20 0 3 0 9 1 2";
        assert_eq!(ticks(stat), Some(325));
        assert_eq!(in_group(stat), Some(43));
        assert_eq!(ticks("42 (a) S 1"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn memory_is_found_by_its_name() {
        let status = "Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t  1234 kB\nRssAnon:\t 1000 kB\n";
        assert_eq!(kib(status, "VmRSS"), Some(1234));
        assert_eq!(kib(status, "RssAnon"), Some(1000));
        assert_eq!(kib(status, "Vm"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_both() {
        let own = std::process::id();
        assert!(cpu(own).is_some());
        assert!(resident(own).expect("it runs").own > 0);
        assert_eq!(cpu(u32::MAX), None);
    }
}
