//! The catalogue: which models there are, what each takes in words that mean the same everywhere, and what it is sent.
//!
//! A model is a data file ([`Entry`]): the provider's own parameters, with our words beside them. From it follow the
//! [`Contract`] that a pipeline is checked against, the [`Model`] that an adapter asks, and the inputs that are sent
//! ([`Listing::native`]).

mod contract;
mod entry;
mod files;
mod mapping;
mod native;
mod schema;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use motet_pipeline::value::Map;
use motet_pipeline::{Contract, Failure, MediaKind, Type};

pub use entry::{BadEntry, Billing, Entry, Input, Output, TypeWords, Way};
pub use mapping::Mapping;
pub use native::Native;
pub use schema::{BadSchema, from_fal, from_replicate};

use crate::model::{Model, Reading};
use crate::prices::PriceBook;

/// A model of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// What its data file says.
    pub entry: Entry,
    /// What a pipeline that uses it is checked against, with its price if one is known.
    pub contract: Arc<Contract>,
    /// The same under the name that says the version, if it has one.
    pub versioned: Option<Arc<Contract>>,
    /// What an adapter asks.
    pub model: Arc<Model>,
}

impl Listing {
    /// The model that `entry` describes, priced by `book`.
    pub fn new(entry: Entry, book: &PriceBook) -> Listing {
        let mut contract = contract::of(&entry);
        contract.price = book.price(&entry).ok();
        let versioned = entry.version.as_ref().map(|version| {
            let operation = format!("{}:{version}", contract.operation);
            Contract { operation, ..contract.clone() }.into()
        });
        let model = model(&entry).into();
        Listing { entry, contract: contract.into(), versioned, model }
    }

    /// The same at the price that `book` has for it.
    #[must_use]
    pub fn at_the_price_of(&self, book: &PriceBook) -> Listing {
        Listing::new(self.entry.clone(), book)
    }

    /// `given`, which fits the contract, in the provider's names and units.
    ///
    /// ```
    /// use motet_providers::catalogue::Catalogue;
    /// let catalogue = Catalogue::built_in();
    /// let veo = catalogue.get("fal/fal-ai/veo3").unwrap();
    /// let given = [("prompt".to_owned(), "a harbour".into()), ("duration".to_owned(), 8_i64.into())].into();
    /// assert_eq!(veo.native(&given).unwrap().inputs["duration"].as_str(), Some("8s"));
    /// ```
    ///
    /// # Errors
    /// `invalid`, where things are given that don't go together.
    pub fn native(&self, given: &Map) -> Result<Native, Failure> {
        native::of(self, given)
    }
}

fn model(entry: &Entry) -> Model {
    let media = entry.inputs.iter().filter_map(|input| {
        let top = input.name.split('.').next().unwrap_or(&input.name);
        Some((top.to_owned(), kind_of(&input.ty.0)?))
    });
    let outputs = entry.outputs.iter().map(|(name, output)| {
        let reading = Reading { at: output.at.clone(), form: output.form, optional: output.optional };
        (name.clone(), reading)
    });
    Model {
        provider: entry.provider.clone(),
        id: entry.id.clone(),
        version: entry.version.clone(),
        route: entry.route.clone(),
        media: media.collect(),
        outputs: outputs.collect(),
    }
}

/// The kind of media that a type holds, if it holds any.
fn kind_of(ty: &Type) -> Option<MediaKind> {
    match ty {
        Type::Media(kinds) => kinds.first().copied(),
        Type::List(item) => kind_of(item),
        Type::OneOf(options) => options.iter().find_map(kind_of),
        _ => None,
    }
}

/// The providers that publish the schemas of their models.
const SCHEMAS: [&str; 2] = ["replicate", "fal"];

/// What to do about a model that isn't in the catalogue.
const ADD: &str = "add it by what its provider publishes: motet models add ";

/// All models that are known, by operation.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    listings: BTreeMap<String, Arc<Listing>>,
    aliases: BTreeMap<String, String>,
}

impl Catalogue {
    /// The models that come with Motet, at the prices of its own book.
    pub fn built_in() -> Catalogue {
        static READ: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::priced(&PriceBook::built_in()));
        READ.clone()
    }

    /// The models that come with Motet, at the prices of `book`.
    pub fn priced(book: &PriceBook) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (path, text) in files::FILES {
            let entry = Entry::read(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            catalogue.add(Listing::new(entry, book));
        }
        catalogue
    }

    /// Adds a model, or replaces the one of the same name.
    pub fn add(&mut self, listing: Listing) {
        let operation = listing.entry.operation();
        for alias in &listing.entry.aliases {
            self.aliases.insert(alias.clone(), operation.clone());
        }
        self.listings.insert(operation, listing.into());
    }

    /// The model that `uses` names: by its name, or by its name and the very version that the catalogue knows.
    pub fn get(&self, operation: &str) -> Option<&Arc<Listing>> {
        let (name, version) = match operation.split_once(':') {
            Some((name, version)) => (name, Some(version)),
            None => (operation, None),
        };
        let listing = self.listings.get(operation).or_else(|| self.listings.get(name))?;
        version.is_none_or(|version| listing.entry.version.as_deref() == Some(version)).then_some(listing)
    }

    /// The contracts of all models by all names that `uses` may have for them, for the check.
    pub fn contracts(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.iter().flat_map(|listing| std::iter::once(&listing.contract).chain(&listing.versioned))
    }

    /// The name of the model that people also call `name`.
    pub fn meant_by(&self, name: &str) -> Option<&str> {
        self.aliases.get(name).map(String::as_str)
    }

    /// All models, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Listing>> {
        self.listings.values()
    }

    /// All other names, and which models they mean.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.iter().map(|(alias, name)| (alias.as_str(), name.as_str()))
    }

    /// Makes all models known to a check: their contracts by all their names, what people call them otherwise, and what
    /// to do about a model that isn't here.
    pub fn teach(&self, check: &mut motet_pipeline::contract::Catalogue) {
        self.contracts().for_each(|contract| check.add(contract.clone()));
        for (alias, name) in self.aliases() {
            check.also_called(alias, name);
        }
        for provider in SCHEMAS {
            check.advise(format!("{provider}/"), format!("{ADD}{{}}"));
        }
    }

    /// What is to be done about `operation`, a model that isn't in the catalogue: in words, with the command that adds
    /// it. Nothing if it is there, or is no model of one of these providers.
    ///
    /// ```
    /// use motet_providers::catalogue::Catalogue;
    /// let catalogue = Catalogue::built_in();
    /// assert_eq!(
    ///     catalogue.advice("replicate/someone/theirs:0123abc").unwrap(),
    ///     "add it by what its provider publishes: motet models add replicate/someone/theirs:0123abc"
    /// );
    /// assert_eq!(
    ///     catalogue.advice("fal/google/nano-banana").unwrap(),
    ///     "it is called `fal/fal-ai/nano-banana` here"
    /// );
    /// assert_eq!(catalogue.advice("media/trim"), None);
    /// ```
    pub fn advice(&self, operation: &str) -> Option<String> {
        if self.get(operation).is_some() {
            return None;
        }
        if let Some(name) = self.meant_by(operation) {
            return Some(format!("it is called `{name}` here"));
        }
        let (provider, id) = operation.split_once('/')?;
        let is_name = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let (name, version) = id.split_once(':').map_or((id, None), |(name, version)| (name, Some(version)));
        let is_model = name.contains('/') && name.split('/').all(is_name) && version.is_none_or(is_name);
        (SCHEMAS.contains(&provider) && is_model).then(|| format!("{ADD}{operation}"))
    }
}

#[cfg(test)]
mod tests;
