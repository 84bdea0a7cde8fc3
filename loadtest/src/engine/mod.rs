//! A run: connect everything, begin the schedule, collect second by second, wait for the rest, and say what it comes to.
//!
//! Threads: `send-N` (sending), `consoles`, `poller`, `faults`, and the caller's, which collects. Limits: 60 s to connect; the
//! scenario's `drain_s` for what is left after the last intended send.

mod collect;
mod collected;
mod conserve;
mod ending;
mod facts;
mod faults;

pub use ending::{INTERRUPTED, LEVEL_BROKEN};
pub use facts::head;
pub use faults::possible;

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::observe::consoles::{self, Watched};
use crate::observe::metrics::Figures;
use crate::observe::poller::{Polled, Poller};
use crate::plan::Plan;
use crate::result::{Event, Live, Run};
use crate::schedule::{Clock, Lane};
use crate::send::Loop;
use crate::send::control::{AckLog, Control};
use crate::send::tally::Tally;
use crate::target::{Client, Spawned};

const CONNECT_MAX: Duration = Duration::from_secs(60);
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// How to run, beside what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sending threads.
    pub senders: usize,
    /// Time between two questions to /metrics.
    pub poll: Duration,
}

/// What the threads hand to the collector.
#[derive(Debug)]
enum Report {
    Sent(usize, Tally),
    Watched(Watched),
    Polled(Polled),
    Happened(Event),
    /// Seconds from a kill to the next acknowledgement.
    Recovered(f64),
}

/// All lanes, for counting what is due.
type Lanes = Vec<Lane>;

/// Runs the plan. `spawned` is the server where the harness started it (for `kill`).
pub fn run(plan: Plan, options: &Options, spawned: Option<&Arc<Mutex<Spawned>>>, live: &mut dyn Live) -> anyhow::Result<Run> {
    let plan = Arc::new(plan);
    let before = settled(&plan).context("/metrics before the run")?;
    let head = facts::head(&plan);
    let connections = plan.connections();
    let lanes: Lanes = connections.iter().flat_map(|one| one.lanes.clone()).collect();
    let (control, log) = (Arc::new(Control::default()), Arc::new(AckLog::default()));
    let (out, reports) = channel();
    let senders = options.senders.clamp(1, connections.len().max(1));
    let mut shares: Vec<Vec<_>> = (0..senders).map(|_| Vec::new()).collect();
    let wanted = u32::try_from(connections.len()).unwrap_or(0) + plan.scenario.consoles.count;
    for (index, connection) in connections.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(index % senders) {
            share.push(connection);
        }
    }
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (index, share) in shares.into_iter().enumerate() {
        let sender = Loop::new(&plan, &control, &log, share, index * 100_000)?;
        let out = out.clone();
        threads.push(named(&format!("send-{index}"), move || {
            sender.run(|tally| {
                let _ = out.send(Report::Sent(index, tally));
            });
        })?);
    }
    if plan.scenario.consoles.count > 0 {
        let (plan, control, out) = (Arc::clone(&plan), Arc::clone(&control), out.clone());
        threads.push(named("consoles", move || {
            let report = out.clone();
            let ended = consoles::run(&plan, &control, move |watched| {
                let _ = report.send(Report::Watched(watched));
            });
            if let Err(error) = ended {
                let _ = out.send(note(0.0, format!("the consoles could not run: {error:#}")));
            }
        })?);
    }
    let ended = connected(&control, wanted, &reports).and_then(|()| {
        plan.begin(Clock::begin_in(Duration::from_millis(300)));
        let poller = Poller::new(&plan, &control, &log, options.poll);
        let report = out.clone();
        threads.push(named("poller", move || {
            poller.run(|polled| {
                let _ = report.send(Report::Polled(polled));
            });
        })?);
        threads.push(faults::start(&plan, &control, &log, spawned.cloned(), out.clone())?);
        live.begin(&head);
        Ok(collect::collect(&plan, &lanes, &reports, live))
    });
    control.stop.store(true, Ordering::Relaxed);
    for thread in threads {
        let _ = thread.join();
    }
    drop(out);
    let mut collected = ended?;
    collected.last(&reports, plan.scenario.warmup_s);
    let after = settled(&plan).ok();
    let run = ending::run(&plan, head, collected, &before, after.as_ref(), options.poll);
    live.end(&run);
    Ok(run)
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(work)?)
}

fn note(t_s: f64, text: String) -> Report {
    Report::Happened(Event { t_s, kind: "note".into(), text })
}

/// Waits until every connection and console is open; fails with the first reasons told.
fn connected(control: &Control, wanted: u32, reports: &Receiver<Report>) -> anyhow::Result<()> {
    let until = Instant::now() + CONNECT_MAX;
    while control.open.load(Ordering::Relaxed) < wanted {
        if Instant::now() > until {
            control.stop.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
            let open = control.open.load(Ordering::Relaxed);
            let mut reasons: Vec<String> = Vec::new();
            for report in reports.try_iter() {
                match report {
                    Report::Sent(_, tally) => reasons.extend(tally.faults),
                    Report::Watched(watched) => reasons.extend(watched.faults),
                    Report::Happened(event) => reasons.push(event.text),
                    Report::Polled(_) | Report::Recovered(_) => {}
                }
            }
            bail!("only {open} of {wanted} connections and consoles opened within {CONNECT_MAX:?}: {}", reasons.join("; "));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The figures of a server that has nothing to do: two equal readings of a journal that is scored and stored.
fn settled(plan: &Plan) -> anyhow::Result<Figures> {
    let mut client = Client::new(&plan.target, Duration::from_secs(5));
    let mut read = || -> anyhow::Result<Figures> {
        let answer = client.get("/metrics")?;
        if answer.status != 200 {
            bail!("/metrics was answered with status {}: the token needs the permission operate", answer.status);
        }
        Ok(Figures::read(&String::from_utf8_lossy(&answer.body)))
    };
    let until = Instant::now() + SETTLE_MAX;
    let mut last = read()?;
    loop {
        std::thread::sleep(Duration::from_millis(30));
        let now = read()?;
        let same = now.durable == last.durable;
        if (same && now.is_idle()) || Instant::now() > until {
            return Ok(now);
        }
        last = now;
    }
}

fn send(out: &Sender<Report>, report: Report) {
    // The collector has ended: nobody is left to tell.
    let _ = out.send(report);
}
