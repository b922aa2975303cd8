//! What is said to a vendor and what it answers, as data.
//!
//! An adapter is pure functions: some make a [`Request`] from a call, some make an outcome from a
//! [`Reply`]. None opens a connection. The one HTTP door, in the runtime, sends a request, and it
//! alone fills in secrets: a request only ever *names* a credential (law L8).

mod body;

use std::fmt;

use motet_pipeline::Timestamp;

pub use body::{Body, Piece};

/// A request, ready to be sent but for its address and its secrets, which the door fills in.
///
/// ```
/// use motet_providers::http::{Address, Header, Request, Segment};
/// let request = Request::post(Address::provider("replicate", "api", "/v1/predictions"))
///     .header(Header::secret("authorization", "Bearer ", "REPLICATE_API_TOKEN"));
/// assert_eq!(request.credentials().collect::<Vec<_>>(), ["REPLICATE_API_TOKEN"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is done there.
    pub method: Method,
    /// Where.
    pub address: Address,
    /// The headers, in the order in which they are sent. `content-type` and `content-length` are of the body.
    pub headers: Vec<Header>,
    /// The body; empty for none.
    pub body: Body,
    /// What the door enforces.
    pub limits: Limits,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, address: Address) -> Request {
        Request { method, address, headers: Vec::new(), body: Body::default(), limits: Limits::default() }
    }

    /// A request that reads.
    pub fn get(address: Address) -> Request {
        Request::new(Method::Get, address)
    }

    /// A request that makes something.
    pub fn post(address: Address) -> Request {
        Request::new(Method::Post, address)
    }

    /// The same with one header more.
    pub fn header(mut self, header: Header) -> Request {
        self.headers.push(header);
        self
    }

    /// The same with this body.
    pub fn body(mut self, body: Body) -> Request {
        self.body = body;
        self
    }

    /// The same under these limits.
    pub fn limits(mut self, limits: Limits) -> Request {
        self.limits = limits;
        self
    }

    /// The names of the credentials that the door must have before it can send this.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().flat_map(|header| &header.value).filter_map(|segment| match segment {
            Segment::Secret { name } => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }
}

/// The verbs that vendors use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads; free to repeat.
    Get,
    /// Makes something; may cost money, so it is never repeated by the door.
    Post,
    /// Puts something in its place.
    Put,
    /// Changes a part of something.
    Patch,
    /// Takes something back.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// Where a request goes. It never holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A place of a provider that its profile names. The door joins it to the base URL that the settings or the
    /// profile give for this role, so that a test or a proxy can stand there.
    Provider {
        /// The provider's name, such as `fal`.
        provider: String,
        /// The role of the base URL, such as `queue`: a key of [`Profile::bases`](crate::adapter::Profile::bases).
        base: String,
        /// What is joined to the base URL: begins with `/` and includes the query.
        path: String,
    },
    /// An absolute URL that a provider or a user gave: hostile. The door sends credentials there only if its host
    /// is on the provider's list.
    Url(String),
}

impl Address {
    /// The place `path` below the base URL of the role `base`.
    pub fn provider(provider: &str, base: &str, path: impl Into<String>) -> Address {
        Address::Provider { provider: provider.to_owned(), base: base.to_owned(), path: path.into() }
    }
}

/// A header. Its value is made of segments, so that a secret is never part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, in lower case.
    pub name: String,
    /// The value, in pieces that are joined when it is sent.
    pub value: Vec<Segment>,
}

impl Header {
    /// A header whose value is this text.
    pub fn text(name: &str, value: impl Into<String>) -> Header {
        Header { name: name.to_owned(), value: vec![Segment::text(value)] }
    }

    /// A header whose value is `scheme` and then the credential called `credential`.
    pub fn secret(name: &str, scheme: &str, credential: &str) -> Header {
        let scheme = (!scheme.is_empty()).then(|| Segment::text(scheme));
        let value = scheme.into_iter().chain([Segment::secret(credential)]).collect();
        Header { name: name.to_owned(), value }
    }
}

/// A piece of a header's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Segment {
    /// Sent as it is.
    Text(String),
    /// Replaced by the credential of this name when it is sent.
    Secret {
        /// The credential's name, such as `OPENAI_API_KEY`.
        name: String,
    },
}

impl Segment {
    /// A piece that is sent as it is.
    pub fn text(text: impl Into<String>) -> Segment {
        Segment::Text(text.into())
    }

    /// A piece that the door fills in.
    pub fn secret(name: impl Into<String>) -> Segment {
        Segment::Secret { name: name.into() }
    }
}

/// What the door enforces on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time to open a connection, in milliseconds.
    pub connect_ms: u64,
    /// Time from the first byte sent to the last byte received, in milliseconds.
    pub request_ms: u64,
    /// The largest reply that is read, in bytes.
    pub reply_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { connect_ms: 10_000, request_ms: 120_000, reply_bytes_max: 16 << 20 }
    }
}

/// What came back. Hostile until an adapter has read it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most `reply_bytes_max` bytes.
    pub body: Vec<u8>,
    /// When its last byte came: what "in 30 seconds" counts from.
    pub at: Timestamp,
}

impl Reply {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Shows no body and no query: both may hold what users sent.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("address", &self.address)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.length())
            .finish_non_exhaustive()
    }
}

/// Shows no query, no fragment and no user of a URL.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
        match self {
            Address::Provider { provider, base, path } => write!(f, "{provider}:{base}{}", bare(path)),
            Address::Url(url) => match bare(url).split_once("://") {
                Some((scheme, rest)) => {
                    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                    write!(f, "{scheme}://{}/{path}", host.rsplit('@').next().unwrap_or_default())
                }
                None => f.write_str("no URL"),
            },
        }
    }
}

/// Shows the length of plain text, which may be a token that an adapter put in the wrong place.
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Text(text) => write!(f, "text of {} bytes", text.len()),
            Segment::Secret { name } => write!(f, "secret {name}"),
        }
    }
}

/// Shows names of headers, not their values, and no body.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_for_debugging_holds_no_secret() {
        let url = "https://hush@api.example.com/v1?token=hush#hush";
        let mut header = Header::secret("authorization", "Key hush", "FAL_KEY");
        header.value.push(Segment::text("hush"));
        let request = Request::post(Address::Url(url.to_owned()))
            .header(header)
            .body(Body::bytes("text/plain", *b"hush"));
        let other = Request::get(Address::provider("fal", "queue", "/v1?token=hush"));
        let reply = Reply {
            status: 200,
            headers: vec![("set-cookie".to_owned(), "hush".to_owned())],
            body: b"hush".to_vec(),
            ..Reply::default()
        };
        let shown = format!("{request:?} {other:?} {reply:?}");
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("secret FAL_KEY") && shown.contains("set-cookie"), "{shown}");
        assert!(shown.contains("https://api.example.com/v1") && shown.contains("fal:queue/v1"), "{shown}");
        assert_eq!(reply.header("set-cookie"), Some("hush"));
    }
}
