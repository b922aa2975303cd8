//! The base URLs under which the simulator is reached. Its answers link to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::Provider;

/// The base URLs of each provider by role, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bases(BTreeMap<Provider, BTreeMap<String, String>>);

/// The roles of a provider, each with the path that it adds to the provider's prefix.
fn roles(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Replicate => &[("api", ""), ("delivery", "/delivery"), ("stream", "/stream")],
        Provider::Fal => {
            &[("queue", "/queue"), ("run", "/run"), ("rest", "/rest"), ("cdn", "/cdn"), ("api", "/api")]
        }
        Provider::ElevenLabs => &[("api", "")],
        Provider::Http => &[("any", "")],
    }
}

impl Bases {
    /// All providers under one origin, such as `http://127.0.0.1:8700`, each with its prefix.
    pub fn under(origin: &str) -> Bases {
        let mut bases = Bases(BTreeMap::new());
        for provider in Provider::ALL {
            bases.set_origin(provider, &format!("{origin}/{provider}"));
        }
        bases
    }

    /// Puts a provider at an origin of its own, without a prefix.
    pub fn set_origin(&mut self, provider: Provider, origin: &str) {
        let urls = roles(provider).iter().map(|(role, path)| ((*role).to_owned(), format!("{origin}{path}")));
        self.0.insert(provider, urls.collect());
    }

    /// The base URL of a role; empty for a role that the provider doesn't have.
    pub fn get(&self, provider: Provider, role: &str) -> &str {
        self.0.get(&provider).and_then(|urls| urls.get(role)).map_or("", String::as_str)
    }

    /// Splits a URL that points to this simulator into provider, role and path.
    pub(crate) fn locate<'u>(&self, url: &'u str) -> Option<(Provider, &str, &'u str)> {
        self.0.iter().find_map(|(provider, urls)| {
            let (role, rest) = urls
                .iter()
                .filter_map(|(role, base)| Some((role.as_str(), url.strip_prefix(base.as_str())?)))
                .min_by_key(|(_, rest)| rest.len())?;
            rest.starts_with('/').then_some((*provider, role, rest))
        })
    }
}
