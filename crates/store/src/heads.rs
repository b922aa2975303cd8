//! Where the journal of each run ends: what the writer must know to refuse a turn that isn't the next one.

use std::collections::HashMap;

use motet_engine::{Event, RunId};
use rusqlite::Connection;

use crate::prepare::Prepared;
use crate::{StoreError, journal};

/// Where a run's journal ends.
#[derive(Clone, Copy)]
struct Head {
    run: i64,
    last: u64,
}

/// The heads of runs that were written to and are not over.
#[derive(Default)]
pub(crate) struct Heads {
    heads: HashMap<RunId, Head>,
    /// The number that the next new run gets, once it is known.
    next_run: Option<i64>,
}

impl Heads {
    /// Moves the heads over `records` and gives the number of each one's run; if one doesn't follow
    /// the last turn of its run, no head moves.
    pub(crate) fn place(
        &mut self,
        transaction: &Connection,
        records: &[Prepared],
    ) -> rusqlite::Result<Result<Vec<i64>, StoreError>> {
        let mut runs = Vec::with_capacity(records.len());
        let mut before = Vec::with_capacity(records.len());
        for record in records {
            let head = self.head(transaction, &record.run)?;
            match follow(head, record) {
                Ok(()) => {
                    let run = match head {
                        Some(head) => head.run,
                        None => self.new_run(transaction)?,
                    };
                    self.heads.insert(record.run.clone(), Head { run, last: record.turn.number });
                    before.push((&record.run, head));
                    runs.push(run);
                }
                Err(error) => {
                    self.restore(before);
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(runs))
    }

    fn head(&self, transaction: &Connection, run: &RunId) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self.heads.get(run) {
            return Ok(Some(*head));
        }
        let found = journal::head(transaction, run)?;
        Ok(found.map(|(run, last)| Head { run, last }))
    }

    fn new_run(&mut self, transaction: &Connection) -> rusqlite::Result<i64> {
        let number = match self.next_run {
            Some(number) => number,
            None => {
                let sql = "SELECT max(number) FROM (SELECT number FROM runs UNION ALL SELECT number FROM deleted_runs)";
                transaction.query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?.unwrap_or(0) + 1
            }
        };
        self.next_run = Some(number + 1);
        Ok(number)
    }

    fn restore(&mut self, before: Vec<(&RunId, Option<Head>)>) {
        for (run, head) in before.into_iter().rev() {
            match head {
                Some(head) => drop(self.heads.insert(run.clone(), head)),
                None => drop(self.heads.remove(run)),
            }
        }
    }

    /// Forgets the heads of runs that are over: few of them get another turn.
    pub(crate) fn release(&mut self, records: &[Prepared]) {
        for record in records {
            if record.turn.events.iter().any(Event::ends_run) {
                self.heads.remove(&record.run);
            }
        }
    }
}

/// Whether `record` is the next turn after `head`.
fn follow(head: Option<Head>, record: &Prepared) -> Result<(), StoreError> {
    let Prepared { run, turn, .. } = record;
    let expected = head.map_or(1, |head| head.last + 1);
    if turn.number != expected {
        return Err(StoreError::OutOfOrder { run: run.clone(), expected, found: turn.number });
    }
    if head.is_none() && turn.started().is_none_or(|started| started.run != *run) {
        return Err(StoreError::NotStarted { run: run.clone() });
    }
    Ok(())
}
