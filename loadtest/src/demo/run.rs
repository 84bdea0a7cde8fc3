//! The run: admissions first, then readings on their schedule until the time is up or Ctrl-C, then the totals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use tokio::time::MissedTickBehavior;

use super::simulated::{self, Bed};
use super::wire::{device, hl7};
use super::{Ehr, Monitors, Totals, WardArgs};

/// Signals in one reading.
const SIGNALS: u64 = 8;
/// Readings are spread over this many moments of the interval, as monitors are never in step.
const SLOTS: usize = 50;

static CONTROL_ID: AtomicU64 = AtomicU64::new(1);

fn control_id() -> u64 {
    CONTROL_ID.fetch_add(1, Ordering::Relaxed)
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Runs the ward as told; fails where not every admission was accepted.
pub async fn ward(args: WardArgs) -> anyhow::Result<()> {
    let mut beds = simulated::build(args.beds, &args.units, args.deteriorating, args.seed);
    beds.iter_mut().for_each(|bed| bed.hurry(args.hurry));
    let totals = Arc::new(Totals::new()?);
    let ehr = Ehr::start(&args.http, &args.ehr_key, &totals)?;
    admit(&beds, &ehr).await?;
    totals.clear_latency();
    if !args.json {
        for bed in &beds {
            if let Some(story) = bed.story() {
                eprintln!("{} bed {}: {story}", bed.unit, bed.bed);
            }
        }
    }
    let connections = if args.connections == 0 { args.beds } else { args.connections };
    let monitors = Monitors::connect(&args.mqtt, &args.mqtt_user, &args.mqtt_password, connections, &totals)?;
    tokio::select! {
        () = readings(&args, &mut beds, &monitors, &ehr) => {}
        () = reports(&totals, args.json) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    let drained = monitors.drained(Duration::from_secs(10)).await;
    if args.discharge {
        for bed in &beds {
            ehr.post_and_wait(hl7::discharge(bed, control_id(), now_ms())).await;
        }
    }
    println!("{}", totals.report());
    if !drained {
        bail!("not every reading was acknowledged within ten seconds of the last");
    }
    Ok(())
}

async fn admit(beds: &[Bed], ehr: &Ehr) -> anyhow::Result<()> {
    let posts: Vec<_> = beds
        .iter()
        .map(|bed| {
            let (ehr, message) = (ehr.clone(), hl7::admit(bed, control_id(), now_ms()));
            tokio::spawn(async move { ehr.post_and_wait(message).await })
        })
        .collect();
    let mut refused = 0;
    for post in posts {
        refused += usize::from(!post.await.unwrap_or(false));
    }
    if refused > 0 {
        bail!("{refused} of {} admissions were not accepted: is the server up and the key right?", beds.len());
    }
    Ok(())
}

/// Every bed once an interval, a slot of beds at a time; behind schedule it catches up, it does not slow down.
async fn readings(args: &WardArgs, beds: &mut [Bed], monitors: &Monitors, ehr: &Ehr) {
    let slots = SLOTS.min(beds.len()).max(1);
    let mut ticker = tokio::time::interval(args.interval() / u32::try_from(slots).unwrap_or(1));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = Instant::now();
    let step_s = args.interval().as_secs_f64() * args.speed;
    let (mut slot, mut round, mut extra) = (0, 0_u64, 0.0_f64);
    let topics: Vec<String> = beds.iter().map(|bed| format!("nightlamp/v1/{}/{}/vitals", bed.unit, bed.bed)).collect();
    while args.duration_s == 0 || started.elapsed() < Duration::from_secs(args.duration_s) {
        ticker.tick().await;
        let simulated_s = (round as f64 + slot as f64 / slots as f64) * step_s;
        for index in (slot..beds.len()).step_by(slots) {
            let (Some(bed), Some(topic)) = (beds.get_mut(index), topics.get(index)) else { continue };
            send_step(args, bed, index, topic, simulated_s, step_s, round, monitors, ehr).await;
        }
        extra += args.hl7_per_s * args.interval().as_secs_f64() / slots as f64;
        while extra >= 1.0 {
            extra -= 1.0;
            let id = control_id();
            let index = usize::try_from(id).unwrap_or(0) % beds.len();
            if let Some(bed) = beds.get_mut(index) {
                let labs = bed.labs_now(simulated_s);
                ehr.post(hl7::labs(bed, id, now_ms(), &labs)).await;
            }
        }
        slot += 1;
        if slot == slots {
            slot = 0;
            round += 1;
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one bed's step, spelled out")]
async fn send_step(
    args: &WardArgs,
    bed: &mut Bed,
    index: usize,
    topic: &str,
    simulated_s: f64,
    step_s: f64,
    round: u64,
    monitors: &Monitors,
    ehr: &Ehr,
) {
    let step = bed.step(simulated_s, step_s);
    let at_ms = now_ms();
    if let Some(vitals) = step.monitor.as_ref().filter(|_| !args.silent(index, simulated_s / args.speed)) {
        let name = format!("MON{index:05}");
        if args.apart {
            for message in device::apart(&name, round, at_ms, vitals) {
                monitors.publish(index, topic, message, 1);
            }
        } else {
            monitors.publish(index, topic, device::reading(&name, round, at_ms, vitals), SIGNALS);
        }
    }
    if let Some(vitals) = &step.chart {
        ehr.post(hl7::chart(bed, control_id(), at_ms, vitals)).await;
    }
    if let Some(labs) = &step.labs {
        ehr.post(hl7::labs(bed, control_id(), at_ms, labs)).await;
    }
}

/// A line every ten seconds, for a person.
async fn reports(totals: &Totals, quiet: bool) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        if !quiet {
            eprintln!("{}", totals.report());
        }
    }
}
