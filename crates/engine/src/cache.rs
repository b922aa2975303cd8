//! The cache: a result of another run may stand for what a step is about to do.
//!
//! What is looked for is the step's fingerprint without what differs from run to run: a seed that the step wasn't given.
//! Without a seed the same inputs give another result each time, and several takes of one thing are to stay several; so
//! then the place in the pipeline belongs to it.

use motet_pipeline::contract::{Contract, Work};
use motet_pipeline::{Digest, StepPath, Timestamp, Value};

use crate::command::Command;
use crate::earlier::{Anew, fingerprint, first_contract};
use crate::event::{CacheKey, Reused};
use crate::handle::Handling;
use crate::node::NodeId;
use crate::run::Run;
use crate::{AttemptKey, dispatcher::Shared};

/// A result that the cache has.
#[derive(Clone, Debug, PartialEq)]
pub struct Cached {
    /// What it gave.
    pub output: Value,
    /// Where it comes from.
    pub from: Reused,
    /// When it was made.
    pub at: Timestamp,
}

impl Run {
    /// Under which key the result of `id` is looked for and kept, if its step has `cache`. It was given a seed, or not.
    pub(crate) fn cache_key(&self, id: NodeId, inputs: &Value, is_seeded: bool) -> Option<Box<CacheKey>> {
        let step = self.step_id(id);
        let cache = self.graph.step(step).cache?;
        let contract = first_contract(&self.graph, step)?;
        let drawn = !is_seeded && inputs.as_map().is_some_and(|inputs| inputs.contains_key("seed"));
        let made = fingerprint(contract, &if drawn { without_seed(inputs) } else { inputs.clone() });
        let is_take = drawn || !is_seeded && varies(contract);
        let fingerprint = if is_take { at_place(made, &self.node(id).path) } else { made };
        let operation = contract.operation.clone();
        Some(Box::new(CacheKey { fingerprint, operation, ttl: cache.ttl }))
    }

    /// Under which key what the present target of `id` gives is kept for other runs. What a fallback gives isn't.
    pub(crate) fn kept_under(&self, id: NodeId) -> Option<Box<CacheKey>> {
        let attempts = self.node(id).attempts.as_ref()?;
        attempts.cache.clone().filter(|_| attempts.target == 0)
    }

    /// What the attempt of `id` shares with all that would make the same: nothing if it doesn't ask the cache.
    pub(crate) fn shared(&self, id: NodeId) -> Option<Shared> {
        let node = self.node(id);
        let attempts = node.attempts.as_ref()?;
        let key = attempts.cache.as_ref().filter(|_| attempts.target == 0 && !self.started.no_cache)?;
        let is_redone =
            self.started.base.as_deref().is_some_and(|base| Anew::of(base, &self.graph).holds(&node.path));
        (!is_redone).then_some(Shared(key.fingerprint))
    }
}

/// The fingerprint of what is made at one place of a pipeline.
fn at_place(made: Digest, place: &StepPath) -> Digest {
    let (made, place) = (made.to_string(), place.as_str());
    Digest::of(&serde_json::to_vec(&[made.as_str(), place]).expect("texts are plain data"))
}

fn without_seed(inputs: &Value) -> Value {
    let others = inputs.as_map().into_iter().flatten().filter(|(name, _)| *name != "seed");
    Value::map(others.map(|(name, value)| (name.clone(), value.clone())))
}

/// Whether the same inputs without a seed may give another result.
fn varies(contract: &Contract) -> bool {
    contract.work != Work::Processor
}

impl Handling<'_> {
    /// The cache has a result for an attempt that is about to be made: it is taken if it is still good. If the step
    /// waits on after that, it isn't.
    pub(crate) fn on_cached(&mut self, key: AttemptKey, cached: Cached) {
        self.meet_doom(&key);
        let Some(id) = self.run.find(&key.step).filter(|id| self.run.waits_for_slot(*id, key.number)) else {
            return;
        };
        let attempts = self.run.node(id).attempts.as_ref().filter(|_| self.run.shared(id).is_some());
        let Some(ttl) = attempts.and_then(|attempts| attempts.cache.as_ref()).map(|key| key.ttl) else {
            return;
        };
        if ttl.is_some_and(|ttl| self.now.since(cached.at) > ttl) {
            return;
        }
        let output = self.complete_output(id, cached.output);
        if self.find_fault(id, &output).is_none() {
            let Reused { step, .. } = &cached.from;
            let step = step.clone().filter(|step| *step != key.step);
            self.commands.push(Command::Release { key });
            self.complete_with(id, Some(output), Some(Box::new(Reused { step, ..cached.from })));
        }
    }
}
