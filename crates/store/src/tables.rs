//! The tables that are made from the journal: how changes are written to them.

use motet_engine::ParkReason;
use motet_pipeline::Money;
use motet_pipeline::StepPath;
use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::projection::{Attempt, Changes, Reference, RunChange, RunEnd, Start, StepChange, StepEnd};
use crate::{ItemCounts, RunStatus, rows};

impl Changes<'_> {
    /// Writes all changes. Part of the writer's transaction.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        for (run, change) in &self.runs {
            write_run(connection, *run, change)?;
        }
        let mut steps = StepRows::begin(connection)?;
        self.steps.iter().try_for_each(|(run, path, change)| steps.write(*run, path, change))?;
        for (run, items) in &self.items {
            items.iter().try_for_each(|(path, more)| write_items(connection, *run, path, more))?;
        }
        for (run, reference) in &self.references {
            write_reference(connection, *run, reference)?;
        }
        for ((run, step, attempt), change) in &self.charges {
            change.write(connection, *run, step, *attempt)?;
        }
        for ((run, step), change) in &self.savings {
            change.write(connection, *run, step)?;
        }
        for ((run, step), change) in &self.cache {
            change.write(connection, *run, step)?;
        }
        self.long_values.iter().try_for_each(|(run, digest)| write_long_value(connection, *run, digest))
    }
}

/// Empties the tables that are made from the journal, but for what deleted runs cost.
pub(crate) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "DELETE FROM runs; DELETE FROM steps; DELETE FROM step_turns; DELETE FROM artifacts;
         DELETE FROM artifact_refs; DELETE FROM long_value_refs; DELETE FROM cache;
         DELETE FROM charges WHERE run NOT IN (SELECT number FROM deleted_runs);
         DELETE FROM savings WHERE run NOT IN (SELECT number FROM deleted_runs);",
    )
}

/// The runs that were begun in a store of format 1 or 2, by their numbers.
pub(crate) fn runs_of_older_formats(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare("SELECT number FROM runs WHERE has_step_turns = 0")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Marks those of `runs` that are not over as begun in such a store, which doesn't say who made it: whoever resumes one
/// must know that, however the tables were made.
pub(crate) fn mark_unfinished(connection: &Connection, runs: &[i64]) -> rusqlite::Result<()> {
    let sql = "UPDATE runs SET has_step_turns = 0 WHERE number = ?1 AND ended_at IS NULL";
    let mut statement = connection.prepare(sql)?;
    runs.iter().try_for_each(|run| statement.execute([run]).map(drop))
}

fn write_run(connection: &Connection, run: i64, change: &RunChange) -> rusqlite::Result<()> {
    if let Some(start) = &change.started {
        start_run(connection, run, start)?;
    }
    if !change.cost.is_zero() {
        let mut statement = connection.prepare_cached("SELECT cost FROM runs WHERE number = ?1")?;
        let total: Money = statement.query_row([run], |row| rows::parse(row, 0))?;
        let mut statement = connection.prepare_cached("UPDATE runs SET cost = ?2 WHERE number = ?1")?;
        statement.execute(params![run, (total + change.cost).to_string()])?;
    }
    match (&change.end, change.parked) {
        (Some(end), _) => end_run(connection, run, end),
        (None, Some(parked)) => park_run(connection, run, parked),
        (None, None) => Ok(()),
    }
}

fn start_run(connection: &Connection, run: i64, start: &Start) -> rusqlite::Result<()> {
    let Start { started, inputs_digest, at } = start;
    let labels = (!started.labels.is_empty())
        .then(|| serde_json::to_string(&started.labels).expect("a map of texts is plain data"));
    let mut statement = connection.prepare_cached(
        "INSERT INTO runs
           (number, id, schema, pipeline, plan, inputs_digest, status, user, labels, seed, started_at,
            has_step_turns, base)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12)",
    )?;
    statement.execute(params![
        run,
        started.run.as_str(),
        started.schema,
        started.pipeline,
        started.plan.as_bytes().as_slice(),
        inputs_digest.as_bytes().as_slice(),
        RunStatus::Running.word(),
        started.user,
        labels,
        started.seed as i64,
        at.0,
        started.base.as_ref().map(|base| base.run.as_str()),
    ])?;
    Ok(())
}

