//! How the items of a fan-out stand, in words.

use motet::language::Timestamp;
use motet::report::Tally;

use crate::render::words::remaining;

/// How a fan-out that is over went: `31 of 40, 9 failed`.
pub fn result(tally: &Tally) -> String {
    let failed = if tally.failed > 0 { format!(", {} failed", tally.failed) } else { String::new() };
    format!("{} of {}{failed}", tally.completed, tally.total)
}

/// What goes on in one: `2 running, 6 waiting for a slot, 1 retrying in 12 s`.
pub fn under_way(tally: &Tally, now: Timestamp) -> String {
    let retrying = tally
        .next_retry
        .map_or_else(|| "retrying".to_owned(), |next| format!("retrying in {}", remaining(next.since(now))));
    let parts = [
        (tally.running, "running"),
        (tally.waiting, "waiting for a slot"),
        (tally.sleeping, "sleeping"),
        (tally.retrying, &retrying),
        (tally.failed, "failed"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}
