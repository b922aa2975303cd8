//! The dispatcher: the only gate to anything scarce, shared by all runs.
//!
//! It is told what is wanted, what was given back and what was seen, and says what may go now. Pure, like
//! the run. What must outlive the process is in its [events](event): a stream of its own, beside the
//! journals of the runs.

pub mod breaker;
mod bucket;
pub mod budget;
pub mod event;
mod need;
mod pool;
mod scarce;
mod sharing;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet_pipeline::{Failure, Timestamp};

pub use bucket::{NotARate, Rate};
pub use budget::{Bill, Cap, Spent};
pub use event::{GateEntry, GateEvent};
pub use need::{Claim, Limits, Needs, PoolLimit, Shared, Way};
pub use pool::{Pace, PoolState};

use crate::RunId;
use need::Part;
use scarce::{Answer, Kept, Scarce};
use sharing::Sharing;
use waiting::{PartyKey, Waiting};

/// Something that the dispatcher is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// An attempt wants to begin.
    Wanted {
        /// The attempt.
        claim: Claim,
        /// All that it needs.
        needs: Needs,
    },
    /// An attempt that was to look for what it would make found nothing: it goes on to all else that it needs.
    Missed {
        /// The attempt.
        claim: Claim,
    },
    /// An attempt is at work. One that was at work before this dispatcher was made takes its slots here,
    /// even if there are not so many; it took its tokens when it began.
    Held {
        /// The attempt.
        claim: Claim,
        /// What it was given.
        needs: Needs,
    },
    /// An attempt gives back what it holds, or wants nothing any more.
    Released {
        /// The attempt.
        claim: Claim,
    },
    /// What came of an attempt that was granted.
    Seen {
        /// The attempt.
        claim: Claim,
        /// How it failed, if it did.
        failure: Option<Failure>,
        /// What it cost.
        spent: Spent,
    },
    /// A provider said something of the limits of a pool.
    Paced {
        /// The pool.
        pool: Arc<str>,
        /// What it said.
        pace: Pace,
    },
    /// An attempt for which nothing was reserved cost this.
    Spent {
        /// How much, and under which caps.
        bill: Bill,
    },
    /// A run is over, or leaves: what it waits for is forgotten. What it holds is released as its work
    /// ends.
    Forgotten {
        /// The run.
        run: RunId,
    },
    /// Time has passed.
    Tick,
}

/// What the dispatcher says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// What must be durable before any grant is acted upon, oldest first.
    pub events: Vec<GateEntry>,
    /// Who is to look whether there is already what it would make.
    pub looks: Vec<(Claim, Shared)>,
    /// Who may begin.
    pub grants: Vec<Claim>,
    /// Who will not be granted, and waits no more.
    pub denials: Vec<Denial>,
}

/// A claim that will not be granted.
#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    /// The claim.
    pub claim: Claim,
    /// Why.
    pub cause: Cause,
}

/// Why a claim will not be granted.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The target is left alone. If a time is named (`retry_at`), the attempt may ask again then.
    Failure(Failure),
    /// There is no money for it, whatever others give back: the reason in words.
    Budget(String),
}

/// Hands out what is scarce, fairly among runs.
///
/// Handling is total: whatever it is told twice, late or out of order changes nothing, because a slot
/// belongs to a claim, not to a number. A claim is granted when all that it needs is there together: it never
/// holds one thing while it waits for another. Before that, claims that [share](Needs::shared) what they would make
/// take turns: the first looks whether it is there already, and the others wait until that one is released. Who is
/// served first:
///
/// - Claims of one run that need the same are served in the order in which they came.
/// - Among runs the one is served that was served, or came, longest ago.
/// - Whoever lacks something is in nobody's way: others go first whose needs are there.
/// - But not for ever. A claim for which eight times the one thing came while another
///   was gone goes before all others (the oldest, if there are several). For it is kept what is there of its
///   needs, in the order breaker, token, money, slot of a pool, processor, and up to the first that isn't
///   there: so what is scarcer is kept while it waits for what comes back sooner, and never the other way
///   round. As all of them keep in that order, none waits for another in a circle.
///
/// ```
/// use motet_engine::{AttemptKey, Dispatcher, RunId};
/// use motet_engine::dispatcher::{Claim, Limits, Needs, PoolLimit, Told};
/// use motet_pipeline::{StepPath, Timestamp};
/// let claim = |run: &str, step: &str| {
///     Claim { run: RunId::new(run), key: AttemptKey { step: StepPath::from_text(step), number: 1 } }
/// };
/// let gpu = PoolLimit { slots: Some(1), rate: None };
/// let mut dispatcher = Dispatcher::new(Limits::processors(4).with_pool("gpu", gpu));
/// let mut wants = |claim: &Claim| {
///     let told = Told::Wanted { claim: claim.clone(), needs: Needs::pool("gpu") };
///     dispatcher.handle(Timestamp(0), told).grants
/// };
/// assert_eq!(wants(&claim("a", "one")), [claim("a", "one")]);
/// assert_eq!(wants(&claim("a", "two")), []);
/// assert_eq!(wants(&claim("b", "one")), []);
/// let told = Told::Released { claim: claim("a", "one") };
/// assert_eq!(dispatcher.handle(Timestamp(0), told).grants, [claim("a", "two")]);
/// ```
#[derive(Clone, Debug)]
pub struct Dispatcher {
    scarce: Scarce,
    held: BTreeMap<Claim, Holding>,
    /// How many of those that hold something are calls to a provider.
    calls: usize,
    waiting: Waiting,
    sharing: Sharing,
    /// What there may be more of since somebody was last found to lack it.
    freed: BTreeSet<Part>,
    /// The party for which is kept what it needs.
    favoured: Option<PartyKey>,
    now: Timestamp,
}

