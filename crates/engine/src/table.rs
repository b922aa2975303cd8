//! The state table of a step: a line per event, legal sources left, target right.

use crate::event::Event;
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
    /// The attempt is told to stop.
    Abandoned,
    /// It will be tried again.
    RetryScheduled,
    /// The next target is taken.
    FallbackTaken,
    /// The next target's inputs are resolved.
    TargetReady,
    /// It has its output.
    Completed,
    /// It failed for good.
    Failed,
    /// It is called off.
    Cancelled,
}

impl Change {
    /// All changes.
    pub const ALL: [Change; 17] = [
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
        Change::Completed,
        Change::Failed,
        Change::Cancelled,
    ];

    /// What `event` means for its step; `opens` tells whether the step has steps inside. Nothing for
    /// events of the run, and for the end of an attempt that nobody waits for.
    pub(crate) fn of(event: &Event, opens: bool) -> Option<Change> {
        Some(match event {
            Event::StepExpanded { .. } => Change::Expanded,
            Event::StepReady { .. } if opens => Change::Opened,
            Event::StepReady { .. } => Change::Ready,
            Event::StepSkipped { .. } => Change::Skipped,
            Event::StepSlept { .. } => Change::Slept,
            Event::StepWoken { .. } => Change::Woken,
            Event::AttemptPlanned { .. } => Change::Planned,
            Event::AttemptAccepted { .. } => Change::Accepted,
            Event::AttemptSucceeded { .. } => Change::Succeeded,
            Event::AttemptFailed { .. } => Change::AttemptFailed,
            Event::AttemptAbandoned { .. } => Change::Abandoned,
            Event::RetryScheduled { .. } => Change::RetryScheduled,
            Event::FallbackTaken { .. } => Change::FallbackTaken,
            Event::TargetReady { .. } => Change::TargetReady,
            Event::StepCompleted { .. } => Change::Completed,
            Event::StepFailed { .. } => Change::Failed,
            Event::StepCancelled { .. } => Change::Cancelled,
            Event::AttemptEnded { .. }
            | Event::RunStarted(_)
            | Event::RunResumed { .. }
            | Event::CancelRequested { .. }
            | Event::RunCompleted { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. } => return None,
        })
    }
}

/// The status after `change`; nothing if the change is illegal.
pub fn next(status: StepStatus, change: Change) -> Option<StepStatus> {
    use StepStatus::*;
    Some(match (status, change) {
        (Pending, Change::Expanded) => Running,
        (Pending, Change::Ready) => Waiting,
        (Pending, Change::Opened) => Running,
        (Pending, Change::Skipped) => Skipped,
        (Waiting, Change::Slept) => Sleeping,
        (Sleeping, Change::Woken) => Waiting,
        (Waiting, Change::Planned) => Running,
        (Running, Change::Accepted) => Running,
        (Running, Change::Succeeded) => Running,
        (Running, Change::AttemptFailed) => Waiting,
        (Running, Change::Abandoned) => Waiting,
        (Waiting, Change::RetryScheduled) => Sleeping,
        (Waiting, Change::FallbackTaken) => Waiting,
        (Waiting, Change::TargetReady) => Waiting,
        (Waiting | Running, Change::Completed) => Completed,
        (Pending | Waiting | Running | Sleeping, Change::Failed) => Failed,
        (Pending | Waiting | Running | Sleeping, Change::Cancelled) => Cancelled,
        _ => return None,
    })
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
