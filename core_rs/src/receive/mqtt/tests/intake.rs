//! A journal whose durability and refusals the test decides.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::{Code, Refusal};
use crate::journal::Progress;
use crate::receive::{Frame, FrameRef, Intake};

pub struct FakeIntake {
    state: Mutex<State>,
    durable: watch::Sender<Progress>,
}

#[derive(Default)]
struct State {
    frames: Vec<Frame>,
    refusing: Option<Code>,
    durable_at_once: bool,
}

impl FakeIntake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), durable: watch::Sender::new(Progress::default()) })
    }

    pub fn refuse(&self, code: Option<Code>) {
        self.state.lock().refusing = code;
    }

    /// From now on every frame is durable when it is submitted.
    pub fn durable_at_once(&self) {
        let mut state = self.state.lock();
        state.durable_at_once = true;
        self.durable.send_replace(at(state.frames.len() as u64));
    }

    pub fn make_durable(&self, seq: u64) {
        self.durable.send_replace(at(seq));
    }

    pub fn frames(&self) -> Vec<Frame> {
        self.state.lock().frames.clone()
    }

    pub fn len(&self) -> usize {
        self.state.lock().frames.len()
    }
}

impl Intake for FakeIntake {
    fn submit(&self, frame: &FrameRef<'_>) -> Result<u64, Refusal> {
        let mut state = self.state.lock();
        if let Some(code) = state.refusing {
            return Err(Refusal::new(code, "as the test wants"));
        }
        state.frames.push(owned(frame));
        let seq = state.frames.len() as u64;
        if state.durable_at_once {
            self.durable.send_replace(at(seq));
        }
        Ok(seq)
    }

    fn durable(&self) -> watch::Receiver<Progress> {
        self.durable.subscribe()
    }
}

const fn at(durable_seq: u64) -> Progress {
    Progress { durable_seq, failed: false }
}

fn owned(frame: &FrameRef<'_>) -> Frame {
    Frame {
        source: frame.source,
        principal: frame.principal.into(),
        context: frame.context.into(),
        received_at_us: frame.received_at_us,
        payload: bytes::Bytes::copy_from_slice(frame.payload),
    }
}
