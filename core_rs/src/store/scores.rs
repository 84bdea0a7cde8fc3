//! Rows of `scores`: each with the model that made it, its inputs and their ages (P9).

use super::copy::{CopyBuffer, CopyTable};
use super::observations::signal_number;
use crate::score::Score;
pub use crate::score::ScorerName as Scorer;

/// COPY rows of `scores`.
#[derive(Debug)]
pub struct ScoreRows(CopyBuffer);

impl ScoreRows {
    /// The columns, in the order of the fields.
    pub const COLUMNS: &'static [&'static str] = &[
        "seq",
        "ordinal",
        "patient_id",
        "model",
        "version",
        "model_sha256",
        "scored_at",
        "raw",
        "value",
        "band",
        "present",
        "expected",
        "input_signals",
        "input_values",
        "input_ages_s",
        "input_points",
        "features",
    ];

    /// No rows.
    pub const fn new() -> Self {
        Self(CopyBuffer::new("scores", Self::COLUMNS))
    }

    /// Appends one row. Missing inputs are NULL elements; missing features stay NaN, as the forest saw them.
    pub fn push(&mut self, score: &Score, scorer: Scorer<'_>) {
        let inputs = score.inputs.iter();
        self.0
            .tuple()
            .int8(score.seq)
            .int4(score.ordinal)
            .uuid(score.patient.0)
            .text(scorer.name)
            .text(scorer.version)
            .bytea(scorer.sha256)
            .timestamp(score.at_us)
            .float8(score.raw)
            .float8(score.value)
            .int2(i16::from(score.band))
            .int2(i16::from(score.present))
            .int2(i16::from(score.expected))
            .int2_array(inputs.clone().map(|input| Some(signal_number(input.signal))))
            .float8_array(inputs.clone().map(|input| input.value))
            .float4_array(inputs.clone().map(|input| input.age_s))
            .int2_array(inputs.map(|input| input.points.map(i16::from)))
            .float4_array(score.features.iter().copied().map(Some));
    }

    /// Rows since the last `finish`.
    pub const fn rows(&self) -> u32 {
        self.0.rows()
    }

    /// Bytes since the last `finish`.
    pub fn len_bytes(&self) -> usize {
        self.0.len_bytes()
    }

    /// The finished stream, None without rows; the buffer is empty again.
    pub fn finish(&mut self) -> Option<CopyTable> {
        self.0.finish()
    }
}

impl Default for ScoreRows {
    fn default() -> Self {
        Self::new()
    }
}
