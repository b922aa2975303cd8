//! Replay: a run is made again from its journal, a turn at a time.

use std::sync::Arc;

use motet_pipeline::Timestamp;

use crate::event::Turn;
use crate::graph::Graph;
use crate::run::{Misuse, Run};
use crate::unwinding::Unwinding;
use crate::{Event, RunEvent};

/// A run that is being made again from its journal. Each turn may be forgotten once it is applied, so a
/// journal of any length is replayed in little memory beside the run's own.
#[derive(Debug)]
pub struct Replay(Run);

impl Replay {
    /// Begins with the first turn. Of a run that undoes others their journals are told, the oldest first; no
    /// other run has any.
    ///
    /// # Errors
    /// When the turn isn't the first of a journal of this engine and this plan.
    pub fn begin(graph: Arc<Graph>, before: &[&[Turn]], first: &Turn) -> Result<Replay, Misuse> {
        let Some((Event::Run(RunEvent::Started(started)), events)) = first.events.split_first() else {
            return Err(Misuse::NoStart);
        };
        if started.schema > crate::event::SCHEMA {
            return Err(Misuse::Newer { found: started.schema, supported: crate::event::SCHEMA });
        }
        if started.plan != graph.plan().digest {
            return Err(Misuse::OtherPlan);
        }
        let mut run = Run::open(graph, Arc::new((**started).clone()), first.at);
        run.inherit(before)?;
        let mut replay = Replay(run);
        replay.apply_all(first.number, first.at, events)?;
        Ok(replay)
    }

    /// Goes on with the next turn.
    ///
    /// # Errors
    /// When it isn't the next turn of this run.
    pub fn apply(&mut self, turn: &Turn) -> Result<(), Misuse> {
        self.apply_all(turn.number, turn.at, &turn.events)
    }

    fn apply_all(&mut self, number: u64, at: Timestamp, events: &[Event]) -> Result<(), Misuse> {
        let Replay(run) = self;
        if number != run.turns + 1 {
            return Err(Misuse::Gap { expected: run.turns + 1, found: number });
        }
        run.turns = number;
        run.last_at = at;
        events.iter().try_for_each(|event| run.apply(event, at))
    }

    /// The run as it was after the last turn that was applied.
    pub fn end(self) -> Run {
        let Replay(mut run) = self;
        run.unwinding = Unwinding::of(&run).0;
        run.agenda = run.unsettled();
        run
    }
}
