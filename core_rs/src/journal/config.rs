//! What a site may set about the journal, and the limits of the format itself.

use super::JournalError;
use crate::limits::Limits;
use crate::receive::{CONTEXT_BYTES_MAX, FRAME_HEAD_BYTES, PRINCIPAL_BYTES_MAX};

/// Largest record body the format allows, whatever the settings were when it was written.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;

/// What to do when an acknowledged record cannot be read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDamage {
    /// Refuse to open, or to read on: a person decides.
    #[default]
    Refuse,
    /// Leave the damaged bytes where they are, read around them and count what was lost.
    Quarantine,
}

/// The journal's settings.
#[derive(Debug, Clone, Copy)]
pub struct JournalConfig {
    /// How long a batch may wait for company before it is written, microseconds; 0 commits at once.
    pub commit_us_max: u64,
    /// A waiting batch of this many frames is written without further delay.
    pub commit_frames_max: u64,
    /// A waiting batch of this many bytes is written without further delay.
    pub commit_bytes_max: usize,
    /// Bytes on disk before new frames are refused.
    pub journal_bytes_max: u64,
    /// Size at which a segment ends.
    pub segment_bytes_max: u64,
    /// Bytes between submit and disk before new frames are refused.
    pub waiting_bytes_max: usize,
    /// Largest payload of a frame.
    pub frame_bytes_max: usize,
    /// What to do about damage.
    pub on_damage: OnDamage,
}

impl JournalConfig {
    /// The settings that follow from the site's limits.
    pub fn from_limits(limits: &Limits) -> Self {
        Self {
            commit_us_max: 0,
            commit_frames_max: 1_024,
            commit_bytes_max: 1 << 20,
            journal_bytes_max: limits.journal_bytes_max,
            segment_bytes_max: limits.journal_segment_bytes_max,
            waiting_bytes_max: limits.journal_waiting_bytes_max,
            frame_bytes_max: limits.frame_bytes_max,
            on_damage: OnDamage::Refuse,
        }
    }

    /// Settings under which no frame could ever pass are refused at the start.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        if self.frame_bytes_max + 2 * FRAME_OVERHEAD_BYTES > BODY_BYTES_MAX {
            return Err(JournalError::Config("frame_bytes_max is larger than the format allows"));
        }
        if self.waiting_bytes_max < self.frame_bytes_max + 2 * FRAME_OVERHEAD_BYTES {
            return Err(JournalError::Config("journal_waiting_bytes_max holds not even one frame of frame_bytes_max"));
        }
        if self.journal_bytes_max <= self.segment_bytes_max {
            return Err(JournalError::Config("journal_bytes_max must be larger than journal_segment_bytes_max"));
        }
        Ok(())
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self::from_limits(&Limits::default())
    }
}

/// Most that an encoded frame or record adds to its payload: a Replay payload is larger by it than the frame it carries.
pub(super) const FRAME_OVERHEAD_BYTES: usize = 32 + FRAME_HEAD_BYTES + PRINCIPAL_BYTES_MAX + CONTEXT_BYTES_MAX;
