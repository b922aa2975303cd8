//! Providers and secrets, as `motet.toml` says them: where keys are (never the keys), and where requests go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;

use motet_pipeline::suggestion::{closest, listed};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::{Host, Url};

use super::file::Source;
use crate::Error;
use crate::world::wire::Reach;

/// What is set for a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Its keys, the one that is used first before the others. Empty for those that its own SDK reads.
    pub keys: Vec<Key>,
    /// The one address in the place of all of its own, without a slash at the end.
    pub base_url: Option<Url>,
    /// Addresses in the place of its own, by the role that an adapter gives them (`queue`).
    pub base_urls: BTreeMap<String, Url>,
    /// A simulator that is asked in the place of whatever address a request names. No file says this.
    pub stand_in: Option<Url>,
    /// Whether its requests may go to this machine and to private networks, wherever a reply says.
    pub private: bool,
}

/// A key with the name by which runs and reports call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name, such as `FAL_KEY` or `spare`.
    pub name: String,
    /// Where it is.
    pub source: KeySource,
}

/// A secret that a pipeline names (`secrets.weather`): where it is, and to whom it may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSettings {
    /// Where it is.
    pub source: KeySource,
    /// The hosts that it may be sent to. `*.example.com` stands for all hosts below `example.com`.
    pub hosts: Vec<String>,
}

/// Where a key is. It is read when it is needed, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In an environment variable: `env:FAL_KEY`.
    Environment(String),
    /// In a file that holds nothing else: `file:keys/fal`.
    File(PathBuf),
    /// Nowhere: the provider is simulated, and takes any key. No file says this.
    Simulated,
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::Environment(name) => write!(f, "the environment variable {name}"),
            KeySource::File(path) => write!(f, "the file {}", path.display()),
            KeySource::Simulated => f.write_str("the simulator"),
        }
    }
}

/// What is said of each by name.
pub(super) type Named<T> = BTreeMap<String, T>;

/// The most keys of a provider.
const KEYS_MAX: usize = 100;

