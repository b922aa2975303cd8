//! The gate: what the dispatcher is told, and what it says.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use motet_engine::dispatcher::{Bill, Cause, Claim, Needs, Shared, Spent, Told, Verdicts};
use motet_engine::{AttemptEvent, AttemptKey, Cached, Command, Event, Input, RunId, Turn};
use motet_pipeline::{Failure, Money};
use tokio_util::sync::CancellationToken;

use super::acts::warn_of_thread;
use super::{Driver, Effect, Message, Panic, drop_guarded, guarded};
use crate::operation::{Performer, Preparation, Prepared};
use crate::warning::Warning;
use crate::work::{ProgressSink, Work, panicked};

impl Driver {
    /// Tells the gate something, and the runs what it says. What it must remember is made durable with the
    /// next turns, which are those of the attempts that it lets begin.
    pub(super) fn tell_gate(&mut self, told: Told) {
        let mut mail = VecDeque::from([told]);
        // Whoever leaves begins nothing.
        while self.leaving.is_empty()
            && let Some(told) = mail.pop_front()
        {
            let Verdicts { events, looks, grants, denials } =
                self.dispatcher.handle(self.hands.world.now(), told);
            self.gate.extend(events);
            for (claim, shared) in looks {
                match self.runs.contains_key(&claim.run) {
                    true => self.look(claim, shared),
                    false => mail.push_back(Told::Released { claim }),
                }
            }
            for claim in grants {
                match self.runs.contains_key(&claim.run) {
                    true => self.prepare(claim),
                    false => mail.push_back(Told::Released { claim }),
                }
            }
            for denial in denials {
                let Claim { run, key } = denial.claim;
                self.tell(&run, Input::Denied { key, cause: denial.cause });
            }
        }
    }

    /// Looks whether there is already what an attempt would make.
    fn look(&self, claim: Claim, shared: Shared) {
        let Claim { run, key } = claim;
        let (mail, hands) = (self.mail.clone(), self.hands.clone());
        self.hands.world.spawn(Box::pin(async move {
            let store = hands.store.clone();
            let found = hands.compute(move || crate::cache::find(&store, shared)).await;
            // If nobody listens any more, it is looked for again by whoever takes the run up.
            let _ = mail.send(Message::Looked { run, key, found });
        }));
    }

    /// What was looked for is there, or not. What is there and isn't good enough is made again.
    pub(super) fn on_looked(&mut self, run: &RunId, key: AttemptKey, found: Result<Option<Cached>, Failure>) {
        // Whoever leaves begins nothing.
        if !self.leaving.is_empty() {
            return;
        }
        match found {
            Ok(None) => {}
            Ok(Some(cached)) => {
                self.tell(run, Input::Cached { key: key.clone(), cached: Box::new(cached) });
            }
            Err(failure) => {
                self.tell(run, Input::Denied { key: key.clone(), cause: Cause::Failure(failure) });
                return self.release(run, key);
            }
        }
        // Of a step that waits no more the claim is given back.
        if self.runs.get(run).is_some_and(|live| live.run.prospect(&key).is_some()) {
            self.tell_gate(Told::Missed { claim: Claim { run: run.clone(), key } });
        }
    }

    /// Whether others wait for what an attempt gives.
    pub(super) fn is_awaited(&self, run: &RunId, key: &AttemptKey) -> bool {
        self.dispatcher.is_awaited(&Claim { run: run.clone(), key: key.clone() })
    }

