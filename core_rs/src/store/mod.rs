//! store (Rust half): rows encoded as PostgreSQL binary COPY, so that no Python object is made per row.
//!
//! One growing buffer a table; a row costs no allocation of its own. The bytes are complete COPY streams (19 bytes of header,
//! tuples, 2 bytes of trailer) whose columns stand in the order of `COLUMNS` of each table. Nothing a sender can put into a
//! field makes PostgreSQL refuse the stream: a NUL in a text becomes U+FFFD, a time outside PostgreSQL's range its nearest
//! bound, an impossible birth day NULL. One bad message could otherwise hold up a whole ward (P3, P4).

mod alerts;
mod copy;
mod dead_letters;
mod digest;
mod encounters;
mod merges;
mod observations;
mod order;
mod patients;
mod policies;
mod scores;

pub use alerts::AlertRows;
pub use copy::CopyTable;
pub use dead_letters::{DeadLetter, DeadLetterRows, ReplayRows};
pub use digest::{CopyDigest, CopyError};
pub use encounters::{EncounterRow, EncounterRows};
pub use merges::{MergeRow, MergeRows};
pub use observations::{ObservationRow, ObservationRows};
pub use order::in_index_order;
pub use patients::PatientRows;
pub use policies::{PolicyRow, PolicyRows};
pub use scores::{ScoreRows, Scorer};

#[cfg(test)]
mod tests;
