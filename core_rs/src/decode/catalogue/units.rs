//! Units: the spellings senders use, and how each becomes a signal's canonical unit.
//!
//! A spelling is looked up exactly, then, where the unit says so, without regard to ASCII case: HL7's ISO+ and UCUM's
//! case-insensitive form write upper case. Nothing else is folded, guessed or repaired; a site adds its own spellings by
//! fixing the unit of a code in its code map. Sources: UCUM 2.1; IEEE 11073-10101 for `MDC_DIM_*` (numbers are context
//! free, partition 4 << 16); HL7 v2.5.1 chapter 7 for ISO+; the rest is common usage.

use serde::Serialize;

/// A unit the catalogue knows, whatever its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Per minute: beats, breaths.
    PerMin,
    /// Percent.
    Percent,
    /// A fraction of one, or no dimension.
    One,
    /// Degrees Celsius.
    Celsius,
    /// Degrees Fahrenheit.
    Fahrenheit,
    /// Kelvin.
    Kelvin,
    /// Millimetres of mercury.
    MmHg,
    /// Kilopascal.
    KiloPascal,
    /// Millimole per litre.
    MmolPerL,
    /// Milliequivalent per litre.
    MeqPerL,
    /// Micromole per litre.
    UmolPerL,
    /// Milligram per decilitre.
    MgPerDl,
    /// Gram per decilitre.
    GPerDl,
    /// Gram per litre.
    GPerL,
    /// Nanogram per millilitre, microgram per litre.
    NgPerMl,
    /// Nanogram per litre, picogram per millilitre.
    NgPerL,
    /// Enzyme units per litre.
    UnitPerL,
    /// Thousands per microlitre, 10^9 per litre.
    KiloPerUl,
    /// Single cells per microlitre.
    PerUl,
    /// Litre per litre.
    LPerL,
    /// Litre per minute.
    LPerMin,
    /// pH.
    Ph,
    /// Second.
    Second,
    /// Day.
    Day,
    /// Points of a score.
    Score,
}

/// How a unit is written.
#[derive(Debug)]
pub struct Spelling {
    /// Which unit.
    pub unit: Unit,
    /// The UCUM code.
    pub ucum: &'static str,
    /// Accepted whatever the ASCII case.
    pub any_case: &'static [&'static str],
    /// Accepted only as written.
    pub exact: &'static [&'static str],
}

