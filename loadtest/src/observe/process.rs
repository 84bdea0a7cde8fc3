//! CPU, memory and disk of processes, from /proc (proc(5)). What cannot be read is None.

use std::collections::BTreeMap;
use std::fs;

/// What one process has used so far, and holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// CPU seconds.
    pub cpu_s: f64,
    /// Resident memory.
    pub rss_bytes: u64,
    /// Bytes it caused to be written to disk, where that may be read.
    pub written_bytes: u64,
}

/// Fields of a `stat` file after the name in brackets; the first is the state.
fn stat_fields(text: &str) -> Option<Vec<&str>> {
    Some(text.rsplit_once(')')?.1.split_whitespace().collect())
}

fn ticks_s(fields: &[&str]) -> Option<f64> {
    let (user, system): (u64, u64) = (fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?);
    Some((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Of a process.
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat_fields(&stat)?;
    let pages: u64 = fields.get(21)?.parse().ok()?;
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    Some(Usage {
        cpu_s: ticks_s(&fields)?,
        rss_bytes: pages * rustix::param::page_size() as u64,
        written_bytes: written.unwrap_or(0),
    })
}

/// Every process beneath this one.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut parents: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = stat_fields(&stat).and_then(|fields| fields.get(1)?.parse().ok()) {
            parents.entry(parent).or_default().push(child);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![pid]);
    while let Some(one) = next.pop() {
        for child in parents.get(&one).into_iter().flatten() {
            found.push(*child);
            next.push(*child);
        }
    }
    found
}

/// The machine.
pub fn machine() -> crate::result::Machine {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    crate::result::Machine {
        cpu: cpu_info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map(|(_, name)| name.to_owned())
            .unwrap_or_default(),
        cores: std::thread::available_parallelism().map_or(0, |cores| u32::try_from(cores.get()).unwrap_or(0)),
        memory_bytes: kilobytes.unwrap_or(0) * 1_024,
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        load_1m_before: load.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found() {
        let own = usage(std::process::id()).unwrap();
        assert!(own.rss_bytes > 100_000, "{own:?}");
        assert!(machine().memory_bytes > 1 << 20);
        assert_eq!(usage(u32::MAX), None);
    }

    #[test]
    fn a_name_with_brackets_does_not_move_the_fields() {
        let line = "12 (a) b) S 7 1 1 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 1 0 5 6 7";
        let fields = stat_fields(line).unwrap();
        assert_eq!((fields[0], fields[1]), ("S", "7"));
        assert!(ticks_s(&fields).unwrap() > 0.0);
    }
}
