//! The dispatcher: the only gate to anything scarce, shared by all runs.
//!
//! It is told what is wanted and what was given back, and says what may go now. Pure, like the run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{AttemptKey, Resource, RunId};

/// An attempt that wants, or holds, a slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Its attempt.
    pub key: AttemptKey,
}

/// Hands out slots, fairly among runs: those that wait are served in turn, each run's claims in the
/// order in which they came.
///
/// Whatever it is told twice, or late, changes nothing: a slot belongs to a claim, not to a number.
///
/// ```
/// use motet_engine::{AttemptKey, Dispatcher, Resource, RunId, dispatcher::Claim};
/// use motet_pipeline::StepPath;
/// let claim = |run: &str, step: &str| {
///     Claim { run: RunId::new(run), key: AttemptKey { step: StepPath::from_text(step), number: 1 } }
/// };
/// let mut dispatcher = Dispatcher::new([(Resource::Processor, 1)]);
/// dispatcher.want(claim("a", "one"), Resource::Processor);
/// dispatcher.want(claim("a", "two"), Resource::Processor);
/// dispatcher.want(claim("b", "one"), Resource::Processor);
/// assert_eq!(dispatcher.poll_grant(), Some(claim("a", "one")));
/// assert_eq!(dispatcher.poll_grant(), None);
/// dispatcher.release(&claim("a", "one"));
/// assert_eq!(dispatcher.poll_grant(), Some(claim("b", "one")));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Dispatcher {
    pools: BTreeMap<Resource, Pool>,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    slots: usize,
    held: BTreeSet<Claim>,
    /// Each claim that waits, and its place in its run's queue.
    places: BTreeMap<Claim, u64>,
    /// The attempts that wait, by run and place.
    queues: BTreeMap<RunId, BTreeMap<u64, AttemptKey>>,
    /// The runs that have a queue, the next to be served first.
    turn: VecDeque<RunId>,
    places_given: u64,
}

impl Dispatcher {
    /// A gate with so many slots of each resource.
    pub fn new(slots: impl IntoIterator<Item = (Resource, usize)>) -> Dispatcher {
        let pools = slots.into_iter().map(|(resource, slots)| (resource, Pool { slots, ..Pool::default() }));
        Dispatcher { pools: pools.collect() }
    }

    /// An attempt wants a slot.
    pub fn want(&mut self, claim: Claim, resource: Resource) {
        self.pools.entry(resource).or_default().want(claim);
    }

    /// An attempt that holds a slot is at work. One that was at work before this dispatcher was made
    /// takes its slot here, even if there are not so many.
    pub fn hold(&mut self, claim: Claim, resource: Resource) {
        let pool = self.pools.entry(resource).or_default();
        pool.withdraw(&claim);
        pool.held.insert(claim);
    }

    /// An attempt gives its slot back, or doesn't want one any more.
    pub fn release(&mut self, claim: &Claim) {
        for pool in self.pools.values_mut() {
            pool.held.remove(claim);
            pool.withdraw(claim);
        }
    }

    /// A run is over, or leaves: what it waits for is forgotten. What it holds is released as its work
    /// ends.
    pub fn forget(&mut self, run: &RunId) {
        for pool in self.pools.values_mut() {
            pool.forget(run);
        }
    }

    /// Who may go now, one at a time until nobody may.
    pub fn poll_grant(&mut self) -> Option<Claim> {
        self.pools.values_mut().find_map(Pool::grant)
    }

    /// How many wait for a slot.
    pub fn waiting(&self, resource: Resource) -> usize {
        self.pools.get(&resource).map_or(0, |pool| pool.places.len())
    }

    /// How many slots are held.
    pub fn held(&self, resource: Resource) -> usize {
        self.pools.get(&resource).map_or(0, |pool| pool.held.len())
    }
}

impl Pool {
    fn want(&mut self, claim: Claim) {
        if self.held.contains(&claim) || self.places.contains_key(&claim) {
            return;
        }
        let queue = self.queues.entry(claim.run.clone()).or_insert_with(|| {
            self.turn.push_back(claim.run.clone());
            BTreeMap::new()
        });
        self.places_given += 1;
        queue.insert(self.places_given, claim.key.clone());
        self.places.insert(claim, self.places_given);
    }

    fn withdraw(&mut self, claim: &Claim) {
        if let Some(place) = self.places.remove(claim)
            && let Some(queue) = self.queues.get_mut(&claim.run)
        {
            // An empty queue goes when its turn comes.
            queue.remove(&place);
        }
    }

    fn forget(&mut self, run: &RunId) {
        let queue = self.queues.get_mut(run).map(std::mem::take).unwrap_or_default();
        for key in queue.into_values() {
            self.places.remove(&Claim { run: run.clone(), key });
        }
    }

    fn grant(&mut self) -> Option<Claim> {
        while self.held.len() < self.slots {
            let run = self.turn.pop_front()?;
            let mut queue = self.queues.remove(&run).expect("a run that has a turn has a queue");
            let Some((_, key)) = queue.pop_first() else { continue };
            if !queue.is_empty() {
                self.queues.insert(run.clone(), queue);
                self.turn.push_back(run.clone());
            }
            let claim = Claim { run, key };
            self.places.remove(&claim);
            self.held.insert(claim.clone());
            return Some(claim);
        }
        None
    }
}
