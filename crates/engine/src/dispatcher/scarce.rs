//! What is scarce: how much of it there is, and who may have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Failure, Money, Timestamp};

use super::breaker::{self, Breaker, Change, Passage};
use super::budget::{Bill, Budget, Cap, Funds, Spent};
use super::need::Part;
use super::pool::{Pace, Pool, PoolState, Slots};
use super::{Cause, Claim, GateEntry, GateEvent, Limits, Needs, Way};
use crate::RunId;

/// Slots, tokens, breakers and money.
#[derive(Clone, Debug)]
pub(super) struct Scarce {
    processors: Slots,
    pools: BTreeMap<Arc<str>, Pool>,
    breakers: BTreeMap<Arc<str>, Breaker>,
    policy: breaker::Policy,
    budget: Budget,
}

/// Whether a claim may go.
pub(super) enum Answer {
    /// All that it needs is there.
    There,
    /// Not now: this is the first part that it lacks.
    Lacks(Part),
    Denied(Box<Cause>),
}

/// What is there and kept for somebody.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    parts: Vec<Part>,
    bill: Option<Box<Bill>>,
}

impl Kept {
    fn count(&self, part: &Part) -> usize {
        usize::from(self.parts.contains(part))
    }
}

impl Scarce {
    pub(super) fn new(limits: Limits) -> Scarce {
        Scarce {
            processors: Slots::of(limits.processors),
            pools: limits.pools.into_iter().map(|(name, limit)| (name, Pool::new(limit))).collect(),
            breakers: BTreeMap::new(),
            policy: limits.breakers,
            budget: Budget::default(),
        }
    }

    pub(super) fn has_pool(&self, name: &str) -> bool {
        self.pools.contains_key(name)
    }

    /// Whether `claim` may have all of `needs`, of which `kept` is somebody else's.
    pub(super) fn judge(&self, claim: &Claim, needs: &Needs, kept: &Kept, now: Timestamp) -> Answer {
        let found = needs.parts().find_map(|part| self.find_lack(part, claim, needs, kept, now));
        found.unwrap_or(Answer::There)
    }

    /// What is there of the needs of `claim`, up to the first part that isn't.
    pub(super) fn keep(&self, claim: &Claim, needs: &Needs, now: Timestamp) -> Kept {
        let is_there =
            |part: &Part| self.find_lack(part.clone(), claim, needs, &Kept::default(), now).is_none();
        let parts: Vec<Part> = needs.parts().take_while(is_there).collect();
        let has_money = parts.iter().any(|part| matches!(part, Part::Money(_)));
        Kept { parts, bill: needs.money.clone().filter(|_| has_money) }
    }

    fn find_lack(
        &self,
        part: Part,
        claim: &Claim,
        needs: &Needs,
        kept: &Kept,
        now: Timestamp,
    ) -> Option<Answer> {
        match (&part, &needs.breaker, &needs.money) {
            (Part::Breaker(_), Some(way), _) => self.find_closed_way(part, way, now),
            (Part::Money(_), _, Some(bill)) => match self.budget.judge(claim, bill, kept.bill.as_deref()) {
                Funds::There => None,
                Funds::Later(cap) => Some(Answer::Lacks(Part::Money(cap.name.clone()))),
                Funds::Never(cap, left) => {
                    Some(Answer::Denied(Box::new(Cause::Budget(broke(bill, cap, left)))))
                }
            },
            _ => (!self.is_spare(&part, kept, now)).then_some(Answer::Lacks(part)),
        }
    }

    fn find_closed_way(&self, part: Part, way: &Way, now: Timestamp) -> Option<Answer> {
        let failure = |words: &str| {
            Failure::unavailable(format!("{} failed too often and is paused {words}", way.target))
        };
        let denied = match self.passage(&way.target, now) {
            Passage::Open => return None,
            _ if way.waits => return Some(Answer::Lacks(part)),
            Passage::From(until) => failure("for a while").retry_at(until),
            Passage::AfterProbe => failure("until one call has shown that it works again"),
        };
        Some(Answer::Denied(Box::new(Cause::Failure(denied))))
    }

    fn passage(&self, target: &Arc<str>, now: Timestamp) -> Passage {
        self.breakers.get(target).map_or(Passage::Open, |breaker| breaker.passage(now))
    }

    /// Whether there is something of `part` that isn't kept.
    pub(super) fn is_spare(&self, part: &Part, kept: &Kept, now: Timestamp) -> bool {
        let kept = kept.count(part);
        let pool = |name| self.pools.get(name);
        match part {
            Part::Breaker(target) => self.passage(target, now) == Passage::Open,
            Part::Token(name) => pool(name).is_some_and(|pool| pool.tokens(now) > kept as u64),
            // How much is asked for differs.
            Part::Money(_) => true,
            Part::Slot(name) => pool(name).is_some_and(|pool| pool.slots.free() > kept),
            Part::Processor => self.processors.free() > kept,
        }
    }

    /// When there will be something of `part` that isn't kept, if that comes with time.
    pub(super) fn when(&self, part: &Part, kept: &Kept, now: Timestamp) -> Option<Timestamp> {
        match part {
            Part::Breaker(target) => match self.passage(target, now) {
                Passage::From(until) => Some(until),
                Passage::Open | Passage::AfterProbe => None,
            },
            Part::Token(name) => self.pools.get(name)?.when(1 + kept.count(part) as u64, now),
            Part::Money(_) | Part::Slot(_) | Part::Processor => None,
        }
    }

