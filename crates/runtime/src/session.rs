//! A session: what the command line stands on.
//!
//! A session is the *owner* of its store, or a *guest* of the process that is; its callers don't see
//! the difference. One process drives a store: it holds a lock that ends with it. A second one finds
//! the lock taken, hands its requests over through the owner's control socket, and follows its run
//! there.
//!
//! **When the owner goes**, the connections of its guests end. Each tries to take the lock; one gets
//! it, opens the store, and is the owner; the others are its guests. Every guest then asks for the run
//! that it follows to be resumed, so whatever anybody looks at continues. If the owner ended without a
//! word (`kill -9`, loss of power), the guest that becomes the owner also resumes the other runs that
//! were driven then. Turns are read from the store by their number, so each comes once and in order,
//! however often the owner changes.
//!
//! **An owner whose own runs have ended leaves at once**, also while it drives runs of its guests: it
//! lets nobody in any more, stops the work that is under way, keeps what came of it, releases the
//! lock, and only then hangs up. Finished steps are kept; an attempt that was at work on this machine
//! is made again by the next owner, under the same number. This wastes the begun part of that attempt
//! and needs no agreement between two processes, so there is nothing in it that can go wrong.

mod followed;
mod role;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motet_engine::{Decision, RunId};
use motet_pipeline::bundle::Bundle;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::Map;
use motet_pipeline::{Money, StepPath};
use motet_store::Store;

use crate::Error;
use crate::control::{Start, Unreached};
use crate::import::Given;
use crate::lock;
use crate::motet::{
    Builder, Forecast, ForkOptions, Motet, RetryOptions, StartOptions, Swept, UndoOptions, Undoing, find_run,
    forked, retried, undoing, warn_of_difference,
};
use crate::pipeline::Pipeline;
use crate::quote::Quote;
use crate::request::{Answer, Request};
use crate::settings::{Settings, StorePlace};

pub use followed::Followed;
use role::{Backstage, Patience, Reached};

/// A store with somebody who drives it: this process or another one. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    backstage: Arc<Backstage>,
}

/// What a run is to be started with.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// The texts of the pipeline.
    pub bundle: Bundle,
    /// Inputs by name. Inside of them, `{"$file": "path"}` stands for the file at that path.
    pub inputs: Map,
    /// Inputs that are files, by name: imported if the pipeline asks for media, read as UTF-8 if it
    /// asks for text, as JSON else. Relative paths are seen from the working folder.
    pub files: BTreeMap<String, PathBuf>,
    /// All else.
    pub options: StartOptions,
}

/// How many runs one request names.
const RUNS_IN_A_REQUEST: usize = 1000;

/// How often is looked whether the owner is still there, by whoever waits for its place.
const OWNER_INTERVAL: Duration = Duration::from_millis(200);

/// Whether a process drives the store in `folder`. Where that can't be known, the answer is yes.
/// The unfinished runs of a store that no process drives are interrupted, and can be resumed.
pub fn is_driven(folder: &Path) -> bool {
    lock::is_held(folder)
}

impl Session {
    /// Opens the store at `place`, as its owner, or as a guest of its owner.
    ///
    /// # Errors
    /// When the store can't be used, or its owner differs in version or settings.
    pub async fn open(place: StorePlace, settings: &Settings) -> Result<Session, Error> {
        Session::open_with(place, settings, |builder| builder).await
    }

    /// The same, with operations of your own: `prepare` adds them. All sessions of a store must have
    /// the same ones.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn open_with(
        place: StorePlace,
        settings: &Settings,
        prepare: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Result<Session, Error> {
        let backstage = Backstage::open(place, settings.clone(), Box::new(prepare)).await?;
        Ok(Session { backstage: Arc::new(backstage) })
    }

    /// The operations that pipelines may use here.
    pub fn catalogue(&self) -> &Catalogue {
        self.backstage.catalogue()
    }

    /// What happened so far, for reading.
    pub fn store(&self) -> &Store {
        self.backstage.store()
    }