    /// An attempt has what it needs. Of a call it is made out first what its request will be made with, so that this
    /// is recorded before it leaves.
    fn prepare(&mut self, claim: Claim) {
        let Claim { run, key } = claim;
        let Some(live) = self.runs.get(&run) else { return };
        let prospect = live.run.prospect(&key).filter(|prospect| prospect.contract.call.is_some());
        let performer = prospect.as_ref().map(|prospect| self.hands.performer_of(&prospect.contract));
        let (Some(prospect), Some(Ok(Performer::Remote(remote)))) = (prospect, performer) else {
            return self.tell(&run, Input::Granted { key, intent: None });
        };
        let progress = ProgressSink::new(live.publisher.feed().clone(), key.step.clone(), key.number);
        let stop = CancellationToken::new();
        let work = Work::new(self.hands.clone(), live.run.started(), prospect, stop, progress);
        let operation = work.contract().operation.clone();
        let held = warn_of_thread(&self.hands, &work);
        match guarded(|| remote.prepare(work)) {
            Ok(Preparation::Now(prepared)) => self.begin(&run, key, prepared),
            Ok(Preparation::Later(prepared)) => {
                let mail = self.mail.clone();
                let preparing = Box::pin(async move {
                    let mut prepared = AssertUnwindSafe(prepared).catch_unwind();
                    let came = (&mut prepared).await;
                    let came = came.unwrap_or_else(|payload| Err(panicked(&operation, &Panic::of(payload))));
                    drop_guarded(prepared);
                    // If nobody listens any more, it is made out again by whoever takes the run up.
                    let _ = mail.send(Message::Prepared { run, key, prepared: came });
                });
                self.hands.world.spawn_work(preparing, held);
            }
            Err(panic) => self.begin(&run, key, Err(panicked(&operation, &panic))),
        }
    }

    /// It is known what the request of an attempt will be made with.
    pub(super) fn begin(&mut self, run: &RunId, key: AttemptKey, prepared: Prepared) {
        // Whoever leaves begins nothing.
        if !self.leaving.is_empty() {
            return;
        }
        match prepared {
            Ok(intent) => self.tell(run, Input::Granted { key, intent }),
            Err(failure) => {
                self.tell(run, Input::Denied { key: key.clone(), cause: Cause::Failure(failure) });
                self.release(run, key);
            }
        }
    }

    /// Tells the gate what came of calls, so that it is durable together with what the run makes of it.
    pub(super) fn settle_calls(&mut self, id: &RunId, turn: &Turn) {
        let awaits_any = self.dispatcher.awaits_any();
        for event in &turn.events {
            let Event::Attempt { key, event } = event else { continue };
            let Some((failure, spent)) = end_of(event) else { continue };
            let amount = if let Spent::Known(amount) = spent { amount } else { Money::ZERO };
            if !awaits_any && amount.is_zero() {
                continue;
            }
            let claim = Claim { run: id.clone(), key: key.clone() };
            let is_reserved = self.dispatcher.has_reserved(&claim);
            if self.dispatcher.awaits(&claim) {
                self.tell_gate(Told::Seen { claim, failure: failure.cloned(), spent });
            }
            if !is_reserved && !amount.is_zero() {
                self.count_spent(id, key, amount);
            }
        }
    }

    /// What an attempt cost for which nothing was reserved, because only its end tells: it counts under all budgets from
    /// now on.
    fn count_spent(&mut self, id: &RunId, key: &AttemptKey, amount: Money) {
        let Some(live) = self.runs.get(id) else { return };
        let mut bill = Bill { amount, caps: live.run.caps_of(&key.step) };
        let at_work = self.in_flight.get(&(id.clone(), key.clone()));
        let provider = at_work.map(|at_work| at_work.provider.clone()).unwrap_or_default();
        self.add_budgets(id, &provider, &mut bill);
        if !bill.caps.is_empty() {
            self.tell_gate(Told::Spent { bill });
        }
    }

    /// Asks the gate for what the turns ask for that are handed to the store next. It is asked ahead of the disk: what it
    /// says changes nothing outside of this process, and what follows from it shares the flush of the turn that it is from.
    pub(super) fn claim(&mut self) {
        let mut asked = 0;
        while asked < self.batch.len() {
            self.hold_slots(asked);
            let mut wanted = Vec::new();
            for effect in &mut self.batch[asked..] {
                let commands =
                    effect.commands.extract_if(.., |command| matches!(command, Command::Acquire { .. }));
                wanted.extend(commands.map(|command| (effect.run.clone(), command)));
            }
            asked = self.batch.len();
            // Whoever takes the runs up finds them among the outstanding ones.
            if self.leaving.is_empty() {
                wanted.into_iter().for_each(|(run, command)| self.carry_out(&run, command));
            }
        }
    }

    /// Whoever is at work has its slots before anybody is let through: of a run that is resumed, what waits
    /// may stand before what is at work. Looks at what is to be handed over from `first` on.
    fn hold_slots(&mut self, first: usize) {
        let mut held = Vec::new();
        for Effect { run, commands, .. } in &self.batch[first..] {
            for command in commands {
                if let Command::Perform(perform) = command
                    && !perform.needs.is_empty()
                {
                    let claim = Claim { run: run.clone(), key: perform.key.clone() };
                    held.push(Told::Held { claim, needs: perform.needs.clone() });
                }
            }
        }
        held.into_iter().for_each(|told| self.tell_gate(told));
    }

