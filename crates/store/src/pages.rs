//! Journals, a page at a time: a run of any length is read in little memory.

use motet_engine::{RunId, Turn};

use crate::journal::Page;
use crate::{Store, StoreError, journal};

/// About how many bytes of a journal are read at once.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// Turns.
impl Store {
    /// The turns of a run from the number `from` on, in order: as many as have about `bytes_max` in the
    /// store, and at least one if there is one. So a journal of any length is read in little memory.
    ///
    /// ```
    /// # use motet_engine::RunId;
    /// # fn read(store: &motet_store::Store, run: &RunId) -> Result<(), motet_store::StoreError> {
    /// let mut last = 0;
    /// loop {
    ///     let page = store.turns_page(run, last + 1, 1 << 20)?;
    ///     let Some(turn) = page.last() else { break };
    ///     last = turn.number;
    ///     println!("{} turns, up to turn {last}", page.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The same as [`Store::turns`].
    pub fn turns_page(&self, run: &RunId, from: u64, bytes_max: usize) -> Result<Vec<Turn>, StoreError> {
        self.reader().turns(run, Page { from, bytes_max })
    }

    /// Calls `visit` for every turn of a run, in order, until it fails. Few are in memory at once.
    ///
    /// # Errors
    /// The same as [`Store::turns`], and what `visit` fails with.
    pub fn each_turn<E: From<StoreError>>(
        &self,
        run: &RunId,
        visit: impl FnMut(Turn) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_turn_from(run, 1, visit)
    }

    /// The same from the turn `from` on.
    ///
    /// # Errors
    /// As [`Store::each_turn`].
    pub fn each_turn_from<E: From<StoreError>>(
        &self,
        run: &RunId,
        mut from: u64,
        mut visit: impl FnMut(Turn) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let page = self.turns_page(run, from, PAGE_BYTES)?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.number + 1;
            page.into_iter().try_for_each(&mut visit)?;
        }
    }

    /// A single turn of a run, if there is one of this number.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it can't be read or isn't what was written.
    pub fn turn(&self, run: &RunId, number: u64) -> Result<Option<Turn>, StoreError> {
        self.reader().turn(run, number)
    }

    /// A turn of a run that something recorded tells of.
    ///
    /// # Errors
    /// As [`Store::turn`], and [`StoreError::Corrupt`] if it is missing; [`StoreError::NoRun`] and
    /// [`StoreError::DeletedRun`] if the run is.
    pub fn known_turn(&self, run: &RunId, number: u64) -> Result<Turn, StoreError> {
        self.reader().known_turn(run, number)
    }

    /// Fails if a turn of a run is missing: between others, before the end of a run that is over, or up to the turn
    /// `known`, which something recorded tells of. None of them is read, so it takes little time for a long journal.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] that names the first one that is missing; else as [`Store::turns`].
    pub fn judge_journal(&self, run: &RunId, known: u64) -> Result<(), StoreError> {
        self.read_all(|connection, file, _| journal::judge(connection, file, run, known))
    }

    /// The turn that ended a run, if it is over.
    ///
    /// # Errors
    /// As [`Store::known_turn`].
    pub fn end_turn(&self, run: &RunId) -> Result<Option<Turn>, StoreError> {
        self.reader().end_turn(run)
    }
}
