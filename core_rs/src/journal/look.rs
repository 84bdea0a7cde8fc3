//! Opening to look only: a folder whose server is stopped, or a copy of one. Nothing is written, locked, cut or repaired.
//!
//! What cannot be read at the end of the last segment is passed over, as if it had never been written; damage elsewhere is met
//! by the reader. A server that starts meanwhile is not disturbed: segments only grow, and one that retention removes is `Gone`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::durable::Durable;
use super::handle::Journal;
use super::pending::{Pending, SegmentInfo, Shared};
use super::recovery::{readable_end, survey};
use super::segment::parse_name;
use super::signposts::Signposts;
use super::stats::Counters;
use super::{Disk, DiskFile, JournalConfig, JournalError};

/// A folder nothing is written to.
#[derive(Debug)]
pub(super) struct LookedAt(pub(super) PathBuf);

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the journal was opened to read")
}

impl Disk for LookedAt {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn DiskFile>> {
        Err(read_only())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(File::open(self.0.join(name))?))
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Err(read_only())
    }
}

impl Journal {
    /// Opens the journal in a folder to read what is there now; it takes no frames.
    ///
    /// # Errors
    /// `Format`, `Io`; a folder without a segment is `Io` (not found).
    pub fn open_to_read(folder: &Path, config: JournalConfig) -> Result<Self, JournalError> {
        let disk: Arc<dyn Disk> = Arc::new(LookedAt(folder.to_owned()));
        let names = disk.list().map_err(JournalError::io("list the folder"))?;
        let mut segments: BTreeMap<u64, SegmentInfo> = BTreeMap::new();
        for first_seq in names.iter().filter_map(|name| parse_name(name)) {
            segments.insert(first_seq, survey(&*disk, first_seq)?);
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "there is no segment");
        let Some(mut last) = segments.last_entry() else { return Err(JournalError::io("read the journal")(none())) };
        let (end_bytes, next_seq) = readable_end(&*disk, *last.key(), last.get().bytes)?;
        last.get_mut().bytes = end_bytes;
        let pending = Pending {
            next_seq,
            disk_bytes: segments.values().map(|info| info.bytes).sum(),
            closing: true,
            ..Pending::default()
        };
        let shared = Shared {
            config,
            disk,
            pending: Mutex::new(pending),
            work: Condvar::new(),
            durable: Durable::new(next_seq - 1).map_err(JournalError::io("make an eventfd"))?,
            segments: Mutex::new(segments),
            signposts: Signposts::default(),
            counters: Counters::default(),
        };
        Ok(Self::without_writer(shared))
    }
}
