//! The items of a step: a line or a record each.

use motet::language::StepPath;
use motet::report::StepRecord;
use serde_json::{Value as Json, json};

use super::line::Line;
use super::progress::View;

/// Where the time of an item stands, and what it came to. Items are not all known when the first is shown.
const TIME_COLUMN: usize = 30;
const STATE_COLUMN: usize = 40;

/// `✓ shots[3]   1.2 s   local/scene`
pub fn line(view: &View, path: &StepPath, step: &StepRecord) -> Line {
    let (symbol, tone) = view.symbol(step);
    let line = Line::new().plain("  ").then(tone, symbol).plain(format!(" {path}"));
    let line = line.pad_to(TIME_COLUMN).plain(view.time_of(step)).pad_to(STATE_COLUMN);
    view.add_state(line, path, step).cut(view.look.cut_at(), &view.look.symbols)
}

/// The same for programs.
pub fn record(path: &StepPath, step: &StepRecord) -> Json {
    json!({
        "step": path, "item": path.segments().last().and_then(|segment| segment.key),
        "status": step.status.word(), "attempts": step.attempts_made(),
        "class": step.failure.as_ref().map(|failure| failure.class),
        "message": step.failure.as_ref().map(|failure| &failure.message),
        "tolerated": step.tolerated, "reason": step.reason, "cost": step.cost,
        "started_at": step.ready_at.map(|at| at.to_string()),
        "ended_at": step.ended_at.map(|at| at.to_string()),
        "duration_ms": step.duration().map(|duration| duration.0),
    })
}
