//! Webhooks, as `motet.toml` says them: where providers reach this machine, and by what their reports are known.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::KeySource;
use super::file::Source;
use super::providers::{Places, is_local};
use crate::Error;

/// What is set about webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The public address of `motet serve`, without a slash at the end. Without one, providers are polled.
    pub url: Option<Url>,
    /// The secrets by which providers sign that don't tell them themselves, by provider.
    pub secrets: BTreeMap<String, KeySource>,
}

/// The public address that is written as `text`, without a slash at the end.
///
/// # Errors
/// What is wrong with it, in words that continue its name.
pub fn webhook_url(text: &str) -> Result<Url, String> {
    let Some(url) = Url::parse(text.trim_end_matches('/')).ok().filter(Url::has_host) else {
        return Err("must be an address such as \"https://motet.example\"".to_owned());
    };
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !is_plain || !url.username().is_empty() || url.password().is_some() {
        return Err("must be an address without `?`, `#`, user and password".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_local(&url) => Ok(url),
        _ => Err("must begin with https: what providers report would be sent in the clear".to_owned()),
    }
}

impl Source<'_> {
    /// What the table `[webhook]` says.
    pub(super) fn webhook(
        &self,
        value: &Spanned<DeValue>,
        places: &mut Places,
    ) -> Result<WebhookSettings, Error> {
        const WANTED: &str = "a table, such as { url = \"https://motet.example\" }";
        let mut settings = WebhookSettings::default();
        for (part, value) in self.table("webhook", WANTED, value)? {
            match AsRef::<str>::as_ref(part.get_ref()) {
                "url" => {
                    let text = self.text("webhook.url", value.get_ref(), value.span())?;
                    let fault = |why: String| self.fault(value.span(), format!("`webhook.url` {why}"));
                    settings.url = Some(webhook_url(text).map_err(fault)?);
                    places.insert("webhook.url".to_owned(), self.place(value.span()));
                }
                "secrets" => {
                    let wanted =
                        "a table of places, such as { elevenlabs = \"env:ELEVENLABS_WEBHOOK_SECRET\" }";
                    let table = self.table("webhook.secrets", wanted, value)?;
                    settings.secrets = self.each(table, "a secret of webhooks", |name, value| {
                        let key = format!("webhook.secrets.{name}");
                        places.insert(key.clone(), self.place(value.span()));
                        self.source(&key, value)
                    })?;
                }
                other => return Err(self.unknown("`webhook`", other, &["url", "secrets"], part.span())),
            }
        }
        Ok(settings)
    }
}
