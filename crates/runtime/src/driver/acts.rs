//! Acts: what is being done for attempts, one thing at a time for each.

use std::sync::Arc;

use motet_engine::{Act, AttemptEnd, AttemptKey, Input, Perform, RunId};
use motet_pipeline::Class;
use tokio_util::sync::CancellationToken;

use super::{Driver, Message};
use crate::operation::Hands;
use crate::warning::{THREAD_HELD, Warning};
use crate::work::{ProgressSink, Report, Work};
use crate::world::OnHeld;

/// What is being done for an attempt.
pub(super) struct InFlight {
    /// Which of all that was done.
    number: u64,
    /// Tells it to stop.
    pub(super) stop: CancellationToken,
    /// Whose call it is; empty if it is none.
    pub(super) provider: String,
}

impl Driver {
    pub(super) fn on_done(&mut self, run: RunId, key: AttemptKey, number: u64, report: Report) {
        let at_work = (run, key);
        let is_last = self.in_flight.get(&at_work).is_some_and(|last| last.number == number);
        self.tell_paces();
        let (run, key) = &at_work;
        if !self.runs.contains_key(run) {
            // The engine can't say so any more.
            self.release(run, key.clone());
        }
        match report {
            // Work that was stopped because the driver leaves is done again by the next one; and what was
            // replaced by something else is no end of the attempt.
            Report::Tell(Input::Ended { end: AttemptEnd::Cancelled, .. })
                if !is_last || !self.leaving.is_empty() => {}
            // Whatever replaced it knows more than a request that got no reply.
            Report::Tell(Input::Ended { end: AttemptEnd::Failed { failure, .. }, .. })
                if !is_last && failure.class == Class::Unknown => {}
            Report::Tell(input) => self.tell(run, input),
            Report::Stopped => {}
            Report::NotKept(error) => self.give_up(error, Vec::new()),
        }
        // What it led to is done later, so nothing else is at work for the attempt yet.
        if is_last {
            self.in_flight.remove(&at_work);
        }
    }

    pub(super) fn stop_all(&self) {
        self.in_flight.values().for_each(|at_work| at_work.stop.cancel());
    }

    pub(super) fn perform(&mut self, id: &RunId, mut perform: Perform) {
        // What is billed by time would cost more the longer others wait for it.
        if let Act::Cancel { job } = &perform.act
            && !perform.contract.is_billed_by_time()
            && self.is_awaited(id, &perform.key)
        {
            perform.act = Act::Drain { job: job.clone() };
        }
        let key = perform.key.clone();
        let Some(live) = self.runs.get(id) else { return };
        let stop = CancellationToken::new();
        self.acts += 1;
        let number = self.acts;
        let contract = &perform.contract;
        let provider = contract.call.map(|_| contract.provider().to_owned()).unwrap_or_default();
        let at_work = InFlight { number, stop: stop.clone(), provider };
        if let Some(replaced) = self.in_flight.insert((id.clone(), key.clone()), at_work) {
            replaced.stop.cancel();
        }
        let feed = live.publisher.feed().clone();
        let progress = ProgressSink::new(feed, key.step.clone(), key.number);
        let work = Box::new(Work::new(self.hands.clone(), live.run.started(), perform, stop, progress));
        let held = warn_of_thread(&self.hands, &work);
        let (mail, run) = (self.mail.clone(), id.clone());
        let attempt = Box::pin(async move {
            let report = work.perform().await;
            // If nobody listens any more, it is done again by whoever takes the run up.
            let _ = mail.send(Message::Done { run, key, number, report });
        });
        self.hands.world.spawn_work(attempt, held);
    }
}

/// Tells that the work of an attempt holds its thread.
pub(super) fn warn_of_thread(hands: &Arc<Hands>, work: &Work) -> OnHeld {
    let (hands, progress) = (Arc::downgrade(hands), work.progress().clone());
    let (contract, run) = (work.shared_contract().clone(), work.run().clone());
    Box::new(move || {
        progress.tell(None, Some(&format!("it {THREAD_HELD}")));
        let Some(hands) = hands.upgrade() else { return };
        hands.warn(&Warning::ThreadHeld {
            operation: contract.operation.to_string(),
            run: run.clone(),
            step: progress.step().clone(),
            attempt: progress.attempt(),
        });
    })
}
