"""What Rust shows to Python. One section a binding file; `make lint` compares it with the compiled module."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from typing_extensions import Buffer

__all__ = [
    "Batch",
    "CopyDigest",
    "CoreError",
    "Course",
    "Decoder",
    "Deliveries",
    "Engine",
    "FeatureEngine",
    "Forest",
    "HL7Door",
    "HL7Message",
    "HL7Screening",
    "HL7Taken",
    "JsonScreening",
    "Refusal",
    "Scorers",
    "StoredRows",
    "__version__",
    "catalogue",
    "copy_in_index_order",
    "error_codes",
    "journal_check",
    "journal_extent",
    "journal_mark",
    "replay_folder",
    "scan_hl7",
    "simulate_folder",
    "simulate_recordings",
    "snapshot_reads",
]

__version__: str

# --- Engine (bindings/engine.rs): the Rust half of the route ----------------------------------------------------

class CoreError(Exception):
    """A refusal of the table in error.rs: `args` are (code, http status, detail)."""

@final
class Batch:
    """What a run of frames became: rows for store, messages for publish."""

    first_seq: int
    last_seq: int
    frames: int
    tables: list[tuple[str, int, bytes]]
    """(table, rows, PostgreSQL binary COPY stream)."""
    messages: list[tuple[str, str, str, int, bytes]]
    """(patient | alert | left, unit, patient id, cursor, JSON)."""

@final
class Engine:
    """journal, decode, window, score and alert of one data folder."""

    def __new__(cls, data_dir: str, config: bytes) -> Engine:
        """`config` is JSON (`Settings.engine_config`). Raises ValueError with a precise text."""

    def start(self, cursor: int) -> None:
        """Replay the journal: rows up to `cursor` are recomputed, not emitted. Then start the threads."""

    def submit(self, source: int, principal: str, context: str, payload: bytes) -> int:
        """Queue a frame; its sequence number. Never waits for the disk. Raises CoreError."""

    def deliveries(self) -> Deliveries:
        """What the pipeline remembers of messages that came before, for the doors."""

    def durable_fd(self) -> int:
        """An eventfd, readable when `durable_seq` has advanced."""

    def durable_seq(self) -> int:
        """The highest sequence number on disk."""

    def journal_failed(self) -> str | None:
        """Why the journal no longer writes; None while it does."""

    def journal_withheld(self) -> tuple[str, int, str] | None:
        """(code, HTTP status, detail) for who waits for what will not be durable soon; None while all goes well."""

    def stored(self, seq: int) -> None:
        """Frames up to `seq` are stored: the journal may drop them once they are old enough."""

    def batches_fd(self) -> int:
        """An eventfd, readable once a batch waits, and once none will come any more."""

    def next_batch(self, timeout_ms: int) -> Batch | None:
        """The next finished batch; None after `timeout_ms` without one. Waits without the GIL."""

    def read_frame(self, seq: int) -> tuple[int, str, str, int, bytes] | None:
        """(source, principal, context, received_at_us, payload); None once retention has removed it."""

    def replay_frame(self, seq: int) -> int:
        """Journal a frame once more; the sequence number of the new frame. Raises CoreError."""

    def alert_unit(self, alert_id: int) -> str | None:
        """Unit of an alert that is not cleared, empty where it is in none; None where there is no such alert."""

    def policy(self) -> bytes | None:
        """JSON: text, sha256, notes (rules left out), and seq, at_us, by, note of the frame that put it in force.

        These are null where the journal has said no policy yet. None until the state is read at a start.
        """

    def as_of(self, question: bytes) -> bytes:
        """A patient's past as JSON (`core_rs/src/engine/past_json.rs`), computed from the journal without the GIL.

        `question`: JSON with patient (32 hex digits), at_us or seq, time_ms_max, bundles (more folders to find models
        of then), models (SHA-256 to use), history. Raises CoreError with a fourth argument: of `replay_gone` the oldest
        time that can be shown, microseconds.
        """

    def simulate(self, trial: bytes, course: Course) -> bytes:
        """What policies would have opened on the journal, as JSON (`core_rs/src/engine/simulate.rs`), without the GIL.

        `trial`: JSON with policies (TOML, null for the one in force; at most 8), from_us, to_us (null: all there is),
        time_ms_max. Raises CoreError as `as_of`.
        """

    def set_credentials(self, credentials: bytes) -> None:
        """Replace the MQTT credentials: JSON list of {id, hash, units}."""

    def mqtt_port(self) -> int | None:
        """The listener's port, None where it is switched off."""

    def scorers(self) -> bytes:
        """JSON: index, name, version, sha256, kind, features of each scorer."""

    def loaded_scorers(self) -> Scorers:
        """The rules and bundles this engine scores with; shared, not loaded again."""

    def stats(self) -> bytes:
        """JSON: receive, journal, pipeline (counters), gauges, lag, supervision, recovery, failed."""

    def feeds(self) -> bytes:
        """JSON list of the senders whose silence the policy watches (`feed_silent_s`), at most 64, some seconds old.

        Each has source (hl7_http, json_http, mqtt), key (the id of its key, or the broker), first_heard_us,
        last_heard_us, silent. Frames of senders beyond them are counted: pipeline_feeds_left_out.
        """

    def supervise(self) -> bytes:
        """JSON: what supervision has to say since the last call (notes), the recovery under way, why to end (fatal)."""

    def stop(self) -> None:
        """Close the doors, drain, flush, join the threads."""

