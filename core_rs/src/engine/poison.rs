//! The list of frames that stopped a stage, beside the journal: `<data>/journal/quarantine`. It belongs to the journal as much as
//! its segments do: a copy or a backup without it gives other rows.
//!
//! First line: `nightlamp quarantine 1 <CRC32C of the rest, 8 hex digits>`; the rest is one JSON object. A change is a new file,
//! synced and renamed, so the list is the old or the new one, durable before the pipeline goes on. One that cannot be read refuses
//! the start: without it the poison would be taken again. Limit: `PER_HOUR_MAX` or what the settings say; see `Runner`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::pipeline::{Poison, Quarantine};

const NAME: &str = "quarantine";
const HEAD: &str = "nightlamp quarantine 1 ";
const HOUR_US: i64 = 3_600_000_000;

/// The file's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Frames that are passed over.
    frames: Vec<Poison>,
    /// First and last frame of batches in which a stage hung: run one by one by the next start, so that one is to blame.
    suspects: Vec<(u64, u64)>,
}

/// The list of a journal that is written to.
#[derive(Debug)]
pub(super) struct PoisonList {
    folder: PathBuf,
    content: Mutex<Content>,
    /// What the pipeline asks.
    pub known: Arc<Quarantine>,
}

/// The frames to pass over in a journal that is only read.
///
/// # Errors
/// The file is there and cannot be read.
pub(super) fn read(folder: &Path) -> io::Result<Arc<Quarantine>> {
    Ok(known(&load(folder)?))
}

impl PoisonList {
    /// The list in a journal's folder; empty where there is no file.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let content = load(folder)?;
        Ok(Self { folder: folder.to_owned(), known: known(&content), content: Mutex::new(content) })
    }

    /// Adds a frame. It is passed over, here and after every start, once this has returned.
    ///
    /// # Errors
    /// The disk's; the list is then as it was.
    pub fn add(&self, poison: Poison) -> io::Result<()> {
        self.change(|content| {
            content.frames.retain(|known| known.seq != poison.seq);
            content.frames.push(poison.clone());
            content.frames.sort_by_key(|known| known.seq);
        })?;
        self.known.put(poison);
        Ok(())
    }

    /// Adds a run of frames of which one hung a stage.
    ///
    /// # Errors
    /// The disk's.
    pub fn suspect(&self, frames: (u64, u64)) -> io::Result<()> {
        self.change(|content| {
            content.suspects.retain(|known| *known != frames);
            content.suspects.push(frames);
        })
    }

    /// The frames up to this one were run one by one.
    ///
    /// # Errors
    /// The disk's.
    pub fn cleared(&self, up_to_seq: u64) -> io::Result<()> {
        self.change(|content| content.suspects.retain(|(_, last)| *last > up_to_seq))
    }

    /// The first run of suspects that ends at this frame or later.
    pub fn suspects(&self, from_seq: u64) -> Option<(u64, u64)> {
        self.content.lock().suspects.iter().copied().filter(|(_, last)| *last >= from_seq).min()
    }

    /// Frames added within an hour of this time.
    pub fn recent(&self, now_us: i64) -> usize {
        let content = self.content.lock();
        content.frames.iter().filter(|known| now_us.abs_diff(known.found_at_us) < HOUR_US.unsigned_abs()).count()
    }

    fn change(&self, how: impl FnOnce(&mut Content)) -> io::Result<()> {
        let mut content = self.content.lock();
        let mut next = content.clone();
        how(&mut next);
        if next == *content {
            return Ok(());
        }
        save(&self.folder, &next)?;
        *content = next;
        Ok(())
    }
}

fn known(content: &Content) -> Arc<Quarantine> {
    let known = Quarantine::default();
    content.frames.iter().for_each(|poison| known.put(poison.clone()));
    Arc::new(known)
}

fn load(folder: &Path) -> io::Result<Content> {
    let text = match fs::read_to_string(folder.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::default()),
        Err(error) => return Err(error),
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "damaged: its checksum does not hold");
    let (head, body) = text.split_once('\n').ok_or_else(damaged)?;
    let crc = head.strip_prefix(HEAD).and_then(|crc| u32::from_str_radix(crc, 16).ok()).ok_or_else(damaged)?;
    if crc != crc32c::crc32c(body.as_bytes()) {
        return Err(damaged());
    }
    serde_json::from_str(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn save(folder: &Path, content: &Content) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let body = serde_json::to_string_pretty(content).map_err(io::Error::other)? + "\n";
    let temporary = folder.join("quarantine.tmp");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(format!("{HEAD}{:08x}\n{body}", crc32c::crc32c(body.as_bytes())).as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(NAME))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Did, Stage};

    fn poison(seq: u64, found_at_us: i64) -> Poison {
        Poison { seq, stage: Stage::Score, did: Did::Panicked, place: "score/forest.rs:7".into(), found_at_us }
    }

    #[test]
    fn the_list_is_read_back_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let list = PoisonList::open(folder.path()).expect("none yet");
        assert!(list.known.is_empty());
        list.add(poison(9, 5)).expect("added");
        list.add(poison(4, HOUR_US * 2)).expect("added");
        list.suspect((20, 30)).expect("suspect");
        let again = PoisonList::open(folder.path()).expect("read");
        assert_eq!(again.known.all().iter().map(|known| known.seq).collect::<Vec<_>>(), [4, 9]);
        assert_eq!(read(folder.path()).expect("read").get(9), Some(poison(9, 5)));
        assert_eq!((again.suspects(1), again.suspects(30), again.suspects(31)), (Some((20, 30)), Some((20, 30)), None));
        assert_eq!((again.recent(0), again.recent(HOUR_US * 2 + 1)), (1, 1));
        again.cleared(30).expect("cleared");
        assert_eq!(PoisonList::open(folder.path()).expect("read").suspects(1), None);
        let text = fs::read_to_string(folder.path().join(NAME)).expect("text");
        fs::write(folder.path().join(NAME), text.replace("\"seq\": 9", "\"seq\": 8")).expect("written");
        assert!(PoisonList::open(folder.path()).is_err() && read(folder.path()).is_err());
    }
}