#[derive(Clone, Debug)]
struct Holding {
    needs: Needs,
    /// Whether it is known what came of it.
    is_seen: bool,
}

impl Dispatcher {
    /// A gate that nobody has passed yet.
    pub fn new(limits: Limits) -> Dispatcher {
        Dispatcher {
            scarce: Scarce::new(limits),
            held: BTreeMap::new(),
            calls: 0,
            waiting: Waiting::default(),
            sharing: Sharing::default(),
            freed: BTreeSet::new(),
            favoured: None,
            now: Timestamp(i64::MIN),
        }
    }

    /// The gate that a stream tells of, as it is at `now`. Events about what `limits` doesn't know any more
    /// change nothing.
    pub fn replay<'e>(
        limits: Limits,
        entries: impl IntoIterator<Item = &'e GateEntry>,
        now: Timestamp,
    ) -> Dispatcher {
        let mut dispatcher = Dispatcher { now, ..Dispatcher::new(limits) };
        entries.into_iter().for_each(|entry| dispatcher.scarce.apply(entry, now));
        dispatcher
    }

    /// Tells the gate what happened. Time never runs backwards: an earlier `now` counts as the last one
    /// seen.
    pub fn handle(&mut self, now: Timestamp, told: Told) -> Verdicts {
        self.now = self.now.max(now);
        let mut verdicts = Verdicts::default();
        match told {
            Told::Wanted { claim, needs } => self.want(claim, needs, &mut verdicts),
            Told::Missed { claim } => self.miss(&claim, &mut verdicts),
            Told::Held { claim, needs } => self.hold(claim, needs, &mut verdicts),
            Told::Released { claim } => self.release(&claim, &mut verdicts),
            Told::Seen { claim, failure, spent } => self.see(&claim, failure.as_ref(), spent, &mut verdicts),
            Told::Paced { pool, pace } => self.hear(pool, pace, &mut verdicts),
            Told::Spent { bill } => self.spend(&bill, &mut verdicts),
            Told::Forgotten { run } => self.forget(&run, &mut verdicts),
            Told::Tick => {}
        }
        if !self.waiting.is_empty() {
            self.serve(&mut verdicts);
        }
        self.freed.clear();
        verdicts
    }

    /// When to send it [`Told::Tick`] if nothing happens before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let kept = self.kept();
        self.waiting.lacks_time().filter_map(|part| self.scarce.when(part, &kept, self.now)).min()
    }

    /// Whether there is a pool of this name: without, whoever needs it waits.
    pub fn has_pool(&self, name: &str) -> bool {
        self.scarce.has_pool(name)
    }

    /// How the pool of this name stands.
    pub fn pool(&self, name: &str) -> Option<PoolState> {
        self.scarce.state_of(name, self.now)
    }

    /// Whether it wants to be told what came of an attempt: it is a call to a provider, or money is reserved for it.
    pub fn awaits(&self, claim: &Claim) -> bool {
        let is_call = |holding: &Holding| holding.needs.breaker.is_some();
        self.scarce.has_reserved(claim) || self.held.get(claim).is_some_and(is_call)
    }

    /// Whether money is reserved for an attempt.
    pub fn has_reserved(&self, claim: &Claim) -> bool {
        self.scarce.has_reserved(claim)
    }

    /// Whether it [awaits](Dispatcher::awaits) any attempt at all.
    pub fn awaits_any(&self) -> bool {
        self.calls > 0 || self.scarce.has_reservations()
    }

    /// How many claims wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + self.sharing.waiting()
    }

    /// Whether others wait for the result of an attempt that was granted.
    pub fn is_awaited(&self, claim: &Claim) -> bool {
        self.sharing.is_awaited(claim)
    }

    /// How many claims were granted and not released yet.
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

