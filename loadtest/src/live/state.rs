//! What the view remembers of the run so far. Bounded: 60 values a stage, 5 events.

use std::collections::{BTreeMap, VecDeque};

use crate::result::{Event, Head, Second};

/// Seconds of a sparkline.
pub const SPARK_S: usize = 60;
/// Events shown.
const EVENTS_MAX: usize = 5;

/// One stage so far.
#[derive(Debug, Clone, Default)]
pub struct StageSoFar {
    /// p99 of the last seconds, microseconds; none where nothing ended.
    pub p99_us: VecDeque<Option<u64>>,
    /// Worst p99 of any second so far.
    pub p99_us_worst: u64,
    /// Longest so far.
    pub max_us: u64,
}

/// Sums so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// Messages due, sent, acknowledged, refused, seen.
    pub due: u64,
    /// Written.
    pub sent: u64,
    /// Answered as taken.
    pub acknowledged: u64,
    /// Answered as not taken.
    pub refused: u64,
    /// Visible on a console.
    pub seen: u64,
    /// Connections lost.
    pub lost: u64,
}

/// The run so far.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What is run.
    pub head: Option<Head>,
    /// The newest second.
    pub last: Second,
    /// Bytes the server wrote in it.
    pub disk_gained_bytes: Option<u64>,
    /// By stage.
    pub stages: BTreeMap<String, StageSoFar>,
    /// Sums.
    pub sums: Sums,
    /// The newest events, oldest first.
    pub events: VecDeque<Event>,
}

impl State {
    /// Takes a second in.
    pub fn add(&mut self, second: &Second) {
        let before = self.last.server.disk_written_bytes;
        self.disk_gained_bytes = second.server.disk_written_bytes.zip(before).and_then(|(now, before)| now.checked_sub(before));
        for (name, latency) in &second.latency {
            let stage = self.stages.entry(name.clone()).or_default();
            stage.max_us = stage.max_us.max(latency.max_us);
            stage.p99_us_worst = stage.p99_us_worst.max(latency.p99_us);
        }
        for (name, stage) in &mut self.stages {
            let measured = second.latency.get(name).filter(|latency| latency.count > 0);
            stage.p99_us.push_back(measured.map(|latency| latency.p99_us));
            if stage.p99_us.len() > SPARK_S {
                stage.p99_us.pop_front();
            }
        }
        self.sums.due += second.due;
        self.sums.sent += second.sent;
        self.sums.acknowledged += second.acknowledged;
        self.sums.refused += second.refused;
        self.sums.seen += second.seen;
        self.sums.lost += second.connections_lost;
        self.last = second.clone();
    }

    /// Takes an event in.
    pub fn note(&mut self, event: &Event) {
        self.events.push_back(event.clone());
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// The phase the newest second lies in, with its rate as a multiple; `drain` after the last.
    pub fn phase(&self) -> String {
        let Some(head) = &self.head else { return String::new() };
        let at = f64::from(self.last.t_s);
        match head.scenario.phases.iter().find(|phase| at >= phase.from_s && at < phase.until_s) {
            Some(phase) => {
                let passed = (at - phase.from_s) / (phase.until_s - phase.from_s).max(1e-9);
                format!("{} x{:.2}", phase.name, phase.factor_from + (phase.factor_to - phase.factor_from) * passed)
            }
            None if at >= head.scenario.duration_s => "drain".to_owned(),
            None => "running".to_owned(),
        }
    }
}
