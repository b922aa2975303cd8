//! What is said of a run that was found instead of started.

use motet::language::{Span, Timestamp};
use motet::report::RunRecord;
use motet::store::RunStatus;

use super::line::{Line, Tone};
use super::words::{count, duration};

/// A run that was heard of so recently is probably driven by another process.
const SILENCE_MIN: Span = Span::seconds(3);

/// `7Q2K: found unfinished, resuming: 3 of 7 steps were done`
pub fn line(record: &RunRecord, now: Timestamp) -> Line {
    let line = Line::of(Tone::Strong, record.run.short());
    if record.status != RunStatus::Running {
        return line.plain(format!(": found, {}", record.status.word()));
    }
    let (done, total) = (record.steps_done(), record.order.len());
    let line =
        line.plain(format!(": found unfinished, resuming: {done} of {} were done", count(total, "step")));
    match now.since(record.updated_at) {
        recently if recently < SILENCE_MIN => line,
        silence => line.then(Tone::Dim, format!(", last heard from {} ago", duration(silence))),
    }
}