# --- replay (bindings/replay.rs): a past without a running server ------------------------------------------------

def replay_folder(data_dir: str, config: bytes, question: bytes) -> bytes:
    """As `Engine.as_of`, from the journal and snapshots in a data folder, only read; `config` as for `Engine`."""

# --- simulate (bindings/simulate.rs): policies on recorded time ---------------------------------------------------

@final
class Course:
    """How far a simulation is, and whether it is to stop."""

    def __new__(cls) -> Course: ...
    @property
    def progress(self) -> tuple[int, int]:
        """Frames (of recordings: patients) done, and all; (0, 0) before it begins."""

    def stop(self) -> None:
        """It ends soon, with the CoreError `overloaded`."""

def simulate_folder(data_dir: str, config: bytes, trial: bytes, course: Course) -> bytes:
    """As `Engine.simulate`, from the journal and snapshots in a data folder, only read; `config` as for `Engine`."""

def simulate_recordings(
    trial: bytes,
    course: Course,
    *,
    bundles: Sequence[Path],
    patient: Buffer,
    signal: Buffer,
    at_us: Buffer,
    value: Buffer,
    authority: str,
    identifiers: Sequence[str],
    admissions: Sequence[bytes],
    discharges: Sequence[bytes],
    threads: int,
) -> bytes:
    """As `Engine.simulate`, of recorded patients numbered from 0; `ids` of the answer are their pseudonyms.

    One value an entry, sorted by patient, then time: patient (int64), signal (uint16), at_us (int64), value (float64,
    in the signal's unit). By patient: PID-3.1, and the ADT messages that begin and end the stay. Raises CoreError,
    ValueError for a bundle.
    """

# --- decode (bindings/decode.rs): screening and answers for the doors, decoding for tests and tools ------------------

