//! The signals: number, name, canonical unit, plausible range.
//!
//! Numbers are stored in the database and in snapshots: append, never reuse. The first 34 are the measured variables of the
//! PhysioNet/CinC Challenge 2019 in the order of its files, so that its columns map by name.
//!
//! Plausible ranges are this project's choice: generous enough for survivors on record (13 C, pH 6.3, potassium 14), narrow
//! enough to catch another unit or analyte (haematocrit 0.4 given as per cent, ionised calcium reported as total: below
//! 2 mg/dL). They judge neither health nor artefact, which are the scores' and the window's business.

use super::units::{self, Accept};
use crate::decode::SignalId;

/// What a signal's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number with a unit.
    Quantity,
    /// A number that has no dimension; its unit may be left out.
    Dimensionless,
    /// A whole number of points; its unit may be left out.
    Points,
    /// ACVPU: 0 Alert, 1 new Confusion, 2 Voice, 3 Pain, 4 Unresponsive.
    Consciousness,
    /// Oxygen given: 0 air, 1 oxygen.
    Oxygen,
}

impl Kind {
    /// The name in the catalogue's listing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::Dimensionless => "dimensionless",
            Self::Points => "points",
            Self::Consciousness | Self::Oxygen => "coded",
        }
    }
}

/// One row of the catalogue.
#[derive(Debug)]
pub struct Signal {
    /// The stable name used in plans, manifests, channels and device JSON.
    pub name: &'static str,
    /// For a person.
    pub title: &'static str,
    /// Canonical unit, UCUM; empty for coded signals.
    pub unit: &'static str,
    /// Smallest plausible canonical value.
    pub low: f64,
    /// Largest plausible canonical value.
    pub high: f64,
    /// What the value is.
    pub kind: Kind,
    /// Units accepted for the signal's name and for codes that say nothing narrower.
    pub accepts: &'static [Accept],
}

