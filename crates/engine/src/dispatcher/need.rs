//! Needs: what an attempt must be given before it may begin.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use motet_pipeline::Digest;
use serde::{Deserialize, Serialize};

use super::breaker;
use super::budget::Bill;
use super::{Rate, RunId};
use crate::AttemptKey;

/// An attempt that wants, or holds, something scarce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Its attempt.
    pub key: AttemptKey,
}

/// A result that several attempts would make: its key in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared(pub Digest);

/// All that an attempt needs at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needs {
    /// That nobody else is about to make the same, and that there is no such result yet. This comes before all others.
    pub shared: Option<Shared>,
    /// A slot of a processor.
    pub processor: bool,
    /// A place in the named pool: a slot and a token, as far as the pool limits them.
    pub pool: Option<Arc<str>>,
    /// A place with a credential of a provider, of the same kind: which one, the host chooses.
    pub credential: Option<Arc<str>>,
    /// That a target isn't left alone.
    pub breaker: Option<Box<Way>>,
    /// Money, which is reserved.
    pub money: Option<Box<Bill>>,
}

/// The way to a target, past its breaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The target.
    pub target: Arc<str>,
    /// Whether to wait while the breaker is open; else the claim is denied then.
    pub waits: bool,
}

impl Needs {
    /// A slot of a processor, and nothing else.
    pub fn processor() -> Needs {
        Needs { processor: true, ..Needs::default() }
    }

    /// A place in a pool, and nothing else.
    pub fn pool(name: impl Into<Arc<str>>) -> Needs {
        Needs { pool: Some(name.into()), ..Needs::default() }
    }

    /// The same with a place in a pool.
    #[must_use]
    pub fn and_pool(mut self, name: impl Into<Arc<str>>) -> Needs {
        self.pool = Some(name.into());
        self
    }

    /// Whether it may begin at once.
    pub fn is_empty(&self) -> bool {
        *self == Needs::default()
    }

    /// The pools in which it needs a place.
    pub(super) fn pools(&self) -> impl Iterator<Item = &Arc<str>> {
        self.pool.iter().chain(&self.credential)
    }

    /// Its parts, in the order in which they are looked at: what comes with time first, what is given
    /// back soonest last.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let way = self.breaker.iter().map(|way| Part::Breaker(way.target.clone()));
        let token = self.pools().cloned().map(Part::Token);
        let caps = self.money.iter().flat_map(|bill| &bill.caps).map(|cap| Part::Money(cap.name.clone()));
        let slot = self.pools().cloned().map(Part::Slot);
        way.chain(token).chain(caps).chain(slot).chain(self.processor.then_some(Part::Processor))
    }
}

impl fmt::Display for Needs {
    /// For people: ``a processor and a place in the pool `gpu` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processor = self.processor.then(|| "a processor".to_owned());
        let pool = self.pool.iter().map(|name| format!("a place in the pool `{name}`"));
        let key = self.credential.iter().map(|name| format!("a place at `{name}`"));
        let way = self.breaker.iter().map(|way| format!("{} to work again", way.target));
        let money = self.money.iter().map(|bill| format!("${}", bill.amount));
        let shared = self.shared.map(|_| "whoever makes the same".to_owned());
        let words: Vec<String> =
            shared.into_iter().chain(processor).chain(pool).chain(key).chain(way).chain(money).collect();
        f.write_str(if words.is_empty() { "nothing" } else { "" })?;
        f.write_str(&words.join(" and "))
    }
}

/// One of the things that a claim may lack. Those that come with time stand first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Breaker(Arc<str>),
    Token(Arc<str>),
    Money(Arc<str>),
    Slot(Arc<str>),
    Processor,
}

impl Part {
    pub(super) fn comes_with_time(&self) -> bool {
        matches!(self, Part::Breaker(_) | Part::Token(_))
    }
}

/// How much there is of everything.
///
/// ```
/// use motet_engine::dispatcher::{Limits, PoolLimit};
/// let limits = Limits::processors(4).with_pool("gpu", PoolLimit { slots: Some(1), rate: None });
/// assert_eq!(limits.pools["gpu"].slots, Some(1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How much work that keeps a processor busy may run at once.
    pub processors: usize,
    /// The pools, by name.
    pub pools: BTreeMap<Arc<str>, PoolLimit>,
    /// When breakers open and close.
    pub breakers: breaker::Policy,
}

/// What a pool allows. Of what isn't said there is as much as anybody likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolLimit {
    /// How many attempts may be at work in it at once.
    pub slots: Option<usize>,
    /// How often an attempt may begin in it.
    pub rate: Option<Rate>,
}

impl Limits {
    /// So many processors, and no pools.
    pub fn processors(processors: usize) -> Limits {
        Limits { processors, ..Limits::default() }
    }

    /// The same with a pool.
    #[must_use]
    pub fn with_pool(mut self, name: impl Into<Arc<str>>, limit: PoolLimit) -> Limits {
        self.pools.insert(name.into(), limit);
        self
    }
}
