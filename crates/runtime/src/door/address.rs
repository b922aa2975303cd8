//! Addresses: where a request goes, whether it may, and what it may take along.

use std::collections::BTreeMap;

use motet_pipeline::suggestion::{closest, listed};
use motet_providers::adapter::Profile;
use motet_providers::http::Address;
use url::{Host, Origin, Url};

use super::fault::{Cause, Fault};
use crate::settings::ProviderSettings;
use crate::world::wire::Reach;

/// What is known of the addresses of a provider.
pub(super) struct Site {
    name: String,
    /// Its base URLs by role, as they are in effect.
    bases: BTreeMap<String, Url>,
    /// Where somebody has put other base URLs.
    own: Vec<Origin>,
    /// Hosts that may be given its credentials as well. None once somebody has put base URLs.
    hosts: Vec<String>,
    /// Hosts that its outputs are downloaded from; empty for any.
    output_hosts: Vec<String>,
    /// Whether its requests may go into private networks.
    private: bool,
    /// A simulator in the place of whatever address is named.
    stand_in: Option<Url>,
}

/// Where a request goes.
pub(super) struct Destination {
    pub url: Url,
    /// Where it was to go: another address if a simulator stands in its place.
    pub meant: Url,
    pub reach: Reach,
    /// The address without the base URL, so that it is the same wherever that leads: `queue /fal-ai/flux`.
    pub written: String,
}

/// The longest address.
const URL_BYTES_MAX: usize = 16 << 10;

impl Site {
    pub(super) fn new(profile: &Profile, settings: Option<&ProviderSettings>) -> Result<Site, String> {
        let usual = ProviderSettings::default();
        let set = settings.unwrap_or(&usual);
        let name = &profile.name;
        if let Some(unknown) = set.base_urls.keys().find(|role| !profile.bases.contains_key(*role)) {
            let roles = listed(profile.bases.keys().map(String::as_str));
            return Err(format!(
                "`providers.{name}.base_urls` has `{unknown}`, which {name} doesn't ask: it asks {roles}"
            ));
        }
        let base = |(role, usual): (&String, &String)| {
            let set = set.base_urls.get(role).or(set.base_url.as_ref()).cloned();
            let parsed = set.map_or_else(|| Url::parse(usual), Ok);
            let parsed =
                parsed.map_err(|error| format!("the address `{role}` of {name} is none: {error}"))?;
            Ok((role.clone(), parsed))
        };
        let bases = profile.bases.iter().map(base).collect::<Result<BTreeMap<_, _>, String>>()?;
        let own: Vec<Origin> = set.base_url.iter().chain(set.base_urls.values()).map(Url::origin).collect();
        let hosts = if own.is_empty() { profile.credential_hosts.clone() } else { Vec::new() };
        let output_hosts = profile.output_hosts.clone();
        Ok(Site {
            name: name.clone(),
            bases,
            own,
            hosts,
            output_hosts,
            private: set.private,
            stand_in: set.stand_in.clone(),
        })
    }

    /// Where a request of this provider goes.
    pub(super) fn destination(&self, address: &Address) -> Result<Destination, Fault> {
        let (url, written) = match address {
            Address::Provider { provider, .. } if *provider != self.name => {
                return Err(refused(format!("a request of {} can't ask {provider}", self.name)));
            }
            Address::Provider { base, path, .. } => (self.join(base, path)?, format!("{base} {path}")),
            Address::Url(text) => (absolute(text)?, text.clone()),
        };
        let meant = url.clone();
        let url = match &self.stand_in {
            Some(simulator) => below(simulator, &url)?,
            None => url,
        };
        let is_own = self.own.contains(&url.origin()) || self.stand_in.is_some();
        let reach = if self.private || is_own { Reach::Private } else { Reach::Public };
        Ok(Destination { url, meant, reach, written })
    }

    /// Whether a simulator answers in the place of whatever address is named.
    pub(super) fn is_stood_in(&self) -> bool {
        self.stand_in.is_some()
    }

    /// Refuses hosts out of reach that are known without looking a name up. The connection looks at all others.
    pub(super) fn check_reach(&self, destination: &Destination) -> Result<(), Fault> {
        let Destination { url, reach, .. } = destination;
        let is_within = match url.host() {
            Some(Host::Ipv4(address)) => reach.allows(address.into()),
            Some(Host::Ipv6(address)) => reach.allows(address.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                *reach == Reach::Private || !(name == "localhost" || name.ends_with(".localhost"))
            }
            None => false,
        };
        if is_within { Ok(()) } else { Err(Fault::refused(Cause::OutOfReach, self.allowing())) }
    }

