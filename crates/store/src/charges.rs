//! The ledger: what attempts cost, may have cost, or have money reserved for. Made from the journal.

use std::collections::BTreeMap;

use motet_engine::{AttemptEvent, RunId};
use motet_pipeline::money::Basis;
use motet_pipeline::{Cost, Money, StepPath, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::reader::Reader;
use crate::{StoreError, rows};

/// What the steps of runs cost that were begun in a store of format 1 or 2, as rows of the ledger, which those didn't
/// have. One row, as of an attempt 0, has all that the attempts of a step cost.
pub(crate) const OF_OLDER_FORMATS: &str =
    "SELECT run, path, 0 AS attempt, ifnull(operation, '') AS operation,
            ifnull(ifnull(attempted_at, started_at), 0) AS at,
            ifnull(ended_at, ifnull(ifnull(attempted_at, started_at), 0)) AS ended_at, cost AS amount,
            status = 'failed' AS failed
     FROM steps WHERE cost <> '0'";

/// How many calls have not ended, by provider and by the name of the credential.
pub type OpenCalls = BTreeMap<(String, String), usize>;

/// What one attempt that may cost is known to cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// The run.
    pub run: RunId,
    /// The run's pipeline.
    pub pipeline: String,
    /// On whose behalf the run is.
    pub user: Option<String>,
    /// The step or item.
    pub step: StepPath,
    /// Which attempt of it. 0 stands for all attempts that were made in a store of format 1 or 2 together.
    pub attempt: u32,
    /// What was done: a model, or a task that reported a cost.
    pub operation: String,
    /// The name of the credential.
    pub credential: Option<String>,
    /// The provider's name for the job.
    pub job: Option<String>,
    /// When it was planned, or when its cost was reported.
    pub at: Timestamp,
    /// When it ended; nothing while it is open: then its estimate is reserved.
    pub ended_at: Option<Timestamp>,
    /// The most that it may cost.
    pub estimate: Money,
    /// What it cost.
    pub cost: Cost,
    /// Whether it gave nothing.
    pub failed: bool,
    /// Whether its run failed or was cancelled, so that what it gave was of no use there.
    pub is_of_lost_run: bool,
    /// Whether another run took over what it gave.
    pub is_reused: bool,
}

/// What an event changes in the row of its attempt.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChargeChange {
    plan: Option<Planned>,
    job: Option<String>,
    end: Option<(Timestamp, Cost, bool)>,
}

#[derive(Clone, Debug)]
struct Planned {
    operation: String,
    provider: Option<String>,
    credential: Option<String>,
    at: Timestamp,
    estimate: Money,
}

impl ChargeChange {
    /// What `event` changes, if its attempt may cost.
    pub(crate) fn of(event: &AttemptEvent, at: Timestamp) -> Option<ChargeChange> {
        let mut change = ChargeChange::default();
        match event {
            AttemptEvent::Planned { operation, estimate, intent, .. } => {
                if estimate.is_zero() && intent.is_none() {
                    return None;
                }
                let provider = intent.as_ref().map(|intent| intent.provider.clone());
                let credential = intent.as_ref().map(|intent| intent.credential.clone());
                let (operation, estimate) = (operation.clone(), *estimate);
                change.plan = Some(Planned { operation, provider, credential, at, estimate });
            }
            AttemptEvent::Accepted { job, .. } | AttemptEvent::AcceptedLate { job } => {
                change.job = Some(job.clone());
            }
            AttemptEvent::Succeeded { cost, usage } if !cost.is_none() || !usage.is_empty() => {
                change.end = Some((at, *cost, false));
            }
            AttemptEvent::Failed { cost, abandoned: false, .. } => change.end = Some((at, *cost, true)),
            AttemptEvent::Absent {} => change.end = Some((at, Cost::NONE, true)),
            AttemptEvent::Ended { cost, .. } => change.end = Some((at, *cost, true)),
            _ => return None,
        }
        Some(change)
    }

    /// Takes in what came later.
    pub(crate) fn join(&mut self, later: ChargeChange) {
        let ChargeChange { plan, job, end } = later;
        self.plan = plan.or(self.plan.take());
        self.job = job.or(self.job.take());
        self.end = end.or(self.end.take());
    }

