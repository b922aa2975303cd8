//! What goes wrong, and under which limits: a file in YAML or JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::yaml;

/// The providers that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// replicate.com
    Replicate,
    /// fal.ai
    Fal,
    /// elevenlabs.io
    ElevenLabs,
}

impl Provider {
    /// All of them.
    pub const ALL: [Provider; 3] = [Provider::Replicate, Provider::Fal, Provider::ElevenLabs];

    /// The name in addresses, scenarios and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Replicate => "replicate",
            Provider::Fal => "fal",
            Provider::ElevenLabs => "elevenlabs",
        }
    }

    /// The provider of that name.
    pub fn by_name(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection isn't taken; nothing happens.
    Refuse,
    /// 429 that says when to come again; nothing happens.
    Throttle,
    /// 429 that doesn't say when; nothing happens.
    ThrottleNoHint,
    /// 5xx, and nothing happened.
    ErrorBefore,
    /// 5xx although the request was carried out.
    ErrorAfter,
    /// The request was carried out, but no answer comes.
    ReplyLost,
    /// The job waits for minutes before it starts.
    SlowQueue,
    /// The job never ends.
    Stuck,
    /// No webhook comes.
    WebhookLost,
    /// Each webhook comes twice.
    WebhookTwice,
    /// Webhooks come minutes late.
    WebhookLate,
    /// A webhook with a wrong signature and wrong news comes as well.
    WebhookForged,
    /// The job fails.
    JobFailed,
    /// The job is refused for its content.
    Content,
    /// The request is carried out; the answer's JSON breaks off.
    BadJson,
    /// The request is carried out; the answer is a page of a proxy, with status 200.
    Html,
    /// The output file is shorter than it should be, or its download breaks off once.
    MediaTruncated,
    /// The output file is of another kind than announced.
    MediaWrong,
    /// The output file is gone.
    UrlExpired,
    /// Cancelling is confirmed, but the job runs on to its end and is charged.
    CancelledTooLate,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 20] = [
        Fault::Refuse,
        Fault::Throttle,
        Fault::ThrottleNoHint,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::ReplyLost,
        Fault::SlowQueue,
        Fault::Stuck,
        Fault::WebhookLost,
        Fault::WebhookTwice,
        Fault::WebhookLate,
        Fault::WebhookForged,
        Fault::JobFailed,
        Fault::Content,
        Fault::BadJson,
        Fault::Html,
        Fault::MediaTruncated,
        Fault::MediaWrong,
        Fault::UrlExpired,
        Fault::CancelledTooLate,
    ];

    /// The name in scenarios and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Refuse => "refuse",
            Fault::Throttle => "throttle",
            Fault::ThrottleNoHint => "throttle_no_hint",
            Fault::ErrorBefore => "error_before",
            Fault::ErrorAfter => "error_after",
            Fault::ReplyLost => "reply_lost",
            Fault::SlowQueue => "slow_queue",
            Fault::Stuck => "stuck",
            Fault::WebhookLost => "webhook_lost",
            Fault::WebhookTwice => "webhook_twice",
            Fault::WebhookLate => "webhook_late",
            Fault::WebhookForged => "webhook_forged",
            Fault::JobFailed => "job_failed",
            Fault::Content => "content",
            Fault::BadJson => "bad_json",
            Fault::Html => "html",
            Fault::MediaTruncated => "media_truncated",
            Fault::MediaWrong => "media_wrong",
            Fault::UrlExpired => "url_expired",
            Fault::CancelledTooLate => "cancelled_too_late",
        }
    }

    /// Whether it befalls a job, not a single request.
    pub(crate) fn befalls_jobs(self) -> bool {
        !matches!(
            self,
            Fault::Refuse
                | Fault::Throttle
                | Fault::ThrottleNoHint
                | Fault::ErrorBefore
                | Fault::ErrorAfter
                | Fault::ReplyLost
                | Fault::BadJson
                | Fault::Html
        )
    }
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Starts work that is paid for.
    Create,
    /// Asks for one job: its state or its result.
    Read,
    /// Asks for many jobs.
    List,
    /// Takes a job back.
    Cancel,
    /// Sends or deletes a file.
    Upload,
    /// Fetches a file.
    Output,
    /// Follows a job by a stream.
    Stream,
    /// Anything else: models, accounts, keys.
    Catalog,
}

impl Operation {
    /// The name in scenarios and the log of requests.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Read => "read",
            Operation::List => "list",
            Operation::Cancel => "cancel",
            Operation::Upload => "upload",
            Operation::Output => "output",
            Operation::Stream => "stream",
            Operation::Catalog => "catalog",
        }
    }
}

