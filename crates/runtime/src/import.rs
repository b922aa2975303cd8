//! Importing: files that a caller gives become artifacts, detected and measured by their content.

mod inputs;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use motet_pipeline::Artifact;
use motet_pipeline::contract::Tool;
use tokio_util::sync::CancellationToken;

use crate::measure::{Unmeasured, measure};
use crate::operation::Hands;
use crate::reading::judge;
use crate::{Error, Motet};

pub(crate) use inputs::{Given, judge_kept};

/// How long the measuring of one file may take: it is read to its end.
const MEASURING_TIME_MAX: Duration = Duration::from_secs(300);

impl Motet {
    /// Keeps a copy of the file at `path`: its type is detected from its content, and measured.
    ///
    /// # Errors
    /// [`Error::Import`] when it is not a file, or is empty, truncated or damaged; [`Error::File`] when it
    /// can't be read; [`Error::Tools`] when ffprobe is needed and missing; [`Error::Store`] when it
    /// can't be kept.
    pub async fn import_file(&self, path: impl AsRef<Path>) -> Result<Artifact, Error> {
        import(self.hands(), path.as_ref()).await
    }
}

/// Keeps a copy of the file at `path`.
pub(crate) async fn import(hands: &Hands, path: &Path) -> Result<Artifact, Error> {
    let refused = |message: String| Error::Import { path: path.to_owned(), message };
    let before = Seen::of(path)?;
    let place = MeasuringPlace::make(hands, path)?;
    let stop = CancellationToken::new();
    let measured = measure(hands, &place.folder, GIVEN_NAME, MEASURING_TIME_MAX, stop).await;
    let measured = measured.map_err(|unmeasured| match unmeasured {
        Unmeasured::Refused(refusal) => refused(refusal.message),
        Unmeasured::Process(error) => match hands.tools.missing([Tool::Ffmpeg]) {
            missing if missing.is_empty() => refused(error.to_string()),
            missing => Error::Tools(missing),
        },
        Unmeasured::Read(error) => Error::file("read", path, error),
    })?;
    let kept = {
        let (store, path) = (hands.store.clone(), path.to_owned());
        let kept = hands.compute(move || Ok(store.import_file(&path))).await;
        kept.map_err(|failure: motet_pipeline::Failure| refused(failure.message))??
    };
    if Seen::of(path)? != before {
        return Err(refused("the file was changed while it was read; try again".into()));
    }
    Ok(measured.artifact(kept))
}

/// By what it shows that a file was changed or replaced: the system notes the time of every change.
#[derive(PartialEq)]
struct Seen {
    file: (u64, u64),
    bytes: u64,
    changed_at: (i64, i64),
}

impl Seen {
    /// Refuses what is no file, before anything waits for a pipe's other end.
    fn of(path: &Path) -> Result<Seen, Error> {
        let found = fs::metadata(path).map_err(|error| Error::file("read", path, error))?;
        let refused = |message: &str| Err(Error::Import { path: path.to_owned(), message: message.into() });
        if let Err(unread) = judge(&found) {
            return refused(&unread.to_string());
        }
        if found.len() == 0 {
            return refused("the file is empty");
        }
        Ok(Seen {
            file: (found.dev(), found.ino()),
            bytes: found.len(),
            changed_at: (found.ctime(), found.ctime_nsec()),
        })
    }
}

const GIVEN_NAME: &str = "given";

/// A folder with a link to the file, which has no telling name there; removed with this.
struct MeasuringPlace {
    folder: PathBuf,
}

impl MeasuringPlace {
    fn make(hands: &Hands, path: &Path) -> Result<MeasuringPlace, Error> {
        // Not among the scratch folders of the store: a process that becomes its owner sweeps those.
        let folder = std::env::temp_dir().join(format!("motet-measure-{:032x}", hands.world.draw()));
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| Error::file("make the folder", &folder, error))?;
        let place = MeasuringPlace { folder };
        let source = fs::canonicalize(path).map_err(|error| Error::file("read", path, error))?;
        let link = place.folder.join(GIVEN_NAME);
        std::os::unix::fs::symlink(source, &link).map_err(|error| Error::file("make", &link, error))?;
        Ok(place)
    }
}

impl Drop for MeasuringPlace {
    fn drop(&mut self) {
        // It is a folder with a link; the system sweeps it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
