//! /metrics: the few figures the harness needs, out of Prometheus' text format.

/// Figures of one reading; a name that is absent is None.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Newest durable frame.
    pub durable: Option<u64>,
    /// Newest frame that decode, window, score and alert have finished.
    pub processed: Option<u64>,
    /// Newest frame whose rows are in the database.
    pub stored: Option<u64>,
    /// Ticks the pipeline took.
    pub ticks: u64,
    /// Frames that were copies.
    pub repeated: u64,
    /// Frames that ended as dead letters.
    pub dead: u64,
    /// Observations kept.
    pub kept: u64,
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
            let value = value.max(0.0) as u64;
            match name {
                "nightlamp_journal_durable_seq" => found.durable = Some(value),
                "nightlamp_pipeline_lag_processed_seq" => found.processed = Some(value),
                "nightlamp_store_cursor_seq" => found.stored = Some(value),
                "nightlamp_pipeline_frames_tick_total" => found.ticks = value,
                "nightlamp_pipeline_frames_repeated_total" => found.repeated = value,
                "nightlamp_pipeline_frames_dead_total"
                | "nightlamp_pipeline_frames_conflicting_total"
                | "nightlamp_pipeline_frames_internal_total" => found.dead += value,
                "nightlamp_pipeline_observations_kept_total" => found.kept = value,
                "nightlamp_journal_bytes" => found.journal_bytes = Some(value),
                "nightlamp_store_spool_bytes" => found.spool_bytes = Some(value),
                _ => {}
            }
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
                    nightlamp_store_cursor_seq 1200.0\nnightlamp_pipeline_frames_dead_total 2.0\n\
                    nightlamp_pipeline_frames_internal_total 1.0\nother{kind=\"a b\"} 7\n";
        let read = Figures::read(page);
        assert_eq!((read.durable, read.dead, read.journal_bytes), (Some(1_200), 3, None));
        assert!(read.is_idle() && !Figures::read("").is_idle());
    }
}