    /// The process that drives the store, if it is another one.
    pub fn owner(&self) -> Option<u32> {
        self.backstage.owner()
    }

    /// Starts a run and follows it, or resumes an unfinished one of the same plan and inputs.
    /// When this returns, it is durable that the run was asked for.
    ///
    /// # Errors
    /// When the pipeline, the inputs or their files aren't good, tools are missing, the name belongs
    /// to another run, or the store fails.
    pub async fn start(&self, request: StartRequest) -> Result<Followed, Error> {
        let StartRequest { bundle, inputs, files, options } = request;
        options.judge()?;
        let pipeline = Pipeline::from_bundle(bundle, self.catalogue())?;
        let hands = self.backstage.hands();
        let missing = hands.tools.missing(pipeline.tools());
        if !missing.is_empty() {
            return Err(Error::Tools(missing));
        }
        let _importing = self.store().begin_import()?;
        let inputs = Given { inputs, files }.take_in(hands, &pipeline.plan().inputs).await?;
        self.begin(pipeline, inputs, options).await
    }

    /// Does the run over whose id ends with `ending`, and follows the new one: see [`Motet::retry`].
    ///
    /// # Errors
    /// As [`Motet::retry`].
    pub async fn retry(&self, ending: &str, options: RetryOptions) -> Result<Followed, Error> {
        let run = find_run(self.store(), ending)?.id;
        let (pipeline, inputs) = retried(self.store(), self.catalogue(), &run, &options)?;
        self.begin(pipeline, inputs, options.of(&run)).await
    }

    /// Forks the run whose id ends with `ending`, and follows the new one: see [`Motet::fork`]. `inputs` and `files` are
    /// those that change, as in a [`StartRequest`].
    ///
    /// # Errors
    /// As [`Motet::fork`].
    pub async fn fork(
        &self,
        ending: &str,
        inputs: Map,
        files: BTreeMap<String, PathBuf>,
        options: ForkOptions,
    ) -> Result<Followed, Error> {
        let run = find_run(self.store(), ending)?.id;
        let (pipeline, mut given) = forked(self.store(), self.catalogue(), &run, &options)?;
        let _importing = self.store().begin_import()?;
        let changed = Given { inputs, files };
        given.extend(changed.take_in(self.backstage.hands(), &pipeline.plan().inputs).await?);
        self.begin(pipeline, given, options.of(&run)).await
    }

    /// What [`Session::retry`] would keep, do and cost; the earlier run is in `store`. Nothing is started.
    ///
    /// # Errors
    /// As [`Motet::retry`].
    pub fn forecast_retry(
        &self,
        store: &Store,
        ending: &str,
        options: &RetryOptions,
    ) -> Result<Forecast, Error> {
        let run = find_run(store, ending)?.id;
        let (pipeline, inputs) = retried(store, self.catalogue(), &run, options)?;
        self.forecast(store, &pipeline, inputs, options.clone().of(&run))
    }

    /// What [`Session::fork`] would keep, do and cost; the earlier run is in `store`. Files are taken in; nothing is
    /// started.
    ///
    /// # Errors
    /// As [`Motet::fork`].
    pub async fn forecast_fork(
        &self,
        store: &Store,
        ending: &str,
        inputs: Map,
        files: BTreeMap<String, PathBuf>,
        options: &ForkOptions,
    ) -> Result<Forecast, Error> {
        let run = find_run(store, ending)?.id;
        let (pipeline, mut given) = forked(store, self.catalogue(), &run, options)?;
        let changed = Given { inputs, files };
        given.extend(changed.take_in(self.backstage.hands(), &pipeline.plan().inputs).await?);
        self.forecast(store, &pipeline, given, options.clone().of(&run))
    }

