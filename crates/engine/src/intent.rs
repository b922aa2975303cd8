//! Intents: what a request is made with, fixed before it leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// What the request of an attempt is made with. It is recorded with the plan of the attempt, before the request
/// leaves; whoever takes the attempt up again reads it here, and not from the settings of that day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The provider.
    pub provider: String,
    /// The name of the credential. Never the credential itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub credential: String,
    /// What the provider shows again of this attempt, as far as it shows anything: 128 random bits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// When it was made out: what the provider took before is another one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The digest of the body, to the byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Digest>,
    /// Whether the same request means the same however often it is sent: then nobody needs to know whether it arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeatable: bool,
    /// Where the provider was given artifacts, by digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uploads: BTreeMap<Digest, String>,
    /// Where the provider is asked to deliver news of the job, without the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<String>,
    /// The addresses of the provider that are not its own, by their role.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bases: BTreeMap<String, String>,
}

impl Intent {
    /// The name of the pool in which calls with its credential are made.
    pub fn place(&self) -> Arc<str> {
        place(&self.provider, &self.credential)
    }
}

/// The name of the pool in which calls to a provider with a credential are made: no pool of the settings has a `/`.
pub fn place(provider: &str, credential: &str) -> Arc<str> {
    format!("{provider}/{credential}").into()
}
