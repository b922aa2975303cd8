//! Facts: what is known of the inputs of a call when its price is asked for.

use std::collections::BTreeSet;

use crate::value::Map;
use crate::{Contract, Span, Value};

/// The inputs of a call as far as they are known.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    /// The contract of the operation: it knows defaults and bounds.
    pub contract: &'f Contract,
    /// What is known already. What is absent counts as not given.
    pub given: &'f Map,
    /// The inputs that will be given, but of which nothing is known yet: what is given for them in `given`, if
    /// anything, is not looked at.
    pub unknown: &'f BTreeSet<String>,
    /// How long a job may run before it is cancelled.
    pub job: Option<Span>,
}

/// What is known of one input.
pub(super) enum Fact<'f> {
    Is(&'f Value),
    Unknown,
    Missing,
}

static NOTHING: BTreeSet<String> = BTreeSet::new();

impl<'f> Facts<'f> {
    /// Of a call whose inputs are all known, and whose job is cancelled after so long.
    pub fn resolved(contract: &'f Contract, given: &'f Map, job: Span) -> Facts<'f> {
        Facts { contract, given, unknown: &NOTHING, job: Some(job) }
    }

    pub(super) fn of(&self, name: &str) -> Fact<'f> {
        if self.unknown.contains(name) {
            return Fact::Unknown;
        }
        let is_there = |value: &&Value| !value.is_absent() && !matches!(value, Value::Null);
        if let Some(value) = self.given.get(name).filter(is_there) {
            return Fact::Is(value);
        }
        let Some(parameter) = self.contract.parameter(name) else { return Fact::Missing };
        let mut stand_ins =
            self.contract.inputs.iter().filter(|other| other.stands_for == Some(name.to_owned()));
        match &parameter.default {
            Some(default) if !stand_ins.any(|other| self.is_given(&other.name)) => Fact::Is(default),
            _ => Fact::Missing,
        }
    }

    fn is_given(&self, name: &str) -> bool {
        self.unknown.contains(name) || self.given.get(name).is_some_and(|value| !value.is_absent())
    }
}
