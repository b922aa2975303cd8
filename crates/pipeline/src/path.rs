//! Where a step is: `merge`, `shots[k3]/still`.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The place of a step, or of one item of a fanned-out step, in a run.
///
/// Names are joined by `/`; an item's key stands in brackets behind the name of its step. In a key
/// the characters `%`, `/`, `[`, `]` and control characters are percent-encoded, so a path can
/// always be taken apart again.
///
/// ```
/// use motet_pipeline::StepPath;
/// let still = StepPath::root().step("shots").item("a/b").step("still");
/// assert_eq!(still.as_str(), "shots[a%2Fb]/still");
/// let parts: Vec<_> = still.segments().collect();
/// assert_eq!(parts[0].name, "shots");
/// assert_eq!(parts[0].key.as_deref(), Some("a/b"));
/// assert_eq!(parts[1].key, None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepPath(Arc<str>);

/// One level of a [`StepPath`].
#[derive(Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The step's name.
    pub name: &'a str,
    /// The item's key, decoded.
    pub key: Option<String>,
}

impl StepPath {
    /// The run itself: the empty path.
    pub fn root() -> StepPath {
        StepPath("".into())
    }

    /// A path as it was written by [`StepPath::as_str`].
    pub fn from_text(text: &str) -> StepPath {
        StepPath(text.into())
    }

    /// The path of the step `name` below this one.
    pub fn step(&self, name: &str) -> StepPath {
        if self.0.is_empty() { StepPath(name.into()) } else { StepPath(format!("{}/{name}", self.0).into()) }
    }

    /// The path of the item `key` of this step.
    pub fn item(&self, key: &str) -> StepPath {
        StepPath(format!("{}[{}]", self.0, encode(key)).into())
    }

    /// The text of the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The levels of the path, outermost first.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.0.split('/').filter(|part| !part.is_empty()).map(|part| match part.split_once('[') {
            Some((name, key)) => Segment { name, key: Some(decode(key.strip_suffix(']').unwrap_or(key))) },
            None => Segment { name: part, key: None },
        })
    }

    /// For the path of an item: that of its step, and its key.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// let (shots, key) = StepPath::from_text("shots[a%2Fb]").as_item().unwrap();
    /// assert_eq!((shots.as_str(), key.as_str()), ("shots", "a/b"));
    /// assert_eq!(StepPath::from_text("shots[k3]/still").as_item(), None);
    /// ```
    pub fn as_item(&self) -> Option<(StepPath, String)> {
        let (step, key) = self.0.strip_suffix(']')?.rsplit_once('[')?;
        Some((StepPath::from_text(step), decode(key)))
    }

    /// For an item of the fanned-out step `list`, and for what is inside of one: the key of that item.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// let shots = StepPath::from_text("shots");
    /// assert_eq!(StepPath::from_text("shots[a%2Fb]/takes[2]").key_in(&shots).as_deref(), Some("a/b"));
    /// assert_eq!(StepPath::from_text("shots2[a]").key_in(&shots), None);
    /// ```
    pub fn key_in(&self, list: &StepPath) -> Option<String> {
        let rest = self.0.strip_prefix(&*list.0)?.strip_prefix('[')?;
        rest.split_once(']').map(|(key, _)| decode(key))
    }

    /// The fanned-out step of which this is an item; nothing if it is no item.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// assert_eq!(StepPath::from_text("shots[a]/takes[2]").fan_out(), Some("shots[a]/takes"));
    /// assert_eq!(StepPath::from_text("shots[a]/still").fan_out(), None);
    /// ```
    pub fn fan_out(&self) -> Option<&str> {
        self.0.strip_suffix(']')?.rsplit_once('[').map(|(step, _)| step)
    }

    /// The fanned-out steps around this one or its item, outermost first.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// let path = StepPath::from_text("shots[a]/takes[2]");
    /// assert!(path.fan_outs().eq(["shots", "shots[a]/takes"]));
    /// ```
    pub fn fan_outs(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('[').map(|(at, _)| &self.0[..at])
    }

    /// Whether it is a step of the run itself: neither an item nor inside of anything.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// assert!(StepPath::from_text("merge").is_outermost());
    /// assert!(!StepPath::from_text("shots[a]").is_outermost());
    /// assert!(!StepPath::from_text("group/still").is_outermost());
    /// ```
    pub fn is_outermost(&self) -> bool {
        !self.0.contains(['/', '['])
    }

    /// Whether it is an item, or inside of one.
    pub fn is_in_items(&self) -> bool {
        self.0.contains('[')
    }

    /// Whether `other` is this step or item, or inside of it; the whole of a fan-out holds its items.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// let holds = |path, other| StepPath::from_text(path).holds(&StepPath::from_text(other));
    /// assert!(holds("shots", "shots[k3]/still") && holds("shots[k3]", "shots[k3]") && holds("film", "film/cut"));
    /// assert!(!holds("shots[k3]", "shots[k33]") && !holds("film", "films") && !holds("film/cut", "film"));
    /// ```
    pub fn holds(&self, other: &StepPath) -> bool {
        let rest = other.0.strip_prefix(&*self.0);
        rest.is_some_and(|rest| self.0.is_empty() || rest.is_empty() || rest.starts_with(['/', '[']))
    }

    /// Whether the items that this and `other` are in are the same, as far as they are in the same fan-outs.
    ///
    /// ```
    /// use motet_pipeline::StepPath;
    /// let shares = |path, other| StepPath::from_text(path).shares_items(&StepPath::from_text(other));
    /// assert!(shares("shots[a]/still", "shots[a]/film") && shares("shots[a]/still", "merge"));
    /// assert!(!shares("shots[a]/still", "shots[b]/film"));
    /// ```
    pub fn shares_items(&self, other: &StepPath) -> bool {
        let together = self.segments().zip(other.segments());
        let mut common = together.take_while(|(own, other)| own.name == other.name);
        common.all(|(own, other)| own.key.is_none() || other.key.is_none() || own.key == other.key)
    }

    /// The path without any item keys: the same for all items of a step.
    pub fn without_keys(&self) -> String {
        self.segments().map(|segment| segment.name).collect::<Vec<_>>().join("/")
    }
}

fn encode(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for character in key.chars() {
        if matches!(character, '%' | '/' | '[' | ']') || character.is_ascii_control() {
            text.push_str(&format!("%{:02X}", character as u32));
        } else {
            text.push(character);
        }
    }
    text
}

fn decode(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        key.push_str(&rest[..at]);
        match rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                key.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => {
                key.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    key.push_str(rest);
    key
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl Borrow<str> for StepPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}
