//! Outputs: what a completed run gave, laid out where people look.
//!
//! ```text
//! out/7Q2K/video.mp4       an output that is media
//! out/7Q2K/shots-1.png     media in a list, by its number
//! out/7Q2K/films-en.mp4    media in an object, by its name there (by a number where an input is sensitive)
//! out/7Q2K/outputs.json    all outputs that aren't media themselves
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_engine::RunId;
use motet_pipeline::{Artifact, Value};
use motet_store::{FoundRun, Store};

use crate::Error;
use crate::whole_file::write_whole;

/// A file that holds an output of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputFile {
    /// The name of the output; nothing for the file that holds all plain ones.
    pub output: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// What it holds, if that is media.
    pub artifact: Option<Arc<Artifact>>,
}

/// The name of the file with all outputs that aren't media.
const PLAIN_NAME: &str = "outputs.json";

/// The longest name of a file, without its number and ending.
const NAME_BYTES_MAX: usize = 100;

/// Lays the outputs of a completed run out in a folder of its own below `out`, and gives the files.
/// A file that is there already, with the same length, stays as it is. Of a run that isn't completed
/// there is nothing to lay out.
///
/// `out` may be a link: whoever names it chose it. What lies below it may not: neither the run's folder nor a file in it
/// is reached through a link.
///
/// Files are copies of the store's, or share their blocks where the file system can do that; they are
/// never the same file, so they may be changed.
///
/// # Errors
/// [`Error::LayOut`] when a file can't be written; the run stays completed. [`Error::Store`] when the
/// store can't be read.
pub fn lay_out(store: &Store, run: &RunId, out: &Path) -> Result<Vec<OutputFile>, Error> {
    let Some(outputs) = store.outputs(run)? else { return Ok(Vec::new()) };
    let folder = folder_of(store, run, out)?;
    let (files, plain) = name_files(&outputs, &folder, names_may_be_shown(store, run)?);
    write_all(store, out, &folder, &files, plain.as_deref()).map_err(|error| Error::LayOut {
        run: run.clone(),
        folder: folder.clone(),
        error,
    })?;
    Ok(files)
}

/// The folder below `out` for the outputs of `run`: named by the run's short name, or by its whole id
/// where another run of the store has the same short name.
///
/// # Errors
/// When the store can't be read.
pub fn folder_of(store: &Store, run: &RunId, out: &Path) -> Result<PathBuf, Error> {
    let name = match store.find_run(run.short())? {
        FoundRun::Several(_) => run.as_str(),
        FoundRun::One(row) if row.id != *run => run.as_str(),
        _ => run.short(),
    };
    Ok(out.join(safe_name(name)))
}

/// Whether names in outputs may be those of files. Where an input is sensitive, what it holds may have become
/// such a name.
fn names_may_be_shown(store: &Store, run: &RunId) -> Result<bool, Error> {
    let Some(row) = store.run(run)? else { return Ok(false) };
    Ok(store.plan(&row.plan)?.is_some_and(|kept| !kept.bundle.contains("sensitive")))
}

/// Gives every output its file, and what is to be in the file of the plain ones.
fn name_files(outputs: &Value, folder: &Path, shows_names: bool) -> (Vec<OutputFile>, Option<String>) {
    let taken = BTreeSet::from([PLAIN_NAME.to_owned()]);
    let mut naming = Naming { folder, shows_names, taken, files: Vec::new() };
    let mut plain = serde_json::Map::new();
    for (name, value) in outputs.as_map().into_iter().flatten() {
        match value {
            Value::Media(artifact) => drop(naming.add(name, name, artifact)),
            value => drop(plain.insert(name.clone(), naming.add_inner(name, name, value))),
        }
    }
    let mut files = naming.files;
    if plain.is_empty() {
        return (files, None);
    }
    files.push(OutputFile { output: None, path: folder.join(PLAIN_NAME), artifact: None });
    let text = serde_json::to_string_pretty(&plain).expect("JSON can be written as text");
    (files, Some(text + "\n"))
}

