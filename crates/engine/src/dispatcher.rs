//! The dispatcher: the only gate to anything scarce, shared by all runs.
//!
//! It is told what is wanted and what was given back, and says what may go now. Pure, like the run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use motet_pipeline::StepPath;

use crate::{Resource, RunId};

/// Somebody who wants, or has, a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Its step or item.
    pub step: StepPath,
}

/// Hands out slots, fairly among runs: those that wait are served in turn, each run's claims in the
/// order in which they came.
///
/// ```
/// use motet_engine::{Dispatcher, Resource, RunId, dispatcher::Claim};
/// use motet_pipeline::StepPath;
/// let claim = |run: &str, step: &str| Claim { run: RunId::new(run), step: StepPath::from_text(step) };
/// let mut dispatcher = Dispatcher::new([(Resource::Processor, 1)]);
/// dispatcher.want(claim("a", "one"), Resource::Processor);
/// dispatcher.want(claim("a", "two"), Resource::Processor);
/// dispatcher.want(claim("b", "one"), Resource::Processor);
/// assert_eq!(dispatcher.poll_grant(), Some(claim("a", "one")));
/// assert_eq!(dispatcher.poll_grant(), None);
/// dispatcher.release(Resource::Processor);
/// assert_eq!(dispatcher.poll_grant(), Some(claim("b", "one")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dispatcher {
    pools: BTreeMap<Resource, Pool>,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    slots: usize,
    taken: usize,
    waiting: BTreeMap<RunId, VecDeque<StepPath>>,
    claims: BTreeSet<Claim>,
    turn: VecDeque<RunId>,
}

impl Dispatcher {
    /// A gate with so many slots of each resource.
    pub fn new(slots: impl IntoIterator<Item = (Resource, usize)>) -> Dispatcher {
        let pools = slots.into_iter().map(|(resource, slots)| (resource, Pool { slots, ..Pool::default() }));
        Dispatcher { pools: pools.collect() }
    }

    /// Somebody wants a slot. Asking twice changes nothing.
    pub fn want(&mut self, claim: Claim, resource: Resource) {
        let pool = self.pools.entry(resource).or_default();
        if !pool.claims.insert(claim.clone()) {
            return;
        }
        let queue = pool.waiting.entry(claim.run.clone()).or_default();
        if queue.is_empty() {
            pool.turn.push_back(claim.run);
        }
        queue.push_back(claim.step);
    }

    /// A run is over, or leaves: its claims are forgotten (what it has taken is released as it ends).
    pub fn forget(&mut self, run: &RunId) {
        for pool in self.pools.values_mut() {
            pool.waiting.remove(run);
            pool.claims.retain(|claim| claim.run != *run);
            pool.turn.retain(|other| other != run);
        }
    }

    /// A slot is given back.
    pub fn release(&mut self, resource: Resource) {
        if let Some(pool) = self.pools.get_mut(&resource) {
            pool.taken = pool.taken.saturating_sub(1);
        }
    }

    /// Who may go now, one at a time until nobody may.
    pub fn poll_grant(&mut self) -> Option<Claim> {
        self.pools.values_mut().find_map(Pool::grant)
    }

    /// How many wait for a slot.
    pub fn waiting(&self, resource: Resource) -> usize {
        self.pools.get(&resource).map_or(0, |pool| pool.claims.len())
    }
}

impl Pool {
    fn grant(&mut self) -> Option<Claim> {
        if self.taken >= self.slots {
            return None;
        }
        let run = self.turn.pop_front()?;
        let queue = self.waiting.get_mut(&run).expect("a run whose turn it is has claims");
        let step = queue.pop_front().expect("a run whose turn it is has claims");
        if queue.is_empty() {
            self.waiting.remove(&run);
        } else {
            self.turn.push_back(run.clone());
        }
        let claim = Claim { run, step };
        self.claims.remove(&claim);
        self.taken += 1;
        Some(claim)
    }
}
