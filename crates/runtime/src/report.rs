//! The public story of a run: names and shapes that programs may rely on.
//!
//! Whoever shows a run (the command line, a server, a test) tells a [`Reporter`] what happens and
//! gets back [`PublicEvent`]s with stable names, and at any time the [`RunRecord`], the fold of all
//! that happened, and the record of the end ([`Reporter::end`]). `docs/events.md` documents them for
//! users. What an input marked `sensitive` holds never leaves a reporter.

mod artifact;
mod end;
mod event;
mod mask;
mod record;

pub use artifact::ArtifactPlaces;
pub use end::{EndError, EndRecord, EndStep};
pub use event::PublicEvent;
pub use mask::{MASKED, Mask};
pub use record::{AttemptRecord, RunRecord, StepRecord};

use motet_engine::RunId;
use motet_pipeline::{Plan, Timestamp};

use crate::follow::Happening;

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

    /// Takes in what happened, and gives what is to be told about it.
    pub fn tell(&mut self, happening: &Happening, now: Timestamp) -> Vec<PublicEvent> {
        match happening {
            Happening::Turn(turn) => self.tell_turn(turn),
            Happening::Progress(progress) => {
                let mut progress = (**progress).clone();
                progress.message = progress.message.map(|message| self.mask.text(&message));
                progress.step = self.mask.path(&progress.step);
                let event = PublicEvent::of_progress(&self.record.run, now, &progress);
                self.record.note_progress(progress);
                vec![event]
            }
            Happening::Interrupted => {
                self.record.interrupted = true;
                Vec::new()
            }
            Happening::StoreFailed(error) => {
                self.record.interrupted = true;
                self.record.reason = Some(error.to_string());
                Vec::new()
            }
            Happening::Lost(error) => {
                self.record.interrupted = true;
                self.record.reason = Some(error.to_string());
                Vec::new()
            }
        }
    }

    fn tell_turn(&mut self, turn: &motet_engine::Turn) -> Vec<PublicEvent> {
        let mut told = Vec::new();
        for event in &turn.events {
            let event = self.mask.event(event);
            let done = self.record.steps_done();
            self.record.apply(&event, turn.at);
            if !event.ends_run() {
                told.push(PublicEvent::of(&event, turn, &self.record, &self.places));
            }
            if self.record.steps_done() != done {
                told.push(PublicEvent::of_run_progress(turn, &self.record));
            }
        }
        told
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
