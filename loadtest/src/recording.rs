//! Recordings to be replayed: long format as CSV (columns patient, time, signal, value, unit), or a folder of PhysioNet .psv files.
//!
//! `time` is seconds, or RFC 3339; rows of one patient and time are one reading. A signal is nightlamp's name, or a code that
//! nightlamp knows. Readings go out one step of the recording apart (its commonest), `speed` times faster; gaps are closed, and
//! a patient that ends begins again. Limits: 50,000,000 values, values from -1e12 to 1e12 to three decimals.
//!
//! The recordings of ../shared/data are Parquet: `python loadtest/recordings.py` writes them in this format.

use std::collections::BTreeMap;
use std::path::Path;

const VALUES_MAX: usize = 50_000_000;

/// (signal, thousandths).
type Row = Vec<(u16, i64)>;

/// All patients of a recording.
#[derive(Debug, Default, Clone)]
pub struct Recording {
    /// (name or code, unit).
    signals: Vec<(String, String)>,
    patients: Vec<Vec<Row>>,
    step_s: f64,
    commonest: String,
}

impl Recording {
    /// Reads a file or a folder; the error says where.
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut builder = Builder::default();
        if path.is_dir() {
            let mut files: Vec<_> = std::fs::read_dir(path)
                .map_err(|error| format!("{}: {error}", path.display()))?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|file| file.extension().is_some_and(|ext| ext == "psv"))
                .collect();
            files.sort();
            for file in &files {
                builder.physionet(file).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        } else {
            builder.long_format(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        builder.done().map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The commonest time between two readings, seconds.
    pub fn step_s(&self) -> f64 {
        self.step_s
    }

    /// The signal in most readings.
    pub fn commonest(&self) -> &str {
        &self.commonest
    }

    /// Patients.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.patients.len()
    }

    /// Name and unit of a signal.
    pub fn signal(&self, signal: u16) -> (&str, &str) {
        self.signals.get(usize::from(signal)).map_or(("", ""), |(name, unit)| (name, unit))
    }

    /// The `round`-th reading of a bed.
    pub fn row(&self, bed: u32, round: u32) -> &[(u16, i64)] {
        let patient = self.patients.get(bed as usize % self.patients.len().max(1));
        patient.and_then(|rows| rows.get(round as usize % rows.len().max(1))).map_or(&[], Vec::as_slice)
    }

    /// Mean values of a reading.
    pub fn mean_row(&self) -> f64 {
        let (rows, values) = self.patients.iter().flatten().fold((0_usize, 0_usize), |(n, v), row| (n + 1, v + row.len()));
        values as f64 / rows.max(1) as f64
    }
}

#[derive(Default)]
struct Builder {
    signals: Vec<(String, String)>,
    /// Patient -> time in milliseconds -> values.
    patients: BTreeMap<String, BTreeMap<i64, Row>>,
    values: usize,
}

impl Builder {
    fn value(&mut self, patient: &str, at_ms: i64, (signal, unit): (&str, &str), value: f64) -> Result<(), String> {
        if !value.is_finite() || value.abs() > 1e12 {
            return Ok(());
        }
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(format!("more than {VALUES_MAX} values"));
        }
        let known = self.signals.iter().position(|(name, of)| name == signal && of == unit);
        let index = known.unwrap_or_else(|| {
            self.signals.push((signal.to_owned(), unit.to_owned()));
            self.signals.len() - 1
        });
        let index = u16::try_from(index).map_err(|_| "more than 65,535 signals".to_owned())?;
        let row = self.patients.entry(patient.to_owned()).or_default().entry(at_ms).or_default();
        row.push((index, (value * 1_000.0).round() as i64));
        Ok(())
    }

