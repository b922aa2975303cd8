//! Plain lines, for pipes and logs.

use std::collections::BTreeMap;

use motet::engine::RunId;
use motet::language::{Span, StepPath, Timestamp};
use motet::report::{ITEMS_MAX, PublicEvent, Reporter, RunRecord};

use super::{Follow, Reader};
use crate::render::ending::Ending;
use crate::render::line::Line;
use crate::render::{found, plain};
use crate::terminal::Terminal;

pub struct Plain {
    terminal: Terminal,
    lists: BTreeMap<(RunId, StepPath), LongList>,
}

/// What was told of a list that is too long for lines of its own for every item.
#[derive(Default)]
struct LongList {
    /// When its items were last counted.
    counted_at: Timestamp,
    /// How many lines were told of what goes wrong.
    troubles: usize,
}

/// How often the items of a long list are counted.
const COUNT_INTERVAL: Span = Span::seconds(5);

/// How many lines are reported of what goes wrong in one long list.
const TROUBLES_MAX: usize = 20;

impl Plain {
    pub fn new(terminal: Terminal) -> Plain {
        Plain { terminal, lists: BTreeMap::new() }
    }

    /// The lines for what happened to an item of the long list at `fan_out`, or inside it.
    fn lines_of_item(&mut self, fan_out: &str, event: &PublicEvent, record: &RunRecord) -> Vec<Line> {
        let look = &self.terminal.err;
        let path = StepPath::from_text(fan_out);
        let list = self.lists.entry((record.run.clone(), path.clone())).or_default();
        if is_trouble(event) {
            list.troubles += 1;
            return match list.troubles {
                ..=TROUBLES_MAX => plain::line(event, record, look).into_iter().collect(),
                troubles if troubles == TROUBLES_MAX + 1 => vec![plain::more_line(&path, record, look)],
                _ => Vec::new(),
            };
        }
        if record.updated_at.since(list.counted_at.max(record.started_at)) < COUNT_INTERVAL {
            return Vec::new();
        }
        list.counted_at = record.updated_at;
        plain::items_line(&path, record, look).into_iter().collect()
    }
}

impl Reader for Plain {
    fn tell(&mut self, reporter: &Reporter, event: &PublicEvent) {
        let record = reporter.record();
        let list = event.step.as_ref().and_then(|step| long_list_around(record, step));
        let lines = match list {
            Some(fan_out) => self.lines_of_item(fan_out, event, record),
            None => plain::line(event, record, &self.terminal.err).into_iter().collect(),
        };
        lines.iter().for_each(|line| self.terminal.note_line(line));
        if event.name == "run.resumed" {
            let lines = plain::search_lines(record, &self.terminal.err);
            lines.iter().for_each(|line| self.terminal.note_line(line));
        }
    }

    fn caught_up(&mut self, follow: &Follow) {
        self.terminal.note_line(&found::line(follow.reporter.record()));
    }

    fn note(&mut self, line: &Line) {
        self.terminal.note_line(line);
    }

    fn end(&mut self, _: &Follow, ending: &Ending) {
        show_ending(&self.terminal, ending);
    }
}

/// The outermost step around `step` that has too many items for lines of their own.
fn long_list_around<'s>(record: &RunRecord, step: &'s StepPath) -> Option<&'s str> {
    step.fan_outs().find(|fan_out| record.items_of(fan_out).is_some_and(|items| items.total > ITEMS_MAX))
}

fn is_trouble(event: &PublicEvent) -> bool {
    matches!(
        event.name,
        "attempt.failed"
            | "attempt.warning"
            | "attempt.doubted"
            | "step.failed"
            | "step.parked"
            | "step.retrying"
            | "step.fallback"
    )
}

/// The end: what is said to standard error, the outputs to standard output.
pub fn show_ending(terminal: &Terminal, ending: &Ending) {
    for line in ending.lines(&terminal.err) {
        terminal.note_line(&line);
    }
    for line in ending.outputs(&terminal.out) {
        terminal.data_line(&line);
    }
    if let Some(line) = ending.next(&terminal.err) {
        terminal.note_line(&line);
    }
}
