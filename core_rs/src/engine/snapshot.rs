//! The pipeline's state on disk, so that a restart replays minutes and not the whole journal.
//!
//! A file `<seq>.snapshot` holds the state after frame `seq`: 8 bytes magic, CRC32C of the rest, then postcard. It is written to
//! a temporary name, synced and renamed. It may be used only once the store cursor has reached `seq`: what it holds will not be
//! computed again. At most three files are kept: two behind the cursor and one that waits for it. A file that cannot be read is
//! passed over: the journal is the truth, a snapshot only saves time; so nothing is removed from the journal that is not covered
//! by one that was read back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: &[u8; 8] = b"NLSNAP02";

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

    /// Writes the state after frame `seq`; returns its size in bytes.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self, seq: u64, state: &impl Serialize) -> io::Result<usize> {
        let body = postcard::to_stdvec(state).map_err(io::Error::other)?;
        let temporary = self.folder.join("next.tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(MAGIC)?;
        file.write_all(&crc32c::crc32c(&body).to_le_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&temporary, self.path(seq))?;
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

    /// Removes what will not be needed: all older than the newest at or before `cursor` but one.
    pub fn prune(&self, cursor: u64) {
        let usable: Vec<u64> = self.seqs().into_iter().filter(|seq| *seq <= cursor).collect();
        for seq in usable.iter().rev().skip(2) {
            let _ = fs::remove_file(self.path(*seq));
        }
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.folder.join(format!("{seq:020}.snapshot"))
    }

    fn seqs(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut seqs: Vec<u64> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".snapshot")?.parse().ok()).collect();
        seqs.sort_unstable();
        seqs
    }
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
    fn pruning_keeps_two_behind_the_cursor_and_all_ahead() {
        let folder = tempfile::tempdir().expect("folder");
        let snapshots = Snapshots::open(folder.path()).expect("open");
        for seq in 1..=6_u64 {
            snapshots.write(seq, &seq).expect("write");
        }
        snapshots.prune(4);
        assert_eq!(snapshots.seqs(), [3, 4, 5, 6]);
    }
}
