//! `search`: the highest rate a server sustains, by steps and then by halves.
//!
//! A step runs the scenario's traffic at one multiple of its rate for some seconds, without its phases and faults. It holds where
//! nothing was refused or lost and every count adds up, the schedule did not wait, frames behind did not grow by more than a second of
//! the rate, the latency levels of the scenario were kept (other levels are not asked), and the generator kept its own schedule. A
//! search that ends early, by Ctrl-C or because a step could not be run, writes the steps before. Limits: 20 steps.

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;

use super::run::{Change, clean_up};
use super::target::TargetArgs;
use super::{interrupt, plain};
use crate::engine;
use crate::plan::Plan;
use crate::report::OutputArgs;
use crate::result::{Head, Run, SCHEMA, Search, Second, Step};
use crate::scenario::{Measure, Scenario, level};
use crate::target;

const STEPS_MAX: usize = 20;

/// Options of a search.
#[derive(Debug, Clone, Args)]
pub struct SearchArgs {
    /// A shipped scenario or a TOML file.
    pub scenario: String,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub change: Change,
    /// Seconds of one step.
    #[arg(long, default_value_t = 15.0)]
    pub step_s: f64,
    /// Stop once the highest rate is known to this share of it.
    #[arg(long, default_value_t = 0.1)]
    pub within: f64,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Searches.
pub fn search(args: &SearchArgs) -> anyhow::Result<u8> {
    let (mut scenario, recording) = args.change.load(&args.scenario)?;
    scenario.phases.clear();
    scenario.faults.clear();
    scenario.duration_s = Some(args.step_s);
    scenario.warmup_s = args.step_s / 4.0;
    scenario.levels.retain(|name, _| matches!(level(name), Ok(Measure::Latency(..))));
    let earlier = args.output.earlier()?;
    interrupt::listen()?;
    let aim = args.target.aim(&scenario.server)?;
    let plan_of = |factor: f64| Plan::new(scenario.clone(), aim.target.clone(), recording.clone(), factor);
    let first = plan_of(args.change.rate);
    engine::possible(&first).map_err(|error| anyhow!(error))?;
    target::admit_all(&aim.target, &first.beds)?;
    let (beds, head) = (first.beds.clone(), engine::head(&first));
    drop(first);
    let mut steps: Vec<Step> = Vec::new();
    let (mut good, mut bad): (Option<f64>, Option<f64>) = (None, None);
    let mut failed = None;
    while let Some(factor) = next(args, good, bad).filter(|_| steps.len() < STEPS_MAX) {
        let plan = plan_of(factor);
        let offered = offered(&plan, factor);
        let run = match engine::run(plan, &args.change.options(), aim.spawned.as_ref(), &mut plain::Silent) {
            Ok(run) => run,
            Err(error) => {
                failed = Some(error.context(format!("the step at {factor} times the scenario's rate")));
                break;
            }
        };
        if interrupt::interrupted() {
            break; // half a step says nothing
        }
        let step = judge(&scenario, factor, offered, &run);
        eprintln!(
            "{:>9.0} messages/s ({:>9.0} observations/s): {}",
            step.messages_per_s,
            step.observations_per_s,
            if step.held { "held".to_owned() } else { step.why.clone() }
        );
        *(if step.held { &mut good } else { &mut bad }) = Some(factor);
        steps.push(step);
    }
    let found = found(head, steps);
    match found.best_observations_per_s {
        Some(best) => eprintln!("highest sustainable rate: {best:.0} observations/s"),
        None => eprintln!("not even the first rate was sustained"),
    }
    let written = args.output.search(&found, earlier.as_ref());
    clean_up(&aim, &beds);
    written?;
    failed.map_or_else(|| Ok(exit_code(&found, interrupt::interrupted())), Err)
}

fn found(head: Head, steps: Vec<Step>) -> Search {
    let best = steps.iter().filter(|step| step.held).max_by(|a, b| a.factor.total_cmp(&b.factor));
    Search {
        schema: SCHEMA,
        head,
        best_observations_per_s: best.map(|step| step.observations_per_s),
        best_messages_per_s: best.map(|step| step.messages_per_s),
        steps,
    }
}

/// 0 where a rate held and the search came to its end.
fn exit_code(found: &Search, interrupted: bool) -> u8 {
    match found.best_observations_per_s {
        _ if interrupted => engine::INTERRUPTED,
        None => engine::LEVEL_BROKEN,
        Some(_) => 0,
    }
}

/// The next multiple to try: doubled while all held, halved while none did, then between the two.
fn next(args: &SearchArgs, good: Option<f64>, bad: Option<f64>) -> Option<f64> {
    match (good, bad) {
        (None, None) => Some(args.change.rate),
        (Some(good), None) => Some(good * 2.0),
        (None, Some(bad)) => Some(bad / 2.0).filter(|factor| *factor > args.change.rate / 64.0),
        (Some(good), Some(bad)) => ((bad - good) / good > args.within).then_some((good + bad) / 2.0),
    }
}

/// Offered a second: messages and observations.
fn offered(plan: &Plan, factor: f64) -> (f64, f64) {
    let readings = plan.beds.len() as f64 * plan.per_s;
    let labs = plan.scenario.http.hl7_per_s;
    let observations = readings * plan.readings.mean_count() + labs * f64::from(plan.scenario.http.hl7_observations);
    ((readings + labs) * factor, observations * factor)
}

/// Messages behind at the end of a second: before the journal and before the store; None where the store's place was not told.
fn behind(second: &Second) -> Option<i64> {
    i64::try_from(second.lag.journal + second.lag.stored?).ok()
}

fn judge(scenario: &Scenario, factor: f64, offered: (f64, f64), run: &Run) -> Step {
    let scheduled: Vec<_> = run.seconds.iter().filter(|second| second.due > 0).collect();
    let warm = scheduled.get(scheduled.len() / 4).and_then(|second| behind(second));
    let grew = scheduled.last().and_then(|second| behind(second)).zip(warm).map(|(last, warm)| last - warm);
    let why = why_not(scenario, offered.0, run, grew);
    let acknowledged: u64 = scheduled.iter().map(|second| second.acknowledged).sum();
    let stages: BTreeMap<_, _> = run.stages.iter().map(|stage| (stage.name.clone(), stage.percentiles)).collect();
    Step {
        factor,
        messages_per_s: offered.0,
        observations_per_s: offered.1,
        acknowledged_per_s: acknowledged as f64 / scenario.duration(),
        stages,
        lag_grew_frames: grew.unwrap_or(0),
        server_cpu_cores: run.server.cpu_cores_mean,
        generator_cpu_cores: run.generator.cores_mean,
        held: why.is_empty(),
        why,
    }
}

/// Why a step did not hold; empty where it did.
fn why_not(scenario: &Scenario, offered_per_s: f64, run: &Run, grew: Option<i64>) -> String {
    let counts = &run.conservation;
    if counts.refused + counts.unanswered + counts.unsent > 0 {
        return format!("{} refused, {} unanswered, {} unsent", counts.refused, counts.unanswered, counts.unsent);
    }
    if let Some(one) = counts.differences.iter().find(|one| !one.explained) {
        return format!("{}: {} and {}: {}", one.name, one.expected, one.found, one.why);
    }
    if !counts.unknown.is_empty() {
        return format!("whether the counts add up is not known: /metrics did not tell {}", counts.unknown.join(", "));
    }
    match grew {
        None => return "how far the store was behind is not known: /metrics did not answer".to_owned(),
        Some(grew) if grew as f64 > offered_per_s => {
            return format!("fell behind by {grew} messages in {:.0} s", scenario.duration());
        }
        Some(_) => {}
    }
    if let Some(broken) = run.slo.iter().find(|level| !level.met) {
        return format!("{} was {:.1}, limit {}", broken.name, broken.measured.unwrap_or(f64::NAN), broken.limit);
    }
    if run.generator.bottleneck { "the generator could not keep its own schedule".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: SearchArgs,
    }

    /// A run of the example in which everything held.
    fn held() -> Run {
        let mut run = crate::report::example::run(7, 1.0);
        run.conservation.refused = 0;
        run.slo.clear();
        for second in &mut run.seconds {
            second.lag = crate::result::Lag { journal: 0, processed: Some(0), stored: Some(3) };
        }
        run
    }

    fn why(run: &Run) -> String {
        let scenario = Scenario::parse("name = 'x'\nduration_s = 90.0\n[ward]\npatients = 4").unwrap();
        let step = judge(&scenario, 1.0, (1_000.0, 8_000.0), run);
        assert_eq!(step.held, step.why.is_empty());
        step.why
    }

    #[test]
    fn a_step_holds_only_where_every_count_adds_up_and_the_store_s_lag_is_known() {
        assert_eq!(why(&held()), "");
        let mut lost = held();
        lost.conservation.differences.iter_mut().for_each(|one| one.explained = false);
        assert!(why(&lost).contains("acknowledged = journalled"), "{}", why(&lost));
        let mut unknown = held();
        unknown.conservation.unknown = vec!["stored".into()];
        assert!(why(&unknown).contains("did not tell stored"));
        let mut blind = held();
        let last = blind.seconds.iter_mut().rfind(|second| second.due > 0).unwrap();
        last.lag.stored = None;
        assert!(why(&blind).contains("not known"), "{}", why(&blind));
        let mut behind = held();
        behind.seconds.iter_mut().rfind(|second| second.due > 0).unwrap().lag.stored = Some(1_004);
        assert!(why(&behind).contains("fell behind by 1001"), "{}", why(&behind));
    }

    #[test]
    fn a_search_without_a_rate_that_held_fails_and_an_interrupted_one_says_so() {
        let best = |best: Option<f64>| Search { best_observations_per_s: best, ..crate::report::example::search(8_000.0) };
        assert_eq!(exit_code(&best(Some(1.0)), false), 0);
        assert_eq!(exit_code(&best(None), false), engine::LEVEL_BROKEN);
        assert_eq!(exit_code(&best(Some(1.0)), true), engine::INTERRUPTED);
    }

    #[test]
    fn the_search_closes_in_on_the_highest_rate_that_holds() {
        let args = Cli::parse_from(["x", "smoke", "--within", "0.05"]).args;
        for limit in [0.3, 1.0, 7.3, 100.0] {
            let (mut good, mut bad, mut steps) = (None, None, 0);
            while let Some(factor) = next(&args, good, bad) {
                steps += 1;
                *(if factor <= limit { &mut good } else { &mut bad }) = Some(factor);
            }
            let found: f64 = good.unwrap();
            assert!(found <= limit && found > limit / 1.06 && steps <= STEPS_MAX, "{limit}: {found} after {steps}");
        }
    }
}
