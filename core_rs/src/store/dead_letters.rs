//! Rows of `dead_letters` and of `dead_letter_replays`: what could not be used, why, and what became of it (P4).

use super::copy::{CopyBuffer, CopyTable};
use crate::error::Refusal;
use crate::receive::Frame;

/// A frame, or a part of one, that could not be used.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetter<'a> {
    /// The frame's sequence number.
    pub seq: u64,
    /// Position within the frame.
    pub ordinal: u32,
    /// The frame: its door, sender, context, time and, where `raw` is set, its bytes.
    pub frame: &'a Frame,
    /// The stage that refused: decode or window.
    pub stage: &'static str,
    /// Why; code, detail and location go into the row.
    pub refusal: &'a Refusal,
    /// Whether the row carries the frame's bytes: true for the frame's first dead letter only.
    pub raw: bool,
}

/// COPY rows of `dead_letters`.
#[derive(Debug)]
pub struct DeadLetterRows(CopyBuffer);

impl DeadLetterRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] =
        &["seq", "ordinal", "received_at", "source", "principal", "context", "stage", "reason", "detail", "location", "raw"];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("dead_letters", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, letter: &DeadLetter<'_>) {
        let (frame, refusal) = (letter.frame, letter.refusal);
        let tuple = self.0.tuple();
        tuple.int8(letter.seq).int4(letter.ordinal).timestamp(frame.received_at_us).int2(frame.source as i16);
        tuple.text(&frame.principal).text(&frame.context).text(letter.stage);
        tuple.text(refusal.code.name()).text(&refusal.detail).text(&refusal.location);
        if letter.raw {
            tuple.bytea(&frame.payload)
        } else {
            tuple.null()
        };
    }

    /// Rows since the last `finish`.
    pub const fn rows(&self) -> u32 {
        self.0.rows()
    }

    /// Bytes since the last `finish`. A row may carry a whole frame: end the batch by this, not by rows alone.
    pub fn len_bytes(&self) -> usize {
        self.0.len_bytes()
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for DeadLetterRows {
    fn default() -> Self {
        Self::new()
    }
}

/// COPY rows of `dead_letter_replays`: frame `seq` was sent through the route again as frame `replayed_seq`.
#[derive(Debug)]
pub struct ReplayRows(CopyBuffer);

impl ReplayRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &["seq", "replayed_seq", "replayed_at"];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("dead_letter_replays", Self::COLUMNS))
    }

    /// Appends one row; the time is the receipt of the replay frame, microseconds since 1970-01-01 UTC.
    pub fn push(&mut self, seq: u64, replayed_seq: u64, replayed_at_us: i64) {
        self.0.tuple().int8(seq).int8(replayed_seq).timestamp(replayed_at_us);
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for ReplayRows {
    fn default() -> Self {
        Self::new()
    }
}
