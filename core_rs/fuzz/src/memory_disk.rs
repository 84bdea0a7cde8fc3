//! A disk in memory for the journal under test. It never fails: what a fuzzer varies are the bytes it starts from; disks that
//! tear, fail and forget are the business of `core_rs/src/journal/tests`.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use nightlamp_core::journal::{Disk, DiskFile};

/// Files by name.
#[derive(Debug, Default)]
pub struct MemoryDisk {
    files: Mutex<BTreeMap<String, Arc<MemoryFile>>>,
}

#[derive(Debug, Default)]
struct MemoryFile(Mutex<Vec<u8>>);

impl MemoryDisk {
    /// A disk with these files.
    pub fn with(files: &[(String, Vec<u8>)]) -> Arc<Self> {
        let files = files.iter().map(|(name, bytes)| (name.clone(), Arc::new(MemoryFile(Mutex::new(bytes.clone())))));
        Arc::new(Self { files: Mutex::new(files.collect()) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.files).keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = Arc::new(MemoryFile::default());
        match lock(&self.files).insert(name.into(), Arc::clone(&file)) {
            None => Ok(file),
            Some(_) => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        lock(&self.files)
            .get(name)
            .map(|file| Arc::clone(file) as Arc<dyn DiskFile>)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        lock(&self.files).remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(())
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes = lock(&self.0);
        let from = bytes.get(place(offset)?..).unwrap_or_default();
        let count = from.len().min(buf.len());
        buf.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(count)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = lock(&self.0);
        let start = place(offset)?;
        let end = start + buf.len();
        let size = bytes.len().max(end);
        // A hole of terabytes would be the journal's fault, and this disk is no place to find it by running out of memory.
        assert!(size < 1 << 24, "a write at {offset}, far behind the end");
        bytes.resize(size, 0);
        bytes[start..end].copy_from_slice(buf);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn allocate(&self, _: u64, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        lock(&self.0).truncate(place(len)?);
        Ok(())
    }
}
