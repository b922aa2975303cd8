//! What a task is handed besides its input.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motet_engine::RunId;
use motet_pipeline::{Artifact, Class, Failure, Money, Outcome, StepPath, Timestamp, Value};

use super::{Media, TaskError};
use crate::operation::{Scratch, WorkError};
use crate::reading::open_file;
use crate::work::Work;

/// One attempt, as the closure that makes it sees it. Cheap to clone.
#[derive(Clone)]
pub struct TaskContext {
    work: Arc<Work>,
    /// What is reported beside the output.
    told: Arc<Mutex<Outcome>>,
}

/// The name under which what is kept lies in its scratch folder.
const KEPT: &str = "kept";

impl TaskContext {
    pub(crate) fn new(work: Work) -> TaskContext {
        TaskContext { work: Arc::new(work), told: Arc::default() }
    }

    pub(crate) fn inputs(&self) -> &Value {
        self.work.inputs()
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        self.work.run()
    }

    /// On whose behalf the run is.
    pub fn user(&self) -> Option<&str> {
        self.work.user()
    }

    /// The step or item, such as `shots[k3]/still`.
    pub fn step(&self) -> &StepPath {
        self.work.step()
    }

    /// Which attempt of the step this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.work.attempt()
    }

    /// What to hand to a service that refuses doubles: the same whenever this attempt is made again
    /// after a crash, different for every other attempt.
    pub fn idempotency_key(&self) -> String {
        self.work.idempotency_key()
    }

    /// When the attempt will be given up.
    pub fn deadline(&self) -> Timestamp {
        self.work.deadline()
    }

    /// Tells those who follow the run how far the attempt is, from 0 to 1, and what it is doing. An
    /// empty message says nothing. Cheap; never waits.
    pub fn progress(&self, fraction: f64, message: &str) {
        self.work.progress().tell(Some(fraction), Some(message).filter(|message| !message.is_empty()));
    }

    /// Reports what the attempt cost, in dollars; several amounts add up. It is recorded however the attempt
    /// ends, and shown with its step and run.
    ///
    /// ```
    /// # use motet::TaskContext;
    /// # fn of_a_closure(context: &TaskContext) -> Result<(), Box<dyn std::error::Error>> {
    /// context.cost("0.0042".parse()?);
    /// context.used("tokens_out", 120.0);
    /// context.warn("the answer was cut");
    /// # Ok(()) }
    /// ```
    pub fn cost(&self, amount: Money) {
        self.told().cost.amount += amount;
    }

    /// Reports how much the attempt used of something, such as `tokens_out` or `seconds`; amounts add up. It is
    /// recorded if the attempt succeeds.
    pub fn used(&self, unit: &str, amount: f64) {
        self.told().usage.add(unit, amount);
    }

    /// Reports what somebody should know though the attempt succeeds: an event, and a line on the screen.
    pub fn warn(&self, message: impl Into<String>) {
        self.told().warnings.push(message.into());
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Outcome> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the attempt is no longer wanted: its run was cancelled, or its time is over. It should
    /// end soon; two seconds later it is dropped where it waits.
    pub fn is_cancelled(&self) -> bool {
        self.work.stop().is_cancelled()
    }

    /// Completes when the attempt is no longer wanted; see [`TaskContext::is_cancelled`].
    pub async fn cancelled(&self) {
        self.work.stop().cancelled().await;
    }

    /// The bytes of a kept piece of media.
    ///
    /// # Errors
    /// When they are gone from the store.
    pub async fn read(&self, media: &Artifact) -> Result<Vec<u8>, TaskError> {
        let path = self.path(media)?;
        let read = self.work.hands.compute(move || {
            std::fs::read(&path).map_err(|error| WorkError::from(unreadable(&path, &error)))
        });
        read.await.map_err(TaskError::of_work)
    }

    /// The file of a kept piece of media, for programs that want one. It is for reading only.
    ///
    /// # Errors
    /// When it is gone from the store.
    pub fn path(&self, media: &Artifact) -> Result<PathBuf, TaskError> {
        let path = self.work.hands.store.path_of(&media.digest);
        if path.is_file() {
            return Ok(path);
        }
        let message = format!("the bytes of {} are gone from the store ({})", media.digest, path.display());
        Err(TaskError::new(Class::Invalid, message))
    }

    /// Keeps `bytes` and detects their type from their content. Video and audio are measured by
    /// their headers; what those don't tell, ffprobe does.
    ///
    /// # Errors
    /// When the store can't keep them, ffprobe is needed and missing, or they are damaged media.
    pub async fn keep(&self, bytes: impl Into<Vec<u8>>) -> Result<Media, TaskError> {
        let scratch = Scratch::new(&self.work).map_err(TaskError::of_work)?;
        scratch.write(KEPT, &bytes.into()).map_err(TaskError::of_work)?;
        self.keep_from(&scratch).await
    }

    /// Keeps a copy of the file at `path`; see [`TaskContext::keep`].
    ///
    /// # Errors
    /// As [`TaskContext::keep`], and when the file can't be read.
    pub async fn keep_file(&self, path: impl AsRef<Path>) -> Result<Media, TaskError> {
        let path = path.as_ref();
        let scratch = Scratch::new(&self.work).map_err(TaskError::of_work)?;
        let (source, copy) = (path.to_owned(), scratch.path(KEPT));
        let copied = self.work.hands.compute(move || {
            let copied = open_file(&source)
                .and_then(|mut file| Ok(std::io::copy(&mut file, &mut std::fs::File::create(&copy)?)?));
            copied.map(drop).map_err(|error| WorkError::from(unreadable(&source, &error)))
        });
        copied.await.map_err(TaskError::of_work)?;
        self.keep_from(&scratch).await
    }

    async fn keep_from(&self, scratch: &Scratch) -> Result<Media, TaskError> {
        let artifact = scratch.keep(&self.work, KEPT).await.map_err(TaskError::of_work)?;
        Ok(Media::from(artifact))
    }
}

fn unreadable(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::new(Class::Invalid, format!("failed to read {}: {error}", path.display()))
}
