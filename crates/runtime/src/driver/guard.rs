//! The guard: a panic ends what it concerns, and nothing else.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a panic said, short enough for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Panic(Arc<str>);

/// How much of what a panic said is kept, in characters.
const CHARACTERS_MAX: usize = 300;

impl Panic {
    /// Of what `catch_unwind` caught.
    pub(crate) fn of(payload: Box<dyn Any + Send>) -> Panic {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let words = text.unwrap_or("no message").chars().take(CHARACTERS_MAX).collect::<String>();
        drop_guarded(payload);
        Panic(words.into())
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does `work`, whose state is thrown away if it panics.
///
/// # Errors
/// What the panic said.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Panic::of)
}

/// Drops what others made: a panic of theirs while it is dropped is of no interest any more.
pub(crate) fn drop_guarded<T>(dropped: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(dropped))) {
        // A payload can panic as well when it is dropped.
        std::mem::forget(payload);
    }
}
