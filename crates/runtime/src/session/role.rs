//! The role of this process: owner or guest, and how it changes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use motet_engine::RunId;
use motet_pipeline::contract::Catalogue;
use motet_store::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::control::{DoorKeeper, Guest, Hello, OnSilence, QUIET, Unreached};
use crate::lock::{Door, Lock, note_in};
use crate::motet::{Builder, Motet, made_id};
use crate::operation::Hands;
use crate::settings::{Settings, StorePlace};
use crate::world::SharedWorld;
use crate::{Error, Warning};

/// Adds operations to what comes with Motet.
pub(super) type Prepare = Box<dyn Fn(Builder) -> Builder + Send + Sync>;

/// What stands behind a session.
pub(super) struct Backstage {
    place: StorePlace,
    settings: Settings,
    prepare: Prepare,
    catalogue: Catalogue,
    hello: Hello,
    on_silence: OnSilence,
    /// For reading, and for taking files in.
    hands: Arc<Hands>,
    role: Mutex<Role>,
    /// Cancelled when this process begins to leave: nothing more is asked of anybody.
    leaving: CancellationToken,
    /// Cancelled when it has left: what is followed ends.
    left: CancellationToken,
}

enum Role {
    Guest,
    Owner(Owner),
    Left,
}

struct Owner {
    /// Before the rest: nobody is let in while the owner leaves.
    door: Option<DoorKeeper>,
    motet: Motet,
}

/// Whoever drives the store.
pub(super) enum Reached {
    /// This process.
    Owner(Motet),
    /// Another one.
    Guest(Guest),
}

/// How long an owner may be out of reach, while it comes or goes, before that is an error.
const OUT_OF_REACH_MAX: Duration = Duration::from_secs(30);

/// How long to wait before it is tried again.
const PAUSE: Duration = Duration::from_millis(20);

