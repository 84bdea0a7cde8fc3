//! `durable.mark`: the highest sequence number known to be durable, rewritten after each sync. Losing it loses no frame; it only
//! lets recovery tell a damaged record from a torn one. 12 bytes: seq u64, CRC32C u32 of them.

use std::io;
use std::sync::Arc;

use super::segment::possible;
use super::{Disk, DiskFile};

pub(super) const MARK_NAME: &str = "durable.mark";
const MARK_BYTES: usize = 12;

/// The open mark file.
#[derive(Debug)]
pub(super) struct Mark {
    file: Arc<dyn DiskFile>,
}

impl Mark {
    /// Opens or makes the mark and reads it; 0 when it says nothing.
    pub(super) fn open(disk: &dyn Disk, names: &[String]) -> io::Result<(Self, u64)> {
        let exists = names.iter().any(|name| name == MARK_NAME);
        let file = if exists { disk.open(MARK_NAME)? } else { disk.create(MARK_NAME)? };
        let mut raw = [0; MARK_BYTES];
        let read = file.read_at(&mut raw, 0)?;
        let [seq @ .., c0, c1, c2, c3] = raw;
        let intact = read == MARK_BYTES && crc32c::crc32c(&seq) == u32::from_le_bytes([c0, c1, c2, c3]);
        let said = Some(u64::from_le_bytes(seq)).filter(|seq| intact && possible(seq));
        Ok((Self { file }, said.unwrap_or(0)))
    }

    /// Writes the mark; call only after the sync it speaks of.
    pub(super) fn write(&self, durable_seq: u64) -> io::Result<()> {
        self.file.write_at(&mark_bytes(durable_seq), 0)
    }
}

/// The mark as it stands on disk.
pub fn mark_bytes(durable_seq: u64) -> [u8; MARK_BYTES] {
    let seq = durable_seq.to_le_bytes();
    let mut raw = [0; MARK_BYTES];
    for (to, from) in raw.iter_mut().zip(seq.into_iter().chain(crc32c::crc32c(&seq).to_le_bytes())) {
        *to = from;
    }
    raw
}
