//! What is told of attempts, and what follows: replies, news of jobs, ends, and what can't be known. What a person decides then
//! is in `deciding.rs`.

use motet_pipeline::contract::{CallForm, Work};
use motet_pipeline::failure::Known;
use motet_pipeline::money::Basis;
use motet_pipeline::plan::{OnUnknown, Target, Timeouts};
use motet_pipeline::value::STEP_UNITS_MAX;
use motet_pipeline::{Class, Cost, Failure, Money, Outcome, Span, Timestamp};

use crate::attempt::{Attempt, Phase};
use crate::command::{Act, Command, Perform};
use crate::event::{LateEnd, ParkReason, Resends};
use crate::handle::Handling;
use crate::input::{AttemptEnd, Found, JobNews};
use crate::node::NodeId;
use crate::run::Run;
use crate::timer::Reason;
use crate::{AttemptEvent, AttemptKey, StepEvent};

/// How long the end of a call is awaited that nobody wants any more. A job that can't be cancelled doesn't hold
/// the run open for longer. A request that gets no reply in that time is looked for as long again.
pub(crate) const DRAIN: Span = Span::minutes(10);

/// What is known of an attempt that nobody wants and whose end didn't come in time.
const NO_END: &str = "its end was awaited, and did not come in time";

/// What is known of a request that nobody wants and whose reply didn't come in time.
const NO_REPLY: &str = "its reply was awaited, and did not come in time";

/// What is known where a provider can't say whether it took a request.
const UNCLEAR: &str = "it is unknown whether the provider accepted the request";

/// How long a call waits that is made again because it is cheap.
const PAUSE_BEFORE_RESEND: Span = Span::seconds(1);

/// The most warnings of one attempt that are recorded, and the bytes of each.
const WARNINGS_MAX: usize = 20;
const WARNING_BYTES_MAX: usize = 1000;

/// How long a provider is asked whether it took a request: for as long as a reply would have been awaited. An answer may
/// still be in the making, and can be found once that has ended.
pub fn time_to_ask(target: &Target) -> Span {
    let Timeouts { request, job, .. } = target.timeouts;
    let is_direct = target.contract.call.is_some_and(|call| call.form == CallForm::Direct);
    if is_direct { Span(request.0.saturating_add(job.0)) } else { request }
}

impl Run {
    /// Whether the attempts of `id` at `target` are calls that may cost.
    pub(crate) fn is_call(&self, id: NodeId, target: usize) -> bool {
        self.target(id, target).contract.call.is_some()
    }

    /// What is to be done for an attempt as it stands.
    pub(crate) fn act_for(&self, id: NodeId, attempt: &Attempt) -> Option<Command> {
        let node = self.node(id);
        let key = AttemptKey { step: node.path.clone(), number: attempt.number };
        let target = self.target(id, attempt.target);
        if !attempt.phase.is_wanted() && target.contract.call.is_none() {
            return Some(Command::Stop { key });
        }
        let act = attempt.act(&target.contract)?;
        let due = |reason| self.timers.at(id, reason);
        let inputs = || node.attempts.as_ref().map(|attempts| attempts.inputs.clone()).unwrap_or_default();
        let deadline = due(Reason::Attempt(attempt.number)).or_else(|| due(Reason::Drain(attempt.number)));
        Some(Command::Perform(Box::new(Perform {
            key,
            act,
            contract: target.contract.clone(),
            inputs: attempt.inputs.clone().unwrap_or_else(inputs),
            estimate: attempt.estimate,
            timeouts: target.timeouts,
            deadline: deadline.unwrap_or(Timestamp(i64::MAX)),
            intent: attempt.intent.clone(),
            needs: self.needs_of(id, attempt),
        })))
    }
}

