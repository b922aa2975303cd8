//! `http/request`: a call to any address, with the user's own secrets.
//!
//! Inputs: `url`, `method` (`GET`, or `POST` if there is a body), `headers`, `query`, and for the body one of `json`,
//! `text` and `file`. A header is a text, `{ secret: NAME }`, or a list of both that are joined. Outputs: `status_code`,
//! `headers`, and of the body `json`, `text` or `file`.
//!
//! A service says what a call cost by the header `motet-cost`, in dollars.

mod contract;

use motet_pipeline::check::SECRET;
use motet_pipeline::contract::{Sketch, Sketches};
use motet_pipeline::failure::{Known, Phase, Scope};
use motet_pipeline::value::{Map, STEP_UNITS_MAX};
use motet_pipeline::{Artifact, Class, Failure, MediaKind, Value};
use url::Url;

use crate::adapter::{Call, Profile, Provider};
use crate::answer::{Answer, Given, Media, Meta, Source, Submitted};
use crate::failure::{Asked, Refusal, by_status, refused, request_id};
use crate::http::{Address, Body, Header, Method, Piece, Reply, Request, Segment};
use crate::json::{self, Unread};
use crate::output::is_mime;
use crate::payload;
use crate::place;

pub use contract::request;

const NAME: &str = "http";

/// The inputs of which one is the body.
const BODIES: [&str; 3] = ["json", "text", "file"];

/// Headers that are the door's, or that would change what is sent where.
const REFUSED_HEADERS: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "motet-attempt", "upgrade", "te"];

/// Headers that are not given as outputs: they may be secret.
const HIDDEN_HEADERS: [&str; 3] = ["set-cookie", "www-authenticate", "authorization"];

/// Any server of the web.
pub struct Web {
    profile: Profile,
}

impl Default for Web {
    fn default() -> Web {
        Web { profile: Profile { name: NAME.to_owned(), ..Profile::default() } }
    }
}

impl Provider for Web {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn submit(&self, call: &Call) -> Result<Request, Failure> {
        if let Some(refusal) = request().contract.refusal(&Sketches::of(&call.inputs)) {
            return Err(refusal);
        }
        let body = body(call)?;
        let method = method(call)?;
        let mut request = Request::new(method, Address::Url(address(call))).limits(call.limits);
        for (name, value) in
            call.inputs.get("headers").and_then(Value::as_map).into_iter().flat_map(Map::iter)
        {
            request = request.header(header(name, value)?);
        }
        if !is_repeatable(method) {
            request = request.header(call.attempt_header());
        }
        Ok(request.body(body.unwrap_or_default()))
    }

    fn read_submitted(&self, call: &Call, reply: Reply) -> Result<Submitted, Failure> {
        let method = method(call)?;
        if !reply.is_success() {
            return Err(failed(if is_repeatable(method) { Asked::Other } else { Asked::Call }, &reply));
        }
        Ok(Submitted::Done(Box::new(answer(reply)?)))
    }

    fn is_repeatable(&self, call: &Call) -> bool {
        method(call).is_ok_and(is_repeatable)
    }
}

/// Whether a request of this method means the same however often it is sent (RFC 9110 §9.2.2).
fn is_repeatable(method: Method) -> bool {
    matches!(method, Method::Get | Method::Put | Method::Delete)
}

fn method(call: &Call) -> Result<Method, Failure> {
    let has_body = BODIES.iter().any(|name| given(call, name).is_some());
    match call.text("method").map(str::to_ascii_uppercase).as_deref() {
        None if has_body => Ok(Method::Post),
        None | Some("GET") => Ok(Method::Get),
        Some("POST") => Ok(Method::Post),
        Some("PUT") => Ok(Method::Put),
        Some("PATCH") => Ok(Method::Patch),
        Some("DELETE") => Ok(Method::Delete),
        Some(_) => Err(Failure::invalid("`method` must be GET, POST, PUT, PATCH or DELETE")),
    }
}

fn given<'a>(call: &'a Call, name: &str) -> Option<&'a Value> {
    call.inputs.get(name).filter(|value| !matches!(value, Value::Absent | Value::Null))
}

