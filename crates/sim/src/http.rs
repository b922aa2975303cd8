//! Requests and replies as data.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method in capitals, such as `POST`.
    pub method: String,
    /// The path with its prefix and query, such as `/replicate/v1/predictions?cursor=…`.
    pub path: String,
    /// Names (in any case) and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// The reply to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An answer.
    Answer(Answer),
    /// The connection was refused, so nothing arrived. The HTTP face can only close the connection, as for [`Reply::Lost`].
    Refused,
    /// The request was processed, but the connection closes before the first byte of the answer.
    Lost {
        /// How long after the request it closes.
        after: Duration,
    },
}

/// An answer of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The delay of its first byte.
    pub after: Duration,
    /// The HTTP status.
    pub status: u16,
    /// Names (in lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The whole body, with a content length.
    Whole(Bytes),
    /// A chunked body without a content length.
    Stream(Vec<Piece>),
    /// The start of a body of `announced` bytes; then the connection closes.
    Cut {
        /// The bytes that arrive.
        bytes: Bytes,
        /// The content length.
        announced: u64,
    },
}

/// A chunk of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The delay after the chunk before it.
    pub after: Duration,
    /// Its bytes; `None` if the connection closes here.
    pub bytes: Option<Bytes>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Answer::new(status, "application/json", Bytes::from(body.to_string()))
    }

    pub(crate) fn new(status: u16, mime: &str, body: Bytes) -> Answer {
        let headers = vec![("content-type".to_owned(), mime.to_owned())];
        Answer { after: Duration::ZERO, status, headers, body: Body::Whole(body) }
    }

    pub(crate) fn empty(status: u16) -> Answer {
        Answer { after: Duration::ZERO, status, headers: Vec::new(), body: Body::Whole(Bytes::new()) }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Answer {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn after(mut self, after: Duration) -> Answer {
        self.after = after;
        self
    }

    /// Replaces the body.
    pub(crate) fn saying(mut self, body: Body) -> Answer {
        self.body = body;
        self
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply::Answer(answer)
    }
}

/// A request with its path and query parsed.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    /// The decoded path segments after the provider's prefix.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) request: &'a Request,
}

impl<'a> Ask<'a> {
    /// Splits a request into its prefix and the rest.
    pub(crate) fn read(request: &'a Request) -> (String, Ask<'a>) {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let mut segments = path.trim_start_matches('/').split('/').map(|segment| decode(segment, false));
        let prefix = segments.next().unwrap_or_default();
        let path = segments.collect();
        (prefix, Ask { method: &request.method, path, query: pairs(query), request })
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.request.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.request.body).ok()
    }

    /// The parts of a `multipart/form-data` body.
    pub(crate) fn parts(&self) -> Option<Vec<Part>> {
        let kind = self.header("content-type")?;
        if !kind.to_ascii_lowercase().starts_with("multipart/form-data") {
            return None;
        }
        let boundary = kind.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
        parts(&self.request.body, boundary.trim_matches('"'))
    }
}

/// A part of a `multipart/form-data` body.
#[derive(Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) file: Option<String>,
    pub(crate) mime: Option<String>,
    pub(crate) content: Bytes,
}

/// The most parts that a form may have.
const PARTS_MAX: usize = 256;

fn parts(body: &Bytes, boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut at = find(body, delimiter.as_bytes(), 0)? + delimiter.len();
    while parts.len() < PARTS_MAX {
        if body.get(at..at + 2)? == b"--" {
            return Some(parts);
        }
        let head = at + 2;
        let content = find(body, b"\r\n\r\n", head.saturating_sub(2))? + 4;
        let end = find(body, format!("\r\n{delimiter}").as_bytes(), content.saturating_sub(2))?;
        let head = String::from_utf8_lossy(body.get(head..content)?).into_owned();
        parts.push(part(&head, body.slice(content.min(end)..end)));
        at = end + 2 + delimiter.len();
    }
    None
}

fn part(head: &str, content: Bytes) -> Part {
    let line = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = line("content-disposition").unwrap_or_default();
    let parameter = |name: &str| {
        disposition.split(';').find_map(|parameter| {
            let (key, value) = parameter.trim().split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
        })
    };
    let name = parameter("name").unwrap_or_default();
    Part { name, file: parameter("filename"), mime: line("content-type"), content }
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let first = *what.first()?;
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        at += 1;
    }
}

/// The decoded pairs of a query.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

/// Decodes percent-encoding. Invalid sequences stay as they are.
fn decode(text: &str, plus: bool) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if plus => bytes.push(b' '),
            b'%' => match hex(rest) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &rest[2..];
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits.first_chunk::<2>()?.map(|digit| char::from(digit).to_digit(16));
    Some((high? * 16 + low?) as u8)
}

/// Percent-encodes a text.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A server-sent event.
pub(crate) fn event(name: Option<&str>, id: Option<&str>, data: &str) -> Bytes {
    let mut text = String::new();
    if let Some(name) = name {
        let _ = writeln!(text, "event: {name}");
    }
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    for line in data.split('\n') {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text.into()
}

/// An error page of a proxy in front of the provider.
pub(crate) fn html(status: u16) -> Answer {
    let page = format!(
        "<html>\n<head><title>{status}</title></head>\n<body><center><h1>{status}</h1></center><hr><center>nginx</center></body>\n</html>\n"
    );
    Answer::new(status, "text/html", page.into())
}

/// An error of the simulator itself.
pub(crate) fn own_error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
