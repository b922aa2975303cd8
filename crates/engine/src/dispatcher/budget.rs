//! Money: reserved before a call leaves, settled when it is known what it cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_pipeline::{Money, StepPath};

use super::{Claim, GateEvent};
use crate::{AttemptKey, RunId};

/// What an attempt may cost at most, and all the caps that it counts against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bill {
    /// The most that it may cost.
    pub amount: Money,
    /// The caps. They nest: the amount must fit under each.
    pub caps: Vec<Cap>,
}

/// The most that may be spent in all that counts against it: a run, a user's day, a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cap {
    /// Its name, the same wherever it is meant.
    pub name: Arc<str>,
    /// The most.
    pub limit: Money,
}

/// What is known of the cost of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It cost this much.
    Known(Money),
    /// Nobody can tell: what was reserved for it stays reserved.
    Unknown,
    /// It will be told later: what was reserved for it may come back.
    Later,
}

/// Whether there is money for a bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Funds<'b> {
    There,
    /// Not now, but others may give back what they reserved.
    Later(&'b Cap),
    /// Not under this cap, of which so much is left, whatever others give back.
    Never(&'b Cap, Money),
}

/// What was spent and is reserved, by cap.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    totals: BTreeMap<Arc<str>, Totals>,
    reservations: BTreeMap<Claim, Reservation>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    spent: Money,
    /// What may come back.
    reserved: Money,
    /// What is reserved for attempts whose cost is unknown.
    unknown: Money,
}

/// What is kept for an attempt.
#[derive(Clone, Debug)]
struct Reservation {
    amount: Money,
    caps: Vec<Arc<str>>,
    is_unknown: bool,
}

impl Budget {
    /// Whether `bill` of `claim` fits, if `kept` is left to somebody else.
    pub(super) fn judge<'b>(&self, claim: &Claim, bill: &'b Bill, kept: Option<&Bill>) -> Funds<'b> {
        let mut funds = Funds::There;
        for cap in &bill.caps {
            let Totals { spent, reserved, unknown } = self.totals_without(claim, &cap.name);
            let kept = kept.filter(|kept| kept.caps.iter().any(|other| other.name == cap.name));
            let for_good = spent + unknown + bill.amount;
            let for_now = for_good + reserved + kept.map_or(Money::ZERO, |kept| kept.amount);
            if for_good > cap.limit {
                return Funds::Never(cap, cap.limit.less(spent + unknown));
            }
            if for_now > cap.limit && funds == Funds::There {
                funds = Funds::Later(cap);
            }
        }
        funds
    }

    /// What counts against a cap, but for what `claim` itself has reserved.
    fn totals_without(&self, claim: &Claim, cap: &Arc<str>) -> Totals {
        let mut totals = self.totals.get(cap).copied().unwrap_or_default();
        if let Some(own) = self.reservations.get(claim).filter(|own| own.caps.contains(cap)) {
            let part = if own.is_unknown { &mut totals.unknown } else { &mut totals.reserved };
            *part = less(*part, own.amount);
        }
        totals
    }

    /// Keeps the amount of `bill` for `claim`, whether or not it fits.
    pub(super) fn reserve(&mut self, claim: &Claim, bill: &Bill) -> GateEvent {
        let caps: Vec<Arc<str>> = bill.caps.iter().map(|cap| cap.name.clone()).collect();
        self.put(claim, Reservation { amount: bill.amount, caps: caps.clone(), is_unknown: false });
        GateEvent::Reserved { claim: claim.clone(), amount: bill.amount, caps, unknown: false }
    }

    /// An attempt ended: what it cost is spent, and the rest of its reservation comes back.
    pub(super) fn settle(&mut self, claim: &Claim, spent: Spent) -> Vec<GateEvent> {
        let Some(reservation) = self.reservations.get(claim) else { return Vec::new() };
        match spent {
            Spent::Later => Vec::new(),
            Spent::Unknown if reservation.is_unknown => Vec::new(),
            Spent::Unknown => {
                let kept = Reservation { is_unknown: true, ..reservation.clone() };
                let (amount, caps) = (kept.amount, kept.caps.clone());
                self.put(claim, kept);
                vec![GateEvent::Reserved { claim: claim.clone(), amount, caps, unknown: true }]
            }
            Spent::Known(amount) => {
                let caps = self.take(claim).map(|reservation| reservation.caps).unwrap_or_default();
                let settled = GateEvent::Settled { claim: claim.clone() };
                std::iter::once(settled).chain(self.count_spent(&caps, amount)).collect()
            }
        }
    }

    /// Something for which nothing was reserved cost this.
    pub(super) fn spend(&mut self, bill: &Bill) -> Vec<GateEvent> {
        let caps: Vec<Arc<str>> = bill.caps.iter().map(|cap| cap.name.clone()).collect();
        self.count_spent(&caps, bill.amount)
    }

    fn count_spent(&mut self, caps: &[Arc<str>], amount: Money) -> Vec<GateEvent> {
        let mut events = Vec::new();
        for cap in caps.iter().filter(|_| !amount.is_zero()) {
            let totals = self.totals.entry(cap.clone()).or_default();
            totals.spent += amount;
            events.push(GateEvent::Spent { cap: cap.clone(), total: totals.spent });
        }
        events
    }

    /// An attempt never left, or its run is over: nothing was spent, unless nobody can tell.
    pub(super) fn release(&mut self, claim: &Claim) -> Vec<GateEvent> {
        match self.reservations.get(claim) {
            Some(reservation) if !reservation.is_unknown => self.settle(claim, Spent::Known(Money::ZERO)),
            _ => Vec::new(),
        }
    }

    /// The attempts of a run for which money is reserved.
    pub(super) fn reserved_by(&self, run: &RunId) -> Vec<Claim> {
        let first = AttemptKey { step: StepPath::root(), number: 0 };
        let own = self.reservations.range(Claim { run: run.clone(), key: first }..);
        own.map(|(claim, _)| claim).take_while(|claim| claim.run == *run).cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reservations.is_empty()
    }

    pub(super) fn has(&self, claim: &Claim) -> bool {
        self.reservations.contains_key(claim)
    }

    /// The caps that what `claim` reserved counts against.
    pub(super) fn caps_of(&self, claim: &Claim) -> Vec<Arc<str>> {
        self.reservations.get(claim).map(|reservation| reservation.caps.clone()).unwrap_or_default()
    }

    pub(super) fn apply(&mut self, event: &GateEvent) {
        match event {
            GateEvent::Reserved { claim, amount, caps, unknown } => {
                self.put(claim, Reservation { amount: *amount, caps: caps.clone(), is_unknown: *unknown });
            }
            GateEvent::Settled { claim } => drop(self.take(claim)),
            GateEvent::Spent { cap, total } => self.totals.entry(cap.clone()).or_default().spent = *total,
            _ => {}
        }
    }

    fn put(&mut self, claim: &Claim, reservation: Reservation) {
        self.take(claim);
        self.count(&reservation, |part, amount| part + amount);
        self.reservations.insert(claim.clone(), reservation);
    }

    fn take(&mut self, claim: &Claim) -> Option<Reservation> {
        let reservation = self.reservations.remove(claim)?;
        self.count(&reservation, less);
        Some(reservation)
    }

    fn count(&mut self, reservation: &Reservation, by: fn(Money, Money) -> Money) {
        for cap in &reservation.caps {
            let totals = self.totals.entry(cap.clone()).or_default();
            let part = if reservation.is_unknown { &mut totals.unknown } else { &mut totals.reserved };
            *part = by(*part, reservation.amount);
        }
    }
}

