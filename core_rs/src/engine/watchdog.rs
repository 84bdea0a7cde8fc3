//! The watchdog: looks four times a second whether the stages, the ticks and the MQTT doors still move.
//!
//! - A stage that works on the same step for `hang_s_max` (20 s) hangs. Its frame goes on the list beside the journal (where the
//!   stage works on a whole batch, the batch does: the next start runs it frame by frame), then the process must end with
//!   `EXIT_HUNG`: a thread cannot be taken back. Looks are counted, not seconds: a machine that slept has not hung.
//! - An MQTT door whose thread died is opened again, at most once a second.
//! - How long no tick was written and how long frames have waited without one being finished are figures for `/readyz`; they do
//!   not go by the wall clock, which may be set back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::doors::Doors;
use super::shared::{EXIT_HUNG, Fatal, Shared};
use super::snapshot::Snapshots;
use crate::pipeline::{Did, Poison, UnderWayStep};
use crate::receive::now_us;

const LOOK: Duration = Duration::from_millis(250);
const LOOK_MS: u64 = 250;
const LOOKS_PER_S: u64 = 4;

/// The watchdog's memory.
pub(super) struct Watchdog {
    pub shared: Arc<Shared>,
    pub doors: Arc<Doors>,
    pub snapshots: Snapshots,
    pub hang_s_max: u64,
}

/// Something that should move, and for how many looks it has not.
#[derive(Default)]
struct Still<T> {
    seen: Option<T>,
    looks: u64,
}

impl<T: PartialEq> Still<T> {
    /// For how many looks in a row this has been the same.
    fn look(&mut self, now: T) -> u64 {
        if self.seen.as_ref() == Some(&now) {
            self.looks += 1;
        } else {
            (self.seen, self.looks) = (Some(now), 0);
        }
        self.looks
    }
}

impl Watchdog {
    pub fn run(self) {
        let shared = &*self.shared;
        let (mut step, mut ticks, mut done) = (Still::default(), Still::default(), Still::default());
        for look in 1_u64.. {
            if shared.over.load(Ordering::Acquire) {
                return;
            }
            thread::sleep(LOOK);
            let under_way = shared.supervision.under_way.step();
            if let (looks, Some(hung)) = (step.look(under_way), under_way)
                && looks > self.hang_s_max.saturating_mul(LOOKS_PER_S)
            {
                self.hung(hung);
            }
            let silent = ticks.look(shared.ticks.load(Ordering::Acquire)) * LOOK_MS;
            shared.ticks_silent_ms.store(if shared.stopping() { 0 } else { silent }, Ordering::Release);
            let processed = shared.processed_seq.load(Ordering::Acquire);
            let waits = shared.journal.durable_seq() > processed;
            let stalled = done.look((processed, waits)) * LOOK_MS;
            shared.stalled_ms.store(if waits { stalled } else { 0 }, Ordering::Release);
            if look.is_multiple_of(LOOKS_PER_S) && !shared.stopping() {
                let reopened = self.doors.reopen();
                if reopened > 0 {
                    shared.counted.doors_reopened.fetch_add(reopened, Ordering::Relaxed);
                    shared.note(format!("the thread of {reopened} MQTT doors had died; they are open again"));
                }
            }
        }
    }

    /// Puts what hung on the list, then says that the process must end.
    fn hung(&self, step: UnderWayStep) {
        let shared = &*self.shared;
        // The pipeline takes this lock before it hands a batch over: it has moved on by now, or it never will.
        let mut fatal = shared.fatal.lock();
        if fatal.is_some() || shared.supervision.under_way.step() != Some(step) {
            return;
        }
        let reason = if step.frames.1 <= shared.handed_seq.load(Ordering::Acquire) {
            let (name, first) = (step.stage.name(), step.frames.0);
            format!("{name} hung with frame {first}, whose rows were handed over before: it cannot be passed over")
        } else {
            self.list(step)
        };
        *shared.failed.lock() = Some(reason.clone());
        *fatal = Some(Fatal { code: EXIT_HUNG, reason });
    }

    /// Puts what hung on the list; says so.
    fn list(&self, step: UnderWayStep) -> String {
        let UnderWayStep { frames: (first, last), stage, .. } = step;
        let (name, poison) = (stage.name(), &self.shared.poison);
        let (written, what) = if first == last {
            let hung = Poison { seq: first, stage, did: Did::Hung, place: String::new(), found_at_us: now_us() };
            (poison.add(hung), format!("{name} hung with frame {first}, which is passed over from now on"))
        } else {
            let what = format!("{name} hung with one of the frames {first} to {last}, which the next start runs one by one");
            (poison.suspect((first, last)), what)
        };
        self.snapshots.forget_from(first);
        match written {
            Ok(()) => what,
            Err(error) => format!("{name} hung with frame {first}; the list of such frames cannot be written: {error}"),
        }
    }
}
