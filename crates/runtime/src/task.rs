//! Tasks: operations of your own, as async closures.

use std::sync::Arc;

use motet_pipeline::Contract;

use crate::operation::Operation;

/// An operation of your own, with its contract.
pub struct Task {
    contract: Contract,
    operation: Arc<dyn Operation>,
}

impl Task {
    /// A task with a contract and hands that were made elsewhere.
    pub fn with_contract(contract: Contract, operation: impl Operation) -> Task {
        Task { contract, operation: Arc::new(operation) }
    }

    pub(crate) fn into_parts(self) -> (Contract, Arc<dyn Operation>) {
        (self.contract, self.operation)
    }
}
