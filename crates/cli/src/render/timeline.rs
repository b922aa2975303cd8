//! The timeline: a bar for every step, from when it was ready to its end.

use motet::language::{Span, StepPath, Timestamp};
use motet::report::StepRecord;

use super::line::{Line, Tone, columns};
use super::progress::View;
use super::words::duration;

/// The narrowest bars that tell something.
const BAR_WIDTH_MIN: usize = 16;

/// What a moment of a step was spent with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Nothing,
    /// For a slot, a moment, or what its fallback refers to.
    Waiting,
    Working,
    Failing,
}

/// How long a bar is, and where it begins.
pub struct Scale {
    name_width: usize,
    bar_width: usize,
    /// How much time a whole bar stands for, in milliseconds.
    whole: u64,
}

/// Longer paths are cut.
const NAME_WIDTH_MAX: usize = 28;

impl Scale {
    fn new(view: &View, name_width: usize) -> Scale {
        Scale {
            name_width,
            bar_width: view.look.width.saturating_sub(name_width + 16).max(BAR_WIDTH_MIN),
            whole: view.record.elapsed(view.now).0.max(1),
        }
    }

    /// For steps that are not all known when the first is drawn.
    pub fn of_many(view: &View) -> Scale {
        Scale::new(view, NAME_WIDTH_MAX)
    }
}

/// Header, bars, and what they are made of.
pub fn lines(view: &View) -> Vec<Line> {
    let mut shown: Vec<(&StepPath, &StepRecord)> =
        view.record.steps().filter(|(_, step)| step.ready_at.is_some()).collect();
    shown.sort_by_key(|(path, step)| (step.ready_at, path.as_str()));
    let name_width = shown.iter().map(|(path, _)| columns(path.as_str())).max().unwrap_or(0);
    let scale = Scale::new(view, name_width.min(NAME_WIDTH_MAX));
    let bars = shown.into_iter().map(|(path, step)| line(view, &scale, path, step));
    let ends = (view.header().cut(view.look.cut_at(), &view.look.symbols), legend(view, &scale));
    std::iter::once(ends.0).chain(bars).chain([ends.1]).collect()
}

/// The bar of a step.
pub fn line(view: &View, scale: &Scale, path: &StepPath, step: &StepRecord) -> Line {
    let Scale { name_width, bar_width, whole } = *scale;
    let symbols = &view.look.symbols;
    let mut line = Line::new().plain("  ").plain(path.as_str()).cut(name_width + 2, symbols);
    line = line.pad_to(name_width + 4);
    for (phase, length) in phases(view, step, whole, bar_width) {
        let (tone, character) = match phase {
            Phase::Nothing => (Tone::Plain, " "),
            Phase::Waiting => (Tone::Dim, symbols.empty),
            Phase::Working => (Tone::Busy, symbols.full),
            Phase::Failing => (Tone::Bad, symbols.full),
        };
        line = line.then(tone, character.repeat(length));
    }
    let took = step.ended_at.unwrap_or(view.now).since(step.ready_at.unwrap_or(view.now));
    let line = line.pad_to(name_width + 4 + bar_width + 2).plain(duration(took));
    line.cut(view.look.cut_at(), symbols)
}

/// What bars are made of.
pub fn legend(view: &View, scale: &Scale) -> Line {
    let symbols = &view.look.symbols;
    let whole = duration(Span(scale.whole));
    let legend = format!("  {} waits   {} works   0 to {whole}", symbols.empty, symbols.full);
    Line::of(Tone::Dim, legend).cut(view.look.cut_at(), symbols)
}

/// The columns of a bar, equal neighbours joined.
fn phases(view: &View, step: &StepRecord, whole: u64, width: usize) -> Vec<(Phase, usize)> {
    let mut phases: Vec<(Phase, usize)> = Vec::new();
    for column in 0..width {
        let from = view.record.started_at.after(Span(whole * column as u64 / width as u64));
        let to = view.record.started_at.after(Span(whole * (column as u64 + 1) / width as u64));
        let phase = phase_between(step, from, to, view.now);
        match phases.last_mut() {
            Some((last, length)) if *last == phase => *length += 1,
            _ => phases.push((phase, 1)),
        }
    }
    phases
}

fn phase_between(step: &StepRecord, from: Timestamp, to: Timestamp, now: Timestamp) -> Phase {
    let touches = |begin: Timestamp, end: Timestamp| begin < to && end.max(begin.after(Span(1))) > from;
    let mut attempts = step
        .attempts
        .iter()
        .filter(|attempt| touches(attempt.planned_at, attempt.ended_at.or(step.ended_at).unwrap_or(now)));
    if let Some(attempt) = attempts.next() {
        return if attempt.failure.is_some() { Phase::Failing } else { Phase::Working };
    }
    let Some(ready) = step.ready_at else { return Phase::Nothing };
    match touches(ready, step.ended_at.unwrap_or(now)) {
        // A fan-out or a group works as long as what is inside.
        true if step.attempts.is_empty() => Phase::Working,
        true => Phase::Waiting,
        false => Phase::Nothing,
    }
}
