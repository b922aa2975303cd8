//! Where the program works: the project's settings, its store, its folder for outputs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use motet::door::Tape;
use motet::engine::RunId;
use motet::language::contract::Catalogue;
use motet::language::{Span, Timestamp};
use motet::session::{Session, is_driven};
use motet::settings::{IN_MEMORY, Proposal, STORE_VARIABLE, Setting, Settings, StorePlace};
use motet::store::{RunRow, RunStatus, Store, World, while_opening};
use motet::trust::Trust;
use motet::{Builder, Error, Pipeline, Warning};

use crate::arguments::{AdoptFlag, FollowFlags, StoreFlag, WorldFlags};
use crate::notice;
use crate::problem::Problem;
use crate::simulator::simulated;
use crate::terminal::Terminal;

/// A project and its store, as a command sees them.
pub struct Project {
    /// What is set.
    pub settings: Settings,
    /// Where the store is.
    pub place: StorePlace,
    /// Whether exchanges with providers are written down, or answered from that.
    pub tape: Tape,
    /// Whether a store of another world is refused, instead of being continued with in its own.
    says_its_world: bool,
}

impl Project {
    /// The project that `file` belongs to, or that of the working folder, if it is trusted.
    ///
    /// # Errors
    /// When its `motet.toml` can't be read, or asks for what nobody has granted.
    pub fn find(file: Option<&Path>, flag: &StoreFlag) -> Result<Project, Error> {
        let here = working_folder()?;
        Project::from_proposal(Settings::find(file, &here)?, flag, &here)
    }

    /// The same, to follow runs: where their outputs go may be said too.
    ///
    /// # Errors
    /// As [`Project::find`].
    pub fn find_to_follow(
        file: Option<&Path>,
        flag: &StoreFlag,
        follow: &FollowFlags,
    ) -> Result<Project, Error> {
        let here = working_folder()?;
        let mut proposal = Settings::find(file, &here)?;
        if follow.no_out || follow.out.is_some() {
            proposal = proposal.without(Setting::Out);
        }
        Project::from_proposal(proposal, flag, &here)
    }

    fn from_proposal(mut proposal: Proposal, flag: &StoreFlag, here: &Path) -> Result<Project, Error> {
        let environment = std::env::var_os(STORE_VARIABLE).map(PathBuf::from);
        let said = flag.store.as_ref().or(environment.as_ref());
        if said.is_some_and(|said| !said.as_os_str().is_empty()) {
            proposal = proposal.without(Setting::Store);
        }
        let settings = proposal.trusted_by(&Trust::of_environment())?;
        let place = settings.place(flag.store.as_deref(), environment.as_deref(), here);
        let project = Project { settings, place, tape: Tape::Off, says_its_world: false };
        project.remember_place(flag, environment.as_ref(), here);
        Ok(project)
    }

    /// The same project in the world that the flags name.
    ///
    /// # Errors
    /// When no simulator can be reached or begun.
    pub fn in_world(mut self, flags: &WorldFlags, store: &StoreFlag) -> Result<Project, Problem> {
        let tape = flags.record.clone().map(Tape::Record).or(flags.replay.clone().map(Tape::Replay));
        self.tape = tape.unwrap_or_default();
        self.says_its_world = true;
        let Some(url) = &flags.sim else { return Ok(self) };
        if store.store.is_none() {
            let folder = self.settings.simulated_store().ok_or_else(|| {
                Problem::usage(
                    "the store of simulated runs, .motet/sim, leads out of the project's .motet by a link",
                )
                .line("remove the link, or name the folder of the store: --store DIR")
            })?;
            // A command uses one store.
            let _ = STORE_WORDS.set(format!(" --store {}", typed_path(&folder)));
            self.place = StorePlace::Folder(folder);
        }
        let StorePlace::Folder(folder) = &self.place else {
            return Err(Problem::usage(
                "a simulated run needs a store that is kept: its simulator lies in it",
            ));
        };
        let url = Some(url.as_str()).filter(|url| !url.is_empty());
        self.settings = simulated(self.settings, folder, url)?;
        Ok(self)
    }

