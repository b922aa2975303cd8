//! Room: how much clients may make us hold.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// The most connections at once. More wait at the system until one ends.
pub const CONNECTIONS_MAX: usize = 512;

/// The most bytes of the head of a request.
pub const HEAD_BYTES_MAX: usize = 32 << 10;

/// The most headers of a request.
pub const HEADERS_MAX: usize = 100;

/// The largest body: a report of the longest transcript has a few MiB.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// The most bytes of bodies at once, those of all connections together.
const BODIES_BYTES_MAX: usize = 32 << 20;

/// How long a client may take for the head of its next request, and so how long an idle connection stays.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(15);

/// How long a client may take for its body.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a connection may take altogether, however busy it is.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(3600);

/// How long what is under way may take to end once it is to.
pub const ENDING_TIME_MAX: Duration = Duration::from_secs(2);

/// Room for the bodies of all connections.
pub struct Room(Semaphore);

/// A part of the room. It is given back when this is dropped.
pub struct Part<'r> {
    room: &'r Room,
    taken: Vec<SemaphorePermit<'r>>,
}

impl Default for Room {
    fn default() -> Room {
        Room(Semaphore::new(BODIES_BYTES_MAX))
    }
}

impl Room {
    /// A part that holds nothing yet.
    pub fn part(&self) -> Part<'_> {
        Part { room: self, taken: Vec::new() }
    }
}

impl Part<'_> {
    /// Takes room for `bytes` more. False if there is none now.
    pub fn take(&mut self, bytes: usize) -> bool {
        let Ok(bytes) = u32::try_from(bytes) else { return false };
        match self.room.0.try_acquire_many(bytes) {
            Ok(permit) => {
                match self.taken.first_mut() {
                    Some(first) => first.merge(permit),
                    None => self.taken.push(permit),
                }
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bodies_together_take_no_more_room_than_there_is_and_give_it_back() {
        let room = Room::default();
        let whole = BODIES_BYTES_MAX / BODY_BYTES_MAX;
        let mut parts: Vec<Part<'_>> = (0..whole).map(|_| room.part()).collect();
        assert!(parts.iter_mut().all(|part| part.take(1) && part.take(BODY_BYTES_MAX - 1)));
        assert!(!room.part().take(1));
        parts.pop();
        assert!(room.part().take(BODY_BYTES_MAX) && !room.part().take(BODY_BYTES_MAX + 1));
    }
}
