//! `run`: a scenario against a server; the exit code says whether its service levels were kept.

use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;

use super::target::{Aim, TargetArgs};
use super::{interrupt, plain};
use crate::engine::{self, Options};
use crate::live;
use crate::message::beds::Bed;
use crate::plan::Plan;
use crate::recording::Recording;
use crate::report::{OutputArgs, summary};
use crate::result::Live;
use crate::scenario::{self, Scenario};
use crate::target;

/// Options of a run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// A shipped scenario (`nightlamp-loadtest scenarios`) or a TOML file.
    pub scenario: String,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub change: Change,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Say nothing while it runs.
    #[arg(long)]
    pub quiet: bool,
}

/// What the command line changes of a scenario, and how it is run.
#[derive(Debug, Clone, Args)]
pub struct Change {
    /// Multiply every rate.
    #[arg(long, default_value_t = 1.0)]
    pub rate: f64,
    /// Seconds, instead of the scenario's; its phases are left out.
    #[arg(long)]
    pub duration_s: Option<f64>,
    /// Seed, instead of the scenario's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Recording, instead of the scenario's (CSV in long format, or a folder of PhysioNet .psv files).
    #[arg(long, value_name = "PATH")]
    pub recording: Option<String>,
    /// Speed of the recording, instead of the scenario's.
    #[arg(long)]
    pub speed: Option<f64>,
    /// Threads that send.
    #[arg(long, default_value_t = 1)]
    pub senders: usize,
    /// Milliseconds between two questions to /metrics: the resolution of the stages scored and stored.
    #[arg(long, default_value_t = 100)]
    pub poll_ms: u64,
}

impl Change {
    /// The scenario as changed, with its recording.
    pub fn load(&self, name: &str) -> anyhow::Result<(Scenario, Option<Recording>)> {
        let mut scenario = scenario::load(name).map_err(|error| anyhow!(error))?;
        if !(self.rate > 0.0 && self.rate <= 1_000_000.0) {
            bail!("--rate must lie between 0 and 1000000, got {}", self.rate);
        }
        if self.poll_ms == 0 || self.senders == 0 || self.senders > 64 {
            bail!("--poll-ms must be at least 1, --senders between 1 and 64");
        }
        if self.rate != 1.0 {
            scenario.overrides.push(format!("--rate {}", self.rate));
        }
        if let Some(seconds) = self.duration_s {
            scenario.duration_s = Some(seconds);
            scenario.phases.clear();
            scenario.faults.retain(|fault| fault.at_s < seconds);
            scenario.warmup_s = scenario.warmup_s.min(seconds / 4.0);
            scenario.overrides.push(format!("--duration-s {seconds}"));
        }
        if let Some(seed) = self.seed {
            scenario.seed = seed;
            scenario.overrides.push(format!("--seed {seed}"));
        }
        if let Some(recording) = &self.recording {
            let speed = scenario.replay.as_ref().map_or(1.0, |replay| replay.speed);
            scenario.replay = Some(scenario::Replay { recording: recording.clone(), speed });
            scenario.overrides.push(format!("--recording {recording}"));
        }
        if let (Some(speed), Some(replay)) = (self.speed, &mut scenario.replay) {
            replay.speed = speed;
            scenario.overrides.push(format!("--speed {speed}"));
        }
        scenario.check().map_err(|error| anyhow!(error))?;
        let recording = match &scenario.replay {
            Some(replay) => Some(Recording::read(replay.recording.as_ref()).map_err(|error| anyhow!(error))?),
            None => None,
        };
        Ok((scenario, recording))
    }

    /// How to run it.
    pub fn options(&self) -> Options {
        Options { senders: self.senders, poll: Duration::from_millis(self.poll_ms) }
    }
}

/// Runs it.
pub fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let (scenario, recording) = args.change.load(&args.scenario)?;
    let earlier = args.output.earlier()?;
    interrupt::listen()?;
    let aim = args.target.aim(&scenario.server)?;
    let plan = Plan::new(scenario, aim.target.clone(), recording, args.change.rate);
    engine::possible(&plan).map_err(|error| anyhow!(error))?;
    target::admit_all(&aim.target, &plan.beds)?;
    let beds = plan.beds.clone();
    let mut view: Box<dyn Live> = if args.quiet { Box::new(plain::Silent) } else { live::view() };
    let run = engine::run(plan, &args.change.options(), aim.spawned.as_ref(), view.as_mut())?;
    // The result first: what was measured is not lost with a server that is gone by now.
    let written = args.output.run(&run, earlier.as_ref());
    if !args.quiet {
        eprint!("{}", summary::run(&run));
    }
    clean_up(&aim, &beds);
    written?;
    Ok(run.verdict.exit_code)
}

/// Frees the beds of a server that goes on without the harness. What it cannot do it says; the result stands.
pub fn clean_up(aim: &Aim, beds: &[Bed]) {
    if aim.spawned.is_none()
        && let Err(error) = target::discharge_all(&aim.target, beds)
    {
        eprintln!("the run's patients are still in their beds there: {error:#}");
    }
}
