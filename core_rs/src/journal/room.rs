//! Room on the disk, held before a frame is accepted, so that a full disk refuses frames and never fails one (P5).
//!
//! The live segment has blocks held ahead of its end (`Disk::allocate`): `waiting_bytes_max` and up to `STEP_BYTES` more, less
//! where the disk gives less, in halves down to `STEP_BYTES_MIN`. `submit` refuses with `JournalFull` what does not fit. While room
//! is short it is looked for again every `LOOK_EVERY`. On a disk that cannot hold blocks a batch that meets a full disk is kept
//! and written again every `LOOK_EVERY`, new frames are refused, and whoever waits for that batch is told (`withheld`).

use std::io;
use std::time::Duration;

use super::{DiskFile, JournalError};

/// Blocks held at a time beyond what may wait for the disk.
pub(super) const STEP_BYTES: u64 = 4 << 20;
/// Less than this is not asked for.
const STEP_BYTES_MIN: u64 = 64 << 10;
/// How often room is looked for while it is short.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Room where it cannot be held ahead: the disk says so when it is full.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// Why frames are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// `journal_bytes_max` is reached.
    Cap,
    /// The disk gives no more room.
    Disk,
}

impl Full {
    /// What the sender is told.
    pub(super) const fn detail(self) -> &'static str {
        match self {
            Self::Cap => "the journal has reached its size cap; retention has to free space first",
            Self::Disk => "the journal's disk is full",
        }
    }
}

/// How the journal stands with its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Room {
    /// Bytes that new frames may take without asking the disk; None where it cannot be held ahead.
    pub room_bytes: Option<u64>,
    /// The disk gave less room than was asked for, and is asked again every second.
    pub room_short: bool,
    /// Why the last frame that was refused would be refused again; None when it would be taken.
    pub full: Option<Full>,
    /// A batch waits for the disk to have room.
    pub stuck: bool,
}

/// Why a batch is not on disk.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The disk has no room: nothing is lost yet, it may be tried again.
    NoRoom(JournalError),
    /// Final.
    Failed(JournalError),
}

/// For `map_err` of anything but a sync: a full disk is no failure.
pub(super) fn trouble(doing: &'static str) -> impl FnOnce(io::Error) -> Trouble {
    move |error| {
        let error_of = JournalError::io(doing);
        if is_full(&error) { Trouble::NoRoom(error_of(error)) } else { Trouble::Failed(error_of(error)) }
    }
}

/// For `map_err` of a sync: whatever the reason, the kernel may have dropped the pages.
pub(super) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> Trouble {
    move |error| Trouble::Failed(JournalError::io(doing)(error))
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Holds blocks of `file` from `held_end` to `wanted_end`, or as many as the disk gives; returns up to where, and whether that is
/// short of what was wanted. `UNKNOWN` where blocks cannot be held.
pub(super) fn hold(file: &dyn DiskFile, held_end: u64, wanted_end: u64) -> (u64, bool) {
    let wanted = wanted_end.saturating_sub(held_end);
    let mut step = wanted;
    while step > 0 {
        match file.allocate(held_end, step) {
            Ok(()) => return (held_end + step, step < wanted),
            Err(error) if is_full(&error) && step > STEP_BYTES_MIN => step /= 2,
            Err(error) if is_full(&error) => return (held_end, true),
            // It cannot, or says so in another way: then the write will tell.
            Err(_) => return (UNKNOWN, false),
        }
    }
    (held_end, false)
}
