//! Webhooks: what somebody delivered, and whether it was the provider.

pub(crate) mod ed25519;
pub(crate) mod standard;

use std::fmt;

use motet_pipeline::{Span, Timestamp};
use serde_json::Value as Json;

use crate::json::{self, Unread};

/// A request that reached us, as it came: nothing of it is believed yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// What stood behind the `?` of the address.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, byte by byte.
    pub body: Vec<u8>,
}

impl Delivery {
    /// The only header of this lower-case name; one that is there twice is none.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(key, _)| key == name);
        let first = all.next().map(|(_, value)| value.as_str());
        if all.next().is_some() { None } else { first }
    }

    /// The body as JSON: to be read once the signature is found to be right.
    pub(crate) fn read(&self) -> Result<Json, HookRefused> {
        json::read(&self.body).map_err(|unread| match unread {
            Unread::TooLarge(_) => HookRefused::TooLarge(unread.to_string()),
            Unread::Other(_) => HookRefused::Body,
        })
    }

    /// The token in the query, if it has the form of one.
    pub fn token(&self) -> Option<String> {
        let token = self.query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
        is_token(token).then(|| token.to_owned())
    }
}

/// Whether `text` has the form of a token: 1 to 200 letters, digits, `-` and `_`.
pub(crate) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=200).contains(&text.len()) && text.bytes().all(fits)
}

/// A delivery that the provider has signed.
///
/// The signature covers the body, not the address: whoever has seen a delivery may send it again with another token.
/// So a token leads to an attempt, and the job must then be the one of that attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// The token of the call, where the delivery has one.
    pub token: Option<String>,
    /// The provider's name of the job.
    pub job: String,
    /// Names the delivery, where it has a name: a second one with the same name tells nothing new.
    pub delivery: Option<String>,
    /// What was signed, read.
    pub body: Json,
    /// When it came.
    pub at: Timestamp,
}

/// The keys that deliveries of one provider may be signed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookKeys {
    /// The keys; any of them will do, so that one can follow another.
    pub keys: Vec<HookKey>,
    /// When they were asked of the provider; `None` for keys that the user gave, or none.
    pub read_at: Option<Timestamp>,
}

impl HookKeys {
    /// Whether it is worth asking the provider for its keys again, when none fits at `now`: not for a minute, so that
    /// forged deliveries don't make us ask without end.
    pub fn may_be_old(&self, now: Timestamp) -> bool {
        self.read_at.is_none_or(|at| now.since(at) >= Span::minutes(1))
    }
}

/// A key that deliveries are signed with. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum HookKey {
    /// A secret that both sides know, as the provider gives it, with its prefix.
    Secret(String),
    /// The public half of an Ed25519 key.
    Ed25519([u8; 32]),
}

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HookKey::Secret(_) => "a secret",
            HookKey::Ed25519(_) => "a public key",
        })
    }
}

/// Why a delivery is refused. The message says nothing that a forger could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookRefused {
    /// The provider sends no webhooks.
    #[error("this provider sends no webhooks")]
    Unsupported,
    /// A header is missing, is there twice, or can't be read.
    #[error("the header `{0}` is missing or malformed")]
    Header(&'static str),
    /// It was signed too long ago, or in the future.
    #[error("the delivery was signed too long ago, or in the future")]
    Time,
    /// No key fits.
    #[error("no key fits the signature")]
    Signature {
        /// The provider may have newer keys: ask for them once, and verify again.
        ask_for_keys: bool,
    },
    /// It is signed, and more than is read.
    #[error("the delivery is signed, and is {0}")]
    TooLarge(String),
    /// It is signed, but says nothing that we know.
    #[error("the delivery is signed, but is not about a job")]
    Body,
}
