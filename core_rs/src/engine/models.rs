//! Which models a replay scores with: those of then, found among the bundles on disk by name, version and SHA-256.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use crate::score::{BundleError, Manifest, Scorers};

/// A model by what scores are stored with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelId {
    /// The bundle's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Of `model.txt`, 64 hexadecimal digits.
    pub sha256: String,
}

/// Bundles on disk, by what their manifests say. One that does not read is left out: it could not be loaded either.
#[derive(Debug)]
pub struct Offered(Vec<(ModelId, PathBuf)>);

impl Offered {
    /// Looks at these folders; of two with the same model the first counts.
    pub fn look(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let read = |folder: PathBuf| {
            let manifest = Manifest::parse(&std::fs::read_to_string(folder.join("manifest.toml")).ok()?).ok()?;
            let sha256 = manifest.model_sha256.to_ascii_lowercase();
            Some((ModelId { name: manifest.name, version: manifest.version, sha256 }, folder))
        };
        Self(folders.into_iter().filter_map(read).collect())
    }

    /// The scorers with exactly these models in this order, and those of them that are not here. The loaded scorers serve again
    /// where they are the same.
    ///
    /// # Errors
    /// A bundle that is here and does not load.
    pub fn load(&self, loaded: &Arc<Scorers>, wanted: &[ModelId]) -> Result<(Arc<Scorers>, Vec<ModelId>), BundleError> {
        if wanted.iter().eq(models(loaded).iter()) {
            return Ok((Arc::clone(loaded), Vec::new()));
        }
        let (mut folders, mut missing) = (Vec::new(), Vec::new());
        for model in wanted {
            match self.0.iter().find(|(offered, _)| offered == model) {
                Some((_, folder)) => folders.push(folder.clone()),
                None => missing.push(model.clone()),
            }
        }
        Ok((Arc::new(Scorers::load(&folders)?), missing))
    }

    /// `models`, each replaced by the one of the same name that these hashes ask for, where it is here.
    pub fn exchange(&self, mut models: Vec<ModelId>, sha256s: &[String]) -> Vec<ModelId> {
        for sha256 in sha256s {
            let Some((offered, _)) = self.0.iter().find(|(offered, _)| offered.sha256 == *sha256) else { continue };
            match models.iter_mut().find(|model| model.name == offered.name) {
                Some(model) => *model = offered.clone(),
                None => models.push(offered.clone()),
            }
        }
        models
    }
}

/// The models among the scorers, in order.
pub fn models(scorers: &Scorers) -> Vec<ModelId> {
    scorers.identities().iter().filter_map(|identity| parse(identity)).collect()
}

/// A model from a snapshot's list of scorers; None for a rule.
pub fn parse(identity: &str) -> Option<ModelId> {
    let mut parts = identity.split('\t').map(str::to_owned);
    let (name, version, sha256) = (parts.next()?, parts.next()?, parts.next()?);
    (!sha256.is_empty()).then_some(ModelId { name, version, sha256 })
}
