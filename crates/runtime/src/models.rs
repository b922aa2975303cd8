//! Models at providers: how their calls are made over the one door.
//!
//! The adapters say what is asked and what a reply means, as data; the door sends. What is here is the order in which
//! that happens, the same for every provider: uploads before an attempt is recorded, one request that may cost,
//! questions until there is news, downloads until every byte is kept.

mod answer;
mod answers;
mod call;
mod claims;
pub(crate) mod delivery;
mod description;
mod hook_keys;
mod hooks;
mod keys;
mod paces;
mod pauses;
mod reads;
mod remote;
mod search;
pub(crate) mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_engine::RunId;
use motet_engine::dispatcher::{Limits, PoolLimit};
use motet_engine::intent::place;
use motet_pipeline::{Timestamp, contract};
use motet_providers::adapter::Profile;
use motet_providers::catalogue::{Catalogue, Entry, Listing};
use motet_providers::prices::PriceBook;
use motet_providers::{Provider, Registry, web};

use crate::door::Door;
use crate::operation::{Operations, Performer};
use answers::Answers;
use claims::Claims;
use delivery::Complaints;
use hook_keys::HookKeyring;
use hooks::Hooks;
use keys::Keys;
use paces::Paces;
use reads::Reads;
use remote::ModelCalls;

/// The providers that there are, and their models.
#[derive(Clone)]
pub(crate) struct Offers {
    pub(crate) registry: Registry,
    pub(crate) catalogue: Catalogue,
    book: PriceBook,
}

impl Default for Offers {
    fn default() -> Offers {
        let catalogue = Catalogue::built_in();
        Offers { registry: Registry::default(), catalogue, book: PriceBook::built_in() }
    }
}

impl Offers {
    /// Adds a provider, with its models.
    pub(crate) fn add(&mut self, provider: Arc<dyn Provider>, models: Vec<Entry>) {
        self.registry.register(provider);
        self.add_models(models);
    }

    /// Adds models of providers that are there.
    pub(crate) fn add_models(&mut self, models: impl IntoIterator<Item = Entry>) {
        models.into_iter().for_each(|entry| self.catalogue.add(Listing::new(entry, &self.book)));
    }

    /// Lays prices of the user over those that come with Motet.
    pub(crate) fn price(&mut self, own: PriceBook) {
        self.book = self.book.clone().under(own);
        self.price_again(|_, _| true);
    }

    /// Takes the prices of the day of `now`, in UTC.
    pub(crate) fn price_on(&mut self, now: Timestamp) {
        self.book = self.book.clone().on(&now.day());
        self.price_again(PriceBook::is_dated);
    }

    fn price_again(&mut self, is_changed: impl Fn(&PriceBook, &Entry) -> bool) {
        let changed = self.catalogue.iter().filter(|listing| is_changed(&self.book, &listing.entry));
        let changed: Vec<Listing> = changed.map(|listing| listing.at_the_price_of(&self.book)).collect();
        changed.into_iter().for_each(|listing| self.catalogue.add(listing));
    }

    /// Makes all models known to a check, and requests to any server.
    pub(crate) fn teach(&self, check: &mut contract::Catalogue) {
        self.catalogue.teach(check);
        check.add(web::request().contract);
    }
}

/// All that calls of models work with.
pub(crate) struct Models {
    pub(crate) door: Door,
    registry: Registry,
    keys: Keys,
    claims: Claims,
    answers: Answers,
    /// Which attempts providers were asked to report.
    pub(crate) hooks: Hooks,
    hook_keys: HookKeyring,
    complaints: Complaints,
    reads: Reads,
    /// What replies have said of limits, for the gate.
    pub(crate) paces: Paces,
}

impl Models {
    pub(crate) fn new(door: Door, registry: Registry) -> Models {
        Models {
            door,
            registry,
            keys: Keys::default(),
            claims: Claims::default(),
            answers: Answers::default(),
            hooks: Hooks::default(),
            hook_keys: HookKeyring::default(),
            complaints: Complaints::default(),
            paces: Paces::default(),
            reads: Reads::default(),
        }
    }

    /// Nobody drives `run` any more.
    pub(crate) fn forget_run(&self, run: &RunId) {
        self.hooks.forget_run(run);
        self.claims.forget_run(run);
    }

    /// How all models of `offers` are called, and any server, by operation.
    pub(crate) fn operations(self: &Arc<Self>, offers: &Offers) -> Operations {
        let mut operations = BTreeMap::new();
        let request = Arc::new(web::request());
        let models = offers.catalogue.contracts().filter_map(|contract| {
            let listing = offers.catalogue.get(&contract.operation)?.clone();
            Some((contract.operation.clone(), listing))
        });
        for (operation, listing) in models.chain([(request.contract.operation.clone(), request)]) {
            let Some(provider) = offers.registry.get(&listing.entry.provider) else { continue };
            let calls = ModelCalls::new(self.clone(), provider.clone(), listing);
            operations.insert(operation, Performer::Remote(Arc::new(calls)));
        }
        operations
    }

    /// Adds the pools in which calls with each credential are made: as many and as often as the provider says.
    pub(crate) fn limit(&self, limits: &mut Limits) {
        for profile in self.registry.iter().map(|provider| provider.profile()) {
            for credential in self.door.credentials(&profile.name) {
                limits.pools.entry(place(&profile.name, &credential)).or_insert_with(|| limit_of(profile));
            }
        }
    }
}

/// How many calls with one credential a provider says that it allows, and how often.
fn limit_of(profile: &Profile) -> PoolLimit {
    let rates = profile.rates;
    PoolLimit {
        slots: rates.concurrency.map(|count| count as usize),
        rate: rates.creates_per_minute.and_then(|count| format!("{count}/1m").parse().ok()),
    }
}
