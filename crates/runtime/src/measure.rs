//! Measuring: what a file is, detected by its content and never by its name (law L5).

mod file;
mod whole;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use motet_media::header::{self, Unread};
use motet_media::probe::Probed;
use motet_media::sniff::{HEAD_BYTES, Sniffed, sniff};
use motet_pipeline::{Artifact, Failure, MediaKind};
use motet_store::Kept;
use tokio_util::sync::CancellationToken;

use self::file::FileSource;
use crate::operation::Hands;
use crate::process::{Finished, Process, ProcessError};

/// The most that ffprobe's report may have; it is a few kilobytes.
const REPORT_BYTES_MAX: usize = 4 << 20;

/// What is known of a file.
pub(crate) struct Measured {
    sniffed: Sniffed,
    probed: Option<Probed>,
}

/// Why a file can't be measured.
pub(crate) enum Unmeasured {
    /// It is damaged, or a part of it is missing.
    Refused(Failure),
    /// ffprobe gave no answer.
    Process(ProcessError),
    /// It can't be read.
    Read(io::Error),
}

/// Measures the file `name` in `folder`: by what it tells of itself, and with ffprobe if it is video or sound
/// of a shape that isn't read here. It is read to its end where that is the only way to see that some of it is
/// missing.
pub(crate) async fn measure(
    hands: &Hands,
    folder: &Path,
    name: &str,
    time_max: Duration,
    stop: CancellationToken,
) -> Result<Measured, Unmeasured> {
    let path = folder.join(name);
    let (measured, measured_here) = tokio::sync::oneshot::channel();
    let look = move || drop(measured.send(look_at(&path)));
    hands.world.compute(Box::new(look)).await;
    let mut measured =
        measured_here.await.unwrap_or_else(|_| Err(Unmeasured::Read(io::ErrorKind::Other.into())))?;
    if measured.is_in_doubt() {
        measured.probed = Some(probe(hands, folder, name, time_max, stop).await?);
    }
    Ok(measured)
}

/// What the file at `path` tells of itself, unless a part of it is missing.
fn look_at(path: &Path) -> Result<Measured, Unmeasured> {
    let sniffed = sniff_at(path)?;
    let probed = match sniffed.kind {
        MediaKind::Video | MediaKind::Audio => read_header(path, sniffed.mime)?,
        MediaKind::Image | MediaKind::File => None,
    };
    Ok(Measured { sniffed, probed })
}

/// What the header of video or sound tells; nothing if that is for ffprobe.
fn read_header(path: &Path, mime: &str) -> Result<Option<Probed>, Unmeasured> {
    let mut source = FileSource::open(path).map_err(Unmeasured::Read)?;
    match header::read(&mut source, mime) {
        Ok(probed) => Ok(Some(probed)),
        Err(Unread::Unknown) => Ok(None),
        Err(Unread::Refused(refusal)) => Err(Unmeasured::Refused(refusal)),
        Err(Unread::Read(error)) => Err(Unmeasured::Read(error)),
    }
}

/// The type of the file at `path`, unless a part of it is missing.
fn sniff_at(path: &Path) -> Result<Sniffed, Unmeasured> {
    let head = head_of(path).map_err(Unmeasured::Read)?;
    let sniffed = sniff(&head).unwrap_or(Sniffed {
        kind: MediaKind::File,
        mime: "application/octet-stream",
        size: None,
    });
    let refused = |message: &str| Err(Unmeasured::Refused(Failure::invalid(message)));
    match whole::is_whole(path, sniffed.mime).map_err(Unmeasured::Read)? {
        false => refused("truncated: the file ends too early"),
        true if matches!(sniffed.size, Some((0, _) | (_, 0))) => {
            refused("the picture has no width or no height")
        }
        true => Ok(sniffed),
    }
}

/// The beginning of a file, by which it is told.
pub(crate) fn head_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

async fn probe(
    hands: &Hands,
    folder: &Path,
    name: &str,
    time_max: Duration,
    stop: CancellationToken,
) -> Result<Probed, Unmeasured> {
    let process = Process {
        program: hands.tools.ffprobe.clone(),
        arguments: motet_media::probe::arguments(name),
        folder: folder.to_owned(),
        time_max,
        output_bytes_max: REPORT_BYTES_MAX,
        file_bytes_max: 0,
        on_line: None,
        noted_in: Some(hands.store.children()),
    };
    let finished = hands.world.run_process(process, stop).await.map_err(Unmeasured::Process)?;
    fault(&finished).map_or(Ok(()), Err).map_err(Unmeasured::Refused)?;
    motet_media::probe::read(&finished.stdout).map_err(Unmeasured::Refused)
}

/// What a call of ffmpeg or ffprobe complains about: that a file ended too early may show in its
/// words only.
pub(crate) fn fault(finished: &Finished) -> Option<Failure> {
    match finished.succeeded() {
        true => motet_media::failure::truncated(&finished.stderr),
        false => Some(motet_media::failure::read(&finished.stderr, finished.exit)),
    }
}

impl Measured {
    /// Whether only ffprobe can tell the measures.
    fn is_in_doubt(&self) -> bool {
        matches!(self.sniffed.kind, MediaKind::Video | MediaKind::Audio) && self.probed.is_none()
    }

    /// What was made here and needs no ffprobe.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Measured {
        Measured { sniffed: sniff(bytes).expect("what was made here has a known type"), probed: None }
    }

    /// The artifact, once its bytes are kept.
    pub(crate) fn artifact(self, kept: Kept) -> Artifact {
        let Measured { sniffed, probed } = self;
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
            digest: kept.digest,
            kind: probed.kind,
            mime: mime.into(),
            bytes: kept.bytes,
            width: probed.width,
            height: probed.height,
            duration: probed.duration,
            fps: probed.fps,
            has_audio: probed.has_audio,
        }
    }
}
