//! How far the stages are: /metrics asked several times a second, /proc once.
//!
//! A message counts as scored (stored) once its frame is known to be: acknowledged before the question was asked, and not among
//! the frames between the journal's head and the stage's place in the answer. So a latency can be too long by one interval and by
//! the answer's own time, never too short; the resolution is told beside the figures.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::metrics::Figures;
use super::process::{Usage, descendants, usage};
use crate::plan::Plan;
use crate::schedule::Clock;
use crate::send::control::{AckLog, Control};
use crate::send::tally::histogram;
use crate::target::{Client, Target};

const TIMEOUT: Duration = Duration::from_secs(2);

/// One second of it.
#[derive(Debug)]
pub struct Polled {
    /// The second.
    pub second: u32,
    /// From intended to seen as scored.
    pub scored: Histogram<u64>,
    /// From intended to seen as stored.
    pub stored: Histogram<u64>,
    /// The newest answer, None where the last question had none.
    pub figures: Option<Figures>,
    /// The server's process.
    pub own: Option<Usage>,
    /// Its children.
    pub children: Option<Usage>,
}

/// The thread's state.
#[derive(Debug)]
pub struct Poller {
    plan: Arc<Plan>,
    control: Arc<Control>,
    log: Arc<AckLog>,
    interval: Duration,
    taken: [u64; 2],
    now: Polled,
}

impl Polled {
    fn new(second: u32) -> Self {
        Self { second, scored: histogram(), stored: histogram(), figures: None, own: None, children: None }
    }
}

impl Poller {
    /// Of a run, asking once an interval.
    pub fn new(plan: &Arc<Plan>, control: &Arc<Control>, log: &Arc<AckLog>, interval: Duration) -> Self {
        Self {
            plan: Arc::clone(plan),
            control: Arc::clone(control),
            log: Arc::clone(log),
            interval,
            taken: [0; 2],
            now: Polled::new(0),
        }
    }

    /// Polls until told to stop; a report goes out every second and at the end.
    pub fn run(mut self, out: impl Fn(Polled)) {
        let plan = Arc::clone(&self.plan);
        let mut client = Client::new(&plan.target, TIMEOUT);
        let mut due = Instant::now();
        while !self.control.stop.load(Ordering::Relaxed) {
            due = (due + self.interval).max(Instant::now());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let Some(clock) = plan.clock().filter(Clock::has_begun) else { continue };
            self.ask(&mut client, &clock);
            let second = u32::try_from(clock.now_us() / 1_000_000).unwrap_or(u32::MAX);
            if second != self.now.second {
                let mut done = std::mem::replace(&mut self.now, Polled::new(second));
                (done.own, done.children) = server_usage(&plan.target);
                self.now.figures = done.figures;
                out(done);
            }
        }
        (self.now.own, self.now.children) = server_usage(&plan.target);
        out(self.now);
    }

    fn ask(&mut self, client: &mut Client<'_>, clock: &Clock) {
        let acknowledged = self.log.acknowledged();
        let answer = client.get("/metrics").ok().filter(|answer| answer.status == 200);
        self.now.figures = answer.map(|answer| Figures::read(&String::from_utf8_lossy(&answer.body)));
        let Some(figures) = self.now.figures else { return };
        let now_us = clock.now_us();
        for (stage, place) in [figures.processed, figures.stored].into_iter().enumerate() {
            let (Some(durable), Some(place)) = (figures.durable, place) else { continue };
            let done = acknowledged.saturating_sub(durable.saturating_sub(place));
            let Some(taken) = self.taken.get_mut(stage) else { continue };
            let new = done.saturating_sub(*taken);
            *taken += new;
            let into = if stage == 0 { &mut self.now.scored } else { &mut self.now.stored };
            for (at_ms, count) in self.log.take(stage, new) {
                into.saturating_record_n(now_us.saturating_sub(u64::from(at_ms) * 1_000).max(1), count);
            }
        }
    }
}

fn server_usage(target: &Target) -> (Option<Usage>, Option<Usage>) {
    let Some(pid) = target.pid() else { return (None, None) };
    let children = descendants(pid).into_iter().filter_map(usage).fold(Usage::default(), |sum, one| Usage {
        cpu_s: sum.cpu_s + one.cpu_s,
        rss_bytes: sum.rss_bytes + one.rss_bytes,
        written_bytes: sum.written_bytes + one.written_bytes,
    });
    (usage(pid), Some(children))
}
