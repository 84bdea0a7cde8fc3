//! From a plan's words to what the engine walks: columns by signal, and the union of all loaded plans.

use crate::decode::SignalId;

use super::cell::{CELL_S_MAX, CELL_S_MIN};
use super::coded::{CODED_MAX, Coded};
use super::derived::{DerivedRule, RATIOS};
use super::plan::{
    Demographic, FEATURES_MAX, FeatureSpec, PANES_MAX, PlanError, PlanSpec, Stat, WINDOW_S_MAX, WINDOWS_MAX, duration_s, refuse,
};

/// A window: how far back, and in panes how wide (0 is exact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Microseconds back from the row's time.
    pub width_us: i64,
    /// Pane width in microseconds; 0 where the window is exact or of cells.
    pub pane_us: i64,
    /// Cell width in microseconds; 0 where it is of raw observations.
    pub cell_us: i64,
}

impl Window {
    /// The excluded lower edge of a window that ends at a time: exactly `width` before, or the pane edge at or before that.
    #[inline]
    pub fn edge_us(self, end_us: i64) -> i64 {
        let edge = end_us.saturating_sub(self.width_us);
        if self.pane_us == 0 { edge } else { edge.div_euclid(self.pane_us) * self.pane_us }
    }
}

/// Where windows end at a row time: at the end of the cell it lies in, or at that time where there are no cells (0).
#[inline]
pub(super) fn end_us(cell_us: i64, t_us: i64) -> i64 {
    if cell_us > 0 { t_us.saturating_neg().div_euclid(cell_us).saturating_mul(-cell_us) } else { t_us }
}

/// The resolver that serving and training use: names of the signal catalogue.
pub fn catalogue_signal(name: &str) -> Option<SignalId> {
    let at = crate::decode::catalogue::SIGNALS.iter().position(|signal| signal.name == name)?;
    u16::try_from(at).ok().map(SignalId)
}

/// Where a statistic is read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Over {
    Stay,
    /// Index into `SignalFeatures::windows`.
    Window(usize),
    /// The closed range of normal values.
    Normal(f64, f64),
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub stat: Stat,
    pub over: Over,
    pub column: usize,
}

/// All columns of one signal and cell width: its windows are walked once.
#[derive(Debug, Clone)]
pub(super) struct SignalFeatures {
    pub signal: SignalId,
    /// 0 where they are of raw observations.
    pub cell_us: i64,
    /// Ascending by how far back they reach.
    pub windows: Vec<Window>,
    /// Whether any column needs the values of that window, or only its ends.
    pub values: Vec<bool>,
    /// The same for the stay.
    pub stay_values: bool,
    /// Those of the windows in the order of `windows`, then the others.
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone)]
pub(super) struct Derived {
    pub rule: DerivedRule,
    pub inputs: Vec<SignalId>,
    pub column: usize,
}

/// A compiled plan: turns a patient's state into a row of f32.
#[derive(Debug, Clone)]
pub struct FeaturePlan {
    spec: PlanSpec,
    names: Vec<String>,
    fingerprint: String,
    pub(super) signals: Vec<SignalFeatures>,
    pub(super) demographics: Vec<(Demographic, usize)>,
    pub(super) coded: Vec<Coded>,
    pub(super) derived: Vec<Derived>,
}

impl FeaturePlan {
    /// Checks and compiles a plan. `signal` resolves catalogue names, `rules` adds derived features to the built-in ratios.
    pub fn compile(
        spec: &PlanSpec,
        signal: &dyn Fn(&str) -> Option<SignalId>,
        rules: &[DerivedRule],
    ) -> Result<Self, PlanError> {
        let mut plan = Self {
            spec: spec.clone(),
            names: Vec::new(),
            fingerprint: String::new(),
            signals: Vec::new(),
            demographics: Vec::new(),
            coded: Vec::new(),
            derived: Vec::new(),
        };
        for entry in &spec.features {
            plan.add_entry(entry, signal)?;
        }
        for name in &spec.demographics {
            let Some(which) = Demographic::named(name) else { return refuse(format!("unknown demographic {name:?}")) };
            let column = plan.name(name.clone())?;
            plan.demographics.push((which, column));
        }
        if spec.coded.len() > CODED_MAX {
            return refuse(format!("more than {CODED_MAX} coded fields"));
        }
        for coded in &spec.coded {
            let column = plan.name(coded.feature().to_owned())?;
            plan.coded.push(Coded::compile(coded, column)?);
        }
        for name in &spec.derived {
            plan.add_derived(name, signal, rules)?;
        }
        if plan.names.is_empty() {
            return refuse("it names no feature".into());
        }
        for features in &mut plan.signals {
            features.order_windows();
        }
        plan.fingerprint = fingerprint(spec, &plan.names);
        Ok(plan)
    }

