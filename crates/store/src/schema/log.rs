//! SQLite's write-ahead log, read as bytes: which application it names, without changing anything.
//!
//! A header of 32 bytes is followed by frames: 24 bytes about a page, then the page. Numbers have their
//! highest byte first.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::{StoreError, private};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Where the first page of a database names the application.
const APPLICATION_AT: usize = 68;

/// The log of the database `file`.
pub(super) fn path_of(file: &Path) -> PathBuf {
    let mut log = OsString::from(file);
    log.push("-wal");
    log.into()
}

/// The application that the log of the database `file` names, if it holds the database's first page.
pub(super) fn application(file: &Path) -> Result<Option<i32>, StoreError> {
    let path = path_of(file);
    if private::look_at(&path)?.is_none_or(|found| found.is_symlink()) {
        return Ok(None);
    }
    match Log::read(private::open(&path)?).and_then(|log| log.map_or(Ok(None), Log::application)) {
        // Another process has just cut it: what it held is in the database.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        read => read.map_err(|error| StoreError::from_io("read", &path, error)),
    }
}

/// Whether the file at `path` is empty, or a log that holds no page.
pub(crate) fn is_empty(path: &Path) -> Result<bool, StoreError> {
    let file = private::open(path)?;
    let read = file.metadata().and_then(|found| Ok((found.len() == 0, Log::read(file)?)));
    let (has_no_byte, log) = read.map_err(|error| StoreError::from_io("read", path, error))?;
    Ok(has_no_byte || log.is_some_and(|log| log.frames == 0))
}

/// Whether the file at `path` is a log that holds pages.
pub(crate) fn has_pages(path: &Path) -> Result<bool, StoreError> {
    let log = Log::read(private::open(path)?).map_err(|error| StoreError::from_io("read", path, error))?;
    Ok(log.is_some_and(|log| log.frames > 0))
}

struct Log {
    file: File,
    page_bytes: usize,
    /// What the frames of this log have in common; others are of an earlier time.
    salt: [u8; 8],
    frames: u64,
}

impl Log {
    /// Reads the header, if the file is a log.
    fn read(mut file: File) -> io::Result<Option<Log>> {
        let bytes = file.metadata()?.len();
        if bytes < HEADER_BYTES as u64 {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header)?;
        let page_bytes = number_at(&header, 8) as usize;
        let is_a_log = number_at(&header, 0) & !1 == 0x377f_0682
            && page_bytes.is_power_of_two()
            && (512..=65536).contains(&page_bytes);
        let frames = (bytes - HEADER_BYTES as u64) / (FRAME_HEADER_BYTES + page_bytes) as u64;
        let salt = *header[16..].first_chunk().expect("the header is longer");
        Ok(is_a_log.then_some(Log { file, page_bytes, salt, frames }))
    }

    fn application(mut self) -> io::Result<Option<i32>> {
        let mut frame = [0; FRAME_HEADER_BYTES + APPLICATION_AT + 4];
        for index in 0..self.frames {
            let at = HEADER_BYTES as u64 + index * (FRAME_HEADER_BYTES + self.page_bytes) as u64;
            self.file.seek(SeekFrom::Start(at))?;
            self.file.read_exact(&mut frame)?;
            if frame[8..16] != self.salt {
                break;
            }
            if number_at(&frame, 0) == 1 {
                return Ok(Some(number_at(&frame, FRAME_HEADER_BYTES + APPLICATION_AT) as i32));
            }
        }
        Ok(None)
    }
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().expect("four bytes are there"))
}
