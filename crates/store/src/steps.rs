//! The steps of a run as its tables tell of them: a few at a time, however many there are.

mod filter;

use std::collections::BTreeMap;

use motet_engine::{RunId, StepStatus};
use motet_pipeline::StepPath;
use rusqlite::{Row, params};

pub use filter::StepFilter;

use crate::{StepRow, Store, StoreError, rows};

/// How many turns of a step are reported: somebody who waits for days may ask a provider very often.
const TURNS_MAX: i64 = 200;

/// Steps.
impl Store {
    /// The steps and items of a run that were reached, by path.
    pub fn steps(&self, run: &RunId) -> Result<Vec<StepRow>, StoreError> {
        self.steps_where(run, &StepFilter::default())
    }

    /// A step or item of a run, if it was reached.
    pub fn step(&self, run: &RunId, path: &StepPath) -> Result<Option<StepRow>, StoreError> {
        Ok(self.steps_where(run, &StepFilter::only(path))?.pop())
    }

    /// The steps and items of a run that fit, by path.
    pub fn steps_where(&self, run: &RunId, filter: &StepFilter) -> Result<Vec<StepRow>, StoreError> {
        self.rows_of_steps(run, filter, None, "path")
    }

    /// The steps and items of a run that failed and fit: those that failed first. Of items that failed in
    /// the same moment, those with lower indices come first.
    pub fn failed_steps(&self, run: &RunId, filter: StepFilter) -> Result<Vec<StepRow>, StoreError> {
        let filter = filter.with_status(StepStatus::Failed);
        // What is up to the end of the item's key, then what is inside of it, innermost first.
        let order = "ended_at, instr(substr(path, length(?2) + 1), ']'),
                     substr(path, 1, length(?2) + instr(substr(path, length(?2) + 1), ']')),
                     length(path) DESC, path";
        self.rows_of_steps(run, &filter, Some("steps_failed"), order)
    }

    /// How many of the items of the step at `path` that are not over stand where.
    pub fn count_open_items(&self, run: &RunId, path: &str) -> Result<BTreeMap<StepStatus, u64>, StoreError> {
        let filter = StepFilter::only_items_of(path).open();
        let sql = format!("SELECT status, count(*) {} GROUP BY status", filter.source(None));
        let row = |row: &Row| Ok((rows::step_status(row, 0)?, row.get::<_, i64>(1)? as u64));
        let counts = self.reader().rows(&sql, params![run.as_str(), filter.from, filter.to], row)?;
        Ok(counts.into_iter().collect())
    }

    /// How many steps and items of a run failed. Only where [`Store::has_step_turns`].
    pub fn count_failed_steps(&self, run: &RunId) -> Result<u64, StoreError> {
        let filter = StepFilter::default().with_status(StepStatus::Failed);
        let sql = format!("SELECT count(*) {}", filter.source(Some("steps_failed")));
        let values = params![run.as_str(), filter.from, filter.to];
        let count = self.reader().row(&sql, values, |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or_default() as u64)
    }

    /// Calls `visit` for every step and item of a run that was begun, in the order in which they were,
    /// until it answers false. However many there are, few are in memory. In a store in memory nothing else
    /// can be done until it returns.
    pub fn each_step_by_start(
        &self,
        run: &RunId,
        mut visit: impl FnMut(StepRow) -> bool,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT {} FROM steps
             WHERE run = (SELECT number FROM runs WHERE id = ?1) AND started_at IS NOT NULL
             ORDER BY started_at, path",
            self.columns_of_steps()?
        );
        self.reader().with_rows(&sql, [run.as_str()], |row| Ok(visit(StepRow::from_row(row)?)))
    }

    /// Whether the tables know in which turns something happened to the steps of a run, and how items
    /// ended. They don't if an older version began the run, or if the store is of an older format.
    pub fn has_step_turns(&self, run: &RunId) -> Result<bool, StoreError> {
        let sql = "SELECT has_step_turns FROM runs WHERE id = ?1";
        let of_run = |store: &Store| store.reader().row(sql, [run.as_str()], |row| row.get(0));
        Ok(self.reader().has_step_turns()? && of_run(self)? == Some(true))
    }

    /// The numbers of the turns that tell of a step or item, in order; of very many, the first and the
    /// last ones. Only where [`Store::has_step_turns`].
    pub fn turns_of_step(&self, run: &RunId, path: &StepPath) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT turn FROM (
                     SELECT turn, row_number() OVER (ORDER BY turn) AS place, count(*) OVER () AS count
                     FROM step_turns WHERE run = (SELECT number FROM runs WHERE id = ?1) AND path = ?2)
                   WHERE place <= ?3 OR place > count - ?3";
        let values = params![run.as_str(), path.as_str(), TURNS_MAX / 2];
        let mut turns = self.reader().rows(sql, values, |row| row.get::<_, i64>(0))?;
        let sql = "SELECT first_turn, attempted_turn, ended_turn FROM steps
                   WHERE run = (SELECT number FROM runs WHERE id = ?1) AND path = ?2";
        let row = |row: &Row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        let known: Option<[Option<i64>; 3]> =
            self.reader().row(sql, params![run.as_str(), path.as_str()], row)?;
        turns.extend(known.into_iter().flatten().flatten());
        turns.sort_unstable();
        turns.dedup();
        Ok(turns.into_iter().map(|turn| turn as u64).collect())
    }

    /// The first `limit` steps and items of a run, by path, with a call that may be billed though nothing came of it, or of
    /// which the provider doesn't say what it cost.
    pub fn steps_that_may_bill(&self, run: &RunId, limit: usize) -> Result<Vec<StepPath>, StoreError> {
        let sql = "SELECT DISTINCT path FROM charges
                   WHERE run = (SELECT number FROM runs WHERE id = ?1) AND basis = 'maybe' ORDER BY path LIMIT ?2";
        if !self.reader().has_table("charges")? {
            return Ok(Vec::new());
        }
        let values = params![run.as_str(), limit as i64];
        self.reader().rows(sql, values, |row| Ok(StepPath::from_text(&row.get::<_, String>(0)?)))
    }

    /// The first `limit` steps and items of a run, by path, to which more happened than that they began,
    /// were tried once and ended. Only where [`Store::has_step_turns`].
    pub fn eventful_steps(&self, run: &RunId, limit: usize) -> Result<Vec<StepPath>, StoreError> {
        let sql = "SELECT DISTINCT path FROM step_turns
                   WHERE run = (SELECT number FROM runs WHERE id = ?1) ORDER BY path LIMIT ?2";
        let values = params![run.as_str(), i64::try_from(limit).unwrap_or(i64::MAX)];
        self.reader().rows(sql, values, |row| Ok(StepPath::from_text(row.get_ref(0)?.as_str()?)))
    }

    fn rows_of_steps(
        &self,
        run: &RunId,
        filter: &StepFilter,
        index: Option<&str>,
        order: &str,
    ) -> Result<Vec<StepRow>, StoreError> {
        let index = if self.reader().has_step_turns()? { index } else { None };
        let (columns, source) = (self.columns_of_steps()?, filter.source(index));
        let sql = format!("SELECT {columns} {source} ORDER BY {order} LIMIT ?4");
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let values = params![run.as_str(), filter.from, filter.to, limit];
        self.reader().rows(&sql, values, StepRow::from_row)
    }

    fn columns_of_steps(&self) -> Result<&'static str, StoreError> {
        Ok(if self.reader().has_step_turns()? { StepRow::COLUMNS } else { StepRow::COLUMNS_OLDER })
    }
}
