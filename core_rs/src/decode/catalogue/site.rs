//! A site's own code map: it extends the catalogue and wins over it.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::units::Convert;
use super::{Catalogue, by_name, signal};
use crate::decode::SignalId;

/// One entry of a site's code map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteCode {
    /// OBX-3.1 (or 3.4), or the code in device JSON.
    pub code: String,
    /// OBX-3.3 (or 3.6), or the system in device JSON; absent: any.
    #[serde(default)]
    pub system: Option<String>,
    /// The id of the credential the entry holds for; absent: all. An entry with a principal wins over one without.
    #[serde(default)]
    pub principal: Option<String>,
    /// The catalogue's name of the signal.
    pub signal: String,
    /// The unit of every value with this code, whatever the message says (any spelling the signal accepts); absent: the
    /// message must say.
    #[serde(default)]
    pub unit: Option<String>,
}

/// An entry, resolved.
#[derive(Debug)]
pub(super) struct Entry {
    system: Option<Box<[u8]>>,
    principal: Option<Box<str>>,
    pub(super) signal: SignalId,
    pub(super) fixed: Option<Convert>,
}

/// The entries by code, the most specific first.
#[derive(Debug, Default)]
pub(super) struct SiteMap {
    entries: HashMap<Box<[u8]>, Vec<Entry>>,
}

impl SiteMap {
    pub(super) fn new(codes: &[SiteCode], catalogue: &Catalogue) -> Result<Self, String> {
        let mut entries: HashMap<Box<[u8]>, Vec<Entry>> = HashMap::new();
        for code in codes {
            let id = by_name(&code.signal).ok_or_else(|| format!("code map: no signal '{}'", code.signal))?;
            let accepts = signal(id).map_or(&[][..], |row| row.accepts);
            let fixed = match &code.unit {
                None => None,
                Some(unit) => Some(
                    catalogue
                        .conversion(accepts, unit.as_bytes())
                        .ok_or_else(|| format!("code map: signal '{}' does not accept unit '{unit}'", code.signal))?,
                ),
            };
            entries.entry(code.code.as_bytes().into()).or_default().push(Entry {
                system: code.system.as_ref().map(|system| system.as_bytes().into()),
                principal: code.principal.as_deref().map(Into::into),
                signal: id,
                fixed,
            });
        }
        for list in entries.values_mut() {
            list.sort_by_key(|entry| (entry.principal.is_none(), entry.system.is_none()));
        }
        Ok(Self { entries })
    }

    pub(super) fn find(&self, principal: &str, system: &[u8], code: &[u8]) -> Option<&Entry> {
        if self.entries.is_empty() {
            return None;
        }
        self.entries.get(code)?.iter().find(|entry| {
            entry.principal.as_deref().is_none_or(|wanted| wanted == principal)
                && entry.system.as_deref().is_none_or(|wanted| wanted == system)
        })
    }
}