impl Dispatcher {
    fn want(&mut self, claim: Claim, needs: Needs, verdicts: &mut Verdicts) {
        if self.held.contains_key(&claim) {
            return;
        }
        let shared = needs.shared;
        let needs = Needs { shared: None, ..needs };
        if self.sharing.of(&claim) != shared {
            self.leave_turn(&claim, verdicts);
        }
        let is_waiting = self.waiting.needs_of(&claim).is_some();
        if let Some(shared) = shared.filter(|_| !is_waiting) {
            if self.sharing.enter(&claim, shared, needs) {
                verdicts.looks.push((claim, shared));
            }
            return;
        }
        self.wait(claim, needs, verdicts);
    }

    /// Nothing of what a claim shares is there: it waits for all else.
    fn miss(&mut self, claim: &Claim, verdicts: &mut Verdicts) {
        if let Some(needs) = self.sharing.go_on(claim) {
            self.wait(claim.clone(), needs, verdicts);
        }
    }

    fn wait(&mut self, claim: Claim, needs: Needs, verdicts: &mut Verdicts) {
        if self.waiting.needs_of(&claim) == Some(&needs) {
            return;
        }
        self.waiting.remove(&claim);
        if let Some(party) = self.waiting.add(&claim, needs) {
            self.look_at(&party, verdicts);
        }
    }

    fn hold(&mut self, claim: Claim, needs: Needs, verdicts: &mut Verdicts) {
        if self.held.contains_key(&claim) {
            return;
        }
        self.waiting.remove(&claim);
        let shared = needs.shared;
        let needs = Needs { shared: None, ..needs };
        if self.sharing.of(&claim) != shared {
            self.leave_turn(&claim, verdicts);
        }
        shared.into_iter().for_each(|shared| self.sharing.occupy(&claim, shared));
        self.scarce.occupy(&needs);
        if let Some(event) = self.scarce.reserve_if_new(&claim, &needs) {
            verdicts.events.push(GateEntry { at: self.now, event });
        }
        self.calls += usize::from(needs.breaker.is_some());
        self.held.insert(claim, Holding { needs, is_seen: false });
    }

    fn release(&mut self, claim: &Claim, verdicts: &mut Verdicts) {
        self.waiting.remove(claim);
        if let Some(Holding { needs, .. }) = self.held.remove(claim) {
            self.calls -= usize::from(needs.breaker.is_some());
            self.scarce.vacate(claim, &needs);
            self.freed.extend(needs.parts());
        }
        self.pay_back(claim, verdicts);
        self.leave_turn(claim, verdicts);
    }

    /// A claim is over: the next one looks that would make the same.
    fn leave_turn(&mut self, claim: &Claim, verdicts: &mut Verdicts) {
        verdicts.looks.extend(self.sharing.leave(claim));
    }

    /// Whoever never left has spent nothing.
    fn pay_back(&mut self, claim: &Claim, verdicts: &mut Verdicts) {
        self.freed.extend(self.scarce.caps_of(claim));
        let events = self.scarce.pay_back(claim);
        self.note(events, verdicts);
    }

    fn see(&mut self, claim: &Claim, failure: Option<&Failure>, spent: Spent, verdicts: &mut Verdicts) {
        self.freed.extend(self.scarce.caps_of(claim));
        let events = self.scarce.settle(claim, spent);
        self.note(events, verdicts);
        let Some(holding) = self.held.get_mut(claim).filter(|holding| !holding.is_seen) else { return };
        holding.is_seen = true;
        if let (Some(pool), Some(failure)) = (&holding.needs.credential, failure) {
            let event = GateEvent::Failed { pool: pool.clone(), class: failure.class };
            verdicts.events.push(GateEntry { at: self.now, event });
        }
        if let Some(way) = &holding.needs.breaker {
            self.freed.insert(Part::Breaker(way.target.clone()));
            let event = self.scarce.see(&way.target, self.now, claim, failure);
            verdicts.events.extend(event.map(|event| GateEntry { at: self.now, event }));
        }
    }

