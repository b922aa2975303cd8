//! Which steps are asked for.

use motet_engine::StepStatus;
use motet_pipeline::StepPath;

/// Which steps and items of a run are asked for, in the order of their paths (that of their bytes). The
/// default is all of them.
///
/// ```
/// use motet_store::StepFilter;
/// // The first hundred shots, and all inside them, that are not over.
/// let filter = StepFilter::items_of("shots").open().at_most(100);
/// ```
#[derive(Clone, Debug)]
pub struct StepFilter {
    /// The first path, and the one behind the last.
    pub(super) from: String,
    pub(super) to: String,
    is_open: bool,
    status: Option<StepStatus>,
    /// How many characters come before the keys of the items that alone are asked for.
    before_keys: Option<usize>,
    pub(super) limit: usize,
}

impl Default for StepFilter {
    fn default() -> StepFilter {
        // No text in UTF-8 comes behind this one but those that begin with it, and no name does.
        let to = char::MAX.to_string();
        StepFilter {
            from: String::new(),
            to,
            is_open: false,
            status: None,
            before_keys: None,
            limit: usize::MAX,
        }
    }
}

impl StepFilter {
    /// The items of the step at `path`, and all that is inside them.
    pub fn items_of(path: &str) -> StepFilter {
        // `\` follows `[`, with which the keys of items begin.
        StepFilter { from: format!("{path}["), to: format!("{path}\\"), ..StepFilter::default() }
    }

    /// The outermost step called `name` and all below it; some whose names begin alike are among them.
    pub fn at_or_below(name: &str) -> StepFilter {
        StepFilter { from: name.to_owned(), to: format!("{name}\\"), ..StepFilter::default() }
    }

    /// The step or item at `path` alone.
    pub(super) fn only(path: &StepPath) -> StepFilter {
        StepFilter { from: path.to_string(), to: format!("{path}\0"), ..StepFilter::default() }
    }

    /// Of these, those behind the step or item at `path`.
    #[must_use]
    pub fn behind(self, path: &StepPath) -> StepFilter {
        StepFilter { from: format!("{path}\0"), ..self }
    }

    /// Of these, those behind all items of the step at `path`.
    #[must_use]
    pub fn behind_items_of(self, path: &str) -> StepFilter {
        StepFilter { from: format!("{path}\\"), ..self }
    }

    /// Of these, those that are not over.
    #[must_use]
    pub fn open(self) -> StepFilter {
        StepFilter { is_open: true, ..self }
    }

    /// Of these, those with this status.
    #[must_use]
    pub fn with_status(self, status: StepStatus) -> StepFilter {
        StepFilter { status: Some(status), ..self }
    }

    /// The items of the step at `path` alone, without what is inside them.
    pub fn only_items_of(path: &str) -> StepFilter {
        StepFilter { before_keys: Some(path.chars().count() + 1), ..StepFilter::items_of(path) }
    }

    /// Of these, the first `limit`.
    #[must_use]
    pub fn at_most(self, limit: usize) -> StepFilter {
        StepFilter { limit, ..self }
    }

    /// Where to look, and what for. What `index` is named after are few among many rows; SQLite would rather
    /// look at all that lie in the range.
    pub(super) fn source(&self, index: Option<&str>) -> String {
        let index = index.map_or(String::new(), |index| format!("INDEXED BY {index}"));
        format!("FROM steps {index} WHERE {}", self.condition())
    }

    fn condition(&self) -> String {
        let mut condition =
            "run = (SELECT number FROM runs WHERE id = ?1) AND path >= ?2 AND path < ?3".to_owned();
        // Written out as in the indexes that are made for them.
        if self.is_open {
            condition += " AND ended_at IS NULL";
        }
        if let Some(status) = self.status {
            condition += &format!(" AND status = '{}'", status.word());
        }
        if let Some(before) = self.before_keys {
            condition += &format!(" AND substr(path, -1) = ']' AND instr(substr(path, {before}), '/') = 0");
        }
        condition
    }
}
