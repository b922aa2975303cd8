//! What may still be billed of a run, in words.

use motet::report::{MayBill, RunRecord};

use super::line::{Line, Tone};
use super::money::dollars;
use super::words::count;

/// `  may still be billed: clip, fal job 3f2a, up to $0.35: the provider can't cancel a job`, a line a call.
pub fn lines(record: &RunRecord) -> Vec<Line> {
    let (calls, left_out) = record.may_bill();
    let mut lines: Vec<Line> = calls.iter().map(|call| Line::of(Tone::Doubtful, words(call))).collect();
    if left_out > 0 {
        lines.push(Line::of(Tone::Doubtful, format!("  … and {}", count(left_out, "more call"))));
    }
    lines
}

fn words(call: &MayBill) -> String {
    let job = match &call.job {
        Some(job) => format!("{} job {job}", call.provider()),
        None => format!("a request to {}", call.provider()),
    };
    let amount = match call.amount.is_zero() {
        true => "at an unknown price".to_owned(),
        false => format!("up to {}", dollars(call.amount)),
    };
    format!("  may still be billed: {}, {job}, {amount}: {}", call.step, call.why)
}
