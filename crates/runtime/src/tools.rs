//! The programs of this machine that operations need.

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

/// Where a program is: a path is taken as it is, a name is looked up in the folders of `PATH`. Folders
/// that are relative to wherever somebody works are passed over: somebody else's file may lie there.
pub fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(|path| is_program(path));
    }
    let folders = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&folders).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}
