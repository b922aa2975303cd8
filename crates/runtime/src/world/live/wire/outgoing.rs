//! A request as hyper takes it, and how much of it was taken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use http_body::{Body, Frame, SizeHint};
use hyper::header::HeaderMap;

use crate::world::wire::{Cause, Fault, Method, Phase, Request};

/// The body of a request: exactly as long as was said, or an error.
pub(super) struct Outgoing {
    left: u64,
    pieces: BoxStream<'static, io::Result<Bytes>>,
    progress: Progress,
}

/// How much of a request was taken by its connection.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicBool>);

impl Progress {
    /// The phase of a request that has a connection and no reply.
    pub(super) fn phase(&self) -> Phase {
        if self.0.load(Ordering::Relaxed) { Phase::Wait } else { Phase::Send }
    }
}

/// The request for hyper.
pub(super) fn of(request: Request) -> Result<(hyper::Request<Outgoing>, Progress), Fault> {
    let Request { method, url, headers, body, .. } = request;
    let progress = Progress::default();
    progress.0.store(body.length == 0, Ordering::Relaxed);
    let outgoing = Outgoing { left: body.length, pieces: body.pieces, progress: progress.clone() };
    let mut asked = hyper::Request::new(outgoing);
    let refused = |error: &dyn std::fmt::Display| Fault::new(Phase::Connect, Cause::Malformed).because(error);
    *asked.method_mut() = method_of(method);
    *asked.uri_mut() = url.as_str().parse().map_err(|error: hyper::http::uri::InvalidUri| refused(&error))?;
    *asked.headers_mut() = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        asked.headers_mut().append(name, value);
    }
    Ok((asked, progress))
}

fn method_of(method: Method) -> hyper::Method {
    match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Patch => hyper::Method::PATCH,
        Method::Delete => hyper::Method::DELETE,
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = OwnBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OwnBody>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match ready!(self.pieces.poll_next_unpin(cx)) {
            Some(piece) => piece.map_err(|error| OwnBody(error.to_string()))?,
            None => return Poll::Ready(Some(Err(OwnBody("it ended too early".to_owned())))),
        };
        let Some(left) = self.left.checked_sub(piece.len() as u64) else {
            return Poll::Ready(Some(Err(OwnBody("it is longer than it was".to_owned()))));
        };
        self.left = left;
        self.progress.0.store(left == 0, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// The body of a request could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct OwnBody(String);