    /// The settings in the world that the store belongs to: a simulated one continues with its simulator.
    fn settings_in_its_world(&self) -> Result<Settings, Error> {
        match (&self.place, self.world()) {
            (StorePlace::Folder(folder), Some(World::Simulated)) if !self.says_its_world => {
                simulated(self.settings.clone(), folder, None).map_err(|problem| {
                    let (what, _) = problem.in_two();
                    Error::Providers(what)
                })
            }
            _ => Ok(self.settings.clone()),
        }
    }

    /// Which world the store belongs to; nothing if that isn't fixed.
    pub fn world(&self) -> Option<World> {
        let known = self.history().and_then(|store| store.world().ok().flatten());
        known.or(self.settings.is_simulated().then_some(World::Simulated))
    }

    /// Remembers how this store is named by whoever types the next command in the same folder. What the
    /// environment says stays there.
    fn remember_place(&self, flag: &StoreFlag, environment: Option<&PathBuf>, here: &Path) {
        let is_of_another_project =
            || Settings::find(None, here).is_ok_and(|usual| usual.folder() != self.settings.folder);
        let typed = match (&flag.store, &self.place) {
            (Some(typed), _) => Some(typed),
            (None, StorePlace::Folder(folder)) if environment.is_none() && is_of_another_project() => {
                Some(folder)
            }
            _ => None,
        };
        if let Some(typed) = typed.filter(|typed| !typed.as_os_str().is_empty()) {
            // A command uses one store.
            let _ = STORE_WORDS.set(format!(" --store {}", typed_path(typed)));
        }
    }

    /// The store, to look at. If nobody can know whether its last turns are there, that is said first.
    ///
    /// # Errors
    /// When there is none yet, or it can't be used.
    pub fn read_store(&self, terminal: &Terminal) -> Result<Store, Error> {
        match &self.place {
            StorePlace::Folder(folder) => {
                let (terminal, place) = (*terminal, folder.clone());
                let told = move |lock| notice::warn(terminal, &Warning::of_lock(place.clone(), lock));
                let store = while_opening(told, || Store::open_read_only(folder))?;
                if let Some(why) = Store::doubt_of_mark(folder)? {
                    notice::warn(
                        terminal,
                        &Warning::MarkUnreadable { store: folder.clone(), why: why.into() },
                    );
                }
                Ok(store)
            }
            StorePlace::Memory => Ok(Store::in_memory()?),
        }
    }

    /// The store, to look at, if there is one that can be used.
    pub fn history(&self) -> Option<Store> {
        match &self.place {
            StorePlace::Folder(folder) => Store::open_read_only(folder).ok(),
            StorePlace::Memory => None,
        }
    }

    /// A session on the store; what it warns of is written to the terminal.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn open_session(&self, terminal: Terminal) -> Result<Session, Error> {
        self.open_session_of(&AdoptFlag::default(), terminal).await
    }

    /// The same; if the flag says so, also on a store that somebody else made.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn open_session_of(&self, flag: &AdoptFlag, terminal: Terminal) -> Result<Session, Error> {
        let adopts = flag.adopt;
        let tape = self.tape.clone();
        let prepare = move |builder: Builder| {
            let builder =
                builder.tape(tape.clone()).on_warning(move |warning| notice::warn(terminal, warning));
            if adopts { builder.adopt() } else { builder }
        };
        Session::open_with(self.place.clone(), &self.settings_in_its_world()?, prepare).await
    }

    /// The same for a store that must be there already: without one there is no run to continue, and opening one to
    /// write would make it.
    ///
    /// # Errors
    /// As [`Session::open`], and when there is no store.
    pub async fn reopen_session(&self, flag: &AdoptFlag, terminal: Terminal) -> Result<Session, Problem> {
        if let StorePlace::Folder(folder) = &self.place {
            drop(Store::open_read_only(folder)?);
        }
        Ok(self.open_session_of(flag, terminal).await?)
    }
}

/// The folder that relative paths are seen from.
///
/// # Errors
/// When it isn't there any more.
pub fn working_folder() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|error| Error::File {
        verb: "find the working folder",
        path: PathBuf::from("."),
        error,
    })
}

