//! Timers are data: what is due when.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use motet_pipeline::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::node::NodeId;

/// Why something will be due: of the run, of a step, or of an attempt of it (by its number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The run has taken as long as it may.
    Run,
    /// The step has taken as long as it may over all attempts.
    Total,
    /// A sleep or a pause before a retry is over.
    Wake,
    /// The attempt has taken as long as it may.
    Attempt(u32),
    /// The end of an attempt that nobody wants is no longer awaited.
    Drain(u32),
}

impl Reason {
    /// All that may be due for a node stands from here on, in order.
    const FIRST: Reason = Reason::Run;
    const LAST: Reason = Reason::Drain(u32::MAX);
}

/// What is due, of what, and why: in order of time.
type Timer = (Timestamp, NodeId, Reason);

/// What is due when. At most one entry for each node and reason.
///
/// A few of them stand in a list. Most runs never have more, and trees take half a kilobyte for one entry.
#[derive(Clone, Default)]
pub(crate) struct Timers {
    few: Vec<Timer>,
    /// All others, twice.
    due: BTreeMap<(NodeId, Reason), Timestamp>,
    order: BTreeSet<Timer>,
}

/// So many are a few.
const FEW: usize = 4;

impl Timers {
    pub(crate) fn set(&mut self, node: NodeId, reason: Reason, at: Timestamp) {
        self.clear(node, reason);
        if self.few.len() < FEW {
            self.few.push((at, node, reason));
        } else {
            self.due.insert((node, reason), at);
            self.order.insert((at, node, reason));
        }
    }

    /// It is due no sooner than `at`.
    pub(crate) fn defer(&mut self, node: NodeId, reason: Reason, at: Timestamp) {
        self.set(node, reason, self.at(node, reason).map_or(at, |due| due.max(at)));
    }

    pub(crate) fn clear(&mut self, node: NodeId, reason: Reason) {
        self.few.retain(|(_, of, why)| (*of, *why) != (node, reason));
        if let Some(at) = self.due.remove(&(node, reason)) {
            self.order.remove(&(at, node, reason));
        }
    }

    /// The node is over: only the ends of attempts are still awaited.
    pub(crate) fn clear_node(&mut self, node: NodeId) {
        for (reason, _) in self.of(node) {
            if !matches!(reason, Reason::Drain(_)) {
                self.clear(node, reason);
            }
        }
    }

    pub(crate) fn at(&self, node: NodeId, reason: Reason) -> Option<Timestamp> {
        let few = self.few.iter().find(|(_, of, why)| (*of, *why) == (node, reason));
        few.map(|(at, _, _)| *at).or_else(|| self.due.get(&(node, reason)).copied())
    }

    /// What is due for a node, in the order of reasons.
    pub(crate) fn of(&self, node: NodeId) -> Vec<(Reason, Timestamp)> {
        let few = self.few.iter().filter(|(_, of, _)| *of == node).map(|(at, _, reason)| (*reason, *at));
        let others = self.due.range((node, Reason::FIRST)..=(node, Reason::LAST));
        let mut all: Vec<_> = few.chain(others.map(|((_, reason), at)| (*reason, *at))).collect();
        all.sort_unstable();
        all
    }

    /// The next moment at which something is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.first().map(|(at, _, _)| *at)
    }

    /// What is due first, if it is due by `now`.
    pub(crate) fn due(&self, now: Timestamp) -> Option<(NodeId, Reason)> {
        self.first().filter(|(at, _, _)| *at <= now).map(|(_, node, reason)| (*node, *reason))
    }

    fn first(&self) -> Option<&Timer> {
        self.few.iter().chain(self.order.first()).min()
    }

    fn all(&self) -> BTreeSet<Timer> {
        self.few.iter().chain(&self.order).copied().collect()
    }

    /// Nobody drove the run for `away`: what measures our own work moves on by that; sleeps stay.
    pub(crate) fn shift(&mut self, away: Span) {
        for (at, node, reason) in std::mem::take(self).all() {
            let at = if reason == Reason::Wake { at } else { at.after(away) };
            self.set(node, reason, at);
        }
    }
}

/// What stands where makes no difference.
impl PartialEq for Timers {
    fn eq(&self, other: &Timers) -> bool {
        self.all() == other.all()
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason() -> impl Strategy<Value = Reason> {
        prop_oneof![
            Just(Reason::Run),
            Just(Reason::Total),
            Just(Reason::Wake),
            (1u32..3).prop_map(Reason::Attempt),
            (1u32..3).prop_map(Reason::Drain),
        ]
    }

    proptest! {
        /// Whatever comes and goes, whether few or many are there.
        #[test]
        fn timers_are_what_a_plain_list_of_them_says(
            changes in prop::collection::vec((0u32..4, reason(), prop::option::of(0i64..50)), 0..60),
            away in 0u64..30,
        ) {
            let (mut timers, mut plain) = (Timers::default(), BTreeMap::new());
            for (node, reason, at) in changes {
                let node = NodeId(node);
                match at.map(Timestamp) {
                    Some(at) => {
                        timers.set(node, reason, at);
                        plain.insert((node, reason), at);
                    }
                    None => {
                        timers.clear(node, reason);
                        plain.remove(&(node, reason));
                    }
                }
                let first = plain.iter().map(|((node, reason), at)| (*at, *node, *reason)).min();
                prop_assert_eq!(timers.next(), first.map(|(at, _, _)| at));
                prop_assert_eq!(timers.due(Timestamp(25)), first.filter(|(at, _, _)| at.0 <= 25).map(|(_, node, reason)| (node, reason)));
                prop_assert_eq!(timers.at(node, reason), plain.get(&(node, reason)).copied());
                let of_node = plain.iter().filter(|((of, _), _)| *of == node).map(|((_, reason), at)| (*reason, *at));
                prop_assert_eq!(timers.of(node), of_node.collect::<Vec<_>>());
            }
            let mut again = Timers::default();
            plain.iter().rev().for_each(|((node, reason), at)| again.set(*node, *reason, *at));
            prop_assert_eq!(&timers, &again);
            timers.shift(Span(away));
            for ((node, reason), at) in plain {
                let at = if reason == Reason::Wake { at } else { at.after(Span(away)) };
                prop_assert_eq!(timers.at(node, reason), Some(at));
            }
        }
    }
}
