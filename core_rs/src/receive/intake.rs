//! What a door needs of the journal: hand a frame over, and learn when it is on disk.

use tokio::sync::watch;

use super::FrameRef;
use crate::error::Refusal;
use crate::journal::{Journal, Progress};

/// The acknowledgement authority as a door sees it.
///
/// Sequence numbers grow with each call of `submit` from one thread. A frame is safe, and may be acknowledged, once
/// `durable_seq` has reached its number (P1).
pub trait Intake: Send + Sync + 'static {
    /// Queue a frame and return its sequence number; never waits for the disk.
    ///
    /// # Errors
    /// `TooLarge` is final. Anything else (`Overloaded`, `JournalFull`, `Internal`) means "not now": the door keeps the frame,
    /// stops reading from its sender and asks again.
    fn submit(&self, frame: &FrameRef<'_>) -> Result<u64, Refusal>;

    /// How far the journal is durable, now and as it goes on.
    fn durable(&self) -> watch::Receiver<Progress>;
}

impl Intake for Journal {
    fn submit(&self, frame: &FrameRef<'_>) -> Result<u64, Refusal> {
        Self::submit(self, frame).map(|receipt| receipt.seq)
    }

    fn durable(&self) -> watch::Receiver<Progress> {
        self.watch_durable()
    }
}
