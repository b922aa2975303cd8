//! Settings: what `motet.toml` says about a project and its machine.

mod file;

use std::path::{Path, PathBuf};

use motet_store::StoreError;

use crate::Error;
use crate::tools::Tools;

/// The name of the file.
pub const FILE_NAME: &str = "motet.toml";

/// The environment variable that names the folder of the store.
pub const STORE_VARIABLE: &str = "MOTET_STORE";

/// What a store in memory is called where a folder is asked for.
pub const IN_MEMORY: &str = ":memory:";

/// What is set for a project: what its `motet.toml` says, else what is usual.
///
/// ```toml
/// store = ".motet"              # the folder of the store, or ":memory:"
/// out = "out"                   # where the outputs of finished runs lie
/// processors = 4                # how much work that keeps a processor busy goes on at once
///
/// [tools]
/// ffmpeg = "ffmpeg"             # a name that is looked up, or a path
/// ffprobe = "ffprobe"
/// espeak_ng = "espeak-ng"
/// font = "fonts/Title.ttf"      # for titles
/// ```
///
/// Paths are seen from the folder of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The project's folder: that of the file, else the working folder.
    pub folder: PathBuf,
    /// Where the store is, if the file says so.
    pub store: Option<StorePlace>,
    /// Where the outputs of finished runs lie.
    pub out: PathBuf,
    /// Where this machine's programs are.
    pub tools: Tools,
    /// How much work that keeps a processor busy may go on at once.
    pub processors: usize,
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// In a folder.
    Folder(PathBuf),
    /// In memory: it ends with the process.
    Memory,
}

impl StorePlace {
    /// The place that `written` names: `:memory:`, or a folder seen from `base`.
    pub fn read(written: impl AsRef<Path>, base: &Path) -> StorePlace {
        let written = written.as_ref();
        if written == Path::new(IN_MEMORY) {
            StorePlace::Memory
        } else {
            StorePlace::Folder(base.join(written))
        }
    }
}

