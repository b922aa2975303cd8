//! Names of runs and of attempts.

use std::fmt;
use std::sync::Arc;

use motet_pipeline::StepPath;
use serde::{Deserialize, Serialize};

/// Names a run in its store: made by the host, or given by the user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Arc<str>);

impl RunId {
    /// The id with this text.
    pub fn new(text: impl AsRef<str>) -> RunId {
        RunId(text.as_ref().into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people are shown: the last four characters of an id that a machine made (26 characters),
    /// and all of one that a person gave.
    pub fn short(&self) -> &str {
        let made = self.0.len() == 26
            && self.0.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if made { &self.0[22..] } else { &self.0 }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names an attempt within its run. `number` counts all attempts of the step (or item) over all
/// targets, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptKey {
    /// The step or item.
    pub step: StepPath,
    /// Which attempt.
    pub number: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.step, self.number)
    }
}
