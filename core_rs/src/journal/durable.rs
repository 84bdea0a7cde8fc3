//! How far the journal is durable, and the ways to wait for it: a condition variable for threads, an eventfd for Python's
//! event loop, a `watch` channel for tokio.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::watch;

/// Longest single wait; callers that wait longer ask again.
const WAIT_MAX: Duration = Duration::from_secs(86_400);

/// How far the journal is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Every frame up to and including this one is on disk.
    pub durable_seq: u64,
    /// Nothing more will become durable: what is not acknowledged by now must not be.
    pub failed: bool,
}

#[derive(Debug)]
pub(super) struct Durable {
    seq: AtomicU64,
    failed: AtomicBool,
    lock: Mutex<()>,
    moved: Condvar,
    fd: OwnedFd,
    watch: watch::Sender<Progress>,
}

impl Durable {
    pub(super) fn new(durable_seq: u64) -> io::Result<Self> {
        Ok(Self {
            seq: AtomicU64::new(durable_seq),
            failed: AtomicBool::new(false),
            lock: Mutex::new(()),
            moved: Condvar::new(),
            fd: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            watch: watch::Sender::new(Progress { durable_seq, failed: false }),
        })
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq.load(Ordering::Acquire)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { durable_seq: self.seq(), failed: self.failed.load(Ordering::Acquire) }
    }

    /// Called by the writer alone, after the sync.
    pub(super) fn advance(&self, seq: u64) {
        // First what everyone may ask, then the news: who acts on the news must find it true.
        self.seq.store(seq, Ordering::Release);
        self.watch.send_replace(Progress { durable_seq: seq, failed: false });
        self.wake();
    }

    /// Called by the writer alone, as its last act.
    pub(super) fn fail(&self) {
        self.watch.send_replace(Progress { durable_seq: self.seq(), failed: true });
        self.failed.store(true, Ordering::Release);
        self.wake();
    }

    /// There is news, if only that there will be none for a while.
    pub(super) fn wake(&self) {
        drop(self.lock.lock()); // a waiter is now either before its check or asleep
        self.moved.notify_all();
        // A full counter (2^64 - 2 unread commits) is the only error, and it still wakes the reader.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }

    /// Waits until `seq` is durable, the journal failed, or the time is over.
    pub(super) fn wait(&self, seq: u64, timeout: Duration) -> Progress {
        let deadline = Instant::now() + timeout.min(WAIT_MAX);
        let mut guard = self.lock.lock();
        loop {
            let progress = self.progress();
            if progress.durable_seq >= seq || progress.failed || self.moved.wait_until(&mut guard, deadline).timed_out() {
                return self.progress();
            }
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.watch.subscribe()
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
