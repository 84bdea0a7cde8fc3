//! When the journal is short of room, on its disk or under its cap, frames that are stored go before their retention is over:
//! better than refusing senders (P5). Looked at every `RELIEVE_EVERY`, also while no frame comes: a full journal brings none.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::runner::Runner;
use super::snapshot::Keep;

pub(super) const RELIEVE_EVERY: Duration = Duration::from_secs(1);
/// Above this share of the journal's cap.
const CAP_SHARE_PERCENT: u64 = 80;

impl Runner {
    /// Removes what neither the store nor a restart needs, if room is short and there is anything. Writes a snapshot only where
    /// those there are do not cover a segment that could go.
    pub(super) fn relieve(&mut self) {
        let journal = &self.shared.journal;
        let Some(snapshots) = self.snapshots.as_ref().filter(|_| journal.segments() > 1) else { return };
        let room = journal.room();
        let near_cap = journal.bytes_on_disk() > self.journal_bytes_max / 100 * CAP_SHARE_PERCENT;
        if !(near_cap || room.room_short || room.full.is_some()) {
            return;
        }
        let stored = self.shared.stored_seq.load(Ordering::Acquire);
        let mut covered = Self::covered(&mut self.read_back, snapshots, stored);
        let freed = covered.map_or(0, |covered| journal.retain(i64::MAX, covered).unwrap_or(0));
        let done = self.reader.position().saturating_sub(1);
        // On a full disk this fails too, and what older ones cover has gone already.
        if freed == 0
            && !snapshots.any_after(stored)
            && covered < Some(done)
            && snapshots.write(done, &self.pipeline.state()).is_ok()
        {
            covered = Self::covered(&mut self.read_back, snapshots, stored);
            let _ = covered.map(|covered| journal.retain(i64::MAX, covered));
        }
        snapshots.prune(stored, Keep { first_seq: journal.first_seq(), ..self.keep });
    }
}
