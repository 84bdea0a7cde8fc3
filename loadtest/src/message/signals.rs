//! The signals that monitors and laboratories send: code, unit, and what is normal.

/// A signal as a device names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// nightlamp's name, by which consoles show it.
    pub name: &'static str,
    /// LOINC.
    pub code: &'static str,
    /// UCUM.
    pub unit: &'static str,
    /// A healthy value, thousandths of the unit.
    pub usual_milli: i64,
    /// How far patients differ and vary, thousandths.
    pub spread_milli: i64,
    /// How much worse a deteriorating patient ends, thousandths.
    pub worse_milli: i64,
    /// Least step a monitor shows, thousandths.
    pub step_milli: i64,
}

const fn row(
    name: &'static str,
    code: &'static str,
    unit: &'static str,
    (usual_milli, spread_milli, worse_milli, step_milli): (i64, i64, i64, i64),
) -> Signal {
    Signal { name, code, unit, usual_milli, spread_milli, worse_milli, step_milli }
}

/// What a bedside monitor sends.
pub const MONITOR: [Signal; 8] = [
    row("HR", "8867-4", "/min", (76_000, 12_000, 55_000, 1_000)),
    row("Resp", "9279-1", "/min", (15_000, 3_000, 14_000, 1_000)),
    row("O2Sat", "59408-5", "%", (96_500, 1_500, -9_000, 1_000)),
    row("SBP", "8480-6", "mm[Hg]", (124_000, 12_000, -42_000, 1_000)),
    row("DBP", "8462-4", "mm[Hg]", (74_000, 8_000, -24_000, 1_000)),
    row("MAP", "8478-0", "mm[Hg]", (91_000, 8_000, -30_000, 1_000)),
    row("Temp", "8310-5", "Cel", (36_800, 300, 2_100, 100)),
    row("EtCO2", "19891-1", "mm[Hg]", (37_000, 3_000, -8_000, 1_000)),
];

/// What a laboratory sends.
pub const LABS: [Signal; 12] = [
    row("Lactate", "2524-7", "mmol/L", (1_100, 400, 4_000, 100)),
    row("Creatinine", "2160-0", "mg/dL", (900, 250, 1_500, 10)),
    row("Glucose", "2345-7", "mg/dL", (105_000, 20_000, 60_000, 1_000)),
    row("Potassium", "2823-3", "mmol/L", (4_100, 400, 900, 100)),
    row("WBC", "6690-2", "10*3/uL", (7_500, 1_800, 9_000, 100)),
    row("Hgb", "718-7", "g/dL", (12_800, 1_500, -2_000, 100)),
    row("Platelets", "777-3", "10*3/uL", (240_000, 50_000, -90_000, 1_000)),
    row("Bilirubin_total", "1975-2", "mg/dL", (700, 200, 1_200, 100)),
    row("BUN", "3094-0", "mg/dL", (15_000, 4_000, 20_000, 1_000)),
    row("Chloride", "2075-0", "mmol/L", (103_000, 3_000, 4_000, 1_000)),
    row("Calcium", "17861-6", "mg/dL", (9_200, 400, -700, 100)),
    row("HCO3", "1963-8", "mmol/L", (24_000, 2_000, -6_000, 1_000)),
];

/// The monitor's signal of this name.
pub fn monitor(name: &str) -> Option<&'static Signal> {
    MONITOR.iter().find(|signal| signal.name == name)
}

/// nightlamp's name of what a recording calls so: a name, or a code of the tables; anything else as it is.
pub fn name_of(name_or_code: &str) -> &str {
    let known = MONITOR.iter().chain(&LABS).find(|signal| signal.code == name_or_code);
    known.map_or(name_or_code, |signal| signal.name)
}

/// The monitor's signals, for an error.
pub fn names() -> String {
    MONITOR.map(|signal| signal.name).join(", ")
}
