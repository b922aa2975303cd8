//! The wire: one request out, one reply back.
//!
//! What comes here is final: its address is checked, its secrets are filled in. Policy is the
//! [door](crate::door)'s, above; here is only what a network does.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use hyper::header::{HeaderName, HeaderValue};
use tokio::time::Instant;
use url::Url;

pub use motet_pipeline::failure::Phase;
pub use motet_providers::http::Method;

/// A request as it leaves.
pub struct Request {
    /// What is done there.
    pub method: Method,
    /// Where: `http` or `https`.
    pub url: Url,
    /// All headers but `host` and `content-length`. Values that are secret are marked as sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it carries.
    pub body: Body,
    /// Where a connection may be made to.
    pub reach: Reach,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// What a request carries: so many bytes, a piece at a time.
pub struct Body {
    /// How many bytes the pieces have together. Where they have more or fewer, the request is broken off.
    pub length: u64,
    /// The pieces.
    pub pieces: BoxStream<'static, io::Result<Bytes>>,
}

/// A reply, as far as its headers.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case; bytes that are no UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// What follows, as it comes.
    pub body: Pieces,
}

/// The body of a reply, a piece at a time.
pub type Pieces = BoxStream<'static, Result<Bytes, Fault>>;

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection: name, TCP and TLS together.
    pub connect: Duration,
    /// From then until the last byte of the reply.
    pub request: Duration,
}

/// Why there is no reply, or not all of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How far it came: `connect` if there was no connection for the request, so that no byte of it has left; `send`
    /// if some of it may have; `wait` if its connection has taken all of it; `body` if the reply had begun.
    pub phase: Phase,
    /// What happened.
    pub cause: Cause,
    /// The same in the words of whoever noticed it; empty where there is no more to say.
    pub detail: String,
}

impl Fault {
    /// A fault without further words.
    pub fn new(phase: Phase, cause: Cause) -> Fault {
        Fault { phase, cause, detail: String::new() }
    }

    /// The same with these words.
    pub fn because(mut self, detail: impl fmt::Display) -> Fault {
        self.detail = detail.to_string();
        self
    }
}

/// What happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The host's name has no address.
    Unresolved,
    /// All of the host's addresses are out of the request's [`Reach`].
    OutOfReach,
    /// Nobody listens there.
    Refused,
    /// There is no TLS connection with the host.
    Tls,
    /// A timeout passed.
    TimedOut,
    /// The connection broke off, or there was none for another reason.
    Broken,
    /// What came isn't HTTP.
    Malformed,
    /// The request's own body could not be read to its end.
    Unread,
}

impl Cause {
    /// All causes.
    pub const ALL: [Cause; 8] = [
        Cause::Unresolved,
        Cause::OutOfReach,
        Cause::Refused,
        Cause::Tls,
        Cause::TimedOut,
        Cause::Broken,
        Cause::Malformed,
        Cause::Unread,
    ];
}

/// Where a connection may be made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Addresses of the internet alone.
    Public,
    /// Those of this machine and of private networks as well. Link-local ones stay out of reach, because that is
    /// where clouds keep the credentials of their machines.
    Private,
}

impl Reach {
    /// Whether a connection may be made to `address`.
    ///
    /// ```
    /// use motet::world::wire::Reach;
    /// let allowed = |address: &str| Reach::Public.allows(address.parse().unwrap());
    /// assert!(allowed("93.184.215.14"));
    /// assert!(!allowed("10.0.0.1") && !allowed("::ffff:127.0.0.1"));
    /// assert!(Reach::Private.allows("10.0.0.1".parse().unwrap()));
    /// assert!(!Reach::Private.allows("169.254.169.254".parse().unwrap()));
    /// ```
    pub fn allows(self, address: IpAddr) -> bool {
        match (self, network::Network::of(address)) {
            (_, network::Network::Public) => true,
            (reach, network::Network::Private) => reach == Reach::Private,
            (_, network::Network::Never) => false,
        }
    }
}

mod network;

impl Body {
    /// Nothing.
    pub fn empty() -> Body {
        Body { length: 0, pieces: stream::empty().boxed() }
    }

    /// These bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body { length: bytes.len() as u64, pieces: stream::iter([Ok(bytes)]).boxed() }
    }

    /// All of it at once: for worlds in which nothing is streamed.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn read(mut self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.pieces.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }
}

impl Reply {
    /// A reply with this body.
    pub fn of(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let body = stream::iter([Ok(body.into())]).boxed();
        Reply { status, headers: headers.iter().map(owned).collect(), body }
    }
}

/// `pieces`, until `deadline` has passed: then a fault, and nothing more.
pub(super) fn until(deadline: Instant, pieces: Pieces) -> Pieces {
    let next = move |pieces: Option<Pieces>| async move {
        let mut pieces = pieces?;
        match tokio::time::timeout_at(deadline, pieces.next()).await {
            Ok(piece) => Some((piece?, Some(pieces))),
            Err(_) => Some((Err(Fault::new(Phase::Body, Cause::TimedOut)), None)),
        }
    };
    stream::unfold(Some(pieces), next).boxed()
}

/// Shows no query, no value of a header and no body: each may be a secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &self.url.origin().ascii_serialization())
            .field("path", &self.url.path())
            .field("headers", &names)
            .field("body_bytes", &self.body.length)
            .field("reach", &self.reach)
            .field("timeouts", &self.timeouts)
            .finish()
    }
}

/// Shows names of headers, not their values, and no body.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Reply").field("status", &self.status).field("headers", &names).finish_non_exhaustive()
    }
}
