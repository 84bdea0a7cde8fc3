//! Pseudonyms and message ids: both keyed by the site's secret, both stable across restarts and releases (they are stored).
//!
//! - `PatientId`: keyed BLAKE3 over `authority|identifier`, first 16 bytes. Cryptographic: identifiers are guessable.
//! - `MessageId`: 64-bit keyed multiply-fold hashes (the mixing step of wyhash), because they only recognise redelivery and a
//!   frame is hashed whole: 1.6 kB take about 0.1 us instead of 1 us. Without the key no collision can be prepared.

use smallvec::SmallVec;

use super::event::{MessageId, PatientId};
use super::lanes::word;

/// What the hash of a content begins with; one that comes in pieces goes on from the hash of those before: where it is cut counts.
pub const CONTENT_SEED: u64 = 2;

/// The keys derived from the site's secret.
#[derive(Clone)]
pub struct Digest {
    site: [u8; 32],
    lanes: [u64; 4],
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(hidden)")
    }
}

impl Digest {
    /// Keys from the site's secret.
    pub fn new(site: &[u8; 32]) -> Self {
        let derived = blake3::derive_key("nightlamp 2026 message digest", site);
        let mut lanes = [0u64; 4];
        for (lane, bytes) in lanes.iter_mut().zip(derived.chunks_exact(8)) {
            // Odd and never zero, so that no lane multiplies everything away.
            *lane = word(bytes) | 1;
        }
        Self { site: *site, lanes }
    }

    /// The pseudonym of an identifier.
    pub fn patient(&self, authority: &str, identifier: &str) -> PatientId {
        let mut input = SmallVec::<[u8; 128]>::new();
        input.extend_from_slice(authority.as_bytes());
        input.push(b'|');
        input.extend_from_slice(identifier.as_bytes());
        let hash = blake3::keyed_hash(&self.site, &input);
        let mut id = [0u8; 16];
        id.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
        PatientId(id)
    }

    /// The id of a message: who sent it, the parts that identify it, and its whole content.
    pub fn message(&self, principal: &str, parts: &[&[u8]], content: &[u8]) -> MessageId {
        MessageId { id: self.id_of(principal, parts), content: self.bytes(content, CONTENT_SEED) }
    }

    /// Who sent a message, and the parts that identify it.
    pub fn id_of(&self, principal: &str, parts: &[&[u8]]) -> u64 {
        parts.iter().fold(self.bytes(principal.as_bytes(), 1), |id, part| self.bytes(part, id))
    }

    /// A keyed hash of bytes, continuing from a seed.
    #[inline]
    pub fn bytes(&self, bytes: &[u8], seed: u64) -> u64 {
        let [k0, k1, k2, k3] = self.lanes;
        let mut left = seed ^ k3;
        let mut right = seed ^ k2;
        let (chunks, rest) = bytes.as_chunks::<32>();
        for chunk in chunks {
            let (words, _) = chunk.as_chunks::<8>();
            let [a, b, c, d] = [0, 1, 2, 3].map(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)));
            left = fold(a ^ k0, b ^ left);
            right = fold(c ^ k1, d ^ right);
        }
        for chunk in rest.chunks(16) {
            let (a, b) = chunk.split_at(chunk.len().min(8));
            left = fold(word(a) ^ k0, word(b) ^ left);
        }
        fold(left ^ right.rotate_left(32) ^ k2, (bytes.len() as u64) ^ k1)
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_depend_on_key_authority_and_identifier() {
        let one = Digest::new(&[1; 32]);
        let two = Digest::new(&[2; 32]);
        assert_eq!(one.patient("HOSP", "1"), one.patient("HOSP", "1"));
        assert_ne!(one.patient("HOSP", "1"), two.patient("HOSP", "1"));
        assert_ne!(one.patient("HOSP", "1"), one.patient("HOSP", "2"));
        assert_ne!(one.patient("HOSP", "1"), one.patient("OTHER", "1"));
    }

    #[test]
    fn a_pseudonym_is_the_keyed_blake3_of_authority_bar_identifier() {
        let expected = blake3::keyed_hash(&[7; 32], b"HOSP|123");
        assert_eq!(Digest::new(&[7; 32]).patient("HOSP", "123").0, expected.as_bytes()[..16]);
    }

    #[test]
    fn message_ids_change_with_any_byte_and_any_border() {
        let digest = Digest::new(&[3; 32]);
        let content: Vec<u8> = (0..200u8).collect();
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..content.len() {
            assert!(seen.insert(digest.bytes(&content[..length], 2)));
        }
        for place in 0..content.len() {
            let mut changed = content.clone();
            changed[place] ^= 1;
            assert!(seen.insert(digest.bytes(&changed, 2)));
        }
        assert_ne!(digest.message("p", &[b"ab", b"c"], b"").id, digest.message("p", &[b"a", b"bc"], b"").id);
        assert_ne!(digest.message("p", &[b"a"], b"").id, digest.message("q", &[b"a"], b"").id);
    }
}
