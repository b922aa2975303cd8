//! Measuring: what a file is, detected by its content and never by its name (law L5).

mod file;
mod whole;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use motet_media::header::{self, Unread};
use motet_media::probe::{self, Probed, Reported};
use motet_media::sniff::{HEAD_BYTES, Sniffed, sniff};
use motet_media::still;
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

/// What only a program can tell of a file.
enum Doubt {
    /// The measures of video or sound.
    Measures,
    /// Whether it can be read at all, of a still.
    Reading,
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
    let (mut measured, doubt) =
        measured_here.await.unwrap_or_else(|_| Err(Unmeasured::Read(io::ErrorKind::Other.into())))?;
    let programs = Programs { hands, folder, time_max, stop };
    match doubt {
        None => {}
        Some(Doubt::Measures) => measured.probed = Some(programs.measure(name).await?),
        Some(Doubt::Reading) => measured.sniffed.size = Some(programs.decode(name, measured.sniffed).await?),
    }
    Ok(measured)
}

/// What the file at `path` tells of itself, unless a part of it is missing.
fn look_at(path: &Path) -> Result<(Measured, Option<Doubt>), Unmeasured> {
    let head = head_of(path).map_err(Unmeasured::Read)?;
    let sniffed = sniff_at(path, &head)?;
    let (probed, doubt) = match sniffed.kind {
        MediaKind::Video | MediaKind::Audio => match read_header(path, sniffed.mime)? {
            None => (None, Some(Doubt::Measures)),
            probed => (probed, None),
        },
        MediaKind::Image if still::is_in_doubt(sniffed.mime, &head) => (None, Some(Doubt::Reading)),
        MediaKind::Image | MediaKind::File => (None, None),
    };
    Ok((Measured { sniffed, probed }, doubt))
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

/// The type of the file at `path`, which begins with `head`, unless a part of it is missing.
fn sniff_at(path: &Path, head: &[u8]) -> Result<Sniffed, Unmeasured> {
    let sniffed = sniff(head).unwrap_or(Sniffed {
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

/// The programs that tell what a file doesn't tell itself.
struct Programs<'a> {
    hands: &'a Hands,
    folder: &'a Path,
    time_max: Duration,
    stop: CancellationToken,
}

impl Programs<'_> {
    /// What ffprobe tells; where that isn't how long the file plays, it is played through, once.
    async fn measure(&self, name: &str) -> Result<Probed, Unmeasured> {
        let told = self.run(&self.hands.tools.ffprobe, probe::arguments(name)).await?;
        let told = told.map_err(Unmeasured::Refused)?;
        let Reported { probed, is_exact } = probe::report(&told).map_err(Unmeasured::Refused)?;
        if is_exact {
            return Ok(probed);
        }
        let played = self.run(&self.hands.tools.ffmpeg, probe::playing(name)).await?;
        let seconds = played.map(|told| probe::played(&told).unwrap_or_default());
        seconds.and_then(|seconds| probed.that_plays(seconds)).map_err(Unmeasured::Refused)
    }

    /// The size of a still, if it can be decoded as a whole: of some only a part is.
    async fn decode(&self, name: &str, sniffed: Sniffed) -> Result<(u32, u32), Unmeasured> {
        let told = self.run(&self.hands.tools.ffprobe, still::arguments(name)).await?;
        let size = told.ok().and_then(|told| still::read(&told));
        let is_told = |(width, height)| {
            sniffed.size.is_none_or(|told| told == (width, height) || told == (height, width))
        };
        size.filter(|size| is_told(*size)).ok_or_else(|| Unmeasured::Refused(still::unreadable(sniffed.mime)))
    }

    /// What a program wrote, or what it complained about.
    async fn run(
        &self,
        program: &str,
        arguments: Vec<String>,
    ) -> Result<Result<Vec<u8>, Failure>, Unmeasured> {
        let process = Process {
            program: program.to_owned(),
            arguments,
            folder: self.folder.to_owned(),
            time_max: self.time_max,
            output_bytes_max: REPORT_BYTES_MAX,
            file_bytes_max: 0,
            feed: None,
            on_line: None,
            noted_in: Some(self.hands.store.children()),
        };
        let finished = self.hands.world.run_process(process, self.stop.clone()).await;
        let finished = finished.map_err(Unmeasured::Process)?;
        Ok(fault(&finished).map_or(Ok(finished.stdout), Err))
    }
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