/// Notes that a run is parked, and why, or that it no longer is.
fn park_run(connection: &Connection, run: i64, parked: Option<ParkReason>) -> rusqlite::Result<()> {
    let status = if parked.is_some() { RunStatus::Parked } else { RunStatus::Running };
    let sql = "UPDATE runs SET status = ?2, message = ?3 WHERE number = ?1";
    connection.prepare_cached(sql)?.execute(params![run, status.word(), parked.map(ParkReason::word)])?;
    Ok(())
}

fn end_run(connection: &Connection, run: i64, end: &RunEnd) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "UPDATE runs SET status = ?2, degraded = ?3, ended_at = ?4, ended_turn = ?5, failed_step = ?6,
           class = ?7, message = ?8
         WHERE number = ?1",
    )?;
    statement.execute(params![
        run,
        end.status.word(),
        end.degraded,
        end.at.0,
        end.turn as i64,
        end.failed_step.as_ref().map(StepPath::as_str),
        end.class,
        end.message,
    ])?;
    Ok(())
}

/// Writes the rows of steps. Its statements are found once: a commit may write a thousand rows.
struct StepRows<'c> {
    connection: &'c Connection,
    begin: CachedStatement<'c>,
    end: CachedStatement<'c>,
    upsert: CachedStatement<'c>,
}

impl<'c> StepRows<'c> {
    fn begin(connection: &'c Connection) -> rusqlite::Result<StepRows<'c>> {
        Ok(StepRows {
            connection,
            begin: connection.prepare_cached(BEGIN_STEP)?,
            end: connection.prepare_cached(END_STEP)?,
            upsert: connection.prepare_cached(UPSERT_STEP)?,
        })
    }

    fn write(&mut self, run: i64, path: &StepPath, change: &StepChange) -> rusqlite::Result<()> {
        write_turns(self.connection, run, path, change)?;
        // Most steps begin in one turn and end in another: there is less to write than a change could hold.
        let is_written = match Moment::of(change) {
            Some(Moment::Begins(attempt)) => self.write_begin(run, path, change, attempt)?,
            Some(Moment::Ends(end)) => self.write_end(run, path, change, end)?,
            None => false,
        };
        match is_written {
            true => Ok(()),
            false => self.write_any(run, path, change),
        }
    }

    /// Whether there was no row.
    fn write_begin(
        &mut self,
        run: i64,
        path: &StepPath,
        change: &StepChange,
        attempt: &Attempt,
    ) -> rusqlite::Result<bool> {
        let Attempt { turn, number, target, operation, at, .. } = attempt;
        let written = self.begin.execute(params![
            run,
            path.as_str(),
            change.state.map(|(status, _)| status.word()),
            change.started_at.map(|at| at.0),
            number,
            *target as i64,
            operation,
            at.0,
            change.first_turn.map(|turn| turn as i64),
            *turn as i64,
        ]);
        Ok(written? > 0)
    }

    /// Whether there was a row.
    fn write_end(
        &mut self,
        run: i64,
        path: &StepPath,
        change: &StepChange,
        end: &StepEnd,
    ) -> rusqlite::Result<bool> {
        let written = self.end.execute(params![
            run,
            path.as_str(),
            change.state.map(|(status, _)| status.word()),
            end.at.0,
            end.turn as i64,
            end.tolerated,
            end.class,
            end.message,
        ]);
        Ok(written? > 0)
    }

    fn write_any(&mut self, run: i64, path: &StepPath, change: &StepChange) -> rusqlite::Result<()> {
        let sql = "SELECT cost FROM steps WHERE run = ?1 AND path = ?2";
        let cost = (!change.cost.is_zero()).then(|| total(self.connection, sql, (run, path), change.cost));
        let status = change.state.map(|(status, _)| status.word());
        let wakes_at = change.state.and_then(|(_, wakes_at)| wakes_at);
        let (attempt, end) = (change.attempt.as_ref(), change.end.as_ref());
        let values: [&dyn ToSql; 18] = [
            &run,
            &path.as_str(),
            &status,
            &wakes_at.map(|at| at.0),
            &change.items.map(|items| items as i64),
            &change.started_at.map(|at| at.0),
            &attempt.map(|attempt| attempt.number),
            &attempt.map(|attempt| attempt.target as i64),
            &attempt.map(|attempt| attempt.operation.as_str()),
            &attempt.map(|attempt| attempt.at.0),
            &cost.transpose()?,
            &end.map(|end| end.at.0),
            &end.map(|end| end.turn as i64),
            &end.map(|end| end.tolerated),
            &end.and_then(|end| end.class),
            &end.map_or(change.parked.as_deref(), |end| end.message.as_deref()),
            &change.first_turn.map(|turn| turn as i64),
            &attempt.map(|attempt| attempt.turn as i64),
        ];
        self.upsert.execute(values)?;
        Ok(())
    }
}

/// What most changes of a step are.
enum Moment<'c> {
    /// Its first attempt begins, and nothing else.
    Begins(&'c Attempt),
    /// It ends, and nothing else.
    Ends(&'c StepEnd),
}

impl Moment<'_> {
    fn of(change: &StepChange) -> Option<Moment<'_>> {
        let StepChange { state: Some((_, None)), items: None, parked: None, .. } = change else {
            return None;
        };
        if !change.cost.is_zero() {
            return None;
        }
        match (&change.attempt, &change.end) {
            (Some(attempt), None) if change.first_turn.is_some() => Some(Moment::Begins(attempt)),
            (None, Some(end)) if change.started_at.is_none() => Some(Moment::Ends(end)),
            _ => None,
        }
    }
}

