//! What a site decides about decoding. Everything else is the standard's or the catalogue's.

use serde::{Deserialize, Serialize};

use super::catalogue::SiteCode;
use crate::limits::Limits;

/// The settings of the decode stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecodeConfig {
    /// The site's secret, 64 hexadecimal digits: it keys the pseudonyms, so that nobody without it can try identifiers.
    pub site_key: SiteKey,
    /// IANA name of the time zone of HL7 times without an offset.
    pub timezone: String,
    /// Assigning authorities (PID-3.4) in order of preference; empty: the first MR, else the first identifier.
    pub authorities: Vec<String>,
    /// The authority of identifiers whose PID-3.4 is empty.
    pub authority_default: String,
    /// Processing ids (MSH-11.1) accepted; by default production, training and debugging. "" accepts a missing one.
    pub processing_ids: Vec<String>,
    /// The site's own codes.
    pub codes: Vec<SiteCode>,
    /// A frame's time is what its message says, not its receipt: for a recording, never for a ward. See `recorded`.
    pub recorded_time: bool,
    /// The limits in force.
    pub limits: Limits,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            site_key: SiteKey::default(),
            timezone: "UTC".to_owned(),
            authorities: Vec::new(),
            authority_default: String::new(),
            processing_ids: ["P", "T", "D"].map(str::to_owned).to_vec(),
            codes: Vec::new(),
            recorded_time: false,
            limits: Limits::default(),
        }
    }
}

/// 32 bytes that never appear in Debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SiteKey(pub [u8; 32]);

impl std::fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SiteKey(hidden)")
    }
}

impl Serialize for SiteKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for SiteKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        // The text itself stays out of the error.
        hex32(&digits).map(Self).ok_or_else(|| serde::de::Error::custom("site_key needs 64 hexadecimal digits"))
    }
}

fn hex32(digits: &str) -> Option<[u8; 32]> {
    let mut key = [0u8; 32];
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_key_reads_as_hex_and_never_shows() {
        let config: DecodeConfig = serde_json::from_str(&format!("{{\"site_key\":\"{}\"}}", "0f".repeat(32))).expect("key");
        assert_eq!(config.site_key.0, [15u8; 32]);
        assert!(!format!("{config:?}").contains("15"));
        for bad in ["", "0g", &"zz".repeat(32), &"00".repeat(31)] {
            assert!(serde_json::from_str::<DecodeConfig>(&format!("{{\"site_key\":\"{bad}\"}}")).is_err());
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(serde_json::from_str::<DecodeConfig>("{\"timezon\":\"UTC\"}").is_err());
    }
}
