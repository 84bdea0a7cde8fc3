//! Collecting: once a second, what all threads report becomes a `Second`, and the totals grow.
//!
//! A second is put together a quarter of a second after its end; what is reported later still counts, in the second then.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::collected::{Collected, Latencies, stages};
use super::{Lanes, Report};
use crate::cli::interrupt::interrupted;
use crate::observe::metrics::Figures;
use crate::observe::process::{self, Usage};
use crate::observe::threads::{self, SATURATED, Spent};
use crate::plan::Plan;
use crate::result::{ConsoleSecond, GeneratorSecond, Lag, Latency, Live, Second, ServerSecond};
use crate::scenario::STAGES;
use crate::schedule::Clock;
use crate::send::tally::histogram;

/// How long after a second's end its reports are awaited.
const GRACE_US: u64 = 250_000;

struct Now<'a> {
    plan: &'a Plan,
    lanes: &'a Lanes,
    clock: Clock,
    got: Collected,
    /// Of the second that is being put together.
    second: Second,
    observations_acknowledged: u64,
    latency: Latencies,
    late: Histogram<u64>,
    own: Option<Usage>,
    children: Option<Usage>,
    written_before: Option<u64>,
    threads: (Instant, BTreeMap<String, Spent>),
    senders_before: BTreeMap<usize, f64>,
    consoles: ConsoleSecond,
    figures: Option<Figures>,
    fresh_cpu: (Option<f64>, Option<f64>),
}

/// Collects until everything is done or the drain's time is up.
pub fn collect(plan: &Plan, lanes: &Lanes, reports: &Receiver<Report>, live: &mut dyn Live) -> Collected {
    let clock = plan.clock().unwrap_or_else(|| Clock::begin_in(Duration::ZERO));
    let got = Collected::new(lanes.iter().map(|lane| lane.due_by(&plan.curve, plan.end_ms())).sum());
    let own = plan.target.pid().and_then(process::usage);
    let mut now = Now {
        plan,
        lanes,
        clock,
        got,
        second: Second::default(),
        observations_acknowledged: 0,
        latency: stages(),
        late: histogram(),
        own,
        children: None,
        written_before: None,
        threads: (Instant::now(), threads::own()),
        senders_before: BTreeMap::new(),
        consoles: ConsoleSecond::default(),
        figures: None,
        fresh_cpu: (None, None),
    };
    let end_s = plan.curve.duration_s();
    for second in 0_u32.. {
        let ends_us = u64::from(second + 1) * 1_000_000;
        let told = now.got.events.len();
        now.receive_until(reports, ends_us + GRACE_US);
        let done = now.finish(second);
        for event in now.got.events.iter().skip(told) {
            live.event(event);
        }
        live.second(&done);
        let over_s = f64::from(second + 1) - end_s;
        if over_s >= 0.0 && now.got.cpu.after.is_empty() {
            now.got.cpu.after = threads::own();
            now.got.at_end = now.figures;
        }
        now.got.seconds.push(done);
        if over_s >= 0.0 && now.is_done() {
            now.got.drained_s = Some(over_s);
            break;
        }
        if over_s >= plan.scenario.drain_s || interrupted() {
            break;
        }
    }
    if now.got.cpu.after.is_empty() {
        now.got.cpu.after = threads::own();
    }
    now.got.took_s = clock.now_s();
    now.got
}

