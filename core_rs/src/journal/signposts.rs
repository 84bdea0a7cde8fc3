//! Where in its segment a frame begins, for every 256 KiB or so: reading one frame then costs at most that much, not a segment.
//! Set by the writer and by readers that pass; held in memory only, about 2 MB for a journal of 16 GiB.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// Distance between signposts.
pub(super) const SIGNPOST_BYTES: u64 = 256 << 10;

/// Offset of a frame's record, by its sequence number.
#[derive(Debug, Default)]
pub(super) struct Signposts(Mutex<BTreeMap<u64, u64>>);

impl Signposts {
    /// The record of frame `seq` begins at `offset` of its segment.
    pub(super) fn set(&self, seq: u64, offset: u64) {
        self.0.lock().insert(seq, offset);
    }

    /// The nearest known frame at or before `seq` in the segment that begins with `first_seq`: its number and offset.
    pub(super) fn before(&self, first_seq: u64, seq: u64) -> Option<(u64, u64)> {
        self.0.lock().range(first_seq..=seq).next_back().map(|(seq, offset)| (*seq, *offset))
    }

    /// Frames before `first_seq` are gone.
    pub(super) fn forget_before(&self, first_seq: u64) {
        let mut posts = self.0.lock();
        *posts = posts.split_off(&first_seq);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
