//! How far attempts are: of each the latest, of very many those that told last.

use std::collections::BTreeMap;
use std::sync::Arc;

use motet_engine::{AttemptEvent, AttemptKey, Event, Turn};
use motet_pipeline::StepPath;

use super::Progress;

/// What attempts last told. Each is a note at its place between two turns: so whoever reads both in order
/// never hears of the progress of an attempt that has not begun, or that has ended.
#[derive(Debug, Default)]
pub(super) struct Board {
    notes: BTreeMap<(StepPath, u32), Note>,
    /// Counts what was told, from 1.
    told: u64,
}

/// What an attempt last told.
#[derive(Debug)]
struct Note {
    order: u64,
    /// The last turn that was durable when it was told.
    after: u64,
    /// The turn in which the attempt ended.
    until: Option<u64>,
    progress: Arc<Progress>,
}

/// How many attempts are remembered.
const ATTEMPTS_MAX: usize = 1000;

/// A longer message is cut.
const MESSAGE_BYTES_MAX: usize = 4000;

impl Board {
    /// Notes what an attempt tells, when turn `after` was the last durable one.
    pub(super) fn tell(&mut self, mut progress: Progress, after: u64) {
        if let Some(message) = &mut progress.message {
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        }
        self.told += 1;
        let (key, order) = ((progress.step.clone(), progress.attempt), self.told);
        self.notes.insert(key, Note { order, after, until: None, progress: progress.into() });
        if self.notes.len() > ATTEMPTS_MAX {
            let oldest = self.notes.iter().min_by_key(|(_, note)| note.order).map(|(key, _)| key.clone());
            oldest.map(|key| self.notes.remove(&key));
        }
    }

    /// Notes which attempts ended in `turn`. What they told is of use only to those who read that turn
    /// after it: the first turn that is still at hand is `first`.
    pub(super) fn end_attempts(&mut self, turn: &Turn, first: Option<u64>) {
        if self.notes.is_empty() {
            return;
        }
        for event in &turn.events {
            if let Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Succeeded { .. },
            }
            | Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Failed { .. },
            }
            | Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Abandoned { .. },
            }
            | Event::Attempt {
                key: AttemptKey { step, number: attempt },
                event: AttemptEvent::Ended { .. },
            } = event
                && let Some(note) = self.notes.get_mut(&(step.clone(), *attempt))
            {
                note.until.get_or_insert(turn.number);
            }
        }
        self.notes.retain(|_, note| note.until.is_none_or(|until| first.is_some_and(|first| until >= first)));
    }

    /// How much was told so far.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// What was told since so much was, and of attempts that had not ended in turn `last`: each with the
    /// turn after which it was told, in the order in which it was.
    pub(super) fn since(&self, told: u64, last: u64) -> Vec<(u64, Arc<Progress>)> {
        let is_new = |note: &&Note| note.order > told && note.until.is_none_or(|until| until > last);
        let mut notes: Vec<&Note> = self.notes.values().filter(is_new).collect();
        notes.sort_by_key(|note| note.order);
        notes.into_iter().map(|note| (note.after, note.progress.clone())).collect()
    }
}
