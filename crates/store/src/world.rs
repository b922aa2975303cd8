//! Worlds: whether what a store holds was real.

use std::fmt;
use std::str::FromStr;

/// With whom the calls of a store's runs were made. A store belongs to one world, for good: nothing simulated is taken
/// for real, and nothing real is paid among what is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// With providers.
    Real,
    /// With what was written down of an earlier run.
    Replay,
    /// With a simulator.
    Simulated,
}

impl World {
    /// The word in reports: `real`, `replay` or `simulated`.
    pub fn word(self) -> &'static str {
        match self {
            World::Real => "real",
            World::Replay => "replay",
            World::Simulated => "simulated",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word is that of no world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a world: real, replay or simulated")]
pub struct NotAWorld;

impl FromStr for World {
    type Err = NotAWorld;

    fn from_str(word: &str) -> Result<World, NotAWorld> {
        let all = [World::Real, World::Replay, World::Simulated];
        all.into_iter().find(|world| world.word() == word).ok_or(NotAWorld)
    }
}

/// Made where it is needed first: an older store has none, and neither has one that no call was made from.
pub(crate) const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS world (one INTEGER PRIMARY KEY CHECK (one = 1), word TEXT NOT NULL) STRICT";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn the_first_world_of_a_store_is_its_world_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("store");
        let store = Store::open(&place).unwrap();
        assert_eq!((store.world().unwrap(), store.known_world()), (None, None));
        assert_eq!(store.fix_world(World::Simulated).unwrap(), World::Simulated);
        assert_eq!(store.known_world(), Some(World::Simulated));
        assert_eq!(store.fix_world(World::Real).unwrap(), World::Simulated);
        drop(store);
        let read = Store::open_read_only(&place).unwrap();
        assert_eq!(read.world().unwrap(), Some(World::Simulated));
        assert_eq!(read.fix_world(World::Real).unwrap(), World::Simulated);
        assert_eq!("replay".parse(), Ok(World::Replay));
        assert_eq!("virtual".parse::<World>(), Err(NotAWorld));
    }
}
