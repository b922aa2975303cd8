//! Dead letters: runs that ended in failure, that nobody has done over yet and nobody has dealt with.

use motet_engine::RunId;
use motet_pipeline::{StepPath, Timestamp};
use rusqlite::{Row, params};

use crate::{RunRow, Store, StoreError};

/// A run that ended in failure, and that no other run continues.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadRun {
    /// The run.
    pub run: RunRow,
    /// What failed first of all that was tried, if something was.
    pub cause: Option<Cause>,
    /// Who has dealt with it, if somebody has: then it is no dead letter any more.
    pub discarded: Option<Discard>,
}

/// A step or item that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where it is.
    pub step: StepPath,
    /// What was tried last.
    pub operation: String,
    /// How many attempts were made, over all targets.
    pub attempts: u32,
}

/// That a person has dealt with a failed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discard {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why, in words.
    pub why: String,
}

/// Which dead letters are asked for. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct DeadFilter {
    /// Only of this class of failure.
    pub class: Option<String>,
    /// Only of this pipeline.
    pub pipeline: Option<String>,
    /// Only those of which a step failed at this provider: what stands before the `/` of an operation.
    pub provider: Option<String>,
    /// Only those that failed at this time or later.
    pub since: Option<Timestamp>,
    /// Only those that failed at this time or before.
    pub until: Option<Timestamp>,
    /// Instead, those that somebody has dealt with.
    pub discarded: bool,
    /// The newest so many.
    pub limit: Option<usize>,
}

/// What failed first and wasn't tolerated, the run's own cause before all others.
const CAUSE: &str = "SELECT path, operation, attempts FROM steps
     WHERE run = (SELECT number FROM runs WHERE id = ?1) AND status = 'failed' AND operation IS NOT NULL
     ORDER BY tolerated, path = ?2 DESC, ended_at, path LIMIT 1";

/// Dead letters.
impl Store {
    /// The dead letters that fit, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadRun>, StoreError> {
        let is_discarded = if filter.discarded { "EXISTS" } else { "NOT EXISTS" };
        // A store of an older format that is only looked at has neither lineages nor such decisions.
        let open = match (self.reader().has_step_turns()?, filter.discarded) {
            (true, _) => format!(
                "NOT EXISTS (SELECT 1 FROM runs AS next WHERE next.base = runs.id)
                 AND {is_discarded} (SELECT 1 FROM discarded WHERE discarded.run = runs.id)"
            ),
            (false, true) => "0".to_owned(),
            (false, false) => "1".to_owned(),
        };
        let sql = format!(
            "{} WHERE status = 'failed' AND {open} AND (?1 IS NULL OR class = ?1)
               AND (?2 IS NULL OR pipeline = ?2) AND ended_at BETWEEN ?3 AND ?4
               AND (?5 IS NULL OR EXISTS (SELECT 1 FROM steps WHERE steps.run = runs.number
                 AND steps.status = 'failed' AND substr(operation, 1, instr(operation, '/') - 1) = ?5))
             ORDER BY number DESC LIMIT ?6",
            RunRow::SELECT
        );
        let DeadFilter { class, pipeline, provider, since, until, .. } = filter;
        let (since, until) = (since.map_or(i64::MIN, |at| at.0), until.map_or(i64::MAX, |at| at.0));
        let limit = filter.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let values = params![class, pipeline, since, until, provider, limit];
        let rows = self.reader().rows(&sql, values, RunRow::from_row)?;
        rows.into_iter().map(|run| self.tell_dead(run)).collect()
    }

    /// A run by its whole id, if it ended in failure; whether somebody has dealt with it or not.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn dead_run(&self, run: &RunId) -> Result<Option<DeadRun>, StoreError> {
        let row = self.run(run)?.filter(|row| row.status == crate::RunStatus::Failed);
        row.map(|row| self.tell_dead(row)).transpose()
    }

    fn tell_dead(&self, run: RunRow) -> Result<DeadRun, StoreError> {
        let failed_step = run.failed_step.as_ref().map(StepPath::as_str);
        let cause = self.reader().row(CAUSE, params![run.id.as_str(), failed_step], Cause::from_row)?;
        let sql = "SELECT at, by, why FROM discarded WHERE run = ?1";
        let discarded = match self.reader().has_step_turns()? {
            true => self.reader().row(sql, [run.id.as_str()], Discard::from_row)?,
            false => None,
        };
        Ok(DeadRun { run, cause, discarded })
    }

    /// The runs that continue from a run, oldest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn continued_by(&self, run: &RunId) -> Result<Vec<RunId>, StoreError> {
        if !self.reader().has_step_turns()? {
            return Ok(Vec::new());
        }
        let sql = "SELECT id FROM runs WHERE base = ?1 ORDER BY number";
        self.reader().rows(sql, [run.as_str()], |row| Ok(RunId::new(row.get_ref(0)?.as_str()?)))
    }

    /// Notes that somebody has dealt with a failed run. Of several such notes the last one holds.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn discard(&self, run: &RunId, discard: &Discard) -> Result<(), StoreError> {
        let sql = "INSERT INTO discarded (run, at, by, why) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (run) DO UPDATE SET at = ?2, by = ?3, why = ?4";
        let Discard { at, by, why } = discard;
        self.writer()?.lock().note(sql, params![run.as_str(), at.0, by, why])
    }

    /// Takes back what [`Store::discard`] noted.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn undo_discard(&self, run: &RunId) -> Result<(), StoreError> {
        self.writer()?.lock().note("DELETE FROM discarded WHERE run = ?1", [run.as_str()])
    }
}

impl Cause {
    fn from_row(row: &Row) -> rusqlite::Result<Cause> {
        let step = StepPath::from_text(row.get_ref(0)?.as_str()?);
        Ok(Cause { step, operation: row.get(1)?, attempts: row.get(2)? })
    }
}

impl Discard {
    fn from_row(row: &Row) -> rusqlite::Result<Discard> {
        Ok(Discard { at: Timestamp(row.get(0)?), by: row.get(1)?, why: row.get(2)? })
    }
}
