//! journal: every frame is appended, checksummed and fsynced before anyone acknowledges it (P1). The only authority that may
//! say "received", and the only truth: everything after it is a pure function of these bytes.
//!
//! # In numbers
//! - One order: sequence numbers start at 1 and have no gaps; they are given under one short lock.
//! - Bounded (P5): `waiting_bytes_max` (32 MiB) between submit and disk, `journal_bytes_max` (16 GiB) on disk. Beyond them
//!   submit refuses with `Overloaded` or `JournalFull`; nothing grows. A segment ends before the batch that would take it past
//!   `segment_bytes_max` (64 MiB), or later where the disk has no room for another; a batch is never split.
//! - Room on disk is held before a frame is accepted (see `room`): 32 to 36 MiB ahead of the live segment's end, less where
//!   the disk gives less. A full disk refuses with `JournalFull` and is asked again every second.
//! - Group commit: one write and one `fdatasync` a batch. While a sync runs, the next batch gathers; an idle journal commits a
//!   single frame at once. `commit_us_max` (0) may hold a batch back for disks with dear syncs, until `commit_frames_max`
//!   or `commit_bytes_max` is reached.
//! - After a failed write or sync nothing more is acknowledged: the journal is read-only and `failed()` says why. A sync is
//!   never tried again, because the kernel may have dropped the pages and would report success.
//!
//! # On disk (little-endian)
//! `<first seq, 20 digits>.journal`, each with a header and records end to end:
//!
//! | part | bytes |
//! |---|---|
//! | header | magic `NLJOURNL`, version u32, first seq u64, CRC32C u32 of the 20 bytes before it |
//! | record | length u32 of the body, CRC32C u32 of the body, body |
//! | body | seq u64, flags u8 (1: first of its batch), the frame as `Frame::encode` writes it |
//!
//! `durable.mark` (seq u64, CRC32C u32) is rewritten after each sync, without a sync of its own: it may be behind the truth,
//! never ahead of it. `LOCK` keeps a second process out.
//!
//! # After a crash
//! Only the last batch can be torn: a batch is not written before the one before it is on disk. What cannot be read at the
//! end of the last segment is cut and counted (`torn_bytes`), unless the mark or a later batch proves that it had been
//! durable. Then it is damage: opening is refused, or with `OnDamage::Quarantine` the segment is left as it is, its readable
//! records stay readable and the sequence goes on in a new segment, with the loss counted. Damage in older segments is met
//! by the reader in the same way.

mod commit;
mod config;
mod disk;
mod durable;
mod error;
mod extent;
mod handle;
mod locate;
mod look;
mod mark;
mod pending;
mod reader;
mod recovery;
mod roll;
mod room;
mod segment;
mod signposts;
mod stats;
mod sums;

#[cfg(test)]
mod tests;

pub use config::{JournalConfig, OnDamage};
pub use disk::{Disk, DiskFile, RealDisk};
pub use durable::Progress;
pub use error::JournalError;
pub use extent::{Checked, Damage, Extent, check_segment, extent};
pub use handle::Journal;
pub use locate::STRAGGLER_US;
pub use mark::mark_bytes;
pub use reader::{JournalReader, Journalled};
pub use room::{Full, Room};
pub use stats::{JournalStats, SYNC_BUCKETS_US};

/// The journal's answer to a frame: its place in the one order of everything. Sequence numbers start at 1 and have no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The frame's sequence number.
    pub seq: u64,
}
