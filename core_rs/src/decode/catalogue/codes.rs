//! Which code means which signal.
//!
//! LOINC codes as in reference/interop.md (their check digits are tested; rectal temperature is 8332-9, not 8332-5); MDC numbers and reference ids of IEEE
//! 11073-10101; SNOMED CT for the two coded signals (UK Core ACVPU). A code belongs to one signal: 2708-6 is O2Sat, since
//! FHIR's vital signs use it for pulse oximetry, and SaO2 is 20564-1.
//!
//! Codes that look like a signal but are another analyte are listed too, so that the refusal can say why.

use super::signals::*;
use super::units::{self, Accept};
use crate::decode::SignalId;

/// A code, its signal, and the units that make sense for the code where these are fewer or other than the signal's.
pub(super) type Row = (&'static str, SignalId, Option<&'static [Accept]>);

pub(super) static LOINC: &[Row] = &[
    ("8867-4", HR, None),
    ("8889-8", HR, None),
    ("59408-5", O2SAT, None),
    ("2708-6", O2SAT, None),
    ("8310-5", TEMP, None),
    ("8331-1", TEMP, None),
    ("8332-9", TEMP, None),
    ("60834-9", TEMP, None),
    ("8480-6", SBP, None),
    ("76534-7", SBP, None),
    ("76215-3", SBP, None),
    ("8478-0", MAP, None),
    ("76536-2", MAP, None),
    ("76214-6", MAP, None),
    ("8462-4", DBP, None),
    ("76535-4", DBP, None),
    ("76213-8", DBP, None),
    ("9279-1", RESP, None),
    ("19891-1", ETCO2, None),
    ("19889-5", ETCO2, None),
    ("11555-0", BASE_EXCESS, None),
    ("1925-7", BASE_EXCESS, None),
    ("1963-8", HCO3, None),
    ("1959-6", HCO3, None),
    ("1960-4", HCO3, None),
    ("3150-0", FIO2, None),
    ("19994-3", FIO2, None),
    ("11558-4", PH, None),
    ("2744-1", PH, None),
    ("2019-8", PACO2, None),
    ("11557-6", PACO2, None),
    ("2703-7", PAO2, None),
    ("11556-8", PAO2, None),
    ("20564-1", SAO2, None),
    ("1920-8", AST, None),
    ("3094-0", BUN, None),
    ("22664-7", BUN, Some(units::UREA_MOLAR)),
    ("6768-6", ALKALINEPHOS, None),
    ("17861-6", CALCIUM, None),
    ("2075-0", CHLORIDE, None),
    ("2069-3", CHLORIDE, None),
    ("2160-0", CREATININE, None),
    ("14682-9", CREATININE, None),
    ("1968-7", BILIRUBIN_DIRECT, None),
    ("14629-0", BILIRUBIN_DIRECT, None),
    ("2345-7", GLUCOSE, None),
    ("2339-0", GLUCOSE, None),
    ("2340-8", GLUCOSE, None),
    ("41653-7", GLUCOSE, None),
    ("14749-6", GLUCOSE, None),
    ("32693-4", LACTATE, None),
    ("2524-7", LACTATE, None),
    ("2518-9", LACTATE, None),
    ("19123-9", MAGNESIUM, None),
    ("2601-3", MAGNESIUM, None),
    ("2777-1", PHOSPHATE, None),
    ("14879-1", PHOSPHATE, None),
    ("2823-3", POTASSIUM, None),
    ("6298-4", POTASSIUM, None),
    ("1975-2", BILIRUBIN_TOTAL, None),
    ("14631-6", BILIRUBIN_TOTAL, None),
    ("10839-9", TROPONIN_I, None),
    ("4544-3", HCT, None),
    ("20570-8", HCT, None),
    ("48703-3", HCT, None),
    ("718-7", HGB, None),
    ("20509-6", HGB, None),
    ("14979-9", PTT, None),
    ("3173-2", PTT, None),
    ("6690-2", WBC, None),
    ("26464-8", WBC, None),
    ("3255-7", FIBRINOGEN, None),
    ("777-3", PLATELETS, None),
    ("26515-7", PLATELETS, None),
    ("67775-7", CONSCIOUSNESS, None),
    ("9269-2", GCS, None),
    ("764-1", BANDS, None),
    ("26508-2", BANDS, None),
    ("3151-8", OXYGEN, None),
    ("4548-4", HBA1C, None),
    ("17856-6", HBA1C, None),
];

/// IEEE 11073-10101: number, reference id, signal.
pub(super) static MDC: &[(&str, &str, SignalId)] = &[
    ("147842", "MDC_ECG_HEART_RATE", HR),
    ("149530", "MDC_PULS_OXIM_PULS_RATE", HR),
    ("149522", "MDC_BLD_PULS_RATE_INV", HR),
    ("149546", "MDC_PULS_RATE_NON_INV", HR),
    ("150456", "MDC_PULS_OXIM_SAT_O2", O2SAT),
    ("151562", "MDC_RESP_RATE", RESP),
    ("151578", "MDC_TTHOR_RESP_RATE", RESP),
    ("151594", "MDC_CO2_RESP_RATE", RESP),
    ("150033", "MDC_PRESS_BLD_ART_SYS", SBP),
    ("150034", "MDC_PRESS_BLD_ART_DIA", DBP),
    ("150035", "MDC_PRESS_BLD_ART_MEAN", MAP),
    ("150021", "MDC_PRESS_BLD_NONINV_SYS", SBP),
    ("150022", "MDC_PRESS_BLD_NONINV_DIA", DBP),
    ("150023", "MDC_PRESS_BLD_NONINV_MEAN", MAP),
    ("150344", "MDC_TEMP", TEMP),
    ("150364", "MDC_TEMP_BODY", TEMP),
    ("151708", "MDC_CONC_AWAY_CO2_ET", ETCO2),
    ("151708", "MDC_AWAY_CO2_ET", ETCO2),
    ("152196", "MDC_CONC_AWAY_O2_INSP", FIO2),
];

pub(super) static SNOMED: &[(&str, SignalId)] = &[("371825009", OXYGEN)];

/// Codes that are not what they may be taken for.
pub(super) static OTHER_ANALYTES: &[(&str, &str)] = &[
    ("1994-3", "ionised calcium is another analyte than total calcium and is not in the catalogue"),
    ("1995-0", "ionised calcium is another analyte than total calcium and is not in the catalogue"),
    ("12180-6", "ionised calcium is another analyte than total calcium and is not in the catalogue"),
    ("89579-7", "high-sensitivity troponin I is not comparable with the conventional assay and is not in the catalogue"),
    ("67151-1", "high-sensitivity troponin T is another analyte than troponin I and is not in the catalogue"),
    ("6598-7", "troponin T is another analyte than troponin I and is not in the catalogue"),
    ("3091-6", "urea by mass is not urea nitrogen and is not in the catalogue"),
];