    /// Gives `claim` what is there of its needs, all of it.
    pub(super) fn take(&mut self, claim: &Claim, needs: &Needs, now: Timestamp) -> Vec<GateEvent> {
        self.occupy(needs);
        if let Some(way) = &needs.breaker {
            self.breakers.entry(way.target.clone()).or_default().pass(claim);
        }
        let mut events: Vec<_> = needs.pools().filter_map(|pool| self.take_token(pool, now)).collect();
        events.extend(needs.money.as_ref().map(|bill| self.budget.reserve(claim, bill)));
        events
    }

    fn take_token(&mut self, name: &Arc<str>, now: Timestamp) -> Option<GateEvent> {
        let bucket = self.pools.get_mut(name)?.take(now)?;
        Some(GateEvent::TokenTaken { pool: name.clone(), rate: bucket.rate(), shares: bucket.shares() })
    }

    /// Takes the slots of `needs`, whether or not they are there.
    pub(super) fn occupy(&mut self, needs: &Needs) {
        self.change_slots(needs, |slots| slots.held += 1);
    }

    /// Gives the slots of `needs` back.
    pub(super) fn vacate(&mut self, claim: &Claim, needs: &Needs) {
        self.change_slots(needs, |slots| slots.held = slots.held.saturating_sub(1));
        if let Some(breaker) = needs.breaker.as_ref().and_then(|way| self.breakers.get_mut(&way.target)) {
            breaker.pass_by(claim);
        }
    }

    fn change_slots(&mut self, needs: &Needs, change: fn(&mut Slots)) {
        for name in needs.pools() {
            self.pools.get_mut(name).into_iter().for_each(|pool| change(&mut pool.slots));
        }
        if needs.processor {
            change(&mut self.processors);
        }
    }

    pub(super) fn apply(&mut self, entry: &GateEntry, now: Timestamp) {
        match &entry.event {
            GateEvent::TokenTaken { pool, rate, shares } => {
                let bucket = self.pools.get_mut(pool).and_then(|pool| pool.bucket.as_mut());
                // A clock that was set back since takes nothing away.
                let at = entry.at.min(now);
                bucket.into_iter().for_each(|bucket| *bucket = bucket.with(*rate, *shares, at));
            }
            GateEvent::Limited { pool, slots, closed_until } => {
                let pool = self.pools.get_mut(pool);
                pool.into_iter().for_each(|pool| pool.remember(*slots, *closed_until));
            }
            GateEvent::BreakerOpened { target, until } => {
                let breaker = self.breakers.entry(target.clone()).or_default();
                breaker.apply(Change::Opened { until: *until });
            }
            GateEvent::BreakerClosed { target } => drop(self.breakers.remove(target)),
            event => self.budget.apply(event),
        }
    }
}

/// What came of calls, and what they cost.
impl Scarce {
    /// Takes in what a provider says of the limits of the pool `name`.
    pub(super) fn hear(&mut self, name: &Arc<str>, pace: Pace, now: Timestamp) -> Option<GateEvent> {
        let pool = self.pools.get_mut(name)?;
        let is_news = pool.hear(pace, now);
        let (slots, closed_until) = (pool.slots(), pool.closed_until(now));
        is_news.then(|| GateEvent::Limited { pool: name.clone(), slots, closed_until })
    }

    pub(super) fn state_of(&self, name: &str, now: Timestamp) -> Option<PoolState> {
        Some(self.pools.get(name)?.state(now))
    }

    pub(super) fn see(
        &mut self,
        target: &Arc<str>,
        now: Timestamp,
        claim: &Claim,
        failure: Option<&Failure>,
    ) -> Option<GateEvent> {
        let breaker = self.breakers.entry(target.clone()).or_default();
        breaker.see(&self.policy, now, claim, failure).map(|change| change.of(target))
    }

    pub(super) fn settle(&mut self, claim: &Claim, spent: Spent) -> Vec<GateEvent> {
        self.budget.settle(claim, spent)
    }

    pub(super) fn spend(&mut self, bill: &Bill) -> Vec<GateEvent> {
        self.budget.spend(bill)
    }

    pub(super) fn pay_back(&mut self, claim: &Claim) -> Vec<GateEvent> {
        self.budget.release(claim)
    }

    /// Reserves money for an attempt that is at work and has none.
    pub(super) fn reserve_if_new(&mut self, claim: &Claim, needs: &Needs) -> Option<GateEvent> {
        let bill = needs.money.as_ref().filter(|_| !self.budget.has(claim))?;
        Some(self.budget.reserve(claim, bill))
    }

    pub(super) fn has_reservations(&self) -> bool {
        !self.budget.is_empty()
    }

    pub(super) fn has_reserved(&self, claim: &Claim) -> bool {
        self.budget.has(claim)
    }

    pub(super) fn reserved_by(&self, run: &RunId) -> Vec<Claim> {
        self.budget.reserved_by(run)
    }

    pub(super) fn caps_of(&self, claim: &Claim) -> impl Iterator<Item = Part> + use<> {
        self.budget.caps_of(claim).into_iter().map(Part::Money)
    }
}

fn broke(bill: &Bill, cap: &Cap, left: Money) -> String {
    format!(
        "it may cost up to ${}, which is more than the ${left} that is left of the ${} of {}",
        bill.amount, cap.limit, cap.name
    )
}
