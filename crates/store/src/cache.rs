//! The cache: what steps with `cache` made, by the key under which other runs look for it. Made from the journal.

use motet_engine::event::CacheKey;
use motet_engine::{AttemptEvent, Event, RunId, StepEvent, Turn};
use motet_pipeline::{Digest, StepPath, Timestamp};
use rusqlite::{Connection, params};

use crate::reader::Reader;
use crate::{Store, StoreError};

/// Where a result is that the cache has: the value itself is in the journal of its run.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// The run.
    pub run: RunId,
    /// The step or item that made it.
    pub step: StepPath,
    /// The turn in which it stands.
    pub turn: u64,
    /// When it was made.
    pub at: Timestamp,
}

/// A result that a turn adds.
pub(crate) struct CacheChange {
    key: CacheKey,
    at: Timestamp,
    turn: u64,
}

impl CacheChange {
    /// What `event` of `turn` adds.
    pub(crate) fn of(event: &Event, turn: &Turn) -> Option<CacheChange> {
        let key = match event {
            Event::Step { event: StepEvent::Completed { cache, .. }, .. }
            | Event::Attempt { event: AttemptEvent::Ended { cache, .. }, .. } => cache.as_deref()?,
            _ => return None,
        };
        Some(CacheChange { key: key.clone(), at: turn.at, turn: turn.number })
    }

    pub(crate) fn write(&self, connection: &Connection, run: i64, step: &StepPath) -> rusqlite::Result<()> {
        let CacheChange { key: CacheKey { fingerprint, ttl, .. }, at, turn } = self;
        let mut statement = connection.prepare_cached(
            "INSERT OR REPLACE INTO cache (run, path, fingerprint, made_at, until, turn)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let until = ttl.map(|ttl| at.after(ttl).0);
        let fingerprint = fingerprint.as_bytes().as_slice();
        statement.execute(params![run, step.as_str(), fingerprint, at.0, until, *turn as i64])?;
        Ok(())
    }
}

/// The cache.
impl Store {
    /// The newest result that is kept under a key.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn cached(&self, fingerprint: &Digest) -> Result<Option<CacheEntry>, StoreError> {
        self.reader().cached(fingerprint)
    }

    /// The runs whose results the cache may still give at `now`: of each key the newest one, unless the step that made
    /// it wanted it no longer than until then.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn runs_in_cache(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        self.reader().runs_in_cache(now)
    }
}

impl Reader {
    fn cached(&self, fingerprint: &Digest) -> Result<Option<CacheEntry>, StoreError> {
        if !self.has_table("cache")? {
            return Ok(None);
        }
        let sql = "SELECT runs.id, path, turn, made_at FROM cache JOIN runs ON runs.number = cache.run
                   WHERE fingerprint = ?1 ORDER BY made_at DESC, run DESC LIMIT 1";
        self.row(sql, params![fingerprint.as_bytes().as_slice()], |row| {
            Ok(CacheEntry {
                run: RunId::new(row.get::<_, String>(0)?),
                step: StepPath::from_text(&row.get::<_, String>(1)?),
                turn: row.get::<_, i64>(2)? as u64,
                at: Timestamp(row.get(3)?),
            })
        })
    }

    fn runs_in_cache(&self, now: Timestamp) -> Result<Vec<RunId>, StoreError> {
        if !self.has_table("cache")? {
            return Ok(Vec::new());
        }
        let sql = "SELECT DISTINCT runs.id FROM cache JOIN runs ON runs.number = cache.run
                   WHERE (until IS NULL OR until >= ?1) AND cache.run = (
                       SELECT other.run FROM cache AS other WHERE other.fingerprint = cache.fingerprint
                       ORDER BY other.made_at DESC, other.run DESC LIMIT 1)
                   ORDER BY cache.run";
        self.rows(sql, params![now.0], |row| Ok(RunId::new(row.get::<_, String>(0)?)))
    }
}