fn less(amount: Money, part: Money) -> Money {
    Money::from_units(amount.units().saturating_sub(part.units()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(number: u32) -> Claim {
        Claim { run: RunId::new("run"), key: AttemptKey { step: StepPath::from_text("a"), number } }
    }

    fn dollars(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn bill(amount: &str, caps: &[(&str, &str)]) -> Bill {
        let cap = |(name, limit): &(&str, &str)| Cap { name: (*name).into(), limit: dollars(limit) };
        Bill { amount: dollars(amount), caps: caps.iter().map(cap).collect() }
    }

    /// What `budget` says of a bill, in a word and with the cap's name.
    fn word(budget: &Budget, number: u32, bill: &Bill) -> String {
        match budget.judge(&claim(number), bill, None) {
            Funds::There => "there".to_owned(),
            Funds::Later(cap) => format!("later: {}", cap.name),
            Funds::Never(cap, _) => format!("never: {}", cap.name),
        }
    }

    #[test]
    fn what_is_reserved_holds_others_up_and_what_is_spent_turns_them_away() {
        let mut budget = Budget::default();
        let each = bill("0.4", &[("run", "1")]);
        budget.reserve(&claim(1), &each);
        assert_eq!(word(&budget, 2, &each), "there");
        budget.reserve(&claim(2), &each);
        assert_eq!(word(&budget, 3, &each), "later: run");
        budget.settle(&claim(1), Spent::Known(dollars("0.4")));
        assert_eq!(word(&budget, 3, &each), "later: run");
        budget.settle(&claim(2), Spent::Known(dollars("0.1")));
        assert_eq!(word(&budget, 3, &each), "there");
        budget.reserve(&claim(3), &each);
        budget.settle(&claim(3), Spent::Known(dollars("0.3")));
        assert_eq!(word(&budget, 4, &each), "never: run");
    }

    #[test]
    fn an_unknown_outcome_keeps_its_reservation_until_somebody_knows() {
        let mut budget = Budget::default();
        let each = bill("0.6", &[("run", "1")]);
        budget.reserve(&claim(1), &each);
        assert_eq!(word(&budget, 2, &each), "later: run");
        assert_eq!(budget.settle(&claim(1), Spent::Unknown).len(), 1);
        assert_eq!(budget.settle(&claim(1), Spent::Unknown), [], "told twice is told once");
        assert_eq!(budget.release(&claim(1)), [], "nobody knows that nothing was spent");
        assert_eq!(word(&budget, 2, &each), "never: run");
        budget.settle(&claim(1), Spent::Known(Money::ZERO));
        assert_eq!(word(&budget, 2, &each), "there");
    }

    #[test]
    fn caps_nest_and_the_one_that_is_short_is_named() {
        let mut budget = Budget::default();
        let caps = [("run", "1"), ("day", "1.5")];
        budget.reserve(&claim(1), &bill("1", &[("day", "1.5")]));
        assert_eq!(word(&budget, 2, &bill("0.5", &caps)), "there");
        assert_eq!(word(&budget, 2, &bill("0.6", &caps)), "later: day");
        assert_eq!(word(&budget, 2, &bill("1.1", &caps)), "never: run");
        budget.settle(&claim(1), Spent::Known(dollars("1")));
        assert_eq!(word(&budget, 2, &bill("0.6", &caps)), "never: day");
        assert_eq!(word(&budget, 2, &bill("0.6", &caps[..1])), "there");
    }

    #[test]
    fn an_attempt_that_asks_again_has_its_own_reservation_counted_once() {
        let mut budget = Budget::default();
        let all = bill("1", &[("run", "1")]);
        budget.reserve(&claim(1), &all);
        assert_eq!(word(&budget, 1, &all), "there");
        budget.reserve(&claim(1), &all);
        budget.release(&claim(1));
        assert_eq!(word(&budget, 2, &all), "there");
    }

    #[test]
    fn what_cost_more_than_was_reserved_counts_in_full() {
        let mut budget = Budget::default();
        budget.reserve(&claim(1), &bill("0.1", &[("run", "1")]));
        budget.settle(&claim(1), Spent::Known(dollars("0.95")));
        assert_eq!(word(&budget, 2, &bill("0.1", &[("run", "1")])), "never: run");
    }

    #[derive(Clone, Copy, Debug)]
    enum Move {
        Reserve(u32, i128),
        Settle(u32, i128),
        Lose(u32),
        Release(u32),
    }

    proptest! {
        /// Whoever reserves only what is there never spends more than the cap, as long as nothing costs more
        /// than was reserved; and the events alone make the same budget.
        #[test]
        fn a_cap_holds_whatever_happens(
            moves in prop::collection::vec(
                (0_u32..6, 0_i128..60, 0_u8..4).prop_map(|(who, amount, kind)| match kind {
                    0 => Move::Settle(who, amount),
                    1 => Move::Lose(who),
                    2 => Move::Release(who),
                    _ => Move::Reserve(who, amount),
                }),
                0..60,
            ),
        ) {
            let limit = Money::from_units(100);
            let (mut budget, mut replayed) = (Budget::default(), Budget::default());
            let mut reserved = BTreeMap::new();
            for next in moves {
                let events = match next {
                    Move::Reserve(who, amount) if !budget.has(&claim(who)) => {
                        let amount = Money::from_units(amount);
                        let bill = Bill { amount, caps: vec![Cap { name: "cap".into(), limit }] };
                        if budget.judge(&claim(who), &bill, None) != Funds::There {
                            continue;
                        }
                        reserved.insert(who, amount);
                        vec![budget.reserve(&claim(who), &bill)]
                    }
                    Move::Reserve(..) => continue,
                    Move::Settle(who, amount) => {
                        let most = reserved.get(&who).copied().unwrap_or_default();
                        budget.settle(&claim(who), Spent::Known(Money::from_units(amount).min(most)))
                    }
                    Move::Lose(who) => budget.settle(&claim(who), Spent::Unknown),
                    Move::Release(who) => budget.release(&claim(who)),
                };
                events.iter().for_each(|event| replayed.apply(event));
                let totals = budget.totals.get("cap").copied().unwrap_or_default();
                prop_assert!(totals.spent + totals.reserved + totals.unknown <= limit);
                prop_assert!([totals.spent, totals.reserved, totals.unknown].into_iter().min() >= Some(Money::ZERO));
                prop_assert_eq!(format!("{totals:?}"), format!("{:?}", replayed.totals.get("cap").copied().unwrap_or_default()));
            }
        }
    }
}
