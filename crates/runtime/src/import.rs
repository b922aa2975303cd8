//! Importing: files that a caller gives become artifacts, told and measured by their content.

mod inputs;
mod picture;

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use motet_media::probe::Probed;
use motet_media::sniff::Sniffed;
use motet_pipeline::{Artifact, MediaKind};
use tokio_util::sync::CancellationToken;

use crate::operation::Hands;
use crate::operation::scratch::{measured, sniff_file};
use crate::process::Process;
use crate::{Error, Motet};

pub(crate) use inputs::Given;

/// How long the measuring of one file may take: it is read to its end.
const PROBE_TIME_MAX: Duration = Duration::from_secs(300);

/// The most that ffprobe's report may have; it is a few kilobytes.
const REPORT_BYTES_MAX: usize = 4 << 20;

impl Motet {
    /// Keeps a copy of the file at `path`: what it is is told by its content, and measured.
    ///
    /// # Errors
    /// [`Error::Import`] when it is no file, empty, truncated or damaged; [`Error::File`] when it
    /// can't be read; [`Error::Tools`] when ffprobe is needed and missing; [`Error::Store`] when it
    /// can't be kept.
    pub async fn import_file(&self, path: impl AsRef<Path>) -> Result<Artifact, Error> {
        import(self.hands(), path.as_ref()).await
    }
}

/// Keeps a copy of the file at `path`.
pub(crate) async fn import(hands: &Hands, path: &Path) -> Result<Artifact, Error> {
    let refused = |message: String| Error::Import { path: path.to_owned(), message };
    let bytes = readable_bytes(path)?;
    let sniffed = sniff_file(path).map_err(|failure| refused(failure.message))?.unwrap_or(Sniffed {
        kind: MediaKind::File,
        mime: "application/octet-stream",
        size: None,
    });
    let probed = match sniffed.kind {
        MediaKind::Video | MediaKind::Audio => Some(probe(hands, path).await?),
        MediaKind::Image => {
            picture::judge(path, &sniffed)
                .map_err(|error| Error::file("read", path, error))?
                .map_err(|reason| refused(reason.into()))?;
            None
        }
        MediaKind::File => None,
    };
    let kept = {
        let (store, path) = (hands.store.clone(), path.to_owned());
        let kept = hands.compute(move || Ok(store.import_file(&path))).await;
        kept.map_err(|failure| refused(failure.message))??
    };
    if kept.bytes != bytes {
        return Err(refused("the file was changed while it was read; try again".into()));
    }
    Ok(measured(sniffed, probed, kept.digest, kept.bytes))
}

/// How long the file is; refuses what isn't one, before anything waits for a pipe's other end.
fn readable_bytes(path: &Path) -> Result<u64, Error> {
    let found = fs::metadata(path).map_err(|error| Error::file("read", path, error))?;
    let refused = |message: &str| Err(Error::Import { path: path.to_owned(), message: message.into() });
    if found.is_dir() {
        return refused("this is a folder, and must be a file");
    }
    if !found.is_file() {
        return refused("this is no ordinary file");
    }
    File::open(path).map_err(|error| Error::file("read", path, error))?;
    if found.len() == 0 {
        return refused("the file is empty");
    }
    Ok(found.len())
}

/// Has ffprobe measure the file, through a link without a telling name in a folder of its own.
async fn probe(hands: &Hands, path: &Path) -> Result<Probed, Error> {
    let refused = |message: String| Error::Import { path: path.to_owned(), message };
    let missing = hands.tools.missing([motet_pipeline::contract::Tool::Ffmpeg]);
    if !missing.is_empty() {
        return Err(Error::Tools(missing));
    }
    let place = ProbePlace::make(hands, path)?;
    let process = Process {
        program: hands.tools.ffprobe.clone(),
        arguments: motet_media::probe::arguments(PROBED_NAME),
        folder: place.folder.clone(),
        time_max: PROBE_TIME_MAX,
        output_bytes_max: REPORT_BYTES_MAX,
        on_line: None,
    };
    let finished = hands.world.run_process(process, CancellationToken::new()).await;
    let finished = finished.map_err(|error| refused(error.to_string()))?;
    if !finished.succeeded() {
        return Err(refused(motet_media::failure::read(&finished.stderr, finished.exit).message));
    }
    if let Some(refusal) = motet_media::failure::truncated(&finished.stderr) {
        return Err(refused(refusal.message));
    }
    motet_media::probe::read(&finished.stdout).map_err(|refusal| refused(refusal.message))
}

const PROBED_NAME: &str = "given";

/// A folder with a link to the file, removed with this.
struct ProbePlace {
    folder: PathBuf,
}

impl ProbePlace {
    fn make(hands: &Hands, path: &Path) -> Result<ProbePlace, Error> {
        // Not among the scratch folders of the store: a process that becomes its owner sweeps those.
        let folder = std::env::temp_dir().join(format!("motet-probe-{:032x}", hands.world.draw()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Error::file("make the folder", &folder, error))?;
        let place = ProbePlace { folder };
        let source = fs::canonicalize(path).map_err(|error| Error::file("read", path, error))?;
        let link = place.folder.join(PROBED_NAME);
        std::os::unix::fs::symlink(source, &link).map_err(|error| Error::file("make", &link, error))?;
        Ok(place)
    }
}

impl Drop for ProbePlace {
    fn drop(&mut self) {
        // It is a folder with a link; the system sweeps it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
