//! A run under way: a line per step, the truth in each. Pure: what is known in, lines out.

use motet::engine::StepStatus;
use motet::language::{Span, StepPath, Timestamp};
use motet::report::{ListOrder, RunRecord, StepRecord};

use self::columns::Columns;
use super::line::{Line, Look, Tone, columns as columns_of};
use super::search::LookedFor;
use super::words::{clock, count, counting, duration, output, remaining};
use crate::score::{Part, Score};

mod columns;
pub mod tally;

/// A run and all that its lines are made of.
#[derive(Clone, Copy)]
pub struct View<'v> {
    pub record: &'v RunRecord,
    /// The plan, where this process can read it.
    pub score: Option<&'v Score>,
    /// What time it is.
    pub now: Timestamp,
    /// Whether it is drawn while the run goes on.
    pub is_live: bool,
    pub look: &'v Look,
}

/// How many items that aren't well get a line of their own.
const UNFOLDED_MAX: usize = 5;

/// What is left of a pipeline's name where there is no room for all of it.
const HEADER_NAME_WIDTH_MIN: usize = 8;

/// The widest bar, in columns.
const BAR_WIDTH: usize = 10;

/// How many steps are measured to find the columns, where only some are drawn.
const MEASURED_MAX: usize = 200;

/// On narrower terminals the words have the room that a bar of items would take.
const BAR_FROM_WIDTH: usize = 80;