/// A path as it is best shown: seen from the working folder if it lies below.
pub fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(&here).ok().filter(|rest| !rest.as_os_str().is_empty());
    let below = || path.strip_prefix(".").ok().filter(|rest| !rest.as_os_str().is_empty());
    let shown = shown.or_else(below).unwrap_or(path);
    shown.display().to_string()
}

/// A path as it is typed in a shell.
pub fn typed_path(path: &Path) -> String {
    match shown_path(path) {
        // By this name alone another store is meant, or a flag.
        shown if shown == IN_MEMORY || shown.starts_with('-') => quoted(&format!("./{shown}")),
        shown => quoted(&shown),
    }
}

/// A word as it is typed in a shell.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '%' | ':' | ',' | '=')
    };
    if word.chars().all(is_plain) && !word.starts_with('-') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What names the store in a command, if it isn't the one that is used anyway.
static STORE_WORDS: OnceLock<String> = OnceLock::new();

/// A command to type next, which works as it is: `motet show 7Q2K --store my`.
pub fn typed_command(words: impl std::fmt::Display) -> String {
    format!("motet {words}{}", STORE_WORDS.get().map_or("", String::as_str))
}

/// Where outputs are laid out, if they are.
///
/// # Errors
/// When the working folder isn't there any more.
pub fn out_folder(flags: &FollowFlags, settings: &Settings) -> Result<Option<PathBuf>, Error> {
    match &flags.out {
        _ if flags.no_out => Ok(None),
        Some(folder) => Ok(Some(working_folder()?.join(folder))),
        None => Ok(Some(settings.out.clone())),
    }
}

/// The run whose id ends with `ending`.
///
/// # Errors
/// When no run, or more than one, has that ending, or it was deleted.
pub fn find_run(store: &Store, ending: &str) -> Result<RunRow, Error> {
    motet::find_run(store, ending)
}

/// On whose behalf something is asked for on the command line.
pub fn user_name() -> String {
    std::env::var("USER").unwrap_or_else(|_| "the command line".to_owned())
}

/// Who drives a store says so every five seconds: after this long nobody does. A shorter silence isn't worth a
/// remark.
pub const SILENCE_MIN: Span = Span::seconds(15);

/// How runs of a store stand that aren't over: nobody may be there to drive them.
pub struct Standing<'s> {
    store: &'s Store,
    is_driven: bool,
}

impl<'s> Standing<'s> {
    pub fn of(store: &'s Store) -> Standing<'s> {
        Standing { store, is_driven: is_driven(store.folder()) }
    }

    /// Whether a run isn't over, and no process is there that could go on with it.
    pub fn is_interrupted(&self, row: &RunRow) -> bool {
        // A parked run waits for a person, whoever drives its store.
        !self.is_driven && !row.status.is_final() && row.status != RunStatus::Parked
    }

    /// Until when a run is told: its end, when it was parked, the last sign of life of who drove it, or `now`.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn until(&self, row: &RunRow, now: Timestamp) -> Result<Timestamp, Error> {
        let parked = (row.status == RunStatus::Parked).then_some(row.updated_at);
        match row.ended_at.or(parked) {
            Some(until) => Ok(until),
            None => Ok(self.silent_since(row, now)?.unwrap_or(now)),
        }
    }

    /// When something last happened to a run that isn't over and that nobody seems to drive.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn silent_since(&self, row: &RunRow, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        if row.status.is_final() {
            return Ok(None);
        }
        let heard = self.store.last_heartbeat()?.map_or(row.updated_at, |beat| beat.max(row.updated_at));
        Ok((!self.is_driven || now.since(heard) > SILENCE_MIN).then_some(row.updated_at))
    }
}

/// The pipeline that a run is pinned to, if this program can use its plan.
///
/// # Errors
/// When the plan is lost, or the store can't be read: what the run does and hides can't be known.
pub fn pinned_pipeline(store: &Store, catalogue: &Catalogue, run: &RunId) -> Result<Option<Pipeline>, Error> {
    match Pipeline::of_run(store, catalogue, run) {
        Err(Error::Plan(_) | Error::Check(_)) => Ok(None),
        pipeline => pipeline.map(Some),
    }
}
