//! Keys that are there, and those that aren't.

use motet_pipeline::Plan;
use motet_providers::Registry;

use super::{KeySource, Settings};

/// A key of a provider by name. The key itself is not looked at for long, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The name by which runs and reports call it.
    pub name: String,
    /// Where it is to be found.
    pub source: KeySource,
    /// Whether it is there.
    pub is_there: bool,
}

/// A provider whose models a plan uses, and that there is no key for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingKey {
    /// The provider.
    pub provider: String,
    /// An operation that needs it.
    pub operation: String,
    /// Where keys were looked for: any of these will do.
    pub sources: Vec<KeySource>,
}

impl Settings {
    /// The keys of a provider: those that are set, else those that its own SDK reads.
    pub fn keys_of(&self, provider: &str) -> Vec<KnownKey> {
        let set = self.providers.get(provider).map(|set| set.keys.as_slice()).unwrap_or_default();
        let known = |name: &str, source: &KeySource| KnownKey {
            name: name.to_owned(),
            source: source.clone(),
            is_there: source.is_there(),
        };
        if !set.is_empty() {
            return set.iter().map(|key| known(&key.name, &key.source)).collect();
        }
        let registry = Registry::default();
        let Some(provider) = registry.get(provider) else { return Vec::new() };
        let usual = provider.profile().keys.iter();
        usual.map(|name| known(name, &KeySource::Environment(name.clone()))).collect()
    }

    /// The providers of a plan that there is no key for, each once.
    pub fn missing_keys(&self, plan: &Plan) -> Vec<MissingKey> {
        let mut missing: Vec<MissingKey> = Vec::new();
        for (operation, contract) in plan.contracts() {
            let provider = contract.provider();
            if contract.call.is_none() || missing.iter().any(|known| known.provider == provider) {
                continue;
            }
            let keys = self.keys_of(provider);
            if keys.is_empty() || keys.iter().any(|key| key.is_there) {
                continue;
            }
            missing.push(MissingKey {
                provider: provider.to_owned(),
                operation: operation.to_owned(),
                sources: keys.into_iter().map(|key| key.source).collect(),
            });
        }
        missing
    }
}

impl KeySource {
    /// Whether there is something.
    pub fn is_there(&self) -> bool {
        match self {
            KeySource::Environment(name) => std::env::var(name).is_ok_and(|value| !value.trim().is_empty()),
            KeySource::File(path) => path.is_file(),
            KeySource::Simulated => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Key, ProviderSettings};

    #[test]
    fn a_provider_has_the_keys_that_are_set_or_those_that_its_sdk_reads() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let key = Key { name: "spare".into(), source: KeySource::File(file.clone()) };
        let set = ProviderSettings { keys: vec![key], ..ProviderSettings::default() };
        let settings =
            Settings { providers: [("fal".to_owned(), set)].into(), ..Settings::usual(folder.path()) };
        let names = |provider: &str| {
            let keys = settings.keys_of(provider).into_iter();
            keys.map(|key| (key.name, key.is_there)).collect::<Vec<_>>()
        };
        assert_eq!(names("fal"), [("spare".to_owned(), false)]);
        std::fs::write(&file, "planted").unwrap();
        assert_eq!(names("fal"), [("spare".to_owned(), true)]);
        assert_eq!(names("replicate")[0].0, "REPLICATE_API_TOKEN");
        assert_eq!(names("nobody"), []);
    }
}
