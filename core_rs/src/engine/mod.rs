//! The engine: the Rust half running. It owns the journal, the MQTT doors, the clock that writes ticks and the thread that runs
//! the pipeline; Python submits frames, takes batches and reports how far the store is.
//!
//! Threads: the journal's writer, one per MQTT door, `ticks`, `pipeline`. Hand-over to Python: at most `batches_waiting_max`
//! batches; when Python does not take them the pipeline waits, and the journal holds what comes until its cap (P5).

mod clock;
mod config;
mod models;
mod past_json;
mod relief;
mod replay;
mod report;
mod runner;
mod snapshot;
mod stored;

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;

pub use clock::Clock;
pub use config::{Decode, EngineConfig, JournalSettings, Mqtt, Site};
pub use models::ModelId;
pub use replay::{Asked, History, LEAD_US, ReplayError, Replayed, Until};
use runner::Runner;
pub use snapshot::{Keep, Snapshots};
pub use stored::{StoredRows, TABLES};

use crate::decode::Decoder;
use crate::error::{Code, Refusal};
use crate::journal::{Journal, JournalError, Receipt};
use crate::pipeline::{Batch, Pipeline, Setup, StateError};
use crate::receive::mqtt::{Credentials, MqttListener, MqttSubscriber, StartError};
use crate::receive::{Frame, FrameRef, Source};
use crate::score::Scorers;

/// How often the clock writes a tick.
const TICK: Duration = Duration::from_secs(1);
/// How long a stop waits for somebody to take batches.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// The principal on frames the server writes itself.
const SELF: &str = "nightlamp";

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
        written: clock::Clock,
        /// The clock of the settings.
        asked: clock::Clock,
    },
    /// The engine was started before.
    #[error("the engine is running already")]
    Running,
    /// The snapshot or the plans do not fit.
    #[error("state: {0}")]
    State(#[from] StateError),
}

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) journal: Arc<Journal>,
    pub(crate) stopping: AtomicBool,
    /// Nobody will take batches any more.
    pub(crate) abandoned: AtomicBool,
    /// Last frame the pipeline has finished.
    pub(crate) processed_seq: AtomicU64,
    /// Last frame the store has committed.
    pub(crate) stored_seq: AtomicU64,
    /// Why the pipeline stopped, if it did.
    pub(crate) failed: Mutex<Option<String>>,
    /// Gauges the pipeline refreshes now and then.
    pub(crate) gauges: Mutex<crate::pipeline::Gauges>,
}

