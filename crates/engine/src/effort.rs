//! Effort: what the evaluations of a turn cost. While one run is at work all others wait, so a turn is bounded in work
//! as it is in bytes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A turn that has cost so much is full: some dozen milliseconds.
pub(crate) const TURN_UNITS: u64 = 64 << 20;

/// The units that evaluations cost since the turn began. They only read the state, so this is counted beside it; a copy of the
/// state counts for itself.
#[derive(Default)]
pub(crate) struct Effort(AtomicU64);

impl Effort {
    pub(crate) fn add(&self, units: u64) {
        self.0.fetch_add(units, Ordering::Relaxed);
    }

    /// Whether the turn has cost as much as it may.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= TURN_UNITS
    }
}

/// Of equal states this is equal.
impl fmt::Debug for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Clone for Effort {
    fn clone(&self) -> Effort {
        Effort::default()
    }
}
