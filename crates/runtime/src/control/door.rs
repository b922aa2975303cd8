//! The owner's side: the door through which guests come.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::socket::{self, Socket};
use super::wire::{NOTE_BYTES_MAX, REQUEST_BYTES_MAX, Wire};
use super::{Ask, Bell, ErrorText, Hello, Refusal, Reply};
use crate::Error;
use crate::follow::{Bells, Happening, Listener};
use crate::motet::{Motet, RunHandle};
use crate::request::Answer;

/// How many guests may be asked at once what they want; the next ones wait. Those who follow a run
/// are asked no more.
const ASKED_MAX: usize = 256;

/// How long a guest may take to say what it wants.
const ASKING_TIME_MAX: Duration = Duration::from_secs(30);

/// Lets guests in until it is closed.
pub(crate) struct DoorKeeper {
    socket: Socket,
    /// No more guests are let in.
    shut: CancellationToken,
    /// Those inside are sent away.
    emptied: CancellationToken,
}

/// What a guest is served with.
struct Room {
    motet: Motet,
    hello: Hello,
    asked: Semaphore,
}

impl DoorKeeper {
    /// Opens the door of the store in `folder`, which `motet` drives.
    pub(crate) fn open(folder: &Path, motet: Motet, hello: Hello) -> io::Result<DoorKeeper> {
        let world = &motet.hands().world;
        let (listener, socket) = socket::open(folder, || world.token())?;
        let (shut, emptied) = (CancellationToken::new(), CancellationToken::new());
        let keeper = DoorKeeper { socket: socket.clone(), shut: shut.clone(), emptied: emptied.clone() };
        let driven = motet.clone();
        let room = Arc::new(Room { motet, hello, asked: Semaphore::new(ASKED_MAX) });
        tokio::spawn(async move {
            tokio::select! {
                () = let_in(listener, room, emptied.clone()) => {}
                () = shut.cancelled() => {}
                // The driver panicked and let go of the store: one of the guests can drive it.
                () = driven.is_left() => {
                    socket.remove();
                    emptied.cancel();
                }
            }
        });
        Ok(keeper)
    }

    /// Where the socket is.
    pub(crate) fn path(&self) -> &Path {
        self.socket.path()
    }

    /// Lets nobody in any more. To be called before the owner begins to leave.
    pub(crate) fn shut(&self) {
        if !self.shut.is_cancelled() {
            self.shut.cancel();
            // Now and not later: then it may be the next owner's.
            self.socket.remove();
        }
    }

    /// Sends all guests away: they find the store's lock free. To be called when the owner has left.
    pub(crate) fn empty(&self) {
        self.emptied.cancel();
    }
}

impl Drop for DoorKeeper {
    fn drop(&mut self) {
        self.shut();
        self.empty();
    }
}

async fn let_in(listener: UnixListener, room: Arc<Room>, emptied: CancellationToken) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: they come back when guests leave.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (room, emptied) = (room.clone(), emptied.clone());
        tokio::spawn(async move {
            tokio::select! {
                // A guest that misbehaves or is gone is no concern of the owner's.
                _ = serve(stream, &room) => {}
                () = emptied.cancelled() => {}
            }
        });
    }
}

async fn serve(stream: UnixStream, room: &Room) -> io::Result<()> {
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let mut wire = Wire::new(stream);
    let place = room.asked.acquire().await;
    let request = tokio::time::timeout(ASKING_TIME_MAX, ask(&mut wire, room)).await??;
    drop(place);
    let Some(request) = request else { return Ok(()) };
    match wire.wait_for(answer(request, &room.motet)).await? {
        Ok((reply, followed)) => {
            wire.send(&reply).await?;
            match followed {
                Some(run) => ring(&mut wire, &room.motet, &run).await,
                None => Ok(()),
            }
        }
        // The owner is leaving: whoever gets no answer asks the next one.
        Err(Error::Interrupted(_)) => Ok(()),
        Err(error) => wire.send(&Reply::Refused(Refusal::of(&error))).await,
    }
}

/// Asks the guest who it is and what it wants.
async fn ask(wire: &mut Wire, room: &Room) -> io::Result<Option<Ask>> {
    wire.send(&room.hello).await?;
    let Some(hello) = wire.receive::<Hello>(NOTE_BYTES_MAX).await? else { return Ok(None) };
    if hello.difference(&room.hello).is_some() {
        // The guest sees that as well, and tells its user.
        return Ok(None);
    }
    match wire.receive(REQUEST_BYTES_MAX).await {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let text =
                ErrorText { code: "request_unreadable".into(), message: error.to_string(), hint: None };
            wire.send(&Reply::Refused(Refusal::Other(text))).await?;
            Ok(None)
        }
        request => request,
    }
}

/// What is replied, and the run that is to be followed from then on.
async fn answer(ask: Ask, motet: &Motet) -> Result<(Reply, Option<RunHandle>), Error> {
    match ask {
        Ask::Do(request) => Ok((Reply::Done(motet.carry_out(request).await?), None)),
        Ask::Follow { run, drive: true } => Ok((Reply::Done(Answer::Done), Some(motet.take_up(&run).await?))),
        Ask::Follow { run, drive: false } => Ok((Reply::Done(Answer::Done), Some(motet.find_by_id(&run)?))),
    }
}

/// Rings while something happens to the run.
async fn ring(wire: &mut Wire, motet: &Motet, run: &RunHandle) -> io::Result<()> {
    let listener = run.feed().await.map(Listener::new);
    // Read after listening, so that no turn falls between the two.
    let turns = motet.store().run(run.id()).ok().flatten().map_or(0, |row| row.turns);
    wire.send(&Bell::Turn(turns)).await?;
    let Some(mut listener) = listener else { return wire.send(&Bell::Idle).await };
    loop {
        let Bells { last, progress, end } = wire.wait_for(listener.next()).await?;
        wire.send(&Bell::Turn(last)).await?;
        for progress in progress {
            wire.send(&Bell::from(&*progress)).await?;
        }
        match end {
            None => {}
            Some(Happening::StoreFailed(error)) => {
                let error = Error::Store((*error).clone());
                return wire.send(&Bell::Broken((&error).into())).await;
            }
            // There is no bell for an owner that leaves: the end of the connection is.
            Some(_) => return Ok(()),
        }
    }
}