    fn long_format(&mut self, path: &Path) -> Result<(), String> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(|error| error.to_string())?;
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        let column = |names: &[&str]| {
            header.iter().position(|name| names.contains(&name.trim())).ok_or(format!("no column {}", names.join(" or ")))
        };
        let (patient, time, signal) = (column(&["patient"])?, column(&["time"])?, column(&["signal", "code"])?);
        let (value, unit) = (column(&["value"])?, column(&["unit"])?);
        for (line, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            let field = |place: usize| record.get(place).unwrap_or_default().trim();
            let at_ms = time_ms(field(time)).ok_or(format!("line {}: time is neither seconds nor RFC 3339", line + 2))?;
            if let Ok(number) = field(value).parse() {
                self.value(field(patient), at_ms, (field(signal), field(unit)), number)?;
            }
        }
        Ok(())
    }

    /// One patient of the PhysioNet/CinC Challenge 2019: a line an hour, columns by name.
    fn physionet(&mut self, path: &Path) -> Result<(), String> {
        let patient = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut reader = csv::ReaderBuilder::new().delimiter(b'|').from_path(path).map_err(|error| error.to_string())?;
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        for (hour, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            for (name, text) in header.iter().zip(record.iter()) {
                if let (Some(unit), Ok(number)) = (physionet_unit(name), text.parse::<f64>()) {
                    self.value(&patient, i64::try_from(hour).unwrap_or(0) * 3_600_000, (name, unit), number)?;
                }
            }
        }
        Ok(())
    }

    fn done(self) -> Result<Recording, String> {
        if self.patients.is_empty() {
            return Err("no values".into());
        }
        let mut steps: BTreeMap<i64, u64> = BTreeMap::new();
        let mut found = vec![0_u64; self.signals.len()];
        for rows in self.patients.values() {
            for (earlier, later) in rows.keys().zip(rows.keys().skip(1)) {
                *steps.entry(later - earlier).or_default() += 1;
            }
            for (signal, _) in rows.values().flatten() {
                if let Some(count) = found.get_mut(usize::from(*signal)) {
                    *count += 1;
                }
            }
        }
        let step_ms = steps.iter().max_by_key(|(_, count)| **count).map_or(1_000, |(step, _)| *step);
        let commonest = self.signals.iter().zip(&found).max_by_key(|(_, count)| **count);
        Ok(Recording {
            commonest: commonest.map(|((name, _), _)| name.clone()).unwrap_or_default(),
            signals: self.signals,
            patients: self.patients.into_values().map(|rows| rows.into_values().collect()).collect(),
            step_s: step_ms.max(1) as f64 / 1_000.0,
        })
    }
}

fn time_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1_000.0).round() as i64);
    }
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}

/// Units of the challenge's columns, as its page gives them; None for what is no observation.
fn physionet_unit(column: &str) -> Option<&'static str> {
    Some(match column {
        "HR" | "Resp" => "/min",
        "O2Sat" | "SaO2" => "%",
        "Temp" => "Cel",
        "SBP" | "MAP" | "DBP" | "EtCO2" | "PaCO2" => "mm[Hg]",
        "BaseExcess" | "HCO3" | "Chloride" | "Lactate" | "Potassium" => "mmol/L",
        "FiO2" => "1",
        "pH" => "[pH]",
        "AST" | "Alkalinephos" => "U/L",
        "BUN" | "Calcium" | "Creatinine" | "Bilirubin_direct" | "Bilirubin_total" | "Glucose" | "Fibrinogen" => "mg/dL",
        "Magnesium" | "Phosphate" => "mg/dL",
        "TroponinI" => "ng/mL",
        "Hct" => "%",
        "Hgb" => "g/dL",
        "PTT" => "s",
        "WBC" | "Platelets" => "10*3/uL",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_format_becomes_readings_by_patient_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.csv");
        let rows = "a,0,HR,80,/min\na,0,Resp,15,/min\na,1,HR,81.5,/min\nb,1970-01-01T00:00:00Z,HR,70,/min\nb,2,HR,,/min\n";
        std::fs::write(&file, format!("patient,time,signal,value,unit\n{rows}")).unwrap();
        let recording = Recording::read(&file).unwrap();
        assert_eq!((recording.len(), recording.step_s(), recording.commonest()), (2, 1.0, "HR"));
        assert_eq!(recording.row(0, 0), [(0, 80_000), (1, 15_000)]);
        assert_eq!(recording.row(0, 3), recording.row(0, 1), "it begins again");
        assert_eq!(recording.signal(1), ("Resp", "/min"));
        assert!(Recording::read(&folder.path().join("none.csv")).is_err());
    }

    #[test]
    fn physionet_hours_are_an_hour_apart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("p1.psv"), "HR|Temp|Age\nNaN|36.5|70\n88|NaN|70\n90|37|70\n").unwrap();
        let recording = Recording::read(folder.path()).unwrap();
        assert_eq!((recording.step_s(), recording.len()), (3_600.0, 1));
        assert_eq!(recording.row(0, 1), [(1, 88_000)]);
    }
}
