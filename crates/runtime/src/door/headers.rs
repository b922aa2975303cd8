//! Headers as they leave: with secrets in the places where they are named.

use hyper::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT};
use motet_providers::http::{Header, Request, Segment};

use super::Door;
use super::address::{Destination, Site};
use super::credential::Secret;
use super::fault::{Cause, Fault};
use super::incoming::Sink;
use super::redaction::Redaction;

/// All headers of a request.
type Headers = Vec<(HeaderName, HeaderValue)>;

/// Headers that belong to the wire.
const OF_THE_WIRE: [&str; 7] =
    ["connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"];

impl Door {
    /// The headers of a request, and what hides the secrets in them.
    pub(super) fn headers(
        &self,
        site: &Site,
        request: &Request,
        destination: &Destination,
        sink: &Sink,
    ) -> Result<(Headers, Redaction), Fault> {
        let mut headers: Headers = Vec::with_capacity(request.headers.len() + 3);
        let mut used = Vec::new();
        let content_type = request.body.content_type.iter().map(|mime| Header::text("content-type", mime));
        for header in request.headers.iter().cloned().chain(content_type) {
            let before = used.len();
            let value = self.value(site, &header, destination, &mut used)?;
            headers.push(as_sent(&header.name, &value, used.len() > before)?);
        }
        let usual =
            [(USER_AGENT, concat!("motet/", env!("CARGO_PKG_VERSION"))), (ACCEPT_ENCODING, sink.encodings())];
        for (name, value) in usual {
            if headers.iter().all(|(set, _)| *set != name) {
                headers.push((name, HeaderValue::from_static(value)));
            }
        }
        Ok((headers, self.0.keyring.redaction_of(&used)))
    }

    /// The value of a header; the secrets in it are added to those that are `used`.
    fn value(
        &self,
        site: &Site,
        header: &Header,
        destination: &Destination,
        used: &mut Vec<Secret>,
    ) -> Result<String, Fault> {
        let mut value = String::new();
        for segment in &header.value {
            match segment {
                Segment::Text(text) => value.push_str(text),
                Segment::Secret { name } => {
                    let credential = self.0.keyring.find(site.name(), name)?;
                    credential.check_host(site, destination)?;
                    value.push_str(credential.secret.reveal());
                    used.push(credential.secret);
                }
            }
        }
        Ok(value)
    }
}

fn as_sent(name: &str, value: &str, is_secret: bool) -> Result<(HeaderName, HeaderValue), Fault> {
    let refused =
        |why: &str| Fault::refused(Cause::Header, format!("the header `{}` {why}", name.escape_debug()));
    let parsed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("has a name that can't be sent"))?;
    if OF_THE_WIRE.contains(&parsed.as_str()) {
        return Err(refused("is set by what sends the request"));
    }
    let mut value =
        HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("has control characters"))?;
    value.set_sensitive(is_secret);
    Ok((parsed, value))
}
