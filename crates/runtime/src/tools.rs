//! The programs of this machine that operations need.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use motet_media::FFMPEG_VERSION_MIN;
use motet_pipeline::contract::Tool;
use rustix::fs::{Access, access};

/// Where the programs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tools {
    /// ffmpeg.
    pub ffmpeg: String,
    /// ffprobe.
    pub ffprobe: String,
    /// espeak-ng.
    pub espeak_ng: String,
    /// A font file for titles; found by its usual places if not given.
    pub font: Option<PathBuf>,
}

impl Default for Tools {
    fn default() -> Tools {
        Tools {
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            espeak_ng: "espeak-ng".into(),
            font: None,
        }
    }
}

/// Something that operations need and this machine doesn't have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTool {
    /// What.
    pub tool: Tool,
    /// Its name.
    pub name: String,
    /// How to get it on Debian and Ubuntu, and with Homebrew.
    pub install: &'static str,
    /// The setting that says where it is.
    pub setting: &'static str,
}

impl Tools {
    /// What of `needed` is missing.
    pub fn missing(&self, needed: impl IntoIterator<Item = Tool>) -> Vec<MissingTool> {
        needed.into_iter().filter_map(|tool| self.find_missing(tool)).collect()
    }

    fn find_missing(&self, tool: Tool) -> Option<MissingTool> {
        let missing =
            |name: &str, install, setting| Some(MissingTool { tool, name: name.into(), install, setting });
        match tool {
            Tool::Ffmpeg => [&self.ffmpeg, &self.ffprobe]
                .into_iter()
                .find(|name| find_program(name).is_none())
                .and_then(|name| {
                    missing(
                        name,
                        "apt install ffmpeg, or brew install ffmpeg",
                        "tools.ffmpeg and tools.ffprobe",
                    )
                }),
            Tool::EspeakNg if find_program(&self.espeak_ng).is_none() => missing(
                &self.espeak_ng,
                "apt install espeak-ng, or brew install espeak-ng",
                "tools.espeak_ng",
            ),
            Tool::Font if self.find_font().is_none() => {
                missing("a font", "apt install fonts-dejavu-core", "tools.font")
            }
            _ => None,
        }
    }

    /// The font file for titles.
    pub fn find_font(&self) -> Option<PathBuf> {
        let usual = FONTS.iter().map(PathBuf::from);
        self.font.iter().cloned().chain(usual).find(|path| path.is_file())
    }
}

const FONTS: [&str; 6] = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
    "/System/Library/Fonts/Supplemental/Arial Bold.ttf",
    "/Library/Fonts/Arial.ttf",
];

/// Where a program is: a path is taken as it is, a name is looked up where the environment says programs
/// are. Only in whole paths: an empty or relative one stands for whatever folder is worked in, and a file
/// that lies there by chance, or came with a cloned project, must not be run for its name.
pub fn find_program(name: &str) -> Option<PathBuf> {
    find_program_in(&std::env::var_os("PATH").unwrap_or_default(), name)
}

fn find_program_in(folders: &OsStr, name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(|path| is_program(path));
    }
    whole_paths(folders).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// The folders of a `PATH` without those that are relative.
pub(crate) fn whole_paths(folders: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(folders).filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_name_is_never_looked_up_in_the_folder_that_is_worked_in() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let tool = program("tool", 0o755);
        program("words", 0o644);
        let here = std::path::absolute(".").unwrap();
        assert!(here.join("Cargo.toml").is_file(), "tests run in the folder of their package");
        let path = |entries: &str| find_program_in(OsStr::new(entries), "tool");
        let folder = folder.path().display();
        assert_eq!(path(&format!("/nowhere:{folder}")), Some(tool.clone()));
        let relative = "../".repeat(here.components().count()) + &folder.to_string()[1..];
        assert!(Path::new(&relative).join("tool").is_file(), "it could be reached");
        for entries in ["", ".", ":", "./", &relative, &format!(".:{relative}:")] {
            assert_eq!(path(entries), None, "{entries}");
        }
        assert_eq!(find_program_in(OsStr::new(&folder.to_string()), "words"), None, "it is no program");
        assert_eq!(find_program_in(OsStr::new(""), "./Cargo.toml"), None, "nor is this");
        assert_eq!(find_program_in(OsStr::new(""), tool.to_str().unwrap()), Some(tool));
    }
}
