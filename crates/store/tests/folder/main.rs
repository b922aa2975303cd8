//! The folder of a store: what is refused as it is, what continues, and that nothing in it leads
//! elsewhere.

#[path = "../child/mod.rs"]
mod child;
mod first_open;
mod links;
mod others;
#[path = "../score/mod.rs"]
mod score;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use motet_pipeline::Digest;
use motet_store::{Store, StoreError, StoreFolder};
use rusqlite::Connection;

use score::Score;

/// All that lies in a folder, with what it holds. Links are not followed.
fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let held = match metadata.file_type() {
            kind if kind.is_file() => Digest::of(&fs::read(&path).unwrap()).to_string(),
            kind if kind.is_symlink() => fs::read_link(&path).unwrap().display().to_string(),
            _ => String::new(),
        };
        if metadata.is_dir() {
            found.extend(contents(&path));
        }
        found.insert(path, format!("{:o} {held}", metadata.permissions().mode()));
    }
    found
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn message(error: &StoreError, folder: &Path) -> String {
    error.to_string().replace(&*folder.to_string_lossy(), "FOLDER")
}

fn refused<T>(outcome: Result<T, StoreError>) -> StoreError {
    outcome.err().expect("this is refused")
}

/// A state of a folder: its name, and how it is brought about.
type State = (&'static str, fn(&Path));
