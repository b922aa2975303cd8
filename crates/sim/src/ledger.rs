//! The ledger: one entry for each request that starts paid work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::job::Nanos;
use crate::scenario::{Fault, Provider};

/// A paid request. The amount charged is read from its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) provider: Provider,
    pub(crate) account: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) job: Option<String>,
    /// The number of the job.
    pub(crate) number: Option<u64>,
    /// The correlation token, from the webhook URL or the call's metadata.
    pub(crate) token: Option<String>,
    pub(crate) attempt_key: Option<String>,
    /// Whether an earlier request had the same attempt key.
    pub(crate) repeated: bool,
    pub(crate) violation: Option<String>,
    pub(crate) fault: Option<Fault>,
    /// The status of the answer; `None` if there was no answer.
    pub(crate) status: Option<u16>,
    /// Inputs that are not in the model's schema.
    pub(crate) unknown: Vec<String>,
    /// What it cost, if it started no job.
    #[serde(default)]
    pub(crate) charged: Nanos,
}

impl Entry {
    /// The entry as JSON, with the faults of its job and the amount charged, if that is final.
    pub(crate) fn line(&self, faults: &[Fault], charged: Option<Nanos>) -> Value {
        let names: Vec<&str> = self.fault.iter().chain(faults).map(|fault| fault.name()).collect();
        json!({
            "at": self.at,
            "provider": self.provider,
            "account": self.account,
            "model": self.model,
            "method": self.method,
            "path": self.path,
            "job": self.job,
            "token": self.token,
            "attempt_key": self.attempt_key,
            "repeated": self.repeated,
            "violation": self.violation,
            "fault": (!names.is_empty()).then(|| names.join("+")),
            "status": self.status,
            "unknown_inputs": self.unknown,
            "charged_usd": charged.map(|nanos| nanos as f64 / 1e9),
        })
    }
}

/// A logged request of any kind, so that a test can check what a client sent.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Timestamp,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) operation: Option<&'static str>,
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<Fault>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn line(&self) -> Value {
        // Shows the scheme of a credential, never the key.
        let header = |(name, value): &(String, String)| {
            let name = name.to_ascii_lowercase();
            let secret = matches!(name.as_str(), "authorization" | "xi-api-key");
            let value =
                if secret { value.split_once(' ').map_or("…", |(scheme, _)| scheme) } else { value };
            (name, Value::from(value))
        };
        json!({
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "headers": self.headers.iter().map(header).collect::<serde_json::Map<_, _>>(),
            "operation": self.operation,
            "status": self.status,
            "fault": self.fault.map(Fault::name),
            "body": self.body,
        })
    }
}