impl Now<'_> {
    fn receive_until(&mut self, reports: &Receiver<Report>, at_us: u64) {
        loop {
            let left = self.clock.until(at_us);
            if left.is_zero() {
                return;
            }
            match reports.recv_timeout(left) {
                Ok(report) => self.take(report),
                Err(_) => std::thread::sleep(self.clock.until(at_us)),
            }
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Sent(index, tally) => {
                tally.add_to(&mut self.second);
                self.observations_acknowledged += tally.observations_acknowledged;
                self.add(0, &tally.latency);
                let _ = self.late.add(&tally.late);
                self.got.count(index, &tally);
            }
            Report::Polled(polled) => {
                self.add(1, &polled.scored);
                self.add(2, &polled.stored);
                self.see_server(polled.own, polled.children);
                self.figures = polled.figures;
            }
            Report::Watched(watched) => {
                self.add(3, &watched.seen);
                self.add(4, &watched.deliveries);
                self.add(5, &watched.awake);
                self.second.seen += watched.seen.len();
                self.second.connections_lost += watched.lost;
                self.got.seen = watched.seen_total;
                let counts = watched.counts;
                self.consoles.frames += counts.frames;
                self.consoles.patients += counts.patients;
                self.consoles.alerts += counts.alerts;
                self.consoles.bytes += counts.bytes;
                self.consoles.open = counts.open;
                self.got.blame(watched.faults);
            }
            Report::Happened(event) => self.got.events.push(event),
            Report::Recovered(took_s) => self.got.recovered_s.push(took_s),
        }
    }

    fn add(&mut self, stage: usize, from: &Histogram<u64>) {
        if let Some(into) = self.latency.get_mut(stage) {
            let _ = into.add(from);
        }
    }

    fn see_server(&mut self, own: Option<Usage>, children: Option<Usage>) {
        let spent = |now: Option<Usage>, before: Option<Usage>| {
            let (now, before) = (now?, before?);
            // After a restart the count begins anew; a child that ended takes its seconds with it.
            Some(if now.cpu_s >= before.cpu_s { now.cpu_s - before.cpu_s } else { now.cpu_s })
        };
        self.fresh_cpu = (spent(own, self.own), spent(children, self.children));
        (self.own, self.children) = (own, children);
    }

    /// The second as it is now; the next begins empty.
    fn finish(&mut self, number: u32) -> Second {
        let until_ms = (number + 1).saturating_mul(1_000);
        let due_by = |at_ms: u32| self.lanes.iter().map(|lane| lane.due_by(&self.plan.curve, at_ms)).sum::<u64>();
        let due_now = due_by(until_ms - 1);
        let due_before = if number == 0 { 0 } else { due_by(until_ms - 1_001) };
        let mut second = std::mem::take(&mut self.second);
        second.t_s = number;
        second.due = due_now - due_before;
        second.unsent = due_now.saturating_sub(self.got.sent);
        second.unanswered = self.got.unanswered();
        let per_s = second.due.max(1) as f64;
        let observations = std::mem::take(&mut self.observations_acknowledged);
        if second.due > 0 {
            self.got.unsent_s_max = self.got.unsent_s_max.max(second.unsent as f64 / per_s);
            self.got.observations_in_time += observations;
        }
        let fresh = std::mem::replace(&mut self.latency, stages());
        for ((name, histogram), whole) in STAGES.iter().zip(&fresh).zip(&mut self.got.stages) {
            if !histogram.is_empty() {
                second.latency.insert((*name).to_owned(), Latency::of(histogram));
            }
            if f64::from(number) >= self.plan.scenario.warmup_s {
                let _ = whole.add(histogram);
            }
        }
        second.lag = self.lag(second.unsent + second.unanswered);
        second.server = self.server();
        second.generator = self.generator(&second);
        second.consoles = std::mem::take(&mut self.consoles);
        self.consoles.open = second.consoles.open;
        second
    }

    fn lag(&self, journal: u64) -> Lag {
        let behind = |place: Option<u64>| Some(self.figures?.durable?.saturating_sub(place?));
        Lag {
            journal,
            processed: behind(self.figures.and_then(|figures| figures.processed)),
            stored: behind(self.figures.and_then(|figures| figures.stored)),
        }
    }

    fn server(&mut self) -> ServerSecond {
        let (cpu, children_cpu) = std::mem::take(&mut self.fresh_cpu);
        let written = self.own.map(|own| own.written_bytes + self.children.map_or(0, |all| all.written_bytes));
        if self.written_before.is_none() {
            self.written_before = written;
        }
        ServerSecond {
            cpu_cores: cpu,
            children_cpu_cores: children_cpu,
            rss_bytes: self.own.map(|own| own.rss_bytes),
            children_rss_bytes: self.children.map(|all| all.rss_bytes),
            disk_written_bytes: written.zip(self.written_before).map(|(now, before)| now.saturating_sub(before)),
            journal_bytes: self.figures.and_then(|figures| figures.journal_bytes),
            spool_bytes: self.figures.and_then(|figures| figures.spool_bytes),
        }
    }

    fn generator(&mut self, second: &Second) -> GeneratorSecond {
        let (at, all) = (Instant::now(), threads::own());
        let (before, former) = std::mem::replace(&mut self.threads, (at, all.clone()));
        let took_s = at.duration_since(before).as_secs_f64().max(0.001);
        // A thread that began since then began at nothing; one that ended is in no count.
        let spent = |name: &String, now: &Spent| now.since(former.get(name).copied().unwrap_or_default());
        let spent: Vec<(&String, Spent)> = all.iter().map(|(name, now)| (name, spent(name, now))).collect();
        let counts = second.due > 0 && f64::from(second.t_s) >= self.plan.scenario.warmup_s;
        for (name, _) in spent.iter().filter(|(_, spent)| counts && spent.busy_s() / took_s >= SATURATED) {
            *self.got.saturated.entry((*name).clone()).or_default() += 1;
        }
        let senders = &self.got.cpu.senders;
        let sent = senders.iter().map(|(index, now)| now - self.senders_before.get(index).copied().unwrap_or(0.0));
        let busiest = sent.fold(0.0, f64::max);
        self.senders_before.clone_from(senders);
        let late = std::mem::replace(&mut self.late, histogram());
        let _ = self.got.late.add(&late);
        GeneratorSecond {
            cpu_cores: spent.iter().map(|(_, spent)| spent.ran_s).sum::<f64>() / took_s,
            busiest_sender_cores: busiest,
            busiest_thread_share: Some(spent.iter().map(|(_, spent)| spent.busy_s() / took_s).fold(0.0, f64::max)),
            waited_cores: Some(spent.iter().map(|(_, spent)| spent.waited_s).sum::<f64>() / took_s),
            late_us_max: if late.is_empty() { 0 } else { late.max() },
        }
    }

    /// Whether all that was due is answered, scored, stored and seen.
    fn is_done(&self) -> bool {
        let answered = self.got.sent >= self.got.due && self.got.unanswered() == 0;
        let idle = self.figures.is_none_or(|figures| figures.is_idle() || is_near(&figures));
        let seen = self.plan.scenario.consoles.count == 0
            || self.got.seen >= self.got.readings - self.got.readings_refused.min(self.got.readings);
        answered && idle && seen
    }
}

/// Ticks keep a server from ever being idle for long: one or two frames behind are none of ours.
fn is_near(figures: &Figures) -> bool {
    let behind =
        |place: Option<u64>| figures.durable.zip(place).is_some_and(|(durable, place)| durable.saturating_sub(place) <= 2);
    behind(figures.processed) && behind(figures.stored)
}