/// What is wrong with one input by itself.
fn judge(name: &str, value: &Value) -> Result<(), String> {
    let Some(url) = value.as_str().filter(|_| name == "url") else { return Ok(()) };
    let authority =
        url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let has_host = Url::parse(url).is_ok_and(|url| url.has_host());
    match place::is_web_address(url) && has_host && !authority.contains('@') && !url.contains('#') {
        true => Ok(()),
        false => {
            Err("`url` must begin with https:// or http:// and a host, without a user, a fragment or spaces"
                .to_owned())
        }
    }
}

/// What is wrong with the headers, those that may be absent left out.
fn judge_headers(given: &Sketches) -> Result<(), Failure> {
    let Some(headers) = given.get("headers").and_then(Sketch::fields) else { return Ok(()) };
    for name in headers.names().filter(|name| headers.is_there(name)) {
        match headers.get(name).and_then(Sketch::value) {
            Some(value) => drop(header(name, value)?),
            None => drop(header_name(name)?),
        }
    }
    Ok(())
}

/// What is wrong with the query, what may be absent left out.
fn judge_query(given: &Sketches) -> Result<(), Failure> {
    let Some(query) = given.get("query").and_then(Sketch::fields) else { return Ok(()) };
    let is_part = |sketch: &Sketch| match sketch {
        Sketch::Value(value) => text(value).is_some(),
        Sketch::List(_) | Sketch::Map(_) => false,
        Sketch::Unknown { .. } => true,
    };
    match query.names().find(|name| !query.get(name).is_some_and(is_part)) {
        Some(name) => Err(Failure::invalid(format!(
            "`{}` of the `query` must be text, a number, or true or false",
            crate::said::said(name)
        ))),
        None => Ok(()),
    }
}

/// A body needs a method that has one.
fn judge_method(given: &Sketches) -> Result<(), Failure> {
    let is_get = given.get("method").and_then(Sketch::as_str).is_some_and(|method| method == "GET");
    match is_get && BODIES.iter().any(|name| given.is_there(name)) {
        true => Err(Failure::invalid("a GET has no body: write `method: POST`")),
        false => Ok(()),
    }
}

/// The address with its query.
fn address(call: &Call) -> String {
    let url = call.text("url").unwrap_or_default();
    let pairs = given(call, "query").and_then(Value::as_map).into_iter().flat_map(Map::iter);
    let pairs = pairs.filter_map(|(name, value)| Some((name, text(value)?)));
    let pairs: Vec<_> =
        pairs.map(|(name, value)| format!("{}={}", place::encoded(name), place::encoded(&value))).collect();
    let joint = if url.contains('?') { '&' } else { '?' };
    if pairs.is_empty() { url.to_owned() } else { format!("{url}{joint}{}", pairs.join("&")) }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_json().to_string()),
        _ => None,
    }
}

/// The name of a header as it is sent.
fn header_name(name: &str) -> Result<String, Failure> {
    let name = name.to_ascii_lowercase();
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !is_name || REFUSED_HEADERS.contains(&name.as_str()) {
        return Err(Failure::invalid(format!("the header `{}` can't be set", crate::said::said(&name))));
    }
    Ok(name)
}

fn header(name: &str, value: &Value) -> Result<Header, Failure> {
    let name = header_name(name)?;
    let parts = match value {
        Value::List(parts) => parts.iter().map(segment).collect::<Option<Vec<_>>>(),
        one => segment(one).map(|segment| vec![segment]),
    };
    let needs =
        || Failure::invalid(format!("the header `{name}` must be a text, a secret, or a list of both"));
    Ok(Header { value: parts.ok_or_else(needs)?, name })
}

fn segment(value: &Value) -> Option<Segment> {
    if let Some(parts) = value.as_map() {
        let name =
            parts.get(SECRET).and_then(Value::as_str).filter(|name| parts.len() == 1 && json::is_id(name))?;
        return Some(Segment::secret(name));
    }
    text(value).filter(|text| text.chars().all(|letter| !letter.is_control())).map(Segment::text)
}

