//! What was saved: results that were taken over instead of paid for again. Made from the journal.

use motet_engine::RunId;
use motet_engine::event::Reused;
use motet_pipeline::{Money, StepPath, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::reader::Reader;
use crate::{StoreError, rows};

/// A result that was taken over and had cost something where it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Saving {
    /// The run that took it over.
    pub run: RunId,
    /// The run's pipeline.
    pub pipeline: String,
    /// On whose behalf the run is.
    pub user: Option<String>,
    /// The step or item.
    pub step: StepPath,
    /// What it was made with.
    pub operation: String,
    /// When it was taken over.
    pub at: Timestamp,
    /// What it cost where it was made.
    pub amount: Money,
}

/// A result that a turn takes over.
pub(crate) struct SavingChange {
    pub(crate) at: Timestamp,
    pub(crate) reused: Reused,
}

impl SavingChange {
    pub(crate) fn write(&self, connection: &Connection, run: i64, step: &StepPath) -> rusqlite::Result<()> {
        let SavingChange { at, reused } = self;
        let mut statement = connection.prepare_cached(
            "INSERT INTO savings (run, path, at, operation, amount, source, source_path, source_attempt)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?;
        statement.execute(params![
            run,
            step.as_str(),
            at.0,
            reused.operation,
            reused.cost.to_string(),
            reused.run.as_str(),
            reused.step.as_ref().unwrap_or(step).as_str(),
            reused.attempt,
        ])?;
        Ok(())
    }
}

impl Saving {
    fn from_row(row: &Row) -> rusqlite::Result<Saving> {
        Ok(Saving {
            run: RunId::new(row.get::<_, String>(0)?),
            pipeline: row.get(1)?,
            user: row.get(2)?,
            step: StepPath::from_text(&row.get::<_, String>(3)?),
            operation: row.get(4)?,
            at: Timestamp(row.get(5)?),
            amount: rows::parse(row, 6)?,
        })
    }
}

impl Reader {
    /// Calls `visit` for each saving of one run or of all, oldest run first, until it answers false.
    pub(crate) fn savings(
        &self,
        run: Option<&RunId>,
        mut visit: impl FnMut(Saving) -> bool,
    ) -> Result<(), StoreError> {
        if !self.has_table("savings")? {
            return Ok(());
        }
        let sql = "SELECT ifnull(runs.id, gone.id), ifnull(runs.pipeline, gone.pipeline), ifnull(runs.user, gone.user),
                          path, operation, at, amount
                   FROM savings LEFT JOIN runs ON runs.number = savings.run
                     LEFT JOIN deleted_runs AS gone ON gone.number = savings.run
                   WHERE ?1 IS NULL OR ifnull(runs.id, gone.id) = ?1 ORDER BY run, at, path";
        self.with_rows(sql, params![run.map(RunId::as_str)], |row| Ok(visit(Saving::from_row(row)?)))
    }
}
