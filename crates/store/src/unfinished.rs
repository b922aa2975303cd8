//! The unfinished runs by their inputs: for whoever drives the store, and looks before every start whether
//! such a run is already there.
//!
//! An index by digests in the database would have every run change pages of its own, twice. So the
//! database has the unfinished runs in their order alone. They are read once, when first asked for; from
//! then on the writer tells of each that starts and ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use motet_pipeline::Digest;
use rusqlite::Connection;

use crate::projection::Changes;
use crate::rows;

/// Nothing until it is asked for.
#[derive(Default)]
pub(crate) struct Unfinished(Mutex<Option<ByInputs>>);

#[derive(Default)]
struct ByInputs {
    runs: BTreeSet<(Key, i64)>,
    keys: HashMap<i64, Key>,
}

/// The first eight bytes of a digest: few runs share them without sharing all.
type Key = [u8; 8];

impl Unfinished {
    /// The numbers of the runs whose inputs may have this digest, newest first.
    pub(crate) fn like(&self, connection: &Connection, inputs: &Digest) -> rusqlite::Result<Vec<i64>> {
        let mut known = self.lock();
        if known.is_none() {
            // The writer waits meanwhile with what it has to tell, so nothing is missed.
            *known = Some(ByInputs::read(connection)?);
        }
        let key = key(inputs);
        let alike = known.as_ref().map(|known| known.runs.range((key, i64::MIN)..=(key, i64::MAX)));
        Ok(alike.into_iter().flatten().rev().map(|(_, run)| *run).collect())
    }

    /// Notes what became durable.
    pub(crate) fn note(&self, changes: &Changes) {
        let mut known = self.lock();
        let Some(known) = known.as_mut() else { return };
        for (run, change) in &changes.runs {
            match (&change.end, &change.started) {
                (Some(_), _) => known.remove(*run),
                (None, Some(start)) => known.insert(*run, key(&start.inputs_digest)),
                (None, None) => {}
            }
        }
    }

    /// Has all be read again, because somebody else may have written.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<ByInputs>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByInputs {
    fn read(connection: &Connection) -> rusqlite::Result<ByInputs> {
        let sql = "SELECT number, inputs_digest FROM runs INDEXED BY runs_unfinished WHERE ended_at IS NULL";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut read = ByInputs::default();
        while let Some(row) = rows.next()? {
            read.insert(row.get(0)?, key(&rows::digest(row, 1)?));
        }
        Ok(read)
    }

    fn insert(&mut self, run: i64, key: Key) {
        self.runs.insert((key, run));
        self.keys.insert(run, key);
    }

    fn remove(&mut self, run: i64) {
        if let Some(key) = self.keys.remove(&run) {
            self.runs.remove(&(key, run));
        }
    }
}

fn key(inputs: &Digest) -> Key {
    *inputs.as_bytes().first_chunk().expect("a digest has 32 bytes")
}
