//! What is said to a vendor and what it answers, as data.
//!
//! An adapter is two pure functions: one makes a [`Request`] from a call, one makes an outcome from
//! a [`Reply`]. Neither opens a connection. The one HTTP door, in the runtime, sends a request, and
//! it alone fills in secrets: a request only ever *names* a credential (law L8).

use std::fmt;

/// A request, ready to be sent but for its secrets.
///
/// ```
/// use motet_providers::http::{Header, Limits, Method, Request, Segment};
/// let request = Request {
///     method: Method::Post,
///     url: "https://api.example.com/v1/predictions".to_owned(),
///     headers: vec![Header {
///         name: "authorization".to_owned(),
///         value: vec![Segment::text("Bearer "), Segment::secret("REPLICATE_API_TOKEN")],
///     }],
///     body: b"{}".to_vec(),
///     limits: Limits::default(),
/// };
/// assert_eq!(request.credentials().collect::<Vec<_>>(), ["REPLICATE_API_TOKEN"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What is done there.
    pub method: Method,
    /// The full address. It never holds a secret.
    pub url: String,
    /// The headers, in the order in which they are sent.
    pub headers: Vec<Header>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// What the door enforces.
    pub limits: Limits,
}

impl Request {
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
    /// Takes something back.
    Delete,
}

/// A header. Its value is made of segments, so that a secret is never part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, in lower case.
    pub name: String,
    /// The value, in pieces that are joined when it is sent.
    pub value: Vec<Segment>,
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
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, at most `reply_bytes_max` bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Shows no body and no query: both may hold what users sent.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
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
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_for_debugging_holds_no_secret() {
        let request = Request {
            method: Method::Post,
            url: "https://api.example.com/v1?token=hush".to_owned(),
            headers: vec![Header {
                name: "authorization".to_owned(),
                value: vec![Segment::text("Key hush"), Segment::secret("FAL_KEY")],
            }],
            body: b"hush".to_vec(),
            limits: Limits::default(),
        };
        let reply = Reply {
            status: 200,
            headers: vec![("set-cookie".to_owned(), "hush".to_owned())],
            body: b"hush".to_vec(),
        };
        let shown = format!("{request:?} {reply:?}");
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("secret FAL_KEY") && shown.contains("set-cookie"), "{shown}");
        assert_eq!(reply.header("set-cookie"), Some("hush"));
    }
}
