//! A scratch folder: where the programs of one attempt work, removed with it.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motet_engine::Failure;
use motet_media::probe::Probed;
use motet_media::sniff::{HEAD_BYTES, Sniffed, sniff};
use motet_pipeline::{Artifact, Class, MediaKind};

use super::{Hands, disk_full, store_failure};
use crate::process::{self, Finished, OnLine, Process, ProcessError};
use crate::work::Work;

/// A folder of its own for one attempt.
pub(crate) struct Scratch {
    hands: Arc<Hands>,
    folder: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed now is removed when the store is opened next.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The most that a program may write to its output; ffprobe's report of a file is a few kilobytes.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

impl Scratch {
    pub(crate) fn new(work: &Work) -> Result<Scratch, Failure> {
        let hands = work.hands.clone();
        let folder = hands.store.scratch().join(format!("{:032x}", hands.world.draw()));
        fs::create_dir_all(&folder).map_err(|error| io_failure("make", &folder, &error))?;
        Ok(Scratch { hands, folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Lets a kept artifact be read under `name`.
    pub(crate) fn lay_out(&self, name: &str, artifact: &Artifact) -> Result<(), Failure> {
        let source = self.hands.store.path_of(&artifact.digest);
        if !source.is_file() {
            let message =
                format!("the bytes of {} are gone from the store ({})", artifact.digest, source.display());
            return Err(Failure::new(Class::Invalid, message));
        }
        let source = fs::canonicalize(&source).unwrap_or(source);
        std::os::unix::fs::symlink(source, self.path(name))
            .map_err(|error| io_failure("make", &self.path(name), &error))
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        fs::write(self.path(name), bytes).map_err(|error| io_failure("write", &self.path(name), &error))
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        fs::read(self.path(name)).map_err(|error| io_failure("read", &self.path(name), &error))
    }

    /// Runs a program in the folder.
    pub(crate) async fn run(
        &self,
        work: &Work,
        program: &str,
        arguments: Vec<String>,
        on_line: Option<OnLine>,
    ) -> Result<Finished, Failure> {
        let process = Process {
            program: program.to_owned(),
            arguments,
            folder: self.folder.clone(),
            time_max: Duration::from_millis(work.deadline().since(self.hands.world.now()).0),
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_line,
        };
        let finished = self.hands.world.run_process(process, work.stop.clone()).await;
        finished.map_err(|error| match &error {
            ProcessError::TimedOut { .. } => Failure::new(Class::Timeout, error.to_string()),
            _ => Failure::new(Class::Unavailable, error.to_string()),
        })
    }

    /// Keeps a file of the folder: told by its content, measured, then moved into the store (law L5).
    pub(crate) async fn keep(&self, work: &Work, name: &str) -> Result<Artifact, Failure> {
        let path = self.path(name);
        if !path.is_file() {
            let message = format!("{} gave no file", work.contract().operation);
            return Err(Failure::new(Class::BadOutput, message));
        }
        let sniffed = sniff_file(&path)?.unwrap_or(Sniffed {
            kind: MediaKind::File,
            mime: "application/octet-stream",
            size: None,
        });
        let probed = match sniffed.kind {
            MediaKind::Video | MediaKind::Audio => Some(self.probe(work, name).await?),
            MediaKind::Image | MediaKind::File => None,
        };
        let store = self.hands.store.clone();
        let kept = self.hands.compute(move || store.adopt_file(&path).map_err(store_failure)).await?;
        Ok(measured(sniffed, probed, kept.digest, kept.bytes))
    }

    async fn probe(&self, work: &Work, name: &str) -> Result<Probed, Failure> {
        let arguments = motet_media::probe::arguments(name);
        let finished = self.run(work, &self.hands.tools.ffprobe, arguments, None).await?;
        judge(&finished)?;
        motet_media::probe::read(&finished.stdout).map_err(refusal)
    }
}

/// Removes what a process that was killed left in the folder of scratch folders.
pub(crate) fn sweep(scratch: &Path) {
    process::kill_left_below(scratch);
    for entry in fs::read_dir(scratch).into_iter().flatten().flatten() {
        // What can't be removed does no harm; it only takes room.
        let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
    }
}

/// An artifact from what is known of its bytes.
pub(crate) fn measured(
    sniffed: Sniffed,
    probed: Option<Probed>,
    digest: motet_pipeline::Digest,
    bytes: u64,
) -> Artifact {
    let (width, height) = sniffed.size.unzip();
    let probed = probed.unwrap_or(Probed {
        kind: sniffed.kind,
        width,
        height,
        duration: None,
        fps: None,
        has_audio: None,
    });
    let mime = match (probed.kind, sniffed.mime) {
        (MediaKind::Audio, "video/mp4") => "audio/mp4",
        (MediaKind::Audio, "video/webm") => "audio/webm",
        (_, mime) => mime,
    };
    Artifact {
        digest,
        kind: probed.kind,
        mime: mime.into(),
        bytes,
        width: probed.width,
        height: probed.height,
        duration: probed.duration,
        fps: probed.fps,
        has_audio: probed.has_audio,
    }
}

/// Whether a call of ffmpeg or ffprobe did what it should: a damaged file may show in its words only.
pub(crate) fn judge(finished: &Finished) -> Result<(), Failure> {
    let fault = match finished.succeeded() {
        true => motet_media::failure::truncated(&finished.stderr),
        false => Some(motet_media::failure::read(&finished.stderr, finished.exit)),
    };
    fault.map_or(Ok(()), |fault| Err(refusal(fault)))
}

/// What the file seems to be, by its beginning.
pub(crate) fn sniff_file(path: &Path) -> Result<Option<Sniffed>, Failure> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let file = fs::File::open(path).map_err(|error| io_failure("open", path, &error))?;
    file.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| io_failure("read", path, &error))?;
    Ok(sniff(&head))
}

pub(crate) fn refusal(refusal: motet_media::Refusal) -> Failure {
    match motet_media::failure::is_disk_full(&refusal) {
        true => disk_full(),
        false => Failure::new(refusal.class, refusal.message),
    }
}

pub(crate) fn io_failure(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return disk_full();
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    Failure::new(Class::Unavailable, format!("failed to {verb} {name} in the scratch folder: {error}"))
}