    /// Names of the columns, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of the columns that hold categories, not amounts.
    pub fn categorical(&self) -> Vec<&str> {
        self.spec.coded.iter().map(|coded| coded.feature()).collect()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// 64 hexadecimal digits that change with anything that changes a row's meaning.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The words it was compiled from.
    pub fn spec(&self) -> &PlanSpec {
        &self.spec
    }

    /// The signals it reads (windows, lasts and derived), without repetition.
    pub fn signals(&self) -> Vec<SignalId> {
        let mut all: Vec<_> =
            self.signals.iter().map(|s| s.signal).chain(self.derived.iter().flat_map(|d| d.inputs.clone())).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn name(&mut self, name: String) -> Result<usize, PlanError> {
        if self.names.contains(&name) {
            return refuse(format!("feature {name} is listed twice"));
        }
        if self.names.len() == FEATURES_MAX {
            return refuse(format!("more than {FEATURES_MAX} features"));
        }
        self.names.push(name);
        Ok(self.names.len() - 1)
    }

    fn add_derived(
        &mut self,
        name: &str,
        signal: &dyn Fn(&str) -> Option<SignalId>,
        rules: &[DerivedRule],
    ) -> Result<(), PlanError> {
        let Some(rule) = RATIOS.iter().chain(rules).find(|rule| rule.name == name).copied() else {
            return refuse(format!("unknown derived feature {name:?}"));
        };
        let mut inputs = Vec::with_capacity(rule.inputs.len());
        for input in rule.inputs {
            let Some(id) = signal(input) else {
                return refuse(format!("derived {name} needs signal {input}, which is not in the catalogue"));
            };
            inputs.push(id);
        }
        let column = self.name(name.to_owned())?;
        self.derived.push(Derived { rule, inputs, column });
        Ok(())
    }

    fn add_entry(&mut self, entry: &FeatureSpec, signal: &dyn Fn(&str) -> Option<SignalId>) -> Result<(), PlanError> {
        let name = &entry.signal;
        let Some(id) = signal(name) else { return refuse(format!("signal {name:?} is not in the catalogue")) };
        if entry.stats.is_empty() {
            return refuse(format!("{name} has no stats"));
        }
        let cell_us = entry_cell_us(entry, self.spec.cell.as_deref())?;
        let of = (id, cell_us);
        let windows = entry_windows(entry, cell_us)?;
        if let Some([low, high]) = entry.normal
            && !(low.is_finite() && high.is_finite() && low <= high)
        {
            return refuse(format!("{name}: normal must be two finite numbers, the lower first"));
        }
        for stat_name in &entry.stats {
            let Some(stat) = Stat::named(stat_name) else { return refuse(format!("{name}: unknown stat {stat_name:?}")) };
            if stat == Stat::TimeSinceAbnormal {
                let Some([low, high]) = entry.normal else {
                    return refuse(format!("{name}: time_since_abnormal needs normal = [low, high]"));
                };
                let column = self.name(format!("{name}.{}", stat.name()))?;
                self.column(of, Column { stat, over: Over::Normal(low, high), column });
            } else if !stat.takes_window() {
                let column = self.name(format!("{name}.{}", stat.name()))?;
                self.column(of, Column { stat, over: Over::Stay, column });
            } else if windows.is_empty() {
                return refuse(format!("{name}: {stat_name} needs windows"));
            } else {
                for (label, window) in &windows {
                    let column = self.name(format!("{name}.{}.{label}", stat.name()))?;
                    let over = match window {
                        None => Over::Stay,
                        Some(window) => Over::Window(self.window(of, name, *window)?),
                    };
                    self.column(of, Column { stat, over, column });
                }
            }
        }
        Ok(())
    }

    fn features(&mut self, (signal, cell_us): (SignalId, i64)) -> &mut SignalFeatures {
        let at = self.signals.iter().position(|s| s.signal == signal && s.cell_us == cell_us).unwrap_or_else(|| {
            let (windows, values, columns) = Default::default();
            self.signals.push(SignalFeatures { signal, cell_us, windows, values, stay_values: false, columns });
            self.signals.len() - 1
        });
        &mut self.signals[at]
    }

    fn window(&mut self, of: (SignalId, i64), name: &str, window: Window) -> Result<usize, PlanError> {
        let features = self.features(of);
        if let Some(at) = features.windows.iter().position(|w| *w == window) {
            return Ok(at);
        }
        if features.windows.len() == WINDOWS_MAX {
            return refuse(format!("{name}: more than {WINDOWS_MAX} windows"));
        }
        features.windows.push(window);
        features.values.push(false);
        Ok(features.windows.len() - 1)
    }

    fn column(&mut self, of: (SignalId, i64), column: Column) {
        let features = self.features(of);
        match column.over {
            Over::Stay => features.stay_values |= column.stat.needs_values(),
            Over::Window(at) => {
                features.values.get_mut(at).into_iter().for_each(|values| *values |= column.stat.needs_values())
            }
            Over::Normal(..) => {}
        }
        features.columns.push(column);
    }
}

impl SignalFeatures {
    /// Exact windows first, each kind from the shortest: so that a walk backwards meets them in order.
    fn order_windows(&mut self) {
        let mut order: Vec<usize> = (0..self.windows.len()).collect();
        order.sort_by_key(|at| (self.windows[*at].pane_us != 0, self.windows[*at]));
        for column in &mut self.columns {
            if let Over::Window(at) = &mut column.over {
                *at = order.iter().position(|old| old == at).unwrap_or(*at);
            }
        }
        self.windows = order.iter().map(|at| self.windows[*at]).collect();
        self.values = order.iter().map(|at| self.values[*at]).collect();
        // Columns follow their windows, so that a window is written when it is walked. The sort is stable: ranges of normal values keep
        // their order, which snapshots go by.
        self.columns.sort_by_key(|column| match column.over {
            Over::Window(at) => at,
            Over::Stay | Over::Normal(..) => usize::MAX,
        });
    }
}

/// 0 for an entry over raw observations.
fn entry_cell_us(entry: &FeatureSpec, default: Option<&str>) -> Result<i64, PlanError> {
    let name = &entry.signal;
    let text = match (entry.cell.as_deref(), entry.pane.is_some()) {
        (Some("none"), _) | (None, true) => return Ok(0),
        (Some(_), true) => return refuse(format!("{name}: pane and cell exclude each other")),
        (own, _) => own.or(default),
    };
    match text.map(duration_s) {
        None => Ok(0),
        Some(Some(s)) if (CELL_S_MIN..=CELL_S_MAX).contains(&s) => Ok(s * 1_000_000),
        Some(_) => refuse(format!("{name}: cell {:?} is not a duration from 60s to 24h", text.unwrap_or(""))),
    }
}

fn entry_windows(entry: &FeatureSpec, cell_us: i64) -> Result<Vec<(String, Option<Window>)>, PlanError> {
    let name = &entry.signal;
    let pane_s = match &entry.pane {
        None => 0,
        Some(text) => match duration_s(text) {
            Some(s) => s,
            None => return refuse(format!("{name}: pane {text:?} is not a duration such as 60s")),
        },
    };
    let mut windows = Vec::with_capacity(entry.windows.len());
    for label in &entry.windows {
        if label == "stay" {
            windows.push((label.clone(), None));
            continue;
        }
        let Some(s) = duration_s(label) else {
            return refuse(format!("{name}: window {label:?} is not a duration such as 6h"));
        };
        if s > WINDOW_S_MAX {
            return refuse(format!("{name}: window {label} is longer than {} days", WINDOW_S_MAX / 86_400));
        }
        if pane_s > 0 && (s < pane_s || s / pane_s > PANES_MAX) {
            return refuse(format!("{name}: window {label} must hold 1 to {PANES_MAX} panes"));
        }
        let window = Window { width_us: s * 1_000_000, pane_us: pane_s * 1_000_000, cell_us };
        if cell_us > 0 && (window.width_us % cell_us != 0 || window.width_us / cell_us > PANES_MAX) {
            return refuse(format!("{name}: window {label} must hold 1 to {PANES_MAX} whole cells"));
        }
        windows.push((label.clone(), Some(window)));
    }
    Ok(windows)
}

fn fingerprint(spec: &PlanSpec, names: &[String]) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(b"nightlamp feature plan 1\n");
    for name in names {
        hash.update(name.as_bytes());
        hash.update(b"\n");
    }
    for entry in &spec.features {
        let windowed = entry.pane.as_deref().and_then(duration_s).unwrap_or(0);
        let normal = entry.normal.unwrap_or([f64::NAN; 2]).map(f64::to_bits);
        hash.update(format!("{}|{:?}|{}|{:x}|{:x}\n", entry.signal, entry.windows, windowed, normal[0], normal[1]).as_bytes());
        if let Some(cell) = &entry.cell {
            hash.update(format!("cell {}\n", duration_s(cell).unwrap_or(0)).as_bytes());
        }
    }
    for coded in &spec.coded {
        hash.update(format!("{}|{:?}\n", coded.field, coded.categories).as_bytes());
    }
    hash.update(spec.cell.as_deref().unwrap_or("").as_bytes());
    hash.finalize().to_hex().to_string()
}
