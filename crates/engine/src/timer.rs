//! Timers are data: what is due when.

use std::collections::{BTreeMap, BTreeSet};

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

/// What is due when. At most one entry for each node and reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Timers {
    due: BTreeMap<(NodeId, Reason), Timestamp>,
    order: BTreeSet<(Timestamp, NodeId, Reason)>,
}

impl Timers {
    pub(crate) fn set(&mut self, node: NodeId, reason: Reason, at: Timestamp) {
        self.clear(node, reason);
        self.due.insert((node, reason), at);
        self.order.insert((at, node, reason));
    }

    pub(crate) fn clear(&mut self, node: NodeId, reason: Reason) {
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
        self.due.get(&(node, reason)).copied()
    }

    /// What is due for a node.
    pub(crate) fn of(&self, node: NodeId) -> Vec<(Reason, Timestamp)> {
        let due = self.due.range((node, Reason::FIRST)..=(node, Reason::LAST));
        due.map(|((_, reason), at)| (*reason, *at)).collect()
    }

    /// The next moment at which something is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _, _)| *at)
    }

    /// What is due first, if it is due by `now`.
    pub(crate) fn due(&self, now: Timestamp) -> Option<(NodeId, Reason)> {
        self.order.first().filter(|(at, _, _)| *at <= now).map(|(_, node, reason)| (*node, *reason))
    }

    /// Nobody drove the run for `away`: what measures our own work moves on by that; sleeps stay.
    pub(crate) fn shift(&mut self, away: Span) {
        let due = std::mem::take(self).due;
        for ((node, reason), at) in due {
            let at = if reason == Reason::Wake { at } else { at.after(away) };
            self.set(node, reason, at);
        }
    }
}
