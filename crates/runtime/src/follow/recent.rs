//! The last turns of a run, for readers that keep up: they needn't be read from the store again.

use std::collections::VecDeque;
use std::sync::Arc;

use motet_engine::{Event, Turn};
use motet_pipeline::Value;

/// The last turns, as many as have little weight in all.
#[derive(Debug, Default)]
pub(super) struct Recent {
    turns: VecDeque<(Arc<Turn>, u64)>,
    weight: u64,
}

/// How much they may weigh, about in bytes.
const WEIGHT_MAX: u64 = 1 << 20;

impl Recent {
    /// Adds the turn that follows the last one.
    pub(super) fn push(&mut self, turn: &Arc<Turn>) {
        let weight = weight_of(turn);
        if weight > WEIGHT_MAX {
            return self.clear();
        }
        self.turns.push_back((turn.clone(), weight));
        self.weight += weight;
        while self.weight > WEIGHT_MAX {
            let first = self.turns.pop_front();
            self.weight -= first.map_or(0, |(_, weight)| weight);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Recent::default();
    }

    /// The number of the first one.
    pub(super) fn first(&self) -> Option<u64> {
        self.turns.front().map(|(turn, _)| turn.number)
    }

    /// Those after the turn `number`, if all of them are here.
    pub(super) fn after(&self, number: u64) -> Option<impl Iterator<Item = &Arc<Turn>>> {
        let skipped = usize::try_from((number + 1).checked_sub(self.first()?)?).ok()?;
        Some(self.turns.iter().skip(skipped).map(|(turn, _)| turn))
    }
}

/// What an event takes besides the values that it carries.
const EVENT_WEIGHT: u64 = 200;

fn weight_of(turn: &Turn) -> u64 {
    let values = turn.events.iter().flat_map(Event::values).map(Value::units);
    values.fold(EVENT_WEIGHT * turn.events.len() as u64, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use motet_engine::StepEvent;
    use motet_pipeline::{StepPath, Timestamp};

    use super::*;

    fn turn(number: u64, text: &str) -> Arc<Turn> {
        let output = Some(Value::map([("text", Value::from(text))]));
        let completed = Event::Step {
            step: StepPath::from_text("a"),
            event: StepEvent::Completed { output, reused: None, cache: None },
        };
        Arc::new(Turn { number, at: Timestamp(0), events: vec![completed] })
    }

    fn numbers(recent: &Recent, after: u64) -> Option<Vec<u64>> {
        recent.after(after).map(|turns| turns.map(|turn| turn.number).collect())
    }

    #[test]
    fn a_few_turns_are_kept_whole_and_who_is_further_behind_is_told_so() {
        let mut recent = Recent::default();
        assert_eq!(numbers(&recent, 0), None);
        let text = "x".repeat(WEIGHT_MAX as usize / 4);
        (5..=9).for_each(|number| recent.push(&turn(number, &text)));
        assert_eq!(numbers(&recent, 5), None, "turn 6 weighs too much together with the later ones");
        assert_eq!(numbers(&recent, 6), Some(vec![7, 8, 9]));
        assert_eq!(numbers(&recent, 8), Some(vec![9]));
        assert_eq!(numbers(&recent, 9), Some(vec![]));
        recent.push(&turn(10, &"x".repeat(WEIGHT_MAX as usize)));
        assert_eq!(numbers(&recent, 9), None, "a heavy turn is not kept, so none before it is of use");
        recent.push(&turn(11, "light"));
        assert_eq!((numbers(&recent, 9), numbers(&recent, 10)), (None, Some(vec![11])));
    }
}
