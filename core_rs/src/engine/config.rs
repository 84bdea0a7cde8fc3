//! What Python's settings say to the Rust half, as one JSON object. Unknown keys are refused.

use std::path::PathBuf;

use serde::Deserialize;

use crate::decode::catalogue::SiteCode;
use crate::decode::{DecodeConfig, SiteKey};
use crate::journal::{JournalConfig, OnDamage};
use crate::limits::Limits;
use crate::receive::mqtt::{ListenerConfig, SubscriberConfig};

/// When the journal commits, and how long it keeps what is stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JournalSettings {
    /// How long a batch may wait for company, microseconds.
    pub commit_us_max: u64,
    /// A waiting batch of this many frames is written at once.
    pub commit_frames_max: u64,
    /// A waiting batch of this many bytes is written at once.
    pub commit_bytes_max: usize,
    /// How long frames are kept that are stored and behind a snapshot, seconds.
    pub retention_s: i64,
    /// How often the state behind the journal is written to disk, seconds; 0 never.
    pub snapshot_s: u64,
    /// How many frames may follow a snapshot before the next one is written: what a restart replays at most.
    pub snapshot_frames: u64,
    /// How many older snapshots are kept for replays of the past.
    pub snapshots_kept: usize,
    /// What these may take on disk, bytes.
    pub snapshots_bytes_max: u64,
    /// Read around damage instead of refusing to start.
    pub quarantine: bool,
}

impl Default for JournalSettings {
    fn default() -> Self {
        let journal = JournalConfig::default();
        Self {
            commit_us_max: journal.commit_us_max,
            commit_frames_max: journal.commit_frames_max,
            commit_bytes_max: journal.commit_bytes_max,
            retention_s: 7 * 86_400,
            snapshot_s: 300,
            snapshot_frames: 75_000,
            snapshots_kept: 48,
            snapshots_bytes_max: 2 << 30,
            quarantine: false,
        }
    }
}

/// When a stage counts as hung, and how many frames may stop one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisionSettings {
    /// How long a stage may work on one step, seconds.
    pub hang_s_max: u64,
    /// Frames that may be put aside within an hour before the pipeline stops for good.
    pub poison_per_hour_max: usize,
}

impl Default for SupervisionSettings {
    fn default() -> Self {
        Self { hang_s_max: 20, poison_per_hour_max: 10 }
    }
}

/// What is particular to the hospital.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// IANA zone of times without an offset.
    pub timezone: String,
    /// Assigning authorities whose identifier names the patient, best first.
    pub patient_authorities: Vec<String>,
    /// MSH-11 processing ids accepted.
    pub processing_ids: Vec<String>,
}

impl Default for Site {
    fn default() -> Self {
        let DecodeConfig { timezone, authorities: patient_authorities, processing_ids, .. } = DecodeConfig::default();
        Self { timezone, patient_authorities, processing_ids }
    }
}

/// How frames are read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Decode {
    /// A frame's time is what its message says: for replaying a recording.
    pub recorded_time: bool,
}

/// The MQTT doors.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Our own listener.
    pub listen: Option<ListenerConfig>,
    /// Brokers to subscribe to.
    pub brokers: Vec<SubscriberConfig>,
}

/// Everything the engine is told at the start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// Limits; absent ones have their defaults.
    #[serde(default)]
    pub limits: Limits,
    /// The hospital.
    #[serde(default)]
    pub site: Site,
    /// How frames are read.
    #[serde(default)]
    pub decode: Decode,
    /// The site's own codes.
    #[serde(default)]
    pub codes: Vec<SiteCode>,
    /// The journal.
    #[serde(default)]
    pub journal: JournalSettings,
    /// Supervision of the stages.
    #[serde(default)]
    pub supervision: SupervisionSettings,
    /// 32 bytes that key the pseudonyms, as 64 hex digits.
    pub site_key_hex: SiteKey,
    /// Folders of the model bundles to load.
    #[serde(default)]
    pub bundles: Vec<PathBuf>,
    /// The alert policy as TOML; the default policy where empty.
    #[serde(default)]
    pub policy: String,
    /// The MQTT doors.
    #[serde(default)]
    pub mqtt: Mqtt,
    /// How long a batch waits for more frames before it is handed on, milliseconds.
    #[serde(default = "batch_ms")]
    pub batch_ms: u64,
}

const fn batch_ms() -> u64 {
    2
}

impl EngineConfig {
    /// The journal's settings.
    pub fn journal(&self) -> JournalConfig {
        JournalConfig {
            commit_us_max: self.journal.commit_us_max,
            commit_frames_max: self.journal.commit_frames_max,
            commit_bytes_max: self.journal.commit_bytes_max,
            on_damage: if self.journal.quarantine { OnDamage::Quarantine } else { OnDamage::Refuse },
            ..JournalConfig::from_limits(&self.limits)
        }
    }

    /// The decoder's settings.
    pub fn decode(&self) -> DecodeConfig {
        let standard = DecodeConfig::default();
        DecodeConfig {
            site_key: self.site_key_hex.clone(),
            timezone: self.site.timezone.clone(),
            authorities: self.site.patient_authorities.clone(),
            processing_ids: self.site.processing_ids.clone(),
            codes: self.codes.clone(),
            recorded_time: self.decode.recorded_time,
            limits: self.limits,
            ..standard
        }
    }
}