    /// What a pool allows may be more than before.
    fn hear(&mut self, pool: Arc<str>, pace: Pace, verdicts: &mut Verdicts) {
        let event = self.scarce.hear(&pool, pace, self.now);
        self.note(event.into_iter().collect(), verdicts);
        self.freed.extend([Part::Token(pool.clone()), Part::Slot(pool)]);
    }

    fn spend(&mut self, bill: &Bill, verdicts: &mut Verdicts) {
        self.freed.extend(bill.caps.iter().map(|cap| Part::Money(cap.name.clone())));
        let events = self.scarce.spend(bill);
        self.note(events, verdicts);
    }

    fn forget(&mut self, run: &RunId, verdicts: &mut Verdicts) {
        for claim in self.waiting.of_run(run) {
            self.waiting.remove(&claim);
        }
        for claim in self.sharing.of_run(run) {
            if !self.held.contains_key(&claim) {
                self.leave_turn(&claim, verdicts);
            }
        }
        for claim in self.scarce.reserved_by(run) {
            if !self.held.contains_key(&claim) {
                self.pay_back(&claim, verdicts);
            }
        }
    }

    fn note(&self, events: Vec<GateEvent>, verdicts: &mut Verdicts) {
        verdicts.events.extend(events.into_iter().map(|event| GateEntry { at: self.now, event }));
    }
}

/// Serving those who wait.
impl Dispatcher {
    /// Looks at those who lack what was freed, until nobody more may go.
    fn serve(&mut self, verdicts: &mut Verdicts) {
        let is_spare = |part: &&Part| self.scarce.is_spare(part, &Kept::default(), self.now);
        self.freed.extend(self.waiting.lacks_time().filter(is_spare).cloned());
        let mut passed = (None, 0);
        loop {
            self.favour(verdicts);
            let Some(part) = self.freed.first().cloned() else { return };
            let after = if passed.0.as_ref() == Some(&part) { passed.1 } else { 0 };
            let next = self.waiting.next_lacking(&part, after);
            match next.filter(|_| self.scarce.is_spare(&part, &self.kept(), self.now)) {
                Some((rank, party)) => {
                    passed = (Some(part), rank);
                    self.look_at(&party, verdicts);
                }
                None => drop(self.freed.remove(&part)),
            }
        }
    }

    /// Looks first at the party that goes before all others, if something of its needs was freed.
    fn favour(&mut self, verdicts: &mut Verdicts) {
        while self.favoured.as_ref() != self.waiting.favoured() {
            // What was kept for the one before is kept no more.
            self.freed.extend(self.favoured.iter().flat_map(|(_, needs)| needs.parts()));
            self.favoured = self.waiting.favoured().cloned();
        }
        if let Some(party) = self.favoured.clone()
            && party.1.parts().any(|part| self.freed.contains(&part))
        {
            self.look_at(&party, verdicts);
        }
    }

    /// Looks at the first claim of a party. After it is granted or denied, the rest of the party goes to
    /// the end, and is looked at again.
    fn look_at(&mut self, party: &PartyKey, verdicts: &mut Verdicts) {
        let Some(claim) = self.waiting.first_of(party) else { return };
        let kept = if self.favoured.as_ref() == Some(party) { Kept::default() } else { self.kept() };
        match self.scarce.judge(&claim, &party.1, &kept, self.now) {
            Answer::Lacks(part) => return self.waiting.file(party, part),
            Answer::There => self.grant(&claim, &party.1, verdicts),
            Answer::Denied(cause) => {
                verdicts.denials.push(Denial { claim: claim.clone(), cause: *cause });
                self.leave_turn(&claim, verdicts);
            }
        }
        let has_more = self.waiting.serve(&claim);
        if let Some(part) = party.1.parts().next().filter(|_| has_more) {
            self.waiting.file(party, part.clone());
            self.freed.insert(part);
        }
    }

    fn grant(&mut self, claim: &Claim, needs: &Needs, verdicts: &mut Verdicts) {
        let events = self.scarce.take(claim, needs, self.now);
        self.note(events, verdicts);
        self.calls += usize::from(needs.breaker.is_some());
        self.held.insert(claim.clone(), Holding { needs: needs.clone(), is_seen: false });
        verdicts.grants.push(claim.clone());
    }

    /// What is kept for the party that goes before all others.
    fn kept(&self) -> Kept {
        let claim = self.favoured.as_ref().and_then(|party| self.waiting.first_of(party));
        match (claim, &self.favoured) {
            (Some(claim), Some((_, needs))) => self.scarce.keep(&claim, needs, self.now),
            _ => Kept::default(),
        }
    }
}
