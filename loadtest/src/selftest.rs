//! `self-test`: what the generator itself can do, against the sink, so that nobody takes its ceiling for the server's.
//!
//! One sending thread, QoS 1, one observation a message, more offered than it can do. What counts is messages for each CPU second of
//! the sending thread: on a machine with other work the wall clock says less.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use crate::cli::write_json;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::schedule::Clock;
use crate::send::Loop;
use crate::send::control::{AckLog, Control};
use crate::sink::Sink;
use crate::target::{Address, Secret, Target};

/// What one core must reach, messages a second.
pub const MESSAGES_PER_S_MIN: f64 = 300_000.0;

/// Options.
#[derive(Debug, Clone, Args)]
pub struct SelfTestArgs {
    /// Seconds.
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,
    /// Offered messages a second.
    #[arg(long, default_value_t = 1_000_000.0)]
    pub rate: f64,
    /// Observations in a message, 1 to 8.
    #[arg(long, default_value_t = 1)]
    pub observations: usize,
    /// MQTT connections.
    #[arg(long, default_value_t = 16)]
    pub connections: u32,
    /// Write the result as JSON here; - is standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    payload_bytes: u64,
    offered_per_s: f64,
    acknowledged_per_s: f64,
    generator_cores: f64,
    sink_cores: f64,
    messages_per_generator_cpu_s: f64,
    passed: bool,
}

/// Measures; 3 where it is below `MESSAGES_PER_S_MIN` for a core.
pub fn run(args: &SelfTestArgs) -> anyhow::Result<u8> {
    if !((1..=8).contains(&args.observations) && args.seconds > 0.0 && args.seconds <= 600.0) {
        bail!("--observations must lie between 1 and 8, --seconds between 0 and 600");
    }
    let sink = Sink::bind("127.0.0.1:0")?;
    let (address, counts) = (sink.address()?, sink.counts());
    let serving = std::thread::Builder::new().name("sink".into()).spawn(move || sink.run())?;
    let beds = 1_000;
    let signals: Vec<String> = crate::message::signals::MONITOR
        .iter()
        .take(args.observations)
        .map(|signal| format!("{} = 1.0", signal.name))
        .collect();
    let text = format!(
        "name = 'self-test'\nduration_s = {:?}\n[ward]\npatients = {beds}\n[monitors]\nconnections = {}\nin_flight_max = 20000\n\
         [monitors.signals]\n{}",
        args.seconds,
        args.connections,
        signals.join("\n")
    );
    let scenario = Scenario::parse(&text).map_err(|error| anyhow!(error))?;
    let target = Arc::new(Target::new(Address {
        http: "http://127.0.0.1:9".into(),
        mqtt: address.to_string(),
        tls_ca: None,
        token: Secret::new("nl_self_test"),
        mqtt_user: String::new(),
        mqtt_password: Secret::default(),
        allow_remote: false,
    })?);
    let plan = Arc::new(Plan::new(scenario, target, None, args.rate / f64::from(beds)));
    let (control, log) = (Arc::new(Control::default()), Arc::new(AckLog::default()));
    let connections = plan.connections();
    let wanted = u32::try_from(connections.len()).unwrap_or(0);
    let sender = Loop::new(&plan, &control, &log, connections, 0)?;
    let (out, tallies) = channel();
    let sending = std::thread::Builder::new().name("send-0".into()).spawn(move || {
        sender.run(|tally| {
            let _ = out.send(tally);
        });
    })?;
    while control.open.load(Ordering::Relaxed) < wanted {
        std::thread::sleep(Duration::from_millis(1));
    }
    let clock = Clock::begin_in(Duration::from_millis(20));
    plan.begin(clock);
    std::thread::sleep(clock.until(0));
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs_f64(args.seconds));
    control.stop.store(true, Ordering::Relaxed);
    let _ = sending.join();
    let took_s = began.elapsed().as_secs_f64();
    counts.stop.store(true, Ordering::Relaxed);
    let sink_cpu_s = serving.join().map_err(|_| anyhow!("the sink failed"))??;
    let all: Vec<_> = tallies.try_iter().collect();
    let acknowledged: u64 = all.iter().map(|tally| tally.acknowledged).sum();
    let cpu_s = all.last().map_or(0.0, |tally| tally.cpu_s);
    let mut payload = Vec::new();
    plan.put(&mut payload, crate::schedule::Kind::Device, crate::schedule::Due { at_ms: 0, bed: 0, round: 0 }, true);
    let per_cpu_s = acknowledged as f64 / cpu_s.max(1e-9);
    let measured = Measured {
        payload_bytes: payload.len() as u64,
        offered_per_s: args.rate,
        acknowledged_per_s: acknowledged as f64 / took_s,
        generator_cores: cpu_s / took_s,
        sink_cores: sink_cpu_s / took_s,
        messages_per_generator_cpu_s: per_cpu_s,
        passed: per_cpu_s >= MESSAGES_PER_S_MIN,
    };
    eprintln!(
        "{:.0} messages/s of {} bytes acknowledged, {:.2} cores of the generator ({:.0} a core), {:.2} of the sink; at least {:.0} a core: {}",
        measured.acknowledged_per_s,
        measured.payload_bytes,
        measured.generator_cores,
        per_cpu_s,
        measured.sink_cores,
        MESSAGES_PER_S_MIN,
        if measured.passed { "reached" } else { "NOT reached" }
    );
    if let Some(path) = &args.out {
        write_json(path, &measured)?;
    }
    Ok(if measured.passed { 0 } else { crate::engine::LEVEL_BROKEN })
}
