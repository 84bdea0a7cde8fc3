//! The engine: the Rust half running. It owns the journal, the MQTT doors, the clock that writes ticks and the thread that runs
//! the pipeline; Python submits frames, takes batches and reports how far the store is.
//!
//! Threads: the journal's writer, one per MQTT door, `ticks`, `pipeline`, `snapshots`, `watchdog`. Hand-over to Python: at most
//! `batches_waiting_max` batches; when Python does not take them the pipeline waits, and the journal holds what comes until its cap (P5).
//!
//! A stage that panics or hangs does not end the route: `rebuild.rs` and `watchdog.rs`. Doors take frames meanwhile.

mod adopt;
mod bell;
mod clock;
mod config;
mod doors;
mod error;
mod keep;
mod life;
mod models;
pub(crate) mod panics;
mod past_json;
mod poison;
mod rebuild;
mod replay;
mod report;
mod runner;
mod shared;
pub mod simulate;
pub mod snapshot;
mod stored;
#[cfg(test)]
mod tests;
mod watchdog;

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use parking_lot::Mutex;

pub use clock::Clock;
pub use config::{Decode, EngineConfig, JournalSettings, Mqtt, Site, SupervisionSettings};
use doors::Doors;
pub use error::EngineError;
pub use models::ModelId;
use poison::PoisonList;
pub use replay::{Asked, History, LEAD_US, ReplayError, Replayed, Until};
use shared::Shared;
pub use shared::{EXIT_HUNG, Fatal};
pub use simulate::{Course, Simulated, Trial};
pub use snapshot::{Keep, Snapshots, Unsynced, WAITING_MAX};
pub use stored::{StoredRows, TABLES};

use crate::decode::Decoder;
use crate::error::{Code, Refusal};
use crate::journal::{Journal, JournalError, Receipt};
use crate::pipeline::Batch;
use crate::receive::mqtt::Credentials;
use crate::receive::{Frame, FrameRef, Source, now_us};
use crate::score::Scorers;

/// The principal on frames the server writes itself.
const SELF: &str = "nightlamp";

/// The running Rust half.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    shared: Arc<Shared>,
    decoder: Arc<Decoder>,
    scorers: Arc<Scorers>,
    snapshots: Snapshots,
    counters: Arc<crate::pipeline::Counters>,
    /// Locked by a start for as long as it takes.
    seen: crate::pipeline::Redelivery,
    book: crate::alert::Book,
    batches: Mutex<Option<Receiver<Batch>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    watchdog: Mutex<Option<JoinHandle<()>>>,
    doors: Arc<Doors>,
}

impl Engine {
    /// Opens the journal in `data/journal` and loads the bundles; nothing runs yet.
    ///
    /// # Errors
    /// See `EngineError`.
    pub fn open(data: &Path, config: EngineConfig) -> Result<Self, EngineError> {
        let decoder = Arc::new(Decoder::new(config.decode()).map_err(EngineError::Config)?);
        let scorers = Arc::new(Scorers::load(&config.bundles).map_err(|error| EngineError::Config(error.to_string()))?);
        let snapshots = Snapshots::open(&data.join("snapshots"))?;
        let journal = Arc::new(Journal::open(&data.join("journal"), config.journal())?);
        clock::hold(&data.join("journal"), Clock::of(config.decode.recorded_time), journal.durable_seq() == 0)?;
        let poison = PoisonList::open(&data.join("journal")).map_err(EngineError::Quarantine)?;
        let doors = Arc::new(Doors::new(&config, Arc::clone(&journal) as _));
        Ok(Self {
            config,
            shared: Arc::new(Shared::new(journal, poison, bell::Bell::new()?)),
            decoder,
            scorers,
            snapshots,
            counters: Arc::default(),
            seen: Default::default(),
            book: Default::default(),
            batches: Mutex::new(None),
            threads: Mutex::default(),
            watchdog: Mutex::default(),
            doors,
        })
    }

    /// Journals a frame received now. It may be acknowledged once `durable_seq` has reached the receipt's number.
    ///
    /// # Errors
    /// The journal's refusals.
    pub fn submit(&self, source: Source, principal: &str, context: &str, payload: &[u8]) -> Result<Receipt, Refusal> {
        self.shared.journal.submit(&FrameRef { source, principal, context, received_at_us: now_us(), payload })
    }

    /// Sends frame `seq` through the route once more.
    ///
    /// # Errors
    /// The frame is gone or cannot be read, or the journal refuses.
    pub fn replay_frame(&self, seq: u64) -> Result<Receipt, Refusal> {
        let gone = || Refusal::new(Code::MissingField, format!("frame {seq} is no longer in the journal"));
        let frame = self.read_frame(seq)?.ok_or_else(gone)?;
        if matches!(frame.source, Source::Tick | Source::Replay | Source::Action | Source::Policy) {
            return Err(Refusal::new(Code::UnsupportedType, format!("frame {seq} is a {} frame", frame.source.name())));
        }
        self.submit(Source::Replay, SELF, &seq.to_string(), &frame.encode()?)
    }

