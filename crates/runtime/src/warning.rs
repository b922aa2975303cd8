//! Warnings: nothing failed, and somebody should know.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use motet_engine::RunId;
use motet_pipeline::StepPath;
use motet_pipeline::pin::Difference;
use motet_store::ForeignLock;

/// Something that deserves attention: see [`Builder::on_warning`](crate::Builder::on_warning). Shown, it
/// says what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The work of an attempt has held the thread that it runs on for two seconds: other work and other
    /// runs may wait for it. Reported once for each attempt; those who follow the run see it as well, as the
    /// attempt's progress.
    ThreadHeld {
        /// The operation, such as `task/render`.
        operation: String,
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// Which attempt.
        attempt: u32,
    },
    /// Another program holds a lock on the store's database, for longer than a moment. What is to be
    /// recorded waits until it is gone; nothing is lost.
    StoreLocked {
        /// The store.
        store: PathBuf,
    },
    /// A run that was found unfinished is of the same texts as those that were given, and was started with
    /// other contracts or rules than a new run would be. It continues as it was started.
    ContinuesAsStarted {
        /// The run.
        run: RunId,
        /// What has changed since.
        difference: Difference,
    },
    /// A step waits for a pool that the settings don't have. Told once for each pool.
    NoPool {
        /// The pool.
        pool: String,
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
    },
    /// Some of what the store remembers of tokens, breakers and money can't be read: it is damaged, or of a
    /// newer version. Those limits are reset.
    GateUnread {
        /// The store.
        store: PathBuf,
        /// How many entries.
        entries: usize,
    },
    /// The mark of the store is there and can't be read: it is damaged. Turns that were lost at the end of the journal, as
    /// with a log that was removed, can't be noticed. It is written anew.
    MarkUnreadable {
        /// The store.
        store: PathBuf,
        /// What is wrong with it, in words.
        why: String,
    },
    /// There is no control socket, so other commands can't reach this process, which drives the store. Told once.
    NoSocket {
        /// The store.
        store: PathBuf,
        /// Why there is none, in words.
        why: String,
    },
    /// An exchange with a provider could not be written down: what was to be replayed has a hole.
    NotRecorded {
        /// Where it was to be.
        folder: PathBuf,
        /// Why not.
        why: String,
    },
    /// Deliveries of a provider's webhooks were refused. Told at most once a minute for each provider.
    HookRefused {
        /// The provider.
        provider: String,
        /// Why the one that is told of was refused; it tells no key.
        why: String,
        /// How many were refused since the last time that this was told.
        more: u64,
    },
    /// A job can't be asked about with the key that it was submitted with, which is not there or not good any more. With
    /// another one it is not asked about. Told once for each attempt and process.
    JobOutOfReach {
        /// The provider.
        provider: String,
        /// The job.
        job: String,
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// What is wrong with the key, in words; it tells no key.
        why: String,
    },
    /// That lock is gone; what waited for it is recorded.
    StoreUnlocked {
        /// The store.
        store: PathBuf,
    },
    /// The process that drives the store has said nothing for a while: what was asked of it waits. Told once.
    OwnerSilent {
        /// The store.
        store: PathBuf,
        /// The process; 0 if its number isn't known.
        pid: u32,
    },
}

impl Warning {
    /// What a store says of a lock that another program holds on its database.
    pub fn of_lock(store: PathBuf, lock: ForeignLock) -> Warning {
        match lock {
            ForeignLock::Held => Warning::StoreLocked { store },
            ForeignLock::Gone => Warning::StoreUnlocked { store },
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::ThreadHeld { operation, run, step, attempt } => write!(
                f,
                "{operation} {THREAD_HELD} (run {run}, step `{}`, attempt {attempt})",
                // Keys of items may be secret.
                step.without_keys()
            ),
            Warning::ContinuesAsStarted { run, difference } => write!(
                f,
                "run {} continues as it was started, with the older {}; only a new run uses what is there now",
                run.short(),
                older_words(difference)
            ),
            Warning::StoreLocked { store } => write!(
                f,
                "another program holds a lock on the database of the store {}: its runs wait until that \
                 program releases it",
                store.display()
            ),
            Warning::NoPool { pool, run, step } => write!(
                f,
                "step `{}` of run {run} waits for the pool `{pool}`, which the settings don't have: add `{pool} = 1` \
                 under `[pools]` in motet.toml, and start the process that drives the store again",
                // Keys of items may be secret.
                step.without_keys()
            ),
            Warning::GateUnread { store, entries } => write!(
                f,
                "{entries} of the entries about limits in the store {} can't be read: those limits are reset; \
                 `motet doctor` checks whether the store is damaged",
                store.display()
            ),
            Warning::MarkUnreadable { store, why } => write!(
                f,
                "{} can't be relied on ({why}): if the last turns are missing, as after a loss of motet.db-wal, it isn't \
                 noticed; check with `motet runs` that all runs are there, and else restore a backup",
                store.join("mark").display()
            ),
            Warning::NoSocket { store, why } => write!(
                f,
                "no other command can reach this process, which drives the store {}: there is no control socket ({why}); \
                 until it ends, `motet run`, `motet resume` and `motet cancel` are refused there; `motet runs` and \
                 `motet show` work",
                store.display()
            ),
            Warning::NotRecorded { folder, why } => write!(
                f,
                "an exchange is not recorded in {} ({why}): a replay will miss it; record the run again",
                folder.display()
            ),
            Warning::HookRefused { provider, why, more } => {
                let before = if *more == 0 { String::new() } else { format!(", after {more} others") };
                write!(f, "a delivery to /hooks/{provider} was refused{before}: {why}; nothing was done")
            }
            Warning::OwnerSilent { store, pid: 0 } => write!(
                f,
                "the process that drives the store {} says nothing: what was asked of it waits; if it is suspended, \
                 continue it",
                store.display()
            ),
            Warning::OwnerSilent { store, pid } => write!(
                f,
                "the process that drives the store {} (pid {pid}) says nothing: what was asked of it waits; if it is \
                 suspended, continue it: kill -CONT {pid}",
                store.display()
            ),
            Warning::JobOutOfReach { provider, job, run, step, why } => write!(
                f,
                "the job {job} of {provider} can't be asked about (step `{}` of run {run}): {why}. It may go on there and \
                 be billed: set the key with which it was submitted, and start the process that drives the store again",
                // Keys of items may be secret.
                step.without_keys()
            ),
            Warning::StoreUnlocked { store } => {
                write!(f, "the lock on the store {} is gone: its runs continue", store.display())
            }
        }
    }
}

/// What a run keeps that has changed: `contracts of task/read, task/shout`.
fn older_words(difference: &Difference) -> String {
    let operations = difference.operations.join(", ");
    let contracts = match difference.operations.len() {
        0 => None,
        1 => Some(format!("contract of {operations}")),
        _ => Some(format!("contracts of {operations}")),
    };
    let rules = difference.rules.then(|| "rules and defaults of the language".to_owned());
    contracts.into_iter().chain(rules).collect::<Vec<_>>().join(" and ")
}

/// What an operation does that holds its thread, and what to do about it.
pub(crate) const THREAD_HELD: &str = "has held its thread for 2 s, and other runs may wait for it: do what \
                                      takes long in tokio::task::spawn_blocking";

/// Who is told of warnings.
pub(crate) type OnWarning = Arc<dyn Fn(&Warning) + Send + Sync>;
