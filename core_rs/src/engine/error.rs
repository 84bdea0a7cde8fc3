//! Why an engine does not start.

use std::io;

use super::clock::Clock;
use crate::journal::JournalError;
use crate::pipeline::StateError;
use crate::receive::mqtt::StartError;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting makes no sense; the text names it.
    #[error("{0}")]
    Config(String),
    /// The journal cannot be opened or read.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// An MQTT door cannot open.
    #[error("mqtt: {0}")]
    Mqtt(#[from] StartError),
    /// The disk.
    #[error("data folder: {0}")]
    Io(#[from] io::Error),
    /// The store is ahead of the journal: rows would be lost under old numbers.
    #[error(
        "the database holds frames up to {cursor}, the journal only up to {durable}: this data folder does not belong to this \
         database. Restore the journal, or start with an empty database"
    )]
    Behind {
        /// The store cursor.
        cursor: u64,
        /// The journal's last frame.
        durable: u64,
    },
    /// The journal no longer holds what the store lacks.
    #[error("the journal begins at frame {first}, but no snapshot covers what came before frame {needed}")]
    Gone {
        /// The first frame the journal holds.
        first: u64,
        /// The first frame that would have to be replayed.
        needed: u64,
    },
    /// The journal's frames were scored by another clock.
    #[error(
        "this journal was written in {written} time, the settings ask for {asked} time (decode.recorded_time): the same frames \
         would give other scores. Start with the setting it was written with, or on another data folder"
    )]
    Clock {
        /// The clock of the journal.
        written: Clock,
        /// The clock of the settings.
        asked: Clock,
    },
    /// The engine was started before.
    #[error("the engine is running already")]
    Running,
    /// A stop was asked for before the start was done.
    #[error("the engine is stopping")]
    Stopping,
    /// The list of frames to pass over cannot be read.
    #[error("journal/quarantine: {0}")]
    Quarantine(io::Error),
    /// The snapshot or the plans do not fit.
    #[error("state: {0}")]
    State(#[from] StateError),
}