macro_rules! signals {
    ($($number:literal $constant:ident $name:literal $title:literal $unit:literal $low:literal $high:literal $kind:ident $accepts:ident;)*) => {
        $(#[doc = $title] pub const $constant: SignalId = SignalId($number);)*
        /// All signals; a `SignalId` is the index.
        pub static SIGNALS: &[Signal] = &[
            $(Signal { name: $name, title: $title, unit: $unit, low: $low, high: $high, kind: Kind::$kind, accepts: units::$accepts },)*
        ];
        #[cfg(test)]
        pub(super) const NUMBERS: &[u16] = &[$($number,)*];
    };
}

signals! {
    0  HR               "HR"               "Heart rate"                     "/min"    0.0   350.0   Quantity RATE;
    1  O2SAT            "O2Sat"            "Oxygen saturation, pulse oximetry" "%"    1.0   100.0   Quantity PERCENT;
    2  TEMP             "Temp"             "Body temperature"               "Cel"     13.0  46.0    Quantity TEMPERATURE;
    3  SBP              "SBP"              "Systolic blood pressure"        "mm[Hg]"  20.0  350.0   Quantity PRESSURE;
    4  MAP              "MAP"              "Mean arterial pressure"         "mm[Hg]"  10.0  300.0   Quantity PRESSURE;
    5  DBP              "DBP"              "Diastolic blood pressure"       "mm[Hg]"  5.0   250.0   Quantity PRESSURE;
    6  RESP             "Resp"             "Respiration rate"               "/min"    0.0   120.0   Quantity RATE;
    7  ETCO2            "EtCO2"            "End-tidal carbon dioxide"       "mm[Hg]"  0.0   150.0   Quantity END_TIDAL;
    8  BASE_EXCESS      "BaseExcess"       "Base excess"                    "mmol/L"  -50.0 50.0    Quantity IONS;
    9  HCO3             "HCO3"             "Bicarbonate"                    "mmol/L"  1.0   80.0    Quantity IONS;
    10 FIO2             "FiO2"             "Fraction of inspired oxygen"    "1"       0.21  1.0     Quantity FRACTION;
    11 PH               "pH"               "Blood pH"                       "[pH]"    6.3   8.0     Dimensionless PH;
    12 PACO2            "PaCO2"            "Partial pressure of carbon dioxide" "mm[Hg]" 5.0 250.0  Quantity PRESSURE;
    13 SAO2             "SaO2"             "Oxygen saturation, blood gas"   "%"       1.0   100.0   Quantity PERCENT;
    14 AST              "AST"              "Aspartate aminotransferase"     "U/L"     0.0   100000.0 Quantity ENZYME;
    15 BUN              "BUN"              "Blood urea nitrogen"            "mg/dL"   0.5   400.0   Quantity UREA_NITROGEN;
    16 ALKALINEPHOS     "Alkalinephos"     "Alkaline phosphatase"           "U/L"     0.0   10000.0 Quantity ENZYME;
    17 CALCIUM          "Calcium"          "Calcium, total"                 "mg/dL"   2.0   25.0    Quantity CALCIUM;
    18 CHLORIDE         "Chloride"         "Chloride"                       "mmol/L"  50.0  200.0   Quantity IONS;
    19 CREATININE       "Creatinine"       "Creatinine"                     "mg/dL"   0.05  50.0    Quantity CREATININE;
    20 BILIRUBIN_DIRECT "Bilirubin_direct" "Bilirubin, direct"              "mg/dL"   0.0   60.0    Quantity BILIRUBIN;
    21 GLUCOSE          "Glucose"          "Glucose"                        "mg/dL"   5.0   3000.0  Quantity GLUCOSE;
    22 LACTATE          "Lactate"          "Lactate"                        "mmol/L"  0.05  50.0    Quantity LACTATE;
    23 MAGNESIUM        "Magnesium"        "Magnesium"                      "mg/dL"   0.1   20.0    Quantity MAGNESIUM;
    24 PHOSPHATE        "Phosphate"        "Phosphate"                      "mg/dL"   0.1   40.0    Quantity PHOSPHATE;
    25 POTASSIUM        "Potassium"        "Potassium"                      "mmol/L"  0.8   15.0    Quantity IONS;
    26 BILIRUBIN_TOTAL  "Bilirubin_total"  "Bilirubin, total"               "mg/dL"   0.0   100.0   Quantity BILIRUBIN;
    27 TROPONIN_I       "TroponinI"        "Troponin I, conventional assay" "ng/mL"   0.0   5000.0  Quantity TROPONIN;
    28 HCT              "Hct"              "Haematocrit"                    "%"       3.0   85.0    Quantity HAEMATOCRIT;
    29 HGB              "Hgb"              "Haemoglobin"                    "g/dL"    1.0   30.0    Quantity HAEMOGLOBIN;
    30 PTT              "PTT"              "Partial thromboplastin time"    "s"       5.0   500.0   Quantity SECONDS;
    31 WBC              "WBC"              "Leukocytes"                     "10*3/uL" 0.0   1000.0  Quantity CELLS;
    32 FIBRINOGEN       "Fibrinogen"       "Fibrinogen"                     "mg/dL"   10.0  3000.0  Quantity FIBRINOGEN;
    33 PLATELETS        "Platelets"        "Platelets"                      "10*3/uL" 0.0   5000.0  Quantity CELLS;
    34 PAO2             "PaO2"             "Partial pressure of oxygen"     "mm[Hg]"  5.0   800.0   Quantity PRESSURE;
    35 CONSCIOUSNESS    "Consciousness"    "Consciousness (ACVPU)"          ""        0.0   4.0     Consciousness NONE;
    36 GCS              "GCS"              "Glasgow coma score, total"      "{score}" 3.0   15.0    Points SCORE;
    37 BANDS            "Bands"            "Band neutrophils"               "%"       0.0   100.0   Quantity PERCENT;
    38 OXYGEN           "Oxygen"           "Supplemental oxygen"            ""        0.0   1.0     Oxygen OXYGEN_FLOW;
    39 HBA1C            "HbA1c"            "Haemoglobin A1c"                "%"       2.0   25.0    Quantity PERCENT;
    40 PRIOR_INPATIENT  "PriorInpatient"   "Inpatient stays in the year before" "1"   0.0   366.0   Points COUNT;
    41 PRIOR_OUTPATIENT "PriorOutpatient"  "Outpatient visits in the year before" "1" 0.0   366.0   Points COUNT;
    42 PRIOR_EMERGENCY  "PriorEmergency"   "Emergency visits in the year before" "1"  0.0   366.0   Points COUNT;
    43 LAB_TESTS        "LabTests"         "Laboratory tests of the stay"   "1"       0.0   10000.0 Points COUNT;
    44 PROCEDURES       "Procedures"       "Procedures of the stay, laboratory tests apart" "1" 0.0 1000.0 Points COUNT;
    45 MEDICATIONS      "Medications"      "Different medications of the stay" "1"    0.0   1000.0  Points COUNT;
    46 INSULIN          "InsulinCourse"    "Insulin course: 0 none, 1 steady, 2 increased, 3 decreased" "1" 0.0 3.0 Points COUNT;
    47 METFORMIN        "MetforminCourse"  "Metformin course: 0 none, 1 steady, 2 increased, 3 decreased" "1" 0.0 3.0 Points COUNT;
    48 DIABETES_DRUGS   "DiabetesDrugs"    "Different diabetes medications, insulin included" "1" 0.0 50.0 Points COUNT;
    49 DIABETES_CHANGES "DiabetesChanges"  "Diabetes medications changed in dose or kind" "1" 0.0 50.0 Points COUNT;
    50 PRIOR_STAYS      "PriorStays"       "Earlier stays on record, of any year" "1" 0.0  1000.0  Points COUNT;
    51 PRIOR_READMISSIONS "PriorReadmissions" "Earlier stays that were followed by another within 30 days" "1" 0.0 1000.0 Points COUNT;
    52 DAYS_SINCE_DISCHARGE "DaysSinceDischarge" "Days from the discharge before to this admission" "d" 0.0 36600.0 Quantity DAYS;
}

/// The signal with this name.
pub fn by_name(name: &str) -> Option<SignalId> {
    let index = SIGNALS.iter().position(|signal| signal.name == name)?;
    u16::try_from(index).ok().map(SignalId)
}

/// The row of a signal.
pub fn signal(id: SignalId) -> Option<&'static Signal> {
    SIGNALS.get(usize::from(id.0))
}
