//! Sharing: attempts that would give the same are made one after the other, so that the later ones find what the first
//! one gave.
//!
//! Whoever's turn it is looks whether there is such a result already. If there isn't, the attempt goes on to get what it
//! needs, and keeps its turn until it is released. That is the one thing that a claim keeps while it waits for others:
//! whoever waits for a turn holds nothing that anybody could wait for, so nobody waits in a circle.

use std::collections::{BTreeMap, VecDeque};

use motet_pipeline::StepPath;

use super::{Claim, Needs, Shared};
use crate::{AttemptKey, RunId};

/// The claims that share what they would make.
#[derive(Clone, Debug, Default)]
pub(super) struct Sharing {
    places: BTreeMap<Claim, Place>,
    /// For each result those who would make it. The first has its turn.
    queues: BTreeMap<Shared, VecDeque<Claim>>,
}

#[derive(Clone, Debug)]
struct Place {
    shared: Shared,
    /// What else it needs.
    needs: Needs,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Waits,
    Looks,
    /// There was nothing: it gets what it needs, or is at work.
    GoesOn,
}

impl Sharing {
    /// A claim wants to make `shared`, and needs `needs` for it. Tells whether it is to look for it now.
    pub(super) fn enter(&mut self, claim: &Claim, shared: Shared, needs: Needs) -> bool {
        if let Some(place) = self.places.get_mut(claim) {
            place.needs = needs;
            return false;
        }
        let queue = self.queues.entry(shared).or_default();
        queue.push_back(claim.clone());
        let stage = if queue.len() == 1 { Stage::Looks } else { Stage::Waits };
        self.places.insert(claim.clone(), Place { shared, needs, stage });
        stage == Stage::Looks
    }

    /// A claim is at work that makes `shared`: it has its turn, whoever else has one.
    pub(super) fn occupy(&mut self, claim: &Claim, shared: Shared) {
        if !self.places.contains_key(claim) {
            self.queues.entry(shared).or_default().push_front(claim.clone());
            let place = Place { shared, needs: Needs::default(), stage: Stage::GoesOn };
            self.places.insert(claim.clone(), place);
        }
    }

    /// A claim has looked in vain. Gives what it needs.
    pub(super) fn go_on(&mut self, claim: &Claim) -> Option<Needs> {
        let place = self.places.get_mut(claim).filter(|place| place.stage == Stage::Looks)?;
        place.stage = Stage::GoesOn;
        Some(std::mem::take(&mut place.needs))
    }

    /// A claim is over. Gives the one that is to look now.
    pub(super) fn leave(&mut self, claim: &Claim) -> Option<(Claim, Shared)> {
        let Place { shared, .. } = self.places.remove(claim)?;
        let queue = self.queues.get_mut(&shared)?;
        match queue.front() == Some(claim) {
            true => drop(queue.pop_front()),
            false => queue.retain(|other| other != claim),
        }
        let Some(next) = queue.front().cloned() else {
            self.queues.remove(&shared);
            return None;
        };
        let place = self.places.get_mut(&next).filter(|place| place.stage == Stage::Waits)?;
        place.stage = Stage::Looks;
        Some((next, shared))
    }

    /// What a claim shares, if it does.
    pub(super) fn of(&self, claim: &Claim) -> Option<Shared> {
        self.places.get(claim).map(|place| place.shared)
    }

    /// Whether others wait for what a claim makes that has its turn.
    pub(super) fn is_awaited(&self, claim: &Claim) -> bool {
        let queue = self.of(claim).and_then(|shared| self.queues.get(&shared));
        queue.is_some_and(|queue| queue.len() > 1 && queue.front() == Some(claim))
    }

    /// The claims of a run.
    pub(super) fn of_run(&self, run: &RunId) -> Vec<Claim> {
        let first = Claim { run: run.clone(), key: AttemptKey { step: StepPath::root(), number: 0 } };
        let own = self.places.range(first..).take_while(|(claim, _)| claim.run == *run);
        own.map(|(claim, _)| claim.clone()).collect()
    }

    /// How many wait for their turn, or look.
    pub(super) fn waiting(&self) -> usize {
        self.places.values().filter(|place| place.stage != Stage::GoesOn).count()
    }
}
