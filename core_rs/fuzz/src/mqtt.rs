//! MQTT as the listener reads it: bytes of one connection through codec, session and inlet, and the frames it hands on through
//! the decoder. The first byte of the input chooses the version and whether a good CONNECT comes first, the second how the
//! bytes are cut on their way.
//!
//! Promised beside memory and time: no PUBACK before the journal says so, at most one for each frame; the frames do not depend
//! on where TCP cut the bytes; a frame is no larger than its limit and decodes.

use std::sync::Arc;
use std::time::Duration;

use nightlamp_core::error::{Code, Refusal};
use nightlamp_core::journal::Progress;
use nightlamp_core::limits::Limits;
use nightlamp_core::receive::mqtt::{Credential, Credentials, Line, ListenerConfig};
use nightlamp_core::receive::{Frame, FrameRef, Intake};
use std::sync::Mutex;
use tokio::sync::watch;

use super::meter::{self, Bound};
use super::seeds::mqtt::{SECRET, connect};
use super::site::{NOON_US, SITES};

const FRAME_BYTES_MAX: usize = 16 << 10;
/// A packet has the room it announces, at most a frame and 4 KiB; beside it what a connection costs.
const BOUND: Bound = Bound::with_floor((64 << 10) + FRAME_BYTES_MAX + (4 << 10));

#[derive(Debug, Default)]
struct Taken {
    frames: Mutex<Vec<Frame>>,
    refuses: bool,
}

impl Intake for Taken {
    fn submit(&self, frame: &FrameRef<'_>) -> Result<u64, Refusal> {
        if self.refuses {
            return Err(Refusal::new(Code::JournalFull, ""));
        }
        let mut frames = self.frames.lock().expect("one thread");
        let (principal, context) = (frame.principal.into(), frame.context.into());
        let payload = bytes::Bytes::copy_from_slice(frame.payload);
        // The clock is read at the door; here time stands still.
        frames.push(Frame { source: frame.source, principal, context, received_at_us: NOON_US, payload });
        Ok(frames.len() as u64)
    }

    fn durable(&self) -> watch::Receiver<Progress> {
        unreachable!("a line is told what is durable")
    }
}

fn config() -> ListenerConfig {
    let limits = Limits { frame_bytes_max: FRAME_BYTES_MAX, mqtt_inflight_max: 8_192, ..Limits::default() };
    ListenerConfig { limits, ..ListenerConfig::default() }
}

fn credentials() -> Credentials {
    let hash = format!("blake3:{}", blake3::hash(SECRET.as_bytes()));
    Credentials::new([Credential { id: "ward".into(), hash, units: vec!["*".into()] }]).expect("a credential")
}

/// The target.
pub fn run(input: &[u8]) {
    let [how, cut, rest @ ..] = input else { return };
    let greeting = match how % 4 {
        0 => Vec::new(),
        1 => connect(4),
        _ => connect(5),
    };
    let stream = [greeting.as_slice(), rest].concat();
    // Settings and credentials are the door's, made before any connection.
    let whole = meter::case("a connection", stream.len(), BOUND, || frames(&stream, stream.len().max(1), false));
    let pieces = meter::case("a connection in pieces", stream.len(), BOUND, || frames(&stream, usize::from(*cut) + 1, false));
    assert!(whole == pieces, "frames do not depend on where the bytes were cut");
    let held =
        meter::case("a connection to a full journal", stream.len(), BOUND, || frames(&stream, stream.len().max(1), true));
    assert!(held.is_empty());
    for frame in &whole {
        assert!(frame.payload.len() <= FRAME_BYTES_MAX && frame.principal == "ward");
        let site = &SITES[0];
        meter::case("decode", frame.payload.len(), site.bound, || site.decode(frame));
    }
}

/// The frames a connection hands on, its bytes cut into pieces of this size.
fn frames(stream: &[u8], piece: usize, refuses: bool) -> Vec<Frame> {
    let taken = Arc::new(Taken { refuses, ..Taken::default() });
    let mut line = Line::new(config(), credentials(), Arc::clone(&taken) as Arc<dyn Intake>);
    let (mut acknowledged, mut at) = (0, 0);
    while at < stream.len() && !line.is_closed() {
        let end = (at + piece).min(stream.len());
        let used = line.receive(&stream[at..end], Duration::ZERO);
        assert!(used <= end - at);
        at += used;
        line.settle(0);
        assert_eq!(pubacks(&line.outgoing()), 0, "a PUBACK before the journal said so");
        let journalled = taken.frames.lock().expect("one thread").len();
        line.settle(journalled as u64);
        acknowledged += pubacks(&line.outgoing());
        assert!(acknowledged <= journalled, "more PUBACKs than frames");
        if used == 0 {
            line.tick(Duration::from_secs(1));
            if refuses || line.receive(&stream[at..end], Duration::from_secs(1)) == 0 {
                break;
            }
            unreachable!("what was not wanted is wanted without a reason");
        }
    }
    line.tick(Duration::from_secs(7_200));
    drop(line);
    std::mem::take(&mut *taken.frames.lock().expect("one thread"))
}

/// How many packets of what a server sends are PUBACKs of success. Refusals (a topic that is none) are told without the journal.
fn pubacks(mut sent: &[u8]) -> usize {
    let mut count = 0;
    while let [first, rest @ ..] = sent {
        let (mut length, mut shift, mut at) = (0usize, 0, 0);
        while let Some(byte) = rest.get(at) {
            length |= usize::from(byte & 0x7f) << shift;
            (shift, at) = (shift + 7, at + 1);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = rest.get(at..at + length).expect("whole packets are sent");
        count += usize::from(first >> 4 == 4 && body.get(2).is_none_or(|reason| *reason == 0));
        sent = rest.get(at + length..).unwrap_or_default();
    }
    count
}
