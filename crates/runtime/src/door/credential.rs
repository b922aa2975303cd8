//! Credentials: found when they are sent, bound to hosts, and kept nowhere but in what hides them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use motet_providers::adapter::Profile;

use super::address::{Destination, Site};
use super::fault::{Cause, Fault};
use super::redaction::Redaction;
use crate::reading::read_file;
use crate::settings::{Key, KeySource, SecretSettings, Settings};

/// Where environment variables are looked up.
#[derive(Clone)]
pub(super) struct Environment(pub LookUp);

type LookUp = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Default for Environment {
    fn default() -> Environment {
        Environment(Arc::new(|name| std::env::var(name).ok()))
    }
}

/// A key. It is never shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Secret(Arc<str>);

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// All credentials that there are by name, and what has been sent of them.
pub(super) struct Keyring {
    providers: BTreeMap<String, Keys>,
    secrets: BTreeMap<String, SecretSettings>,
    /// Where the secrets are by which providers sign their webhooks, if the user gives them.
    hooks: BTreeMap<String, KeySource>,
    environment: Environment,
    hidden: Mutex<Redaction>,
}

/// The keys of a provider.
struct Keys {
    set: Vec<Key>,
    /// The names that its SDK reads.
    usual: Vec<String>,
}

/// A credential that was found.
pub(super) struct Credential {
    pub secret: Secret,
    name: String,
    bound: Bound,
}

/// To whom a credential may be told.
enum Bound {
    /// To its provider.
    Provider(String),
    /// To these hosts.
    Hosts(Vec<String>),
}

/// The largest file with a key, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

impl Keyring {
    pub(super) fn new(profiles: &[Profile], settings: &Settings, environment: Environment) -> Keyring {
        let keys = |profile: &Profile| {
            let set = settings.providers.get(&profile.name).map(|set| set.keys.clone()).unwrap_or_default();
            (profile.name.clone(), Keys { set, usual: profile.keys.clone() })
        };
        let providers = profiles.iter().map(keys).collect();
        let (secrets, hooks) = (settings.secrets.clone(), settings.webhook.secrets.clone());
        Keyring { providers, secrets, hooks, environment, hidden: Mutex::default() }
    }

    pub(super) fn names(&self, provider: &str) -> Vec<String> {
        let Some(keys) = self.providers.get(provider) else { return Vec::new() };
        if !keys.set.is_empty() {
            return keys.set.iter().map(|key| key.name.clone()).collect();
        }
        let is_there = |name: &&String| self.variable(name).is_some();
        let found: Vec<String> = keys.usual.iter().filter(is_there).cloned().collect();
        if found.is_empty() { keys.usual.iter().take(1).cloned().collect() } else { found }
    }

    /// The credential `name`: a key of `provider`, else a secret.
    pub(super) fn find(&self, provider: &str, name: &str) -> Result<Credential, Fault> {
        let (source, bound, kind) = match (self.source_of(provider, name), self.secrets.get(name)) {
            (Some(source), _) => (source, Bound::Provider(provider.to_owned()), "key"),
            (None, Some(secret)) => (secret.source.clone(), Bound::Hosts(secret.hosts.clone()), "secret"),
            (None, None) if self.has_keys(provider) => {
                return Err(missing(&format!("key {name}"), "nothing says where it is"));
            }
            (None, None) => {
                let why = format!("[secrets.{name}] in motet.toml says where it is and whom it is for");
                return Err(missing(&format!("secret {name}"), &why));
            }
        };
        let secret = self.read(&format!("{kind} {name}"), &source)?;
        Ok(Credential { secret, name: name.to_owned(), bound })
    }

    /// A key that is set; or, whatever is set, one that the provider's SDK reads: runs may have been started with it.
    fn source_of(&self, provider: &str, name: &str) -> Option<KeySource> {
        let keys = self.providers.get(provider)?;
        let set = keys.set.iter().find(|key| key.name == name).map(|key| key.source.clone());
        set.or_else(|| keys.usual.iter().find(|usual| *usual == name).cloned().map(KeySource::Environment))
    }

    /// Whether a provider has keys of its own.
    fn has_keys(&self, provider: &str) -> bool {
        self.providers.get(provider).is_some_and(|keys| !keys.set.is_empty() || !keys.usual.is_empty())
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.environment.0)(name).filter(|value| !value.trim().is_empty())
    }

    fn read(&self, what: &str, source: &KeySource) -> Result<Secret, Fault> {
        let text = match source {
            KeySource::Environment(variable) => {
                self.variable(variable).ok_or_else(|| missing(what, &format!("set {source}")))?
            }
            KeySource::File(path) => {
                let read = read_file(path, FILE_BYTES_MAX);
                let bytes =
                    read.map_err(|unread| missing(what, &format!("{source} can't be read: {unread}")))?;
                String::from_utf8(bytes).unwrap_or_default()
            }
            KeySource::Simulated => "simulated-key".to_owned(),
        };
        let text = text.trim();
        if text.is_empty() || text.contains(|letter: char| letter.is_control()) {
            return Err(missing(what, &format!("{source} holds no key of one line")));
        }
        Ok(Secret::from(text))
    }

    pub(super) fn has_hook_secret(&self, provider: &str) -> bool {
        self.hooks.contains_key(provider)
    }

    /// The secret of a provider's webhooks, if the user gives it.
    pub(super) fn hook_secret(&self, provider: &str) -> Option<Result<Arc<str>, Fault>> {
        let source = self.hooks.get(provider)?;
        let secret = self.read(&format!("key webhook.secrets.{provider}"), source);
        Some(secret.map(|secret| {
            self.redaction_of(std::slice::from_ref(&secret));
            secret.0
        }))
    }

    /// From now on these are hidden in messages.
    pub(super) fn hide(&self, secrets: impl Iterator<Item = Arc<str>>) {
        let secrets: Vec<Secret> = secrets.map(Secret).collect();
        self.redaction_of(&secrets);
    }

    /// What hides these secrets; from now on they are hidden in messages too.
    pub(super) fn redaction_of(&self, used: &[Secret]) -> Redaction {
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.learn(used);
        hidden.clone()
    }

    pub(super) fn redaction(&self) -> Redaction {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `what` is its kind and its name.
fn missing(what: &str, why: &str) -> Fault {
    Fault::refused(Cause::NoKey, format!("there is no {what}: {why}"))
}

impl Credential {
    /// Refuses to tell the credential to a host that it isn't for.
    pub(super) fn check_host(&self, site: &Site, destination: &Destination) -> Result<(), Fault> {
        let Destination { url, meant, .. } = destination;
        let host = meant.host_str().unwrap_or_default();
        match &self.bound {
            Bound::Provider(_) if site.may_have_credentials(url) => Ok(()),
            Bound::Provider(provider) => Err(Fault::refused(
                Cause::NotForHost,
                format!("the key {} of {provider} isn't sent to {host}", self.name),
            )),
            // What is sent in the clear can be read on the way, unless that stays in a private network.
            Bound::Hosts(hosts)
                if Profile::lists(hosts, host) && (meant.scheme() == "https" || site.is_private()) =>
            {
                Ok(())
            }
            Bound::Hosts(hosts) if Profile::lists(hosts, host) => Err(Fault::refused(
                Cause::NotForHost,
                format!("the secret {} isn't sent over plain http", self.name),
            )),
            Bound::Hosts(_) => Err(Fault::refused(
                Cause::NotForHost,
                format!(
                    "the secret {0} isn't for {host}: only `hosts` under [secrets.{0}] in motet.toml says whom it is for",
                    self.name
                ),
            )),
        }
    }
}
