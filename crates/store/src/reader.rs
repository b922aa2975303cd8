//! Reading: beside the writer, never in its way.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use motet_engine::{Event, RunEvent, RunId, StepEvent, Turn};
use motet_pipeline::{Digest, Span, StepPath, Timestamp, Value};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::beside::Beside;
use crate::plans::{self, KeptPlan, StoredPlan};
use crate::unfinished::Unfinished;
use crate::world::World;
use crate::writer::SharedWriter;
use crate::{ArtifactRow, FoundRun, RunFilter, RunRow, StoreError, UsualDuration, journal, schema};

/// How many rows [`Reader::usual_duration`] looks at: the newest.
const SAMPLES_MAX: usize = 20_000;

/// How many ids an ambiguous ending names.
const CANDIDATES_MAX: usize = 8;

const UNFINISHED_LIKE: &str = "SELECT id FROM runs LEFT JOIN plans ON plans.digest = runs.plan
     WHERE number = ?1 AND ended_at IS NULL AND inputs_digest = ?2
       AND (runs.plan = ?3 OR ifnull(plans.version, runs.plan) = ?4)";

/// By what the plan of a run is known. The plan itself is, whatever is kept of it.
#[derive(Clone, Copy)]
pub(crate) struct PlanNames<'p> {
    pub(crate) plan: &'p Digest,
    pub(crate) version: &'p Digest,
}

pub(crate) struct Reader {
    file: PathBuf,
    beside: Beside,
    source: Source,
    /// What [`Reader::has_step_turns`] found.
    has_step_turns: OnceLock<bool>,
}

/// Where connections come from.
enum Source {
    /// From a pool that grows to as many as read at the same time.
    Pool(Mutex<Vec<Connection>>),
    /// A database in memory has one connection: the writer's.
    Writer(SharedWriter),
}

impl Reader {
    pub(crate) fn of_file(file: &Path, beside: Beside) -> Reader {
        Reader {
            file: file.to_owned(),
            beside,
            source: Source::Pool(Mutex::default()),
            has_step_turns: OnceLock::new(),
        }
    }

    pub(crate) fn of_memory(file: &Path, beside: Beside, writer: SharedWriter) -> Reader {
        Reader {
            file: file.to_owned(),
            beside,
            source: Source::Writer(writer),
            has_step_turns: OnceLock::new(),
        }
    }

