//! One connection of the listener without a socket: bytes in, bytes out, time as it is told. What the fuzzers and tools drive;
//! the listener runs the same session behind sockets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::board::Signal;
use super::config::ListenerConfig;
use super::credentials::Credentials;
use super::door::Door;
use super::drive::Peer;
use super::session::Session;
use super::stats::ListenerStats;
use crate::receive::Intake;

/// A connection, from its first byte on.
pub struct Line {
    session: Session,
    begun: Instant,
    _credentials: watch::Sender<Arc<Credentials>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line(closed: {})", self.is_closed())
    }
}

impl Line {
    /// The only connection of a door with these settings.
    pub fn new(config: ListenerConfig, credentials: Credentials, intake: Arc<dyn Intake>) -> Self {
        let (sender, credentials) = watch::channel(Arc::new(credentials));
        let connect_timeout = Duration::from_millis(config.connect_timeout_ms);
        let door = Door::new(config, intake, credentials, Arc::new(ListenerStats::default()));
        let begun = Instant::now();
        let session = Session::new(door, Signal::new(1), begun, begun + connect_timeout);
        Self { session, begun, _credentials: sender }
    }

    /// Takes bytes and says how many were used: fewer than given where the session wants no more for now, or is closed.
    pub fn receive(&mut self, bytes: &[u8], since_begun: Duration) -> usize {
        if !self.session.wants_input() {
            return 0;
        }
        self.session.receive(bytes, self.begun + since_begun)
    }

    /// Everything up to this number is on disk: lets the PUBACKs out.
    pub fn settle(&mut self, durable_seq: u64) {
        self.session.settle(durable_seq);
    }

    /// Time has passed: what was held is tried again, silence is noticed.
    pub fn tick(&mut self, since_begun: Duration) {
        self.session.tick(self.begun + since_begun);
    }

    /// What is to be sent, taken away.
    pub fn outgoing(&mut self) -> Vec<u8> {
        std::mem::take(self.session.outgoing())
    }

    /// Whether the connection is over once `outgoing` is sent.
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }
}
