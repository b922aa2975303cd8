//! The state table of a step: a line per event, legal sources left, target right.

use crate::event::{AttemptEvent, Event, StepEvent};
use crate::node::StepStatus;

/// What an event means for the status of the step it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Its list is known.
    Expanded,
    /// Its inputs are resolved.
    Ready,
    /// The steps inside it may start.
    Opened,
    /// It doesn't run.
    Skipped,
    /// It sleeps.
    Slept,
    /// The sleep is over.
    Woken,
    /// An attempt begins.
    Planned,
    /// The provider took the job.
    Accepted,
    /// The attempt gave a result.
    Succeeded,
    /// The attempt failed.
    AttemptFailed,
    /// The attempt is asked to stop.
    Abandoned,
    /// It will be tried again.
    RetryScheduled,
    /// The next target is taken.
    FallbackTaken,
    /// The next target's inputs are resolved.
    TargetReady,
    /// It waits for a decision or for money.
    Parked,
    /// Somebody decided.
    Resolved,
    /// Somebody decided about an undo that could not be done.
    Unstuck,
    /// It asks for money again.
    Funded,
    /// It has its output.
    Completed,
    /// It failed for good.
    Failed,
    /// It is cancelled.
    Cancelled,
}

impl Change {
    /// All changes.
    pub const ALL: [Change; 21] = [
        Change::Expanded,
        Change::Ready,
        Change::Opened,
        Change::Skipped,
        Change::Slept,
        Change::Woken,
        Change::Planned,
        Change::Accepted,
        Change::Succeeded,
        Change::AttemptFailed,
        Change::Abandoned,
        Change::RetryScheduled,
        Change::FallbackTaken,
        Change::TargetReady,
        Change::Parked,
        Change::Resolved,
        Change::Unstuck,
        Change::Funded,
        Change::Completed,
        Change::Failed,
        Change::Cancelled,
    ];

    /// What `event` means for its step. Nothing for events of the run, and for those of an attempt that make
    /// no difference to its step.
    pub(crate) fn of(event: &Event) -> Option<Change> {
        match event {
            Event::Run(_) => None,
            Event::Step { event, .. } => Some(Change::of_step(event)),
            Event::Attempt { event, .. } => Change::of_attempt(event),
        }
    }

    fn of_step(event: &StepEvent) -> Change {
        match event {
            StepEvent::Expanded { .. } => Change::Expanded,
            StepEvent::Ready { inputs: None, .. } | StepEvent::Ready { opens: true, .. } => Change::Opened,
            StepEvent::Ready { .. } => Change::Ready,
            StepEvent::Skipped { .. } => Change::Skipped,
            StepEvent::Slept { .. } => Change::Slept,
            StepEvent::Woken { .. } => Change::Woken,
            StepEvent::RetryScheduled { .. } => Change::RetryScheduled,
            StepEvent::FallbackTaken { .. } => Change::FallbackTaken,
            StepEvent::TargetReady { .. } => Change::TargetReady,
            StepEvent::Parked { .. } => Change::Parked,
            StepEvent::Resolved { stuck: true, .. } => Change::Unstuck,
            StepEvent::Resolved { .. } => Change::Resolved,
            StepEvent::Funded {} => Change::Funded,
            StepEvent::Completed { .. } => Change::Completed,
            StepEvent::Failed { .. } => Change::Failed,
            StepEvent::Cancelled { .. } => Change::Cancelled,
        }
    }

    fn of_attempt(event: &AttemptEvent) -> Option<Change> {
        Some(match event {
            AttemptEvent::Planned { .. } => Change::Planned,
            AttemptEvent::Accepted { .. } => Change::Accepted,
            AttemptEvent::Succeeded { .. } => Change::Succeeded,
            AttemptEvent::Failed { .. } => Change::AttemptFailed,
            AttemptEvent::Abandoned { .. } => Change::Abandoned,
            AttemptEvent::Absent {} => Change::AttemptFailed,
            // It makes no difference to the step.
            AttemptEvent::AcceptedLate { .. }
            | AttemptEvent::Began { .. }
            | AttemptEvent::Doubted { .. }
            | AttemptEvent::Finished {}
            | AttemptEvent::Unknown { .. }
            | AttemptEvent::Warned { .. }
            | AttemptEvent::Ended { .. } => return None,
        })
    }

    /// The statuses in which it can happen, and the one after it: engine, tables and reports take a step's
    /// status from here.
    fn row(self) -> (&'static [StepStatus], StepStatus) {
        use StepStatus::*;
        match self {
            Change::Expanded => (&[Pending], Running),
            Change::Ready => (&[Pending], Waiting),
            Change::Opened => (&[Pending], Running),
            Change::Skipped => (&[Pending], Skipped),
            Change::Slept => (&[Waiting], Sleeping),
            Change::Woken => (&[Sleeping], Waiting),
            Change::Planned => (&[Waiting], Running),
            Change::Accepted => (&[Running, Parked], Running),
            Change::Succeeded => (&[Running, Parked], Running),
            Change::AttemptFailed => (&[Running, Parked], Waiting),
            Change::Abandoned => (&[Running, Parked], Waiting),
            Change::RetryScheduled => (&[Waiting], Sleeping),
            Change::FallbackTaken => (&[Waiting], Waiting),
            Change::TargetReady => (&[Waiting], Waiting),
            Change::Parked => (&[Waiting, Running], Parked),
            Change::Resolved => (&[Running, Parked], Running),
            Change::Unstuck => (&[Parked], Waiting),
            Change::Funded => (&[Parked], Waiting),
            Change::Completed => (&[Waiting, Running], Completed),
            Change::Failed => (&[Pending, Waiting, Running, Sleeping, Parked], Failed),
            Change::Cancelled => (&[Pending, Waiting, Running, Sleeping, Parked], Cancelled),
        }
    }

    /// The status after it, wherever it can happen.
    pub fn status(self) -> StepStatus {
        self.row().1
    }
}

/// The status after `change`; nothing if the change is illegal.
pub fn next(status: StepStatus, change: Change) -> Option<StepStatus> {
    let (from, to) = change.row();
    from.contains(&status).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event() {
        let mut table = String::new();
        for status in StepStatus::ALL {
            for change in Change::ALL {
                let target = next(status, change).map_or("–", StepStatus::word);
                table.push_str(&format!("{:<10} {:<15} {target}\n", status.word(), format!("{change:?}")));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn terminal_states_are_final() {
        for status in StepStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            assert!(Change::ALL.into_iter().all(|change| next(status, change).is_none()));
        }
    }
}
