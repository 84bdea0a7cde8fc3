//! Fault steps, at their times: a thread that does them and tells.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Report, named, note, send};
use crate::observe::consoles::milli;
use crate::plan::Plan;
use crate::result::Event;
use crate::scenario::{Fault, FaultKind};
use crate::schedule::Clock;
use crate::send::control::{AckLog, Control};
use crate::target::{Spawned, signal};

/// Whether this scenario's faults can be done to this target; an error says why not.
pub fn possible(plan: &Plan) -> Result<(), String> {
    for fault in &plan.scenario.faults {
        if fault.kind == FaultKind::Kill && !plan.target.spawned {
            return Err("a kill step needs a server that the harness started (--spawn)".into());
        }
        if fault.kind == FaultKind::Pause && (plan.target.pid().is_none() || !plan.target.loopback) {
            return Err("a pause step needs --spawn, or a server on this machine with --pid".into());
        }
    }
    Ok(())
}

/// Every step with its time, in order of time.
fn steps(plan: &Plan) -> Vec<(f64, Fault)> {
    let mut all = Vec::new();
    for fault in &plan.scenario.faults {
        let mut at_s = fault.at_s;
        loop {
            all.push((at_s, fault.clone()));
            at_s += fault.every_s;
            if fault.every_s <= 0.0 || at_s >= plan.curve.duration_s() {
                break;
            }
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

struct Doer {
    plan: Arc<Plan>,
    control: Arc<Control>,
    log: Arc<AckLog>,
    spawned: Option<Arc<Mutex<Spawned>>>,
    out: Sender<Report>,
    clock: Clock,
}

/// Starts the thread; it ends with the last step or the run.
pub fn start(
    plan: &Arc<Plan>,
    control: &Arc<Control>,
    log: &Arc<AckLog>,
    spawned: Option<Arc<Mutex<Spawned>>>,
    out: Sender<Report>,
) -> anyhow::Result<JoinHandle<()>> {
    let clock = plan.clock().unwrap_or_else(|| Clock::begin_in(Duration::ZERO));
    let doer = Doer { plan: Arc::clone(plan), control: Arc::clone(control), log: Arc::clone(log), spawned, out, clock };
    named("faults", move || {
        for (at_s, fault) in steps(&doer.plan) {
            doer.wait_until(at_s);
            if doer.stopped() {
                return;
            }
            doer.step(&fault);
        }
        while !doer.stopped() && !doer.has_ended() {
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

impl Doer {
    fn stopped(&self) -> bool {
        self.control.stop.load(Ordering::Relaxed)
    }

    fn wait_until(&self, at_s: f64) {
        let at_us = (at_s * 1e6) as u64;
        while !self.stopped() {
            let left = self.clock.until(at_us);
            if left.is_zero() || self.has_ended() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Whether the harness's own server ended without being asked; told once.
    fn has_ended(&self) -> bool {
        let Some(spawned) = self.spawned.as_ref().filter(|_| self.plan.target.pid().is_some()) else { return false };
        // Locked while a kill step is under way, which asks for the end.
        let Some(how) = spawned.try_lock().ok().and_then(|mut server| server.ended()) else { return false };
        self.plan.target.pid.store(0, Ordering::Relaxed);
        send(&self.out, note(self.clock.now_s(), how));
        true
    }

    fn tell(&self, kind: FaultKind, text: String) {
        send(&self.out, Report::Happened(Event { t_s: self.clock.now_s(), kind: kind.name().into(), text }));
    }

    fn step(&self, fault: &Fault) {
        let share = milli(fault.share);
        match fault.kind {
            FaultKind::Kill => self.kill(fault.for_s),
            FaultKind::Pause => self.pause(fault.for_s),
            FaultKind::Disconnect => {
                self.tell(fault.kind, "every MQTT connection is reset and every console reconnects".into());
                self.control.storm_milli.store(1_000, Ordering::Relaxed);
                self.control.storms.fetch_add(1, Ordering::Relaxed);
                self.control.disconnects.fetch_add(1, Ordering::Relaxed);
            }
            FaultKind::Storm => {
                self.tell(fault.kind, format!("{:.0} % of the consoles reconnect at once", fault.share * 100.0));
                self.control.storm_milli.store(share, Ordering::Relaxed);
                self.control.storms.fetch_add(1, Ordering::Relaxed);
            }
            FaultKind::Stall => {
                let text = format!("{:.0} % of the consoles read nothing for {} s", fault.share * 100.0, fault.for_s);
                self.tell(fault.kind, text);
                let until_us = self.clock.now_us() + (fault.for_s * 1e6) as u64;
                self.control.stall_milli.store(share, Ordering::Relaxed);
                self.control.stall_until_us.store(until_us, Ordering::Relaxed);
            }
        }
    }

    fn pause(&self, for_s: f64) {
        let Some(pid) = self.plan.target.pid() else { return };
        self.tell(FaultKind::Pause, format!("SIGSTOP for {for_s} s"));
        signal(pid, Signal::STOP);
        self.wait_until(self.clock.now_s() + for_s);
        // Also where the run ends meanwhile: nobody else would wake it.
        signal(pid, Signal::CONT);
        send(&self.out, note(self.clock.now_s(), "SIGCONT".into()));
    }

    fn kill(&self, for_s: f64) {
        let Some(spawned) = &self.spawned else { return };
        let began = Instant::now();
        self.tell(FaultKind::Kill, "kill -9".into());
        let mut server = spawned.lock().unwrap_or_else(PoisonError::into_inner);
        let done = server.kill().and_then(|()| {
            self.plan.target.pid.store(0, Ordering::Relaxed);
            // What was acknowledged before is read by now: any more comes from the server's next life.
            std::thread::sleep(Duration::from_millis(50));
            self.wait_until(self.clock.now_s() + for_s);
            let acknowledged = self.log.acknowledged();
            server.start_again()?;
            self.plan.target.pid.store(server.pid(), Ordering::Relaxed);
            Ok(acknowledged)
        });
        match done {
            Ok(acknowledged) => {
                send(&self.out, note(self.clock.now_s(), "started again on the same data folder".into()));
                while !self.stopped() && self.log.acknowledged() == acknowledged {
                    std::thread::sleep(Duration::from_millis(5));
                }
                if !self.stopped() {
                    let took_s = began.elapsed().as_secs_f64();
                    send(&self.out, Report::Recovered(took_s));
                    send(&self.out, note(self.clock.now_s(), format!("first acknowledgement {took_s:.2} s after the kill")));
                }
            }
            Err(error) => {
                send(&self.out, note(self.clock.now_s(), format!("the server could not be started again: {error:#}")))
            }
        }
    }
}