impl Handling<'_> {
    /// Has done what is to be done for an attempt in its new phase.
    fn act_on(&mut self, id: NodeId, number: u32) {
        let attempt = self.run.live_attempt(id, number);
        let command = attempt.and_then(|attempt| self.run.act_for(id, attempt));
        self.commands.extend(command);
    }

    /// Gives back what the attempt may hold.
    pub(crate) fn release(&mut self, id: NodeId, key: &AttemptKey) {
        if self.run.may_hold(id) {
            self.commands.push(Command::Release { key: key.clone() });
        }
    }

    /// The provider took the job, perhaps one that nobody waits for any more, or of which nobody knew.
    pub(crate) fn on_accepted(&mut self, key: AttemptKey, job: String) {
        self.meet_doom(&key);
        let Some((id, attempt)) = self.run.attempt(&key) else { return };
        let (number, target) = (key.number, attempt.target);
        match attempt.phase {
            Phase::Planned | Phase::Doubtful | Phase::Unknown { .. } => self.accept(id, key, job),
            Phase::Stopping { job: None, .. } if self.run.is_call(id, target) => {
                self.emit_of_attempt(key, AttemptEvent::AcceptedLate { job });
                self.act_on(id, number);
            }
            _ => {}
        }
    }

    pub(crate) fn accept(&mut self, id: NodeId, key: AttemptKey, job: String) {
        let (number, target) = (key.number, self.target_of(id, &key));
        let is_call = self.run.is_call(id, target);
        let queue = self.run.target(id, target).timeouts.queue;
        let deadline = is_call.then(|| self.now.after(queue));
        self.emit_of_attempt(key, AttemptEvent::Accepted { job, deadline });
        if is_call {
            self.act_on(id, number);
        }
    }

    pub(crate) fn on_polled(&mut self, key: AttemptKey, news: JobNews) {
        self.meet_doom(&key);
        let Some((id, attempt)) = self.run.attempt(&key) else { return };
        let (number, target) = (key.number, attempt.target);
        match (&attempt.phase, news) {
            (Phase::Accepted { .. }, JobNews::Running) => {
                let deadline = self.now.after(self.job_timeout(id, self.run.target(id, target)));
                self.emit_of_attempt(key, AttemptEvent::Began { deadline });
                self.act_on(id, number);
            }
            // No news: it is asked again.
            (Phase::Running { .. }, JobNews::Running) => self.act_on(id, number),
            (Phase::Accepted { .. } | Phase::Running { .. }, JobNews::Done) => {
                self.emit_of_attempt(key, AttemptEvent::Finished {});
                self.act_on(id, number);
            }
            (Phase::Accepted { .. } | Phase::Running { .. } | Phase::Fetching { .. }, JobNews::Expired) => {
                let message = "the job was done and paid, and the provider has deleted its result";
                let cost = self.may_have_cost(id, &key);
                self.on_unknowable(id, key, Failure::new(Class::Gone, message), cost);
            }
            (Phase::Accepted { .. } | Phase::Running { .. } | Phase::Fetching { .. }, JobNews::Lost) => {
                let message = "the provider doesn't know the job any more";
                self.on_unknowable(id, key, Failure::new(Class::Unknown, message), Cost::NONE);
            }
            (Phase::Stopping { fetches: true, .. }, JobNews::Expired | JobNews::Lost) => {
                let why = "the job was done, and the provider has deleted its result";
                self.lose_sight_of(id, key, why);
            }
            _ => {}
        }
    }

    pub(crate) fn on_reconciled(&mut self, key: AttemptKey, found: Found) {
        self.meet_doom(&key);
        let Some((id, attempt)) = self.run.attempt(&key) else { return };
        match (&attempt.phase, found) {
            (_, Found::Job(job)) => self.on_accepted(key, job),
            // It is sent as a new attempt, so that no request can leave twice for one.
            (Phase::Doubtful, Found::Absent) if attempt.doubted => {
                self.release(id, &key);
                let message = "the request failed, and the provider never took it";
                self.fail_attempt(id, key, Failure::unavailable(message), Cost::NONE);
            }
            // Nobody drove the run when it was to leave: that counts as no attempt.
            (Phase::Doubtful, Found::Absent) => {
                self.release(id, &key);
                self.emit_of_attempt(key, AttemptEvent::Absent {});
                self.launch(id);
            }
            (Phase::Doubtful, Found::Unclear) => {
                self.on_unknowable(id, key, Failure::new(Class::Unknown, UNCLEAR), Cost::NONE);
            }
            (Phase::Stopping { job: None, .. }, Found::Absent) => {
                self.release(id, &key);
                self.emit_of_attempt(key, AttemptEvent::ended(LateEnd::Cancelled, Cost::NONE));
            }
            (Phase::Stopping { job: None, .. }, Found::Unclear) => {
                self.lose_sight_of(id, key, UNCLEAR);
            }
            _ => {}
        }
    }

    pub(crate) fn on_ended(&mut self, key: AttemptKey, end: AttemptEnd) {
        self.meet_doom(&key);
        // It has stopped already.
        self.commands.retain(|command| match command {
            Command::Stop { key: told } => *told != key,
            Command::Perform(perform) => perform.key != key || !matches!(perform.act, Act::Cancel { .. }),
            _ => true,
        });
        let Some((id, attempt)) = self.run.attempt(&key) else { return };
        let (is_wanted, target) = (attempt.phase.is_wanted(), attempt.target);
        let end = end.costing(attempt.cost);
        if let AttemptEnd::Failed { failure, cost } = &end
            && is_wanted
            && self.run.is_call(id, target)
            && failure.is_expired()
        {
            return self.on_unknowable(id, key, failure.clone(), *cost);
        }
        let may_have_left = attempt.phase.job().is_none() && self.run.is_call(id, target);
        let unknown = end.unknown_failure(may_have_left);
        let may_ask = attempt.phase.is_unanswered() && self.run.is_call(id, target);
        let is_asked = attempt.phase == Phase::Doubtful && attempt.doubted;
        if let Some(failure) = unknown.filter(|_| may_ask || (is_wanted && self.decides_unknown(id, target)))
        {
            return match (may_ask, is_asked) {
                (true, _) => self.search(id, key, failure, false),
                // The request that the provider is asked about has ended now, and that says no more.
                (_, true) => {}
                _ => self.on_unknowable(id, key, failure, Cost::NONE),
            };
        }
        self.release(id, &key);
        if !is_wanted {
            return self.end_late(id, key, end);
        }
        match end {
            AttemptEnd::Succeeded(outcome) => self.judge(id, key, outcome),
            AttemptEnd::Failed { failure, cost } => self.fail_attempt(id, key, failure, cost),
            AttemptEnd::Cancelled => {
                let failure = Failure::new(Class::Unavailable, "the work was stopped from outside");
                self.fail_attempt(id, key, failure, Cost::NONE);
            }
        }
    }

    /// A request may have arrived or not: the provider is asked, also if nobody wants it any more, as a job that was made
    /// of it would run on. `awaits_reply`: its own reply may still come.
    fn search(&mut self, id: NodeId, key: AttemptKey, failure: Failure, awaits_reply: bool) {
        let (number, target) = (key.number, self.target_of(id, &key));
        let is_wanted = self.run.live_attempt(id, number).is_some_and(|attempt| attempt.phase.is_wanted());
        let patience = if is_wanted { time_to_ask(self.run.target(id, target)) } else { DRAIN };
        let deadline = self.now.after(patience);
        self.emit_of_attempt(key, AttemptEvent::Doubted { failure, deadline, awaits_reply });
        self.act_on(id, number);
    }

    /// An attempt failed, or it is unknown whether it did.
    pub(crate) fn end_badly(&mut self, id: NodeId, key: AttemptKey, failure: Failure, cost: Cost) {
        let target = self.target_of(id, &key);
        match failure.class == Class::Unknown && self.decides_unknown(id, target) {
            true => self.on_unknowable(id, key, failure, cost),
            false => self.fail_attempt(id, key, failure, cost),
        }
    }

    fn end_late(&mut self, id: NodeId, key: AttemptKey, end: AttemptEnd) {
        let ended = match end {
            AttemptEnd::Succeeded(Outcome { output, cost, .. }) => {
                let output = Some(output).filter(|output| output.excess(STEP_UNITS_MAX).is_none());
                let cache = output.as_ref().and_then(|_| self.run.kept_under(id));
                AttemptEvent::Ended { end: LateEnd::Succeeded, output, cost, why: None, cache }
            }
            AttemptEnd::Failed { failure, .. } if failure.class == Class::Unknown => {
                AttemptEvent::out_of_sight(self.may_have_cost(id, &key), failure.message)
            }
            AttemptEnd::Failed { cost, .. } => AttemptEvent::ended(LateEnd::Failed, cost),
            AttemptEnd::Cancelled if self.run.is_given_up(id, &key) => {
                AttemptEvent::out_of_sight(self.may_have_cost(id, &key), NO_END.to_owned())
            }
            AttemptEnd::Cancelled => {
                let attempt = self.run.live_attempt(id, key.number);
                AttemptEvent::ended(LateEnd::Cancelled, attempt.map_or(Cost::NONE, |attempt| attempt.cost))
            }
        };
        self.emit_of_attempt(key, ended);
    }

    /// Nobody will know how an attempt ended that nobody wants: it may have cost all that was expected.
    fn lose_sight_of(&mut self, id: NodeId, key: AttemptKey, why: &str) {
        self.release(id, &key);
        let cost = self.may_have_cost(id, &key);
        self.emit_of_attempt(key, AttemptEvent::out_of_sight(cost, why.to_owned()));
    }

    /// An attempt that nobody wants has had its time.
    pub(crate) fn give_up_draining(&mut self, id: NodeId, number: u32) {
        let key = AttemptKey { step: self.run.node(id).path.clone(), number };
        let call = self.run.live_attempt(id, number).filter(|attempt| self.run.is_call(id, attempt.target));
        if call.is_some_and(|attempt| attempt.phase.is_unanswered()) {
            return self.search(id, key, Failure::new(Class::Unknown, NO_REPLY), true);
        }
        // Whoever waits for the same waits for this attempt no more, so it can be stopped.
        self.lose_sight_of(id, key.clone(), NO_END);
        self.commands.push(Command::Stop { key });
    }

    /// Records what came of an attempt beside its output.
    pub(crate) fn warn_of(&mut self, key: &AttemptKey, warnings: Vec<String>) {
        for mut message in warnings.into_iter().take(WARNINGS_MAX) {
            message.truncate(message.floor_char_boundary(WARNING_BYTES_MAX));
            self.emit_of_attempt(key.clone(), AttemptEvent::Warned { message });
        }
    }

    /// How an attempt ended can't be known, or what it gave is gone and it is paid, with what it cost as far as that is
    /// known: the step's policy decides what follows.
    pub(crate) fn on_unknowable(&mut self, id: NodeId, key: AttemptKey, failure: Failure, cost: Cost) {
        let Some(attempt) = self.run.live_attempt(id, key.number) else { return };
        if matches!(attempt.phase, Phase::Unknown { .. }) {
            return;
        }
        let call = self.run.target(id, attempt.target).contract.call;
        let written = self.run.graph.step(self.run.step_id(id)).on_unknown;
        if written.is_none() && attempt.is_repeatable() {
            return self.ask_again(id, key, failure);
        }
        self.release(id, &key);
        self.emit_of_attempt(key.clone(), AttemptEvent::Unknown { failure: failure.clone(), cost });
        let is_repeatable = call.is_some_and(|call| call.repeatable);
        if written.is_none() && !is_repeatable && self.may_send_again(id, &key, &failure) {
            return self.send_again(id, key, failure);
        }
        match written.unwrap_or(if is_repeatable { OnUnknown::Retry } else { OnUnknown::Park }) {
            OnUnknown::Park => {
                let is_expired = failure.class == Class::Gone;
                let reason = if is_expired { ParkReason::Expired } else { ParkReason::Unknown };
                self.emit_of_step(id, StepEvent::Parked { reason, message: failure.message });
            }
            OnUnknown::Retry | OnUnknown::Fail => {
                self.write_off(id, key, &failure, false);
                self.decide_after(id, failure);
            }
        }
    }

    /// A request that means the same however often it is sent got no reply: it is sent again as what can't be reached
    /// is, and may have cost. That nobody drove the run when its reply came counts as no attempt.
    fn ask_again(&mut self, id: NodeId, key: AttemptKey, failure: Failure) {
        let was_asked = self.run.live_attempt(id, key.number).is_some_and(|attempt| attempt.doubted);
        let cost = self.may_have_cost(id, &key);
        let billed = if cost.amount.is_zero() { Known::No } else { Known::Maybe };
        let failure = Failure { class: Class::Unavailable, billed, ..failure };
        self.release(id, &key);
        if was_asked {
            return self.fail_attempt(id, key, failure, cost);
        }
        let reason =
            "nobody was there when its reply came, and it means the same when it is sent again".to_owned();
        self.emit_of_attempt(
            key,
            AttemptEvent::Failed { failure, cost, abandoned: false, until: None, resent: false },
        );
        self.emit_of_step(id, StepEvent::RetryScheduled { at: self.now, reason, counted: false });
    }

    /// Whether a call of which nobody can tell what became of it is so cheap that it is made again, though it may
    /// be paid twice. What else a server does twice that a pipeline names, no price says.
    fn may_send_again(&self, id: NodeId, key: &AttemptKey, failure: &Failure) -> bool {
        let Resends { below, total } = self.run.started.resends;
        let Some(attempt) = self.run.live_attempt(id, key.number) else { return false };
        let target = self.run.target(id, attempt.target);
        let at_target = self.run.node(id).attempts.as_ref().map_or(0, |attempts| attempts.at_target);
        failure.class == Class::Unknown
            && target.contract.work != Work::Request
            && !attempt.estimate.is_zero()
            && attempt.estimate <= below
            && self.run.resent + attempt.estimate <= total
            && at_target < target.contract.work.default_attempts()
    }

    fn send_again(&mut self, id: NodeId, key: AttemptKey, failure: Failure) {
        let cost = self.may_have_cost(id, &key).amount;
        self.write_off(id, key, &failure, true);
        let reason = format!("unknown: it may have cost ${cost}, which is little enough to send it again");
        let at = self.now.after(PAUSE_BEFORE_RESEND);
        self.emit_of_step(id, StepEvent::RetryScheduled { at, reason, counted: true });
    }

    /// Whether the step's `on_unknown` decides what follows when the end of an attempt can't be known: of calls
    /// it always does.
    fn decides_unknown(&self, id: NodeId, target: usize) -> bool {
        let is_written = self.run.graph.step(self.run.step_id(id)).on_unknown.is_some();
        is_written || self.run.is_call(id, target)
    }

    /// The provider is asked no more about a request. A list of jobs may not tell it from the same one that is sent next, so
    /// whoever went on looking for the first might take, and cancel, the job of the second.
    pub(crate) fn stop_search(&mut self, id: NodeId, key: &AttemptKey) {
        if self.run.live_attempt(id, key.number).is_some_and(|attempt| attempt.phase.job().is_none()) {
            self.commands.push(Command::Stop { key: key.clone() });
        }
    }

    /// Counts an attempt as failed whose outcome is unknown; it may be billed.
    pub(crate) fn write_off(&mut self, id: NodeId, key: AttemptKey, failure: &Failure, resent: bool) {
        self.stop_search(id, &key);
        let cost = self.may_have_cost(id, &key);
        let is_paid = failure.class == Class::Gone || cost.basis != Basis::Maybe;
        let billed = if is_paid { Known::Yes } else { Known::Maybe };
        let failure = Failure { billed, ..failure.clone() };
        self.emit_of_attempt(
            key,
            AttemptEvent::Failed { failure, cost, abandoned: false, until: None, resent },
        );
    }

    /// What an attempt cost of which nobody can tell how it ended: what is known of that, else the most that it can be.
    fn may_have_cost(&self, id: NodeId, key: &AttemptKey) -> Cost {
        let Some(attempt) = self.run.live_attempt(id, key.number) else { return Cost::maybe(Money::ZERO) };
        if attempt.cost.is_none() { Cost::maybe(attempt.estimate) } else { attempt.cost }
    }

    /// When the end of an attempt that is given up is no longer awaited: of work on this machine it will come.
    pub(crate) fn drained_by(&self, id: NodeId, target: usize) -> Option<Timestamp> {
        self.run.is_call(id, target).then(|| self.now.after(DRAIN))
    }

    /// An attempt has taken as long as it may: a call of which nobody knows whether it arrived ended nobody knows
    /// how.
    pub(crate) fn time_out_attempt(&mut self, id: NodeId, number: u32) {
        let Some(attempt) = self.run.live_attempt(id, number) else { return };
        let unknown = |message| Failure::new(Class::Unknown, message);
        let key = || AttemptKey { step: self.run.node(id).path.clone(), number };
        match attempt.phase {
            Phase::Planned if self.run.is_call(id, attempt.target) => {
                return self.search(id, key(), unknown("there was no reply within its `timeout`"), true);
            }
            Phase::Doubtful => {
                let message = "the provider did not say within its `timeout` whether it took the request";
                return self.on_unknowable(id, key(), unknown(message), Cost::NONE);
            }
            _ => {}
        }
        let failure = Failure::new(Class::Timeout, "it took longer than its `timeout` allows");
        self.give_up_attempt(id, &failure);
        self.decide_after(id, failure);
    }

    /// Ends the attempt that the step waits for; its end is still awaited.
    pub(crate) fn give_up_attempt(&mut self, id: NodeId, failure: &Failure) {
        let Some((key, target, had)) = self.run.wanted(id) else { return };
        let until = self.drained_by(id, target);
        let billed = self.run.target(id, target).contract.call.map_or(Known::No, |call| call.failure_costs);
        let failure = Failure { billed, ..failure.clone() };
        let failed =
            AttemptEvent::Failed { failure, cost: Cost::NONE, abandoned: true, until, resent: false };
        self.emit_of_attempt(key.clone(), failed);
        self.stop(id, key, &had);
    }

    /// Calls off the attempt that the step waits for; its end is still awaited.
    pub(crate) fn abandon_attempt(&mut self, id: NodeId, reason: &str) {
        let Some((key, target, had)) = self.run.wanted(id) else { return };
        // Others may wait for what it gives: as long as it might have taken.
        let own = self.run.shared(id).and_then(|_| self.run.timers.at(id, Reason::Attempt(key.number)));
        let until = self.drained_by(id, target).map(|until| own.map_or(until, |own| own.max(until)));
        self.emit_of_attempt(key.clone(), AttemptEvent::Abandoned { reason: reason.to_owned(), until });
        self.stop(id, key, &had);
    }

    /// Stops the work of an attempt at `id`, which was in the phase `had`. Work that was to begin in this very
    /// turn never begins.
    fn stop(&mut self, id: NodeId, key: AttemptKey, had: &Phase) {
        if self.launched.remove(&id) {
            let attempt = self.run.live_attempt(id, key.number);
            if attempt.is_some_and(|attempt| !self.run.needs_of(id, attempt).is_empty()) {
                self.commands.push(Command::Release { key: key.clone() });
            }
            return self.emit_of_attempt(key, AttemptEvent::ended(LateEnd::Cancelled, Cost::NONE));
        }
        match had {
            Phase::Unknown { .. } => self.lose_sight_of(id, key, "it is unknown how it ended"),
            // It is paid, and its result goes on being fetched.
            Phase::Fetching { .. } => {}
            // Its reply is awaited, or what the provider knows of it.
            Phase::Planned | Phase::Doubtful if self.drained_by(id, self.target_of(id, &key)).is_some() => {}
            _ => self.act_on(id, key.number),
        }
    }

    fn target_of(&self, id: NodeId, key: &AttemptKey) -> usize {
        self.run.live_attempt(id, key.number).map_or(0, |attempt| attempt.target)
    }

    /// When an attempt that is planned now counts as timed out.
    pub(crate) fn first_deadline(&self, id: NodeId, target: usize) -> Timestamp {
        let target = self.run.target(id, target);
        let waits_for_job = target.contract.call.is_some_and(|call| call.form == CallForm::Job);
        let span = if waits_for_job { target.timeouts.request } else { self.job_timeout(id, target) };
        self.now.after(span)
    }
}

