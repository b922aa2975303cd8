//! The one door to the network: every request to a provider goes through here.
//!
//! An adapter says what is to be asked, as data. The door decides where that goes and whether it may, fills in the
//! secrets that it names (law L8), sends it once, reads what comes back within bounds, and says of every failure how
//! far it had come, so whether the request can have left (law L1). It never sends anything a second time.
//!
//! Everything that is policy is here, above [`World::exchange`](crate::world::World::exchange), so that it holds
//! under virtual time too.

mod address;
mod cassette;
mod credential;
mod fault;
mod headers;
mod incoming;
mod outgoing;
mod redaction;
mod scrub;
mod setup;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use motet_pipeline::Timestamp;
use motet_providers::http::{Address, Limits, Method, Reply, Request};
use motet_store::Store;

pub use fault::{Cause, Fault, Stake};
pub use setup::Builder;

use self::address::Site;
use self::cassette::{Asked, Tapes};
use self::credential::Keyring;
use self::incoming::{Received, Sink};
use crate::driver::guarded;
use crate::warning::{OnWarning, Warning};
use crate::world::SharedWorld;
use crate::world::wire::{self, Phase, Timeouts};

/// The door. Clones are the same one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use motet::door::{Cause, Door, Errand, Stake};
/// use motet::providers::adapter::Profile;
/// use motet::providers::http::{Address, Request};
/// use motet::{Class, store::Store, world::live::LiveWorld};
///
/// let web = Profile { name: "http".to_owned(), ..Profile::default() };
/// let door = Door::builder(Arc::new(LiveWorld::default()), Store::in_memory()?).providers([&web]).build()?;
/// let request = Request::get(Address::Url("http://169.254.169.254/latest/meta-data".to_owned()));
/// let fault = door.send(Errand::new("http", request)).await.unwrap_err();
/// assert_eq!(fault.cause, Cause::OutOfReach);
/// assert_eq!(fault.into_failure(Stake::Free).class, Class::Invalid);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    world: SharedWorld,
    store: Store,
    sites: BTreeMap<String, Site>,
    keyring: Keyring,
    tapes: Tapes,
    on_warning: OnWarning,
}

/// Whether requests go to the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tape {
    /// They do.
    #[default]
    Off,
    /// They do, and every exchange is written down in this folder, without secrets.
    Record(PathBuf),
    /// They don't: what was written down in this folder answers. No key is needed.
    Replay(PathBuf),
}

/// What is to be asked, by whom.
#[derive(Clone)]
pub struct Errand {
    /// The provider's name.
    pub provider: String,
    /// What is asked.
    pub request: Request,
    /// Texts in the request that differ from run to run, such as its token and its mark. A replay doesn't look at
    /// them.
    pub marks: Vec<String>,
    /// Whether the reply is a secret.
    asks_for_secret: bool,
}

impl Errand {
    /// `request` of `provider`, without marks.
    pub fn new(provider: &str, request: Request) -> Errand {
        Errand { provider: provider.to_owned(), request, marks: Vec::new(), asks_for_secret: false }
    }

    /// The same, whose reply gives a secret: that isn't hidden from whoever asks for it, and isn't written down.
    #[must_use]
    pub(crate) fn asking_for_secret(self) -> Errand {
        Errand { asks_for_secret: true, ..self }
    }

    /// The same with these marks.
    #[must_use]
    pub fn marked(mut self, marks: impl IntoIterator<Item = String>) -> Errand {
        self.marks.extend(marks);
        self
    }
}

/// The redirects of a download that are followed.
const REDIRECTS_MAX: usize = 5;

impl Door {
    /// The names of a provider's credentials, the one to use first before the others: those that are set, else those
    /// of its SDK that the environment has. If it has none, the one that it is to have.
    pub fn credentials(&self, provider: &str) -> Vec<String> {
        self.0.keyring.names(provider)
    }

    /// What time it is in its world.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.world.now()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Whether the user says where the secret for the webhooks of a provider is.
    pub(crate) fn has_hook_secret(&self, provider: &str) -> bool {
        self.0.keyring.has_hook_secret(provider)
    }

    /// The secret that the user gives for the webhooks of a provider, if one is set.
    pub(crate) fn hook_secret(&self, provider: &str) -> Option<Result<Arc<str>, Fault>> {
        self.0.keyring.hook_secret(provider)
    }

    /// From now on these are hidden like keys that were sent.
    pub(crate) fn hide(&self, secrets: impl Iterator<Item = Arc<str>>) {
        self.0.keyring.hide(secrets);
    }

    /// `text` without any key that was sent so far.
    pub fn redact(&self, text: &str) -> String {
        self.0.keyring.redaction().text(text)
    }

    /// Sends a request, once, and gives the reply. No redirect is followed.
    ///
    /// # Errors
    /// A [`Fault`] if there is no reply, or not all of one. A reply of any status is a reply.
    pub async fn send(&self, errand: Errand) -> Result<Reply, Fault> {
        let sink = Sink::memory(errand.request.limits.reply_bytes_max);
        let place = Place::of(&errand);
        let received = self.exchange(errand, sink).await.map_err(|fault| self.told(fault, &place))?;
        let Received { status, headers, body, .. } = received;
        Ok(Reply { status, headers, body, at: self.0.world.now() })
    }

