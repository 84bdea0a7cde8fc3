//! `nightlamp-loadtest`: load on a nightlamp server, measured from the time each send was meant to happen.

mod demo;
#[allow(dead_code, unused_imports, reason = "the types come first: the engine that fills them is built on them")]
mod result;
mod target;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Load on a nightlamp server, and the simulated ward of its demo.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Beds with monitors on MQTT and an EHR posting HL7 v2, some patients deteriorating (`nightlamp demo` uses it).
    Ward(demo::WardArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Ward(args) => {
            args.check()?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("tokio")?;
            runtime.block_on(demo::ward(args))
        }
    }
}
