//! The store as its callers see it.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use motet_engine::{RunId, Turn};
use motet_pipeline::{Digest, StepPath, Timestamp, Value};
use rusqlite::Connection;

use crate::artifacts::{ArtifactFolder, Kept};
use crate::beside::{Beside, is_long};
use crate::charges::{Charge, OpenCalls};
use crate::checkpoint::OnDisk;
use crate::folder::{ARTIFACTS, CHILDREN, SCRATCH, StoreFolder};
use crate::mark;
use crate::patience::{ForeignLock, Patience, Waiting};
use crate::plans::KeptPlan;
use crate::prepare::PreparedBatch;
use crate::queue::Queue;
use crate::reader::{PlanNames, Reader};
use crate::savings::Saving;
use crate::schema::Whose;
use crate::unfinished::Unfinished;
use crate::world::World;
use crate::writer::{SharedWriter, Writer, Written};
use crate::{
    ArtifactRow, Backup, Batch, FoundRun, GateStream, IntegrityReport, Record, RunFilter, RunRow, StoreError,
    SweptFiles, UsualDuration, backup, gate, integrity, private, schema, scratch,
};

/// The journal, the tables made from it, and the artifacts. Cheap to clone; may be used from any
/// thread.
///
/// Everything that writes says when it is durable: [`Store::append`] by calling back, all else by
/// returning. Reading never waits for writing (but in memory, where there is one connection).
///
/// ```
/// # use std::collections::BTreeMap;
/// # use std::sync::Arc;
/// # use motet_engine::{Event, RunEvent, RunId, Turn, event::{RunStarted, SCHEMA}};
/// # use motet_pipeline::{Digest, Timestamp, Value};
/// use motet_store::{Record, Store};
///
/// let store = Store::in_memory()?;
/// let run = RunId::new("first");
/// let started = Event::Run(RunEvent::Started(Box::new(RunStarted {
///     schema: SCHEMA,
///     run: run.clone(),
///     pipeline: "film".to_owned(),
///     plan: Digest::of(b"the texts"),
///     inputs: Value::map([("prompt", Value::from("a boat"))]),
///     seed: 1,
///     user: None,
///     budget: None,
///     quoted: Default::default(),
///     resends: Default::default(),
///     labels: BTreeMap::new(),
///     no_cache: false,
///     base: None,
/// })));
/// let turn = Arc::new(Turn { number: 1, at: Timestamp(0), events: vec![started] });
/// store.append_now(&[Record { run: run.clone(), turn: turn.clone() }])?;
/// assert_eq!(store.turns(&run)?, [(*turn).clone()]);
///
/// let again = store.append_now(&[Record { run, turn }]);
/// assert!(again.is_err(), "turn 2 is next");
/// # Ok::<(), motet_store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    file: PathBuf,
    beside: Beside,
    /// Dropped before the writer, so that all that was handed in is committed.
    queue: OnceLock<Queue>,
    waiting: Arc<Waiting>,
    writer: Option<SharedWriter>,
    reader: Reader,
    /// Kept up to date by the writer.
    unfinished: Arc<Unfinished>,
    /// The plans that are known to be kept, so that most runs don't wait for the writer.
    plans: Mutex<BTreeSet<Digest>>,
    /// The world that the store belongs to, once that is known: it never changes.
    world: OnceLock<World>,
}

