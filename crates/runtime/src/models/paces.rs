//! Paces: what replies say of the limits of credentials. It is kept here until the gate, which decides, takes it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use motet_engine::dispatcher::Pace;
use motet_pipeline::{Class, Failure};
use motet_providers::pace::Pace as Told;

/// What replies have said since the gate was last told, by the pool of the credential.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<BTreeMap<Arc<str>, Pace>>);

impl Paces {
    /// Notes what a reply said, and what came of the request if it failed.
    pub(super) fn note(&self, pool: Arc<str>, told: Told, failure: Option<&Failure>) {
        let pace = pace_of(told, failure);
        if !pace.is_silent() {
            let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = paces.entry(pool).or_default();
            // Of the rest of an allowance, number and moment go together.
            let (left, until) =
                if pace.left.is_some() { (pace.left, pace.until) } else { (known.left, known.until) };
            *known = Pace { left, until, slots: pace.slots.or(known.slots) };
        }
    }

    /// All of it, once.
    pub(crate) fn take(&self) -> BTreeMap<Arc<str>, Pace> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A refusal because of too many requests says more than the headers do. That there is no credit left is no matter of
/// pace.
fn pace_of(told: Told, failure: Option<&Failure>) -> Pace {
    let throttled = failure.filter(|failure| failure.class == Class::Throttled);
    let slots = told.concurrency_max.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    match throttled.and_then(|failure| failure.retry_at) {
        Some(until) => Pace { slots, ..Pace::nothing_before(until) },
        None => {
            Pace { left: told.remaining.filter(|_| told.reset_at.is_some()), until: told.reset_at, slots }
        }
    }
}

#[cfg(test)]
mod tests {
    use motet_pipeline::Timestamp;

    use super::*;

    const SOON: Timestamp = Timestamp(1_800_000_005_000);
    const LATER: Timestamp = Timestamp(1_800_000_600_000);

    fn heard(told: Told, failure: Option<Failure>) -> Option<Pace> {
        let paces = Paces::default();
        paces.note("replicate/KEY".into(), told, failure.as_ref());
        paces.take().remove("replicate/KEY")
    }

    #[test]
    fn headers_say_how_much_is_left_and_a_refusal_says_more() {
        let told = Told { remaining: Some(3), reset_at: Some(SOON), ..Told::default() };
        let left = |left, until| Some(Pace { left: Some(left), until: Some(until), slots: None });
        assert_eq!(heard(told, None), left(3, SOON));
        let throttled = Failure::new(Class::Throttled, "slow down").retry_at(LATER);
        assert_eq!(heard(told, Some(throttled)), left(0, LATER));
        let no_credit = Failure::new(Class::Quota, "no credit").retry_at(LATER);
        assert_eq!(heard(told, Some(no_credit)), left(3, SOON), "quota is not throttling");
        assert_eq!(heard(Told { reset_at: None, ..told }, None), None, "nobody knows until when");
        assert_eq!(heard(Told::default(), Some(Failure::new(Class::Throttled, "slow down"))), None);
    }

    #[test]
    fn of_several_replies_the_last_word_on_each_thing_holds_until_it_is_taken() {
        let paces = Paces::default();
        let pool: Arc<str> = "elevenlabs/KEY".into();
        paces.note(pool.clone(), Told { concurrency_max: Some(5), ..Told::default() }, None);
        paces.note(pool.clone(), Told { remaining: Some(9), reset_at: Some(SOON), ..Told::default() }, None);
        paces.note(pool.clone(), Told { remaining: Some(8), reset_at: Some(SOON), ..Told::default() }, None);
        assert_eq!(paces.take()[&pool], Pace { left: Some(8), until: Some(SOON), slots: Some(5) });
        assert!(paces.take().is_empty());
    }
}
