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
mod incoming;
mod outgoing;
mod redaction;
mod scrub;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use motet_providers::adapter::Profile;
use motet_providers::http::{Address, Header, Limits, Method, Reply, Request, Segment};
use motet_store::Store;

pub use fault::{Cause, Fault, Stake};

use self::address::{Destination, Site};
use self::cassette::{Asked, Tapes};
use self::credential::{Environment, Keyring};
use self::incoming::{Received, Sink};
use self::redaction::Redaction;
use crate::Error;
use crate::driver::guarded;
use crate::settings::Settings;
use crate::warning::{OnWarning, Warning};
use crate::world::SharedWorld;
use crate::world::wire::{self, Phase, Timeouts};

/// The door. Clones are the same one.
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

/// What a [`Door`] is made of.
pub struct Builder {
    world: SharedWorld,
    store: Store,
    profiles: Vec<Profile>,
    settings: Option<Settings>,
    environment: Environment,
    tape: Tape,
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
#[derive(Clone, Debug)]
pub struct Errand {
    /// The provider's name.
    pub provider: String,
    /// What is asked.
    pub request: Request,
    /// Texts in the request that differ from run to run, such as its token and its mark. A replay doesn't look at
    /// them.
    pub marks: Vec<String>,
}

impl Errand {
    /// `request` of `provider`, without marks.
    pub fn new(provider: &str, request: Request) -> Errand {
        Errand { provider: provider.to_owned(), request, marks: Vec::new() }
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

impl Builder {
    /// Lets requests of these providers through.
    #[must_use]
    pub fn providers<'p>(mut self, profiles: impl IntoIterator<Item = &'p Profile>) -> Builder {
        self.profiles.extend(profiles.into_iter().cloned());
        self
    }

    /// Where keys are and requests go, as a person has set it.
    #[must_use]
    pub fn settings(mut self, settings: &Settings) -> Builder {
        self.settings = Some(settings.clone());
        self
    }

    /// Where environment variables are looked up; the process's own by default.
    #[must_use]
    pub fn environment(
        mut self,
        look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Builder {
        self.environment = Environment(Arc::new(look_up));
        self
    }

    /// Whether requests go to the network.
    #[must_use]
    pub fn tape(mut self, tape: Tape) -> Builder {
        self.tape = tape;
        self
    }

    /// Has `told` called when an exchange could not be written down.
    #[must_use]
    pub fn on_warning(mut self, told: impl Fn(&Warning) + Send + Sync + 'static) -> Builder {
        self.on_warning = Arc::new(told);
        self
    }

    /// The door.
    ///
    /// # Errors
    /// [`Error::Providers`] when the settings speak of a provider or a role that there isn't, [`Error::File`] when
    /// recorded exchanges can't be read or written.
    pub fn build(self) -> Result<Door, Error> {
        let Builder { world, store, profiles, settings, environment, tape, on_warning } = self;
        let settings = settings.unwrap_or_else(|| Settings::usual(""));
        let known = |name: &String| profiles.iter().any(|profile| profile.name == *name);
        if let Some(unknown) = settings.providers.keys().find(|name| !known(name)) {
            let names = profiles.iter().map(|profile| profile.name.as_str());
            return Err(Error::Providers(address::no_provider(unknown, names)));
        }
        let site = |profile: &Profile| {
            let set = settings.providers.get(&profile.name);
            Ok((profile.name.clone(), Site::new(profile, set).map_err(Error::Providers)?))
        };
        let sites = profiles.iter().map(site).collect::<Result<_, Error>>()?;
        let keyring = Keyring::new(&profiles, &settings, environment);
        let tapes = Tapes::open(tape)?;
        Ok(Door(Arc::new(Inner { world, store, sites, keyring, tapes, on_warning })))
    }
}

impl Door {
    /// Begins to set up a door for `world`; the artifacts that requests carry are in `store`.
    pub fn builder(world: SharedWorld, store: Store) -> Builder {
        Builder {
            world,
            store,
            profiles: Vec::new(),
            settings: None,
            environment: Environment::default(),
            tape: Tape::Off,
            on_warning: Arc::new(|_| {}),
        }
    }

    /// The names of a provider's credentials, the one to use first before the others: those that are set, else those
    /// of its SDK that the environment has. If it has none, the one that it is to have.
    pub fn credentials(&self, provider: &str) -> Vec<String> {
        self.0.keyring.names(provider)
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
        self.site(&errand.provider)?.check_outputs(&errand.request.address)?;
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

    fn site(&self, provider: &str) -> Result<&Site, Fault> {
        let names = self.0.sites.keys().map(String::as_str);
        let nobody = || Fault::refused(Cause::Address, address::no_provider(provider, names));
        self.0.sites.get(provider).ok_or_else(nobody)
    }

    /// One request, and its reply in `sink`.
    async fn exchange(&self, errand: Errand, sink: Sink) -> Result<Received, Fault> {
        let inner = &*self.0;
        let Errand { provider, request, marks } = errand;
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
        let (headers, redaction) = self.headers(&provider, site, &request, &destination, &sink)?;
        let Request { method, body, limits, .. } = request;
        let outgoing = wire::Request {
            method,
            url: destination.url.clone(),
            headers,
            body: outgoing::body(body, inner.store.clone(), inner.world.clone()),
            reach: destination.reach,
            timeouts: timeouts(limits),
        };
        let reply = inner.world.exchange(outgoing).await?;
        let mut received = sink.take(reply, &destination.url, &inner.world).await?;
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

    /// The headers as they leave, and what hides the secrets in them.
    fn headers(
        &self,
        provider: &str,
        site: &Site,
        request: &Request,
        destination: &Destination,
        sink: &Sink,
    ) -> Result<(Vec<(HeaderName, HeaderValue)>, Redaction), Fault> {
        let mut used = Vec::new();
        let mut headers = vec![
            (
                hyper::header::USER_AGENT,
                HeaderValue::from_static(concat!("motet/", env!("CARGO_PKG_VERSION"))),
            ),
            (hyper::header::ACCEPT_ENCODING, HeaderValue::from_static(sink.encodings())),
        ];
        let content_type = request.body.content_type.iter().map(|mime| Header::text("content-type", mime));
        for header in request.headers.iter().cloned().chain(content_type) {
            let mut value = String::new();
            let mut is_secret = false;
            for segment in &header.value {
                match segment {
                    Segment::Text(text) => value.push_str(text),
                    Segment::Secret { name } => {
                        let credential = self.0.keyring.find(provider, name)?;
                        credential.check_host(site, destination)?;
                        value.push_str(credential.secret.reveal());
                        used.push(credential.secret);
                        is_secret = true;
                    }
                }
            }
            let (name, value) = outgoing::header(&header.name, &value, is_secret)?;
            headers.retain(|(known, _)| *known != name || !is_own(known));
            headers.push((name, value));
        }
        let redaction = self.0.keyring.redaction_of(&used);
        Ok((headers, redaction))
    }

    /// A fault as it may be told: with its place, and without any key.
    fn told(&self, fault: Fault, place: &Place) -> Fault {
        let mut fault = fault.at(&place.0);
        fault.message = self.redact(&fault.message);
        fault
    }
}

/// Headers that the door sets by itself unless the adapter does.
fn is_own(name: &HeaderName) -> bool {
    *name == hyper::header::USER_AGENT || *name == hyper::header::ACCEPT_ENCODING
}

fn timeouts(limits: Limits) -> Timeouts {
    let span = Duration::from_millis;
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
