//! `cache`: which operations it can't be written for, and why.

use crate::Value;
use crate::contract::{Contract, Feature, Work};
use crate::diagnostic::Code;
use crate::document;

use super::Checker;
use super::parameter::Given;

impl Checker<'_, '_> {
    /// Refuses `cache` where an earlier result can't stand for what the step does.
    pub(super) fn check_cache(&mut self, contract: &Contract, step: &document::Step, given: &Given) {
        let Some((_, place)) = step.cache else { return };
        if let Some(why) = why_not(contract, given) {
            let message = format!("`cache` can't be used with {}: {why}", contract.operation);
            self.findings.error(place, Code::MisplacedKey, message).help("remove `cache` from the step");
        }
    }
}

/// Why a result of an operation can't stand for that of another run.
fn why_not(contract: &Contract, given: &Given) -> Option<&'static str> {
    let operation = contract.operation.as_str();
    match contract.work {
        _ if operation.starts_with("store/") => Some("other programs read and change those files"),
        Work::Engine if operation.starts_with("flow/") => Some("what it does belongs to its own run"),
        Work::Engine => Some("it is evaluated at once, and costs nothing"),
        Work::Task if !contract.features.contains(&Feature::Reusable) => {
            Some("a task may do more than give a result; `Task::reusable` says that one doesn't")
        }
        Work::Request => (!is_get(given)).then_some("only a GET is sure to change nothing at the server"),
        Work::Task | Work::Processor | Work::Model => None,
    }
}

/// Whether a request is known to be a GET. One with a body is a POST if it doesn't say what it is.
fn is_get(given: &Given) -> bool {
    let written = |name: &str| given.iter().find(|(key, ..)| key.value == name).map(|(_, value, _)| value);
    match written("method") {
        Some(method) => method.literal().is_some_and(|method| method == Value::from("GET")),
        None => ["json", "text", "file"].iter().all(|name| written(name).is_none()),
    }
}
