//! By which clock a journal's frames are scored. The file `clock` in the journal's folder says `received` or `recorded`; a journal
//! without the file was written before there was a choice: received.
//!
//! A journal is replayed after every start, and by every look at the past. Under another clock the same frames would give other
//! scores, and a state that has begun under one cannot go on under the other. So a start under the other clock is refused; as
//! long as the journal is empty it may be chosen anew.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::EngineError;

const NAME: &str = "clock";

/// What a frame's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Its receipt: a ward.
    Received,
    /// What the message says: a recording.
    Recorded,
}

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Recorded => "recorded",
        })
    }
}

impl Clock {
    /// The clock of the setting `decode.recorded_time`.
    pub const fn of(recorded_time: bool) -> Self {
        if recorded_time { Self::Recorded } else { Self::Received }
    }
}

/// The clock of the journal in this folder.
///
/// # Errors
/// The file cannot be read, or says something else.
pub fn read(folder: &Path) -> io::Result<Clock> {
    match fs::read_to_string(folder.join(NAME)) {
        Ok(text) => match text.trim_end() {
            "received" => Ok(Clock::Received),
            "recorded" => Ok(Clock::Recorded),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "journal/clock says neither received nor recorded")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Clock::Received),
        Err(error) => Err(error),
    }
}

/// Holds a journal to its clock; an empty one takes the clock that is asked for.
///
/// # Errors
/// `Clock` where the journal was written by the other one; `Io`.
pub fn hold(folder: &Path, asked: Clock, is_empty: bool) -> Result<(), EngineError> {
    let written = read(folder)?;
    if written == asked {
        return Ok(());
    }
    if !is_empty {
        return Err(EngineError::Clock { written, asked });
    }
    let mut file = File::create(folder.join(NAME))?;
    writeln!(file, "{asked}")?;
    file.sync_all()?;
    Ok(File::open(folder)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_keeps_its_clock_and_an_empty_one_may_choose() {
        let folder = tempfile::tempdir().expect("folder");
        let at = folder.path();
        assert_eq!(read(at).expect("no file"), Clock::Received);
        hold(at, Clock::Recorded, true).expect("chosen");
        hold(at, Clock::Recorded, false).expect("the same");
        let refused = hold(at, Clock::Received, false).expect_err("the other one").to_string();
        assert!(refused.contains("written in recorded time") && refused.contains("another data folder"), "{refused}");
        hold(at, Clock::Received, true).expect("chosen anew");
        assert!(matches!(hold(at, Clock::Recorded, false), Err(EngineError::Clock { .. })));
        fs::write(at.join(NAME), "sundial").expect("write");
        assert!(matches!(hold(at, Clock::Recorded, false), Err(EngineError::Io(_))));
    }
}
