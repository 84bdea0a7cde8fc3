//! Everything that was collected over a run.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use hdrhistogram::Histogram;

use super::Report;
use crate::observe::metrics::Figures;
use crate::observe::threads::{self, Spent};
use crate::result::{Event, Second};
use crate::scenario::STAGES;
use crate::send::tally::{Tally, histogram};

/// A histogram for each of `STAGES`.
pub type Latencies = [Histogram<u64>; STAGES.len()];

/// Everything that was collected.
#[derive(Debug)]
pub struct Collected {
    /// The seconds.
    pub seconds: Vec<Second>,
    /// By stage, without the warm-up.
    pub stages: Latencies,
    /// The generator's own lateness.
    pub late: Histogram<u64>,
    /// Messages, of everything.
    pub sent: u64,
    /// Readings among them that a console can tell.
    pub readings: u64,
    /// Refused readings.
    pub readings_refused: u64,
    /// Observations.
    pub observations: u64,
    /// Acknowledged messages.
    pub acknowledged: u64,
    /// Observations in them.
    pub observations_acknowledged: u64,
    /// Of those, observations acknowledged while sends were due.
    pub observations_in_time: u64,
    /// Refused messages.
    pub refused: u64,
    /// Sent again.
    pub resent: u64,
    /// Unanswered, by sending thread: gauges.
    pub unanswered_by: BTreeMap<usize, u64>,
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
    /// Seconds, after the warm-up and while sends were due, in which a thread of the harness ran or waited for a core all the time.
    pub saturated: BTreeMap<String, u32>,
    /// When everything was done, seconds after the last intended send; None where it never was.
    pub drained_s: Option<f64>,
    /// Seconds the whole took.
    pub took_s: f64,
    /// The longest backlog, in seconds of the schedule.
    pub unsent_s_max: f64,
    /// The last figures while sends were due.
    pub at_end: Option<Figures>,
}

/// CPU of this process.
#[derive(Debug, Default)]
pub struct Cpu {
    /// Of each sending thread.
    pub senders: BTreeMap<usize, f64>,
    /// By name at the beginning.
    pub before: BTreeMap<String, Spent>,
    /// By name when sends were no longer due.
    pub after: BTreeMap<String, Spent>,
}

/// An empty histogram for each stage.
pub fn stages() -> Latencies {
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
            observations_acknowledged: 0,
            observations_in_time: 0,
            refused: 0,
            resent: 0,
            unanswered_by: BTreeMap::new(),
            seen: 0,
            due,
            events: Vec::new(),
            recovered_s: Vec::new(),
            faults: BTreeMap::new(),
            cpu: Cpu { before: threads::own(), ..Cpu::default() },
            saturated: BTreeMap::new(),
            drained_s: None,
            took_s: 0.0,
            unsent_s_max: 0.0,
            at_end: None,
        }
    }

    /// Takes in what the threads reported after the last second: it counts in that second, and its latencies in the whole.
    pub fn last(&mut self, reports: &Receiver<Report>, warmup_s: f64) {
        let mut tail = self.seconds.pop().unwrap_or_default();
        for report in reports.try_iter() {
            match report {
                Report::Sent(index, tally) => {
                    tally.add_to(&mut tail);
                    self.tail(0, &tally.latency, tally.second, warmup_s);
                    let _ = self.late.add(&tally.late);
                    self.count(index, &tally);
                }
                Report::Watched(watched) => {
                    tail.seen += watched.seen.len();
                    tail.connections_lost += watched.lost;
                    self.tail(3, &watched.seen, watched.second, warmup_s);
                    self.tail(4, &watched.deliveries, watched.second, warmup_s);
                    self.tail(5, &watched.awake, watched.second, warmup_s);
                    self.seen = self.seen.max(watched.seen_total);
                    self.blame(watched.faults);
                }
                Report::Polled(polled) => {
                    self.tail(1, &polled.scored, polled.second, warmup_s);
                    self.tail(2, &polled.stored, polled.second, warmup_s);
                }
                Report::Happened(event) => self.events.push(event),
                Report::Recovered(took_s) => self.recovered_s.push(took_s),
            }
        }
        tail.unanswered = self.unanswered();
        self.seconds.push(tail);
    }

    fn tail(&mut self, stage: usize, latencies: &Histogram<u64>, second: u32, warmup_s: f64) {
        if let Some(whole) = self.stages.get_mut(stage).filter(|_| f64::from(second) >= warmup_s) {
            let _ = whole.add(latencies);
        }
    }

    /// Messages without an answer, as each sending thread said last.
    pub fn unanswered(&self) -> u64 {
        self.unanswered_by.values().sum()
    }

    /// Remembers why connections were lost.
    pub fn blame(&mut self, faults: Vec<String>) {
        for fault in faults {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    /// Adds what a thread counted.
    pub fn count(&mut self, sender: usize, tally: &Tally) {
        self.unanswered_by.insert(sender, tally.unanswered);
        self.cpu.senders.insert(sender, tally.cpu_s);
        self.sent += tally.sent;
        self.readings += tally.readings;
        self.readings_refused += tally.readings_refused;
        self.observations += tally.observations;
        self.acknowledged += tally.acknowledged;
        self.observations_acknowledged += tally.observations_acknowledged;
        self.refused += tally.refused;
        self.resent += tally.resent;
        self.blame(tally.faults.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn tally(second: u32, acknowledged: u64, unanswered: u64) -> Report {
        let mut tally = Tally::new(second);
        (tally.sent, tally.acknowledged, tally.unanswered) = (acknowledged, acknowledged, unanswered);
        tally.latency.record_n(1_000, acknowledged).unwrap();
        tally.late.record_n(10, acknowledged).unwrap();
        Report::Sent(0, tally)
    }

    #[test]
    fn a_tally_that_came_after_the_last_second_counts_once_with_its_latencies() {
        let mut got = Collected::new(20);
        got.seconds.push(Second { t_s: 9, sent: 3, ..Second::default() });
        let (out, reports) = channel();
        for late in [tally(9, 6, 5), tally(10, 4, 2)] {
            out.send(late).unwrap();
        }
        got.last(&reports, 5.0);
        assert_eq!((got.unanswered(), got.sent, got.acknowledged), (2, 10, 10), "unanswered is a gauge");
        assert_eq!((got.stages[0].len(), got.late.len()), (10, 10));
        assert_eq!((got.seconds.len(), got.seconds[0].sent, got.seconds[0].unanswered), (1, 13, 2));
    }

    #[test]
    fn what_belongs_to_the_warm_up_stays_out_of_the_percentiles_also_when_it_comes_late() {
        let mut got = Collected::new(20);
        let (out, reports) = channel();
        out.send(tally(1, 6, 0)).unwrap();
        got.last(&reports, 5.0);
        assert_eq!((got.stages[0].len(), got.sent), (0, 6));
    }
}
