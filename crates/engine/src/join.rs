//! Fan-out: which items start, and when the join goes on.

use motet_pipeline::plan::Each as EachPolicy;

use crate::Failure;
use crate::handle::Handling;
use crate::node::{Each, NodeId, StepStatus};

/// What the state of its items means for a fanned-out step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Items are under way or still to start.
    Open,
    /// Enough succeeded.
    Enough,
    /// Too few succeeded, or can succeed.
    TooFew,
}

fn judge(each: &Each, policy: &EachPolicy, fails_fast: bool) -> Verdict {
    let total = each.items.len() as u32;
    let needed = needed(each, policy) as u32;
    let all_ended = each.ended() == total;
    let possible = total - each.failed - each.skipped - each.cancelled;
    if each.succeeded >= needed && (all_ended || policy.early) {
        Verdict::Enough
    } else if all_ended || (fails_fast && possible < needed) {
        Verdict::TooFew
    } else {
        Verdict::Open
    }
}

/// How many items must succeed. What was skipped counts for nothing, and an empty list is complete.
fn needed(each: &Each, policy: &EachPolicy) -> usize {
    let total = each.items.len();
    if total == 0 { 0 } else { policy.quorum.needed(total - each.skipped as usize) }
}

impl Handling<'_> {
    /// Starts what may start of a fanned-out step, or ends it.
    pub(crate) fn go_on(&mut self, id: NodeId) {
        if self.run.node(id).status != StepStatus::Running || self.run.is_ending(id) {
            return;
        }
        let graph = self.run.graph.clone();
        let step = graph.step(self.run.step_id(id));
        let Some(policy) = &step.each else { return };
        loop {
            let Some(each) = self.run.node(id).each.as_deref() else { return };
            match judge(each, policy, self.run.fails_fast()) {
                Verdict::Enough => return self.end_join(id, None),
                Verdict::TooFew => {
                    let failure = self.too_few(id, policy);
                    return self.end_join(id, Some(failure));
                }
                Verdict::Open => {}
            }
            let full = policy.max_parallel.is_some_and(|max| each.under_way() as usize >= max);
            if full || each.started as usize == each.items.len() {
                return;
            }
            let item = each.first.offset(each.started as usize);
            self.begin(item);
        }
    }

    /// Ends the step; items that are still under way are called off.
    fn end_join(&mut self, id: NodeId, failure: Option<Failure>) {
        let reason = if failure.is_none() { "enough items succeeded" } else { "too few items can succeed" };
        self.cancel_items(id, reason);
        match failure {
            Some(failure) => self.fail_step(id, failure),
            None => self.complete_step(id, None),
        }
    }

    fn too_few(&self, id: NodeId, policy: &EachPolicy) -> Failure {
        let each = self.run.node(id).each.as_ref().expect("a fanned-out step has items");
        let needed = needed(each, policy);
        let nodes = (0..each.items.len()).map(|index| self.run.node(each.first.offset(index)));
        let first = nodes.filter_map(|node| node.failure.as_ref().map(|failure| (node, failure))).next();
        let counts =
            format!("{} of {} items succeeded, {needed} are needed", each.succeeded, each.items.len());
        match first {
            Some((node, failure)) => {
                let message = format!("{counts}; first `{}`: {}", node.path, failure.message);
                (**failure).clone().with_message(message)
            }
            None => Failure::new(motet_pipeline::Class::BadOutput, counts),
        }
    }
}
