//! One side of a connection: JSON values, one a line, of bounded size.
//!
//! An empty line says nothing but that its sender is there. So a side that hears nothing at all for a
//! while, or is not listened to, knows that the other one is stopped, and gives up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The largest hello, reply or bell.
pub(super) const NOTE_BYTES_MAX: usize = 1 << 20;

/// The largest request: a pipeline and its inputs.
pub(super) const REQUEST_BYTES_MAX: usize = 64 << 20;

/// How long the other side may be silent or deaf.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(20);

/// How often a side that has nothing to say shows that it is there.
pub(super) const SIGN_INTERVAL: Duration = Duration::from_secs(4);

/// The line that carries `value`.
pub(super) fn line_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}

pub(super) struct Wire {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// Who is told that the other side has been silent for so long.
    on_silence: Option<(Duration, Arc<dyn Fn() + Send + Sync>)>,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> Wire {
        let (reader, writer) = stream.into_split();
        Wire { reader: BufReader::new(reader), writer, on_silence: None }
    }

    /// From now on `told` is called each time that the other side has been silent for `quiet`.
    pub(super) fn on_silence(&mut self, quiet: Duration, told: impl Fn() + Send + Sync + 'static) {
        self.on_silence = Some((quiet, Arc::new(told)));
    }

    pub(super) async fn send(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.send_line(line_of(value)?).await
    }

    pub(super) async fn send_line(&mut self, line: Vec<u8>) -> io::Result<()> {
        tokio::time::timeout(SILENCE_MAX, self.writer.write_all(&line)).await?
    }

    /// Waits for `work`, and shows meanwhile that this side is there. May be dropped if `work` may.
    pub(super) async fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> io::Result<T> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(SIGN_INTERVAL, &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) => self.send_line(b"\n".to_vec()).await?,
            }
        }
    }

    /// The next value; nothing at the end. A line of more than `bytes_max` is refused before it is
    /// read to its end.
    pub(super) async fn receive<T: DeserializeOwned>(&mut self, bytes_max: usize) -> io::Result<Option<T>> {
        let line = loop {
            let line = self.receive_in_time(bytes_max).await?;
            if line != b"\n" {
                break line;
            }
        };
        if line.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("a line isn't what was expected: {error}"))
        })
    }

    async fn receive_in_time(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let on_silence = self.on_silence.clone();
        let mut line = std::pin::pin!(tokio::time::timeout(SILENCE_MAX, self.receive_line(bytes_max)));
        let Some((quiet, told)) = on_silence else { return line.await? };
        match tokio::time::timeout(quiet, &mut line).await {
            Ok(line) => line?,
            Err(_) => {
                told();
                line.await?
            }
        }
    }

    /// The next line with its end; an empty one at the end of the connection.
    async fn receive_line(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        (&mut self.reader).take(bound).read_until(b'\n', &mut line).await?;
        if line.len() > bytes_max {
            let message = format!("a line has more than {} MiB", bytes_max >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if !line.is_empty() && line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }
}
