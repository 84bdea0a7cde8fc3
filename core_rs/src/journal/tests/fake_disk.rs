//! A disk in memory that remembers what was synced, and can fail, stall and lose power.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use parking_lot::{Condvar, Mutex};

use super::super::{Disk, DiskFile};

#[derive(Debug, Default)]
pub struct FakeDisk {
    files: Mutex<BTreeMap<String, Arc<FakeFile>>>,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
pub struct Switches {
    pub fail_sync: AtomicBool,
    pub fail_write: AtomicBool,
    pub syncs: AtomicU64,
    stalled: Mutex<bool>,
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct FakeFile {
    bytes: Mutex<Vec<u8>>,
    synced: Mutex<Vec<u8>>,
    switches: Arc<Switches>,
}

impl FakeDisk {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn switches(&self) -> &Switches {
        &self.switches
    }

    /// Syncs wait until `resume`.
    pub fn stall(&self) {
        *self.switches.stalled.lock() = true;
    }

    pub fn resume(&self) {
        *self.switches.stalled.lock() = false;
        self.switches.resumed.notify_all();
    }

    /// What a power cut leaves: the synced bytes, and of later writes those 64-byte pages that `kept` picks.
    pub fn after_power_cut(&self, mut kept: impl FnMut() -> bool) -> Arc<Self> {
        let after = Self::new();
        for (name, file) in self.files.lock().iter() {
            let (bytes, synced) = (file.bytes.lock(), file.synced.lock());
            let mut left = synced.clone();
            for (page, written) in bytes.chunks(64).enumerate() {
                let at = page * 64;
                if kept() && synced.get(at..at + written.len()) != Some(written) {
                    left.resize(left.len().max(at + written.len()), 0);
                    left[at..at + written.len()].copy_from_slice(written);
                }
            }
            after.put(name, left);
        }
        after
    }

    pub fn names(&self) -> Vec<String> {
        self.files.lock().keys().cloned().collect()
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        self.files.lock()[name].bytes.lock().clone()
    }

    /// Replaces a file's content, synced.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let file = FakeFile { synced: Mutex::new(bytes.clone()), bytes: Mutex::new(bytes), switches: self.switches.clone() };
        self.files.lock().insert(name.into(), Arc::new(file));
    }

    /// An independent copy, as a second machine would find it.
    pub fn copy(&self) -> Arc<Self> {
        self.after_power_cut(|| true)
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = Arc::new(FakeFile { switches: self.switches.clone(), ..FakeFile::default() });
        if self.files.lock().insert(name.into(), file.clone()).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(file)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.files.lock().get(name).ok_or(io::ErrorKind::NotFound)?.clone())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.lock().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FakeFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = self.bytes.lock();
        let from = bytes.get(offset as usize..).unwrap_or_default();
        let len = from.len().min(buf.len());
        buf[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if self.switches.fail_write.load(SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut bytes = self.bytes.lock();
        let end = offset as usize + buf.len();
        let len = bytes.len().max(end);
        bytes.resize(len, 0);
        bytes[offset as usize..end].copy_from_slice(buf);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut stalled = self.switches.stalled.lock();
        while *stalled {
            self.switches.resumed.wait(&mut stalled);
        }
        if self.switches.fail_sync.load(SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        self.switches.syncs.fetch_add(1, SeqCst);
        *self.synced.lock() = self.bytes.lock().clone();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.bytes.lock().truncate(len as usize);
        Ok(())
    }
}
