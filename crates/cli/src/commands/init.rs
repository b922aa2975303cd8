//! `motet init`: a project with settings and a first pipeline. Never overwrites.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use motet::Error;

use crate::arguments;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{shown_path, typed_path};
use crate::render::line::{Line, Tone};
use crate::terminal::Terminal;

const SETTINGS: &str = include_str!("init/motet.toml");
const PIPELINE: &str = include_str!("init/film.yaml");

/// What the project keeps out of version control.
const IGNORED: [&str; 2] = [".motet/", "out/"];

pub fn init(asked: &arguments::Init, terminal: &Terminal) -> Result<Exit, Problem> {
    let folder = &asked.folder;
    fs::create_dir_all(folder).map_err(|error| file_error("make the folder", folder, error))?;
    let tell = |path: &Path, outcome: &str| {
        terminal.note_line(&Line::of(Tone::Plain, format!("  {outcome:<8} {}", shown_path(path))));
    };
    for (name, text) in [("motet.toml", SETTINGS), ("film.yaml", PIPELINE)] {
        let path = folder.join(name);
        tell(&path, if write_new(&path, text)? { "created" } else { "exists" });
    }
    let ignore = folder.join(".gitignore");
    tell(&ignore, if add_lines(&ignore)? { "created" } else { "exists" });
    let film = folder.join("film.yaml");
    terminal.note_line(&Line::of(Tone::Plain, format!("next: motet run {}", typed_path(&film))));
    Ok(Exit::Good)
}

/// Writes a file unless there is one; says whether it did.
fn write_new(path: &Path, text: &str) -> Result<bool, Problem> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(|error| file_error("write", path, error))?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(file_error("write", path, error)),
    }
}

/// Adds the lines that are missing; says whether any were.
fn add_lines(path: &Path) -> Result<bool, Problem> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(file_error("read", path, error)),
    };
    let missing: Vec<&str> =
        IGNORED.into_iter().filter(|line| !text.lines().any(|known| known.trim() == *line)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    fs::write(path, format!("{text}{gap}{}\n", missing.join("\n")))
        .map_err(|error| file_error("write", path, error))?;
    Ok(true)
}

fn file_error(verb: &'static str, path: &Path, error: std::io::Error) -> Problem {
    Error::File { verb, path: path.to_owned(), error }.into()
}
