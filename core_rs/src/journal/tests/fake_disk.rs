//! A disk in memory that knows what was synced, and can fail, stall, fill up and lose power at any operation.
//!
//! A power cut keeps what was synced. Of everything later each 512-byte sector is, by a seed, as it was, as some later write left
//! it, or torn at a byte; lengths and directory entries likewise, each for itself, so that writes reach the disk in any order.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use parking_lot::{Condvar, Mutex};

use super::super::{Disk, DiskFile};

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub struct FakeDisk {
    state: Arc<Mutex<State>>,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
pub struct Switches {
    pub fail_sync: AtomicBool,
    pub fail_write: AtomicBool,
    /// The disk cannot hold blocks ahead.
    pub no_allocate: AtomicBool,
    pub syncs: AtomicU64,
    /// Threads that wait in a stalled sync.
    pub in_sync: AtomicU64,
    stalled: Mutex<bool>,
    resumed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// Bytes it holds; None without end.
    capacity: Option<u64>,
    operations: Vec<&'static str>,
    /// The power goes during this operation, counted from 1.
    cut_at: Option<usize>,
}

#[derive(Debug, Default, Clone)]
struct Inode {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    /// What happened since `synced`: the offset and bytes of writes, and the length after each.
    unsynced: Vec<(usize, Vec<u8>, usize)>,
    held: u64,
}

#[derive(Debug)]
struct FakeFile {
    inode: usize,
    state: Arc<Mutex<State>>,
    switches: Arc<Switches>,
}

/// A stream of numbers from a seed (splitmix64).
#[derive(Debug)]
pub struct Luck(pub u64);

impl Luck {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
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

    /// Bytes it holds from now on.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// Bytes taken, those held ahead included.
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    /// The power goes during the operation with this number from now on, counted from 1.
    pub fn cut_power_at(&self, operation: Option<usize>) {
        let mut state = self.state.lock();
        state.operations.clear();
        state.cut_at = operation;
    }

    /// What was done since `cut_power_at`.
    pub fn operations(&self) -> Vec<&'static str> {
        self.state.lock().operations.clone()
    }

    /// What a power cut leaves now, in the worst case: nothing that was not synced.
    pub fn synced_only(&self) -> Arc<Self> {
        let state = self.state.lock();
        let after = Self::new();
        for (name, inode) in &state.synced_names {
            after.put(name, state.inodes[*inode].synced.clone());
        }
        after
    }

    /// What a power cut leaves now.
    pub fn after_power_cut(&self, luck: &mut Luck) -> Arc<Self> {
        let state = self.state.lock();
        let after = Self::new();
        let mut names: Vec<&String> = state.names.keys().chain(state.synced_names.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (now, synced) = (state.names.get(name), state.synced_names.get(name));
            let inode = if now == synced || luck.below(2) == 0 { now } else { synced };
            if let Some(inode) = inode {
                after.put(name, state.inodes[*inode].after_power_cut(luck));
            }
        }
        after
    }

    pub fn names(&self) -> Vec<String> {
        self.state.lock().names.keys().cloned().collect()
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        let state = self.state.lock();
        state.inodes[state.names[name]].bytes.clone()
    }

    /// Replaces a file's content, synced.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.state.lock();
        let inode = state.inodes.len();
        state.inodes.push(Inode { synced: bytes.clone(), bytes, ..Inode::default() });
        state.names.insert(name.into(), inode);
        state.synced_names.insert(name.into(), inode);
    }

    /// An independent copy, as a second machine would find it.
    pub fn copy(&self) -> Arc<Self> {
        let copy = Self::new();
        for name in self.names() {
            copy.put(&name, self.get(&name));
        }
        copy
    }

    fn file(&self, inode: usize) -> Arc<dyn DiskFile> {
        Arc::new(FakeFile { inode, state: self.state.clone(), switches: self.switches.clone() })
    }
}

impl State {
    /// Counts an operation. The one during which the power goes still reaches the unsynced state; later ones do nothing.
    fn operation(&mut self, name: &'static str) -> io::Result<bool> {
        if self.cut_at.is_some_and(|at| self.operations.len() >= at) {
            return Err(io::Error::other("the power is gone"));
        }
        self.operations.push(name);
        Ok(self.cut_at != Some(self.operations.len()))
    }

    fn used(&self) -> u64 {
        self.names.values().map(|inode| self.inodes[*inode].taken()).sum()
    }

    fn free(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }
}

/// The end of an operation: an error if the power went meanwhile.
fn done(powered: bool) -> io::Result<()> {
    if powered { Ok(()) } else { Err(io::Error::other("the power went")) }
}