    fn forecast(
        &self,
        store: &Store,
        pipeline: &Pipeline,
        inputs: Map,
        options: StartOptions,
    ) -> Result<Forecast, Error> {
        let inputs =
            motet_pipeline::inputs::accept(&pipeline.plan().inputs, inputs).map_err(Error::Inputs)?;
        let continued = options.continues.expect("what continues from a run says from which");
        Forecast::of(store, self.catalogue(), pipeline, inputs, continued, self.backstage.hands().world.now())
    }

    /// Undoes the run whose id ends with `ending`, and follows the new one that does it: see [`Motet::undo`].
    ///
    /// # Errors
    /// As [`Motet::undo`].
    pub async fn undo(&self, ending: &str, options: UndoOptions) -> Result<Followed, Error> {
        let run = find_run(self.store(), ending)?.id;
        let Undoing { pipeline, inputs, options } = undoing(self.store(), self.catalogue(), &run, options)?;
        self.begin(pipeline, inputs, options).await
    }

    async fn begin(&self, pipeline: Pipeline, inputs: Map, options: StartOptions) -> Result<Followed, Error> {
        let hands = self.backstage.hands();
        // Here, because the owner only gets the texts.
        hands.judge_maker(&pipeline)?;
        let mut start = Start::new(pipeline.clone(), inputs, options, self.backstage.draw_id());
        start.adopts = hands.adopts;
        match self.ask(&Request::Start(Box::new(start))).await? {
            Answer::Started { run, found } => {
                if found {
                    warn_of_difference(hands, &pipeline, &run);
                }
                Ok(self.followed(run, found, true))
            }
            _ => Err(self.out_of_reach()),
        }
    }

    /// What a run of this request is going to cost, in writing. Its files are taken in; nothing is started.
    ///
    /// # Errors
    /// When the pipeline, the inputs or their files aren't good, or the store fails.
    pub async fn quote(&self, request: StartRequest) -> Result<Quote, Error> {
        let StartRequest { bundle, inputs, files, .. } = request;
        let pipeline = Pipeline::from_bundle(bundle, self.catalogue())?;
        let (plan, hands) = (pipeline.plan(), self.backstage.hands());
        let _importing = self.store().begin_import()?;
        let inputs = Given { inputs, files }.take_in(hands, &plan.inputs).await?;
        let inputs = motet_pipeline::inputs::accept(&plan.inputs, inputs).map_err(Error::Inputs)?;
        Ok(Quote::of(plan, &inputs, hands.world.now()))
    }

    /// The run whose id ends with `ending`, before something is asked for it. Where this session takes for the user's own
    /// what others may have written, whoever drives the store is told so.
    async fn claim(&self, ending: &str) -> Result<RunId, Error> {
        let run = find_run(self.store(), ending)?.id;
        self.adopt(&run).await?;
        Ok(run)
    }

    async fn adopt(&self, run: &RunId) -> Result<(), Error> {
        match self.backstage.hands().adopts {
            true => self.ask(&Request::Adopt { run: run.clone() }).await.map(drop),
            false => Ok(()),
        }
    }

    /// Has the process that drives the store do something; if there is none, this process becomes it.
    async fn ask(&self, request: &Request) -> Result<Answer, Error> {
        let mut patience = Patience::default();
        loop {
            match self.backstage.reach().await? {
                Reached::Owner(motet) => return motet.carry_out(request.clone()).await,
                Reached::Guest(guest) => match guest.ask(request).await {
                    Ok(answer) => return Ok(answer),
                    Err(Unreached::Error(error)) => return Err(error),
                    Err(Unreached::Gone | Unreached::NoDoor) => {
                        patience.pause(|| self.out_of_reach()).await?;
                    }
                },
            }
        }
    }