impl Store {
    /// Opens the store in `folder`, which is made if it isn't there, and brings its format up to
    /// date. It is closed to other users, and files that a crash left half-written are swept.
    ///
    /// # Errors
    /// As [`StoreFolder::enter`]; [`StoreError::MadeByOthers`], [`StoreError::Newer`],
    /// [`StoreError::Corrupt`], or what the file system refuses.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        Store::open_for(folder, Whose::Own, Patience::default())
    }

    /// The same also for a store that another user or another machine made. From now on it is this
    /// user's, on this machine.
    ///
    /// # Errors
    /// As [`Store::open`], but for [`StoreError::MadeByOthers`].
    pub fn adopt(folder: &Path) -> Result<Store, StoreError> {
        Store::open_for(folder, Whose::Anybodys, Patience::default())
    }

    /// As [`Store::open`], with another patience for programs that hold a lock on the database.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(folder: &Path, patience: Patience) -> Result<Store, StoreError> {
        Store::open_for(folder, Whose::Own, patience)
    }

    fn open_for(folder: &Path, whose: Whose, patience: Patience) -> Result<Store, StoreError> {
        let folder = StoreFolder::enter(folder)?;
        let file = folder.database();
        // Before the database: what the mark says was durable then.
        let found = mark::read(folder.path())?;
        let judge = |connection: &Connection| found.judge(connection, folder.path());
        let mut connection = schema::open_writer(&file, whose, patience.opening, judge)?;
        let artifacts = ArtifactFolder::open(folder.make_folder(ARTIFACTS)?)?;
        folder.make_folder(SCRATCH)?;
        folder.make_folder(CHILDREN)?;
        folder.narrow(|| artifacts.narrow())?;
        let disk = OnDisk::open(&mut connection, folder.path(), found)?;
        let (beside, waiting) = (Beside::new(artifacts), Waiting::new(patience));
        let writer =
            SharedWriter::new(Writer::new(connection, &file, beside.clone(), Some(disk), waiting.clone()));
        let reader = Reader::of_file(&file, beside.clone());
        Ok(Store::new(folder.path().to_owned(), file, beside, waiting, Some(writer), reader))
    }

    /// Opens a store that ends with its last handle. Its artifacts lie in a temporary folder, which
    /// goes with it.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn in_memory() -> Result<Store, StoreError> {
        let connection = schema::open_in_memory()?;
        let (artifacts, folder) = ArtifactFolder::in_memory()?;
        let file = PathBuf::from(":memory:");
        let (beside, waiting) = (Beside::new(artifacts), Waiting::new(Patience::default()));
        let writer = SharedWriter::new(Writer::new(connection, &file, beside.clone(), None, waiting.clone()));
        let reader = Reader::of_memory(&file, beside.clone(), writer.clone());
        Ok(Store::new(folder, file, beside, waiting, Some(writer), reader))
    }

    /// Opens the store in `folder` to look at it, also while another process drives it. Whatever
    /// would write gives [`StoreError::ReadOnly`].
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Newer`], [`StoreError::Foreign`],
    /// [`StoreError::Occupied`], [`StoreError::Corrupt`], [`StoreError::Gone`], [`StoreError::Lost`], or what
    /// the file system refuses.
    pub fn open_read_only(folder: &Path) -> Result<Store, StoreError> {
        let file = StoreFolder::find(folder)?.database();
        let found = mark::read(folder)?;
        let beside = Beside::new(ArtifactFolder::open_read_only(&folder.join(ARTIFACTS)));
        let reader = Reader::of_file(&file, beside.clone());
        let format = reader.with(|connection| schema::recognise(connection, &file))?;
        reader.with(|connection| found.judge(connection, folder))?;
        if format == 0 {
            // Somebody is just about to make it.
            return Err(StoreError::Missing { folder: folder.to_owned() });
        }
        Ok(Store::new(folder.to_owned(), file, beside, Arc::default(), None, reader))
    }

    /// Why the mark of the store in `folder` is no witness though it is there, in words: turns that were lost at the end
    /// of its journal can't be noticed. Whoever opens the store to drive it writes the mark anew, so this is asked, and
    /// told, before.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn doubt_of_mark(folder: &Path) -> Result<Option<&'static str>, StoreError> {
        Ok(mark::read(folder)?.doubt())
    }

    fn new(
        folder: PathBuf,
        file: PathBuf,
        beside: Beside,
        waiting: Arc<Waiting>,
        writer: Option<SharedWriter>,
        reader: Reader,
    ) -> Store {
        let unfinished = writer.as_ref().map(|writer| writer.lock().unfinished()).unwrap_or_default();
        let (queue, plans, world) = (OnceLock::new(), Mutex::default(), OnceLock::new());
        Store(Arc::new(Inner {
            folder,
            file,
            beside,
            queue,
            waiting,
            writer,
            reader,
            unfinished,
            plans,
            world,
        }))
    }

    /// The store's folder; for one in memory, the temporary one that holds its artifacts.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Where files are being made, in the same file system as the artifacts. Its content is of no worth
    /// when nobody drives the store.
    pub fn scratch(&self) -> PathBuf {
        self.0.folder.join(SCRATCH)
    }

    /// Makes a folder in [`Store::scratch`], and says where it is. `draw` names it: a number that nobody
    /// drew before.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn make_scratch(&self, draw: u128) -> Result<PathBuf, StoreError> {
        scratch::make(&self.scratch(), draw)
    }

    /// The name for a file in [`Store::scratch`] that needs no folder of its own. `draw` is as that of
    /// [`Store::make_scratch`].
    pub fn scratch_file_name(draw: u128) -> String {
        scratch::file_name(draw)
    }

    /// Removes the folders that [`Store::make_scratch`] made, and the files, that are still there: for whoever
    /// begins to drive the store, when nobody else does.
    pub fn sweep_scratch(&self) {
        scratch::sweep(&self.scratch());
    }

    /// Says that somebody keeps files which nothing refers to yet, until the answer is dropped: whoever sweeps them
    /// ([`Store::sweep_files`]) leaves new ones alone meanwhile. Holds also between processes.
    ///
    /// # Errors
    /// What the file system refuses.
    pub fn begin_import(&self) -> Result<File, StoreError> {
        private::lock_folder(&self.scratch(), File::lock_shared)
    }

    /// Whether nobody imports anything, and nobody begins to until the answer is dropped.
    pub fn stop_imports(&self) -> Option<File> {
        private::lock_folder(&self.scratch(), |folder| folder.try_lock().map_err(std::io::Error::from)).ok()
    }

    /// A folder for notes about programs that are at work for this store.
    pub fn children(&self) -> PathBuf {
        self.0.folder.join(CHILDREN)
    }

    /// Lends a connection for reading, and what a body that lies beside is found by.
    pub(crate) fn read_all<T>(
        &self,
        read: impl FnOnce(&Connection, &Path, &Beside) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Inner { file, beside, reader, .. } = &*self.0;
        reader.with(|connection| read(connection, file, beside))
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.0.reader
    }

    pub(crate) fn writer(&self) -> Result<&SharedWriter, StoreError> {
        self.0.writer.as_ref().ok_or_else(|| StoreError::ReadOnly { file: self.0.file.clone() })
    }
}

/// Writing.
impl Store {
    /// Hands in one turn; see [`Store::append_all`].
    pub fn append(&self, record: Record, done: impl FnOnce(Result<(), StoreError>) + Send + 'static) {
        self.append_all(vec![record], done);
    }

    /// Hands in some turns and entries of the gate's stream, and returns at once. When they are durable, all of them or none, the
    /// writer's thread calls `done`, which must be quick. Requests of the same run are committed in the
    /// order in which they were handed in, as many at a time as have gathered. A turn that takes long
    /// ([`Store::takes_long`]) holds up all that is in its request.
    ///
    /// `done` gets [`StoreError::OutOfOrder`] or [`StoreError::NotStarted`] if a turn isn't the next
    /// one of its run; this concerns no other request. With any other error the writer has stopped,
    /// and everything after gets the same.
    pub fn append_all(
        &self,
        batch: impl Into<Batch>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        match self.writer() {
            Ok(writer) => self.queue(writer).hand_in(batch.into(), done),
            Err(error) => done(Err(error)),
        }
    }

    fn queue(&self, writer: &SharedWriter) -> &Queue {
        self.0.queue.get_or_init(|| Queue::start(writer.clone(), self.0.beside.clone(), &self.0.file))
    }

    /// Whether a record takes long to be kept: values of it are long and are written beside first, or an
    /// earlier turn of its run is not done with that. Whoever hands in such a record by itself lets it
    /// hold up no other.
    pub fn takes_long(&self, record: &Record) -> bool {
        match self.0.queue.get() {
            Some(queue) => queue.takes_long(record),
            None => is_long(&record.turn.events),
        }
    }

    /// Appends some turns and entries of the gate's stream, all of them or none, and returns when they are
    /// durable. No other thread is involved. Don't mix with [`Store::append`] for the same run.
    ///
    /// # Errors
    /// The same as [`Store::append_all`].
    pub fn append_now(&self, batch: impl Into<Batch>) -> Result<(), StoreError> {
        let writer = self.writer()?;
        let prepared = PreparedBatch::of(batch.into(), &self.0.beside);
        let prepared = prepared.map_err(|error| writer.lock().stop(error))?;
        let mut writer = writer.lock();
        let outcome = writer.commit(&[prepared]).swap_remove(0);
        writer.move_log();
        outcome
    }

    /// The same, if that takes no longer than a commit: not where a turn takes long, somebody else is at
    /// it, or another program holds a lock on the database. Then it gives nothing and does nothing.
    pub fn try_append_now(&self, batch: &Batch) -> Option<Result<(), StoreError>> {
        let shared = self.writer().ok()?;
        if batch.turns.iter().any(|record| self.takes_long(record)) {
            return None;
        }
        let prepared = PreparedBatch::of(batch.clone(), &self.0.beside).ok()?;
        let mut writer = shared.try_lock()?;
        let outcome = writer.commit_at_once(&prepared)?;
        if writer.is_log_due() {
            self.queue(shared).move_log();
        }
        Some(outcome)
    }

    /// Has `told` called when the writer has waited for a while because another program holds a lock on the
    /// database, and when that is gone. Nothing is lost meanwhile. Only the first counts.
    pub fn on_lock(&self, told: impl Fn(ForeignLock) + Send + Sync + 'static) {
        self.0.waiting.tell(Box::new(told));
    }

    /// From now on a lock of another program is waited for no longer than [`Patience::ending`]: whoever
    /// drove the store wants to leave.
    pub fn end_soon(&self) {
        self.0.waiting.end_soon();
    }

    /// Copies the store to `folder`, which must be empty or not there, or hold a copy that was interrupted;
    /// also while a process drives it: all that was durable when this was called, with every artifact. The
    /// copy is a store like any other; until it is whole it is none.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], [`StoreError::NotAFolder`], [`StoreError::InsideItself`],
    /// [`StoreError::Busy`] while another copy goes there, [`StoreError::NoArtifact`] and [`StoreError::Corrupt`] where something
    /// isn't there or isn't what it was, or what the file system refuses.
    pub fn backup(&self, folder: &Path) -> Result<Backup, StoreError> {
        self.backup_while(folder, &|| true)
    }

    /// The same for as long as `is_wanted` says so: it is asked often. Else nothing is left of the copy.
    ///
    /// # Errors
    /// As [`Store::backup`]; [`StoreError::Unwanted`].
    pub fn backup_while(&self, folder: &Path, is_wanted: &dyn Fn() -> bool) -> Result<Backup, StoreError> {
        let Inner { beside, reader, .. } = &*self.0;
        backup::refuse_inside(folder, self.folder())?;
        let artifacts = &beside.folder;
        reader.with(|connection| backup::Source { connection, artifacts, is_wanted }.copy_to(folder))
    }

    /// Keeps a plan, and returns when it is durable: before the first run of the plan is appended. Of one
    /// whose texts alone are kept, the plan itself is added, and what is damaged is replaced; else what is kept stays.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn put_plan(&self, digest: &Digest, plan: &KeptPlan) -> Result<(), StoreError> {
        let known = || self.0.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if !known().contains(digest) {
            self.writer()?.lock().put_plan(digest, plan)?;
            known().insert(*digest);
        }
        Ok(())
    }

    /// Whether [`Store::put_plan`] would return at once, because it kept this plan since the store was
    /// opened.
    pub fn knows_plan(&self, digest: &Digest) -> bool {
        self.0.plans.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    /// Notes that somebody drives the runs of this store at `now`. Waits for the commit that is being
    /// made.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn heartbeat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.writer()?.lock().heartbeat(now)
    }

    pub(crate) fn forget_plans(&self) {
        self.0.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All files that are named by their content.
    pub(crate) fn files(&self) -> Result<Vec<Kept>, StoreError> {
        self.0.beside.folder.list()
    }

    pub(crate) fn remove_files(&self, files: &[Kept], grace: Duration) -> Result<SweptFiles, StoreError> {
        self.0.beside.folder.remove_unused(files, grace)
    }

    /// Moves what is in the write-ahead log into the database, as far as those who read in it allow: for
    /// whoever drove the store and leaves. The last handle does the same when it is dropped.
    pub fn fold_log(&self) {
        if let Ok(writer) = self.writer() {
            writer.lock().fold_log();
        }
    }

    /// How much was written since the store was opened; nothing for one opened to look at.
    pub fn written(&self) -> Written {
        self.writer().map(|writer| writer.lock().written()).unwrap_or_default()
    }

    /// Empties the tables that are made from the journal and makes them again.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a turn can't be read or isn't what was written; the tables are then as
    /// before.
    pub fn rebuild_projections(&self) -> Result<(), StoreError> {
        self.writer()?.lock().rebuild_projections()
    }
}

/// Reading.
impl Store {
    /// All turns of a run, in order.
    ///
    /// # Errors
    /// [`StoreError::NoRun`]; [`StoreError::NewerRun`]; [`StoreError::Corrupt`] if a turn is missing,
    /// can't be read or isn't what was written.
    pub fn turns(&self, run: &RunId) -> Result<Vec<Turn>, StoreError> {
        self.turns_from(run, 1)
    }

    /// The turns of a run from the number `from` on, in order: none if there is no such turn yet.
    ///
    /// # Errors
    /// The same as [`Store::turns`].
    pub fn turns_from(&self, run: &RunId, from: u64) -> Result<Vec<Turn>, StoreError> {
        self.turns_page(run, from, usize::MAX)
    }

    /// What [`Store::put_plan`] kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if that isn't what was written; what the disk refuses, as for all that read.
    pub fn plan(&self, digest: &Digest) -> Result<Option<KeptPlan>, StoreError> {
        self.0.reader.plan(digest)
    }

    /// A run by its whole id.
    pub fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        self.0.reader.run(run)
    }

    /// A run by its id or by any ending of it; upper and lower case are the same in an ending.
    pub fn find_run(&self, ending: &str) -> Result<FoundRun, StoreError> {
        self.0.reader.find_run(ending)
    }

    /// The runs that fit, newest first.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.0.reader.runs(filter)
    }

    /// The runs that are not over, oldest first.
    pub fn unfinished(&self) -> Result<Vec<RunRow>, StoreError> {
        self.0.reader.unfinished()
    }

    /// The newest run of this plan, or of one of this version ([`KeptPlan::version`]), and these inputs (see
    /// [`crate::inputs_digest`]) that is not over.
    pub fn unfinished_like(
        &self,
        plan: &Digest,
        version: &Digest,
        inputs: &Digest,
    ) -> Result<Option<RunId>, StoreError> {
        let plan = PlanNames { plan, version };
        let Inner { reader, unfinished, writer, .. } = &*self.0;
        match writer {
            Some(_) => reader.unfinished_like(unfinished, plan, inputs),
            // Somebody else writes, and tells nothing here.
            None => reader.unfinished_like(&Unfinished::default(), plan, inputs),
        }
    }

    /// The artifacts that a run refers to, by step and output.
    pub fn artifacts(&self, run: &RunId) -> Result<Vec<ArtifactRow>, StoreError> {
        self.0.reader.artifacts(run)
    }

    /// What a completed run gave.
    pub fn outputs(&self, run: &RunId) -> Result<Option<Value>, StoreError> {
        self.0.reader.outputs(run)
    }

    /// What a completed step or item gave.
    pub fn output(&self, run: &RunId, step: &StepPath) -> Result<Option<Value>, StoreError> {
        self.0.reader.output(run, step)
    }

    /// What the gate must know.
    pub fn gate(&self) -> Result<GateStream, StoreError> {
        self.0.reader.with(|connection| gate::read(connection, &self.0.file))
    }

    /// Which world the store belongs to; nothing before the first call to a provider.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn world(&self) -> Result<Option<World>, StoreError> {
        if let Some(known) = self.known_world() {
            return Ok(Some(known));
        }
        let world = self.0.reader.world()?;
        Ok(world.map(|world| *self.0.world.get_or_init(|| world)))
    }

    /// What [`Store::world`] has said before, without reading anything.
    pub fn known_world(&self) -> Option<World> {
        self.0.world.get().copied()
    }

    /// Fixes which world the store belongs to, unless it is fixed; says which one it is.
    ///
    /// # Errors
    /// What the disk refuses; the writer has then stopped.
    pub fn fix_world(&self, world: World) -> Result<World, StoreError> {
        if let Some(known) = self.world()? {
            return Ok(known);
        }
        self.writer()?.lock().fix_world(world)?;
        Ok(self.world()?.unwrap_or(world))
    }

    /// When somebody last drove the runs of this store, as far as is known.
    pub fn last_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.0.reader.last_heartbeat()
    }

    /// Reads and hashes everything again and says what is wrong. Takes as long as that takes.
    ///
    /// # Errors
    /// What the disk refuses; damage is not an error but in the report.
    pub fn check(&self) -> Result<IntegrityReport, StoreError> {
        let Inner { folder, file, beside, reader, .. } = &*self.0;
        reader.with(|connection| integrity::check(connection, file, folder, beside))
    }

    /// Calls `visit` for each charge since `since`, of one run or of all, oldest run first, until it answers false.
    pub fn charges(
        &self,
        run: Option<&RunId>,
        since: Timestamp,
        visit: impl FnMut(Charge) -> bool,
    ) -> Result<(), StoreError> {
        self.0.reader.charges(run, since, visit)
    }

    /// Calls `visit` for each result that was taken over and had cost something, in one run or in all, oldest run
    /// first, until it answers false.
    pub fn savings(&self, run: Option<&RunId>, visit: impl FnMut(Saving) -> bool) -> Result<(), StoreError> {
        self.0.reader.savings(run, visit)
    }

    /// How many calls have not ended.
    pub fn open_calls(&self) -> Result<OpenCalls, StoreError> {
        self.0.reader.open_calls()
    }

    /// The attempt that is known to have the job `job` at `provider`.
    pub fn attempt_of_job(
        &self,
        provider: &str,
        job: &str,
    ) -> Result<Option<(RunId, StepPath, u32)>, StoreError> {
        self.0.reader.attempt_of_job(provider, job)
    }

    /// How long the operation usually takes, from its recent good attempts here.
    pub fn usual_duration(&self, operation: &str) -> Result<Option<UsualDuration>, StoreError> {
        self.0.reader.usual_duration(operation)
    }
}

/// Artifacts. They are durable when a call returns, but nothing refers to them before a turn that
/// carries them is appended.
impl Store {
    /// Keeps some bytes.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Io`]; so for all that keep.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Kept, StoreError> {
        self.writer()?;
        self.0.beside.folder.put(bytes)
    }

    /// Keeps a copy of a file.
    pub fn import_file(&self, path: &Path) -> Result<Kept, StoreError> {
        self.writer()?;
        self.0.beside.folder.copy_in(path)
    }

    /// Keeps a file by taking it away from where it is: for files made in [`Store::scratch`], whose
    /// bytes needn't be written twice. Nobody may have it open for writing.
    pub fn adopt_file(&self, path: &Path) -> Result<Kept, StoreError> {
        self.writer()?;
        self.0.beside.folder.adopt(path)
    }

    /// Where the bytes of an artifact lie, whether they are there or not. For reading only.
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        self.0.beside.folder.path_of(digest)
    }

    /// Opens the bytes of an artifact for reading.
    ///
    /// # Errors
    /// [`StoreError::NoArtifact`] if they aren't there.
    pub fn open_artifact(&self, digest: &Digest) -> Result<File, StoreError> {
        self.0.beside.folder.open_bytes(digest)
    }

    /// How long the file of an artifact is, if it is there: enough to see that bytes are gone without
    /// reading them, as [`Store::check`] does.
    pub fn length_of(&self, digest: &Digest) -> Option<u64> {
        self.0.beside.folder.find(digest).map(|found| found.len())
    }

    /// The same, where it must be known why it can't be told: nothing if the file isn't there, and an error if that can't
    /// be looked at or read.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub fn readable_length_of(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        self.0.beside.folder.find_readable(digest)
    }

    /// Why [`Store::length_of`] knows no length: the file is missing, or something else lies in its place.
    pub fn why_not_there(&self, digest: &Digest) -> StoreError {
        self.0.beside.folder.why_not_there(digest)
    }

    /// Whether the bytes of an artifact are there.
    pub fn has(&self, digest: &Digest) -> bool {
        self.0.beside.folder.find(digest).is_some()
    }
}