/// The running Rust half.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    shared: Arc<Shared>,
    decoder: Arc<Decoder>,
    scorers: Arc<Scorers>,
    snapshots: Snapshots,
    counters: Arc<crate::pipeline::Counters>,
    batches: Mutex<Option<Receiver<Batch>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    listener: Mutex<Option<MqttListener>>,
    subscribers: Mutex<Vec<MqttSubscriber>>,
    credentials: Mutex<Credentials>,
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
        let shared = Shared {
            processed_seq: AtomicU64::new(0),
            stored_seq: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            failed: Mutex::new(None),
            gauges: Mutex::default(),
            journal,
        };
        Ok(Self {
            config,
            shared: Arc::new(shared),
            decoder,
            scorers,
            snapshots,
            counters: Arc::default(),
            batches: Mutex::new(None),
            threads: Mutex::default(),
            listener: Mutex::new(None),
            subscribers: Mutex::default(),
            credentials: Mutex::default(),
        })
    }

    /// Starts everything. Frames up to `cursor` are stored already: they are computed again where the state needs them, but
    /// give no rows and no alerts.
    ///
    /// # Errors
    /// See `EngineError`.
    pub fn start(&self, cursor: u64) -> Result<(), EngineError> {
        let mut batches = self.batches.lock();
        if batches.is_some() {
            return Err(EngineError::Running);
        }
        let durable = self.shared.journal.durable_seq();
        if cursor > durable {
            return Err(EngineError::Behind { cursor, durable });
        }
        let setup = Setup {
            decoder: Arc::clone(&self.decoder),
            scorers: Arc::clone(&self.scorers),
            limits: self.config.limits,
            policy: self.config.policy.clone(),
            counters: Arc::clone(&self.counters),
        };
        let (from_seq, pipeline) = self.restore(setup, cursor)?;
        let (sender, receiver) = bounded(self.config.limits.batches_waiting_max);
        self.shared.stored_seq.store(cursor, Ordering::Release);
        self.shared.processed_seq.store(from_seq - 1, Ordering::Release);
        let runner = Runner {
            shared: Arc::clone(&self.shared),
            pipeline,
            reader: self.shared.journal.reader(from_seq),
            cursor,
            show_at: durable,
            batches: sender,
            snapshots: (self.config.journal.snapshot_s > 0).then(|| self.snapshots.clone()),
            keep: Keep {
                count: self.config.journal.snapshots_kept,
                bytes_max: self.config.journal.snapshots_bytes_max,
                first_seq: 0,
            },
            snapshot_every: Duration::from_secs(self.config.journal.snapshot_s),
            batch_wait: Duration::from_millis(self.config.batch_ms),
            retention_s: self.config.journal.retention_s,
            journal_bytes_max: self.config.limits.journal_bytes_max,
            read_back: 0,
            frames_max: self.config.limits.batch_frames_max,
        };
        let mut threads = self.threads.lock();
        threads.push(thread::Builder::new().name("pipeline".into()).spawn(move || runner.run())?);
        let shared = Arc::clone(&self.shared);
        threads.push(thread::Builder::new().name("ticks".into()).spawn(move || ticks(&shared))?);
        *batches = Some(receiver);
        self.open_doors()
    }

    /// The newest usable state, and the frame to go on with.
    fn restore(&self, setup: Setup, cursor: u64) -> Result<(u64, Pipeline), EngineError> {
        let first = self.shared.journal.first_seq();
        let (from_seq, pipeline) = match self.snapshots.newest(cursor) {
            Some((seq, state)) => (seq + 1, Pipeline::resume(setup, state)?),
            None => (1, Pipeline::new(setup)?),
        };
        if from_seq < first {
            return Err(EngineError::Gone { first, needed: from_seq });
        }
        Ok((from_seq, pipeline))
    }

    fn open_doors(&self) -> Result<(), EngineError> {
        if let Some(mut listen) = self.config.mqtt.listen.clone() {
            listen.limits = self.config.limits;
            let intake = Arc::clone(&self.shared.journal);
            *self.listener.lock() = Some(MqttListener::start(listen, self.credentials.lock().clone(), intake)?);
        }
        for broker in &self.config.mqtt.brokers {
            let mut broker = broker.clone();
            broker.limits = self.config.limits;
            let intake = Arc::clone(&self.shared.journal);
            self.subscribers.lock().push(MqttSubscriber::start(broker, intake)?);
        }
        Ok(())
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
        if matches!(frame.source, Source::Tick | Source::Replay) {
            return Err(Refusal::new(Code::UnsupportedType, format!("frame {seq} is a {} frame", frame.source.name())));
        }
        self.submit(Source::Replay, SELF, &seq.to_string(), &frame.encode()?)
    }

    /// One patient's past, from this engine's journal. Runs on the caller's thread and takes nothing from the route but the core.
    ///
    /// # Errors
    /// See `ReplayError`.
    pub fn as_of(&self, asked: &Asked) -> Result<Replayed, ReplayError> {
        let history = History {
            journal: Arc::clone(&self.shared.journal),
            snapshots: self.snapshots.clone(),
            decoder: Arc::clone(&self.decoder),
            scorers: Arc::clone(&self.scorers),
            bundles: self.config.bundles.clone(),
            limits: self.config.limits,
            policy: self.config.policy.clone(),
        };
        history.as_of(asked, &|| self.shared.stopping.load(Ordering::Acquire))
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

    /// The store has committed everything up to `seq`: older state may go.
    pub fn stored(&self, seq: u64) {
        self.shared.stored_seq.fetch_max(seq, Ordering::AcqRel);
    }

    /// Replaces the MQTT credentials.
    ///
    /// # Errors
    /// A text that says which entry is wrong.
    pub fn set_credentials(&self, json: &str) -> Result<(), String> {
        let credentials = Credentials::from_json(json)?;
        if let Some(listener) = self.listener.lock().as_ref() {
            listener.set_credentials(credentials.clone());
        }
        *self.credentials.lock() = credentials;
        Ok(())
    }

    /// The port of our own MQTT listener.
    pub fn mqtt_port(&self) -> Option<u16> {
        self.listener.lock().as_ref().map(|listener| listener.local_addr().port())
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

    /// The scorers, rules first.
    pub fn scorers(&self) -> &Arc<Scorers> {
        &self.scorers
    }

    /// Closes the doors, lets the pipeline finish what is durable, and joins the threads. Batches should be taken meanwhile: after
    /// `STOP_PATIENCE` without progress what is left is left to the next start.
    pub fn stop(&self) {
        if let Some(listener) = self.listener.lock().take() {
            listener.stop();
        }
        for subscriber in self.subscribers.lock().drain(..) {
            subscriber.stop();
        }
        self.shared.stopping.store(true, Ordering::Release);
        let threads: Vec<_> = self.threads.lock().drain(..).collect();
        let (mut seen, mut since) = (0, Instant::now());
        while threads.iter().any(|thread| !thread.is_finished()) {
            let processed = self.shared.processed_seq.load(Ordering::Acquire);
            if processed != seen {
                (seen, since) = (processed, Instant::now());
            }
            if since.elapsed() > STOP_PATIENCE {
                self.shared.abandoned.store(true, Ordering::Release);
            }
            thread::sleep(Duration::from_millis(5));
        }
        for thread in threads {
            let _ = thread.join();
        }
        self.shared.journal.close();
    }

    /// Why the pipeline has stopped by itself, if it has.
    pub fn pipeline_failed(&self) -> Option<String> {
        self.shared.failed.lock().clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nobody takes batches any more: a pipeline that waits to hand one over must not wait for ever.
        *self.batches.lock() = None;
        self.shared.abandoned.store(true, Ordering::Release);
        self.stop();
    }
}

/// Microseconds since 1970-01-01 UTC. Only doors and the tick writer ask.
pub(crate) fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Writes a tick a second until the engine stops. A tick the journal refuses is simply the next one's.
fn ticks(shared: &Shared) {
    while !shared.stopping.load(Ordering::Acquire) {
        let tick = FrameRef { source: Source::Tick, principal: SELF, context: "", received_at_us: now_us(), payload: &[] };
        let _ = shared.journal.submit(&tick);
        for _ in 0..10 {
            if shared.stopping.load(Ordering::Acquire) {
                return;
            }
            thread::sleep(TICK / 10);
        }
    }
}