    /// Drives the unfinished run whose id ends with `ending`, or all unfinished runs, and follows
    /// them. Of all runs, one that can't be resumed is left as it is, and its follower is told
    /// why: [`crate::follow::Happening::Lost`].
    ///
    /// # Errors
    /// When there is no such run, it can't be resumed, or the store fails.
    pub async fn resume(&self, ending: Option<&str>) -> Result<Vec<Followed>, Error> {
        let runs = match ending {
            None => self.resume_all().await?,
            Some(ending) => {
                let run = self.claim(ending).await?;
                // What is parked for money asks again: there may be some today.
                self.ask(&Request::Fund { run: run.clone(), limit: None, by: String::new() }).await?;
                vec![(run, Ok(()))]
            }
        };
        let follow = |(run, outcome)| match outcome {
            Ok(()) => Ok(self.followed(run, true, true)),
            Err(error) if Error::is_of_one_run(&error) => Ok(Followed::lost(run, error)),
            Err(error) => Err(error),
        };
        runs.into_iter().map(follow).collect()
    }

    /// Drives the store from now on, as soon as nobody else does: waits until whoever drives it has left.
    ///
    /// # Errors
    /// When the store can't be used, or its owner differs in version or settings.
    pub async fn own(&self) -> Result<Motet, Error> {
        loop {
            match self.backstage.reach().await? {
                Reached::Owner(motet) => return Ok(motet),
                Reached::Guest(_) => tokio::time::sleep(OWNER_INTERVAL).await,
            }
        }
    }

