//! Who waits for which sequence number. One task watches the journal and wakes only the connections whose turn has come, so
//! that a group commit costs nothing to the thousands that wait for none.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::{Notify, watch};

use crate::journal::Progress;

/// How a connection is woken from outside.
#[derive(Debug)]
pub(super) struct Signal {
    id: u64,
    waiting_for: Cell<Option<u64>>,
    taken_over: Cell<bool>,
    wake: Notify,
}

impl Signal {
    pub fn new(id: u64) -> Rc<Self> {
        Rc::new(Self { id, waiting_for: Cell::new(None), taken_over: Cell::new(false), wake: Notify::new() })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// Another connection of the same client has come.
    pub fn take_over(&self) {
        self.taken_over.set(true);
        self.wake.notify_one();
    }

    pub fn is_taken_over(&self) -> bool {
        self.taken_over.get()
    }

    /// Wait to be woken; a wake that came before is not lost.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }
}

/// The board of one door.
#[derive(Debug, Default)]
pub(super) struct Board {
    durable: Cell<u64>,
    waiting: RefCell<BTreeMap<(u64, u64), Rc<Signal>>>,
}

impl Board {
    /// The highest durable sequence number this door has been told.
    pub fn durable(&self) -> u64 {
        self.durable.get()
    }

    /// State which number a connection waits for; replaces what it stated before.
    pub fn wait(&self, signal: &Rc<Signal>, seq: Option<u64>) {
        if signal.waiting_for.get() == seq {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        if let Some(old) = signal.waiting_for.replace(seq) {
            waiting.remove(&(old, signal.id));
        }
        if let Some(seq) = seq {
            waiting.insert((seq, signal.id), Rc::clone(signal));
        }
    }

    fn advance(&self, durable: u64) {
        self.durable.set(durable);
        let mut waiting = self.waiting.borrow_mut();
        while let Some(entry) = waiting.first_entry() {
            if entry.key().0 > durable {
                break;
            }
            let signal = entry.remove();
            signal.waiting_for.set(None);
            signal.wake.notify_one();
        }
    }

    /// Follow the journal until it is gone.
    pub async fn follow(self: Rc<Self>, mut durable: watch::Receiver<Progress>) {
        loop {
            let progress = *durable.borrow_and_update();
            self.advance(progress.durable_seq);
            if durable.changed().await.is_err() {
                return;
            }
        }
    }
}
