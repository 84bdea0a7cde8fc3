//! Consoles on `/v1/stream`: each keeps its connection, subscribes to its units, and tells when a reading became visible.
//!
//! A reading is known by its time: the device's time of a message is the intended time of its send. The first console of each unit
//! is its watcher and counts every reading once (a newer state shows all older readings of its bed); all consoles together give
//! the latency of every delivery. Stalls concern the consoles of the highest numbers, so that as long as a unit has another console
//! its watcher goes on reading; deliveries to consoles that no stall concerns are kept apart as well. WebSocket by tungstenite,
//! which shares no code with the server. Limits: 256 consoles, 16 MiB a message, 64 KiB of receive buffer where a stall is to come
//! (so that not reading is felt by the server and not hidden by the kernel), a new attempt each 100 ms while the server is away.

mod line;
mod sight;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hdrhistogram::Histogram;
use sight::Sight;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::plan::Plan;
use crate::result::ConsoleSecond;
use crate::scenario::{FaultKind, Scenario};
use crate::schedule::Clock;
use crate::send::control::Control;

/// What all consoles saw in one second.
#[derive(Debug)]
pub struct Watched {
    /// The second.
    pub second: u32,
    /// Readings that became visible, each once, from their intended time.
    pub seen: Histogram<u64>,
    /// Deliveries to all consoles, from the intended time of the newest reading in them.
    pub deliveries: Histogram<u64>,
    /// Of those, deliveries to consoles that no stall step concerns; empty in a scenario without one.
    pub awake: Histogram<u64>,
    /// Readings visible so far: gauge.
    pub seen_total: u64,
    /// Counts.
    pub counts: ConsoleSecond,
    /// Connections lost.
    pub lost: u64,
    /// Why, a few.
    pub faults: Vec<String>,
}

/// What the tasks are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Order {
    storms: u32,
    storm_milli: u32,
    stall_milli: u32,
    stall_until_us: u64,
    stop: bool,
}

/// Whether a console is among the first so many thousandths.
fn is_among(index: u32, count: u32, milli: u32) -> bool {
    u64::from(index) * 1_000 < u64::from(count) * u64::from(milli)
}

/// Whether a console is among the last so many thousandths.
fn is_among_last(index: u32, count: u32, milli: u32) -> bool {
    is_among(count.saturating_sub(index + 1), count, milli)
}

/// Thousandths of the consoles, from the last, that a stall step of this scenario concerns.
fn stalling_milli(scenario: &Scenario) -> u32 {
    let stalls = scenario.faults.iter().filter(|fault| fault.kind == FaultKind::Stall);
    stalls.map(|fault| milli(fault.share)).max().unwrap_or(0)
}

/// A share in thousandths.
pub fn milli(share: f64) -> u32 {
    (share * 1_000.0).round() as u32
}

/// Runs all consoles on the calling thread until told to stop; a report goes out every second and at the end.
pub fn run(plan: &Arc<Plan>, control: &Arc<Control>, out: impl Fn(Watched) + 'static) -> anyhow::Result<()> {
    super::message::choose_marker(plan.readings.marker());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let sight = Rc::new(RefCell::new(Sight::new(Arc::clone(plan))));
    let (orders, order) = watch::channel(Order::default());
    for index in 0..plan.scenario.consoles.count {
        let line = line::Line::new(index, plan, control, &sight, order.clone());
        local.spawn_local(line.keep());
    }
    drop(order);
    let (plan, control) = (Arc::clone(plan), Arc::clone(control));
    local.block_on(&runtime, async move {
        let mut ticker = tokio::time::interval(Duration::from_millis(20));
        let mut second = 0;
        loop {
            ticker.tick().await;
            let now = Order {
                storms: control.storms.load(Ordering::Relaxed),
                storm_milli: control.storm_milli.load(Ordering::Relaxed),
                stall_milli: control.stall_milli.load(Ordering::Relaxed),
                stall_until_us: control.stall_until_us.load(Ordering::Relaxed),
                stop: control.stop.load(Ordering::Relaxed),
            };
            orders.send_if_modified(|order| std::mem::replace(order, now) != now);
            let Some(clock) = plan.clock().filter(Clock::has_begun) else {
                if now.stop {
                    out(sight.borrow_mut().report(0));
                    return;
                }
                continue;
            };
            let current = u32::try_from(clock.now_us() / 1_000_000).unwrap_or(u32::MAX);
            if current != second || now.stop {
                out(sight.borrow_mut().report(second));
                second = current;
            }
            if now.stop {
                return;
            }
        }
    });
    Ok(())
}
