//! The end of a run whose plan can't be had any more: it is cancelled by what its journal says alone.

use std::collections::BTreeMap;

use motet_pipeline::{Cost, StepPath, Timestamp};

use crate::attempt::{Next, Phase};
use crate::event::LateEnd;
use crate::{AttemptEvent, AttemptKey, Event, RunEvent, StepEvent, StepStatus, Turn};

/// How many events a turn has at most.
const TURN_EVENTS_MAX: usize = 1_000;

/// The turns that cancel the run of which `journal` tells; none if it is over. Steps and items of which the
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
    let is_asked = events().any(|event| matches!(event, Event::Run(RunEvent::CancelRequested { .. })));
    let asked = Event::Run(RunEvent::CancelRequested { by: by.to_owned(), reason: reason.clone() });
    let mut ends: Vec<Event> = (!is_asked).then_some(asked).into_iter().collect();
    // What is inside a step follows it, and ends before it.
    ends.extend(steps.iter().rev().flat_map(|(step, open)| open.ends(step, &reason)));
    ends.push(Event::Run(RunEvent::Cancelled { reason }));
    let turn = |(number, events): (u64, &[Event])| Turn { number, at, events: events.to_vec() };
    (last.number + 1..).zip(ends.chunks(TURN_EVENTS_MAX)).map(turn).collect()
}

/// What is known of a step or item.
#[derive(Default)]
struct Open {
    status: Option<StepStatus>,
    /// Its attempts that have not ended, and how far they are.
    attempts: BTreeMap<u32, Phase>,
}

impl Open {
    fn apply(&mut self, event: &Event) {
        self.status = event.status().or(self.status);
        let Event::Attempt { key, event } = event else { return };
        if let AttemptEvent::Planned { .. } = event {
            self.attempts.insert(key.number, Phase::Planned);
        }
        match self.attempts.get(&key.number).and_then(|phase| phase.after(event)) {
            Some(Next::Phase(phase)) => _ = self.attempts.insert(key.number, phase),
            Some(Next::Over) => _ = self.attempts.remove(&key.number),
            None => {}
        }
    }

    fn ends(&self, step: &StepPath, reason: &str) -> Vec<Event> {
        let is_open = self.status.is_some_and(|status| !status.is_terminal());
        let mut ends = Vec::new();
        for (number, phase) in &self.attempts {
            let mut tell = |event| {
                ends.push(Event::Attempt { key: AttemptKey { step: step.clone(), number: *number }, event });
            };
            if phase.is_wanted() {
                tell(AttemptEvent::Abandoned { reason: reason.to_owned(), until: None });
            }
            // A job that has a name goes on at its provider; nobody is there to hear of its end.
            if phase.job().is_none() {
                tell(AttemptEvent::Ended {
                    end: LateEnd::Cancelled,
                    output: None,
                    cost: Cost::NONE,
                    cache: None,
                });
            }
        }
        if is_open {
            let event = StepEvent::Cancelled { reason: reason.to_owned() };
            ends.push(Event::Step { step: step.clone(), event });
        }
        ends
    }
}
