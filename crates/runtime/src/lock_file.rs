//! Lock files: `motet.lock` says which models, contracts and prices the pipelines of a folder were made with.
//!
//! It is written by a program and read by people in a diff: sorted, a line for each version. What has changed since is
//! decided by [`Versions::changes`].

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use motet_pipeline::Plan;
use motet_pipeline::versions::{ModelVersion, OperationVersion, Versions};
use motet_store::Patience;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::DeTable;

use crate::Error;
use crate::reading::{Unread, folder_of, place, read_file};
use crate::settings::{Proposal, Settings, leads_out};
use crate::whole_file::write_whole;

/// The name of the file.
pub const LOCK_FILE_NAME: &str = "motet.lock";

/// The version of the format.
const FORMAT: i64 = 1;

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 4 << 20;

/// What people read first.
const HEADING: &str = "# Which models, contracts and prices the pipelines of this folder were made with.
# `motet lock FILE` writes it, `motet check FILE` says what has changed since.
";

/// The lock file of a folder.
///
/// ```
/// use motet::LockFile;
/// # let folder = std::env::temp_dir().join(format!("motet-lock-file-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// let film = folder.join("film.yaml");
/// std::fs::write(&film, "motet: 1\nsteps: { nap: { uses: flow/sleep, with: { duration: 1s } } }").unwrap();
/// let settings = motet::Settings::usual(&folder);
/// let pipeline = motet::Pipeline::load(&film, &settings.catalogue())?;
/// let versions = settings.versions(pipeline.plan());
///
/// let (mut lock, hold) = LockFile::hold(&film)?;
/// assert!(lock.versions(&film).is_none(), "nothing is locked yet");
/// lock.lock(&film, versions.clone());
/// lock.write()?;
/// drop(hold);
/// assert_eq!(LockFile::beside(&film)?.versions(&film).unwrap().changes(&versions), []);
/// # Ok::<(), motet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFile {
    path: PathBuf,
    /// By the names of the pipelines' files.
    pipelines: BTreeMap<String, Versions>,
    /// In which line the versions of an operation begin, by pipeline and operation.
    lines: BTreeMap<(String, String), usize>,
}

/// How often a lock is asked for until then.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks a folder, and tells if that takes long.
fn lock(folder: &File, told: impl FnOnce()) -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Patience::default().quiet {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => return Ok(()),
        }
    }
    told();
    folder.lock()
}

/// What the file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "motet_lock")]
    _format: i64,
    #[serde(default)]
    pipelines: BTreeMap<String, BTreeMap<String, Spanned<OperationVersion>>>,
}

/// The same, to be written.
#[derive(Serialize)]
struct Writing<'l> {
    #[serde(rename = "motet_lock")]
    format: i64,
    pipelines: BTreeMap<&'l str, &'l BTreeMap<String, OperationVersion>>,
}

/// As long as it is there, nobody else changes the lock file of the folder.
#[derive(Debug)]
pub struct LockHold {
    _folder: Option<File>,
}

impl LockFile {
    /// The lock file in the folder of `pipeline`, to change it: whoever else wants to change it by this function, in
    /// another process too, waits until the hold is dropped. Where the file system knows no locks, nobody waits.
    ///
    /// # Errors
    /// As [`LockFile::beside`].
    pub fn hold(pipeline: &Path) -> Result<(LockFile, LockHold), Error> {
        LockFile::hold_after(pipeline, || {})
    }

    /// The same; `told` is called when that has taken long.
    ///
    /// # Errors
    /// As [`LockFile::beside`].
    pub fn hold_after(pipeline: &Path, told: impl FnOnce()) -> Result<(LockFile, LockHold), Error> {
        let held = File::open(folder_of(pipeline)).and_then(|folder| lock(&folder, told).map(|()| folder));
        let hold = LockHold { _folder: held.ok() };
        Ok((LockFile::beside(pipeline)?, hold))
    }

