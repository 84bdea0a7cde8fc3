//! Everything that was collected over a run.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use hdrhistogram::Histogram;

use super::Report;
use crate::observe::metrics::Figures;
use crate::observe::process::own_threads;
use crate::result::{Event, Second};
use crate::send::tally::{Tally, histogram};

/// Counters of the server's process, over its restarts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grown {
    last: u64,
    sum: u64,
}

impl Grown {
    /// Takes in a reading: one that is smaller is of another life of the server.
    pub fn see(&mut self, value: u64) {
        self.sum += if value >= self.last { value - self.last } else { value };
        self.last = value;
    }
}

/// Everything that was collected.
#[derive(Debug)]
pub struct Collected {
    /// The seconds.
    pub seconds: Vec<Second>,
    /// By stage, without the warm-up.
    pub stages: [Histogram<u64>; 5],
    /// The generator's own lateness.
    pub late: Histogram<u64>,
    /// Messages, of everything.
    pub sent: u64,
    /// Readings among them.
    pub readings: u64,
    /// Refused readings.
    pub readings_refused: u64,
    /// Observations.
    pub observations: u64,
    /// Acknowledged messages.
    pub acknowledged: u64,
    /// Acknowledged observations are not told apart; those acknowledged while sends were due are.
    pub acknowledged_in_time: u64,
    /// Refused messages.
    pub refused: u64,
    /// Sent again.
    pub resent: u64,
    /// Unanswered at the end.
    pub unanswered: u64,
    /// Readings seen.
    pub seen: u64,
    /// Due over the whole schedule.
    pub due: u64,
    /// What happened.
    pub events: Vec<Event>,
    /// Seconds to recover, of each kill.
    pub recovered_s: Vec<f64>,
    /// Why connections were lost or messages refused: reason and how often it was told.
    pub faults: BTreeMap<String, u64>,
    /// CPU seconds of the sending threads, and of all threads at the schedule's beginning and end.
    pub cpu: Cpu,
    /// When everything was done, seconds after the last intended send; None where it never was.
    pub drained_s: Option<f64>,
    /// Seconds the whole took.
    pub took_s: f64,
    /// The longest backlog, in seconds of the schedule.
    pub unsent_s_max: f64,
    /// Server's counters over restarts: ticks, repeated, dead, kept.
    pub grown: [Grown; 4],
    /// The last figures while sends were due.
    pub at_end: Option<Figures>,
}

/// CPU of this process.
#[derive(Debug, Default)]
pub struct Cpu {
    /// Of each sending thread.
    pub senders: BTreeMap<usize, f64>,
    /// By name at the beginning.
    pub before: BTreeMap<String, f64>,
    /// By name when sends were no longer due.
    pub after: BTreeMap<String, f64>,
}

/// An empty histogram for each stage.
pub fn stages() -> [Histogram<u64>; 5] {
    std::array::from_fn(|_| histogram())
}

impl Collected {
    /// Nothing yet, of so many sends.
    pub fn new(due: u64) -> Self {
        Self {
            seconds: Vec::new(),
            stages: stages(),
            late: histogram(),
            sent: 0,
            readings: 0,
            readings_refused: 0,
            observations: 0,
            acknowledged: 0,
            acknowledged_in_time: 0,
            refused: 0,
            resent: 0,
            unanswered: 0,
            seen: 0,
            due,
            events: Vec::new(),
            recovered_s: Vec::new(),
            faults: BTreeMap::new(),
            cpu: Cpu { before: own_threads(), ..Cpu::default() },
            drained_s: None,
            took_s: 0.0,
            unsent_s_max: 0.0,
            grown: [Grown::default(); 4],
            at_end: None,
        }
    }

    /// Takes in what the threads reported at their end.
    pub fn last(&mut self, reports: &Receiver<Report>) {
        let mut unanswered = None;
        for report in reports.try_iter() {
            match report {
                Report::Sent(_, tally) => {
                    *unanswered.get_or_insert(0) += tally.unanswered;
                    self.count(&tally);
                }
                Report::Watched(watched) => self.seen = self.seen.max(watched.seen_total),
                Report::Polled(_) => {}
                Report::Happened(event) => self.events.push(event),
                Report::Recovered(took_s) => self.recovered_s.push(took_s),
            }
        }
        self.unanswered = unanswered.unwrap_or(self.unanswered);
    }

    /// Adds what a thread counted.
    pub fn count(&mut self, tally: &Tally) {
        self.sent += tally.sent;
        self.readings += tally.readings;
        self.readings_refused += tally.readings_refused;
        self.observations += tally.observations;
        self.acknowledged += tally.acknowledged;
        self.refused += tally.refused;
        self.resent += tally.resent;
        for fault in &tally.faults {
            *self.faults.entry(fault.clone()).or_default() += 1;
        }
    }

    /// What a counter of the server grew by, over its restarts: 0 ticks, 1 repeated, 2 dead, 3 kept.
    pub fn grown_by(&self, which: usize, before: u64, after: u64) -> u64 {
        let mut grown = self.grown.get(which).copied().unwrap_or_default();
        grown.see(after);
        grown.sum.saturating_sub(before)
    }
}
