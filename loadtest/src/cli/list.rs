//! `scenarios` and `sink`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use crate::scenario::{self, LEVELS, SHIPPED, STAGES};
use crate::sink::Sink;

/// Options of `scenarios`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Print this shipped scenario's text, as a beginning for one's own.
    pub name: Option<String>,
    /// List the names of service levels.
    #[arg(long)]
    pub levels: bool,
}

impl ListArgs {
    /// Prints what was asked for.
    pub fn execute(&self) -> anyhow::Result<()> {
        if self.levels {
            println!("{{{}}}_{{p50|p90|p95|p99|p999|max}}_ms  latency from the intended time of the send", STAGES.join("|"));
            for (name, _, meaning) in LEVELS {
                println!("{name:<24}  {meaning}");
            }
            return Ok(());
        }
        if let Some(name) = &self.name {
            print!("{}", scenario::load(name).map_err(|error| anyhow!(error))?.text);
            return Ok(());
        }
        for (name, _) in SHIPPED {
            let scenario = scenario::load(name).map_err(|error| anyhow!(error))?;
            println!("{name:<10} {:>4.0} s  {}", scenario.duration(), scenario.about);
        }
        Ok(())
    }
}

/// Options of `sink`.
#[derive(Debug, Clone, Args)]
pub struct SinkArgs {
    /// Where to listen, on this machine; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub mqtt: String,
}

impl SinkArgs {
    /// Runs until Ctrl-C; a line every second in which something came.
    pub fn execute(&self) -> anyhow::Result<()> {
        let sink = Sink::bind(&self.mqtt)?;
        println!("{}", sink.address()?);
        let counts = sink.counts();
        std::thread::Builder::new().name("counts".into()).spawn(move || {
            let mut before = 0;
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let now = counts.publishes.load(Ordering::Relaxed);
                if now > before {
                    eprintln!("{} publishes/s, {now} in all", now - before);
                }
                before = now;
            }
        })?;
        sink.run().map(|_| ())
    }
}
