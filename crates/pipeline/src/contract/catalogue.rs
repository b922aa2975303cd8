//! The catalogue of a check: all operations that there are, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Contract;

/// All operations that a pipeline may use, by name, and all pools and secrets, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    contracts: BTreeMap<String, Arc<Contract>>,
    aliases: BTreeMap<String, String>,
    advice: BTreeMap<String, String>,
    pools: Option<BTreeSet<String>>,
    secrets: Option<BTreeSet<String>>,
}

impl Catalogue {
    /// A catalogue of `contracts`; a later one replaces an earlier one of the same name.
    pub fn new(contracts: impl IntoIterator<Item = impl Into<Arc<Contract>>>) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for contract in contracts {
            catalogue.add(contract);
        }
        catalogue
    }

    /// Adds or replaces a contract.
    pub fn add(&mut self, contract: impl Into<Arc<Contract>>) {
        let contract = contract.into();
        self.contracts.insert(contract.operation.clone(), contract);
    }

    /// Makes known that people also call the operation `name` by `alias`: it isn't taken, but answered with the name.
    pub fn also_called(&mut self, alias: impl Into<String>, name: impl Into<String>) {
        self.aliases.insert(alias.into(), name.into());
    }

    /// Says what to do about an operation that isn't there and begins with `start`; `{}` in it stands for the name.
    pub fn advise(&mut self, start: impl Into<String>, advice: impl Into<String>) {
        self.advice.insert(start.into(), advice.into());
    }

    /// The name of the operation that people also call `alias`.
    pub fn meant_by(&self, alias: &str) -> Option<&str> {
        self.aliases.get(alias).map(String::as_str)
    }

    /// What to do about `operation`, which isn't there.
    pub fn advice(&self, operation: &str) -> Option<String> {
        let advice = self.advice.iter().find(|(start, _)| operation.starts_with(start.as_str()));
        advice.map(|(_, advice)| advice.replace("{}", operation))
    }

    /// Makes known which pools there are. Until then a pipeline may name any.
    pub fn set_pools(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        self.pools = Some(names.into_iter().map(Into::into).collect());
    }

    /// The same, where a pipeline may name any pool: of one that was started, it is not asked again.
    #[must_use]
    pub fn with_any_pool(mut self) -> Catalogue {
        self.pools = None;
        self
    }

    /// The names of all pools, if they are known.
    pub fn pools(&self) -> Option<&BTreeSet<String>> {
        self.pools.as_ref()
    }

    /// Makes known which secrets there are. Until then a pipeline may name any.
    pub fn set_secrets(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        self.secrets = Some(names.into_iter().map(Into::into).collect());
    }

    /// The names of all secrets, if they are known.
    pub fn secrets(&self) -> Option<&BTreeSet<String>> {
        self.secrets.as_ref()
    }

    /// The contract of `operation`.
    pub fn get(&self, operation: &str) -> Option<&Arc<Contract>> {
        self.contracts.get(operation)
    }

    /// All contracts, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.contracts.values()
    }
}