    /// The lock file in the folder of `pipeline`, which is a file. If there is none, nothing is locked.
    ///
    /// # Errors
    /// [`Error::LockFile`] when it can't be read, is something else, or is of a newer format.
    pub fn beside(pipeline: &Path) -> Result<LockFile, Error> {
        let path = pipeline.with_file_name(LOCK_FILE_NAME);
        let none = LockFile { path: path.clone(), pipelines: BTreeMap::new(), lines: BTreeMap::new() };
        let refused =
            |message: String| Error::LockFile { path: path.clone(), place: None, message, is_newer: false };
        match leads_out(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(none),
            Ok(true) => return Err(refused("it is a link that leads out of the project".to_owned())),
            _ => {}
        }
        let bytes = read_file(&path, BYTES_MAX).map_err(|unread: Unread| refused(unread.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| refused("it isn't UTF-8".to_owned()))?;
        none.filled(&text)
    }

    /// The same with what `text` says.
    fn filled(mut self, text: &str) -> Result<LockFile, Error> {
        let path = self.path.clone();
        let fault = |start: usize, message: &str| {
            let message = message.lines().next().unwrap_or("it isn't TOML").to_owned();
            Error::LockFile { path: path.clone(), place: Some(place(text, start)), message, is_newer: false }
        };
        let bad = |error: toml::de::Error| fault(error.span().unwrap_or(0..0).start, error.message());
        let table = DeTable::parse(text).map_err(bad)?;
        let format = table.get_ref().get("motet_lock");
        match format.and_then(|format| format.get_ref().as_integer()?.as_str().parse().ok()) {
            Some(FORMAT) => {}
            None => return Err(fault(0, "it isn't a lock file, which `motet lock FILE` writes")),
            Some(format) => {
                let message = format!("it has the format {format}, and this version of Motet reads {FORMAT}");
                return Err(Error::LockFile { path, place: None, message, is_newer: format > FORMAT });
            }
        }
        let written: Written = toml::from_str(text).map_err(bad)?;
        let line_ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
        for (pipeline, operations) in written.pipelines {
            let mut versions = Versions::default();
            for (operation, version) in operations {
                let line = line_ends.partition_point(|end| *end < version.span().start) + 1;
                self.lines.insert((pipeline.clone(), operation.clone()), line);
                versions.operations.insert(operation, version.into_inner());
            }
            self.pipelines.insert(pipeline, versions);
        }
        Ok(self)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The versions that `pipeline` was locked with, if it was.
    pub fn versions(&self, pipeline: &Path) -> Option<&Versions> {
        self.pipelines.get(&name_of(pipeline))
    }

    /// The line, from 1, in which the versions of an operation of `pipeline` begin; the first one if they aren't there.
    pub fn line(&self, pipeline: &Path, operation: &str) -> usize {
        self.lines.get(&(name_of(pipeline), operation.to_owned())).copied().unwrap_or(1)
    }

    /// Locks `pipeline` with these versions, in the place of those that it was locked with.
    pub fn lock(&mut self, pipeline: &Path, versions: Versions) {
        self.pipelines.insert(name_of(pipeline), versions);
    }

    /// The pipelines that are locked and whose files aren't there any more.
    pub fn gone(&self) -> Vec<&str> {
        let is_gone = |name: &&String| self.path.with_file_name(name).symlink_metadata().is_err();
        self.pipelines.keys().filter(is_gone).map(String::as_str).collect()
    }

    /// Forgets the pipelines whose files aren't there any more.
    pub fn forget_gone(&mut self) {
        let gone: Vec<String> = self.gone().into_iter().map(str::to_owned).collect();
        self.pipelines.retain(|name, _| !gone.contains(name));
    }

    /// Writes the file, whole or not at all. If it says the same already, it is left as it is.
    ///
    /// # Errors
    /// [`Error::File`] when it can't be written: then what was there is as it was.
    pub fn write(&self) -> Result<(), Error> {
        let text = self.text();
        if read_file(&self.path, BYTES_MAX).is_ok_and(|bytes| bytes == text.as_bytes()) {
            return Ok(());
        }
        let written = write_whole(&self.path, &mut |file| file.write_all(text.as_bytes()));
        written.map_err(|error| Error::file("write", &self.path, error))
    }

    /// What it says, as TOML.
    fn text(&self) -> String {
        let pipelines = self.pipelines.iter();
        let pipelines = pipelines.map(|(name, versions)| (name.as_str(), &versions.operations)).collect();
        let tables = toml::to_string(&Writing { format: FORMAT, pipelines });
        HEADING.to_owned() + &tables.expect("names, numbers and texts can be written as TOML")
    }
}

impl Settings {
    /// The versions of all that `plan` uses, as they are now: models, contracts and prices.
    pub fn versions(&self, plan: &Plan) -> Versions {
        let models = self.catalogue_of_models();
        Versions::of(plan, |operation| {
            let entry = &models.get(operation)?.entry;
            Some(ModelVersion { version: entry.version.clone(), digest: entry.digest() })
        })
    }
}

impl Proposal {
    /// The versions of all that `plan` uses, as they are now: nobody's word is needed to tell them.
    pub fn versions(&self, plan: &Plan) -> Versions {
        self.clone().vouched().versions(plan)
    }
}

fn name_of(pipeline: &Path) -> String {
    pipeline.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use motet_pipeline::Digest;

    use super::*;

    fn version(contract: u32) -> OperationVersion {
        OperationVersion { contract, ..OperationVersion::default() }
    }

    fn versions(operations: Vec<(&str, OperationVersion)>) -> Versions {
        let operations = operations.into_iter().map(|(name, version)| (name.to_owned(), version));
        Versions { operations: operations.collect() }
    }

    fn model() -> OperationVersion {
        let price = [("image", "$0.003"), ("song when length > 5", "$1 for 1000")];
        OperationVersion {
            contract: 2,
            version: Some("5f24084e".to_owned()),
            model: Some(Digest::of(b"model")),
            price: price.map(|(unit, price)| (unit.to_owned(), price.to_owned())).into(),
        }
    }

    #[test]
    fn the_file_is_sorted_with_a_line_for_each_version_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let film = versions(vec![("media/merge", version(2)), ("fal/fal-ai/flux/dev", model())]);
        let mut lock = LockFile::beside(&at("film.yaml")).unwrap();
        lock.lock(&at("film.yaml"), film.clone());
        lock.lock(&at("a \"song\"\n\\.yaml"), versions(vec![("local/music", version(1))]));
        lock.lock(&at("clip"), Versions::default());
        lock.write().unwrap();
        insta::assert_snapshot!(fs::read_to_string(at(LOCK_FILE_NAME)).unwrap());
        let read = LockFile::beside(&at("song.yaml")).unwrap();
        assert_eq!(read.pipelines, lock.pipelines);
        assert_eq!(read.text(), lock.text());
        assert_eq!(read.versions(&at("film.yaml")), Some(&film));
        let lines = fs::read_to_string(at(LOCK_FILE_NAME)).unwrap();
        let line = read.line(&at("film.yaml"), "media/merge");
        assert_eq!(lines.lines().nth(line - 1), Some("[pipelines.\"film.yaml\".\"media/merge\"]"));
        assert_eq!(read.line(&at("film.yaml"), "media/other"), 1);
    }

    #[test]
    fn pipelines_that_are_locked_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<PathBuf> = (0..8).map(|number| folder.path().join(format!("{number}.yaml"))).collect();
        std::thread::scope(|scope| {
            for name in names.iter().cycle().take(64) {
                scope.spawn(move || {
                    let (mut lock, _hold) = LockFile::hold(name).unwrap();
                    lock.lock(name, versions(vec![("media/trim", version(1))]));
                    lock.write().unwrap();
                });
            }
        });
        let lock = LockFile::beside(&names[0]).unwrap();
        assert!(names.iter().all(|name| lock.versions(name).is_some()), "{lock:?}");
    }

