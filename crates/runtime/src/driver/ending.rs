//! How driving ends: of one run, because the engine panicked over it; of all of them, because the store
//! keeps nothing more, this process leaves, or the driver itself panicked.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use motet_engine::RunId;
use motet_engine::dispatcher::Told;
use motet_pipeline::Span;
use motet_store::StoreError;

use super::guard::{Panic, drop_guarded};
use super::{Driver, Effect, Live, Message};
use crate::Error;
use crate::follow::Happening;
use crate::work::GRACE;

/// How long a driver that panicked waits for the ends of work that it told to stop.
const FALL_MAX: Span = Span(2 * GRACE.0);

impl Driver {
    /// Drives `id` no more, and nothing else: what it recorded stays as it is, and its work stops.
    pub(super) fn quarantine(&mut self, id: &RunId, panic: Panic) {
        self.standing.quarantine(id, panic);
        let Some(live) = self.forget(id) else { return };
        let of_run = self.in_flight.iter().filter(|((run, _), _)| run == id);
        of_run.for_each(|(_, at_work)| at_work.stop.cancel());
        live.publisher.end(Happening::Lost(Arc::new(self.standing.why_undriven(id))));
        drop_guarded(live.run);
    }

    /// Takes a run, which is over or is driven no more, out of all that the driver has.
    pub(super) fn forget(&mut self, id: &RunId) -> Option<Live> {
        let live = self.runs.remove(id)?;
        if let Some(at) = live.deadline {
            self.deadlines.remove(&(at, id.clone()));
        }
        self.hands.models.forget_run(id);
        self.tell_gate(Told::Forgotten { run: id.clone() });
        Some(live)
    }

    /// The store keeps nothing more: all work stops, and everybody who waits is told why.
    pub(super) fn give_up(&mut self, error: StoreError, effects: Vec<Effect>) {
        let staged = std::mem::take(&mut self.batch);
        for accepted in effects.into_iter().chain(staged).filter_map(|effect| effect.accepted) {
            accepted.answer(Err(error.clone().into()));
        }
        let error = Arc::new(error);
        self.broken = Some(error.clone());
        self.standing.fail(error.clone());
        self.stop_all();
        self.forget_runs(|_| Happening::StoreFailed(error.clone()));
    }

    /// Before somebody else may drive the store: the last sign of life, and all that was recorded is in the
    /// database itself.
    pub(super) async fn settle_store(&self) {
        if !self.standing.is_owner() {
            return;
        }
        let (store, now) = (self.hands.store.clone(), self.hands.world.now());
        let settle = Box::new(move || {
            // A store that keeps nothing more is let go of all the same.
            drop(store.heartbeat(now));
            store.fold_log();
        });
        self.hands.world.compute(settle).await;
    }

    /// Releases the store, and tells those who wait for that.
    pub(super) fn leave(&mut self) {
        self.forget_runs(|_| Happening::Interrupted);
        self.let_go();
    }

    fn let_go(&mut self) {
        self.standing.release();
        for left in self.leaving.drain(..) {
            // Whoever asked may have stopped to wait.
            let _ = left.send(());
        }
    }

    /// The driver itself panicked, so nothing of its state is trusted any more but who is to be told:
    /// all work stops, what is at the store may still become durable, and the store is released.
    pub(super) async fn fall(&mut self, panic: Panic) {
        self.standing.fall(panic);
        // A second panic leaves nothing to be done but to let go.
        if let Err(second) = AssertUnwindSafe(self.stop_work()).catch_unwind().await {
            drop_guarded(second);
        }
        self.let_go();
    }

    async fn stop_work(&mut self) {
        self.stop_all();
        let standing = self.standing.clone();
        self.forget_runs(|id| Happening::Lost(Arc::new(standing.why_undriven(id))));
        let world = self.hands.world.clone();
        let late = world.sleep_until(world.now().after(FALL_MAX));
        tokio::select! {
            () = self.await_ends() => {}
            () = late => {}
        }
    }

    async fn await_ends(&mut self) {
        while self.appending > 0 || !self.in_flight.is_empty() {
            let Some(message) = self.inbox.recv().await else { return };
            match message {
                Message::Done { run, key, .. } => _ = self.in_flight.remove(&(run, key)),
                Message::Appended { result, effects } => {
                    self.appending -= 1;
                    for accepted in effects.into_iter().filter_map(|effect| effect.accepted) {
                        accepted.answer(result.clone().map_err(Error::from));
                    }
                }
                Message::Leave { left } => self.leaving.push(left),
                // Whoever waits for an answer learns from its absence that there is no driver.
                _ => {}
            }
        }
    }

    fn forget_runs(&mut self, why: impl Fn(&RunId) -> Happening) {
        for (id, live) in &self.runs {
            live.publisher.end(why(id));
        }
        self.runs.clear();
        self.hands.models.hooks.forget_all();
        self.deadlines.clear();
        self.batch.clear();
        self.gate.clear();
    }
}