/// Every spelling of every unit.
pub static SPELLINGS: &[Spelling] = &[
    Spelling {
        unit: Unit::PerMin,
        ucum: "/min",
        any_case: &[
            "/min",
            "1/min",
            "min-1",
            "bpm",
            "beat/min",
            "beats/min",
            "{beat}/min",
            "{beats}/min",
            "{h.b.}/min",
            "{hb}/min",
            "{breath}/min",
            "{breaths}/min",
            "breath/min",
            "breaths/min",
            "{resp}/min",
            "resp/min",
            "br/min",
            "brpm",
            "rpm",
            "{pulse}/min",
            "mdc_dim_beat_per_min",
            "mdc_dim_resp_per_min",
            "mdc_dim_per_min",
        ],
        exact: &["264864", "264928"],
    },
    Spelling { unit: Unit::Percent, ucum: "%", any_case: &["%", "percent", "pct", "mdc_dim_percent"], exact: &["262688"] },
    Spelling { unit: Unit::One, ucum: "1", any_case: &["1", "{fraction}", "fraction", "mdc_dim_dimless"], exact: &["262656"] },
    Spelling {
        unit: Unit::Celsius,
        ucum: "Cel",
        any_case: &["cel", "degc", "deg c", "deg.c", "celsius", "mdc_dim_degc"],
        exact: &["C", "°C", "ºC", "268192"],
    },
    Spelling {
        unit: Unit::Fahrenheit,
        ucum: "[degF]",
        any_case: &["[degf]", "degf", "deg f", "deg.f", "fahrenheit", "mdc_dim_fahr"],
        exact: &["F", "°F", "ºF", "266560"],
    },
    Spelling { unit: Unit::Kelvin, ucum: "K", any_case: &["kelvin"], exact: &["K"] },
    Spelling {
        unit: Unit::MmHg,
        ucum: "mm[Hg]",
        any_case: &["mm[hg]", "mmhg", "mm hg", "mm(hg)", "torr", "mdc_dim_mmhg"],
        exact: &["266016"],
    },
    Spelling { unit: Unit::KiloPascal, ucum: "kPa", any_case: &["kpa", "mdc_dim_kilo_pascal"], exact: &["265987"] },
    Spelling { unit: Unit::MmolPerL, ucum: "mmol/L", any_case: &["mmol.l-1"], exact: &["mmol/L", "mmol/l", "MMOL/L"] },
    Spelling { unit: Unit::MeqPerL, ucum: "meq/L", any_case: &["meq/l"], exact: &[] },
    Spelling {
        unit: Unit::UmolPerL,
        ucum: "umol/L",
        any_case: &["umol/l", "umol.l-1", "mcmol/l", "micromol/l"],
        exact: &["µmol/L", "µmol/l", "μmol/L", "μmol/l"],
    },
    Spelling { unit: Unit::MgPerDl, ucum: "mg/dL", any_case: &[], exact: &["mg/dL", "mg/dl", "MG/DL", "mg/100mL"] },
    Spelling { unit: Unit::GPerDl, ucum: "g/dL", any_case: &["g/dl", "gm/dl"], exact: &[] },
    Spelling { unit: Unit::GPerL, ucum: "g/L", any_case: &["gm/l"], exact: &["g/L", "g/l", "g.l-1"] },
    Spelling {
        unit: Unit::NgPerMl,
        ucum: "ng/mL",
        any_case: &["ng/ml", "ug/l", "mcg/l"],
        exact: &["µg/L", "µg/l", "μg/L", "μg/l"],
    },
    Spelling { unit: Unit::NgPerL, ucum: "ng/L", any_case: &["ng/l", "pg/ml"], exact: &[] },
    Spelling {
        unit: Unit::UnitPerL,
        ucum: "U/L",
        any_case: &["u/l", "iu/l", "[iu]/l", "[u]/l", "unit/l", "units/l"],
        exact: &[],
    },
    Spelling {
        unit: Unit::KiloPerUl,
        ucum: "10*3/uL",
        any_case: &[
            "10*3/ul",
            "10*9/l",
            "x10*3/ul",
            "x10*9/l",
            "10^3/ul",
            "10^9/l",
            "x10^3/ul",
            "x10^9/l",
            "10e3/ul",
            "10e9/l",
            "x10e3/ul",
            "x10e9/l",
            "x10(3)/ul",
            "x10(9)/l",
            "10*3/mm3",
            "x10*3/mm3",
            "k/ul",
            "k/mcl",
            "k/mm3",
            "k/cumm",
            "10*3/mcl",
            "x10*3/mcl",
            "x10e3/mcl",
            "thou/ul",
            "thous/ul",
            "thousand/ul",
            "giga/l",
            "giga.l-1",
            "/nl",
            "10*3.ul-1",
            "10*9.l-1",
        ],
        exact: &["G/L", "G/l", "K/µL", "10*3/µL", "K/μL", "10*3/μL"],
    },
    Spelling {
        unit: Unit::PerUl,
        ucum: "/uL",
        any_case: &["/ul", "cells/ul", "{cells}/ul", "{cell}/ul", "/mm3", "cells/mm3", "/cumm", "/mcl"],
        exact: &["/µL", "/μL"],
    },
    Spelling { unit: Unit::LPerL, ucum: "L/L", any_case: &["l/l"], exact: &[] },
    Spelling { unit: Unit::LPerMin, ucum: "L/min", any_case: &["l/min", "lpm", "mdc_dim_l_per_min"], exact: &["265216"] },
    Spelling { unit: Unit::Ph, ucum: "[pH]", any_case: &["[ph]", "ph", "ph units", "{ph}"], exact: &[] },
    Spelling { unit: Unit::Second, ucum: "s", any_case: &["sec", "secs", "second", "seconds"], exact: &["s", "S"] },
    Spelling { unit: Unit::Day, ucum: "d", any_case: &["day", "days"], exact: &["d", "D"] },
    Spelling { unit: Unit::Score, ucum: "{score}", any_case: &["{score}", "score", "points", "{gcs}", "{points}"], exact: &[] },
];

impl Unit {
    /// The unit's UCUM code.
    pub fn ucum(self) -> &'static str {
        SPELLINGS.iter().find(|row| row.unit == self).map_or("", |row| row.ucum)
    }
}

/// `(value - minus) * times / over`: exact where a factor is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convert {
    /// Taken away first.
    pub minus: f64,
    /// Multiplied by.
    pub times: f64,
    /// Divided by.
    pub over: f64,
    /// Any amount above zero counts as one (oxygen flow as oxygen given).
    pub presence: bool,
}