    #[test]
    fn pipelines_that_are_gone_are_known_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut lock = LockFile::beside(&at("film.yaml")).unwrap();
        lock.lock(&at("film.yaml"), versions(vec![("media/merge", version(1))]));
        lock.lock(&at("old.yaml"), versions(vec![("media/trim", version(1))]));
        fs::write(at("film.yaml"), "").unwrap();
        assert_eq!(lock.gone(), ["old.yaml"]);
        lock.forget_gone();
        assert!(lock.gone().is_empty() && lock.versions(&at("film.yaml")).is_some());
    }

    #[test]
    fn what_is_no_lock_file_is_refused_with_its_place() {
        let none =
            || LockFile { path: "motet.lock".into(), pipelines: BTreeMap::new(), lines: BTreeMap::new() };
        let deep = format!("motet_lock = {}", "[".repeat(100_000));
        let operation = "motet_lock = 1\n[pipelines.'a.yaml'.'media/merge']\n";
        let table = [
            "",
            "motet = 1",
            "motet_lock = 2\nanything = true",
            "motet_lock = 99999999999999999999",
            "motet_lock = 'one'",
            "motet_lock = 1\n<<<<<<< HEAD\n",
            "motet_lock = 1\nmotet_lock = 1",
            "motet_lock = 1\nfilms = 1",
            "motet_lock = 1\npipelines = 3",
            operation,
            &format!("{operation}contract = -1"),
            &format!("{operation}contract = 1\nmodel = 'sha256:abc'"),
            &format!("{operation}contract = 1\nprise = {{}}"),
            &format!("{operation}contract = 1\nprice.image = 3"),
            &deep,
        ];
        let told = table.map(|text| none().filled(text).unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn a_large_file_is_read_in_a_moment_and_every_operation_has_its_line() {
        let operation = |n: usize| format!("[pipelines.a.'task/{n}']\ncontract = 1\n");
        let text: String = (0..50_000).map(operation).collect();
        let none = LockFile { path: "motet.lock".into(), pipelines: BTreeMap::new(), lines: BTreeMap::new() };
        let read = none.filled(&format!("motet_lock = 1\n{text}")).unwrap();
        assert_eq!(read.line(Path::new("a"), "task/49999"), 2 + 2 * 49_999);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let told = || match LockFile::beside(&at("film.yaml")) {
            Err(Error::LockFile { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        fs::create_dir(at(LOCK_FILE_NAME)).unwrap();
        assert_eq!(told(), "it is a folder, and must be a file");
        fs::remove_dir(at(LOCK_FILE_NAME)).unwrap();
        fs::write(at(LOCK_FILE_NAME), [0xff]).unwrap();
        assert_eq!(told(), "it isn't UTF-8");
        fs::remove_file(at(LOCK_FILE_NAME)).unwrap();
        fs::File::create(at(LOCK_FILE_NAME)).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(told(), format!("it has more than {BYTES_MAX} bytes"));
        fs::remove_file(at(LOCK_FILE_NAME)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at(LOCK_FILE_NAME)).unwrap();
        assert_eq!(told(), "it is a link that leads out of the project");
        fs::remove_file(at(LOCK_FILE_NAME)).unwrap();
        std::os::unix::fs::symlink("nowhere", at(LOCK_FILE_NAME)).unwrap();
        assert!(LockFile::beside(&at("film.yaml")).is_ok_and(|lock| lock.pipelines.is_empty()));
    }
}