struct Naming<'a> {
    folder: &'a Path,
    /// Whether media in an object is called by its name there, and not by a number.
    shows_names: bool,
    taken: BTreeSet<String>,
    files: Vec<OutputFile>,
}

impl Naming<'_> {
    /// Names the file of `artifact`, which is called `place` in `output`, and gives that name.
    fn add(&mut self, output: &str, place: &str, artifact: &Arc<Artifact>) -> String {
        let (stem, extension) = (safe_name(place), artifact.extension());
        let first = format!("{stem}.{extension}");
        let others = (2..).map(|other| format!("{stem}_{other}.{extension}"));
        let name = std::iter::once(first).chain(others).find(|name| self.taken.insert(name.to_lowercase()));
        let name = name.expect("there is always another number");
        self.files.push(OutputFile {
            output: Some(output.to_owned()),
            path: self.folder.join(&name),
            artifact: Some(artifact.clone()),
        });
        name
    }

    /// The value as JSON, with the names of files in the place of media.
    fn add_inner(&mut self, output: &str, place: &str, value: &Value) -> serde_json::Value {
        match value {
            Value::Media(artifact) => self.add(output, place, artifact).into(),
            Value::List(items) => {
                let numbered = items.iter().enumerate();
                numbered
                    .map(|(index, item)| self.add_inner(output, &format!("{place}-{}", index + 1), item))
                    .collect()
            }
            Value::Map(entries) => {
                // The one medium that an operation gives needs no name of its own.
                let is_alone = entries.iter().filter(|(_, entry)| holds_media(entry)).count() == 1;
                let named = entries.iter().enumerate().map(|(index, (key, entry))| {
                    let place = match self.shows_names {
                        _ if is_alone => place.to_owned(),
                        true => format!("{place}-{key}"),
                        false => format!("{place}-{}", index + 1),
                    };
                    (key.clone(), self.add_inner(output, &place, entry))
                });
                serde_json::Value::Object(named.collect())
            }
            plain => plain.to_json(),
        }
    }
}

fn holds_media(value: &Value) -> bool {
    let mut holds = false;
    value.for_each_artifact(&mut |_| holds = true);
    holds
}

/// A name that is one harmless part of a path: letters, digits, `-`, `_` and inner dots.
fn safe_name(name: &str) -> String {
    let harmless = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    let mut safe: String =
        name.chars().map(|character| if harmless(character) { character } else { '_' }).collect();
    while safe.len() > NAME_BYTES_MAX {
        safe.pop();
    }
    match safe.starts_with('.') || safe.is_empty() {
        true => format!("_{safe}"),
        false => safe,
    }
}

/// Makes a folder, unless it is there. A link in its place isn't followed: a project that was cloned can bring one.
fn make_plain_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    match fs::symlink_metadata(folder)? {
        found if found.is_dir() => Ok(()),
        found if found.is_symlink() => Err(io::Error::other("it is a link, and must be a folder")),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

fn write_all(
    store: &Store,
    out: &Path,
    folder: &Path,
    files: &[OutputFile],
    plain: Option<&str>,
) -> io::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(out).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    })?;
    make_plain_folder(folder)?;
    for file in files {
        match (&file.artifact, plain) {
            (Some(artifact), _) => copy_out(store, artifact, &file.path)?,
            (None, Some(text)) => {
                write_whole(&file.path, &mut |target: &mut File| target.write_all(text.as_bytes()))?
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn copy_out(store: &Store, artifact: &Artifact, path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == artifact.bytes) {
        return Ok(());
    }
    let mut source = store.open_artifact(&artifact.digest).map_err(io::Error::other)?;
    write_whole(path, &mut |target| {
        if share_blocks(target, &source).is_err() {
            io::copy(&mut source, target)?;
        }
        Ok(())
    })
}

#[cfg(target_os = "linux")]
fn share_blocks(target: &File, source: &File) -> io::Result<()> {
    Ok(rustix::fs::ioctl_ficlone(target, source)?)
}

#[cfg(not(target_os = "linux"))]
fn share_blocks(_: &File, _: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
