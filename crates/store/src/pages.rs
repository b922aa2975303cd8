//! Journals, a page at a time: a run of any length is read in little memory.

use std::sync::mpsc::{self, SyncSender};
use std::thread;

use motet_engine::{RunId, Turn};

use crate::{Store, StoreError, journal};

/// About how many bytes of a journal are read at once.
pub(crate) const PAGE_BYTES: usize = 1 << 19;

/// What one reading of a page gives.
type Page = Result<Vec<Turn>, StoreError>;

/// The pages of a journal, in order, up to the first that can't be read.
#[derive(Clone)]
struct Pages<'s> {
    store: &'s Store,
    run: &'s RunId,
    /// The number of the next turn; none after the last page.
    from: Option<u64>,
}

impl Pages<'_> {
    /// Reads all that are left, each while the one before is looked at.
    fn send_all(&mut self, receiver: &SyncSender<Page>) {
        for page in self {
            // Whoever reads them may have seen enough.
            if receiver.send(page).is_err() {
                return;
            }
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Page;

    fn next(&mut self) -> Option<Page> {
        let page = self.store.turns_page(self.run, self.from?, PAGE_BYTES);
        self.from = page.as_ref().ok().and_then(|page| Some(page.last()?.number + 1));
        Some(page).filter(|page| page.as_ref().map_or(true, |page| !page.is_empty()))
    }
}

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
        self.reader().turns(run, journal::Page { from, bytes_max })
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
        from: u64,
        mut visit: impl FnMut(Turn) -> Result<(), E>,
    ) -> Result<(), E> {
        // Most journals are one page.
        let mut pages = Pages { store: self, run, from: Some(from) };
        let Some(first) = pages.next() else { return Ok(()) };
        first?.into_iter().try_for_each(&mut visit)?;
        let Some(second) = pages.next() else { return Ok(()) };
        let second = second?;
        thread::scope(|scope| {
            // Nothing is kept between: two pages are in memory, the one that is visited and the next.
            let (sender, receiver) = mpsc::sync_channel(0);
            let mut ahead = pages.clone();
            let reader = thread::Builder::new().name("motet-pages".to_owned());
            let reader = reader.spawn_scoped(scope, move || ahead.send_all(&sender));
            second.into_iter().try_for_each(&mut visit)?;
            // Without another thread they are read here.
            let mut rest: Box<dyn Iterator<Item = _>> = match reader {
                Ok(_) => Box::new(receiver.into_iter()),
                Err(_) => Box::new(pages),
            };
            rest.try_for_each(|page| page?.into_iter().try_for_each(&mut visit))
        })
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
