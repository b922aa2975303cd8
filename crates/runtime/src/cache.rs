//! The cache: what another run made of the same, read from that run's journal.

use motet_engine::dispatcher::Shared;
use motet_engine::event::{LateEnd, Reused};
use motet_engine::{AttemptEvent, Cached, Event, StepEvent, Turn};
use motet_pipeline::{Class, Failure, Money, Value};
use motet_store::{CacheEntry, Store, StoreError};

use crate::motet::has_whole;

/// The newest result that is kept under a key. What is gone is no result; what is there and can't be read is a failure,
/// because it must not be paid for again without anybody noticing.
pub(crate) fn find(store: &Store, shared: Shared) -> Result<Option<Cached>, Failure> {
    let unreadable = |words: String| {
        let message = format!("the cache can't be read: {words}; `--no-cache` makes it again");
        Failure::new(Class::Invalid, message)
    };
    let Some(entry) = store.cached(&shared.0).map_err(|error| unreadable(error.to_string()))? else {
        return Ok(None);
    };
    let of_run = |words: &str| unreadable(format!("`{}` of run {}: {words}", entry.step, entry.run));
    let turn = match store.known_turn(&entry.run, entry.turn) {
        // It was deleted just now.
        Err(StoreError::NoRun { .. } | StoreError::DeletedRun { .. }) => return Ok(None),
        turn => turn.map_err(|error| of_run(&error.to_string()))?,
    };
    let Some(cached) = result_of(&turn, &entry) else { return Ok(None) };
    let (mut is_gone, mut unusable) = (false, None);
    cached.output.for_each_artifact(&mut |artifact| match has_whole(store, artifact) {
        Ok(is_there) => is_gone |= !is_there,
        Err(error) => unusable = Some(error),
    });
    match unusable {
        Some(error) if !is_gone => Err(of_run(&error.to_string())),
        _ => Ok((!is_gone).then_some(cached)),
    }
}

/// The result that stands in a turn.
fn result_of(turn: &Turn, entry: &CacheEntry) -> Option<Cached> {
    let of_step = turn.events.iter().filter(|event| event.step() == Some(&entry.step));
    let (mut attempt, mut cost, mut output): (_, _, Option<&Value>) = (0, Money::ZERO, None);
    let mut operation = "";
    for event in of_step {
        match event {
            Event::Attempt { key, event: AttemptEvent::Succeeded { cost: told, .. } } => {
                (attempt, cost) = (key.number, told.amount);
            }
            Event::Attempt {
                key,
                event:
                    AttemptEvent::Ended {
                        end: LateEnd::Succeeded,
                        output: Some(late),
                        cost: told,
                        cache: Some(cache),
                        ..
                    },
            } => {
                (attempt, cost, output, operation) = (key.number, told.amount, Some(late), &cache.operation);
            }
            Event::Step { event: StepEvent::Completed { output: told, cache: Some(cache), .. }, .. } => {
                (output, operation) = (told.as_ref(), &cache.operation);
            }
            _ => {}
        }
    }
    let from = Reused {
        run: entry.run.clone(),
        cost,
        target: 0,
        step: Some(entry.step.clone()),
        attempt,
        operation: operation.to_owned(),
    };
    Some(Cached { output: output?.clone(), from, at: entry.at })
}
