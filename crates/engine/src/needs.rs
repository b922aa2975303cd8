//! What attempts need before they may begin: slots, a way to the provider, money.

use std::sync::Arc;

use motet_pipeline::contract::Work;
use motet_pipeline::plan::Target;
use motet_pipeline::price::Facts;
use motet_pipeline::{Class, Money, StepPath};

use crate::attempt::Attempt;
use crate::dispatcher::{Bill, Cap, Needs, Way};
use crate::node::NodeId;
use crate::run::Run;
use crate::{Intent, RunId};

impl Run {
    /// What the present target of `id` must be given before its next attempt may start.
    pub(crate) fn needs(&self, id: NodeId) -> Needs {
        let Some(attempts) = &self.node(id).attempts else { return Needs::default() };
        let money = self.estimate(id);
        self.needs_at(id, attempts.target, money, None)
    }

    /// What an attempt of `id` holds that has not ended: what its own target needs, at whichever the step is by now.
    pub(crate) fn needs_of(&self, id: NodeId, attempt: &Attempt) -> Needs {
        self.needs_at(id, attempt.target, attempt.estimate, attempt.intent.as_deref())
    }

    fn needs_at(&self, id: NodeId, target: usize, amount: Money, intent: Option<&Intent>) -> Needs {
        let targets = self.graph.step(self.step_id(id)).body.targets();
        let Some([target, behind @ ..]) = targets.get(target..) else { return Needs::default() };
        Needs {
            shared: self.shared(id),
            processor: target.contract.work == Work::Processor,
            pool: target.pool.clone(),
            credential: intent.filter(|intent| !intent.credential.is_empty()).map(|intent| intent.place()),
            breaker: way_to(target, behind).map(Box::new),
            money: (!amount.is_zero()).then(|| Box::new(Bill { amount, caps: self.caps(id) })),
        }
    }

    /// Whether an attempt of `id`, at whatever target, may hold something.
    pub(crate) fn may_hold(&self, id: NodeId) -> bool {
        let step = self.graph.step(self.step_id(id));
        step.cache.is_some() || step.body.targets().iter().any(needs_anything)
    }

    /// Whether the present target of `id` must be given something before it may begin, or asks the cache first.
    pub(crate) fn needs_the_gate(&self, id: NodeId) -> bool {
        let Some(attempts) = &self.node(id).attempts else { return false };
        needs_anything(self.target(id, attempts.target)) || self.shared(id).is_some()
    }

    /// The most that the next attempt of `id` may cost. What has no price is let through only where the pipeline, or
    /// whoever started the run, allows it: then nothing can be reserved.
    pub(crate) fn estimate(&self, id: NodeId) -> Money {
        let Some(attempts) = &self.node(id).attempts else { return Money::ZERO };
        let Some(given) = attempts.inputs.as_map() else { return Money::ZERO };
        let target = self.target(id, attempts.target);
        let facts = Facts::resolved(&target.contract, given, target.timeouts.job);
        target.contract.estimate(&facts).map(|estimate| estimate.high).unwrap_or_default()
    }

    /// The caps that what the step or item at `path` spends counts against.
    pub fn caps_of(&self, path: &StepPath) -> Vec<Cap> {
        self.find(path).map(|id| self.caps(id)).unwrap_or_default()
    }

    /// The caps that what `id` spends counts against: its own of a quote, those of the run and of the used files around it.
    fn caps(&self, id: NodeId) -> Vec<Cap> {
        let mut caps = Vec::new();
        // The narrowest first: it is the one that is named if several are short.
        let of_quote = |(step, limit)| Cap { name: quoted_cap(self.id(), step), limit };
        caps.extend(self.allowance.of_step(&self.node(id).path).map(of_quote));
        let of_run = |limit| Cap { name: format!("run {}", self.id()).into(), limit };
        caps.extend(self.allowance.limit.map(of_run));
        let mut at = id;
        while at != NodeId::ROOT {
            let limit = self.graph.step(self.step_id(at)).budget;
            let name = || format!("run {} {}", self.id(), self.node(at).path).into();
            caps.extend(limit.map(|limit| Cap { name: name(), limit }));
            at = self.scope_node(at);
        }
        caps
    }
}

/// The name of what a quote lets a step of a run spend.
fn quoted_cap(run: &RunId, step: String) -> Arc<str> {
    format!("run {run} as quoted for {step}").into()
}

/// Whether an attempt at `target` must be given something before it may begin.
fn needs_anything(target: &Target) -> bool {
    let contract = &target.contract;
    let is_scarce = contract.work == Work::Processor || target.pool.is_some();
    is_scarce || contract.call.is_some() || contract.price.is_some()
}

/// The way to a provider; servers that pipelines name have none in common. Where a fallback is there for a provider
/// that can't be reached, nobody waits for it.
fn way_to(target: &Target, behind: &[Target]) -> Option<Way> {
    target.contract.call.filter(|_| target.contract.work != Work::Request)?;
    let waits = !behind.iter().any(|fallback| fallback.on.contains(&Class::Unavailable));
    Some(Way { target: Arc::from(target.contract.provider()), waits })
}