impl Source<'_> {
    /// What the table `[providers]` says.
    pub(super) fn providers(
        &self,
        value: &Spanned<DeValue>,
        places: &mut Places,
    ) -> Result<Named<ProviderSettings>, Error> {
        let table = self.table("providers", "a table for each provider, as in `[providers.fal]`", value)?;
        self.each(table, "a provider", |name, value| {
            let key = format!("providers.{name}");
            let parts = self.table(&key, "a table, such as { key = \"env:NAME\" }", value)?;
            let mut settings = ProviderSettings::default();
            for (part, value) in parts {
                self.set_provider(&key, part, value, &mut settings, places)?;
            }
            let is_bare = |url: &&Url| url.scheme() == "http" && !settings.private && !is_local(url);
            match settings.base_url.iter().chain(settings.base_urls.values()).find(is_bare) {
                Some(_) => Err(self.fault(
                    value.span(),
                    format!(
                        "`{key}` would send its keys over plain http: write https, or `private = true` if it \
                             is in a private network"
                    ),
                )),
                None => Ok(settings),
            }
        })
    }

    fn set_provider(
        &self,
        provider: &str,
        part: &Spanned<impl AsRef<str>>,
        value: &Spanned<DeValue>,
        settings: &mut ProviderSettings,
        places: &mut Places,
    ) -> Result<(), Error> {
        let written = part.get_ref().as_ref();
        let key = format!("{provider}.{written}");
        let (found, span) = (value.get_ref(), value.span());
        match written {
            "key" => settings.keys.push(self.key(&key, value)?),
            "keys" => settings.keys.extend(self.keys(&key, value)?),
            "base_url" => settings.base_url = Some(self.base_url(&key, value)?),
            "base_urls" => settings.base_urls = self.base_urls(&key, value)?,
            "private" => {
                let wanted = || self.wrong(&key, "true or false", found, span.clone());
                settings.private = found.as_bool().ok_or_else(wanted)?;
            }
            other => {
                let known = ["key", "keys", "base_url", "base_urls", "private"];
                return Err(self.unknown("a provider", other, &known, part.span()));
            }
        }
        if let Some(twice) = twice_named(&settings.keys) {
            return Err(
                self.fault(span, format!("`{provider}` has two keys called `{twice}`: give one a name"))
            );
        }
        // A list of keys is a power as each of them is.
        let part = if written == "keys" { "key" } else { written };
        places.insert(format!("{provider}.{part}"), self.place(span));
        Ok(())
    }

    /// What the table `[secrets]` says.
    pub(super) fn secrets(
        &self,
        value: &Spanned<DeValue>,
        places: &mut Places,
    ) -> Result<Named<SecretSettings>, Error> {
        let table = self.table("secrets", "a table for each secret, as in `[secrets.weather]`", value)?;
        self.each(table, "a secret", |name, value| {
            let key = format!("secrets.{name}");
            places.insert(key.clone(), self.place(value.span()));
            self.secret(&key, value)
        })
    }

    fn secret(&self, key: &str, value: &Spanned<DeValue>) -> Result<SecretSettings, Error> {
        const WANTED: &str = "a table, such as { key = \"env:NAME\", hosts = [\"api.example.com\"] }";
        let (mut source, mut hosts) = (None, Vec::new());
        for (part, value) in self.table(key, WANTED, value)? {
            match AsRef::<str>::as_ref(part.get_ref()) {
                "key" => source = Some(self.source(&format!("{key}.key"), value)?),
                "hosts" => hosts = self.hosts(&format!("{key}.hosts"), value)?,
                other => return Err(self.unknown("a secret", other, &["key", "hosts"], part.span())),
            }
        }
        match source {
            Some(source) if !hosts.is_empty() => Ok(SecretSettings { source, hosts }),
            _ => Err(self.fault(value.span(), format!("`{key}` must be {WANTED}"))),
        }
    }

    fn hosts(&self, key: &str, value: &Spanned<DeValue>) -> Result<Vec<String>, Error> {
        let list = value.get_ref().as_array();
        let host = |host: &Spanned<DeValue>| host.get_ref().as_str().and_then(host_of).ok_or(host.span());
        let found = list.ok_or(value.span()).and_then(|list| list.iter().map(host).collect());
        found.map_err(|span| {
            let wanted =
                "a list of hosts without scheme and path, such as [\"api.example.com\", \"*.example.net\"]";
            self.fault(span, format!("`{key}` must be {wanted}"))
        })
    }

    fn keys(&self, key: &str, value: &Spanned<DeValue>) -> Result<Vec<Key>, Error> {
        match value.get_ref().as_array() {
            Some(list) if (1..=KEYS_MAX).contains(&list.len()) => {
                list.iter().map(|value| self.key(key, value)).collect()
            }
            _ => {
                let wanted = "a list of keys, such as [\"env:FAL_KEY\", { name = \"spare\", key = \"env:FAL_KEY_2\" }]";
                Err(self.fault(value.span(), format!("`{key}` must be {wanted}")))
            }
        }
    }

    /// A source, named after itself; or a table with a name.
    fn key(&self, key: &str, value: &Spanned<DeValue>) -> Result<Key, Error> {
        let (mut name, mut source) = (None, None);
        let DeValue::Table(parts) = value.get_ref() else {
            return self.named(name, self.source(key, value)?, value.span());
        };
        for (part, value) in parts {
            match AsRef::<str>::as_ref(part.get_ref()) {
                "name" => name = Some(self.name(value)?),
                "key" => source = Some(self.source(&format!("{key}.key"), value)?),
                other => return Err(self.unknown("a key", other, &["name", "key"], part.span())),
            }
        }
        let source = source.ok_or_else(|| {
            let message = format!(
                "`{key}` must say where the key is, such as {{ name = \"spare\", key = \"env:NAME\" }}"
            );
            self.fault(value.span(), message)
        })?;
        self.named(name, source, value.span())
    }

    /// A key that nobody named is called as what it is in.
    fn named(&self, name: Option<String>, source: KeySource, span: Range<usize>) -> Result<Key, Error> {
        let own = match &source {
            KeySource::Environment(name) => name.clone(),
            KeySource::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            KeySource::Simulated => "simulated".to_owned(),
        };
        let name = name.or_else(|| Some(own).filter(|own| is_name(own)));
        let unnamed = "the key needs a name: { name = \"spare\", key = \"file:PATH\" }";
        Ok(Key { name: name.ok_or_else(|| self.fault(span, unnamed))?, source })
    }

    fn name(&self, value: &Spanned<DeValue>) -> Result<String, Error> {
        let name = value.get_ref().as_str().filter(|name| is_name(name));
        let rule = "the name of a key has letters, digits, `_` and `-`, at most 64 of them";
        name.map(str::to_owned).ok_or_else(|| self.fault(value.span(), rule))
    }

    /// Where a key is. What is written may be the key itself, so it is in no message.
    pub(super) fn source(&self, key: &str, value: &Spanned<DeValue>) -> Result<KeySource, Error> {
        let span = value.span();
        let Some(written) = value.get_ref().as_str() else {
            return Err(self.wrong(key, "text such as \"env:NAME\" or \"file:PATH\"", value.get_ref(), span));
        };
        if let Some(variable) = written.strip_prefix("env:") {
            return match is_variable(variable) {
                true => Ok(KeySource::Environment(variable.to_owned())),
                false => Err(self.fault(
                    span,
                    format!(
                        "`{key}` doesn't name an environment variable: write \"env:NAME\", with upper-case \
                             letters, digits and `_`"
                    ),
                )),
            };
        }
        if let Some(path) = written.strip_prefix("file:") {
            if path.is_empty() || path.starts_with('~') {
                return Err(
                    self.fault(span, format!("`{key}` must name a file by its path in full, without `~`"))
                );
            }
            return Ok(KeySource::File(self.folder.join(path)));
        }
        Err(self.fault(
            span,
            format!(
                "`{key}` must say where the key is, not what it is: put it into an environment variable and write \
                 \"env:NAME\", or into a file and write \"file:PATH\""
            ),
        ))
    }

    fn base_urls(&self, key: &str, value: &Spanned<DeValue>) -> Result<Named<Url>, Error> {
        let table = self.table(key, "a table of addresses, such as { queue = \"https://…\" }", value)?;
        self.each(table, "a base URL", |role, value| self.base_url(&format!("{key}.{role}"), value))
    }

    /// An address that requests are joined to. Keys go there, so it is `https`, unless it is this machine or a
    /// private network.
    fn base_url(&self, key: &str, value: &Spanned<DeValue>) -> Result<Url, Error> {
        let span = value.span();
        let text = self.text(key, value.get_ref(), span.clone())?;
        let fault = |what: &str| Err(self.fault(span.clone(), format!("`{key}` {what}")));
        let Ok(url) = Url::parse(text.trim_end_matches('/')) else {
            return fault("must be an address such as \"https://api.example.com\"");
        };
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if !is_web || url.query().is_some() || url.fragment().is_some() {
            return fault(
                "must be an address of http or https without `?` and `#`, such as \"https://api.example.com\"",
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return fault("holds a user or a password, which belong into `key`");
        }
        Ok(url)
    }

    pub(super) fn each<T>(
        &self,
        table: &DeTable,
        what: &str,
        mut read: impl FnMut(&str, &Spanned<DeValue>) -> Result<T, Error>,
    ) -> Result<Named<T>, Error> {
        let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue>)| {
            let written: &str = AsRef::<str>::as_ref(name.get_ref());
            if !is_name(written) {
                let rule = "names have letters, digits, `_` and `-`, at most 64 of them";
                return Err(self.fault(name.span(), format!("{what} can't be called so: {rule}")));
            }
            Ok((written.to_owned(), read(written, value)?))
        };
        table.iter().map(entry).collect()
    }

    pub(super) fn table<'v>(
        &self,
        key: &str,
        wanted: &str,
        value: &'v Spanned<DeValue<'v>>,
    ) -> Result<&'v DeTable<'v>, Error> {
        let wrong = || self.wrong(key, wanted, value.get_ref(), value.span());
        value.get_ref().as_table().ok_or_else(wrong)
    }

    pub(super) fn unknown(&self, owner: &str, written: &str, known: &[&str], span: Range<usize>) -> Error {
        let message = match closest(written, known.iter().copied()) {
            Some(meant) => format!("{owner} has no `{written}`; did you mean `{meant}`?"),
            None => format!("{owner} has no `{written}`, only {}", listed(known.to_vec())),
        };
        self.fault(span, message)
    }
}

/// Where the parts of a file stand that ask for power, by the whole name of the setting.
pub(super) type Places = BTreeMap<String, (usize, usize)>;

fn twice_named(keys: &[Key]) -> Option<&str> {
    let mut seen = BTreeSet::new();
    keys.iter().map(|key| key.name.as_str()).find(|name| !seen.insert(*name))
}

/// Whether requests to `url` stay on this machine or in a private network whatever its name leads to.
pub(super) fn is_local(url: &Url) -> bool {
    let is_private = |address: IpAddr| !Reach::Public.allows(address);
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// A name of letters, digits, `_` and `-`.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// Names of variables have no lower-case letters here, so that a key in their place is noticed.
fn is_variable(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    (1..=100).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// A host as it is compared: in lower case. `*.` may stand in front.
fn host_of(text: &str) -> Option<String> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let parsed = Host::parse(bare).ok()?;
    let is_wild = bare.len() < text.len();
    match parsed {
        Host::Domain(domain) if is_wild => Some(format!("*.{domain}")),
        _ if is_wild => None,
        host => Some(host.to_string()),
    }
}