    /// One patient's past, from this engine's journal. Runs on the caller's thread and takes nothing from the route but the core.
    ///
    /// # Errors
    /// See `ReplayError`.
    pub fn as_of(&self, asked: &Asked) -> Result<Replayed, ReplayError> {
        self.history().as_of(asked, &|| self.shared.stopping())
    }

    /// Tries policies on this engine's journal, as `as_of` on the caller's thread.
    ///
    /// # Errors
    /// See `ReplayError`.
    pub fn simulate(&self, trial: &Trial, course: &Course) -> Result<Simulated, ReplayError> {
        self.history().simulate(trial, course, &|| self.shared.stopping())
    }

    fn history(&self) -> History {
        History {
            journal: Arc::clone(&self.shared.journal),
            snapshots: self.snapshots.clone(),
            decoder: Arc::clone(&self.decoder),
            scorers: Arc::clone(&self.scorers),
            bundles: self.config.bundles.clone(),
            limits: self.config.limits,
            policy: self.config.policy.clone(),
            in_force: self.policy().map(|now| now.text.clone()),
            quarantine: Arc::clone(&self.shared.poison.known),
        }
    }

    /// A frame as it was received; None where the journal does not hold it.
    ///
    /// # Errors
    /// `Internal` where it cannot be read.
    pub fn read_frame(&self, seq: u64) -> Result<Option<Frame>, Refusal> {
        match self.shared.journal.read_one(seq) {
            Ok(frame) => Ok(frame),
            Err(JournalError::Gone { .. }) => Ok(None),
            Err(error) => Err(Refusal::new(Code::Internal, error.to_string())),
        }
    }

    /// The next finished batch; None after `timeout`, or once the engine has stopped and all batches were taken.
    pub fn next_batch(&self, timeout: Duration) -> Option<Batch> {
        let receiver = self.batches.lock().clone()?;
        receiver.recv_timeout(timeout).ok()
    }

    /// Readable once a batch waits, and once none will come any more. The reader takes the 8 bytes, then batches until there is none.
    pub fn batches_fd(&self) -> BorrowedFd<'_> {
        self.shared.bell.fd()
    }

    /// The store has committed everything up to `seq`: older state may go.
    pub fn stored(&self, seq: u64) {
        self.shared.stored_seq.fetch_max(seq, Ordering::AcqRel);
    }

    /// Replaces the MQTT credentials.
    ///
    /// # Errors
    /// A text that says which entry is wrong.
    pub fn set_credentials(&self, json: &str) -> Result<(), String> {
        self.doors.set_credentials(Credentials::from_json(json)?);
        Ok(())
    }

    /// The port of our own MQTT listener.
    pub fn mqtt_port(&self) -> Option<u16> {
        self.doors.port()
    }

    /// Every frame up to this number is on disk.
    pub fn durable_seq(&self) -> u64 {
        self.shared.journal.durable_seq()
    }

    /// Readable after each commit; see `Journal::durable_fd`.
    pub fn durable_fd(&self) -> BorrowedFd<'_> {
        self.shared.journal.durable_fd()
    }

    /// Why the journal takes no more, if so.
    pub fn journal_failed(&self) -> Option<String> {
        self.shared.journal.failed()
    }

    /// See `Journal::withheld`.
    pub fn journal_withheld(&self) -> Option<Refusal> {
        self.shared.journal.withheld()
    }

    /// The limits in force.
    pub fn limits(&self) -> crate::limits::Limits {
        self.config.limits
    }

    /// The messages the pipeline remembers, for doors that answer a redelivery.
    pub fn deliveries(&self) -> crate::pipeline::Redelivery {
        self.seen.clone()
    }

    /// The unit of an alert that is not cleared, empty where it is in none; None where there is no such alert, or not yet after a
    /// start.
    pub fn alert_unit(&self, alert_id: u64) -> Option<compact_str::CompactString> {
        self.book.unit(alert_id)
    }

    /// The scorers, rules first.
    pub fn scorers(&self) -> &Arc<Scorers> {
        &self.scorers
    }

    /// Why the pipeline has stopped by itself, if it has.
    pub fn pipeline_failed(&self) -> Option<String> {
        self.shared.failed.lock().clone()
    }

    /// Why the process must end, if it must: a stage hangs, and a thread cannot be taken back.
    pub fn fatal(&self) -> Option<Fatal> {
        self.shared.fatal.lock().clone()
    }

    /// What supervision has done since the last call, for the log.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.notes.lock())
    }
}
