//! Scratch: where the programs of one attempt work, a folder or a single file, removed with it.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motet_media::Orientation;
use motet_pipeline::{Artifact, Class, Failure};
use motet_store::Store;
use rustix::fs::OFlags;

use super::{Hands, WorkError, disk_full};
use crate::measure::{Unmeasured, fault, head_of, measure};
use crate::process::{Feed, Finished, OnLine, Process, ProcessError};
use crate::work::Work;

/// A folder of its own for one attempt; or one file, in the folder of all scratch.
pub(crate) struct Scratch {
    hands: Arc<Hands>,
    folder: PathBuf,
    /// The name of the one file; nothing if the folder is its own.
    file: Option<String>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed now is removed when the store is opened next.
        let _ = match &self.file {
            None => fs::remove_dir_all(&self.folder),
            // What was kept is no longer there.
            Some(name) => fs::remove_file(self.path(name)),
        };
    }
}

/// The most that a program may write to its output; ffprobe's report of a file is a few kilobytes.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

/// The largest file that a program may write: six hours of film have a few gigabytes.
const FILE_BYTES_MAX: u64 = 16 << 30;

impl Scratch {
    pub(crate) fn new(work: &Work) -> Result<Scratch, WorkError> {
        let hands = work.hands.clone();
        let folder = hands.store.make_scratch(hands.world.draw())?;
        Ok(Scratch { hands, folder, file: None })
    }

    /// Room for one file, which isn't there yet, and its name: on most disks a folder takes longer to make and to remove than
    /// a file.
    pub(crate) fn for_file(work: &Work) -> (Scratch, String) {
        let hands = work.hands.clone();
        let (folder, name) = (hands.store.scratch(), Store::scratch_file_name(hands.world.draw()));
        (Scratch { hands, folder, file: Some(name.clone()) }, name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Lets a kept artifact be read under `name`; gives its own place.
    pub(crate) fn link(&self, name: &str, artifact: &Artifact) -> Result<PathBuf, WorkError> {
        let source = self.hands.store.path_of(&artifact.digest);
        if !self.hands.store.has(&artifact.digest) {
            let message = self.hands.store.why_not_there(&artifact.digest).what();
            return Err(Failure::new(Class::Invalid, message).into());
        }
        let source = fs::canonicalize(&source).unwrap_or(source);
        std::os::unix::fs::symlink(&source, self.path(name))
            .map_err(|error| self.io_failure("make", &self.path(name), &error))?;
        Ok(source)
    }

    /// Lets a kept artifact be read under `name`; a photograph that its camera took sideways is upright.
    pub(crate) async fn lay_out(
        &self,
        work: &Work,
        name: &str,
        artifact: &Artifact,
    ) -> Result<(), WorkError> {
        if artifact.mime != "image/jpeg" {
            return self.link(name, artifact).map(drop);
        }
        let kept = format!("kept-{name}");
        let source = self.link(&kept, artifact)?;
        let head = head_of(&source).map_err(|error| self.io_failure("read", &source, &error))?;
        let Some(orientation) = Orientation::of_jpeg(&head) else {
            return self.link(name, artifact).map(drop);
        };
        let call = orientation.upright(&kept, name);
        self.judge(&self.run(work, &self.hands.tools.ffmpeg, call.arguments, None).await?)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), WorkError> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        // What was laid out under this name must not be written through its link.
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file =
            options.write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(&path);
        let written = file.and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(bytes)
        });
        written.map_err(|error| self.io_failure("write", &path, &error))
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, WorkError> {
        fs::read(self.path(name)).map_err(|error| self.io_failure("read", &self.path(name), &error))
    }

    /// Runs a program in the folder.
    pub(crate) async fn run(
        &self,
        work: &Work,
        program: &str,
        arguments: Vec<String>,
        on_line: Option<OnLine>,
    ) -> Result<Finished, WorkError> {
        self.run_fed(work, program, arguments, None, on_line).await
    }

    /// The same of a program that is fed on its standard input.
    pub(crate) async fn run_fed(
        &self,
        work: &Work,
        program: &str,
        arguments: Vec<String>,
        feed: Option<Feed>,
        on_line: Option<OnLine>,
    ) -> Result<Finished, WorkError> {
        let process = Process {
            program: program.to_owned(),
            arguments,
            folder: self.folder.clone(),
            time_max: self.time_left(work),
            output_bytes_max: OUTPUT_BYTES_MAX,
            file_bytes_max: FILE_BYTES_MAX,
            feed,
            on_line,
            noted_in: Some(self.hands.store.children()),
        };
        let finished = self.hands.world.run_process(process, work.stop.clone()).await;
        finished.map_err(|error| self.process_failure(&error))
    }

    /// Keeps a file of the folder: detected by its content, measured, then moved into the store (law L5).
    pub(crate) async fn keep(&self, work: &Work, name: &str) -> Result<Artifact, WorkError> {
        let path = self.path(name);
        // A link is no file: it could lead out of the folder.
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            let message = format!("{} gave no file", work.contract().operation);
            return Err(Failure::new(Class::BadOutput, message).into());
        }
        let measured =
            measure(&self.hands, &self.folder, name, self.time_left(work), work.stop.clone()).await;
        let measured = measured.map_err(|unmeasured| match unmeasured {
            Unmeasured::Refused(fault) => self.refusal(fault),
            Unmeasured::Process(error) => self.process_failure(&error),
            Unmeasured::Read(error) => self.io_failure("read", &path, &error),
        })?;
        let store = self.hands.store.clone();
        let kept = self.hands.compute(move || store.adopt_file(&path).map_err(WorkError::from)).await?;
        Ok(measured.artifact(kept))
    }

    fn time_left(&self, work: &Work) -> Duration {
        Duration::from_millis(work.deadline().since(self.hands.world.now()).0)
    }

    /// Whether a call of ffmpeg or ffprobe did what it should.
    pub(crate) fn judge(&self, finished: &Finished) -> Result<(), WorkError> {
        fault(finished).map_or(Ok(()), |fault| Err(self.refusal(fault)))
    }

    /// Why a program did not do what it should; that the disk is full is no fault of the attempt.
    pub(crate) fn refusal(&self, failure: Failure) -> WorkError {
        match motet_media::failure::is_disk_full(&failure) {
            true => disk_full(&self.hands.store),
            false => failure.into(),
        }
    }

    fn process_failure(&self, error: &ProcessError) -> WorkError {
        let class = match error {
            ProcessError::TimedOut { .. } => Class::Timeout,
            ProcessError::FileTooLarge { .. } => Class::TooLarge,
            ProcessError::Start { error, .. } if is_disk_full(error) => return disk_full(&self.hands.store),
            _ => Class::Unavailable,
        };
        Failure::new(class, error.to_string()).into()
    }

    fn io_failure(&self, verb: &str, path: &Path, error: &std::io::Error) -> WorkError {
        if is_disk_full(error) {
            return disk_full(&self.hands.store);
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let message = format!("failed to {verb} {name} in the scratch folder: {error}");
        Failure::new(Class::Unavailable, message).into()
    }
}

fn is_disk_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
