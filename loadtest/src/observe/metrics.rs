//! /metrics: the few figures the harness needs, out of Prometheus' text format.
//!
//! What is compared with the harness's own counts is read from `pipeline_ever_*`: counts since the journal's first frame, which a
//! restart does not set back, so that a kill explains no difference.

/// Figures of one reading; a name that is absent is None.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Newest durable frame.
    pub durable: Option<u64>,
    /// Newest frame that decode, window, score and alert have finished.
    pub processed: Option<u64>,
    /// Newest frame whose rows are in the database.
    pub stored: Option<u64>,
    /// Of the frames up to `processed`, those that came in by a door: no ticks.
    pub received: Option<u64>,
    /// Of those, copies.
    pub repeated: Option<u64>,
    /// Of those, frames that ended as dead letters.
    pub dead: Option<u64>,
    /// Observations taken in: new, changed, or the same once more.
    pub taken: Option<u64>,
    /// Of those, new or changed ones.
    pub kept: Option<u64>,
    /// Observations refused one by one.
    pub refused: Option<u64>,
    /// Bytes of the journal on disk.
    pub journal_bytes: Option<u64>,
    /// Bytes waiting for the database on disk.
    pub spool_bytes: Option<u64>,
}

impl Figures {
    /// Reads a page.
    pub fn read(page: &str) -> Self {
        let mut found = Self::default();
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let place = match name {
                "nightlamp_journal_durable_seq" => &mut found.durable,
                "nightlamp_pipeline_lag_processed_seq" => &mut found.processed,
                "nightlamp_store_cursor_seq" => &mut found.stored,
                "nightlamp_pipeline_ever_frames_received" => &mut found.received,
                "nightlamp_pipeline_ever_frames_repeated" => &mut found.repeated,
                "nightlamp_pipeline_ever_frames_dead" => &mut found.dead,
                "nightlamp_pipeline_ever_observations_taken" => &mut found.taken,
                "nightlamp_pipeline_ever_observations_kept" => &mut found.kept,
                "nightlamp_pipeline_ever_observations_refused" => &mut found.refused,
                "nightlamp_journal_bytes" => &mut found.journal_bytes,
                "nightlamp_store_spool_bytes" => &mut found.spool_bytes,
                _ => continue,
            };
            *place = Some(value.max(0.0) as u64);
        }
        found
    }

    /// Whether every durable frame is scored and stored.
    pub fn is_idle(&self) -> bool {
        self.durable.is_some() && self.durable == self.processed && self.durable == self.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_found_among_others() {
        let page = "# HELP x y\nnightlamp_journal_durable_seq 1.2e+03\nnightlamp_pipeline_lag_processed_seq 1200.0\n\
                    nightlamp_store_cursor_seq 1200.0\nnightlamp_pipeline_ever_frames_dead 2.0\n\
                    nightlamp_pipeline_frames_internal_total 1.0\nother{kind=\"a b\"} 7\n";
        let read = Figures::read(page);
        assert_eq!((read.durable, read.dead, read.journal_bytes), (Some(1_200), Some(2), None));
        assert!(read.is_idle() && !Figures::read("").is_idle());
    }

    #[test]
    fn a_count_the_server_does_not_tell_is_unknown_and_not_nothing() {
        let read = Figures::read("nightlamp_journal_durable_seq 7\n");
        assert_eq!((read.received, read.repeated, read.dead, read.taken, read.kept), (None, None, None, None, None));
    }
}
