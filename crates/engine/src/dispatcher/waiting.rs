//! Who waits: filed under what they lack.
//!
//! The claims of a run that need the same wait together, as a party. A party is filed under the first
//! part of its needs that wasn't there when it was last looked at, and is looked at again when that part
//! is. So whoever waits for one thing is never in the way of those who wait for another, and a part that is
//! given back costs a look at whoever waits for it, not at everybody.

use std::collections::BTreeMap;

use super::need::Part;
use super::{Claim, Needs};
use crate::{AttemptKey, RunId};

/// The claims that wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// Each claim, and its place in its party.
    places: BTreeMap<Claim, (Needs, u64)>,
    parties: BTreeMap<PartyKey, Party>,
    /// Under each part those that lack it, in the order in which they are served.
    files: BTreeMap<Part, BTreeMap<Rank, PartyKey>>,
    /// Those that were looked at too often in vain.
    overdue: BTreeMap<Rank, PartyKey>,
    counted: u64,
}

/// The claims of a run that need the same.
pub(super) type PartyKey = (RunId, Needs);

/// The order in which parties are served: whoever was served, or came, first.
pub(super) type Rank = u64;

#[derive(Clone, Debug)]
struct Party {
    /// Never empty.
    queue: BTreeMap<u64, AttemptKey>,
    rank: Rank,
    /// What it is filed under; nothing until it was looked at.
    lacks: Option<Part>,
    /// How often what it lacked was there, and something else was not.
    in_vain: u32,
}

/// A party that was looked at this often in vain goes before all others; see
/// [`Dispatcher`](super::Dispatcher).
pub(super) const IN_VAIN_MAX: u32 = 8;

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn needs_of(&self, claim: &Claim) -> Option<&Needs> {
        self.places.get(claim).map(|(needs, _)| needs)
    }

    /// A claim that doesn't wait yet waits. Gives its party if that is new, and so is to be looked at.
    pub(super) fn add(&mut self, claim: &Claim, needs: Needs) -> Option<PartyKey> {
        let (key, place) = ((claim.run.clone(), needs.clone()), self.count());
        self.places.insert(claim.clone(), (needs, place));
        if let Some(party) = self.parties.get_mut(&key) {
            party.queue.insert(place, claim.key.clone());
            return None;
        }
        let queue = BTreeMap::from([(place, claim.key.clone())]);
        self.parties.insert(key.clone(), Party { queue, rank: place, lacks: None, in_vain: 0 });
        Some(key)
    }

    /// The next claim of a party.
    pub(super) fn first_of(&self, key: &PartyKey) -> Option<Claim> {
        let (_, attempt) = self.parties.get(key)?.queue.first_key_value()?;
        Some(Claim { run: key.0.clone(), key: attempt.clone() })
    }

    /// A claim waits no more.
    pub(super) fn remove(&mut self, claim: &Claim) {
        let Some((needs, place)) = self.places.remove(claim) else { return };
        let key = (claim.run.clone(), needs);
        let Some(party) = self.parties.get_mut(&key) else { return };
        party.queue.remove(&place);
        if party.queue.is_empty() {
            self.unfile(&key);
            self.parties.remove(&key);
        }
    }

    /// The first claim of a party was granted or denied: if there are more, the party goes to the end. Says
    /// whether there are.
    pub(super) fn serve(&mut self, claim: &Claim) -> bool {
        let Some((needs, _)) = self.places.get(claim) else { return false };
        let key = (claim.run.clone(), needs.clone());
        self.remove(claim);
        self.unfile(&key);
        let rank = self.count();
        let party = self.parties.get_mut(&key);
        party.map(|party| (party.rank, party.in_vain) = (rank, 0)).is_some()
    }

    /// A party was looked at, and lacks `part`.
    pub(super) fn file(&mut self, key: &PartyKey, part: Part) {
        let Some(party) = self.parties.get_mut(key) else { return };
        let rank = party.rank;
        party.in_vain = party.in_vain.saturating_add(u32::from(party.lacks.is_some()));
        if party.in_vain >= IN_VAIN_MAX {
            self.overdue.insert(rank, key.clone());
        }
        if party.lacks.as_ref() == Some(&part) {
            return;
        }
        if let Some(before) = party.lacks.replace(part.clone()) {
            self.strike(&before, rank);
        }
        self.files.entry(part).or_default().insert(rank, key.clone());
    }

    /// The party that goes before all others.
    pub(super) fn favoured(&self) -> Option<&PartyKey> {
        self.overdue.first_key_value().map(|(_, key)| key)
    }

    /// The first party after `rank` that lacks `part`.
    pub(super) fn next_lacking(&self, part: &Part, rank: Rank) -> Option<(Rank, PartyKey)> {
        let (rank, key) = self.files.get(part)?.range(rank + 1..).next()?;
        Some((*rank, key.clone()))
    }

    /// What somebody lacks that comes with time.
    pub(super) fn lacks_time(&self) -> impl Iterator<Item = &Part> {
        self.files.keys().take_while(|part| part.comes_with_time())
    }

    /// The claims of a run that wait.
    pub(super) fn of_run(&self, run: &RunId) -> Vec<Claim> {
        let parties = self.parties.range((run.clone(), Needs::default())..);
        let own = parties.take_while(|((other, _), _)| other == run);
        let claim = |key: &AttemptKey| Claim { run: run.clone(), key: key.clone() };
        own.flat_map(|(_, party)| party.queue.values()).map(claim).collect()
    }

    fn unfile(&mut self, key: &PartyKey) {
        let Some(party) = self.parties.get_mut(key) else { return };
        let (rank, lacks) = (party.rank, party.lacks.take());
        self.overdue.remove(&rank);
        lacks.iter().for_each(|part| self.strike(part, rank));
    }

    fn strike(&mut self, part: &Part, rank: Rank) {
        if let Some(file) = self.files.get_mut(part) {
            file.remove(&rank);
            if file.is_empty() {
                self.files.remove(part);
            }
        }
    }

    fn count(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }
}