impl Convert {
    /// Already canonical.
    pub const SAME: Self = SAME;

    /// The canonical value.
    pub fn apply(&self, value: f64) -> f64 {
        // Most are, and to divide by one takes as long as by anything else.
        if *self == Self::SAME {
            return value;
        }
        let value = (value - self.minus) * self.times / self.over;
        // A negative amount stays negative and fails the plausible range.
        if self.presence && value > 0.0 { 1.0 } else { value }
    }
}

/// A unit a signal accepts, with its conversion.
pub type Accept = (Unit, Convert);

const SAME: Convert = Convert { minus: 0.0, times: 1.0, over: 1.0, presence: false };

const fn times(factor: f64) -> Convert {
    Convert { times: factor, ..SAME }
}

const fn over(divisor: f64) -> Convert {
    Convert { over: divisor, ..SAME }
}

/// kPa to mmHg, and end-tidal per cent at 760 mmHg less 47 mmHg of water vapour (reference/interop.md).
const KPA: Convert = times(7.50062);

pub(super) static NONE: &[Accept] = &[];
pub(super) static RATE: &[Accept] = &[(Unit::PerMin, SAME)];
pub(super) static PERCENT: &[Accept] = &[(Unit::Percent, SAME)];
pub(super) static TEMPERATURE: &[Accept] = &[
    (Unit::Celsius, SAME),
    (Unit::Fahrenheit, Convert { minus: 32.0, over: 1.8, ..SAME }),
    (Unit::Kelvin, Convert { minus: 273.15, ..SAME }),
];
pub(super) static PRESSURE: &[Accept] = &[(Unit::MmHg, SAME), (Unit::KiloPascal, KPA)];
pub(super) static END_TIDAL: &[Accept] = &[(Unit::MmHg, SAME), (Unit::KiloPascal, KPA), (Unit::Percent, times(7.13))];
pub(super) static FRACTION: &[Accept] = &[(Unit::One, SAME), (Unit::Percent, over(100.0)), (Unit::LPerL, SAME)];
pub(super) static IONS: &[Accept] = &[(Unit::MmolPerL, SAME), (Unit::MeqPerL, SAME)];
pub(super) static PH: &[Accept] = &[(Unit::Ph, SAME), (Unit::One, SAME)];
pub(super) static ENZYME: &[Accept] = &[(Unit::UnitPerL, SAME)];
pub(super) static UREA_NITROGEN: &[Accept] = &[(Unit::MgPerDl, SAME)];
pub(super) static UREA_MOLAR: &[Accept] = &[(Unit::MmolPerL, times(2.801))];
pub(super) static CALCIUM: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::MmolPerL, times(4.008))];
pub(super) static CREATININE: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::UmolPerL, over(88.42))];
pub(super) static BILIRUBIN: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::UmolPerL, over(17.104))];
pub(super) static GLUCOSE: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::MmolPerL, times(18.016))];
pub(super) static LACTATE: &[Accept] = &[(Unit::MmolPerL, SAME), (Unit::MgPerDl, over(9.008))];
pub(super) static MAGNESIUM: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::MmolPerL, times(2.4305))];
pub(super) static PHOSPHATE: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::MmolPerL, times(3.0974))];
pub(super) static TROPONIN: &[Accept] = &[(Unit::NgPerMl, SAME), (Unit::NgPerL, over(1000.0))];
pub(super) static HAEMATOCRIT: &[Accept] = &[(Unit::Percent, SAME), (Unit::LPerL, times(100.0))];
pub(super) static HAEMOGLOBIN: &[Accept] = &[(Unit::GPerDl, SAME), (Unit::GPerL, over(10.0)), (Unit::MmolPerL, times(1.6114))];
pub(super) static SECONDS: &[Accept] = &[(Unit::Second, SAME)];
pub(super) static DAYS: &[Accept] = &[(Unit::Day, SAME)];
pub(super) static CELLS: &[Accept] = &[(Unit::KiloPerUl, SAME), (Unit::PerUl, over(1000.0))];
pub(super) static FIBRINOGEN: &[Accept] = &[(Unit::MgPerDl, SAME), (Unit::GPerL, times(100.0))];
pub(super) static SCORE: &[Accept] = &[(Unit::Score, SAME), (Unit::One, SAME)];
pub(super) static COUNT: &[Accept] = &[(Unit::One, SAME)];
pub(super) static OXYGEN_FLOW: &[Accept] = &[(Unit::LPerMin, Convert { presence: true, ..SAME })];
