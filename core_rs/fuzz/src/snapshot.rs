//! Snapshots of the pipeline's state: the input is what follows a head with the right checksum.
//!
//! Promised beside memory and time: bytes that read as a state are refused with a reason or become a pipeline, whose state can be
//! written and read again. What such a pipeline would go on to say is not judged: behind a right checksum of 32 bits stands what
//! the server wrote, and its own magic tells one format from the next.
//!
//! A snapshot is the server's own file, behind a checksum, never a sender's, and a state takes more room than its bytes: a series
//! of 20 bytes has its ring's beginning made again, up to 64 KiB. So its bound is `FACTOR` and not 4. What matters is that no
//! length it claims is believed: memory follows what is there.

use std::sync::{Arc, LazyLock};

use nightlamp_core::decode::{DecodeConfig, Decoder};
use nightlamp_core::engine::snapshot::{head, unpack};
use nightlamp_core::journal::Journalled;
use nightlamp_core::limits::Limits;
use nightlamp_core::pipeline::{Pipeline, Read, Setup};
use nightlamp_core::receive::Source;
use nightlamp_core::score::Scorers;

use super::meter::{self, Bound};
use super::seeds;
use super::site::frame;

/// Bytes of state a byte of snapshot may become.
const FACTOR: usize = 4_096;
/// Serde makes room for at most 1 MiB of what a collection announces, a collection within a collection; and maps have a least size.
const BOUND: Bound = Bound { factor: FACTOR, floor: 4 << 20 };

static DECODER: LazyLock<Arc<Decoder>> =
    LazyLock::new(|| Arc::new(Decoder::new(DecodeConfig::default()).expect("default settings")));
static SCORERS: LazyLock<Arc<Scorers>> = LazyLock::new(|| Arc::new(Scorers::load(&[]).expect("the rules")));

fn setup() -> Setup {
    Setup::new(
        Arc::clone(&DECODER),
        Arc::clone(&SCORERS),
        Limits { patients_max: 100, signal_observations_max: 1_000, message_ids_max: 1_000, ..Limits::default() },
    )
}

/// The target.
pub fn run(body: &[u8]) {
    LazyLock::force(&SCORERS);
    let bytes = [head(body).as_slice(), body].concat();
    let read = meter::case("unpack", bytes.len(), BOUND, || unpack::<Read>(&bytes));
    let Some(read) = read else { return };
    let Ok(pipeline) = Pipeline::resume(setup(), read) else { return };
    let written = postcard::to_stdvec(&pipeline.state()).expect("a state can be written");
    postcard::from_bytes::<Read>(&written).expect("and read");
}

/// An admission, values, a tick, much later a tick again.
fn go_on(pipeline: &mut Pipeline) {
    let messages = [seeds::hl7::ADMISSION, seeds::hl7::VITALS];
    let mut frames: Vec<_> = messages.iter().map(|text| frame(Source::Hl7Http, "", text.as_bytes())).collect();
    let tick = frame(Source::Tick, "", b"");
    let later = nightlamp_core::receive::Frame { received_at_us: tick.received_at_us + 86_400_000_000, ..tick.clone() };
    frames.extend([tick, later]);
    for (seq, frame) in (1_000_000_000_000_u64..).zip(frames) {
        pipeline.run(&[Journalled { seq, frame }], seq - 1);
    }
}

/// A state worth mutating: one patient with values, an open alert and remembered messages.
pub fn seed() -> Vec<u8> {
    let mut pipeline = Pipeline::new(setup()).expect("a pipeline");
    go_on(&mut pipeline);
    postcard::to_stdvec(&pipeline.state()).expect("a state can be written")
}
