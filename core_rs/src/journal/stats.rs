//! The journal's counters: written by its threads, read by the metrics page without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Upper edges of the sync-time buckets, microseconds; one more bucket takes what lies above.
pub const SYNC_BUCKETS_US: [u64; 11] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000];

macro_rules! counters {
    ($($name:ident: $text:literal,)*) => {
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64,)*
            sync_buckets: [AtomicU64; SYNC_BUCKETS_US.len() + 1],
        }

        /// All counters at one moment, since the journal was opened.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct JournalStats {
            $(#[doc = $text] pub $name: u64,)*
            /// Syncs by duration; see `SYNC_BUCKETS_US`. Not cumulative.
            pub sync_buckets: [u64; SYNC_BUCKETS_US.len() + 1],
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> JournalStats {
                JournalStats {
                    $($name: self.$name.load(Relaxed),)*
                    sync_buckets: self.sync_buckets.each_ref().map(|bucket| bucket.load(Relaxed)),
                }
            }
        }
    };
}

counters! {
    frames: "Frames made durable.",
    bytes: "Bytes made durable, framing included.",
    commits: "Batches written and synced.",
    sync_us_sum: "Time spent in fdatasync, microseconds.",
    sync_us_max: "Longest fdatasync, microseconds.",
    commit_frames_max: "Most frames in one batch.",
    refused_full: "Frames refused at the size cap.",
    refused_disk: "Frames refused because the disk had no room.",
    refused_overloaded: "Frames refused because too many bytes waited for the disk.",
    refused_failed: "Frames refused because the journal is read-only or closing.",
    refused_size: "Frames refused because of their own size.",
    torn_bytes: "Bytes of unacknowledged frames cut off when the journal was opened.",
    damaged_places: "Places where acknowledged bytes could not be read.",
    lost_frames: "Acknowledged frames that could not be read and were passed over (quarantine only).",
    removed_segments: "Segments removed by retention.",
    removed_bytes: "Bytes removed by retention.",
    read_frames: "Frames read back.",
}

impl Counters {
    pub(super) fn synced(&self, took_us: u64) {
        self.sync_us_sum.fetch_add(took_us, Relaxed);
        self.sync_us_max.fetch_max(took_us, Relaxed);
        let bucket = SYNC_BUCKETS_US.partition_point(|edge| *edge < took_us);
        if let Some(bucket) = self.sync_buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
    }
}