impl Inode {
    fn taken(&self) -> u64 {
        self.held.max(self.bytes.len() as u64)
    }

    fn write(&mut self, at: usize, written: &[u8]) {
        let len = self.bytes.len().max(at + written.len());
        self.bytes.resize(len, 0);
        self.bytes[at..at + written.len()].copy_from_slice(written);
        self.unsynced.push((at, written.to_vec(), len));
    }

    fn truncate(&mut self, len: usize) {
        let gone = self.bytes.len().saturating_sub(len);
        self.bytes.truncate(len);
        self.held = 0;
        self.unsynced.push((len, vec![0; gone], self.bytes.len()));
    }

    /// What was written since the last sync reaches the disk; what a failed one let go of does not.
    fn sync(&mut self) {
        for (at, written, len) in self.unsynced.drain(..) {
            self.synced.resize(self.synced.len().max(at + written.len()), 0);
            self.synced[at..at + written.len()].copy_from_slice(&written);
            self.synced.resize(len, 0);
        }
    }

    /// A failed sync as ext4 and XFS leave it: the pages can still be read and count as clean, so that no later sync writes them.
    fn fail_sync(&mut self) {
        self.unsynced.clear();
    }

    /// Each sector as some moment since the last sync left it, or torn between two of them.
    fn after_power_cut(&self, luck: &mut Luck) -> Vec<u8> {
        let len = match luck.below(self.unsynced.len() + 1) {
            0 => self.synced.len(),
            nth => self.unsynced[nth - 1].2,
        };
        let longest = self.unsynced.iter().map(|(at, written, _)| at + written.len()).fold(self.synced.len(), usize::max);
        let mut left = self.synced.clone();
        left.resize(longest, 0);
        for sector in (0..longest).step_by(SECTOR) {
            let end = (sector + SECTOR).min(longest);
            let touching: Vec<_> =
                self.unsynced.iter().filter(|(at, written, _)| *at < end && at + written.len() > sector).collect();
            let reached = luck.below(touching.len() + 1);
            for (nth, (at, written, _)) in touching.into_iter().enumerate().take(reached) {
                let (from, mut to) = ((*at).max(sector), (at + written.len()).min(end));
                if nth + 1 == reached && luck.below(4) == 0 {
                    to = from + luck.below(to - from + 1);
                }
                left[from..to].copy_from_slice(&written[from - at..to - at]);
            }
        }
        left.resize(len, 0);
        left
    }
}

impl Disk for FakeDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        let powered = state.operation("create")?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.free() == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.into(), inode);
        drop(state);
        done(powered).map(|()| self.file(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = *self.state.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(inode))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let powered = state.operation("remove")?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        done(powered)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let powered = state.operation("sync_dir")?;
        if powered {
            state.synced_names = state.names.clone();
        }
        done(powered)
    }
}

impl DiskFile for FakeFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.state.lock().inodes[self.inode].bytes.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state.lock();
        let from = state.inodes[self.inode].bytes.get(offset as usize..).unwrap_or_default();
        let len = from.len().min(buf.len());
        buf[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        if self.switches.fail_write.load(SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        let mut state = self.state.lock();
        let powered = state.operation("write")?;
        let missing = (offset + buf.len() as u64).saturating_sub(state.inodes[self.inode].taken());
        let short = missing.saturating_sub(state.free()) as usize;
        let fits = &buf[..buf.len().saturating_sub(short)];
        if !fits.is_empty() {
            state.inodes[self.inode].write(offset as usize, fits);
        }
        done(powered)?;
        if short > 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.switches.in_sync.fetch_add(1, SeqCst);
        let mut stalled = self.switches.stalled.lock();
        while *stalled {
            self.switches.resumed.wait(&mut stalled);
        }
        drop(stalled);
        self.switches.in_sync.fetch_sub(1, SeqCst);
        if self.switches.fail_sync.load(SeqCst) {
            self.state.lock().inodes[self.inode].fail_sync();
            return Err(io::Error::other("the disk is gone"));
        }
        let mut state = self.state.lock();
        let powered = state.operation("sync_data")?;
        if powered {
            self.switches.syncs.fetch_add(1, SeqCst);
            state.inodes[self.inode].sync();
        }
        done(powered)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let powered = state.operation("truncate")?;
        state.inodes[self.inode].truncate(len as usize);
        done(powered)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        if self.switches.no_allocate.load(SeqCst) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut state = self.state.lock();
        let powered = state.operation("allocate")?;
        let missing = (offset + len).saturating_sub(state.inodes[self.inode].taken());
        if missing > state.free() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        inode.held = inode.held.max(offset + len);
        done(powered)
    }
}
