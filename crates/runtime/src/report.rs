//! The public story of a run: names and shapes that programs may rely on.
//!
//! A program that shows a run (the command line, a server, a test) gives a [`Reporter`] what happens and
//! gets back [`PublicEvent`]s with stable names, and at any time the [`RunRecord`], the fold of all
//! that happened, and the record of the end ([`Reporter::end`]). `docs/events.md` documents them for
//! users. What an input marked `sensitive` holds never leaves a reporter.

mod artifact;
mod end;
mod event;
mod kept;
mod mask;
mod order;
mod record;
mod tally;
mod value;

pub use artifact::ArtifactPlaces;
pub use end::{EndError, EndRecord, EndStep};
pub use event::PublicEvent;
pub use kept::{Undecided, park_reason, steps_looked_for, undecided_steps};
pub use mask::{MASKED, Mask};
pub use order::ListOrder;
pub use record::{AttemptRecord, ITEMS_MAX, Items, MayBill, RunRecord, Search, StepRecord};
pub use tally::{Standing, Tally};
pub use value::{Detail, PublicValue};

use motet_engine::RunId;
use motet_pipeline::{Plan, Timestamp};

use crate::follow::{Happening, Progress};

/// Tells the public story of one run.
#[derive(Clone, Debug)]
pub struct Reporter {
    record: RunRecord,
    mask: Mask,
    places: ArtifactPlaces,
}

impl Reporter {
    /// A reporter of `run`. With its plan it knows which inputs are sensitive and which steps are
    /// still to come; without one, every input is masked.
    pub fn new(run: RunId, plan: Option<&Plan>, places: ArtifactPlaces) -> Reporter {
        let mask = plan.map_or_else(Mask::everything, Mask::of);
        Reporter { record: RunRecord::new(run, plan), mask, places }
    }

    /// Takes in what happened, and returns the public events about it.
    pub fn tell(&mut self, happening: &Happening, now: Timestamp) -> Vec<PublicEvent> {
        let mut told = Vec::new();
        self.tell_each(happening, now, |_, event| told.push(event));
        told
    }

    /// The same, one by one, with the reporter as it is after each: little is in memory, however much
    /// happened at once.
    pub fn tell_each(
        &mut self,
        happening: &Happening,
        now: Timestamp,
        mut tell: impl FnMut(&Reporter, PublicEvent),
    ) {
        match happening {
            Happening::Turn(turn) => self.tell_turn(turn, tell),
            Happening::Progress(progress) => {
                let progress = self.masked(progress);
                let event = PublicEvent::of_progress(&self.record.run, now, &progress);
                self.record.note_progress(progress);
                tell(self, event);
            }
            end => self.note(end),
        }
    }

    /// Takes in what happened, without making public events.
    pub fn note(&mut self, happening: &Happening) {
        match happening {
            Happening::Turn(turn) => {
                for event in &turn.events {
                    let event = self.mask.event(event);
                    self.record.apply(&event, turn.at);
                    self.record.forget_what_is_over(&event);
                }
            }
            Happening::Progress(progress) => {
                let progress = self.masked(progress);
                self.record.note_progress(progress);
            }
            Happening::Interrupted => self.record.interrupted = true,
            Happening::StoreFailed(error) => self.interrupt(error.to_string()),
            Happening::Lost(error) => self.interrupt(error.to_string()),
        }
    }

    fn tell_turn(&mut self, turn: &motet_engine::Turn, mut tell: impl FnMut(&Reporter, PublicEvent)) {
        for event in &turn.events {
            let event = self.mask.event(event);
            let done = self.record.steps_done();
            self.record.apply(&event, turn.at);
            if !event.ends_run() {
                tell(self, PublicEvent::of(&event, turn, &self.record, &self.places));
            }
            if self.record.steps_done() != done {
                tell(self, PublicEvent::of_run_progress(turn, &self.record));
            }
            self.record.forget_what_is_over(&event);
        }
    }

    fn masked(&self, progress: &Progress) -> Progress {
        let message = progress.message.as_deref().map(|message| self.mask.text(message));
        Progress { step: self.mask.path(&progress.step), message, ..progress.clone() }
    }

    fn interrupt(&mut self, reason: String) {
        self.record.interrupted = true;
        self.record.reason = Some(reason);
    }

    /// That the run was not started now but found, with what is done of it.
    pub fn found(&self, now: Timestamp) -> PublicEvent {
        PublicEvent::of_found(now, &self.record)
    }

    /// All that is known of the run; without what is masked.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Says that the bytes of artifacts are also elsewhere, such as in `out/`.
    pub fn places_mut(&mut self) -> &mut ArtifactPlaces {
        &mut self.places
    }

    /// Where artifacts are.
    pub fn places(&self) -> &ArtifactPlaces {
        &self.places
    }

    /// The mask of this run.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The last line of the stream: how the run ended, or that it was interrupted.
    pub fn end(&self, now: Timestamp) -> EndRecord {
        EndRecord::of(&self.record, &self.places, now)
    }
}