/// Writes nothing if there is a row.
const BEGIN_STEP: &str = "INSERT INTO steps
       (run, path, status, started_at, attempts, target, operation, attempted_at, first_turn, attempted_turn)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
     ON CONFLICT (run, path) DO NOTHING";

/// Writes nothing if there is no row.
const END_STEP: &str = "UPDATE steps
     SET status = ?3, wakes_at = NULL, ended_at = ?4, ended_turn = ?5, tolerated = ?6, class = ?7, message = ?8
     WHERE run = ?1 AND path = ?2";

/// What is null leaves alone what is there; but a status comes with its `wakes_at`, and an end with
/// its class and message.
const UPSERT_STEP: &str = "INSERT INTO steps
       (run, path, status, wakes_at, items, started_at, attempts, target, operation, attempted_at, cost,
        ended_at, ended_turn, tolerated, class, message, first_turn, attempted_turn)
     VALUES (?1, ?2, ifnull(?3, 'pending'), ?4, ?5, ?6, ifnull(?7, 0), ?8, ?9, ?10, ifnull(?11, '0'),
        ?12, ?13, ifnull(?14, 0), ?15, ?16, ?17, ?18)
     ON CONFLICT (run, path) DO UPDATE SET
       status = ifnull(?3, status),
       wakes_at = iif(?3 IS NULL, wakes_at, ?4),
       items = ifnull(?5, items),
       started_at = ifnull(started_at, ?6),
       attempts = ifnull(?7, attempts),
       target = ifnull(?8, target),
       operation = ifnull(?9, operation),
       attempted_at = ifnull(?10, attempted_at),
       cost = ifnull(?11, cost),
       ended_at = ifnull(?12, ended_at),
       ended_turn = ifnull(?13, ended_turn),
       tolerated = ifnull(?14, tolerated),
       class = iif(?12 IS NULL, class, ?15),
       message = iif(?12 IS NULL, ifnull(?16, message), ?16),
       first_turn = ifnull(first_turn, ?17),
       attempted_turn = ifnull(?18, attempted_turn)";

