//! Scratch folders: where files are being made. Each is known by its name, and only such are swept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{StoreError, private};

/// Makes the folder that `draw` names, in the folder of all scratch folders.
pub(crate) fn make(all: &Path, draw: u128) -> Result<PathBuf, StoreError> {
    let folder = all.join(format!("{draw:032x}"));
    private::make_folder(&folder)?;
    Ok(folder)
}

/// Removes the folders that a process left which was killed. A link in one of them is removed as a link.
pub(crate) fn sweep(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        // The type is that of a link, not of what it leads to.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && entry.file_name().to_str().is_some_and(is_name) {
            // What can't be removed does no harm; it only takes room.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
