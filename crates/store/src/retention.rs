//! Retention: which runs may go, and what that frees.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use motet_engine::RunId;
use motet_pipeline::{Digest, Timestamp};
use rusqlite::{Connection, Row};

use crate::deletion::each_use;
use crate::{RunStatus, Store, StoreError, rows};

/// Which runs are to go. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those that ended before this.
    pub ended_before: Option<Timestamp>,
    /// Only those with one of these statuses; all that are over, if it is empty.
    pub statuses: BTreeSet<RunStatus>,
    /// Only as many, the oldest first, as it takes for files to have no more bytes in all than this.
    pub keep_bytes: Option<u64>,
    /// None whose results the cache may still give at this time: see [`Store::runs_in_cache`].
    pub cached_at: Option<Timestamp>,
}

/// Runs that may go, and what that frees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// The runs. Whoever continues from another comes before it.
    pub runs: Vec<RunId>,
    /// The size in bytes of the files that only these refer to.
    pub bytes: u64,
    /// How many were chosen and stay, because a run that stays continues from them.
    pub in_lineages: usize,
    /// How many were chosen and stay, because a call of theirs has not ended.
    pub with_open_calls: usize,
    /// How many were chosen and stay, because the cache may still give their results.
    pub in_cache: usize,
}

/// Why a single run can't be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// It isn't over.
    Unfinished,
    /// This run continues from it and isn't over.
    Lineage(RunId),
    /// A call of it has not ended at its provider.
    OpenCalls,
}

/// A run, as far as it matters here.
struct Light {
    number: i64,
    id: RunId,
    base: Option<RunId>,
    status: RunStatus,
    ended_at: Option<Timestamp>,
    has_open_calls: bool,
    is_in_cache: bool,
}

/// Retention.
impl Store {
    /// The runs that may go by `retention`. One that is not over never may, nor one that a run which stays continues
    /// from. Where nothing is chosen by age, status or size, none may.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn leaving(&self, retention: &Retention) -> Result<Leaving, StoreError> {
        // A store of an older format that is only looked at knows no lineages.
        let chooses_none = Retention { cached_at: None, ..retention.clone() } == Retention::default();
        if chooses_none || !self.reader().has_step_turns()? {
            return Ok(Leaving::default());
        }
        let (mut runs, mut weights) = self.runs_and_weights()?;
        if let Some(until) = retention.cached_at {
            runs.note_cached(&self.runs_in_cache(until)?);
        }
        Ok(runs.leaving(retention, &mut weights))
    }

    /// What the deletion of one run frees; or why it has to stay.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], and when the store can't be read.
    pub fn leaving_run(&self, run: &RunId) -> Result<Result<Leaving, Need>, StoreError> {
        if !self.reader().has_step_turns()? {
            let row = self.run(run)?.ok_or_else(|| StoreError::NoRun { run: run.clone() })?;
            let leaving = Leaving { runs: vec![run.clone()], ..Leaving::default() };
            return Ok(if row.status.is_final() { Ok(leaving) } else { Err(Need::Unfinished) });
        }
        let (runs, mut weights) = self.runs_and_weights()?;
        let Some(place) = runs.places.get(run) else { return Err(StoreError::NoRun { run: run.clone() }) };
        Ok(runs.need_of(*place).map_or_else(
            || {
                let bytes = weights.remove(runs.all[*place].number);
                Ok(Leaving { runs: vec![run.clone()], bytes, ..Leaving::default() })
            },
            Err,
        ))
    }

    /// All runs and what each weighs, at one moment.
    fn runs_and_weights(&self) -> Result<(Runs, Weights), StoreError> {
        let files = self.files()?.into_iter().map(|kept| (kept.digest, kept.bytes)).collect();
        self.read_all(|connection, file, _| {
            let look = || -> rusqlite::Result<_> {
                let moment = connection.unchecked_transaction()?;
                let found = (Runs::read(&moment)?, Weights::read(&moment, files)?);
                moment.finish()?;
                Ok(found)
            };
            look().map_err(|error| StoreError::from_sqlite(file, error))
        })
    }
}

/// All runs, oldest first, and who continues from whom.
struct Runs {
    all: Vec<Light>,
    places: HashMap<RunId, usize>,
    children: BTreeMap<usize, Vec<usize>>,
}

