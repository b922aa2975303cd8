//! Scenarios: faults, keys and limits, from a YAML or JSON file.

mod http_answer;

use std::collections::BTreeMap;
use std::fmt;

pub use http_answer::HttpAnswer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::yaml;

/// A simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// replicate.com
    Replicate,
    /// fal.ai
    Fal,
    /// elevenlabs.io
    ElevenLabs,
    /// Any other server, by the address that a request names.
    Http,
}

impl Provider {
    /// All variants.
    pub const ALL: [Provider; 4] = [Provider::Replicate, Provider::Fal, Provider::ElevenLabs, Provider::Http];

    /// Its name in URLs, scenarios and the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Replicate => "replicate",
            Provider::Fal => "fal",
            Provider::ElevenLabs => "elevenlabs",
            Provider::Http => "http",
        }
    }

    /// The provider of this name.
    pub fn by_name(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.name() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault that can be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection is refused; nothing is processed.
    Refuse,
    /// Status 429 with the time to wait; nothing is processed.
    Throttle,
    /// Status 429 without the time to wait; nothing is processed.
    ThrottleNoHint,
    /// Status 5xx; nothing is processed.
    ErrorBefore,
    /// Status 5xx, although the request is processed.
    ErrorAfter,
    /// The request is processed, but the connection closes without an answer; a stream breaks off halfway.
    ReplyLost,
    /// The job waits four more minutes in the queue.
    SlowQueue,
    /// The job never ends.
    Stuck,
    /// The job's webhooks are never sent.
    WebhookLost,
    /// Each webhook is sent twice.
    WebhookTwice,
    /// Webhooks are sent three minutes late.
    WebhookLate,
    /// Before each webhook comes a forged one, with an invalid signature and the opposite outcome.
    WebhookForged,
    /// The job fails.
    JobFailed,
    /// The job is refused because of its content.
    Content,
    /// The request is processed; the JSON of the answer is cut in half.
    BadJson,
    /// The request is processed; the answer is an HTML page with status 200.
    Html,
    /// The output file is truncated, or its first download breaks off; the seed decides which.
    MediaTruncated,
    /// The output file is not of the announced type.
    MediaWrong,
    /// The output URL is not found.
    UrlExpired,
    /// The output URL is not found, and whoever asks for the job again is told another one.
    UrlMoved,
    /// Cancelling is confirmed, but the job runs to its end and is charged.
    CancelledTooLate,
}

impl Fault {
    /// All variants.
    pub const ALL: [Fault; 21] = [
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
        Fault::UrlMoved,
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
            Fault::UrlMoved => "url_moved",
            Fault::CancelledTooLate => "cancelled_too_late",
        }
    }

    /// Whether it affects a whole job, not a single request.
    pub(crate) fn affects_jobs(self) -> bool {
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

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Starts paid work.
    Create,
    /// Reads one job: its state or result.
    Read,
    /// Lists jobs or files.
    List,
    /// Cancels a job.
    Cancel,
    /// Uploads or deletes a file.
    Upload,
    /// Downloads a file.
    Output,
    /// Streams the events of a job.
    Stream,
    /// Anything else: models, account, keys.
    Catalog,
}

impl Operation {
    /// Its name in scenarios and the request log.
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

/// Where and how often a fault occurs: always, unless `rate`, `nth` or `first` is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The fault.
    pub fault: Fault,
    /// Only at this provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// Only for this model, by its name in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Only for requests of this kind, or of a list of kinds; the default is `create`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub on: Vec<Operation>,
    /// The status of `error_before` and `error_after`; random by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// With this probability, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Only the n-th matching request or job, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only the first n matching requests or jobs.
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

/// The limits of one account. `None` means unlimited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests per minute that start jobs.
    pub creates_per_minute: Option<u32>,
    /// Other requests per minute.
    pub reads_per_minute: Option<u32>,
    /// Jobs or calls that run at the same time.
    pub concurrency: Option<u32>,
}

