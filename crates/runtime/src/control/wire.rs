//! One side of a connection: JSON values, one a line, of bounded size.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The largest hello, reply or bell.
pub(super) const NOTE_BYTES_MAX: usize = 1 << 20;

/// The largest request: a pipeline and its inputs.
pub(super) const REQUEST_BYTES_MAX: usize = 64 << 20;

/// The line that carries `value`.
pub(super) fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

pub(super) struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> Wire {
        let (reader, writer) = stream.into_split();
        Wire { reader: BufReader::new(reader), writer }
    }

    pub(super) async fn send(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.send_line(line_of(value)?).await
    }

    pub(super) async fn send_line(&mut self, line: Vec<u8>) -> io::Result<()> {
        self.writer.write_all(&line).await
    }

    /// The next value; nothing at the end. A line of more than `bytes_max` is refused before it is
    /// read to its end.
    pub(super) async fn receive<T: DeserializeOwned>(&mut self, bytes_max: usize) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.reader).take(bound).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > bytes_max {
            let message = format!("a line has more than {} MiB", bytes_max >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a line isn't what was expected: {error}"))
        })
    }

    /// Completes when the other side has hung up or says something out of turn. May be dropped.
    pub(super) async fn hung_up(&mut self) {
        // Whether it ended or failed, nobody is there any more.
        let _ = self.reader.fill_buf().await;
    }
}
