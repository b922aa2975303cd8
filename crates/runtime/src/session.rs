//! A session: what the command line stands on.
//!
//! A session is the owner of its store, or a guest of the process that is; its callers don't see the
//! difference.

use std::collections::BTreeMap;
use std::path::PathBuf;

use motet_engine::RunId;
use motet_pipeline::bundle::Bundle;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::Map;
use motet_store::Store;
use tokio::sync::mpsc;

use crate::Error;
use crate::follow::Happening;
use crate::motet::{Builder, Motet, RunHandle, StartOptions, find_run};
use crate::pipeline::Pipeline;
use crate::settings::{Settings, StorePlace};

/// A store with somebody who drives it. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    motet: Motet,
}

/// What a run is to be started with.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// The texts of the pipeline.
    pub bundle: Bundle,
    /// Inputs by name.
    pub inputs: Map,
    /// Inputs that are files, by name: imported if the pipeline asks for media, read as UTF-8 if it
    /// asks for text, as JSON else. Relative paths are seen from the working folder.
    pub files: BTreeMap<String, PathBuf>,
    /// All else.
    pub options: StartOptions,
}

/// A run that is followed from its first turn on.
///
/// Dropping it ends the following, never the run.
pub struct Followed {
    /// The run.
    pub run: RunId,
    /// Whether it was there already, instead of being started now.
    pub found: bool,
    happenings: mpsc::Receiver<Happening>,
}

/// How many happenings wait for a reader before the session waits for it.
const HAPPENINGS_MAX: usize = 256;

impl Session {
    /// Opens the store at `place`, as its owner, or as a guest of its owner.
    ///
    /// # Errors
    /// When the store can't be used, or its owner differs in version or settings.
    pub async fn open(place: StorePlace, settings: &Settings) -> Result<Session, Error> {
        Session::open_with(place, settings, |builder| builder).await
    }

    /// The same, with operations of your own: `prepare` adds them.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn open_with(
        place: StorePlace,
        settings: &Settings,
        prepare: impl Fn(Builder) -> Builder + Send + Sync + 'static,
    ) -> Result<Session, Error> {
        let builder = Motet::builder().tools(settings.tools.clone()).processors(settings.processors);
        let builder = match place {
            StorePlace::Folder(folder) => prepare(builder).store(folder),
            StorePlace::Memory => prepare(builder),
        };
        Ok(Session { motet: builder.open().await? })
    }

    /// The operations that pipelines may use here.
    pub fn catalogue(&self) -> &Catalogue {
        self.motet.catalogue()
    }

    /// What happened so far, for reading.
    pub fn store(&self) -> &Store {
        self.motet.store()
    }

    /// The process that drives the store, if it is another one.
    pub fn owner(&self) -> Option<u32> {
        None
    }

    /// Starts a run and follows it, or goes on with an unfinished one of the same plan and inputs.
    /// When this returns, it is durable that the run was asked for.
    ///
    /// # Errors
    /// When the pipeline, the inputs or their files aren't good, tools are missing, the name belongs
    /// to another run, or the store fails.
    pub async fn start(&self, request: StartRequest) -> Result<Followed, Error> {
        let pipeline = Pipeline::from_bundle(request.bundle, self.catalogue())?;
        let started = self.motet.start_with(&pipeline, request.inputs, request.options).await?;
        self.follow_run(started.run, started.found).await
    }

    /// Drives the unfinished run whose id ends with `ending`, or all unfinished runs.
    ///
    /// # Errors
    /// When there is no such run, it can't be taken up, or the store fails.
    pub async fn resume(&self, ending: Option<&str>) -> Result<Vec<Followed>, Error> {
        let runs = match ending {
            None => self.motet.resume().await?,
            Some(ending) => vec![self.motet.take_up(&find_run(self.store(), ending)?).await?],
        };
        let mut followed = Vec::with_capacity(runs.len());
        for run in runs {
            followed.push(self.follow_run(run, true).await?);
        }
        Ok(followed)
    }

    /// Asks the run whose id ends with `ending` to end. It ends once what is in flight has stopped;
    /// follow it to see that. A run that is over stays as it is.
    ///
    /// # Errors
    /// As [`Session::resume`].
    pub async fn cancel(&self, ending: &str, by: &str, reason: &str) -> Result<RunId, Error> {
        let run = self.motet.take_up(&find_run(self.store(), ending)?).await?;
        run.cancel(by, reason);
        Ok(run.id().clone())
    }

    /// Follows the run whose id ends with `ending` from its first turn on: to its end, or, if nobody
    /// drives it, to its last turn.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn follow(&self, ending: &str) -> Result<Followed, Error> {
        self.follow_run(self.motet.find(ending)?, true).await
    }

    async fn follow_run(&self, run: RunHandle, found: bool) -> Result<Followed, Error> {
        let mut events = run.events().await?;
        let (tell, happenings) = mpsc::channel(HAPPENINGS_MAX);
        tokio::spawn(async move {
            while let Some(happening) = events.next().await {
                if tell.send(happening).await.is_err() {
                    return;
                }
            }
        });
        Ok(Followed { run: run.id().clone(), found, happenings })
    }

    /// Stops all work of this process and lets go of the store: no new attempt begins, what runs on
    /// this machine is stopped, the journal is flushed. Those who follow a run are told
    /// [`Happening::Interrupted`]; the runs can be resumed.
    ///
    /// Returns how many jobs go on at providers; `resume` will pick them up.
    pub async fn interrupt(&self) -> usize {
        self.motet.clone().close().await;
        0
    }

    /// Lets go of the store. If other processes follow runs here, one of them goes on with them.
    pub async fn close(self) {
        self.motet.close().await;
    }
}

impl Followed {
    /// What happens next: every turn from the first one on, exactly once and in order, with progress
    /// in between; nothing after the end of the run. May be dropped while it waits.
    pub async fn next(&mut self) -> Option<Happening> {
        self.happenings.recv().await
    }
}
