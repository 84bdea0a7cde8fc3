//! The pipeline's state on disk, so that a restart replays minutes and not the whole journal.
//!
//! A file `<seq>.snapshot` holds the state after frame `seq`: 8 bytes magic, CRC32C of the rest, then postcard. It is written to
//! a temporary name (`begin`, as fast as memory takes it), synced and renamed (`Unsynced::finish`), while the pipeline goes on: what
//! is written is the state as it stood (`pipeline::Frozen`). It may be used by a start only once the store cursor has reached `seq`:
//! what it holds will not be computed again.
//!
//! Kept are two behind the cursor; ahead of it the newest and `WAITING_MAX` - 1 more, spread evenly, so that a start in the midst of
//! a backlog, or just after it, has one not far behind the cursor; and `Keep` more, spread evenly over the frames the journal still
//! holds, so that a replay of the past never has far to go. A file that cannot be read is passed over: the journal is the truth, a
//! snapshot only saves time; so nothing is removed from the journal that is not covered by one that was read back.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: &[u8; 8] = b"NLSNAP10";

/// Snapshots that wait for the store cursor.
pub const WAITING_MAX: usize = 8;
/// Bytes handed to the file at a time.
const WRITE_BYTES: usize = 1 << 20;

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

/// A snapshot in memory and page cache.
#[derive(Debug)]
pub struct Unsynced {
    temporary: PathBuf,
    path: PathBuf,
    folder: PathBuf,
    bytes: usize,
}

impl Unsynced {
    /// Makes it durable and gives it its name; its size in bytes.
    ///
    /// # Errors
    /// The disk's; nothing is left behind.
    pub fn finish(self) -> io::Result<usize> {
        File::open(&self.temporary)?.sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(self.bytes)
    }
}

impl Drop for Unsynced {
    fn drop(&mut self) {
        // After the renaming there is nothing of this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Counts and checksums what goes into the file.
struct Counted<'a> {
    file: &'a File,
    crc: u32,
    bytes: usize,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, bytes.get(..written).unwrap_or_default());
        self.bytes += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Snapshots {
    /// Opens the folder, made if missing; what a crash left half written is removed.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let _ = fs::remove_file(folder.join("next.tmp"));
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
        self.begin(seq, state)?.finish()
    }

    /// Writes the state after frame `seq` without waiting for the disk; it counts once `finish` has returned. Takes a megabyte of
    /// memory, whatever the state's size.
    ///
    /// # Errors
    /// The disk's; nothing is left behind.
    pub fn begin(&self, seq: u64, state: &impl Serialize) -> io::Result<Unsynced> {
        let temporary = self.folder.join("next.tmp");
        let mut begun = Unsynced { temporary, path: self.path(seq), folder: self.folder.clone(), bytes: 0 };
        let mut file = File::create(&begun.temporary)?;
        file.write_all(MAGIC)?;
        file.write_all(&[0; 4])?;
        let counted = Counted { file: &file, crc: 0, bytes: 0 };
        let buffer = BufWriter::with_capacity(WRITE_BYTES, counted);
        let mut buffer = postcard::to_io(state, buffer).map_err(io::Error::other)?;
        buffer.flush()?;
        let Counted { crc, bytes, .. } = *buffer.get_ref();
        file.write_all_at(&crc.to_le_bytes(), MAGIC.len() as u64)?;
        begun.bytes = bytes;
        Ok(begun)
    }

    /// Removes what holds this frame: it was taken in before, and is passed over from now on.
    pub fn forget_from(&self, seq: u64) {
        for later in self.seqs().into_iter().filter(|later| *later >= seq) {
            let _ = fs::remove_file(self.path(later));
        }
    }

    /// Removes what waits for the cursor beyond `WAITING_MAX` files and `bytes_max` bytes; the newest always stays.
    pub fn thin_waiting(&self, cursor: u64, bytes_max: u64) {
        let mut waiting: Vec<u64> = self.seqs().into_iter().filter(|seq| *seq > cursor).collect();
        let bytes = |seq: &u64| fs::metadata(self.path(*seq)).map_or(0, |file| file.len());
        let Some(newest) = waiting.pop() else { return };
        let left = bytes_max.saturating_sub(bytes(&newest));
        while !waiting.is_empty() && (waiting.len() >= WAITING_MAX || waiting.iter().map(bytes).sum::<u64>() > left) {
            let _ = fs::remove_file(self.path(waiting.remove(most_crowded(&waiting, cursor, newest))));
        }
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

    /// How many at or before `cursor` are of another format: another version wrote them.
    pub fn foreign(&self, cursor: u64) -> usize {
        self.seqs().into_iter().filter(|seq| *seq <= cursor && !self.is_readable(*seq)).count()
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

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    unpack(&fs::read(path).ok()?)
}

/// What stands in front of a state.
pub fn head(body: &[u8]) -> [u8; 12] {
    let mut head = [0; 12];
    head.iter_mut().zip(MAGIC.iter().copied().chain(crc32c::crc32c(body).to_le_bytes())).for_each(|(to, from)| *to = from);
    head
}

/// The state in the bytes of a snapshot; None where they are not one.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
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
    fn snapshots_of_another_version_are_passed_over_and_counted() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        for seq in [10_u64, 20, 30] {
            snapshots.write(seq, &seq).expect("write");
        }
        for seq in [20, 30] {
            let mut bytes = fs::read(snapshots.path(seq)).expect("read");
            bytes[..8].copy_from_slice(b"NLSNAP01");
            fs::write(snapshots.path(seq), bytes).expect("write");
        }
        assert_eq!((snapshots.newest::<u64>(40), snapshots.foreign(40), snapshots.foreign(29)), (Some((10, 10)), 2, 1));
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
    fn what_waits_for_the_cursor_is_bounded_evenly_spread_and_always_has_the_newest() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        snapshots.write(50, &0).expect("write");
        for seq in (100..=10_000_u64).step_by(100) {
            snapshots.write(seq, &seq).expect("write");
            snapshots.thin_waiting(50, u64::MAX);
        }
        let seqs = snapshots.seqs();
        assert_eq!((seqs.len(), seqs.first(), seqs.last()), (1 + WAITING_MAX, Some(&50), Some(&10_000)));
        assert!(seqs.windows(2).all(|pair| pair[1] - pair[0] <= 2 * 10_000 / WAITING_MAX as u64), "{seqs:?}");
        snapshots.thin_waiting(50, 0);
        assert_eq!(snapshots.seqs(), [50, 10_000]);
        assert_eq!(snapshots.newest::<u64>(10_000), Some((10_000, 10_000)));
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
