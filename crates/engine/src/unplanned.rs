//! The end of a run whose plan can't be had any more: it is called off by what its journal says alone.

use std::collections::BTreeMap;

use motet_pipeline::{Money, StepPath, Timestamp};

use crate::event::LateEnd;
use crate::table::{Change, next};
use crate::{Event, StepStatus, Turn};

/// How many events a turn has at most.
const TURN_EVENTS_MAX: usize = 1_000;

/// The turns that call off the run of which `journal` tells; none if it is over. Steps and items of which the
/// journal doesn't tell yet have no end.
///
/// Where the plan is there, [`crate::Input::Cancel`] is better: it stops what is in flight.
pub fn call_off_unplanned(journal: &[Turn], at: Timestamp, by: &str, reason: &str) -> Vec<Turn> {
    let events = || journal.iter().flat_map(|turn| &turn.events);
    let Some(last) = journal.last().filter(|_| !events().any(Event::ends_run)) else { return Vec::new() };
    let mut steps: BTreeMap<&StepPath, Open> = BTreeMap::new();
    for event in events() {
        if let Some(step) = event.step() {
            steps.entry(step).or_default().apply(event);
        }
    }
    let reason = if reason.is_empty() { format!("cancelled by {by}") } else { reason.to_owned() };
    let is_asked = events().any(|event| matches!(event, Event::CancelRequested { .. }));
    let asked = Event::CancelRequested { by: by.to_owned(), reason: reason.clone() };
    let mut ends: Vec<Event> = (!is_asked).then_some(asked).into_iter().collect();
    // What is inside a step follows it, and ends before it.
    ends.extend(steps.iter().rev().flat_map(|(step, open)| open.ends(step, &reason)));
    ends.push(Event::RunCancelled { reason });
    let turn = |(number, events): (u64, &[Event])| Turn { number, at, events: events.to_vec() };
    (last.number + 1..).zip(ends.chunks(TURN_EVENTS_MAX)).map(turn).collect()
}

/// What is known of a step or item.
#[derive(Default)]
struct Open {
    status: Option<StepStatus>,
    /// The attempt that is under way.
    attempt: Option<u32>,
    /// Whether a provider took its job, which goes on there.
    is_accepted: bool,
}

impl Open {
    fn apply(&mut self, event: &Event) {
        let opens = matches!(event, Event::StepReady { inputs: None, .. });
        let status = self.status.unwrap_or(StepStatus::Pending);
        self.status = Change::of(event, opens).and_then(|change| next(status, change)).or(self.status);
        match event {
            Event::AttemptPlanned { attempt, .. } => {
                (self.attempt, self.is_accepted) = (Some(*attempt), false)
            }
            Event::AttemptAccepted { .. } => self.is_accepted = true,
            Event::AttemptSucceeded { .. } | Event::AttemptFailed { .. } | Event::AttemptAbandoned { .. } => {
                self.attempt = None;
            }
            _ => {}
        }
    }

    fn ends(&self, step: &StepPath, reason: &str) -> Vec<Event> {
        if self.status.is_none_or(StepStatus::is_terminal) {
            return Vec::new();
        }
        let (step, reason) = (step.clone(), reason.to_owned());
        let mut ends = Vec::new();
        if let Some(attempt) = self.attempt {
            ends.push(Event::AttemptAbandoned { step: step.clone(), attempt, reason: reason.clone() });
            if !self.is_accepted {
                let (end, output, cost) = (LateEnd::Cancelled, None, Money::ZERO);
                ends.push(Event::AttemptEnded { step: step.clone(), attempt, end, output, cost });
            }
        }
        ends.push(Event::StepCancelled { step, reason });
        ends
    }
}
