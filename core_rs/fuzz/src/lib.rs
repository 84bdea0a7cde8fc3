//! What is fuzzed, and what must hold for every input.
//!
//! One function a target, called by cargo-fuzz (`fuzz_targets`, `make fuzz`) and by the short pass in `cargo test`
//! (`core_rs/tests/fuzz_short`, which includes this file). Each promises for whatever bytes:
//!
//! - no panic, no overflow (both run with overflow checks), no endless loop;
//! - live memory of at most 4 times the input plus a floor that its `Bound` states (`meter`);
//! - at most 10 ms of the thread's CPU time for 64 KiB, 2 ms for the smallest input (`meter`);
//! - what the target's own page says of its meaning.

pub mod device_json;
pub mod hl7;
pub mod journal;
mod memory_disk;
pub mod meter;
pub mod model;
pub mod mqtt;
pub mod seeds;
pub mod settings;
pub mod site;
pub mod snapshot;

/// Longest input a target is given: the size the time limit is stated for.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name: one binary each in `fuzz_targets`, one folder each in `corpus`.
pub const TARGETS: [(&str, Target); 7] = [
    ("hl7", hl7::run),
    ("device_json", device_json::run),
    ("mqtt", mqtt::run),
    ("journal", journal::run),
    ("snapshot", snapshot::run),
    ("model", model::run),
    ("settings", settings::run),
];
