//! Scratch folders, and single scratch files: where files are being made. Each is known by its name, and only such are swept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{StoreError, private};

/// Makes the folder that `draw` names, in the folder of all scratch folders.
pub(crate) fn make(all: &Path, draw: u128) -> Result<PathBuf, StoreError> {
    let folder = all.join(format!("{draw:032x}"));
    private::make_folder(&folder)?;
    Ok(folder)
}

/// How the names of single files begin; `draw` follows.
const FILE: &str = "output-";

/// The name of the single file that `draw` names.
pub(crate) fn file_name(draw: u128) -> String {
    format!("{FILE}{draw:032x}")
}

/// Removes the folders and files that a process left which was killed. A link in a folder is removed as a link.
pub(crate) fn sweep(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        // The type is that of a link, not of what it leads to.
        let (Ok(kind), name) = (entry.file_type(), entry.file_name()) else { continue };
        let Some(name) = name.to_str() else { continue };
        // What can't be removed does no harm; it only takes room.
        if kind.is_dir() && is_name(name) {
            let _ = fs::remove_dir_all(entry.path());
        } else if kind.is_file() && name.strip_prefix(FILE).is_some_and(is_name) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