impl Settings {
    /// What is usual for a project in `folder`.
    pub fn usual(folder: impl Into<PathBuf>) -> Settings {
        let folder = folder.into();
        Settings {
            file: None,
            out: folder.join("out"),
            folder,
            store: None,
            tools: Tools::default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The settings for `pipeline`, a file (or for no file in particular): those of the `motet.toml`
    /// in its folder or the nearest one above, else of the one in the working folder `here`, else
    /// what is usual.
    ///
    /// # Errors
    /// [`Error::Settings`] when the file can't be understood, [`Error::File`] when it can't be read.
    pub fn find(pipeline: Option<&Path>, here: &Path) -> Result<Settings, Error> {
        let beside = pipeline.map(|pipeline| here.join(pipeline));
        let above = beside.iter().flat_map(|pipeline| pipeline.ancestors().skip(1));
        let folders = above.chain(std::iter::once(here));
        let found = folders.map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file());
        found.map_or_else(|| Ok(Settings::usual(here)), |file| Settings::load(&file))
    }

    /// The settings that the file at `path` makes.
    ///
    /// # Errors
    /// As [`Settings::find`].
    pub fn load(path: &Path) -> Result<Settings, Error> {
        let bytes = std::fs::read(path).map_err(|error| Error::file("read", path, error))?;
        file::read(path, &String::from_utf8_lossy(&bytes))
    }

    /// Where the store is: what a flag says, else what the environment (`MOTET_STORE`) says, both seen
    /// from the working folder `here`; else what the file says, else `.motet` in the project's folder.
    pub fn place(&self, flag: Option<&Path>, environment: Option<&Path>, here: &Path) -> StorePlace {
        let said = said(flag, environment).map(|written| StorePlace::read(written, here));
        said.or_else(|| self.store.clone()).unwrap_or_else(|| StorePlace::Folder(self.folder.join(".motet")))
    }

    /// The same, unless the project leads there by a link: one that was copied or cloned may hold links
    /// that lead anywhere. A flag or the environment may name a link; a person wrote those.
    ///
    /// # Errors
    /// [`StoreError::Linked`].
    pub fn find_place(
        &self,
        flag: Option<&Path>,
        environment: Option<&Path>,
        here: &Path,
    ) -> Result<StorePlace, Error> {
        let place = self.place(flag, environment, here);
        match &place {
            StorePlace::Folder(folder) if said(flag, environment).is_none() => match self.link_to(folder) {
                Some(link) => Err(StoreError::Linked { link }.into()),
                None => Ok(place),
            },
            _ => Ok(place),
        }
    }

    /// The first link on the way from the project's folder to `folder`; if that doesn't lie in the
    /// project, only `folder` itself can be one.
    fn link_to(&self, folder: &Path) -> Option<PathBuf> {
        let lies_below = folder.starts_with(&self.folder);
        let is_asked = |path: &&Path| *path == folder || lies_below && *path != self.folder;
        let is_link = |path: &&Path| path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        folder.ancestors().take_while(is_asked).filter(is_link).last().map(Path::to_owned)
    }
}

/// What a person said about where the store is: a flag is stronger than the environment.
fn said<'p>(flag: Option<&'p Path>, environment: Option<&'p Path>) -> Option<&'p Path> {
    flag.or(environment).filter(|written| !written.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_above_the_pipeline_holds_and_else_the_working_folder() {
        let root = tempfile::tempdir().unwrap();
        let (project, here) = (root.path().join("project"), root.path().join("here"));
        std::fs::create_dir_all(project.join("films/old")).unwrap();
        std::fs::create_dir_all(&here).unwrap();
        let film = project.join("films/old/film.yaml");

        let none = Settings::find(Some(&film), &here).unwrap();
        assert_eq!(none, Settings::usual(&here));

        std::fs::write(here.join(FILE_NAME), "processors = 1").unwrap();
        assert_eq!(Settings::find(Some(&film), &here).unwrap().processors, 1);
        assert_eq!(Settings::find(None, &here).unwrap().folder, here);

        std::fs::write(project.join(FILE_NAME), "processors = 2").unwrap();
        let near = Settings::find(Some(&film), &here).unwrap();
        assert_eq!((near.processors, near.folder), (2, project.clone()));
        let relative = Settings::find(Some(Path::new("films/old/film.yaml")), &project).unwrap();
        assert_eq!(relative.folder, project);
    }

    #[test]
    fn a_link_in_a_project_leads_to_no_store_unless_a_person_names_it() {
        let root = tempfile::tempdir().unwrap();
        let (project, elsewhere) = (root.path().join("project"), root.path().join("elsewhere"));
        std::fs::create_dir_all(project.join("films")).unwrap();
        std::fs::create_dir(&elsewhere).unwrap();
        for link in [project.join(".motet"), project.join("films/kept"), root.path().join("beside")] {
            std::os::unix::fs::symlink(&elsewhere, link).unwrap();
        }
        let store = |written: &str| Settings {
            store: Some(StorePlace::read(written, &project)),
            ..Settings::usual(&project)
        };
        let table = [
            (Settings::usual(&project), Some(".motet")),
            (store("films/kept"), Some("films/kept")),
            (store("films/kept/deep/store"), Some("films/kept")),
            (store("../beside"), Some("../beside")),
            (store("films/plain"), None),
            (store(IN_MEMORY), None),
        ];
        for (settings, wanted) in table {
            let link = match settings.find_place(None, None, &project) {
                Err(Error::Store(StoreError::Linked { link })) => Some(link),
                Ok(_) => None,
                Err(other) => panic!("{other}"),
            };
            assert_eq!(link, wanted.map(|wanted| project.join(wanted)), "{:?}", settings.store);
            let named = settings.find_place(None, Some(Path::new(".motet")), &project).unwrap();
            assert_eq!(named, StorePlace::Folder(project.join(".motet")));
        }
        // The project itself may be reached by a link: a person went there.
        std::os::unix::fs::symlink(&project, root.path().join("way")).unwrap();
        let by_a_link = Settings::usual(root.path().join("way/films"));
        assert!(by_a_link.find_place(None, None, &project).is_ok());
    }

    #[test]
    fn a_flag_is_stronger_than_the_environment_and_that_than_the_file() {
        let (file, here) = (Path::new("/project/motet.toml"), Path::new("/here"));
        let silent = Settings::usual("/project");
        let speaking = file::read(file, "store = 'kept'").unwrap();
        let folder = |path: &str| StorePlace::Folder(path.into());
        let (flag, environment) = (Some(Path::new("flag")), Some(Path::new("/env")));
        assert_eq!(speaking.place(flag, environment, here), folder("/here/flag"));
        assert_eq!(speaking.place(None, environment, here), folder("/env"));
        assert_eq!(speaking.place(None, Some(Path::new("")), here), folder("/project/kept"));
        assert_eq!(silent.place(None, None, here), folder("/project/.motet"));
        assert_eq!(silent.place(Some(Path::new(":memory:")), environment, here), StorePlace::Memory);
    }
}