impl Runs {
    fn read(connection: &Connection) -> rusqlite::Result<Runs> {
        let sql = "SELECT number, id, base, status, ended_at,
                     EXISTS (SELECT 1 FROM charges WHERE charges.run = runs.number AND charges.ended_at IS NULL)
                   FROM runs ORDER BY number";
        let all: Vec<Light> =
            connection.prepare(sql)?.query_map([], Light::from_row)?.collect::<Result<_, _>>()?;
        let places: HashMap<RunId, usize> =
            all.iter().enumerate().map(|(place, run)| (run.id.clone(), place)).collect();
        let mut children: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, run) in all.iter().enumerate() {
            if let Some(base) = run.base.as_ref().and_then(|base| places.get(base)) {
                children.entry(*base).or_default().push(place);
            }
        }
        Ok(Runs { all, places, children })
    }

    fn note_cached(&mut self, cached: &[RunId]) {
        for place in cached.iter().filter_map(|run| self.places.get(run)) {
            self.all[*place].is_in_cache = true;
        }
    }

    /// A run and all that continue from it, each after the one that it continues from.
    fn unit(&self, place: usize) -> Vec<usize> {
        let mut unit = vec![place];
        let mut next = 0;
        while let Some(place) = unit.get(next) {
            unit.extend(self.children.get(place).into_iter().flatten());
            next += 1;
        }
        unit
    }

    fn need_of(&self, place: usize) -> Option<Need> {
        let run = &self.all[place];
        if run.ended_at.is_none() {
            return Some(Need::Unfinished);
        }
        let unfinished = self.unit(place).into_iter().find(|place| self.all[*place].ended_at.is_none());
        match unfinished {
            Some(place) => Some(Need::Lineage(self.all[place].id.clone())),
            None => run.has_open_calls.then_some(Need::OpenCalls),
        }
    }

    fn leaving(&self, retention: &Retention, weights: &mut Weights) -> Leaving {
        let mut leaving = Leaving::default();
        let is_chosen = |run: &Light| {
            let is_old = retention.ended_before.is_none_or(|before| run.ended_at < Some(before));
            let is_wanted = retention.statuses.is_empty() || retention.statuses.contains(&run.status);
            run.ended_at.is_some() && is_old && is_wanted
        };
        let mut gone = BTreeSet::new();
        for (place, run) in self.all.iter().enumerate() {
            if retention.keep_bytes.is_some_and(|keep| weights.total <= keep) {
                break;
            }
            if !is_chosen(run) || gone.contains(&place) {
                continue;
            }
            let unit = self.unit(place);
            let stays = |place: &usize| self.all[*place].is_in_cache || !is_chosen(&self.all[*place]);
            if run.is_in_cache {
                leaving.in_cache += 1;
            } else if unit.iter().any(stays) {
                leaving.in_lineages += 1;
            } else if unit.iter().any(|place| self.all[*place].has_open_calls) {
                leaving.with_open_calls += 1;
            } else {
                let new: Vec<usize> = unit.into_iter().filter(|place| gone.insert(*place)).collect();
                leaving.bytes += new.iter().map(|place| weights.remove(self.all[*place].number)).sum::<u64>();
            }
        }
        // Whoever continues from another is newer.
        leaving.runs = gone.into_iter().rev().map(|place| self.all[place].id.clone()).collect();
        leaving
    }
}

impl Light {
    fn from_row(row: &Row) -> rusqlite::Result<Light> {
        Ok(Light {
            number: row.get(0)?,
            id: RunId::new(row.get_ref(1)?.as_str()?),
            base: row.get_ref(2)?.as_str_or_null()?.map(RunId::new),
            status: rows::parse(row, 3)?,
            ended_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
            has_open_calls: row.get(5)?,
            is_in_cache: false,
        })
    }
}

/// How many runs refer to each file, and how long it is.
struct Weights {
    bytes: HashMap<Digest, u64>,
    users: HashMap<Digest, u32>,
    files_of: HashMap<i64, Vec<Digest>>,
    /// The size in bytes of all files.
    total: u64,
}

impl Weights {
    fn read(connection: &Connection, bytes: HashMap<Digest, u64>) -> rusqlite::Result<Weights> {
        let (mut users, mut files_of) = (HashMap::new(), HashMap::<i64, Vec<Digest>>::new());
        each_use(connection, |run, digest| {
            *users.entry(digest).or_default() += 1;
            files_of.entry(run).or_default().push(digest);
        })?;
        let total = bytes.values().sum();
        Ok(Weights { bytes, users, files_of, total })
    }

    /// Takes away a run. Gives the size of what nobody refers to any more.
    fn remove(&mut self, run: i64) -> u64 {
        let mut freed = 0;
        for digest in self.files_of.remove(&run).unwrap_or_default() {
            let users = self.users.entry(digest).or_default();
            *users = users.saturating_sub(1);
            if *users == 0 {
                freed += self.bytes.get(&digest).copied().unwrap_or_default();
            }
        }
        self.total = self.total.saturating_sub(freed);
        freed
    }
}
