//! Who may connect, and for which units. Secrets are 256 random bits, so one round of a cryptographic hash at rest is enough.

use std::fmt;
use std::hint::black_box;

use compact_str::CompactString;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::receive::PRINCIPAL_BYTES_MAX;

/// One credential as it stands in the settings.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The key id: the MQTT user name, and the principal on the frames.
    pub id: String,
    /// The hash of the secret (the MQTT password): `sha256:<64 hex digits>` or `blake3:<64 hex digits>`.
    pub hash: String,
    /// The units it may publish for, or `*` for all.
    pub units: Vec<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("units", &self.units).finish_non_exhaustive()
    }
}

/// The units a credential may publish for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every unit.
    All,
    /// These units.
    Units(Vec<CompactString>),
}

impl Scope {
    /// Whether this unit is inside.
    pub fn allows(&self, unit: &str) -> bool {
        match self {
            Self::All => true,
            Self::Units(units) => units.iter().any(|allowed| allowed == unit),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Blake3,
}

impl Hash {
    fn of(self, secret: &[u8]) -> [u8; 32] {
        match self {
            Self::Blake3 => *blake3::hash(secret).as_bytes(),
            Self::Sha256 => {
                let digest = ring::digest::digest(&ring::digest::SHA256, secret);
                digest.as_ref().try_into().unwrap_or_default()
            }
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    kind: Hash,
    hash: [u8; 32],
    scope: Scope,
}

/// All credentials of the listener. Replaced as a whole.
#[derive(Clone, Default)]
pub struct Credentials {
    by_id: HashMap<CompactString, Entry>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.by_id.len())
    }
}

impl Credentials {
    /// Read credentials; the error says which entry is wrong and how, without its hash.
    pub fn new(list: impl IntoIterator<Item = Credential>) -> Result<Self, String> {
        let mut by_id = HashMap::new();
        for credential in list {
            let wrong = |what: &str| format!("credential {:?}: {what}", credential.id);
            if credential.id.is_empty() || credential.id.len() > PRINCIPAL_BYTES_MAX {
                return Err(wrong("the id has not 1 to 255 bytes"));
            }
            let (kind, digits) = credential.hash.split_once(':').ok_or_else(|| wrong("the hash names no kind"))?;
            let kind = match kind {
                "sha256" => Hash::Sha256,
                "blake3" => Hash::Blake3,
                _ => return Err(wrong("the hash is neither sha256 nor blake3")),
            };
            let hash = unhex(digits).ok_or_else(|| wrong("the hash is not 64 hex digits"))?;
            let scope = if credential.units.iter().any(|unit| unit == "*") {
                Scope::All
            } else {
                Scope::Units(credential.units.iter().map(CompactString::from).collect())
            };
            if by_id.insert(CompactString::from(&credential.id), Entry { kind, hash, scope }).is_some() {
                return Err(wrong("the id occurs twice"));
            }
        }
        Ok(Self { by_id })
    }

    /// Read a JSON array of `Credential`.
    pub fn from_json(text: &str) -> Result<Self, String> {
        // The parser's message could quote a hash; its position is enough.
        let list: Vec<Credential> = serde_json::from_str(text)
            .map_err(|error| format!("credentials: line {} column {}", error.line(), error.column()))?;
        Self::new(list)
    }

    /// The scope of a user name with the right password. Takes the same time for an unknown name and a wrong password.
    pub(super) fn check(&self, user: &str, password: &[u8]) -> Option<Scope> {
        let entry = self.by_id.get(user);
        let (kind, hash) = entry.map_or((Hash::Sha256, [0; 32]), |entry| (entry.kind, entry.hash));
        let same = equal(&kind.of(password), &hash);
        entry.filter(|_| same).map(|entry| entry.scope.clone())
    }

    /// Whether this id still has the same secret and scope as in an earlier set.
    pub(super) fn still_holds(&self, earlier: &Self, id: &str) -> bool {
        self.by_id.get(id).is_some_and(|entry| Some(entry) == earlier.by_id.get(id))
    }
}

/// Equality in a time that does not depend on where the first difference is.
fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    let difference = a.iter().zip(b).fold(0u8, |sum, (x, y)| black_box(sum | (x ^ y)));
    black_box(difference) == 0
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "sha256:e5e8d1c2a6eeb3d1ff5c36d1c1b8a3e3b4c7c54b1a0a4a58c5a4c1c6d6d0b4f1";

    fn credential(id: &str, hash: &str, units: &[&str]) -> Credential {
        Credential { id: id.into(), hash: hash.into(), units: units.iter().map(ToString::to_string).collect() }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn only_the_right_password_of_the_right_id_opens() {
        let blake = format!("blake3:{}", blake3::hash(b"secret"));
        let sha = format!("sha256:{}", hex(ring::digest::digest(&ring::digest::SHA256, b"other").as_ref()));
        let all = Credentials::new([credential("a", &blake, &["*"]), credential("b", &sha, &["icu", "ward"])]).unwrap();
        assert_eq!(all.check("a", b"secret"), Some(Scope::All));
        let scope = all.check("b", b"other").unwrap();
        assert!(scope.allows("icu") && scope.allows("ward") && !scope.allows("icu2") && !scope.allows("*"));
        for (user, password) in [("a", "other"), ("b", "secret"), ("c", "secret"), ("", ""), ("a", "")] {
            assert_eq!(all.check(user, password.as_bytes()), None, "{user}");
        }
    }

    #[test]
    fn sha256_is_the_published_function() {
        // FIPS 180-4 test vector: "abc".
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let all = Credentials::new([credential("a", abc, &["*"])]).unwrap();
        assert!(all.check("a", b"abc").is_some());
    }

    #[test]
    fn a_wrong_entry_is_refused_without_showing_its_hash() {
        for (id, hash) in [("", SHA), ("a", "plain"), ("a", "md5:00"), ("a", "sha256:12"), ("a", &SHA.replace('e', "+"))] {
            let error = Credentials::new([credential(id, hash, &[])]).unwrap_err();
            assert!(!error.contains("e5e8"), "{error}");
        }
        assert!(Credentials::new([credential("a", SHA, &[]), credential("a", SHA, &[])]).is_err());
        assert!(!format!("{:?}", credential("a", SHA, &[])).contains("e5e8"));
        assert!(Credentials::from_json(r#"[{"id":"a","hash":"sha256:zz","units":[]}]"#).is_err());
    }

    #[test]
    fn a_credential_holds_only_while_it_is_unchanged() {
        let old = Credentials::new([credential("a", SHA, &["icu"]), credential("b", SHA, &["icu"])]).unwrap();
        let new = Credentials::new([credential("a", SHA, &["icu"]), credential("b", SHA, &["ward"])]).unwrap();
        assert!(new.still_holds(&old, "a"));
        assert!(!new.still_holds(&old, "b"));
        assert!(!new.still_holds(&old, "c"));
    }
}
