//! What is said of a run that was found instead of started.

use motet::report::RunRecord;
use motet::store::RunStatus;

use super::line::{Line, Tone};
use super::words::count;

/// `7Q2K is unfinished and continues: 3 of 7 steps done`
pub fn line(record: &RunRecord) -> Line {
    let line = Line::of(Tone::Strong, record.run.short());
    if record.status != RunStatus::Running {
        return line.plain(format!(" is {}", record.status.word()));
    }
    let (done, total) = (record.steps_done(), record.order.len());
    line.plain(format!(" is unfinished and continues: {done} of {} done", count(total, "step")))
}
