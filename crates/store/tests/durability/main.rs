//! What was acknowledged is found again, or its loss is said.

mod backup;
mod locks;
mod long_values;
mod mark;
mod place;
#[path = "../score/mod.rs"]
mod score;

use std::fs;
use std::path::{Path, PathBuf};

use motet_engine::RunId;
use motet_pipeline::Value;
use motet_store::{Store, StoreError};
use tempfile::TempDir;

use score::Score;

/// A store in use, and what it would leave if its process were killed: its files as they are now.
struct Stage {
    folder: TempDir,
    store: Store,
}

impl Stage {
    fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Stage { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// Appends a run of some turns.
    fn keep(&self, run: &str) -> Score {
        Score::four_steps(run).kept_in(&self.store)
    }

    /// What is left after `kill -9`, in a folder called `name`. What is shared in memory isn't.
    fn killed(&self, name: &str) -> PathBuf {
        let to = self.folder.path().join(name);
        copy(&self.path(), &to);
        to
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false if entry.file_name() == "motet.db-shm" => {}
            false => _ = fs::copy(entry.path(), to).unwrap(),
        }
    }
}

/// Why a store can't be opened, to be driven and to be looked at alike.
fn refused(folder: &Path) -> StoreError {
    let looked = Store::open_read_only(folder).err().expect("it isn't shown as if all were well");
    let driven = Store::open(folder).err().expect("it isn't driven as if all were well");
    assert_eq!(looked.to_string(), driven.to_string());
    driven
}

fn message(error: &StoreError, folder: &Path) -> String {
    error.to_string().replace(&*folder.to_string_lossy(), "FOLDER")
}

/// How many turns of a run are there.
fn turns(store: &Store, run: &str) -> usize {
    store.turns(&RunId::new(run)).map_or(0, |turns| turns.len())
}

fn text(bytes: usize) -> Value {
    Value::from("word ".repeat(bytes / 5))
}
