//! People who never lived: names from short lists, identifiers from the index.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

const FAMILY: [&str; 16] = [
    "Abel", "Brandt", "Costa", "Duval", "Eriksen", "Fontana", "Grgic", "Haddad", "Ibarra", "Jansen", "Kowal", "Lund", "Moreau",
    "Novak", "Okafor", "Petrov",
];
const GIVEN: [&str; 16] = [
    "Ada", "Bruno", "Clara", "Dario", "Edith", "Farid", "Grete", "Hugo", "Ines", "Jonas", "Karin", "Leon", "Mira", "Nils",
    "Olga", "Pavel",
];

/// A synthetic patient.
#[derive(Debug, Clone)]
pub struct Person {
    /// Medical record number, assigning authority NIGHTWARD.
    pub mrn: String,
    /// Visit number.
    pub visit: String,
    /// Family name.
    pub family: &'static str,
    /// Given name.
    pub given: &'static str,
    /// Age in years.
    pub age_years: u16,
    /// F or M.
    pub sex: char,
}

impl Person {
    /// The person of this index: the same for the same stream of random numbers.
    pub fn random(index: usize, rng: &mut ChaCha8Rng) -> Self {
        Self {
            mrn: format!("NW{:06}", 100_000 + index),
            visit: format!("V{:06}", 500_000 + index),
            family: FAMILY[rng.random_range(0..FAMILY.len())],
            given: GIVEN[rng.random_range(0..GIVEN.len())],
            age_years: rng.random_range(24..92),
            sex: if rng.random_bool(0.5) { 'F' } else { 'M' },
        }
    }
}