/// Where and how often a fault occurs. Without `rate`, `nth` or `first` it occurs always.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only at this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// Only of this model, as the ledger names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only in requests of these kinds, one or a list of them; without it, in those that start jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub on: Vec<Operation>,
    /// The status of `error_before` and `error_after`; without it, one by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With this chance, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Only the request or job of this number, from 1, of those that the rule speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only that many requests or jobs, the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Operation>, D::Error> {
    let wrong = |error: serde_json::Error| serde::de::Error::custom(error);
    match Value::deserialize(deserializer)? {
        Value::Array(many) => {
            many.into_iter().map(|one| serde_json::from_value(one).map_err(wrong)).collect()
        }
        one => Ok(vec![serde_json::from_value(one).map_err(wrong)?]),
    }
}

/// How much a provider takes from one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a minute that start jobs.
    pub creates_per_minute: Option<u32>,
    /// Other requests a minute.
    pub reads_per_minute: Option<u32>,
    /// How much runs at a time.
    pub concurrency: Option<u32>,
}

impl Default for Limits {
    /// No limit at all.
    fn default() -> Limits {
        Limits { creates_per_minute: None, reads_per_minute: None, concurrency: None }
    }
}

impl Limits {
    /// What the provider documents.
    pub(crate) fn of(provider: Provider) -> Limits {
        match provider {
            Provider::Replicate => {
                Limits { creates_per_minute: Some(600), reads_per_minute: Some(3000), ..Limits::default() }
            }
            Provider::Fal => Limits { concurrency: Some(20), ..Limits::default() },
            Provider::ElevenLabs => Limits { concurrency: Some(20), ..Limits::default() },
        }
    }
}

/// What goes wrong, and what the providers demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The faults, in order: of those that befall a request, the first one counts.
    pub faults: Vec<Rule>,
    /// The only keys that a provider takes. A provider that isn't named takes any key.
    pub keys: BTreeMap<Provider, Vec<String>>,
    /// The limits of a provider. One that isn't named has those that it documents.
    pub limits: BTreeMap<Provider, Limits>,
    /// Dollars that each key of a provider may still spend; beyond, work is refused as the provider refuses it.
    pub credit: BTreeMap<Provider, f64>,
    /// Whether the providers show what they do now and then: at Replicate, output before the end and in the reply itself.
    pub quirks: bool,
    /// Whether a paid request without `Motet-Attempt` is right.
    pub attempts_optional: bool,
    /// What a field of a provider's answers is called instead: for tests of tests.
    pub rename: BTreeMap<String, String>,
}

/// A scenario that can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scenario can't be used: {0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario in YAML or JSON: a list of faults, or a map with the fields of [`Scenario`].
    ///
    /// ```
    /// use motet_sim::{Fault, Scenario};
    /// let scenario = Scenario::parse("- { provider: replicate, fault: reply_lost, rate: 0.05 }").unwrap();
    /// assert_eq!(scenario.faults[0].fault, Fault::ReplyLost);
    /// assert!(Scenario::parse("- fault: reply_lots").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let value = match yaml::parse(text).map_err(ScenarioError)? {
            Value::Null => Value::Object(serde_json::Map::new()),
            Value::Array(faults) => serde_json::json!({ "faults": faults }),
            value => value,
        };
        let scenario: Scenario =
            serde_json::from_value(value).map_err(|error| ScenarioError(error.to_string()))?;
        match scenario.faults.iter().enumerate().find_map(|(at, rule)| Some((at, rule.wrong()?))) {
            Some((at, wrong)) => Err(ScenarioError(format!("fault {}: {wrong}", at + 1))),
            None => Ok(scenario),
        }
    }
}

impl Rule {
    fn wrong(&self) -> Option<String> {
        let name = self.fault.name();
        if [self.rate.is_some(), self.nth.is_some(), self.first.is_some()].iter().filter(|is| **is).count()
            > 1
        {
            return Some(format!("`{name}` has more than one of rate, nth and first; write one"));
        }
        if self.rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            return Some(format!("the rate of `{name}` is from 0 to 1"));
        }
        if self.nth == Some(0) {
            return Some(format!("`nth` of `{name}` counts from 1"));
        }
        if self.fault.befalls_jobs() && !self.on.is_empty() {
            return Some(format!("`{name}` befalls a whole job, so it has no `on`"));
        }
        let breaks = matches!(self.fault, Fault::ErrorBefore | Fault::ErrorAfter);
        if self.status.is_some_and(|status| !breaks || !(500..600).contains(&status)) {
            return Some("`status` is from 500 to 599, of `error_before` and `error_after` alone".to_owned());
        }
        None
    }

    /// Whether the rule speaks of such a request.
    pub(crate) fn speaks_of(&self, provider: Provider, model: Option<&str>, operation: Operation) -> bool {
        self.provider.is_none_or(|only| only == provider)
            && self.model.as_deref().is_none_or(|only| Some(only) == model)
            && (self.on.contains(&operation) || (self.on.is_empty() && operation == Operation::Create))
    }

    /// Whether the fault occurs at the request of number `count`, from 1, whose lot is `lot`.
    pub(crate) fn occurs(&self, count: u64, lot: f64) -> bool {
        self.nth.is_none_or(|nth| nth == count)
            && self.first.is_none_or(|first| count <= first)
            && self.rate.is_none_or(|rate| lot < rate)
    }
}