    pub(super) fn want(&mut self, id: &RunId, key: AttemptKey, needs: Needs) {
        // A run that is driven no more would never give it back.
        if !self.runs.contains_key(id) {
            return;
        }
        if let Some(pool) = needs.pool.as_ref().filter(|pool| !self.dispatcher.has_pool(pool))
            && self.missing_pools.insert(pool.clone())
        {
            let (pool, run, step) = (pool.to_string(), id.clone(), key.step.clone());
            self.hands.warn(&Warning::NoPool { pool, run, step });
        }
        let mut needs = needs;
        if (needs.breaker.is_some() || needs.money.is_some())
            && let Err(failure) = self.add_place(id, &key, &mut needs)
        {
            return self.tell(id, Input::Denied { key, cause: Cause::Failure(failure) });
        }
        self.tell_gate(Told::Wanted { claim: Claim { run: id.clone(), key }, needs });
    }

    /// Adds what follows from where an attempt will be made: the credential of a call, and the budgets of its provider.
    ///
    /// # Errors
    /// The operation panicked when it was asked where that is.
    fn add_place(&self, id: &RunId, key: &AttemptKey, needs: &mut Needs) -> Result<(), Failure> {
        let prospect = self.runs.get(id).and_then(|live| live.run.prospect(key));
        let contract = prospect.map(|prospect| prospect.contract);
        if let Some(contract) = contract.as_ref().filter(|_| needs.breaker.is_some())
            && let Ok(Performer::Remote(remote)) = self.hands.performer_of(contract)
        {
            let now = self.hands.world.now();
            let place = guarded(|| remote.place(now));
            let place = place.map_err(|panic| panicked(&contract.operation, &panic))?;
            needs.credential = place.filter(|place| self.dispatcher.has_pool(place));
        }
        if let Some(bill) = &mut needs.money {
            let called = contract.as_ref().filter(|contract| contract.call.is_some());
            self.add_budgets(id, called.map_or("", |contract| contract.provider()), bill);
        }
        Ok(())
    }

    /// Adds the budgets of the day, of the user's and of the provider's, on which a bill counts as well.
    fn add_budgets(&self, id: &RunId, provider: &str, bill: &mut Bill) {
        let Some(live) = self.runs.get(id) else { return };
        let user = live.run.started().user.as_deref();
        bill.caps.extend(self.hands.budgets.caps(self.hands.world.now(), user, provider));
    }

    /// Tells the gate what replies have said of limits, before what came of them.
    pub(super) fn tell_paces(&mut self) {
        for (pool, pace) in self.hands.models.paces.take() {
            self.tell_gate(Told::Paced { pool, pace });
        }
    }

    pub(super) fn release(&mut self, id: &RunId, key: AttemptKey) {
        self.tell_gate(Told::Released { claim: Claim { run: id.clone(), key } });
    }

    /// Tells the gate that time has passed, if it waits for that.
    pub(super) fn tick_gate(&mut self) {
        if self.dispatcher.next_deadline().is_some_and(|due| due <= self.hands.world.now()) {
            self.tell_gate(Told::Tick);
        }
    }
}

/// What an event says of the end of an attempt, and of what it cost; nothing if it is no end.
fn end_of(event: &AttemptEvent) -> Option<(Option<&Failure>, Spent)> {
    Some(match event {
        AttemptEvent::Succeeded { cost, .. } | AttemptEvent::Ended { cost, .. } => {
            (None, Spent::Known(cost.amount))
        }
        AttemptEvent::Failed { failure, abandoned: true, .. } => (Some(failure), Spent::Later),
        AttemptEvent::Failed { failure, cost, .. } => (Some(failure), Spent::Known(cost.amount)),
        AttemptEvent::Unknown { failure, .. } => (Some(failure), Spent::Unknown),
        // It never left, so what was reserved for it is free.
        AttemptEvent::Absent {} => (None, Spent::Known(Money::ZERO)),
        _ => return None,
    })
}
