//! What happens by itself: deadlines, and the time in which nobody drove.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use motet_engine::{Input, RunId};
use motet_pipeline::Timestamp;

use super::{Driver, Live};

/// When the driver will be woken, and what waits for that.
pub(super) type Alarm = (Timestamp, BoxFuture<'static, ()>);

pub(super) async fn ring(alarm: &mut Option<Alarm>) {
    if let Some((_, sleep)) = alarm {
        sleep.await;
    }
}

impl Driver {
    /// Sets the alarm earlier if something is due before it rings. It is not set later: to be woken
    /// once for nothing costs less than to set it with every turn.
    pub(super) fn set_alarm(&self, alarm: &mut Option<Alarm>) {
        match self.next_wake() {
            None => *alarm = None,
            Some(next) if alarm.as_ref().is_none_or(|(at, _)| next < *at) => {
                *alarm = Some((next, self.hands.world.sleep_until(next)));
            }
            Some(_) => {}
        }
    }

    /// When something is to be done if nothing happens before.
    fn next_wake(&self) -> Option<Timestamp> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let others = self.heart.due().into_iter().chain(self.dispatcher.next_deadline());
        let next = deadline.into_iter().chain(others).min();
        next.filter(|_| self.leaving.is_empty())
    }

    /// If this process was stopped for a while, or its machine asleep, nobody drove the runs: their
    /// deadlines move on before any of them is looked at.
    pub(super) fn notice_absence(&mut self) {
        let Some(away) = self.heart.stood_still(self.hands.world.now()) else { return };
        let runs: BTreeSet<RunId> = self.runs.keys().cloned().collect();
        for run in runs {
            self.tell(&run, Input::Resume { away });
        }
    }

    /// Tells every run of which a deadline has passed, once. A run that is due again at once is told after all others,
    /// and no more than a turn ahead of the disk: so it can take as many turns as it likes, and neither holds the
    /// others up nor fills the memory. What a turn asks for is done once it is durable, as always.
    pub(super) fn tick(&mut self) {
        let now = self.hands.world.now();
        let due: Vec<RunId> =
            self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id.clone()).collect();
        for id in due {
            let Some(live) = self.runs.get(&id) else { continue };
            let before = live.at_store;
            if live.may_go_ahead() {
                self.tell(&id, Input::Tick);
            }
            if self.runs.get(&id).is_some_and(|live| live.at_store == before || !live.may_go_ahead()) {
                self.postpone(&id, now);
            }
        }
    }

    /// A run that is still due isn't looked at again before a turn of it is durable. If none is on its
    /// way, the engine has nothing to do about the deadline.
    fn postpone(&mut self, id: &RunId, now: Timestamp) {
        if let Some(live) = self.runs.get_mut(id)
            && let Some(at) = live.deadline.filter(|at| *at <= now)
        {
            live.deadline = None;
            self.deadlines.remove(&(at, id.clone()));
        }
    }

    /// Whether a run has more to do at once.
    pub(super) fn is_due(&self) -> bool {
        self.deadlines.first().is_some_and(|(at, _)| *at <= self.hands.world.now())
    }
}

impl Live {
    /// Puts the run, which is called `id`, where its next deadline belongs in the order of all.
    pub(super) fn set_deadline(&mut self, id: &RunId, deadlines: &mut BTreeSet<(Timestamp, RunId)>) {
        let next = self.run.next_deadline();
        if next == self.deadline {
            return;
        }
        if let Some(old) = self.deadline {
            deadlines.remove(&(old, id.clone()));
        }
        if let Some(new) = next {
            deadlines.insert((new, id.clone()));
        }
        self.deadline = next;
    }
}
