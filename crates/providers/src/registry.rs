//! The providers that there are, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{ElevenLabs, Fal, Provider, Replicate, Web};

/// The providers that there are, by name.
///
/// ```
/// use motet_providers::Registry;
/// let registry = Registry::default();
/// assert!(registry.get("replicate").is_some() && registry.get("nobody").is_none());
/// ```
#[derive(Clone)]
pub struct Registry(BTreeMap<String, Arc<dyn Provider>>);

impl Default for Registry {
    /// All that this crate knows.
    fn default() -> Registry {
        let mut registry = Registry::empty();
        let known: [Arc<dyn Provider>; 4] = [
            Arc::new(Replicate::default()),
            Arc::new(Fal::default()),
            Arc::new(ElevenLabs::default()),
            Arc::new(Web::default()),
        ];
        known.into_iter().for_each(|provider| registry.register(provider));
        registry
    }
}

impl Registry {
    /// A registry without any.
    pub fn empty() -> Registry {
        Registry(BTreeMap::new())
    }

    /// Adds a provider, in place of the one of the same name.
    pub fn register(&mut self, provider: Arc<dyn Provider>) {
        self.0.insert(provider.profile().name.clone(), provider);
    }

    /// The provider called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values()
    }
}