/// What an amount of a step will be in all, which `sql` selects.
fn total(
    connection: &Connection,
    sql: &str,
    step: (i64, &StepPath),
    more: Money,
) -> rusqlite::Result<String> {
    let mut statement = connection.prepare_cached(sql)?;
    let total = statement.query_row(params![step.0, step.1.as_str()], |row| rows::parse::<Money>(row, 0));
    Ok(total.optional()?.map_or(more, |total| total + more).to_string())
}

/// Adds what more is over to the row of a fanned-out step.
fn write_items(
    connection: &Connection,
    run: i64,
    path: &StepPath,
    more: &ItemCounts,
) -> rusqlite::Result<()> {
    let sql = "SELECT items_cost FROM steps WHERE run = ?1 AND path = ?2";
    let cost = (!more.cost.is_zero()).then(|| total(connection, sql, (run, path), more.cost));
    let [completed, failed, skipped, cancelled] =
        [more.completed, more.failed, more.skipped, more.cancelled].map(|count| count as i64);
    let values = params![run, path.as_str(), completed, failed, skipped, cancelled, cost.transpose()?];
    connection.prepare_cached(UPSERT_ITEMS)?.execute(values)?;
    Ok(())
}

const UPSERT_ITEMS: &str = "INSERT INTO steps
       (run, path, status, items_completed, items_failed, items_skipped, items_cancelled, items_cost)
     VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, ifnull(?7, '0'))
     ON CONFLICT (run, path) DO UPDATE SET
       items_completed = items_completed + ?3,
       items_failed = items_failed + ?4,
       items_skipped = items_skipped + ?5,
       items_cancelled = items_cancelled + ?6,
       items_cost = ifnull(?7, items_cost)";

/// Before the row of the step, which holds the turn of the attempt before this one.
fn write_turns(
    connection: &Connection,
    run: i64,
    path: &StepPath,
    change: &StepChange,
) -> rusqlite::Result<()> {
    if change.attempt.as_ref().is_some_and(|attempt| attempt.follows_another) {
        let mut statement = connection.prepare_cached(
            "INSERT OR IGNORE INTO step_turns SELECT run, path, attempted_turn FROM steps
             WHERE run = ?1 AND path = ?2 AND attempted_turn IS NOT NULL",
        )?;
        statement.execute(params![run, path.as_str()])?;
    }
    for turn in change.turns() {
        let sql = "INSERT OR IGNORE INTO step_turns (run, path, turn) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![run, path.as_str(), turn as i64])?;
    }
    Ok(())
}

fn write_reference(connection: &Connection, run: i64, reference: &Reference) -> rusqlite::Result<()> {
    let Reference { step, output, position, artifact } = reference;
    let measures = serde_json::to_string(&**artifact).expect("an artifact is plain data");
    let mut statement = connection.prepare_cached(
        "INSERT INTO artifacts (digest, kind, mime, bytes, measures) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (digest) DO NOTHING",
    )?;
    let digest = artifact.digest.as_bytes().as_slice();
    let bytes = i64::try_from(artifact.bytes).unwrap_or(i64::MAX);
    statement.execute(params![digest, artifact.kind.word(), artifact.mime, bytes, measures])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO artifact_refs (run, step, output, position, digest) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET digest = ?5",
    )?;
    statement.execute(params![run, step.as_str(), output, position, digest])?;
    Ok(())
}

fn write_long_value(connection: &Connection, run: i64, digest: &[u8]) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare_cached("INSERT INTO long_value_refs (run, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    statement.execute(params![run, digest])?;
    Ok(())
}