impl View<'_> {
    /// The header and the steps.
    pub fn lines(&self) -> Vec<Line> {
        std::iter::once(self.header()).chain(self.step_lines()).collect()
    }

    /// The same in at most `rows` lines: where there is no room, the steps that are over and those
    /// that did not begin are counted, and what goes on stays in sight.
    pub fn lines_within(&self, rows: usize) -> Vec<Line> {
        // Every step has a line at least: those of a long pipeline are not made to be counted.
        if self.record.order.len() < rows {
            let lines = self.lines();
            if lines.len() <= rows {
                return self.with_items(lines, rows);
            }
        }
        if rows <= 1 {
            let (done, total) = (self.record.steps_done(), self.record.order.len());
            let line = self.header().plain(format!("   {done} of {} done", count(total, "step")));
            return vec![line.cut(self.look.cut_at(), &self.look.symbols)];
        }
        let (mut over, mut ahead, mut under_way) = (0, 0, Vec::new());
        for (path, step) in self.outermost() {
            match step.status {
                StepStatus::Pending => ahead += 1,
                StepStatus::Completed | StepStatus::Skipped | StepStatus::Cancelled => over += 1,
                _ => under_way.push((path, step)),
            }
        }
        let measured = under_way.iter().copied().chain(self.outermost()).take(MEASURED_MAX);
        let columns = Columns::of(self, measured);
        let (mut lines, mut line_count) = (Vec::new(), 0);
        for (path, step) in under_way {
            if line_count <= rows {
                lines.extend(self.lines_of(path, step, &columns));
                line_count = lines.len();
            } else {
                line_count += 1 + self.unfolded(path).len();
            }
        }
        let symbols = &self.look.symbols;
        let summed_up = |number: usize, symbol: &str, words: &str| {
            let text = format!("  {symbol} {} {words}", count(number, "step"));
            (number > 0).then(|| Line::of(Tone::Dim, text))
        };
        let (over, ahead) =
            (summed_up(over, symbols.done, "done"), summed_up(ahead, symbols.waiting, "to come"));
        let room = rows.saturating_sub(1 + usize::from(over.is_some()) + usize::from(ahead.is_some()));
        if line_count > room {
            let hidden = line_count - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            lines.push(Line::of(Tone::Dim, format!("  {} and {hidden} more lines", symbols.more)));
        }
        let mut lines: Vec<Line> =
            std::iter::once(self.header()).chain(over).chain(lines).chain(ahead).collect();
        lines.truncate(rows);
        lines
    }

    /// `lines`, and as many items under way as there is room for, each fan-out with its own.
    fn with_items(&self, lines: Vec<Line>, rows: usize) -> Vec<Line> {
        let fan_outs = self.outermost().filter(|(_, step)| !step.is_over() && step.items.is_some());
        let mut items: Vec<(&StepPath, Vec<Line>)> = fan_outs.map(|(path, _)| (path, Vec::new())).collect();
        let (mut room, mut left) = (rows - lines.len(), items.len());
        for (path, lines) in &mut items {
            *lines = self.items_under_way(path, room / left);
            room -= lines.len();
            left -= 1;
        }
        if items.iter().all(|(_, lines)| lines.is_empty()) {
            return lines;
        }
        let columns = Columns::of(self, self.outermost());
        let of = |path: &StepPath| items.iter().find(|(fan_out, _)| *fan_out == path).map(|(_, lines)| lines);
        let steps = self.outermost().flat_map(|(path, step)| {
            let mut lines = self.lines_of(path, step, &columns);
            lines.splice(1..1, of(path).into_iter().flatten().cloned());
            lines
        });
        std::iter::once(self.header()).chain(steps).collect()
    }

    /// The items of a fan-out that are under way, at most `room` of them.
    fn items_under_way(&self, path: &StepPath, room: usize) -> Vec<Line> {
        let is_item = |below: &StepPath| below.as_str()[path.as_str().len()..].rfind(['[', '/']) == Some(0);
        let below = self.record.below(path).filter(|(below, step)| is_item(below) && is_under_way(step));
        let mut items: Vec<_> = below.collect();
        items.sort_by_cached_key(|(below, _)| ListOrder::of(below));
        let line = |(below, step): (&StepPath, &StepRecord)| {
            self.inner_line(below, step).cut(self.look.cut_at(), &self.look.symbols)
        };
        items.into_iter().take(room).map(line).collect()
    }

    /// A line for something inside a step.
    fn inner_line(&self, below: &StepPath, step: &StepRecord) -> Line {
        let (symbol, tone) = self.symbol(step);
        let line = Line::new().plain("      ").then(tone, symbol).plain(format!(" {below}   "));
        self.add_state(line, below, step)
    }

    /// `narrated-video   run 7Q2K   00:58`. Where there is no room, the name is cut.
    pub fn header(&self) -> Line {
        let record = self.record;
        let elapsed = clock(record.elapsed(self.now));
        let mut facts = Line::new().plain(format!("   run {}   {elapsed}", record.run.short()));
        if !record.cost.is_zero() {
            facts = facts.plain(format!("   ${}", record.cost));
        }
        if let Some(user) = &record.user {
            facts = facts.then(Tone::Dim, format!("   for {user}"));
        }
        let symbols = &self.look.symbols;
        let room = self.look.cut_at().saturating_sub(facts.width()).max(HEADER_NAME_WIDTH_MIN);
        let name = Line::of(Tone::Strong, &record.pipeline).cut(room, symbols);
        name.followed_by(facts).cut(self.look.cut_at(), symbols)
    }

    /// A line for each of the outermost steps, and for what is not well inside.
    pub fn step_lines(&self) -> Vec<Line> {
        let columns = Columns::of(self, self.outermost());
        self.outermost().flat_map(|(path, step)| self.lines_of(path, step, &columns)).collect()
    }

    fn outermost(&self) -> impl Iterator<Item = (&StepPath, &StepRecord)> {
        self.record.order.iter().filter_map(|path| Some((path, self.record.step(path)?)))
    }

    fn lines_of(&self, path: &StepPath, step: &StepRecord, columns: &Columns) -> Vec<Line> {
        let advice = LookedFor::at(self.record, path).filter(|_| self.is_live);
        let advice = advice.map(|call| Line::of(Tone::Dim, format!("      {}", call.advice())));
        let lines =
            std::iter::once(self.step_line(path, step, columns)).chain(advice).chain(self.unfolded(path));
        lines.map(|line| line.cut(self.look.cut_at(), &self.look.symbols)).collect()
    }

    fn part(&self, path: &StepPath) -> Option<&Part> {
        self.score?.part(path.as_str())
    }

    fn step_line(&self, path: &StepPath, step: &StepRecord, columns: &Columns) -> Line {
        let (symbol, tone) = self.symbol(step);
        let name = Line::of(Tone::Plain, path.as_str()).cut(columns.name_width, &self.look.symbols);
        let mut line = Line::new().plain("  ").then(tone, symbol).plain(" ").followed_by(name);
        if let Some(time) = columns.time {
            line = line.pad_to(time).plain(self.time_of(step));
        }
        if let Some(does) = columns.does {
            line = line.pad_to(does).then(Tone::Dim, self.does(path, step));
        }
        line = line.pad_to(columns.state);
        if columns.time.is_none() && step.is_over() && step.ready_at.is_some() {
            line = line.plain(format!("{}  ", self.time_of(step)));
        }
        self.add_state(line, path, step)
    }

    pub(super) fn symbol(&self, step: &StepRecord) -> (&'static str, Tone) {
        let symbols = &self.look.symbols;
        match step.status {
            StepStatus::Completed => (symbols.done, Tone::Good),
            StepStatus::Failed if step.tolerated => (symbols.failed, Tone::Doubtful),
            StepStatus::Failed => (symbols.failed, Tone::Bad),
            StepStatus::Running | StepStatus::Sleeping => (symbols.busy, Tone::Busy),
            StepStatus::Skipped | StepStatus::Cancelled => (symbols.skipped, Tone::Dim),
            _ => (symbols.waiting, Tone::Dim),
        }
    }

    pub(super) fn time_of(&self, step: &StepRecord) -> String {
        match (step.status, step.ready_at) {
            (StepStatus::Skipped, _) | (_, None) => String::new(),
            (_, Some(ready)) => match step.ended_at {
                Some(ended) => duration(ended.since(ready)),
                None => counting(self.now.since(ready)),
            },
        }
    }

    /// The operation of the attempt under way, else the first one that is planned.
    fn does(&self, path: &StepPath, step: &StepRecord) -> String {
        let attempted = step.last_attempt().map(|attempt| attempt.operation.clone());
        attempted.or_else(|| self.part(path)?.does.first().cloned()).unwrap_or_default()
    }

    pub(super) fn add_state(&self, line: Line, path: &StepPath, step: &StepRecord) -> Line {
        match step.status {
            StepStatus::Pending if self.record.ended_at.is_some() => line.then(Tone::Dim, "did not start"),
            StepStatus::Pending => line.then(Tone::Dim, self.waits_for(path)),
            StepStatus::Waiting => line.then(Tone::Dim, self.waits_for_slot(path, step)),
            StepStatus::Sleeping => line.then(Tone::Doubtful, self.sleeps(step)),
            StepStatus::Parked => {
                line.then(Tone::Doubtful, format!("parked: {}", step.reason.as_deref().unwrap_or("–")))
            }
            StepStatus::Running if step.items.is_some() => self.add_items(line, path),
            StepStatus::Running if step.attempts.is_empty() => self.add_inner(line, path),
            StepStatus::Running => self.add_attempt(line, path, step),
            StepStatus::Completed => {
                let line = line.plain(self.result_of(path, step));
                match &step.reused {
                    Some(reused) => line.then(Tone::Dim, format!("   kept from {}", reused.run.short())),
                    None => line,
                }
            }
            StepStatus::Failed => {
                let failure =
                    step.failure.as_ref().map(|failure| format!("{}: {}", failure.class, failure.message));
                let tone = if step.tolerated { Tone::Doubtful } else { Tone::Bad };
                let line = line.then(tone, if step.tolerated { "failed, tolerated: " } else { "failed: " });
                line.plain(failure.unwrap_or_default())
            }
            StepStatus::Skipped => {
                line.then(Tone::Dim, format!("skipped: {}", step.reason.as_deref().unwrap_or("–")))
            }
            StepStatus::Cancelled => line.then(Tone::Dim, "cancelled"),
        }
    }

    fn waits_for(&self, path: &StepPath) -> String {
        let Some(part) = self.part(path) else { return "waits".to_owned() };
        let is_open = |name: &&String| {
            let step = self.record.step(&StepPath::from_text(name));
            step.is_none_or(|step| !step.is_over())
        };
        let open: Vec<&str> = part.waits_for.iter().filter(is_open).map(String::as_str).collect();
        if open.is_empty() { "ready".to_owned() } else { format!("waits for {}", open.join(", ")) }
    }

    /// What a step that could begin waits for: its pool, else a slot of this machine.
    fn waits_for_slot(&self, path: &StepPath, step: &StepRecord) -> String {
        let pool = self.part(path).and_then(|part| part.target_pools.get(step.target)?.as_ref());
        pool.map_or("waits for a slot".to_owned(), |pool| format!("waits for the pool {pool}"))
    }

    fn sleeps(&self, step: &StepRecord) -> String {
        let left = step.wakes_at.map_or(Span(0), |wakes| wakes.since(self.now));
        let failed = step.last_attempt().and_then(|attempt| attempt.failure.as_ref());
        match failed {
            Some(failure) => format!(
                "retrying in {} (attempt {} failed, {}: {})",
                remaining(left),
                step.attempts_made(),
                failure.class,
                failure.message
            ),
            None => format!("sleeps, {} left", remaining(left)),
        }
    }

    fn add_attempt(&self, line: Line, path: &StepPath, step: &StepRecord) -> Line {
        let Some(attempt) = step.last_attempt() else { return line };
        if let Some(call) = LookedFor::at(self.record, path) {
            return line.then(Tone::Doubtful, call.state());
        }
        let running = self.now.since(attempt.planned_at);
        let mut words = format!("running {}", counting(running));
        if step.attempts_made() > 1 {
            words.push_str(&format!(", attempt {}", step.attempts_made()));
        }
        let mut line = line.plain(words);
        let usual =
            self.part(path).map(|part| part.usual).filter(|usual| usual.samples > 0 && usual.high.0 >= 1000);
        let guessed = usual.map(|usual| (running.0 as f64 / usual.high.0 as f64).min(0.99));
        if let Some(fraction) = attempt.fraction.or(guessed) {
            line = self.add_bar(line.plain("  "), fraction);
        }
        if let Some(usual) = usual {
            line = line.then(Tone::Dim, format!(" usually {}", counting(usual.high)));
        }
        match &attempt.doing {
            Some(doing) => line.then(Tone::Dim, format!("  {doing}")),
            None => line,
        }
    }

    fn add_bar(&self, line: Line, fraction: f64) -> Line {
        let symbols = &self.look.symbols;
        let full = (fraction.clamp(0.0, 1.0) * BAR_WIDTH as f64).floor() as usize;
        line.then(Tone::Busy, symbols.full.repeat(full))
            .then(Tone::Dim, symbols.empty.repeat(BAR_WIDTH - full))
    }

    /// `31 of 40   2 running, 6 waiting for a slot, 1 retrying in 12 s`
    fn add_items(&self, line: Line, path: &StepPath) -> Line {
        let tally = self.record.tally(path).unwrap_or_default();
        let mut line = line.plain(format!("{} of {}", tally.over(), tally.total));
        if self.look.width >= BAR_FROM_WIDTH {
            line = self.add_bar(line.plain("   "), tally.over() as f64 / tally.total.max(1) as f64);
        }
        let words = tally::under_way(&tally, self.now);
        line.plain(if words.is_empty() { words } else { format!("   {words}") })
    }

    /// How far a group is: which of its steps run.
    fn add_inner(&self, line: Line, path: &StepPath) -> Line {
        let inner: Vec<(&StepPath, &StepRecord)> =
            self.record.below(path).filter(|(below, _)| is_directly_below(below, path)).collect();
        let over = inner.iter().filter(|(_, step)| step.is_over()).count();
        let total = self.part(path).map_or(inner.len(), |part| part.inner.len());
        let under_way: Vec<String> = inner
            .iter()
            .filter_map(|(below, step)| Some((below, self.record.standing(below, step)?)))
            .map(|(below, standing)| format!("{} {}", last_name(below), standing.word()))
            .collect();
        let line = line.plain(format!("{over} of {total} steps"));
        if under_way.is_empty() { line } else { line.plain(format!("   {}", under_way.join(", "))) }
    }

    fn result_of(&self, path: &StepPath, step: &StepRecord) -> String {
        let times = self.look.symbols.times;
        match (self.record.tally(path), &step.output) {
            (Some(tally), _) => tally::result(&tally),
            (None, Some(value)) => output(value, times),
            (None, None) => String::new(),
        }
    }

    /// What is not well below a step: a line each.
    fn unfolded(&self, path: &StepPath) -> Vec<Line> {
        let mut lines = Vec::new();
        let found = self.record.below(path).filter(|(below, step)| is_unwell(step) && self.is_cause(below));
        let mut found: Vec<_> = found.collect();
        // Those that failed first; those that may still come to something behind them.
        found.sort_by_cached_key(|(below, step)| {
            (step.ended_at.is_none(), step.ended_at, ListOrder::of(below))
        });
        lines.extend(found.iter().take(UNFOLDED_MAX).map(|(below, step)| self.inner_line(below, step)));
        let left_out = self.record.step(path).and_then(|step| step.items.as_ref());
        let more = found.len().saturating_sub(UNFOLDED_MAX) as u64
            + left_out.map_or(0, |items| items.failed_left_out());
        if more > 0 {
            lines.push(Line::of(Tone::Dim, format!("      and {more} more")));
        }
        lines
    }

    /// Whether nothing further in has failed: the place where it went wrong, not all that it led to.
    fn is_cause(&self, path: &StepPath) -> bool {
        !self.record.below(path).any(|(_, step)| step.status == StepStatus::Failed && !step.tolerated)
    }
}

/// Whether a step failed, failed and is tried again, or has a call whose outcome is unknown.
fn is_unwell(step: &StepRecord) -> bool {
    let retrying = step.status == StepStatus::Sleeping && !step.attempts.is_empty();
    let is_looked_for = step.last_attempt().is_some_and(|attempt| attempt.search.is_some());
    step.status == StepStatus::Failed || retrying || is_looked_for
}

/// Whether something goes on that isn't told as unwell.
fn is_under_way(step: &StepRecord) -> bool {
    matches!(step.status, StepStatus::Running | StepStatus::Sleeping | StepStatus::Parked) && !is_unwell(step)
}

fn is_directly_below(below: &StepPath, path: &StepPath) -> bool {
    let rest = below.as_str().strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some_and(|rest| !rest.contains(['/', '[']))
}

fn last_name(path: &StepPath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or(path.as_str())
}

#[cfg(test)]
mod tests;
