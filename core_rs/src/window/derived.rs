//! Arithmetic of last values. Scores with points belong to `score`, which may pass its own rules to `compile`.

/// A derived feature: the last values it needs, by catalogue name, and what it makes of them.
#[derive(Debug, Clone, Copy)]
pub struct DerivedRule {
    /// Name in a plan and in the row.
    pub name: &'static str,
    /// Signals whose last values are passed, in order; NaN where one was never observed.
    pub inputs: &'static [&'static str],
    /// Pure; returns NaN where an input it needs is missing.
    pub eval: fn(&[f64]) -> f64,
}

/// The ratios every plan may name.
pub const RATIOS: [DerivedRule; 8] = [
    // Allgower and Burri 1967.
    DerivedRule { name: "shock_index", inputs: &["HR", "SBP"], eval: ratio },
    // Liu et al. 2012.
    DerivedRule { name: "shock_index_modified", inputs: &["HR", "MAP"], eval: ratio },
    // DBP + (SBP - DBP) / 3, mmHg.
    DerivedRule { name: "map_estimated", inputs: &["SBP", "DBP"], eval: map_estimated },
    DerivedRule { name: "pulse_pressure", inputs: &["SBP", "DBP"], eval: difference },
    DerivedRule { name: "bun_creatinine", inputs: &["BUN", "Creatinine"], eval: ratio },
    // SpO2 in % over FiO2 as a fraction.
    DerivedRule { name: "spo2_fio2", inputs: &["O2Sat", "FiO2"], eval: ratio },
    // mmHg over a fraction: the Horowitz index.
    DerivedRule { name: "pao2_fio2", inputs: &["PaO2", "FiO2"], eval: ratio },
    // SpO2 over FiO2 over respiration rate (Roca et al., J Crit Care 2016;35:200).
    DerivedRule { name: "rox", inputs: &["O2Sat", "FiO2", "Resp"], eval: rox },
];

fn ratio(inputs: &[f64]) -> f64 {
    match inputs {
        [over, under] if *under != 0.0 => over / under,
        _ => f64::NAN,
    }
}

fn rox(inputs: &[f64]) -> f64 {
    match inputs {
        [saturation, fraction, rate] if *fraction != 0.0 && *rate != 0.0 => saturation / fraction / rate,
        _ => f64::NAN,
    }
}

fn difference(inputs: &[f64]) -> f64 {
    match inputs {
        [a, b] => a - b,
        _ => f64::NAN,
    }
}

fn map_estimated(inputs: &[f64]) -> f64 {
    match inputs {
        [systolic, diastolic] => diastolic + (systolic - diastolic) / 3.0,
        _ => f64::NAN,
    }
}
