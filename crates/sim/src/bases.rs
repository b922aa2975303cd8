//! Under which addresses the simulator is reached: what its answers point to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scenario::Provider;

/// The base URLs of each provider by role, without a slash at their end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bases(BTreeMap<Provider, BTreeMap<String, String>>);

/// The roles of a provider, and what each adds to the provider's prefix.
fn roles(provider: Provider) -> &'static [(&'static str, &'static str)] {
    match provider {
        Provider::Replicate => &[("api", ""), ("delivery", "/delivery"), ("stream", "/stream")],
        Provider::Fal => {
            &[("queue", "/queue"), ("run", "/run"), ("rest", "/rest"), ("cdn", "/cdn"), ("api", "/api")]
        }
        Provider::ElevenLabs => &[("api", "")],
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

    /// Moves a provider to an origin of its own, without a prefix.
    pub fn set_origin(&mut self, provider: Provider, origin: &str) {
        let urls = roles(provider).iter().map(|(role, path)| ((*role).to_owned(), format!("{origin}{path}")));
        self.0.insert(provider, urls.collect());
    }

    /// Where the role of a provider is; nothing for a role that it doesn't have.
    pub fn get(&self, provider: Provider, role: &str) -> &str {
        self.0.get(&provider).and_then(|urls| urls.get(role)).map_or("", String::as_str)
    }

    /// The provider and the path, with the prefix of its role, of a URL that points here.
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