impl Default for Limits {
    /// Unlimited.
    fn default() -> Limits {
        Limits { creates_per_minute: None, reads_per_minute: None, concurrency: None }
    }
}

impl Limits {
    /// The documented limits of a provider.
    pub(crate) fn of(provider: Provider) -> Limits {
        match provider {
            Provider::Replicate => {
                Limits { creates_per_minute: Some(600), reads_per_minute: Some(3000), ..Limits::default() }
            }
            Provider::Fal => Limits { concurrency: Some(20), ..Limits::default() },
            Provider::ElevenLabs => Limits { concurrency: Some(20), ..Limits::default() },
            Provider::Http => Limits::default(),
        }
    }
}

/// What goes wrong, and what the providers require.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The faults. If several rules apply to a request, the first one wins; a job can have several.
    pub faults: Vec<Rule>,
    /// The valid keys of a provider. Without an entry, any non-empty key is valid.
    pub keys: BTreeMap<Provider, Vec<String>>,
    /// The limits of a provider. Without an entry, the documented ones.
    pub limits: BTreeMap<Provider, Limits>,
    /// The US dollars that each account of a provider can spend before work is refused for lack of credit.
    pub credit: BTreeMap<Provider, f64>,
    /// Whether Replicate answers held-open requests in its documented odd ways: `processing` with output, or data URIs.
    pub quirks: bool,
    /// Whether a paid request without the header `Motet-Attempt` is no violation.
    pub attempts_optional: bool,
    /// What servers answer that pipelines name. Of several entries that fit, the first one holds; without any, a request is
    /// echoed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpAnswer>,
    /// Renames fields in the providers' answers, for negative controls of tests.
    pub rename: BTreeMap<String, String>,
    /// Adds an unknown field to each object in the providers' answers.
    pub unknown_field: bool,
}

/// An invalid scenario.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid scenario: {0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario from YAML or JSON: a list of faults, or a map with the fields of [`Scenario`].
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
        if let Some((at, wrong)) =
            scenario.faults.iter().enumerate().find_map(|(at, rule)| Some((at, rule.wrong()?)))
        {
            return Err(ScenarioError(format!("fault {}: {wrong}", at + 1)));
        }
        match scenario.http.iter().enumerate().find_map(|(at, answer)| Some((at, answer.wrong()?))) {
            Some((at, wrong)) => Err(ScenarioError(format!("http entry {}: {wrong}", at + 1))),
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
            return Some(format!("`{name}` takes only one of `rate`, `nth` and `first`"));
        }
        if self.rate.is_some_and(|rate| !(0.0..=1.0).contains(&rate)) {
            return Some(format!("the rate of `{name}` must be from 0 to 1"));
        }
        if self.nth == Some(0) {
            return Some(format!("`nth` of `{name}` counts from 1"));
        }
        if self.fault.affects_jobs() && !self.on.is_empty() {
            return Some(format!("`{name}` affects a whole job, so it takes no `on`"));
        }
        let breaks = matches!(self.fault, Fault::ErrorBefore | Fault::ErrorAfter);
        if self.status.is_some_and(|status| !breaks || !(500..600).contains(&status)) {
            return Some(
                "`status` is supported by `error_before` and `error_after` only, from 500 to 599".to_owned(),
            );
        }
        None
    }

    /// Whether the rule matches such a request.
    pub(crate) fn matches(&self, provider: Provider, model: Option<&str>, operation: Operation) -> bool {
        self.provider.is_none_or(|only| only == provider)
            && self.model.as_deref().is_none_or(|only| Some(only) == model)
            && (self.on.contains(&operation) || (self.on.is_empty() && operation == Operation::Create))
    }

    /// Whether the fault occurs at match number `count`, with the random number `lot`.
    pub(crate) fn occurs(&self, count: u64, lot: f64) -> bool {
        self.nth.is_none_or(|nth| nth == count)
            && self.first.is_none_or(|first| count <= first)
            && self.rate.is_none_or(|rate| lot < rate)
    }
}
