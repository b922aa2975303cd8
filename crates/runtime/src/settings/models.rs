//! The models that a project brings: data files in its folder `models/`, below a folder for each provider.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use motet_pipeline::Digest;
use motet_providers::Registry;
use motet_providers::catalogue::{Catalogue, Entry, Listing};
use motet_providers::prices::PriceBook;

use super::{Settings, end_of};
use crate::Error;
use crate::reading::{Unread, read_file};
use crate::whole_file::write_whole;

/// The folder of a project in which its models lie.
pub const MODELS_FOLDER: &str = "models";

/// The largest data file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The most models that a project brings.
const FILES_MAX: usize = 1000;

/// A model that a project brings.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub entry: Entry,
    digest: Digest,
}

impl PartialEq for ModelFile {
    fn eq(&self, other: &ModelFile) -> bool {
        (&self.path, self.digest) == (&other.path, other.digest)
    }
}

impl Eq for ModelFile {}

impl ModelFile {
    /// All that lie in the project's folder, by provider and name.
    ///
    /// # Errors
    /// [`Error::ModelFile`] when one can't be used, [`Error::File`] when it can't be read.
    pub(super) fn read_all(project: &Path) -> Result<Vec<ModelFile>, Error> {
        let mut files: Vec<ModelFile> = Vec::new();
        for provider in Registry::default().iter().map(|provider| provider.profile()) {
            let folder = project.join(MODELS_FOLDER).join(&provider.name);
            for path in data_files(&folder)? {
                let file = ModelFile::read(project, path)?;
                let operation = file.entry.operation();
                if file.entry.provider != provider.name {
                    let message = format!("a model of `{}` belongs into another folder", file.entry.provider);
                    return Err(Error::ModelFile { path: file.path, message });
                }
                if let Some(other) = files.iter().find(|other| other.entry.operation() == operation) {
                    let message = format!("{} describes `{operation}` already", other.path.display());
                    return Err(Error::ModelFile { path: file.path, message });
                }
                files.push(file);
                if files.len() > FILES_MAX {
                    let message = format!("a project may have at most {FILES_MAX} models");
                    return Err(Error::ModelFile { path: folder, message });
                }
            }
        }
        Ok(files)
    }

    fn read(project: &Path, path: PathBuf) -> Result<ModelFile, Error> {
        if !stays_in(project, &path) {
            let error = io::Error::other("it is a link that leads out of the project");
            return Err(Error::file("read", path, error));
        }
        let bytes = read_file(&path, FILE_BYTES_MAX).map_err(|unread| {
            let error = match unread {
                Unread::Io(error) => error,
                other => io::Error::other(other.to_string()),
            };
            Error::file("read", &path, error)
        })?;
        match Entry::read(&String::from_utf8_lossy(&bytes)) {
            Ok(entry) => Ok(ModelFile { digest: Digest::of(&bytes), path, entry }),
            Err(error) => Err(Error::ModelFile { path, message: error.to_string() }),
        }
    }

    /// What the file decides about money, if anything: by it a call gets its price, or a model that comes with Motet is
    /// counted otherwise.
    pub(super) fn power(&self, project: &Path, prices: &PriceBook) -> Option<String> {
        let operation = self.entry.operation();
        // The same words however the project was reached: they are what is granted.
        let path = self.path.strip_prefix(project).unwrap_or(&self.path).display();
        if Catalogue::built_in().get(&operation).is_some() {
            return Some(format!("takes the place of {operation}, its price included, by {path}"));
        }
        let is_priced = Listing::new(self.entry.clone(), prices).contract.price.is_some();
        is_priced.then(|| format!("says how the price of {operation} is counted, by {path}"))
    }

    /// What it says, hashed.
    pub(super) fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Settings {
    /// The models that the project brings and that wait for a person's word, each with what it decides.
    pub(super) fn powerful_models(&self) -> impl Iterator<Item = (&ModelFile, String)> {
        let book = self.price_book();
        self.models.iter().filter_map(move |file| Some((file, file.power(&self.folder, &book)?)))
    }

    /// Keeps `entry` as a model of the project, in the place of one that it may have: gives the file.
    ///
    /// # Errors
    /// [`Error::ModelFile`] when a model of that name is there, unless `replaces`; [`Error::File`] when the file can't
    /// be written.
    pub fn add_model(&self, entry: &Entry, replaces: bool) -> Result<PathBuf, Error> {
        let operation = entry.operation();
        let path = self.folder.join(MODELS_FOLDER).join(entry.file_name());
        let own = self.models.iter().find(|file| file.entry.operation() == operation);
        if let (Some(own), false) = (own, replaces) {
            let message = format!("it describes `{operation}` already");
            return Err(Error::ModelFile { path: own.path.clone(), message });
        }
        let path = own.map_or(path, |own| own.path.clone());
        write(&self.folder, &path, &entry.written()).map_err(|error| Error::file("write", &path, error))?;
        Ok(path)
    }
}

/// The data files in `folder`, by name; none if it isn't there.
fn data_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::file("read", folder, error);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let paths: Result<Vec<PathBuf>, Error> =
        entries.take(10 * FILES_MAX).map(|entry| Ok(entry.map_err(failed)?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    Ok(paths)
}

fn stays_in(project: &Path, path: &Path) -> bool {
    let ends = end_of(project).zip(end_of(path));
    ends.is_some_and(|(project, path)| path.starts_with(project))
}

/// Writes a file, whole or not at all, with the folders on the way to it.
fn write(project: &Path, path: &Path, text: &str) -> io::Result<()> {
    if !stays_in(project, path) {
        return Err(io::Error::other("a link leads out of the project"));
    }
    let folder = path.parent().unwrap_or(project);
    std::fs::create_dir_all(folder)?;
    write_whole(path, &mut |file| file.write_all(text.as_bytes()))
}
