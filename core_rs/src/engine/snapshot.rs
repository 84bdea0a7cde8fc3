//! The pipeline's state on disk, so that a restart replays minutes and not the whole journal.
//!
//! A file `<seq>.snapshot` holds the state after frame `seq`: 8 bytes magic, CRC32C of the rest, then postcard. It is written to
//! a temporary name, synced and renamed. It may be used only once the store cursor has reached `seq`: what it holds will not be
//! computed again. Kept are two behind the cursor and one that waits for it, and `Keep` more, spread evenly over the frames the
//! journal still holds, so that a replay of the past never has far to go. A file that cannot be read is passed over: the journal
//! is the truth, a snapshot only saves time; so nothing is removed from the journal that is not covered by one that was read back.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: &[u8; 8] = b"NLSNAP03";

/// What is kept beyond what a start needs, for replays of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Files.
    pub count: usize,
    /// Their bytes.
    pub bytes_max: u64,
    /// The journal's first frame: a snapshot from before the one before it has nothing to go on with.
    pub first_seq: u64,
}

/// The folder of the snapshots.
#[derive(Debug, Clone)]
pub struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// Opens the folder, made if missing.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// A folder that is only read, and may not be there.
    pub fn look(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Writes the state after frame `seq`; returns its size in bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, seq: u64, state: &impl Serialize) -> io::Result<usize> {
        let body = postcard::to_stdvec(state).map_err(io::Error::other)?;
        let temporary = self.folder.join("next.tmp");
        let written = write_file(&temporary, &body).and_then(|()| fs::rename(&temporary, self.path(seq)));
        if written.is_err() {
            // Half a snapshot on a full disk would only keep it full.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        File::open(&self.folder)?.sync_all()?;
        Ok(body.len())
    }

    /// The newest readable state at or before `cursor`, with its sequence number.
    pub fn newest<T: DeserializeOwned>(&self, cursor: u64) -> Option<(u64, T)> {
        let mut seqs = self.seqs();
        seqs.retain(|seq| *seq <= cursor);
        seqs.into_iter().rev().find_map(|seq| read(&self.path(seq)).map(|state| (seq, state)))
    }

    /// The sequence number of the newest snapshot at or before `cursor`.
    pub fn newest_seq(&self, cursor: u64) -> Option<u64> {
        self.seqs().into_iter().rev().find(|seq| *seq <= cursor)
    }

    /// Whether a snapshot waits for the store to reach it.
    pub fn any_after(&self, cursor: u64) -> bool {
        self.seqs().last().is_some_and(|seq| *seq > cursor)
    }

    /// Removes what will not be needed: of those at or before `cursor` all but the newest two and what `keep` says.
    pub fn prune(&self, cursor: u64, keep: Keep) {
        let mut older: Vec<u64> = self.seqs().into_iter().filter(|seq| *seq <= cursor).collect();
        let newest = older.split_off(older.len().saturating_sub(2));
        let Some(end) = newest.first() else { return };
        let bytes = |seq: &u64| fs::metadata(self.path(*seq)).map_or(0, |file| file.len());
        let useless = |seq: &u64| seq.saturating_add(1) < keep.first_seq;
        let mut gone: Vec<u64> = older.iter().copied().filter(useless).collect();
        older.retain(|seq| !useless(seq));
        while older.len() > keep.count || older.iter().map(bytes).sum::<u64>() > keep.bytes_max {
            gone.push(older.remove(most_crowded(&older, keep.first_seq.saturating_sub(1), *end)));
        }
        for seq in gone {
            let _ = fs::remove_file(self.path(seq));
        }
    }

    /// The state after frame `seq`, if there is one that can be read.
    pub fn read<T: DeserializeOwned>(&self, seq: u64) -> Option<T> {
        read(&self.path(seq))
    }

    /// Whether the file of `seq` is one of this format; its checksum is looked at when it is read.
    pub fn is_readable(&self, seq: u64) -> bool {
        let mut magic = [0; MAGIC.len()];
        File::open(self.path(seq)).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *MAGIC
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.folder.join(format!("{seq:020}.snapshot"))
    }

    /// Frames of the snapshots there are, ascending.
    pub fn seqs(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut seqs: Vec<u64> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".snapshot")?.parse().ok()).collect();
        seqs.sort_unstable();
        seqs
    }
}

/// The place whose neighbours are nearest to each other; the first only where the journal's beginning can stand in for it.
fn most_crowded(seqs: &[u64], begin: u64, end: u64) -> usize {
    let gap = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| seqs.get(before)).copied().unwrap_or(begin);
        seqs.get(at + 1).copied().unwrap_or(end).saturating_sub(before)
    };
    let from = usize::from(begin > 0 && seqs.len() > 1);
    (from..seqs.len()).min_by_key(|at| gap(*at)).unwrap_or(0)
}

fn write_file(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(MAGIC)?;
    file.write_all(&crc32c::crc32c(body).to_le_bytes())?;
    file.write_all(body)?;
    file.sync_all()
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let (head, body) = bytes.split_at_checked(12)?;
    let (magic, crc) = head.split_at_checked(8)?;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    (magic == MAGIC && crc == crc32c::crc32c(body)).then(|| postcard::from_bytes(body).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_ahead_of_the_cursor_is_not_used_and_a_damaged_one_is_passed_over() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        for seq in [10_u64, 20, 30] {
            snapshots.write(seq, &format!("state {seq}")).expect("write");
        }
        assert_eq!(snapshots.newest::<String>(29), Some((20, "state 20".into())));
        let mut bytes = fs::read(snapshots.path(20)).expect("read");
        *bytes.last_mut().expect("bytes") ^= 1;
        fs::write(snapshots.path(20), bytes).expect("write");
        assert_eq!(snapshots.newest::<String>(29), Some((10, "state 10".into())));
        assert_eq!(snapshots.newest::<String>(9), None);
    }

    #[test]
    fn pruning_keeps_two_behind_the_cursor_all_ahead_and_others_evenly_spread() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        let keep = |count: usize, first_seq: u64| Keep { count, bytes_max: u64::MAX, first_seq };
        for seq in 1..=6_u64 {
            snapshots.write(seq, &seq).expect("write");
        }
        snapshots.prune(4, keep(0, 1));
        assert_eq!(snapshots.seqs(), [3, 4, 5, 6]);
        for seq in (10..=800).step_by(10) {
            snapshots.write(seq, &seq).expect("write");
            snapshots.prune(seq, keep(7, 1));
        }
        let seqs = snapshots.seqs();
        assert_eq!(seqs.len(), 9);
        let gaps: Vec<u64> = [0].iter().chain(&seqs).zip(&seqs).map(|(before, seq)| seq - before).collect();
        assert!(gaps.iter().all(|gap| *gap <= 200), "no stretch of 800 frames is longer than twice its share: {gaps:?}");
        snapshots.prune(800, Keep { bytes_max: 0, ..keep(7, 1) });
        assert_eq!(snapshots.seqs(), [790, 800]);
    }

    #[test]
    fn a_snapshot_that_reaches_furthest_back_stays_until_the_journal_has_gone_past_it() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        for seq in [100_u64, 110, 300, 400, 500] {
            snapshots.write(seq, &seq).expect("write");
        }
        let keep = |first_seq: u64| Keep { count: 2, bytes_max: u64::MAX, first_seq };
        snapshots.prune(500, keep(101));
        assert_eq!(snapshots.seqs(), [100, 300, 400, 500]);
        snapshots.prune(500, keep(102));
        assert_eq!(snapshots.seqs(), [300, 400, 500]);
    }
}