@final
class Refusal:
    """Why something was refused: an entry of the error table with which field and what was expected. Safe to log."""

    @property
    def code(self) -> str: ...
    @property
    def http_status(self) -> int: ...
    @property
    def hl7_code(self) -> int:
        """HL7 table 0357."""

    @property
    def text(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def location(self) -> str:
        """As ERR-2 wants it (`OBX^3^6`), or empty."""

@final
class HL7Message:
    """One message of an HL7 payload, screened."""

    @property
    def payload(self) -> bytes:
        """What to journal: from MSH on, framing stripped."""

    @property
    def refusal(self) -> Refusal | None:
        """Why it must not be journalled; None: it may."""

    @property
    def warnings(self) -> list[Refusal]:
        """What will end as dead letters; empty unless `screen_hl7` was told `received_at_us`."""

    @property
    def message_id(self) -> tuple[int, int] | None:
        """(id, content) for `Deliveries.note`; None unless `screen_hl7` was told `received_at_us`."""

    def ack(self, now_us: int, refusal: tuple[str, str] | None = None) -> bytes:
        """The HL7 answer: accepted with the warnings, or refused, by its own refusal or by this (code, detail)."""

@final
class HL7Screening:
    """What screening says of an HL7 payload: one message, or a batch cut into its messages."""

    @property
    def batch(self) -> bool: ...
    @property
    def refusal(self) -> Refusal | None:
        """Why nothing of the payload can be taken; then there are no messages."""

    @property
    def messages(self) -> list[HL7Message]: ...
    def ack(self, now_us: int, refusals: list[tuple[str, str] | None] | None = None) -> bytes:
        """The answer to the payload: one ACK, or BHS, an ACK for each message, BTS. `refusals` as in `HL7Message.ack`,
        one entry for each message."""

@final
class JsonScreening:
    """What screening says of a device JSON body."""

    @property
    def refusal(self) -> Refusal | None: ...
    @property
    def observations(self) -> int: ...
    @property
    def rejected(self) -> list[tuple[int, str, str]]:
        """(index, code, detail) of what will end as dead letters; empty unless `received_at_us` was told."""

    @property
    def message_id(self) -> tuple[int, int] | None:
        """(id, content) for `Deliveries.note`; None unless `received_at_us` was told."""

    @property
    def first_seq(self) -> int | None:
        """The frame that brought this body first; None where it is new, as far as is known."""

@final
class Deliveries:
    """The messages that came before: the pipeline's memory, and what was noted and has not reached the pipeline."""

    def note(self, message: tuple[int, int], seq: int, received_at_us: int) -> None:
        """A message with this (id, content) was journalled as frame `seq`."""

# --- HL7 door (bindings/hl7_door.rs): the door's way to the journal, two calls a body -------------------------------

@final
class HL7Door:
    """Screens HL7 bodies and hands their messages to the journal."""

    def __new__(cls, engine: Engine, decoder: Decoder, deliveries: Deliveries) -> HL7Door: ...
    def take(self, payload: bytes, charset: str, principal: str) -> HL7Taken:
        """Screen a body as received now and submit what is not refused. Never waits for the disk."""

@final
class HL7Taken:
    """A body that was looked at; what was not refused is on its way to the disk."""

    @property
    def last_seq(self) -> int:
        """The frame of the last message taken; 0 where none was."""

    @property
    def messages(self) -> int:
        """How many messages, taken or refused; a body that cannot be cut counts as one."""

    @property
    def refused(self) -> list[tuple[str, int, str]]:
        """(code, HTTP status, detail) of each message that was refused, by screening or by the journal."""

    def ack(self, now_us: int, late: tuple[str, str] | None = None) -> bytes:
        """The answer to the body: one ACK, or BHS, an ACK for each message, BTS.

        `late`: (code, detail) of why what was taken is not acknowledged all the same.
        """

@final
class Decoder:
    """The decode stage of a site; stateless, safe to share between threads."""

    def __new__(cls, config_json: bytes | str) -> Decoder:
        """`config_json`: site_key (64 hex digits), timezone, authorities, authority_default, processing_ids, codes,
        recorded_time, limits; all optional. Raises ValueError naming the setting that does not hold."""

    def screen_hl7(
        self,
        payload: bytes,
        charset: str = "",
        received_at_us: int | None = None,
        principal: str = "",
        deliveries: Deliveries | None = None,
    ) -> HL7Screening:
        """Look at the envelopes. With `received_at_us` the content is decoded too, for warnings.

        With `deliveries` a message that came before is read as it was then, and a conflict is a warning.
        """

    def screen_json(
        self,
        payload: bytes,
        received_at_us: int | None = None,
        principal: str = "",
        key: str = "",
        deliveries: Deliveries | None = None,
    ) -> JsonScreening:
        """Look at the shape. With `received_at_us` the observations are decoded too.

        `key`: what stands for the Idempotency-Key. `deliveries`: as for `screen_hl7`; a conflict rejects everything.
        """

    def decode(
        self, source: int, context: str, received_at_us: int, payload: bytes, principal: str = ""
    ) -> dict[str, Any]:
        """message_id, events, rejected and skipped of one frame, as plain values."""

    def decode_batch(
        self, payloads: list[bytes], source: int = 1, context: str = "", received_at_us: int = 0
    ) -> list[tuple[int, int, int]]:
        """(events, rejected, skipped) of each payload, without the GIL."""
    def recorded(
        self,
        codes: list[tuple[str, str]],
        units: list[str],
        code_of_row: Any,
        unit_of_row: Any,
        values: Any,
        words: list[str] | None = None,
        word_of_row: Any | None = None,
        principal: str = "",
    ) -> dict[str, Any]:
        """Recorded values, understood as the same values sent as device JSON: code lookup, unit conversion, range.

        `codes` are distinct (system, code), `units` distinct spellings ("" is none), `words` distinct coded answers;
        `code_of_row`, `unit_of_row` (uint32) and `values` (float64, NaN is no value) have one entry a row, as has
        `word_of_row` where given (uint32, 4294967295 where the row has a number). About 100 ns a row, GIL released.

        Gives `signal` (uint16, 65535 where refused), `value` (float64, canonical unit, NaN where refused) and `reason`
        (uint32, 0 where kept, else 1 + the index into `dropped`) as bytes of numbers in the machine's order, and
        `dropped`, refused rows counted by code, unit and reason: dicts of code and unit (indices), reason (a name of
        the error table), detail, first_row, rows.

        Raises ValueError where the columns do not fit, BufferError where one is not a buffer of its type.
        """

def catalogue() -> list[dict[str, Any]]:
    """The signals: number, name, title, unit, kind, low, high, loinc, mdc, snomed, units."""

def error_codes() -> list[dict[str, Any]]:
    """The error table: name, http, ack, hl7, text."""

def scan_hl7(payload: bytes, charset: str = "") -> list[tuple[str, int, int, int, int, int, str]]:
    """Every non-empty leaf: segment, line (from 0), field, repetition, component, subcomponent (from 1), text with
    escapes resolved. Raises ValueError for what is no HL7 message."""

# --- Feature engine (bindings/window.rs): training rows from the serving code (P8) -------------------------------

@final
class FeatureEngine:
    """A compiled feature plan over recorded data. One engine may be used from many threads."""

    def __new__(cls, plan: bytes) -> FeatureEngine:
        """`plan` is TOML or JSON: the plan, or a manifest with a table `plan`. Raises ValueError naming the entry."""

    def feature_names(self) -> list[str]:
        """Columns, in order: `HR.mean.6h`, `HR.last`, `age_years`, `shock_index`."""

    def categorical(self) -> list[str]:
        """The columns that hold categories (`[[plan.coded]]`), not amounts."""

    def fingerprint(self) -> str:
        """64 hexadecimal digits that change with anything that changes a row's meaning."""

    def rows(
        self,
        patient: Buffer,
        signal: Buffer,
        observed_at_us: Buffer,
        value: Buffer,
        row_patient: Buffer,
        row_at_us: Buffer,
        encounter_patient: Buffer | None = None,
        encounters: Sequence[bytes] | None = None,
        decoder: Decoder | None = None,
        known_at_us: Buffer | None = None,
        told_at_us: Buffer | None = None,
    ) -> bytes:
        """Rows x features as native float32, row-major; NaN is missing, ages are hours. The GIL is released.

        Observations: int64 patient numbers, uint16 catalogue signals, int64 microseconds, float64 canonical values.
        Rows: int64 patient, int64 microseconds; each sees observations up to and including its time. Both are sorted by
        patient, then time (a later entry of the same patient, signal and time replaces the value). Encounters: int64
        patient and the HL7 ADT message, sorted by patient, then when it occurred; decoded by `decoder` (by default that
        of a site without settings) as received at their MSH-7. A row sees those that occurred up to its time.

        `known_at_us`, `told_at_us` (int64): when each observation and encounter was received, where that is recorded.
        They then take the place of the time in the sorting and in what a row sees, and a value of NaN withdraws the
        observation of its time.

        Raises ValueError (unsorted, unequal lengths, a value that is no number, a message that is no ADT event: its
        place and the code of the refusal, nothing of its content) and BufferError (another element type).
        """

# --- stored rows (bindings/stored.rs): the journal once more, for training ------------------------------------------

@final
class StoredRows:
    """Rows of `observations`, `encounter_events`, `patient_merges` that a journal gave; reads a data folder only."""

    def __new__(cls, data_dir: str, config: bytes) -> StoredRows:
        """`config` as for `Engine`; name no bundles in it. A server may run. Raises ValueError for the settings,
        RuntimeError where the journal or its oldest snapshot cannot be read."""

    @property
    def recorded_time(self) -> bool:
        """Whether the journal's frames go by the times their messages say: a recording was replayed."""

    @property
    def progress(self) -> tuple[int, int]:
        """Frames read, and how many there are."""

    def next_batch(self) -> list[tuple[str, bytes]] | None:
        """Table and binary COPY stream of the next frames; None at the end. The GIL is released."""

# --- backup (bindings/backup.rs): copies of a journal, what a table holds --------------------------------------------

def journal_extent(folder: str, written_to: bool) -> tuple[int, list[tuple[str, int]]] | None:
    """Last durable frame of the journal in this folder, and name and bytes of each segment up to it. `written_to`: a
    server writes it; None then means that it cannot be said at this instant. Raises RuntimeError."""

def journal_check(folder: str, segment: str) -> tuple[int, int, list[tuple[int, int]]]:
    """Reads a segment from end to end: the frame that would come next, frames read, and (offset, frame) of each place
    that cannot be read. Raises RuntimeError."""

def journal_mark(durable_seq: int) -> bytes:
    """`durable.mark` as it says that frames up to this one are durable."""

def snapshot_reads(folder: str, seq: int) -> bool:
    """Whether this build can go on from the snapshot after frame `seq`."""

def copy_in_index_order(table: str, streams: Sequence[bytes]) -> bytes | None:
    """One COPY stream with the rows of all of these in the order of the table's index, without the GIL; None where
    it has no such index or they are larger than 16 MiB. Raises ValueError where they are no streams of the table."""

@final
class CopyDigest:
    """Rows of a binary COPY stream and a digest of them that does not depend on their order."""

    def __new__(cls) -> CopyDigest: ...
    def update(self, data: bytes) -> None:
        """The next bytes, in pieces of any size. Raises ValueError where they are no such stream."""

    @property
    def rows(self) -> int:
        """Rows so far."""

    def finish(self) -> tuple[int, str]:
        """Rows and digest (64 hexadecimal digits). Raises ValueError where the stream is not at its end."""

# --- score -----------------------------------------------------------------------------------------------------------

@final
class Forest:
    """A LightGBM text model (binary or cross_entropy) in the native evaluator; immutable, safe to share between
    threads.

    Rows are C-contiguous buffers of float32 or float64 (rounded to float32), row-major, NaN missing. Results are bytes
    in native order, for `numpy.frombuffer`. Wrong shapes raise ValueError. The GIL is released."""

    def __new__(cls, model_text: bytes, isa: str | None = None) -> Forest:
        """Raises ValueError with the reason when the model cannot be served. `isa`: portable, avx2, avx512 (portable
        where
        the processor lacks it); by default the best there is. All give the same bits."""

    @staticmethod
    def why_unsupported(model_text: bytes) -> str | None:
        """The reason why a model cannot be served; None when it can."""

    @property
    def isa(self) -> str: ...
    @property
    def n_trees(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def feature_names(self) -> list[str]: ...
    def probability(self, raw: float) -> float:
        """The model's own probability of a raw score, before any calibration."""

    def predict_raw(self, rows: Any, n_features: int) -> bytes:
        """float64 per row: the sum of the trees, equal to lightgbm's `raw_score=True`."""

    def predict_leaf(self, rows: Any, n_features: int) -> bytes:
        """uint32, rows x n_trees: lightgbm's leaf numbers."""

    def shap(self, rows: Any, n_features: int) -> bytes:
        """float64, rows x (n_features + 1): exact TreeSHAP, the expected score last, as lightgbm's `pred_contrib`."""

# --- bundle (bindings/bundle.rs): bundles as the engine loads them, for training and evaluation -----------------------

@final
class Scorers:
    """The rules and some bundles, checked as at the engine's start."""

    def __new__(cls, bundle_folders: list[Path]) -> Scorers:
        """Raises ValueError naming the first folder that is refused, and why."""

    def listing(self) -> bytes:
        """JSON a scorer: index, name, version, kind, sha256, features, signals, thresholds, a model's manifest."""

    def check_policy(self, text: str) -> list[str]:
        """Reads an alert policy as the engine does, with these scores; the rules that are left out, in words.

        Raises CoreError("policy_refused", 422, what is wrong, line from 1 or 0).
        """

    def probabilities(self, name: str, rows: Any) -> bytes:
        """float64 per row: calibrated probabilities by the bundle of this name. Raises ValueError for another shape.

        `rows`: a C-contiguous buffer of float32 or float64, rows x features in the bundle's order, NaN missing.
        """

    def explain(
        self, name: str, features: Any, inputs: list[tuple[str, float | None, float | None, int | None]]
    ) -> list[dict[str, Any]]:
        """The reasons of one score, at most 5, most important first, as stored with alerts.

        Each is {about, share, direction: raises | lowers | neither, missing, words}. `features`: the row of a bundle as
        a buffer of float32 or float64 (empty for a rule), `inputs`: (signal, value, age in seconds, points), None where
        missing. Raises ValueError for an unknown name or signal and another width."""

    def tell_inputs(self, inputs: list[tuple[str, float | None, float | None, int | None]]) -> list[str]:
        """Each input in words: `lactate 3.4 mmol/L, 2 h old`, `no lactate measured`. Raises ValueError for an unknown
        signal."""

    def expected_raw(self, name: str) -> float:
        """The raw score a bundle expects before it knows anything; a row's raw score is this and all its shares."""
