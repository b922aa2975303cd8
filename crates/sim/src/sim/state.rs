//! The state of the machine, and how it is saved and loaded.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Sim;
use crate::files::File;
use crate::job::Job;
use crate::ledger::Entry;
use crate::scenario::Scenario;
use crate::webhook::Delivery;

/// A change of the state, in the form that is kept on disk. Loading all changes in order restores the state, except for the use
/// of limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Change(pub(crate) Kept);

/// What a change says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kept {
    Job(Box<Job>),
    Entry(Box<Entry>),
    File(Box<File>),
    FileGone(String),
    Delivery(Box<Delivery>),
    Delivered(u64),
    Endpoint(Box<Endpoint>),
    EndpointGone(String),
    Scenario(Box<Scenario>),
    Hits(Vec<u64>),
    Count(u64),
    Reset,
}

/// A webhook of an ElevenLabs workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// Everything that survives a restart.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By number.
    pub(super) jobs: Vec<Job>,
    pub(super) by_id: HashMap<String, u64>,
    pub(super) ledger: Vec<Entry>,
    pub(super) attempts: HashSet<String>,
    pub(super) files: BTreeMap<String, File>,
    /// By due time, then by number.
    pub(super) due: BTreeMap<(Timestamp, u64), Delivery>,
    pub(super) due_of: HashMap<u64, Timestamp>,
    pub(super) on_the_way: BTreeMap<u64, Delivery>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    /// How many requests or jobs each rule of the scenario has matched.
    pub(super) hits: Vec<u64>,
    pub(super) count: u64,
}

impl State {
    pub(super) fn unplan(&mut self, delivery: u64) {
        if let Some(due) = self.due_of.remove(&delivery) {
            self.due.remove(&(due, delivery));
        }
    }
}

impl Sim {
    /// The changes since the last call, to be saved before a reply is sent. Empty unless
    /// [`Options::keeps_changes`](crate::Options::keeps_changes) is set.
    pub fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The whole state as a list of changes.
    pub fn save(&self) -> Vec<Change> {
        let state = &self.state;
        let mut kept =
            vec![Kept::Scenario(Box::new(self.options.scenario.clone())), Kept::Count(state.count)];
        kept.extend(state.jobs.iter().map(|job| Kept::Job(Box::new(job.clone()))));
        kept.extend(state.ledger.iter().map(|entry| Kept::Entry(Box::new(entry.clone()))));
        kept.extend(state.files.values().map(|file| Kept::File(Box::new(file.clone()))));
        let deliveries = state.on_the_way.values().chain(state.due.values());
        kept.extend(deliveries.map(|delivery| Kept::Delivery(Box::new(delivery.clone()))));
        kept.extend(state.endpoints.values().map(|endpoint| Kept::Endpoint(Box::new(endpoint.clone()))));
        kept.push(Kept::Hits(state.hits.clone()));
        kept.into_iter().map(Change).collect()
    }

    /// Applies a saved change.
    pub fn load(&mut self, change: Change) {
        let state = &mut self.state;
        match change.0 {
            Kept::Job(job) => {
                let at = job.number as usize;
                state.by_id.insert(job.id.clone(), job.number);
                match at.cmp(&state.jobs.len()) {
                    std::cmp::Ordering::Less => state.jobs[at] = *job,
                    _ => state.jobs.push(*job),
                }
            }
            Kept::Entry(entry) => {
                state.attempts.extend(entry.attempt_key.clone());
                state.ledger.push(*entry);
            }
            Kept::File(file) => {
                state.files.insert(file.id.clone(), *file);
            }
            Kept::FileGone(id) => {
                state.files.remove(&id);
            }
            Kept::Delivery(delivery) => {
                state.unplan(delivery.number);
                state.due_of.insert(delivery.number, delivery.due);
                state.due.insert((delivery.due, delivery.number), *delivery);
            }
            Kept::Delivered(number) => state.unplan(number),
            Kept::Endpoint(endpoint) => {
                state.endpoints.insert(endpoint.id.clone(), *endpoint);
            }
            Kept::EndpointGone(id) => {
                state.endpoints.remove(&id);
            }
            Kept::Scenario(scenario) => {
                self.options.scenario = *scenario;
                state.hits.clear();
            }
            Kept::Hits(hits) => state.hits = hits,
            Kept::Count(count) => state.count = count,
            Kept::Reset => *state = State::default(),
        }
    }

    pub(super) fn keep(&mut self, kept: Kept) {
        if self.options.keeps_changes {
            self.changes.push(Change(kept));
        }
    }

    /// Applies and records a change.
    pub(crate) fn apply(&mut self, kept: Kept) {
        if self.options.keeps_changes {
            self.changes.push(Change(kept.clone()));
        }
        self.load(Change(kept));
    }
}