impl Backstage {
    pub(super) async fn open(
        place: StorePlace,
        settings: Settings,
        prepare: Prepare,
    ) -> Result<Backstage, Error> {
        let builder = builder(&settings, &prepare);
        builder.check_clock()?;
        let catalogue = builder.catalogue().clone();
        let hello = Hello::new(&settings, &catalogue, builder.reality());
        let on_silence = warn_of_silence(&builder, &place);
        let (role, hands) = match &place {
            StorePlace::Memory => {
                let motet = builder.open().await?;
                let hands = motet.hands().clone();
                (Role::Owner(Owner { door: None, motet }), hands)
            }
            StorePlace::Folder(folder) => {
                match arrive(folder, builder.shared_world(), &hello, &on_silence).await? {
                    Arrived::First(lock) => {
                        let owner = Owner::open(builder, folder, lock, &hello)?;
                        let hands = owner.motet.hands().clone();
                        (Role::Owner(owner), hands)
                    }
                    // The owner has made the store, so it is there.
                    Arrived::Second(_) => {
                        let store = builder.open_store(folder)?;
                        (Role::Guest, Arc::new(builder.into_hands(store)?))
                    }
                }
            }
        };
        let role = Mutex::new(role);
        let (leaving, left) = (CancellationToken::new(), CancellationToken::new());
        Ok(Backstage { place, settings, prepare, catalogue, hello, on_silence, hands, role, leaving, left })
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn store(&self) -> &Store {
        &self.hands.store
    }

    pub(super) fn hands(&self) -> &Arc<Hands> {
        &self.hands
    }

    /// Is cancelled when this process has released the store.
    pub(super) fn left(&self) -> &CancellationToken {
        &self.left
    }

    pub(super) fn draw_id(&self) -> RunId {
        made_id(self.hands.world.draw())
    }

    pub(super) fn owner(&self) -> Option<u32> {
        let StorePlace::Folder(folder) = &self.place else { return None };
        let note = note_in(folder).filter(|note| note.door != Door::Left)?;
        Some(note.pid()).filter(|pid| *pid != 0 && *pid != std::process::id())
    }

    /// Whoever drives the store now; if nobody does, this process begins to.
    pub(super) async fn reach(&self) -> Result<Reached, Error> {
        tokio::select! {
            biased;
            () = self.leaving.cancelled() => Err(Error::Left),
            reached = self.reach_now() => reached,
        }
    }

    async fn reach_now(&self) -> Result<Reached, Error> {
        let mut role = self.role.lock().await;
        let StorePlace::Folder(folder) = &self.place else {
            return role.own().ok_or(Error::Left);
        };
        match &*role {
            Role::Owner(owner) => return Ok(Reached::Owner(owner.motet.clone())),
            Role::Left => return Err(Error::Left),
            Role::Guest => {}
        }
        match arrive(folder, &self.hands.world, &self.hello, &self.on_silence).await? {
            Arrived::Second(guest) => Ok(Reached::Guest(guest)),
            Arrived::First(lock) => {
                let owner = Owner::open(builder(&self.settings, &self.prepare), folder, lock, &self.hello)?;
                let motet = owner.motet.clone();
                *role = Role::Owner(owner);
                motet.inherit().await?;
                Ok(Reached::Owner(motet))
            }
        }
    }

    /// Releases the store, if this process drives it, and everything that is followed.
    pub(super) async fn leave(&self) {
        self.leaving.cancel();
        let role = std::mem::replace(&mut *self.role.lock().await, Role::Left);
        if let Role::Owner(Owner { door, motet }) = role {
            if let Some(door) = &door {
                door.shut();
            }
            motet.close().await;
            if let Some(door) = door {
                door.empty();
            }
        }
        self.left.cancel();
    }
}

impl Role {
    fn own(&self) -> Option<Reached> {
        match self {
            Role::Owner(owner) => Some(Reached::Owner(owner.motet.clone())),
            Role::Guest | Role::Left => None,
        }
    }
}

impl Owner {
    fn open(builder: Builder, folder: &Path, lock: Lock, hello: &Hello) -> Result<Owner, Error> {
        let motet = builder.open_locked(folder, lock)?;
        // Where there can be no socket, one process can still work; a second one is told to wait.
        let door = DoorKeeper::open(folder, motet.clone(), hello.clone());
        let door = door.inspect_err(|error| {
            let (store, why) = (folder.to_owned(), error.to_string());
            motet.hands().warn(&Warning::NoSocket { store, why });
        });
        let door = door.ok();
        motet.announce(&door.as_ref().map_or(Door::Closed, |door| Door::At(door.path().to_owned())))?;
        Ok(Owner { door, motet })
    }
}

/// Counts how often an owner hung up without an answer.
#[derive(Default)]
pub(super) struct Patience {
    pauses: u32,
}

/// How often an owner may hang up before that is an error: one that leaves does so once.
const PAUSES_MAX: u32 = 50;

impl Patience {
    /// Waits a moment before the owner, or the next one, is asked again.
    pub(super) async fn pause(&mut self, error: impl FnOnce() -> Error) -> Result<(), Error> {
        if self.pauses == PAUSES_MAX {
            return Err(error());
        }
        self.pauses += 1;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

/// How a process comes to a store.
enum Arrived {
    /// Nobody drives it.
    First(Lock),
    /// Somebody does.
    Second(Guest),
}

/// Comes to the store in `folder`; waits while an owner is just coming or going.
async fn arrive(
    folder: &Path,
    world: &SharedWorld,
    hello: &Hello,
    on_silence: &OnSilence,
) -> Result<Arrived, Error> {
    let mut waited = Duration::ZERO;
    loop {
        let owned = match Lock::take(folder, world.now()) {
            Ok(lock) => return Ok(Arrived::First(lock)),
            Err(owned @ Error::Owned { .. }) => owned,
            Err(error) => return Err(error),
        };
        match Guest::connect(folder, hello, on_silence).await {
            Ok(guest) => return Ok(Arrived::Second(guest)),
            Err(Unreached::Error(error)) => return Err(error),
            Err(Unreached::NoDoor) => return Err(owned),
            Err(Unreached::Gone) if waited >= OUT_OF_REACH_MAX => return Err(owned),
            Err(Unreached::Gone) => {
                tokio::time::sleep(PAUSE).await;
                waited += PAUSE;
                if waited >= QUIET {
                    let Error::Owned { pid, .. } = owned else { continue };
                    on_silence(pid);
                }
            }
        }
    }
}

/// Has it told once that the owner of the store says nothing.
fn warn_of_silence(builder: &Builder, place: &StorePlace) -> OnSilence {
    let (warn, is_told) = (builder.warning_listener(), AtomicBool::new(false));
    let StorePlace::Folder(store) = place.clone() else { return Arc::new(|_| {}) };
    Arc::new(move |pid| {
        if !is_told.swap(true, Ordering::Relaxed) {
            warn(&Warning::OwnerSilent { store: store.clone(), pid });
        }
    })
}

fn builder(settings: &Settings, prepare: &Prepare) -> Builder {
    let builder = Motet::builder().settings(settings).tools(settings.tools.clone());
    let builder = builder.processors(settings.processors);
    let pools = settings.pools.iter();
    prepare(pools.fold(builder, |builder, (name, limit)| builder.pool(name, *limit)))
}
