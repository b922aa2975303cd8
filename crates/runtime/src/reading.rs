//! Reading files that people name: only ordinary ones, and never more of them than is wanted.
//!
//! A named pipe waits for somebody who writes, a device may have no end or do something when it is
//! opened. Both are told by a look at them, before and, should they have been put there meanwhile, after
//! they were opened; and nothing is waited for in between.

use std::ffi::OsStr;
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use motet_pipeline::Digest;
use sha2::{Digest as _, Sha256};

const CHUNK_BYTES: usize = 128 * 1024;

/// Why a file isn't read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is something else than a file, in words.
    #[error("it is {0}, and must be a file")]
    Other(&'static str),
    /// It has more bytes than are wanted.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// The system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Opens the ordinary file at `path` for reading.
///
/// # Errors
/// When it is something else, or can't be opened.
pub fn open_file(path: &Path) -> Result<File, Unread> {
    judge(&std::fs::metadata(path)?)?;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    judge(&file.metadata()?)?;
    Ok(file)
}

/// The folder in which a file lies, as its path says: `.` for a bare name.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The bytes of the ordinary file at `path`.
///
/// # Errors
/// As [`open_file`], and when it has more than `bytes_max` bytes.
pub fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Unread> {
    let bytes = read_start(path, bytes_max)?;
    if bytes.len() as u64 > bytes_max {
        return Err(Unread::TooLarge(bytes_max));
    }
    Ok(bytes)
}

/// The bytes of a file; of one that is larger, one more than is wanted, which is enough to tell.
pub(crate) fn read_start(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    open_file(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The digest and the length of what `source` gives.
pub(crate) fn measure(source: &mut dyn Read) -> io::Result<(Digest, u64)> {
    let (mut hash, mut chunk, mut bytes) = (Sha256::new(), vec![0; CHUNK_BYTES], 0);
    loop {
        let read = match source.read(&mut chunk) {
            Ok(0) => return Ok((Digest::from_bytes(hash.finalize().into()), bytes)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        hash.update(&chunk[..read]);
        bytes += read as u64;
    }
}

/// A name or word of the system's as text: bytes that aren't UTF-8 are written out, as in `f\xff.yaml`.
pub fn shown_word(word: &OsStr) -> String {
    let chunks = word.as_encoded_bytes().utf8_chunks();
    chunks.map(|chunk| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii())).collect()
}

/// Where a text has the byte `at`: line and column, both from 1, the column in characters.
pub(crate) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// Refuses what is no ordinary file.
pub(crate) fn judge(found: &Metadata) -> Result<(), Unread> {
    if found.is_file() { Ok(()) } else { Err(Unread::Other(word_for(found.file_type()))) }
}

fn word_for(file_type: FileType) -> &'static str {
    match file_type {
        it if it.is_dir() => "a folder",
        it if it.is_fifo() => "a named pipe",
        it if it.is_socket() => "a socket",
        it if it.is_char_device() || it.is_block_device() => "a device",
        _ => "no file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_told_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::fs::write(at("file"), "four").unwrap();
        std::os::unix::fs::symlink(at("pipe"), at("link")).unwrap();
        let told = |path: &Path| read_file(path, 4).unwrap_err().to_string();
        assert_eq!(told(folder.path()), "it is a folder, and must be a file");
        assert_eq!(told(&at("pipe")), "it is a named pipe, and must be a file");
        assert_eq!(told(&at("link")), "it is a named pipe, and must be a file");
        assert_eq!(told(&at("socket")), "it is a socket, and must be a file");
        assert_eq!(told(Path::new("/dev/zero")), "it is a device, and must be a file");
        assert_eq!(told(&at("nothing")), "No such file or directory (os error 2)");
        assert_eq!(read_file(&at("file"), 4).unwrap(), b"four");
        assert_eq!(read_file(&at("file"), 3).unwrap_err().to_string(), "it has more than 3 bytes");
    }
}
