//! Sending: threads that each drive many connections from one epoll loop, on the schedule's clock.
//!
//! A thread encodes what is due, writes in batches, reads answers, and sleeps until the next send is due; it never waits for the
//! server. Limits: 4,000 connections a thread; an iteration at least every 50 ms.

pub mod connection;
pub mod control;
pub mod http;
mod lateness;
pub mod mqtt;
mod outbox;
pub mod speech;
pub mod tally;
pub mod transport;
mod under_way;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use connection::{Connection, Next};
use control::{AckLog, Acked, Control};
use lateness::Looks;
use rustix::event::epoll;
use rustix::time::{ClockId, Timespec, clock_gettime};
use speech::Speech;
use tally::Tally;

use crate::plan::{self, Plan};
use crate::schedule::Clock;

const SLEEP_US_MAX: u64 = 50_000;
const READ_BYTES: usize = 64 << 10;

/// CPU seconds of the calling thread.
pub fn thread_cpu_s() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// One sending thread. The clock comes once everything is connected.
#[derive(Debug)]
pub struct Loop {
    plan: Arc<Plan>,
    control: Arc<Control>,
    log: Arc<AckLog>,
    connections: Vec<Connection>,
    epoll: std::os::fd::OwnedFd,
    wakes: BinaryHeap<Reverse<(u64, usize)>>,
    /// The wake that holds of each connection; older ones in the heap are void.
    wake_us: Vec<u64>,
    tally: Tally,
    acked: Acked,
    disconnects: u32,
    looks: Looks,
}

