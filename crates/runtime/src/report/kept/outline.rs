//! The rows of a run that are worth to be shown, among however many there are.

use std::collections::{BTreeMap, BTreeSet};

use motet_engine::{RunId, StepStatus};
use motet_pipeline::StepPath;
use motet_store::{StepFilter, StepRow, Store, StoreError};

use crate::report::ITEMS_MAX;
use crate::report::record::{FAILED_MAX, RECORDS_MAX};

/// The rows of a run that are shown.
#[derive(Default)]
pub(super) struct Outline {
    pub(super) rows: BTreeMap<StepPath, StepRow>,
    /// The steps of whose items only those that are under way and the first that failed are among the rows;
    /// with how many stand where that are not over, if these are too many as well.
    pub(super) summed_up: BTreeMap<String, Option<BTreeMap<StepStatus, u64>>>,
    /// Whether there are more eventful steps than those among the rows.
    pub(super) stories_left_out: bool,
}

/// How many rows are read at once.
const PAGE: usize = 500;

/// How many rows are shown of what is under way among the items of one step.
const OPEN_MAX: usize = 4_000;

/// How many steps are shown because of what happened to them on the way.
const EVENTFUL_MAX: usize = 100;

impl Outline {
    pub(super) fn read(store: &Store, run: &RunId) -> Result<Outline, StoreError> {
        let mut outline = Outline::default();
        outline.read_short_lists(store, run)?;
        let long: Vec<String> = outline.long_lists().map(str::to_owned).collect();
        for fan_out in long {
            outline.read_long_list(store, run, fan_out)?;
        }
        if outline.summed_up.is_empty() {
            return Ok(outline);
        }
        let eventful = store.eventful_steps(run, EVENTFUL_MAX + 1)?;
        outline.stories_left_out = eventful.len() > EVENTFUL_MAX;
        for path in eventful.into_iter().take(EVENTFUL_MAX) {
            if !outline.rows.contains_key(&path) {
                outline.rows.extend(store.step(run, &path)?.map(|row| (path, row)));
            }
        }
        Ok(outline)
    }

    /// Reads all rows but those of the items of long lists, which are jumped over.
    fn read_short_lists(&mut self, store: &Store, run: &RunId) -> Result<(), StoreError> {
        let mut filter = StepFilter::default().at_most(PAGE);
        let mut items = 0;
        loop {
            let page = store.steps_where(run, &filter)?;
            let Some(last) = page.last() else { return Ok(()) };
            filter = filter.behind(&last.path);
            for row in page {
                if let Some(fan_out) = self.long_list_around(&row.path) {
                    filter = filter.behind_items_of(fan_out);
                    break;
                }
                items += usize::from(row.path.is_in_items());
                if items > RECORDS_MAX
                    && let Some(fan_out) = row.path.fan_outs().next()
                {
                    self.rows.retain(|path, _| path.fan_outs().next() != Some(fan_out));
                    self.summed_up.insert(fan_out.to_owned(), None);
                    items = self.rows.keys().filter(|path| path.is_in_items()).count();
                    filter = filter.behind_items_of(fan_out);
                    break;
                }
                self.rows.insert(row.path.clone(), row);
            }
        }
    }

    /// Reads what is under way and the first that failed of the items of a step, and counts the others.
    fn read_long_list(&mut self, store: &Store, run: &RunId, fan_out: String) -> Result<(), StoreError> {
        let all = || StepFilter::items_of(&fan_out);
        let failed = store.failed_steps(run, all().at_most(FAILED_MAX as usize))?;
        // Where the step is over, so are its items.
        let is_over = self.rows.get(fan_out.as_str()).is_some_and(|row| row.ended_at.is_some());
        let limit = if is_over { 0 } else { OPEN_MAX };
        let open = store.steps_where(run, &all().open().at_most(limit))?;
        let are_too_many = open.len() == OPEN_MAX;
        let counts = are_too_many.then(|| store.count_open_items(run, &fan_out)).transpose()?;
        self.rows.extend(open.into_iter().chain(failed).map(|row| (row.path.clone(), row)));
        self.summed_up.insert(fan_out, counts);
        Ok(())
    }

    /// The steps of whose items not all are read.
    fn long_lists(&self) -> impl Iterator<Item = &str> {
        let long = self.rows.iter().filter(|(_, row)| is_long(row)).map(|(path, _)| path.as_str());
        let long: BTreeSet<&str> = long.chain(self.summed_up.keys().map(String::as_str)).collect();
        long.into_iter()
    }

    fn long_list_around<'p>(&self, path: &'p StepPath) -> Option<&'p str> {
        path.fan_outs().find(|fan_out| {
            self.summed_up.contains_key(*fan_out) || self.rows.get(*fan_out).is_some_and(is_long)
        })
    }
}

fn is_long(row: &StepRow) -> bool {
    row.items.is_some_and(|items| items > ITEMS_MAX as u64)
}
