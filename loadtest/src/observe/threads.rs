//! What the harness's own threads did with their time, from /proc/self/task (proc(5)): ran, waited for a core, or slept.
//!
//! A thread that the server starves on the same cores runs little and is still late; only the time it waited says so.

use std::collections::BTreeMap;
use std::fs;

/// A thread that ran or waited for a core in this share of a second could not do more in it.
pub const SATURATED: f64 = 0.95;

/// Seconds since a thread began; those of one name together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// On a core.
    pub ran_s: f64,
    /// Runnable, and on no core; 0 where the kernel does not tell.
    pub waited_s: f64,
}

impl Spent {
    /// What came since an earlier look.
    pub fn since(self, before: Self) -> Self {
        Self { ran_s: (self.ran_s - before.ran_s).max(0.0), waited_s: (self.waited_s - before.waited_s).max(0.0) }
    }

    /// Not asleep.
    pub fn busy_s(self) -> f64 {
        self.ran_s + self.waited_s
    }
}

/// Every thread of this process by name.
pub fn own() -> BTreeMap<String, Spent> {
    let mut found: BTreeMap<String, Spent> = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        // Of a thread that has just ended neither can be read.
        let (name, Some(spent)) = (read("comm"), of_schedstat(&read("schedstat"))) else { continue };
        let sum = found.entry(name.trim_end().to_owned()).or_default();
        sum.ran_s += spent.ran_s;
        sum.waited_s += spent.waited_s;
    }
    found
}

/// Nanoseconds on a core, nanoseconds waiting for one, and how often.
fn of_schedstat(text: &str) -> Option<Spent> {
    let mut fields = text.split_whitespace().map(|field| field.parse::<f64>().map(|ns| ns / 1e9));
    Some(Spent { ran_s: fields.next()?.ok()?, waited_s: fields.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_found_by_its_name_with_what_it_ran_and_waited() {
        let (told, tell) = std::sync::mpsc::channel::<()>();
        let work = move || {
            let mut sum = 0_u64;
            for n in 0..20_000_000_u64 {
                sum = std::hint::black_box(sum.wrapping_add(n));
            }
            let _ = tell.recv();
        };
        let thread = std::thread::Builder::new().name("of-a-test".into()).spawn(work).unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let ran = |spent: Option<&Spent>| spent.is_some_and(|spent| spent.ran_s > 0.001);
        while !ran(own().get("of-a-test")) {
            assert!(std::time::Instant::now() < until, "{:?}", own());
        }
        drop(told);
        thread.join().unwrap();
    }

    #[test]
    fn a_starved_thread_is_as_saturated_as_a_busy_one_and_a_sleeping_one_is_not() {
        let before = of_schedstat("1000000000 500000000 70\n").unwrap();
        let starved = of_schedstat("1300000000 1170000000 99\n").unwrap().since(before);
        assert!(starved.ran_s < 0.31 && starved.busy_s() >= SATURATED, "{starved:?}");
        let asleep = of_schedstat("1300000000 500000000 99\n").unwrap().since(before);
        assert!(asleep.busy_s() < SATURATED);
        assert_eq!(of_schedstat(""), None);
    }
}
