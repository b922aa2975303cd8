//! In which order the items of lists are told.

use std::cmp::Ordering;

use motet_pipeline::StepPath;

/// Orders paths as their items stand in lists: `shots[2]` before `shots[10]`, where items go by their
/// indices. What is inside comes before what it is inside of: there it went wrong first.
///
/// ```
/// use motet::{language::StepPath, report::ListOrder};
/// let mut paths = ["shots", "shots[10]", "shots[2]", "shots[2]/still"].map(StepPath::from_text);
/// paths.sort_by_cached_key(ListOrder::of);
/// assert_eq!(paths.map(|path| path.to_string()), ["shots[2]/still", "shots[2]", "shots[10]", "shots"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListOrder(Vec<Level>);

/// A name, or the key of an item: as an index first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Name(String),
    Index(u64),
    Key(String),
}

impl ListOrder {
    /// Where `path` stands.
    pub fn of(path: &StepPath) -> ListOrder {
        let levels = path.segments().flat_map(|segment| {
            let key =
                segment.key.map(|key| key.parse().map_or_else(|_| Level::Key(key.clone()), Level::Index));
            std::iter::once(Level::Name(segment.name.to_owned())).chain(key)
        });
        ListOrder(levels.collect())
    }
}

impl Ord for ListOrder {
    fn cmp(&self, other: &ListOrder) -> Ordering {
        let common =
            self.0.iter().zip(&other.0).map(|(one, other)| one.cmp(other)).find(|order| order.is_ne());
        common.unwrap_or_else(|| other.0.len().cmp(&self.0.len()))
    }
}

impl PartialOrd for ListOrder {
    fn partial_cmp(&self, other: &ListOrder) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