    /// Downloads what an address gives into the file `into`, which must not be there yet: at most as many bytes as the
    /// request's limits say. A reply that is no success is given as it is, and no file is left. Redirects are followed
    /// where the request names no credential.
    ///
    /// # Errors
    /// As [`Door::send`], and [`Cause::Disk`]. No file is left.
    pub async fn download(&self, errand: Errand, into: &Path) -> Result<Reply, Fault> {
        let place = Place::of(&errand);
        self.follow(errand, into).await.map_err(|fault| self.told(fault, &place))
    }

    async fn follow(&self, mut errand: Errand, into: &Path) -> Result<Reply, Fault> {
        if !self.0.tapes.is_replay() {
            self.site(&errand.provider)?.check_outputs(&errand.request.address)?;
        }
        let is_plain = errand.request.credentials().next().is_none();
        let may_redirect = is_plain && errand.request.method == Method::Get;
        for _ in 0..=REDIRECTS_MAX {
            let sink = Sink::file(into, errand.request.limits.reply_bytes_max);
            let received = self.exchange(errand.clone(), sink).await?;
            match received.redirect() {
                Some(next) if may_redirect => errand.request.address = Address::Url(next?),
                _ => {
                    let Received { status, headers, body, .. } = received;
                    return Ok(Reply { status, headers, body, at: self.0.world.now() });
                }
            }
        }
        Err(Fault::new(Phase::Body, Cause::Redirected)
            .because(format!("more than {REDIRECTS_MAX} redirects")))
    }

    /// Whether a simulator answers in the place of whatever address a request of `provider` names.
    pub(crate) fn is_stood_in(&self, provider: &str) -> bool {
        self.0.sites.get(provider).is_some_and(Site::is_stood_in)
    }

    fn site(&self, provider: &str) -> Result<&Site, Fault> {
        let names = self.0.sites.keys().map(String::as_str);
        let nobody = || Fault::refused(Cause::Address, address::no_provider(provider, names));
        self.0.sites.get(provider).ok_or_else(nobody)
    }

    /// One request, and its reply in `sink`.
    async fn exchange(&self, errand: Errand, sink: Sink) -> Result<Received, Fault> {
        let inner = &*self.0;
        let Errand { provider, request, marks, asks_for_secret } = errand;
        let site = self.site(&provider)?;
        let destination = site.destination(&request.address)?;
        let asked = || Asked::of(&provider, &request, &destination, &marks);
        let asked = (!inner.tapes.is_off()).then(asked);
        if let Some(asked) = asked.as_ref().filter(|_| inner.tapes.is_replay()) {
            let reply = inner.tapes.answer(asked)?;
            return sink.take(reply, &destination.url, &inner.world).await;
        }
        site.check_reach(&destination)?;
        outgoing::check(&request.body, &inner.store)?;
        let (headers, redaction) = self.headers(site, &request, &destination, &sink)?;
        let Request { method, body, limits, .. } = request;
        let outgoing = wire::Request {
            method,
            url: destination.url.clone(),
            headers,
            body: outgoing::body(body, inner.store.clone(), inner.world.clone()),
            reach: destination.reach,
            timeouts: timeouts(limits),
        };
        let explained = |fault: Fault| fault.within(limits).hinted(|| site.allowing());
        let reply = inner.world.exchange(outgoing).await.map_err(|fault| explained(fault.into()))?;
        let mut received = sink.take(reply, &destination.url, &inner.world).await.map_err(explained)?;
        if asks_for_secret {
            return Ok(received);
        }
        redaction.received(&mut received);
        if let Some(asked) = asked {
            received = self.record(asked, received).await;
        }
        Ok(received)
    }

    /// Writes an exchange down. That this can't be done is no fault of the exchange, which may have cost.
    async fn record(&self, asked: Asked, received: Received) -> Received {
        let inner = self.0.clone();
        let shared = Arc::new(received);
        let read = shared.clone();
        let kept = outgoing::beside(&self.0.world, move || inner.tapes.keep(&asked, &read)).await;
        if let (Err(error), Some(folder)) = (kept, self.0.tapes.folder()) {
            let why = error.to_string();
            drop(guarded(|| (self.0.on_warning)(&Warning::NotRecorded { folder: folder.to_owned(), why })));
        }
        Arc::try_unwrap(shared).unwrap_or_else(|shared| (*shared).clone())
    }

    /// A fault as it may be told: with its place, and without any key.
    fn told(&self, fault: Fault, place: &Place) -> Fault {
        let mut fault = fault.at(&place.0);
        fault.message = self.redact(&fault.message);
        fault
    }
}

/// Nobody waits longer than a year, which any clock can count.
const WAIT_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

fn timeouts(limits: Limits) -> Timeouts {
    let span = |ms| Duration::from_millis(ms).min(WAIT_MAX);
    Timeouts { connect: span(limits.connect_ms), request: span(limits.request_ms) }
}

/// What is asked where, for people: without a query.
struct Place(String);

impl Place {
    fn of(errand: &Errand) -> Place {
        let Errand { provider, request, .. } = errand;
        let method = request.method.word();
        Place(match &request.address {
            Address::Provider { base, path, .. } => {
                let path = path.split('?').next().unwrap_or_default();
                format!("{method} {path} of {provider} ({base})")
            }
            Address::Url(url) => format!("{method} {}, given by {provider}", address::shown(url)),
        })
    }
}

/// Shows no marks: a token that is known can be forged.
impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Errand");
        shown.field("provider", &self.provider).field("request", &self.request).finish_non_exhaustive()
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("providers", &self.0.sites.keys()).finish_non_exhaustive()
    }
}