    /// Has every unfinished run driven, and says for each what came of that. Nothing is followed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume_all(&self) -> Result<Vec<(RunId, Result<(), Error>)>, Error> {
        if let Reached::Owner(motet) = self.backstage.reach().await? {
            return motet.take_up_all().await;
        }
        let mut taken = Vec::new();
        for run in self.store().unfinished_ids()? {
            let outcome = self.take_up(&run).await;
            taken.push((run, outcome));
        }
        Ok(taken)
    }

    async fn take_up(&self, run: &RunId) -> Result<(), Error> {
        self.adopt(run).await?;
        self.ask(&Request::Resume { run: run.clone() }).await.map(drop)
    }

    /// Asks the run whose id ends with `ending` to end; returns when it is durable that it was asked.
    /// The run ends once what is in flight has stopped; follow it to see that. A run that is over
    /// stays as it is.
    ///
    /// # Errors
    /// As [`Session::resume`].
    pub async fn cancel(&self, ending: &str, by: &str, reason: &str) -> Result<RunId, Error> {
        let row = find_run(self.store(), ending)?;
        if !row.status.is_final() {
            let request = Request::Cancel { run: row.id.clone(), by: by.into(), reason: reason.into() };
            self.ask(&request).await?;
        }
        Ok(row.id)
    }

    /// Cancels one step or item of the run whose id ends with `ending`: see
    /// [`RunHandle::cancel_step`](crate::RunHandle::cancel_step). Returns when that is durable; the run continues, in this
    /// process if nobody else drives the store.
    ///
    /// # Errors
    /// [`Error::NotCancelled`] when it is over, or not there; else as [`Session::resume`].
    pub async fn cancel_step(
        &self,
        ending: &str,
        step: &StepPath,
        by: &str,
        reason: &str,
    ) -> Result<Followed, Error> {
        let run = self.claim(ending).await?;
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.ask(&Request::CancelStep { run: run.clone(), step: step.clone(), by, reason }).await?;
        Ok(self.followed(run, true, true))
    }

    /// Decides what becomes of a step of the run whose id ends with `ending`: one that is parked because
    /// the outcome of its attempt is unknown. Returns when that is durable; the run continues, in this process if nobody
    /// else drives the store.
    ///
    /// # Errors
    /// [`Error::NotParked`] when the step isn't parked for this; else as [`Session::resume`].
    pub async fn resolve(
        &self,
        ending: &str,
        step: &StepPath,
        decision: Decision,
        by: &str,
    ) -> Result<Followed, Error> {
        let run = self.claim(ending).await?;
        let request = Request::Resolve { run: run.clone(), step: step.clone(), decision, by: by.into() };
        self.ask(&request).await?;
        Ok(self.followed(run, true, true))
    }

    /// Sets, on behalf of `by`, what the run whose id ends with `ending` may spend, with what it has spent already; what is
    /// parked in it for money asks again. Returns when that is durable; the run continues, in this process if nobody else
    /// drives the store.
    ///
    /// # Errors
    /// As [`Session::resume`].
    pub async fn fund(&self, ending: &str, limit: Money, by: &str) -> Result<Followed, Error> {
        let run = self.claim(ending).await?;
        self.ask(&Request::Fund { run: run.clone(), limit: Some(limit), by: by.into() }).await?;
        Ok(self.followed(run, true, true))
    }

    /// Deletes runs that are over: see [`Motet::delete`].
    ///
    /// # Errors
    /// As [`Motet::delete`].
    pub async fn delete(&self, runs: &[RunId]) -> Result<Vec<RunId>, Error> {
        let mut deleted = Vec::new();
        for some in runs.chunks(RUNS_IN_A_REQUEST) {
            match self.ask(&Request::Delete { runs: some.to_vec() }).await? {
                Answer::Deleted { runs } => deleted.extend(runs),
                _ => return Err(self.out_of_reach()),
            }
        }
        Ok(deleted)
    }

    /// Makes the tables again that are made from the journal: see [`Motet::rebuild_tables`].
    ///
    /// # Errors
    /// As [`Motet::rebuild_tables`].
    pub async fn rebuild_tables(&self) -> Result<(), Error> {
        self.ask(&Request::RebuildTables).await.map(drop)
    }

    /// Removes what nobody needs any more: see [`Motet::sweep`]. Files that somebody may be about to refer to stay for an
    /// hour, which nobody can be where no run is unfinished and no session takes files in.
    ///
    /// # Errors
    /// As [`Motet::sweep`].
    pub async fn sweep(&self) -> Result<Swept, Error> {
        match self.ask(&Request::Sweep).await? {
            Answer::Swept(swept) => Ok(swept),
            _ => Err(self.out_of_reach()),
        }
    }

    /// Notes, on behalf of `by`, that the failed run whose id ends with `ending` was dealt with: see [`Motet::discard`].
    ///
    /// # Errors
    /// As [`Motet::discard`].
    pub async fn discard(&self, ending: &str, by: &str, why: &str) -> Result<RunId, Error> {
        let run = find_run(self.store(), ending)?.id;
        self.ask(&Request::Discard { run: run.clone(), by: by.into(), why: why.into() }).await?;
        Ok(run)
    }

    /// Takes back what [`Session::discard`] noted.
    ///
    /// # Errors
    /// As [`Motet::undo_discard`].
    pub async fn undo_discard(&self, ending: &str) -> Result<RunId, Error> {
        let run = find_run(self.store(), ending)?.id;
        self.ask(&Request::UndoDiscard { run: run.clone() }).await?;
        Ok(run)
    }

    /// Follows the run whose id ends with `ending` from its first turn on: to its end, or, if nobody
    /// drives it, to its last turn.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn follow(&self, ending: &str) -> Result<Followed, Error> {
        let run = find_run(self.store(), ending)?.id;
        Ok(self.followed(run, true, false))
    }

    /// The owner takes requests and never answers: it can't, because its store is broken.
    fn out_of_reach(&self) -> Error {
        let store = self.store().folder().to_owned();
        Error::Owned { store, pid: self.owner().unwrap_or_default() }
    }

    fn followed(&self, run: RunId, found: bool, drive: bool) -> Followed {
        Followed::begin(self.backstage.clone(), run, found, drive)
    }

    /// Stops all work of this process and releases the store: no new attempt begins, what runs on
    /// this machine is stopped, the journal is flushed. Those who follow a run get
    /// [`crate::follow::Happening::Interrupted`]; the runs can be resumed. A run that another process
    /// drives continues there: see [`Session::owner`].
    ///
    /// Returns how many jobs continue at providers; `resume` will pick them up.
    pub async fn interrupt(&self) -> usize {
        self.backstage.leave().await;
        0
    }

    /// Releases the store. If other processes follow runs here, one of them continues the runs.
    pub async fn close(self) {
        self.backstage.leave().await;
    }
}