fn body(call: &Call) -> Result<Option<Body>, Failure> {
    let body = BODIES.into_iter().find(|name| given(call, name).is_some());
    body.map(|name| one_body(call, name)).transpose()
}

fn one_body(call: &Call, name: &str) -> Result<Body, Failure> {
    match (name, given(call, name).unwrap_or(&Value::Null)) {
        ("json", value) => payload::json(call, value),
        ("file", Value::Media(file)) => Ok(of_file(file)),
        (_, Value::Text(text)) => Ok(Body::bytes("text/plain; charset=utf-8", text.as_bytes())),
        _ => Err(Failure::invalid(format!("`{name}` is of another type"))),
    }
}

fn of_file(file: &Artifact) -> Body {
    Body::of(&file.mime, vec![Piece::artifact(file)])
}

fn failed(asked: Asked, reply: &Reply) -> Failure {
    let body = json::read(&reply.body).ok();
    // No shape of errors is known of it, so the words that many use are shown; the class is that of the status.
    let told = body
        .as_ref()
        .and_then(|body| ["message", "detail", "error"].iter().find_map(|name| json::text(body, name)));
    let class = by_status(asked, reply.status);
    let refusal = told.map(|text| Refusal { class, code: None, text: text.to_owned() });
    refused(NAME, asked, reply, refusal, body.as_ref())
}

fn answer(reply: Reply) -> Result<Answer, Failure> {
    let mime = reply.header("content-type").and_then(|mime| mime.split(';').next()).map(str::trim);
    let mime = mime.filter(|mime| is_mime(mime)).map(str::to_ascii_lowercase);
    let is_json = mime.as_deref().is_some_and(|mime| mime == "application/json" || mime.ends_with("+json"));
    let is_text = mime.as_deref().is_some_and(|mime| mime.starts_with("text/"));
    let cost = reply.header("motet-cost").and_then(|cost| cost.trim().parse().ok());
    let meta = Meta { request_id: request_id(&reply), ..Meta::default() };
    let mut answer =
        Answer { cost: cost.filter(|cost| *cost >= motet_pipeline::Money::ZERO), meta, ..Answer::default() };
    let mut output = |name: &str, given| drop(answer.outputs.insert(name.to_owned(), given));
    output("status_code", Given::Value(i64::from(reply.status).into()));
    output("headers", Given::Value(headers(&reply)));
    if is_json {
        output("json", Given::Value(read_json(&reply)?));
    } else if is_text {
        let text = String::from_utf8(reply.body.clone())
            .map_err(|_| unreadable(&reply, says_it_is("text in UTF-8")))?;
        output("text", Given::Value(text.into()));
    } else if !reply.body.is_empty() {
        let source = Source::Bytes(reply.body);
        output("file", Given::Media(Media { kind: MediaKind::File, mime, source }));
    }
    Ok(answer)
}

fn headers(reply: &Reply) -> Value {
    let shown = reply.headers.iter().filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()));
    Value::map(shown.map(|(name, value)| (name.clone(), Value::from(value.as_str()))))
}

/// The body of a reply that says that it is JSON.
fn read_json(reply: &Reply) -> Result<Value, Failure> {
    let read = json::read(&reply.body).map(Value::from);
    let read = read.and_then(|value| match value.excess(STEP_UNITS_MAX) {
        Some(excess) => Err(Unread::TooLarge(excess)),
        None => Ok(value),
    });
    read.map_err(|unread| match unread {
        Unread::Other(_) => unreadable(reply, says_it_is("JSON")),
        Unread::TooLarge(_) => {
            let told = unread.to_string();
            Failure { class: Class::TooLarge, ..unreadable(reply, told) }
        }
    })
}

fn says_it_is(what: &str) -> String {
    format!("what says it is {what} and isn't")
}

/// A reply of success that can't be used, because it is `what`.
fn unreadable(reply: &Reply, what: String) -> Failure {
    Failure {
        sent: Known::Yes,
        billed: Known::Maybe,
        scope: Some(Scope::Request),
        phase: Some(Phase::Body),
        http_status: Some(reply.status),
        ..Failure::bad_output(format!("{NAME} answered {} with {what}", reply.status))
    }
}
