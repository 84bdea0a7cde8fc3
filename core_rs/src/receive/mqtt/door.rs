//! What all connections of one listener share: settings, credentials, counters, and the seats.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashMap;
use tokio::sync::watch;

use super::board::Signal;
use super::config::ListenerConfig;
use super::credentials::Credentials;
use super::stats::ListenerStats;
use crate::receive::Intake;

type ClientKey = (CompactString, CompactString);

/// The listener as its connections see it. Lives on one thread.
pub(super) struct Door {
    pub config: ListenerConfig,
    pub intake: Arc<dyn Intake>,
    pub credentials: watch::Receiver<Arc<Credentials>>,
    pub stats: Arc<ListenerStats>,
    seats: RefCell<HashMap<ClientKey, Rc<Signal>>>,
    open: Cell<usize>,
}

impl Door {
    pub fn new(
        config: ListenerConfig,
        intake: Arc<dyn Intake>,
        credentials: watch::Receiver<Arc<Credentials>>,
        stats: Arc<ListenerStats>,
    ) -> Rc<Self> {
        Rc::new(Self { config, intake, credentials, stats, seats: RefCell::default(), open: Cell::new(0) })
    }

    /// Largest packet: a frame's payload and 4 KiB for topic and properties.
    pub fn packet_bytes_max(&self) -> u32 {
        u32::try_from(self.config.limits.frame_bytes_max.saturating_add(4_096)).unwrap_or(u32::MAX)
    }

    /// Give an authenticated connection its seat, or `None` when all are taken. A client that was already here loses its
    /// older connection (MQTT-3.1.4-2 of 3.1.1, MQTT-3.1.4-3 of 5); clients of other credentials are never touched.
    pub fn seat(self: &Rc<Self>, principal: &str, client_id: &str, signal: &Rc<Signal>) -> Option<Seat> {
        let key = (CompactString::from(principal), CompactString::from(client_id));
        let mut seats = self.seats.borrow_mut();
        match seats.get(&key) {
            Some(older) => older.take_over(),
            None if self.open.get() >= self.config.limits.mqtt_connections_max => return None,
            None => {}
        }
        seats.insert(key.clone(), Rc::clone(signal));
        self.open.set(self.open.get() + 1);
        self.stats.connections.open.one();
        Some(Seat { door: Rc::clone(self), key, id: signal.id() })
    }
}

/// An authenticated connection's place; given back when dropped.
pub(super) struct Seat {
    door: Rc<Door>,
    key: ClientKey,
    id: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.door.seats.borrow_mut();
        if seats.get(&self.key).is_some_and(|signal| signal.id() == self.id) {
            seats.remove(&self.key);
        }
        self.door.open.set(self.door.open.get().saturating_sub(1));
        self.door.stats.connections.open.less(1);
    }
}