    pub(crate) fn write(
        &self,
        connection: &Connection,
        run: i64,
        step: &StepPath,
        attempt: u32,
    ) -> rusqlite::Result<()> {
        if let Some(Planned { operation, provider, credential, at, estimate }) = &self.plan {
            let mut statement = connection.prepare_cached(
                "INSERT INTO charges (run, path, attempt, operation, provider, credential, at, estimate)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?;
            let estimate = estimate.to_string();
            statement.execute(params![
                run,
                step.as_str(),
                attempt,
                operation,
                provider,
                credential,
                at.0,
                estimate
            ])?;
        }
        if let Some(job) = &self.job {
            let mut statement = connection.prepare_cached(
                "UPDATE charges SET job = ?4 WHERE run = ?1 AND path = ?2 AND attempt = ?3",
            )?;
            statement.execute(params![run, step.as_str(), attempt, job])?;
        }
        let Some((at, cost, failed)) = &self.end else { return Ok(()) };
        let (amount, basis) = (cost.amount.to_string(), cost.basis.word());
        let mut statement = connection.prepare_cached(
            "UPDATE charges SET ended_at = ?4, amount = ?5, basis = ?6, failed = ?7
             WHERE run = ?1 AND path = ?2 AND attempt = ?3",
        )?;
        let changed = statement.execute(params![run, step.as_str(), attempt, at.0, amount, basis, failed])?;
        if changed == 0 && !cost.amount.is_zero() {
            // A task that says only at its end what it cost; the step's row knows what was done.
            let mut statement = connection.prepare_cached(
                "INSERT INTO charges (run, path, attempt, operation, at, ended_at, amount, basis, failed)
                 VALUES (?1, ?2, ?3,
                         ifnull((SELECT operation FROM steps WHERE run = ?1 AND path = ?2), ''),
                         ?4, ?4, ?5, ?6, ?7)",
            )?;
            statement.execute(params![run, step.as_str(), attempt, at.0, amount, basis, failed])?;
        }
        Ok(())
    }
}

impl Charge {
    fn from_row(row: &Row) -> rusqlite::Result<Charge> {
        let amount: Money = rows::parse(row, 11)?;
        let word: String = row.get(12)?;
        let basis = Basis::ALL.into_iter().find(|basis| basis.word() == word).unwrap_or(Basis::Maybe);
        Ok(Charge {
            run: RunId::new(row.get::<_, String>(0)?),
            pipeline: row.get(1)?,
            user: row.get(2)?,
            step: StepPath::from_text(&row.get::<_, String>(3)?),
            attempt: row.get(4)?,
            operation: row.get(5)?,
            credential: row.get(6)?,
            job: row.get(7)?,
            at: Timestamp(row.get(8)?),
            ended_at: row.get::<_, Option<i64>>(9)?.map(Timestamp),
            estimate: rows::parse(row, 10)?,
            cost: Cost { amount, basis },
            failed: row.get(13)?,
            is_of_lost_run: row.get(14)?,
            is_reused: row.get(15)?,
        })
    }
}

impl Reader {
    /// Calls `visit` for each charge since `since`, of one run or of all, also deleted ones, oldest run first, until it answers
    /// false.
    pub(crate) fn charges(
        &self,
        run: Option<&RunId>,
        since: Timestamp,
        mut visit: impl FnMut(Charge) -> bool,
    ) -> Result<(), StoreError> {
        let values = params![since.0, run.map(RunId::as_str)];
        let visit = |row: &Row| Ok(visit(Charge::from_row(row)?));
        if !self.has_table("charges")? {
            let sql = format!(
                "SELECT runs.id, runs.pipeline, runs.user, path, attempt, spent.operation, NULL, NULL, at,
                        spent.ended_at, '0', amount, 'billed', failed, runs.status IN ('failed', 'cancelled'), 0
                 FROM ({OF_OLDER_FORMATS}) AS spent JOIN runs ON runs.number = spent.run
                 WHERE at >= ?1 AND (?2 IS NULL OR runs.id = ?2)
                 ORDER BY run, at, path"
            );
            return self.with_rows(&sql, values, visit);
        }
        let sql =
            "SELECT ifnull(runs.id, gone.id), ifnull(runs.pipeline, gone.pipeline), ifnull(runs.user, gone.user),
                          path, attempt, charges.operation, credential, job, at,
                          charges.ended_at, estimate, amount, basis, failed,
                          ifnull(runs.status, gone.status) IN ('failed', 'cancelled'),
                          EXISTS (SELECT 1 FROM savings WHERE source = ifnull(runs.id, gone.id)
                                  AND source_path = charges.path AND source_attempt = charges.attempt)
                   FROM charges LEFT JOIN runs ON runs.number = charges.run
                     LEFT JOIN deleted_runs AS gone ON gone.number = charges.run
                   WHERE at >= ?1 AND (?2 IS NULL OR ifnull(runs.id, gone.id) = ?2)
                   ORDER BY run, at, path, attempt";
        self.with_rows(sql, values, visit)
    }

    /// The attempt that is known to have a provider's job.
    pub(crate) fn attempt_of_job(
        &self,
        provider: &str,
        job: &str,
    ) -> Result<Option<(RunId, StepPath, u32)>, StoreError> {
        let sql = "SELECT runs.id, path, attempt FROM charges JOIN runs ON runs.number = charges.run
                   WHERE provider = ?1 AND job = ?2";
        self.row(sql, params![provider, job], |row| {
            let step = StepPath::from_text(&row.get::<_, String>(1)?);
            Ok((RunId::new(row.get::<_, String>(0)?), step, row.get(2)?))
        })
    }

    /// How many calls have not ended, by provider and credential.
    pub(crate) fn open_calls(&self) -> Result<OpenCalls, StoreError> {
        let mut open = OpenCalls::new();
        if self.has_table("charges")? {
            let sql = "SELECT provider, credential, count(*) FROM charges
                       WHERE ended_at IS NULL AND provider IS NOT NULL GROUP BY provider, credential";
            self.with_rows(sql, [], |row| {
                let credential: Option<String> = row.get(1)?;
                let count: i64 = row.get(2)?;
                open.insert(
                    (row.get(0)?, credential.unwrap_or_default()),
                    usize::try_from(count).unwrap_or(0),
                );
                Ok(true)
            })?;
        }
        Ok(open)
    }
}
