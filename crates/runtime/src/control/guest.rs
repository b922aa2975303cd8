//! The guest's side: a connection to the owner of a store.

use std::io;
use std::path::Path;

use motet_engine::RunId;
use tokio::net::UnixStream;

use super::wire::{NOTE_BYTES_MAX, REQUEST_BYTES_MAX, Wire, line_of};
use super::{Bell, Hello, Reply, Request, Start};
use crate::Error;
use crate::lock::{Door, note_in};

/// A connection to the owner, good for one request.
pub(crate) struct Guest {
    wire: Wire,
    pid: u32,
}

/// Why a request has no answer.
pub(crate) enum Unreached {
    /// The owner is gone, or leaving: the next one is to be asked.
    Gone,
    /// The owner has no door.
    NoDoor,
    /// The owner refuses.
    Error(Error),
}

impl From<io::Error> for Unreached {
    fn from(_: io::Error) -> Unreached {
        Unreached::Gone
    }
}

impl Guest {
    /// Connects to the owner of the store in `folder`.
    pub(crate) async fn connect(folder: &Path, hello: &Hello) -> Result<Guest, Unreached> {
        let path = match note_in(folder).map(|note| note.door) {
            Some(Door::At(path)) => path,
            Some(Door::Closed) => return Err(Unreached::NoDoor),
            Some(Door::Pending | Door::Left) | None => return Err(Unreached::Gone),
        };
        let mut wire = Wire::new(UnixStream::connect(path).await?);
        let theirs: Hello = wire.receive(NOTE_BYTES_MAX).await?.ok_or(Unreached::Gone)?;
        if let Some(what) = hello.difference(&theirs) {
            let store = folder.to_owned();
            return Err(Unreached::Error(Error::OwnerDiffers { store, pid: theirs.pid, what }));
        }
        wire.send(hello).await?;
        Ok(Guest { wire, pid: theirs.pid })
    }

    /// The owner.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Has the owner start a run.
    pub(crate) async fn start(mut self, start: &Start) -> Result<(RunId, bool), Unreached> {
        match self.ask(&Request::Start(Box::new(start.clone()))).await? {
            Reply::Started { run, found } => Ok((run, found)),
            _ => Err(Unreached::Gone),
        }
    }

    /// Has the owner drive a run.
    pub(crate) async fn take_up(mut self, run: &RunId) -> Result<(), Unreached> {
        self.ask(&Request::TakeUp { run: run.clone() }).await.map(drop)
    }

    /// Has the owner ask a run to end.
    pub(crate) async fn cancel(mut self, run: &RunId, by: &str, reason: &str) -> Result<(), Unreached> {
        let request = Request::Cancel { run: run.clone(), by: by.into(), reason: reason.into() };
        self.ask(&request).await.map(drop)
    }

    /// Has the owner tell of a run, and drive it if it is to be driven. Then [`Guest::bell`] gives
    /// what it tells.
    pub(crate) async fn follow(&mut self, run: &RunId, drive: bool) -> Result<(), Unreached> {
        self.ask(&Request::Follow { run: run.clone(), drive }).await.map(drop)
    }

    /// The next bell; nothing when the owner is gone.
    pub(crate) async fn bell(&mut self) -> Option<Bell> {
        self.wire.receive(NOTE_BYTES_MAX).await.ok().flatten()
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, Unreached> {
        let line = line_of(request)?;
        if line.len() > REQUEST_BYTES_MAX {
            let message = format!(
                "the inputs have {} MiB, and may have 64: give what is large as files",
                line.len() >> 20
            );
            return Err(Unreached::Error(Error::Refused { pid: self.pid, message }));
        }
        self.wire.send_line(line).await?;
        match self.wire.receive(NOTE_BYTES_MAX).await? {
            Some(Reply::Refused(refusal)) => Err(Unreached::Error(refusal.into_error(self.pid))),
            Some(reply) => Ok(reply),
            None => Err(Unreached::Gone),
        }
    }
}
