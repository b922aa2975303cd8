//! What can be done with a record before the writer has its turn: all that takes time with large values.

use std::sync::Arc;

use motet_engine::dispatcher::GateEntry;
use motet_engine::{RunId, Turn};

use crate::beside::Beside;
use crate::journal::StoredTurn;
use crate::projection::Extract;
use crate::{Batch, Record, StoreError};

/// A record that is encoded and hashed. What lies beside the database is durable.
pub(crate) struct Prepared {
    pub(crate) run: RunId,
    pub(crate) turn: Arc<Turn>,
    pub(crate) stored: StoredTurn,
    pub(crate) extract: Extract,
}

impl Prepared {
    pub(crate) fn of(record: &Record, beside: &Beside) -> Result<Prepared, StoreError> {
        let Record { run, turn } = record.clone();
        let stored = StoredTurn::of(&turn, beside)?;
        let extract = Extract::of(&turn);
        Ok(Prepared { run, turn, stored, extract })
    }

    /// Prepares all turns of a request.
    pub(crate) fn all(records: &[Record], beside: &Beside) -> Result<Vec<Prepared>, StoreError> {
        records.iter().map(|record| Prepared::of(record, beside)).collect()
    }
}

/// A batch of which all turns are prepared.
pub(crate) struct PreparedBatch {
    pub(crate) turns: Vec<Prepared>,
    pub(crate) gate: Vec<GateEntry>,
}

impl PreparedBatch {
    pub(crate) fn of(batch: Batch, beside: &Beside) -> Result<PreparedBatch, StoreError> {
        Ok(PreparedBatch { turns: Prepared::all(&batch.turns, beside)?, gate: batch.gate })
    }
}