impl Loop {
    /// Over these connections; `first` is the number of the first.
    pub fn new(
        plan: &Arc<Plan>,
        control: &Arc<Control>,
        log: &Arc<AckLog>,
        wanted: Vec<plan::Connection>,
        first: usize,
    ) -> anyhow::Result<Self> {
        let qos = plan.scenario.monitors.qos;
        let connections: Vec<Connection> = wanted
            .into_iter()
            .enumerate()
            .map(|(index, wanted)| {
                let speech =
                    if wanted.mqtt { Speech::mqtt(&plan.target, first + index, qos) } else { Speech::http(&plan.target) };
                Connection::new(wanted, speech, plan)
            })
            .collect();
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).context("epoll")?,
            wakes: (0..connections.len()).map(|index| Reverse((0, index))).collect(),
            wake_us: vec![0; connections.len()],
            plan: Arc::clone(plan),
            control: Arc::clone(control),
            log: Arc::clone(log),
            connections,
            tally: Tally::new(0),
            acked: Acked::new(),
            disconnects: 0,
            looks: Looks::default(),
        })
    }

    /// Connects, then sends until told to stop; a tally goes out every second and at the end.
    pub fn run(mut self, out: impl Fn(Tally)) {
        // Wake within microseconds of the intended time, not within the kernel's usual 50.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let began = Clock::begin_in(std::time::Duration::ZERO);
        let mut buffer = vec![0; READ_BYTES];
        let mut events = Vec::with_capacity(256);
        let mut running: Option<Clock> = None;
        let cpu_before = thread_cpu_s();
        while !self.control.stop.load(Ordering::Relaxed) {
            if running.is_none() {
                running = self.plan.clock();
                if running.is_some() {
                    // Times before were of another clock.
                    self.wakes = (0..self.connections.len()).map(|index| Reverse((0, index))).collect();
                    self.wake_us.fill(0);
                    self.looks = Looks::default();
                }
            }
            let time = running.unwrap_or(began);
            let begun = running.is_some_and(|clock| clock.has_begun());
            let now_us = time.now_us();
            if begun {
                self.turn(now_us, cpu_before, &out);
            }
            self.serve_due(&time, now_us, begun);
            let asked_us = time.now_us();
            let sleep_us = self.sleep_us(asked_us);
            let timeout = Timespec { tv_sec: 0, tv_nsec: i64::try_from(sleep_us * 1_000).unwrap_or(0) };
            events.clear();
            if epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).is_err() {
                continue;
            }
            self.looks.look(asked_us, time.now_us(), events.is_empty());
            self.serve_stirred(&events, &time, begun, &mut buffer);
            self.log.push(&mut self.acked);
        }
        self.tally.cpu_s = thread_cpu_s() - cpu_before;
        self.tally.unanswered = self.connections.iter().map(Connection::unanswered).sum();
        out(self.tally);
    }

    /// Hands the tally on where a second is over, and obeys the control.
    fn turn(&mut self, now_us: u64, cpu_before: f64, out: &impl Fn(Tally)) {
        let second = u32::try_from(now_us / 1_000_000).unwrap_or(u32::MAX);
        if second != self.tally.second {
            let mut done = std::mem::replace(&mut self.tally, Tally::new(second));
            done.cpu_s = thread_cpu_s() - cpu_before;
            done.unanswered = self.connections.iter().map(Connection::unanswered).sum();
            out(done);
        }
        let asked = self.control.disconnects.load(Ordering::Relaxed);
        if asked != self.disconnects {
            self.disconnects = asked;
            for (index, connection) in self.connections.iter_mut().enumerate().filter(|(_, one)| one.is_mqtt()) {
                connection.lose(now_us, "reset by the scenario", &mut self.tally);
                self.wakes.push(Reverse((now_us, index)));
                if let Some(wake) = self.wake_us.get_mut(index) {
                    *wake = now_us;
                }
            }
        }
    }

    fn serve_due(&mut self, time: &Clock, now_us: u64, begun: bool) {
        while let Some(Reverse((at_us, index))) = self.wakes.peek().copied()
            && at_us <= now_us
        {
            self.wakes.pop();
            if self.wake_us.get(index) == Some(&at_us) {
                self.pump(index, time, begun);
            }
        }
    }

    fn serve_stirred(&mut self, events: &[epoll::Event], time: &Clock, begun: bool, buffer: &mut [u8]) {
        for event in events {
            let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some(connection) = self.connections.get_mut(index) else { continue };
            let flags = event.flags;
            if flags
                .intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
            {
                let ends = flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR);
                connection.hear(time, ends, buffer, &mut self.tally, &mut self.acked);
            }
            self.pump(index, time, begun);
        }
    }

    fn pump(&mut self, index: usize, time: &Clock, begun: bool) {
        let now_us = time.now_us();
        let Some(connection) = self.connections.get_mut(index) else { return };
        let endpoint = if connection.is_mqtt() { &self.plan.target.mqtt } else { &self.plan.target.http };
        if connection.open(now_us, endpoint, &mut self.tally)
            && let Some(socket) = connection.socket()
        {
            let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
            let _ = epoll::add(&self.epoll, socket, epoll::EventData::new_u64(index as u64), flags);
        }
        let next = connection.pump(&self.plan, time, self.looks.heard_us(), begun, &mut self.tally);
        if connection.take_opened() {
            self.control.open.fetch_add(1, Ordering::Relaxed);
        }
        if let (Next::At(at_us), Some(wake)) = (next, self.wake_us.get_mut(index)) {
            // What is due already was held: it is never woken earlier than a little later, so that this cannot spin.
            let at_us = if at_us <= now_us { now_us + 200 } else { at_us };
            if *wake != at_us {
                *wake = at_us;
                self.wakes.push(Reverse((at_us, index)));
            }
        } else if let Some(wake) = self.wake_us.get_mut(index) {
            *wake = u64::MAX;
        }
    }

    fn sleep_us(&self, now_us: u64) -> u64 {
        let next = self.wakes.peek().map_or(u64::MAX, |Reverse((at_us, _))| *at_us);
        next.saturating_sub(now_us).min(SLEEP_US_MAX)
    }
}

#[cfg(test)]
mod tests;