    /// Lends a connection to `read`.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.source {
            Source::Writer(writer) => read(writer.lock().connection()),
            Source::Pool(pool) => {
                let idle = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = idle.map_or_else(|| schema::open_reader(&self.file), Ok)?;
                let outcome = read(&connection);
                pool.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                outcome
            }
        }
    }

    /// The rows that a query gives.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        from_row: fn(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.with(|connection| {
            let rows = || -> rusqlite::Result<Vec<T>> {
                connection.prepare_cached(sql)?.query_map(values, from_row)?.collect()
            };
            rows().map_err(|error| StoreError::from_sqlite(&self.file, error))
        })
    }

    /// Calls `visit` for every row that a query gives, until it answers false.
    pub(crate) fn with_rows(
        &self,
        sql: &str,
        values: impl Params,
        mut visit: impl FnMut(&Row) -> rusqlite::Result<bool>,
    ) -> Result<(), StoreError> {
        self.with(|connection| {
            let each = || -> rusqlite::Result<()> {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(values)?;
                while let Some(row) = rows.next()? {
                    if !visit(row)? {
                        break;
                    }
                }
                Ok(())
            };
            each().map_err(|error| StoreError::from_sqlite(&self.file, error))
        })
    }

    pub(crate) fn row<T>(
        &self,
        sql: &str,
        values: impl Params,
        from_row: fn(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.with(|connection| {
            let row =
                connection.prepare_cached(sql).and_then(|mut it| it.query_row(values, from_row).optional());
            row.map_err(|error| StoreError::from_sqlite(&self.file, error))
        })
    }

    /// Whether there is a table: a store of an older format that is only looked at has fewer.
    pub(crate) fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        self.with(|connection| {
            let found = schema::has_table(connection, name);
            found.map_err(|error| StoreError::from_sqlite(&self.file, error))
        })
    }

    /// Whether the store has the table `step_turns`, and what came with it. One that is only looked at may
    /// be of an older format, and is read as such for as long as it is looked at.
    pub(crate) fn has_step_turns(&self) -> Result<bool, StoreError> {
        if let Some(known) = self.has_step_turns.get() {
            return Ok(*known);
        }
        let sql = "SELECT 1 FROM pragma_table_info('runs') WHERE name = 'has_step_turns'";
        let found = self.row(sql, [], |_| Ok(()))?.is_some();
        Ok(*self.has_step_turns.get_or_init(|| found))
    }

    pub(crate) fn turns(&self, run: &RunId, page: journal::Page) -> Result<Vec<Turn>, StoreError> {
        self.with(|connection| journal::turns(connection, &self.file, &self.beside, run, page))
    }

    pub(crate) fn plan(&self, digest: &Digest) -> Result<Option<KeptPlan>, StoreError> {
        let stored = self.row(plans::FIND, [digest.as_bytes().as_slice()], StoredPlan::from_row)?;
        stored.map(|stored| stored.decode(&self.file)).transpose()
    }

    pub(crate) fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        let sql = format!("{} WHERE id = ?1", RunRow::SELECT);
        self.row(&sql, [run.as_str()], RunRow::from_row)
    }

    pub(crate) fn find_run(&self, ending: &str) -> Result<FoundRun, StoreError> {
        if let Some(run) = self.run(&RunId::new(ending))? {
            return Ok(FoundRun::One(Box::new(run)));
        }
        if ending.is_empty() {
            return Ok(FoundRun::None);
        }
        let sql = "SELECT id FROM runs WHERE upper(substr(id, -length(?1))) = upper(?1)
                   ORDER BY number DESC LIMIT ?2";
        let ids = self.rows(sql, params![ending, CANDIDATES_MAX as i64], |row| {
            Ok(RunId::new(row.get_ref(0)?.as_str()?))
        })?;
        match ids.as_slice() {
            [] => Ok(FoundRun::None),
            [id] => Ok(self.run(id)?.map_or(FoundRun::None, |run| FoundRun::One(Box::new(run)))),
            _ => Ok(FoundRun::Several(ids)),
        }
    }

    pub(crate) fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let sql = format!(
            "{} WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR pipeline = ?2)
               AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS wanted WHERE NOT EXISTS (
                 SELECT 1 FROM json_each(runs.labels) AS label
                 WHERE label.key = wanted.key AND label.value = wanted.value))
             ORDER BY number DESC LIMIT ?4",
            RunRow::SELECT
        );
        let labels = serde_json::to_string(&filter.labels).expect("a map of texts is plain data");
        let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let status = filter.status.map(crate::RunStatus::word);
        self.rows(&sql, params![status, filter.pipeline, labels, limit], RunRow::from_row)
    }

    pub(crate) fn unfinished(&self) -> Result<Vec<RunRow>, StoreError> {
        let sql =
            format!("{} INDEXED BY runs_unfinished WHERE ended_at IS NULL ORDER BY number", RunRow::SELECT);
        self.rows(&sql, [], RunRow::from_row)
    }

    pub(crate) fn unfinished_like(
        &self,
        unfinished: &Unfinished,
        names: PlanNames,
        inputs: &Digest,
    ) -> Result<Option<RunId>, StoreError> {
        let [plan, version, digest] = [names.plan, names.version, inputs].map(|it| it.as_bytes().as_slice());
        let id = |row: &Row| Ok(RunId::new(row.get_ref(0)?.as_str()?));
        self.with(|connection| {
            let find = || -> rusqlite::Result<Option<RunId>> {
                for run in unfinished.like(connection, inputs)? {
                    let mut statement = connection.prepare_cached(UNFINISHED_LIKE)?;
                    let found = statement.query_row(params![run, digest, plan, version], id).optional()?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Ok(None)
            };
            find().map_err(|error| StoreError::from_sqlite(&self.file, error))
        })
    }

    pub(crate) fn artifacts(&self, run: &RunId) -> Result<Vec<ArtifactRow>, StoreError> {
        let sql = format!(
            "{} WHERE run = (SELECT number FROM runs WHERE id = ?1) ORDER BY step, output, position",
            ArtifactRow::SELECT
        );
        self.rows(&sql, [run.as_str()], ArtifactRow::from_row)
    }

    pub(crate) fn end_turn(&self, run: &RunId) -> Result<Option<Turn>, StoreError> {
        let sql = "SELECT ended_turn FROM runs WHERE id = ?1 AND ended_turn IS NOT NULL";
        let turn = self.row(sql, [run.as_str()], |row| row.get::<_, i64>(0))?;
        turn.map(|turn| self.known_turn(run, turn as u64)).transpose()
    }

    pub(crate) fn outputs(&self, run: &RunId) -> Result<Option<Value>, StoreError> {
        let events = self.end_turn(run)?.map_or_else(Vec::new, |turn| turn.events);
        Ok(events.into_iter().find_map(|event| match event {
            Event::Run(RunEvent::Completed { outputs, .. }) => Some(outputs),
            _ => None,
        }))
    }

    pub(crate) fn output(&self, run: &RunId, path: &StepPath) -> Result<Option<Value>, StoreError> {
        let sql = "SELECT ended_turn FROM steps WHERE run = (SELECT number FROM runs WHERE id = ?1)
                   AND path = ?2 AND ended_turn IS NOT NULL";
        let turn = self.row(sql, [run.as_str(), path.as_str()], |row| row.get::<_, i64>(0))?;
        let turn = turn.map(|turn| self.known_turn(run, turn as u64)).transpose()?;
        let events = turn.map_or_else(Vec::new, |turn| turn.events);
        Ok(events.into_iter().find_map(|event| match event {
            Event::Step { step, event: StepEvent::Completed { output, .. } } if step == *path => output,
            _ => None,
        }))
    }

    pub(crate) fn turn(&self, run: &RunId, number: u64) -> Result<Option<Turn>, StoreError> {
        let sql = "SELECT * FROM journal
                   WHERE run = (SELECT number FROM runs WHERE id = ?1) AND number = ?2";
        let stored = self.row(sql, params![run.as_str(), number as i64], journal::StoredTurn::from_row)?;
        stored.map(|stored| stored.decode_of(run, &self.file, &self.beside)).transpose()
    }

    pub(crate) fn known_turn(&self, run: &RunId, number: u64) -> Result<Turn, StoreError> {
        match self.turn(run, number)? {
            Some(turn) => Ok(turn),
            None if self.run(run)?.is_some() => Err(journal::missing(&self.file, run, number)),
            None => self.with(|connection| Err(journal::gone(connection, &self.file, run))),
        }
    }

    pub(crate) fn world(&self) -> Result<Option<World>, StoreError> {
        if !self.has_table("world")? {
            return Ok(None);
        }
        let word = self.row("SELECT word FROM world", [], |row| row.get::<_, String>(0))?;
        Ok(word.and_then(|word| word.parse().ok()))
    }

    pub(crate) fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(at) FROM (SELECT seen_at AS at FROM owner UNION ALL
                   SELECT at FROM (SELECT at FROM journal ORDER BY sequence DESC LIMIT 1))";
        let at = self.row(sql, [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(at.flatten().map(Timestamp))
    }

    pub(crate) fn usual_duration(&self, operation: &str) -> Result<Option<UsualDuration>, StoreError> {
        let sql = "SELECT ended_at - attempted_at FROM (
                     SELECT * FROM steps ORDER BY run DESC, path DESC LIMIT ?2)
                   WHERE operation = ?1 AND status = 'completed' AND attempted_at IS NOT NULL
                   ORDER BY 1";
        let values = params![operation, SAMPLES_MAX as i64];
        let durations = self.rows(sql, values, |row| row.get::<_, i64>(0))?;
        let median = durations.get(durations.len().saturating_sub(1) / 2);
        Ok(median.map(|median| UsualDuration {
            median: Span(u64::try_from(*median).unwrap_or(0)),
            samples: durations.len(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::Store;

    #[test]
    fn a_lookup_is_compiled_once_whatever_it_looks_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let reader = store.reader();
        for n in 0..10_u8 {
            let digest = Digest::of(&[n]);
            let digest = digest.as_bytes().as_slice();
            let values = params![n, digest, digest, digest];
            assert_eq!(reader.row(UNFINISHED_LIKE, values, |_| Ok(())).unwrap(), None);
        }
        let compiled_again = reader.with(|connection| {
            let statement = connection.prepare_cached(UNFINISHED_LIKE).unwrap();
            Ok((statement.get_status(StatementStatus::Run), statement.get_status(StatementStatus::RePrepare)))
        });
        assert_eq!(compiled_again.unwrap(), (10, 0));
    }
}