impl Run {
    /// The attempt that the step waits for, its target and its phase.
    fn wanted(&self, id: NodeId) -> Option<(AttemptKey, usize, Phase)> {
        let node = self.node(id);
        let attempt = node.attempts.as_ref()?.wanted()?;
        let key = AttemptKey { step: node.path.clone(), number: attempt.number };
        Some((key, attempt.target, attempt.phase.clone()))
    }
}

impl AttemptEnd {
    /// The same of an attempt of which a job was paid before.
    fn costing(mut self, paid: Cost) -> AttemptEnd {
        if let AttemptEnd::Succeeded(Outcome { cost, .. }) | AttemptEnd::Failed { cost, .. } = &mut self
            && cost.amount < paid.amount
        {
            *cost = paid;
        }
        self
    }

    /// What is known if it is unknown how the attempt ended: that is said, or a request was stopped that may
    /// have left (`may_have_left`).
    fn unknown_failure(&self, may_have_left: bool) -> Option<Failure> {
        match self {
            AttemptEnd::Failed { failure, .. } if failure.class == Class::Unknown => Some(failure.clone()),
            AttemptEnd::Cancelled if may_have_left => {
                Some(Failure::new(Class::Unknown, "the request was stopped from outside, and may have left"))
            }
            _ => None,
        }
    }
}
