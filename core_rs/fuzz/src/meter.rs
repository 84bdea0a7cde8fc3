//! Measures one case: live heap bytes at its peak, by an allocator that counts, and CPU time of its thread, so that a loaded
//! machine does not matter.
//!
//! Counted are the bytes asked for, by all threads; an enlargement in place or by moving counts as the difference. One case at a
//! time. A case slower than its limit is run twice more, and its fastest run counts: page faults of a first run are no finding.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The allocator of a binary that measures: `#[global_allocator] static METER: Meter = Meter;`.
#[derive(Debug)]
pub struct Meter;

static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn count(difference: i64) {
    let live = LIVE.fetch_add(difference, Relaxed) + difference;
    if difference > 0 {
        PEAK.fetch_max(live, Relaxed);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory but two atomics.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What a case may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// Live bytes a byte of input.
    pub factor: usize,
    /// Live bytes beside.
    pub floor: usize,
}

impl Bound {
    /// Four times the input, and a floor.
    pub const fn with_floor(floor: usize) -> Self {
        Self { factor: 4, floor }
    }

    const fn bytes(self, input: usize) -> usize {
        self.factor * input + self.floor
    }
}

/// 10 ms for 64 KiB, 2 ms for nothing. A build that counts edges is given three times that: its hooks took 54 % of the
/// journal's slowest seed, and a fuzzer looks for what they cost most in. One without optimisation is given twenty times: what it
/// is asked is whether a case grows faster than its input.
fn time_max(input: usize) -> Duration {
    let scale = match (cfg!(fuzzing), cfg!(debug_assertions)) {
        (true, _) => 3,
        (false, true) => 20,
        (false, false) => 1,
    };
    scale * Duration::from_micros(2_000 + 8_000 * input.div_ceil(1 << 10) as u64 / 64)
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Runs a case over `input` bytes and panics where it costs more than its bound. Gives what the first run gave.
pub fn case<R>(what: &str, input: usize, bound: Bound, run: impl Fn() -> R) -> R {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let begun = cpu();
    let given = run();
    let mut spent = cpu().saturating_sub(begun);
    let peak = PEAK.load(Relaxed) - before;
    assert!(peak <= signed(bound.bytes(input)), "{what}: {peak} bytes live at once over {input} bytes of input ({bound:?})");
    for _ in 0..2 {
        if spent <= time_max(input) {
            break;
        }
        let begun = cpu();
        drop(run());
        spent = spent.min(cpu().saturating_sub(begun));
    }
    assert!(spent <= time_max(input), "{what}: {spent:?} of CPU over {input} bytes of input, {:?} allowed", time_max(input));
    given
}
