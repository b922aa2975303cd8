//! The guest's side: a connection to the owner of a store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motet_engine::RunId;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::wire::{NOTE_BYTES_MAX, REQUEST_BYTES_MAX, SIGN_INTERVAL, Wire, line_of};
use super::{Ask, Bell, ErrorText, Hello, Reply};
use crate::Error;
use crate::lock::{Door, is_held, note_in};
use crate::request::{Answer, Request};

/// A connection to the owner, good for one request.
pub(crate) struct Guest {
    wire: Wire,
    store: PathBuf,
    pid: u32,
}

/// Is told the number of an owner that says nothing.
pub(crate) type OnSilence = Arc<dyn Fn(u32) + Send + Sync>;

/// For so long nobody is told that an owner says nothing.
pub(crate) const QUIET: Duration = Duration::from_secs(2);

/// Whether the process `pid` holds the lock of the store in `folder`.
fn drives(folder: &Path, pid: u32) -> bool {
    is_held(folder) && note_in(folder).is_none_or(|note| note.pid() == pid)
}

/// Why a request has no answer.
pub(crate) enum Unreached {
    /// The owner is gone, or leaving: the next one is to be asked.
    Gone,
    /// The owner has no door.
    NoDoor,
    /// The owner refuses, or is there and says nothing.
    Error(Error),
}

impl Guest {
    /// Connects to the owner of the store in `folder`. Whenever it says nothing for a while, `on_silence` is told, with its
    /// number.
    pub(crate) async fn connect(
        folder: &Path,
        hello: &Hello,
        on_silence: &OnSilence,
    ) -> Result<Guest, Unreached> {
        let note = note_in(folder).ok_or(Unreached::Gone)?;
        let pid = note.pid();
        let path = match note.door {
            Door::At(path) => path,
            // Of one that is dead, the note is old: who has the lock now hasn't said a word yet.
            Door::Closed if pid != 0 => return Err(Unreached::NoDoor),
            Door::Closed | Door::Pending | Door::Left => return Err(Unreached::Gone),
        };
        let stream = UnixStream::connect(path).await.map_err(|_| Unreached::Gone)?;
        let mut guest = Guest { wire: Wire::new(stream), store: folder.to_owned(), pid };
        let told = on_silence.clone();
        guest.wire.on_silence(QUIET, move || told(pid));
        let theirs: Hello = guest.hear().await?;
        guest.pid = theirs.pid;
        let (told, pid) = (on_silence.clone(), guest.pid);
        // It has nothing to say for as long as that.
        guest.wire.on_silence(SIGN_INTERVAL + QUIET, move || told(pid));
        if let Some(what) = hello.difference(&theirs) {
            let error = Error::OwnerDiffers { store: guest.store, pid: guest.pid, what };
            return Err(Unreached::Error(error));
        }
        let said = guest.wire.send(hello).await;
        said.map_err(|error| guest.unheard(error))?;
        Ok(guest)
    }

    /// The owner.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Has the owner do something.
    pub(crate) async fn ask(mut self, request: &Request) -> Result<Answer, Unreached> {
        self.tell(&Ask::Do(request.clone())).await
    }

    /// Has the owner tell of a run, and drive it if it is to be driven. Then [`Guest::bell`] gives
    /// what it tells.
    pub(crate) async fn follow(&mut self, run: &RunId, drive: bool) -> Result<(), Unreached> {
        self.tell(&Ask::Follow { run: run.clone(), drive }).await.map(drop)
    }

    /// The next bell.
    pub(crate) async fn bell(&mut self) -> Result<Bell, Unreached> {
        self.hear().await
    }

    async fn tell(&mut self, ask: &Ask) -> Result<Answer, Unreached> {
        let line = line_of(ask).map_err(|error| self.unheard(error))?;
        if line.len() > REQUEST_BYTES_MAX {
            let text = ErrorText {
                code: "inputs_too_large".into(),
                message: format!("the inputs have {} MiB, and at most 64 MiB are allowed", line.len() >> 20),
                hint: Some("pass large values as files".into()),
            };
            return Err(Unreached::Error(text.into_error(self.pid)));
        }
        let said = self.wire.send_line(line).await;
        said.map_err(|error| self.unheard(error))?;
        match self.hear().await? {
            Reply::Refused(refusal) => Err(Unreached::Error(refusal.into_error(self.pid))),
            Reply::Done(answer) => Ok(answer),
        }
    }

    /// What the owner says next.
    async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Unreached> {
        let heard = self.wire.receive(NOTE_BYTES_MAX).await;
        heard.map_err(|error| self.unheard(error))?.ok_or(Unreached::Gone)
    }

    fn unheard(&self, error: io::Error) -> Unreached {
        match error.kind() {
            // It may have ended while this process was suspended.
            io::ErrorKind::TimedOut if drives(&self.store, self.pid) => {
                Unreached::Error(Error::OwnerSilent { store: self.store.clone(), pid: self.pid })
            }
            _ => Unreached::Gone,
        }
    }
}
