//! `nightlamp-loadtest`: load on a nightlamp server, measured from the time each send was meant to happen.

mod cli;
mod demo;
mod engine;
mod live;
mod message;
mod observe;
mod plan;
mod recording;
mod report;
#[allow(dead_code, reason = "the report reads what the engine does not")]
mod result;
mod scenario;
mod schedule;
mod selftest;
mod send;
mod sink;
mod target;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Exit code of what could not be done at all: a wrong option, a file that is not there.
const EXIT_ERROR: u8 = 2;

/// Load on a nightlamp server, and the simulated ward of its demo.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: 0 where its service levels were kept, 3 where one was broken, 4 where counts do not add up, 2 where it
    /// could not be run.
    Run(Box<cli::run::RunArgs>),
    /// Find the highest rate that a server sustains with a scenario's traffic.
    Search(Box<cli::search::SearchArgs>),
    /// Draw the page of a result again and print its summary.
    Report(report::ReportArgs),
    /// Compare two results: 1 where a figure became worse beyond the noise, else 0.
    Compare(report::CompareArgs),
    /// List the shipped scenarios; with --levels the names of service levels, with a name the scenario's text.
    Scenarios(cli::list::ListArgs),
    /// An MQTT listener on this machine that only acknowledges, until Ctrl-C.
    Sink(cli::list::SinkArgs),
    /// Measure the generator's own ceiling against the sink.
    SelfTest(selftest::SelfTestArgs),
    /// Beds with monitors on MQTT and an EHR posting HL7 v2, some patients deteriorating (`nightlamp demo` uses it).
    Ward(demo::WardArgs),
}

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::from(EXIT_ERROR)
        }
    }
}

fn execute(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => cli::run::run(&args),
        Command::Search(args) => cli::search::search(&args),
        Command::Report(args) => args.execute().map(|()| 0),
        Command::Compare(args) => args.execute(),
        Command::Scenarios(args) => args.execute().map(|()| 0),
        Command::Sink(args) => args.execute().map(|()| 0),
        Command::SelfTest(args) => selftest::run(&args),
        Command::Ward(args) => {
            args.check()?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("tokio")?;
            runtime.block_on(demo::ward(args)).map(|()| 0)
        }
    }
}
