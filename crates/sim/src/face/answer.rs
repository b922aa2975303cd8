//! Passes requests from a socket to the machine, and replies back.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};

use super::Shared;
use crate::{Answer, Body, Provider, Reply, Request};

/// The largest request body.
const BODY_MAX: usize = 256 << 20;

type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// Answers a request. An error closes the connection.
pub(super) async fn answer(
    shared: Arc<Shared>,
    provider: Option<Provider>,
    request: hyper::Request<Incoming>,
) -> io::Result<hyper::Response<Sent>> {
    let request = read(provider, request).await?;
    let reply = shared.handle(&request)?;
    match reply {
        Reply::Refused => Err(broken()),
        Reply::Lost { after } => {
            tokio::time::sleep(after).await;
            Err(broken())
        }
        Reply::Answer(answer) => {
            // Timers have a resolution of a millisecond, so zero must not sleep.
            if answer.after > Duration::ZERO {
                tokio::time::sleep(answer.after).await;
            }
            response(answer)
        }
    }
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

async fn read(provider: Option<Provider>, request: hyper::Request<Incoming>) -> io::Result<Request> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let path = provider.map_or_else(|| path.to_owned(), |provider| format!("/{provider}{path}"));
    let headers = head.headers.iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Request { method: head.method.to_string(), path, headers, body })
}

fn response(answer: Answer) -> io::Result<hyper::Response<Sent>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    if let Body::Cut { announced, .. } = &answer.body {
        response = response.header("content-length", *announced);
    }
    response.body(body(answer.body)).map_err(io::Error::other)
}

fn body(body: Body) -> Sent {
    let pieces = match body {
        Body::Whole(bytes) => {
            return Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync();
        }
        Body::Cut { bytes, .. } => vec![(Duration::ZERO, Some(bytes)), (Duration::from_millis(5), None)],
        Body::Stream(pieces) => pieces.into_iter().map(|piece| (piece.after, piece.bytes)).collect(),
    };
    let stream = stream::unfold(pieces.into_iter(), |mut pieces| async move {
        let (after, bytes) = pieces.next()?;
        if after > Duration::ZERO {
            tokio::time::sleep(after).await;
        }
        let frame = bytes.map(Frame::data).ok_or_else(broken);
        Some((frame, pieces))
    });
    StreamBody::new(Box::pin(stream)).boxed_unsync()
}
