//! Fan-out: which items start, and when the join continues.

use motet_pipeline::Failure;
use motet_pipeline::plan::Each as EachPolicy;

use crate::handle::Handling;
use crate::node::{Each, NodeId, StepStatus};
use crate::run::Run;

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

/// `unwanted` of the items that have not begun never will.
fn judge(each: &Each, policy: &EachPolicy, unwanted: u32, fails_fast: bool) -> Verdict {
    let total = each.items.len() as u32;
    let needed = needed(each, policy) as u32;
    let all_ended = each.ended() == total;
    let possible = total.saturating_sub(each.failed + each.skipped + each.cancelled + unwanted);
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

impl Run {
    /// Whether there is something to do for a fanned-out step: items to begin, or its end.
    pub(crate) fn may_continue(&self, id: NodeId) -> bool {
        if !self.goes_on(id) {
            return false;
        }
        let policy = &self.graph.step(self.step_id(id)).each;
        let (Some(policy), Some(each)) = (policy, self.node(id).each.as_deref()) else { return false };
        judge(each, policy, self.unwanted_items(id), self.fails_fast()) != Verdict::Open
            || each.may_begin(policy)
    }

    /// Whether the items of a fan-out still begin and count.
    fn goes_on(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.each.is_some() && node.status == StepStatus::Running && !self.is_ending(id)
    }
}

impl Each {
    /// Whether another item may begin.
    fn may_begin(&self, policy: &EachPolicy) -> bool {
        let is_full = policy.max_parallel.is_some_and(|max| self.under_way() as usize >= max);
        !is_full && self.children.len() < self.items.len()
    }
}

impl Handling<'_> {
    /// Ends a fanned-out step if enough of its items succeeded, or too few can; else some may begin.
    pub(crate) fn continue_items(&mut self, id: NodeId) {
        if self.judge_items(id) {
            self.run.agenda.add_fan_out(id);
        }
    }

    /// Starts the next item of a fanned-out step, if it may begin.
    pub(crate) fn begin_item(&mut self, id: NodeId) {
        if self.judge_items(id)
            && let Some(item) = self.run.open_item(id)
        {
            self.begin(item);
            self.continue_items(id);
        }
    }

    /// Whether another item may begin. If the step's end is decided, it ends.
    fn judge_items(&mut self, id: NodeId) -> bool {
        if !self.run.goes_on(id) {
            return false;
        }
        let graph = self.run.graph.clone();
        let step = graph.step(self.run.step_id(id));
        let (Some(policy), Some(each)) = (&step.each, self.run.node(id).each.as_deref()) else {
            return false;
        };
        let failure = match judge(each, policy, self.run.unwanted_items(id), self.run.fails_fast()) {
            Verdict::Open => return each.may_begin(policy),
            Verdict::Enough => None,
            Verdict::TooFew => match self.run.why_too_few(id) {
                Some(cancellation) => {
                    self.lose(id, cancellation);
                    return false;
                }
                None => Some(self.too_few(id, policy)),
            },
        };
        self.end_join(id, failure);
        false
    }

    /// Ends the step; items that are still under way are cancelled.
    fn end_join(&mut self, id: NodeId, failure: Option<Failure>) {
        let reason = if failure.is_none() { "enough items succeeded" } else { "too few items can succeed" };
        self.call_off_inside(id, 0, &reason.into());
        match failure {
            Some(failure) => self.fail_step(id, failure),
            None => self.complete_step(id, None),
        }
    }

    fn too_few(&self, id: NodeId, policy: &EachPolicy) -> Failure {
        let each = self.run.node(id).each.as_ref().expect("a fanned-out step has items");
        let needed = needed(each, policy);
        let mut nodes = each.children.iter().map(|item| self.run.node(*item));
        let first =
            nodes.by_ref().filter_map(|node| node.failure.as_ref().map(|failure| (node, failure))).next();
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