    /// What allows requests of this provider to go into private networks.
    pub(super) fn allowing(&self) -> String {
        match self.private {
            true => "requests never go there".to_owned(),
            false => format!(
                "`private = true` under [providers.{}] in motet.toml allows private networks",
                self.name
            ),
        }
    }

    /// A path below a base URL; it can't lead out of it.
    fn join(&self, base: &str, path: &str) -> Result<Url, Fault> {
        let Some(below) = self.bases.get(base) else {
            return Err(refused(format!("{} has no address `{base}`", self.name)));
        };
        let steps = path.split(['?', '#']).next().unwrap_or_default().split('/');
        let is_plain = path.starts_with('/') && !path.contains('#') && !steps.into_iter().any(is_dots);
        let joined = is_plain.then(|| parsed(&format!("{}{path}", below.as_str().trim_end_matches('/'))));
        joined.flatten().ok_or_else(|| refused("the path isn't one of a URL".to_owned()))
    }

    /// Whether the provider's credentials may be sent there.
    pub(super) fn may_have_credentials(&self, url: &Url) -> bool {
        let is_base = self.bases.values().any(|base| base.origin() == url.origin());
        let is_listed = url.host_str().is_some_and(|host| Profile::lists(&self.hosts, host));
        is_base || (is_listed && url.scheme() == "https" && url.port().is_none())
    }

    /// Refuses to download what the provider made from where its outputs don't come from.
    pub(super) fn check_outputs(&self, address: &Address) -> Result<(), Fault> {
        let url = self.destination(address)?.url;
        let is_listed = url.host_str().is_some_and(|host| Profile::lists(&self.output_hosts, host));
        match self.output_hosts.is_empty() || is_listed || self.private || self.may_have_credentials(&url) {
            true => Ok(()),
            false => Err(refused(format!("outputs of {} don't come from there", self.name))),
        }
    }

    /// The provider's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the requests of this provider go into private networks.
    pub(super) fn is_private(&self) -> bool {
        self.private
    }
}

/// An absolute URL that somebody gave.
pub(super) fn absolute(text: &str) -> Result<Url, Fault> {
    let url = parsed(text).ok_or_else(|| refused("it is no URL of http or https".to_owned()))?;
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(url),
        false => Err(refused("a URL with a user or a password isn't asked".to_owned())),
    }
}

/// Where a simulator answers in the place of `meant`: `/https/api.example.com/now` below its address.
fn below(simulator: &Url, meant: &Url) -> Result<Url, Fault> {
    let (origin, rest) = (meant.origin().ascii_serialization(), &meant[url::Position::BeforePath..]);
    let origin = origin.replacen("://", "/", 1);
    let address = format!("{}/{origin}{rest}", simulator.as_str().trim_end_matches('/'));
    parsed(&address).ok_or_else(|| refused("it is no URL of http or https".to_owned()))
}

/// Whether a part of a path stands for a step up, or for none.
fn is_dots(part: &str) -> bool {
    matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// A URL of the web, of which nothing is left out or taken for something else in reading.
fn parsed(text: &str) -> Option<Url> {
    let is_clean = text.len() <= URL_BYTES_MAX
        && !text.contains(|letter: char| letter.is_control() || matches!(letter, ' ' | '\\'));
    let url = is_clean.then(|| Url::parse(text).ok()).flatten()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn refused(words: String) -> Fault {
    Fault::refused(Cause::Address, words)
}

/// A URL for people: without user, query and fragment, and not too long.
pub(super) fn shown(url: &str) -> String {
    const SHOWN_MAX: usize = 200;
    let Some(url) = parsed(url) else { return "an address that is no URL".to_owned() };
    let place = format!("{}{}", url.origin().ascii_serialization(), url.path());
    match place.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &place[..end]),
        None => place,
    }
}

/// That nobody is called `name`.
pub(super) fn no_provider<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(meant) => format!("there is no provider `{name}`; did you mean `{meant}`?"),
        None => format!("there is no provider `{name}`, only {}", listed(known)),
    }
}
