//! What the dispatcher remembers: events in a stream of its own.

use std::sync::Arc;

use motet_pipeline::{Class, Money, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Claim, Rate};

/// An event of the dispatcher's stream, and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: GateEvent,
}

/// What happened at the gate that must outlive the process. Slots are not among it: whoever takes a run
/// up holds them again.
///
/// Each event says all that is known of its [subject](GateEvent::subject), so of several of one subject
/// only the last is needed.
///
/// ```
/// use motet_engine::dispatcher::GateEvent;
/// let taken = r#"{"event":"token_taken","pool":"search","rate":"3/1m","shares":120000}"#;
/// let taken: GateEvent = serde_json::from_str(taken).unwrap();
/// assert_eq!(taken.subject(), "bucket search");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum GateEvent {
    /// A token of a pool's bucket was taken.
    TokenTaken {
        /// The pool.
        pool: Arc<str>,
        /// The rate at which the bucket fills up, by which `shares` are counted.
        rate: Rate,
        /// What is left in it: a token has as many shares as the rate's time has milliseconds.
        shares: u64,
    },
    /// A provider said how much a pool allows.
    Limited {
        /// The pool.
        pool: Arc<str>,
        /// How many may be at work in it at once; nothing for any number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slots: Option<usize>,
        /// Until when nothing may begin in it, if the provider said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        closed_until: Option<Timestamp>,
    },
    /// A call failed that was made with the credential of a pool: the last one that did.
    Failed {
        /// The pool.
        pool: Arc<str>,
        /// How.
        class: Class,
    },
    /// A target failed so often that it is left alone.
    BreakerOpened {
        /// The target.
        target: Arc<str>,
        /// Until then.
        until: Timestamp,
    },
    /// A target works again.
    BreakerClosed {
        /// The target.
        target: Arc<str>,
    },
    /// Money is reserved for an attempt.
    Reserved {
        /// The attempt.
        claim: Claim,
        /// How much.
        amount: Money,
        /// The caps that it counts against.
        caps: Vec<Arc<str>>,
        /// Whether the attempt has ended and it is unknown what it cost.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unknown: bool,
    },
    /// Nothing is reserved for an attempt any more.
    Settled {
        /// The attempt.
        claim: Claim,
    },
    /// Something was spent that counts against a cap.
    Spent {
        /// The cap.
        cap: Arc<str>,
        /// All that was spent so far.
        total: Money,
    },
}

impl GateEvent {
    /// What the event is about: an event makes all earlier ones of the same subject superfluous.
    pub fn subject(&self) -> String {
        match self {
            GateEvent::TokenTaken { pool, .. } => format!("bucket {pool}"),
            GateEvent::Limited { pool, .. } => format!("limit {pool}"),
            GateEvent::Failed { pool, .. } => format!("failure {pool}"),
            GateEvent::BreakerOpened { target, .. } | GateEvent::BreakerClosed { target } => {
                format!("breaker {target}")
            }
            GateEvent::Reserved { claim, .. } | GateEvent::Settled { claim } => {
                format!("reservation {} {}", claim.run, claim.key)
            }
            GateEvent::Spent { cap, .. } => format!("cap {cap}"),
        }
    }

    /// Whether nothing is left to know of its subject: it needn't be kept itself.
    pub fn ends_subject(&self) -> bool {
        matches!(self, GateEvent::BreakerClosed { .. } | GateEvent::Settled { .. })
    }
}
