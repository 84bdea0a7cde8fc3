//! The few file operations the journal needs, behind a trait, so that tests can tear, fail and lose writes.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};

use super::JournalError;

/// A flat folder of files.
pub trait Disk: Send + Sync + Debug {
    /// Names of the files there, in any order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new, empty file for reading and writing; an error if the name exists.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// An existing file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations and removals durable.
    fn sync_dir(&self) -> io::Result<()>;
}

/// One file.
pub trait DiskFile: Send + Sync + Debug {
    /// Its length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads into `buf` from `offset`; fewer bytes than asked only at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `buf` at `offset`.
    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()>;
    /// Returns once the contents, and the length to read them, are durable (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Cuts the file to `len` bytes, and gives back what was held for it behind them.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Holds blocks for `len` bytes from `offset`, so that writing them needs no more room; the file's length stays.
    /// `Unsupported` on a disk that cannot.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;
}

/// A folder of the operating system, locked against a second journal for as long as this lives.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    folder: File,
    _lock: File,
}

impl RealDisk {
    /// Opens (and makes, mode 0700) the folder and takes its lock.
    ///
    /// # Errors
    /// `Locked` when another journal has the folder open, `Io` otherwise.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        use std::os::unix::fs::DirBuilderExt;
        let is_new = !path.exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(JournalError::io("make the folder"))?;
        let lock = options().create(true).open(path.join("LOCK")).map_err(JournalError::io("open the lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| JournalError::Locked)?;
        let folder = File::open(path).map_err(JournalError::io("open the folder"))?;
        // A new folder's own entry must survive a power cut too, and that of the data folder, which may be as new.
        for above in path.ancestors().skip(1).take(if is_new { 2 } else { 0 }).filter(|above| !above.as_os_str().is_empty()) {
            File::open(above).and_then(|above| above.sync_all()).map_err(JournalError::io("sync the folder above"))?;
        }
        Ok(Self { path: path.to_owned(), folder, _lock: lock })
    }
}

/// Readable and writable by the owner only: payloads hold patient data.
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

impl Disk for RealDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(options().create_new(true).open(self.path.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(options().open(self.path.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        loop {
            match fallocate(self, FallocateFlags::KEEP_SIZE, offset, len) {
                Err(rustix::io::Errno::INTR) => {}
                done => return done.map_err(io::Error::from),
            }
        }
    }
}
