//! Names of runs and of attempts.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use motet_pipeline::StepPath;
use serde::{Deserialize, Serialize, Serializer};

/// Names a run in its store: made by the host, or given by the user.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct RunId(Text);

/// An id that a host made stands where it is used: whoever looks for a run among thousands finds it without a further
/// access to memory, and copies it without counting who has it.
#[derive(Clone)]
enum Text {
    Made([u8; MADE_LENGTH]),
    Given(Arc<str>),
}

/// The length of the ids that a host makes, in bytes.
const MADE_LENGTH: usize = 26;

impl RunId {
    /// The id with this text.
    pub fn new(text: impl AsRef<str>) -> RunId {
        let text = text.as_ref();
        let is_made = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        match text.as_bytes().try_into() {
            Ok(bytes) if text.bytes().all(is_made) => RunId(Text::Made(bytes)),
            _ => RunId(Text::Given(text.into())),
        }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Made(bytes) => std::str::from_utf8(bytes).expect("digits and letters are UTF-8"),
            Text::Given(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Made(bytes) => bytes,
            Text::Given(text) => text.as_bytes(),
        }
    }

    /// What people are shown: the last four characters of an id that a machine made (26 digits and capital letters),
    /// and all of one that a person gave.
    pub fn short(&self) -> &str {
        match &self.0 {
            Text::Made(_) => &self.as_str()[MADE_LENGTH - 4..],
            Text::Given(text) => text,
        }
    }
}

impl From<String> for RunId {
    fn from(text: String) -> RunId {
        RunId::new(text)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialEq for RunId {
    fn eq(&self, other: &RunId) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for RunId {}

impl PartialOrd for RunId {
    fn partial_cmp(&self, other: &RunId) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RunId {
    fn cmp(&self, other: &RunId) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for RunId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
