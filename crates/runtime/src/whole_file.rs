//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Writes a file under another name and renames it, so that what has the name is whole.
///
/// # Errors
/// When it can't be written: then what had the name is as it was.
pub(crate) fn write_whole(path: &Path, write: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    // What is there by this name was left by a process that is gone.
    let _ = fs::remove_file(&part);
    let written = File::create_new(&part).and_then(|mut file| write(&mut file));
    let placed = written.and_then(|()| fs::rename(&part, path));
    if placed.is_err() {
        // The reason is the failure above; a part that stays does no harm.
        let _ = fs::remove_file(&part);
    }
    placed
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_cannot_be_written_whole_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.txt");
        write_whole(&path, &mut |file| file.write_all(b"old")).unwrap();
        let broken = write_whole(&path, &mut |file| {
            file.write_all(b"ne")?;
            // A device on which there is never any space.
            File::options().write(true).open("/dev/full")?.write_all(b"w")
        });
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_whole(&path, &mut |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn a_link_in_the_place_of_the_part_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("film.txt"), folder.path().join("other.txt"));
        fs::write(&other, "theirs").unwrap();
        let part = folder.path().join(format!(".film.txt.{}.part", std::process::id()));
        std::os::unix::fs::symlink(&other, part).unwrap();
        write_whole(&path, &mut |file| file.write_all(b"ours")).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"ours".into(), b"theirs".into()));
    }
}
