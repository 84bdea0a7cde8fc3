//! Rows of `policy_changes`: every alert policy that was given, by whom and why, for whoever asks what held when.

use super::copy::{CopyBuffer, CopyTable};

/// One change of the alert policy.
#[derive(Debug, Clone, Copy)]
pub struct PolicyRow<'a> {
    /// The frame.
    pub seq: u64,
    /// Receipt of the frame, microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Id of the key that loaded it, or `file`.
    pub by: &'a str,
    /// The person's words.
    pub note: &'a str,
    /// Of the text.
    pub sha256: [u8; 32],
    /// The TOML.
    pub policy: &'a str,
    /// Why it was not put in force; empty where it was.
    pub refused: &'a str,
}

/// COPY rows of `policy_changes`.
#[derive(Debug)]
pub struct PolicyRows(CopyBuffer);

impl PolicyRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &["seq", "at", "by_key", "note", "sha256", "policy", "refused"];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("policy_changes", Self::COLUMNS))
    }

    /// Appends one row.
    pub fn push(&mut self, row: &PolicyRow<'_>) {
        let tuple = self.0.tuple().int8(row.seq).timestamp(row.at_us).text(row.by).text(row.note);
        tuple.bytea(&row.sha256).text(row.policy).text(row.refused);
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for PolicyRows {
    fn default() -> Self {
        Self::new()
    }
}
