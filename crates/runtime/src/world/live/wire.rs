//! The wire in the real world: HTTP/1.1 over TCP and TLS, with connections that are kept for the next request.
//!
//! No proxies, no redirects, no retries. A request that finds its kept connection closed before any of it was
//! written gets another connection: that is no second request, because nothing of the first one left.

mod connector;
mod outgoing;

use std::sync::{Arc, OnceLock};

use futures_util::stream::{self, StreamExt};
use hyper::body::{Body as _, Incoming};
use hyper::{Response, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep, timeout_at};

use self::connector::{Connector, cause_of};
use self::outgoing::{Outgoing, Progress};
use crate::world::wire::{Cause, Fault, Phase, Pieces, Reach, Reply, Request, until};

/// The connections to the world. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Wire(Arc<Clients>);

/// Apart by reach: what may only go to the internet must not find a connection to somewhere else. And apart by
/// whether TLS is spoken: root certificates are only read for those that do.
#[derive(Default)]
struct Clients {
    public: OnceLock<Client<Connector, Outgoing>>,
    public_plain: OnceLock<Client<Connector, Outgoing>>,
    private: OnceLock<Client<Connector, Outgoing>>,
    private_plain: OnceLock<Client<Connector, Outgoing>>,
}

/// So long is a connection kept that nobody uses: less than the five seconds after which common servers
/// close theirs, because a request that meets the close may or may not have arrived.
const KEPT: std::time::Duration = std::time::Duration::from_secs(4);

/// How many connections to one host are kept while nobody uses them.
const KEPT_MAX: usize = 32;

/// The most headers of a reply.
const HEADERS_MAX: usize = 100;

impl Wire {
    pub(super) async fn exchange(self, request: Request) -> Result<Reply, Fault> {
        let timeouts = request.timeouts;
        let client = self.client(request.reach, request.url.scheme() == "https").clone();
        let (mut asked, progress) = outgoing::of(request)?;
        let connection = capture_connection(&mut asked);
        let mut sending = std::pin::pin!(client.request(asked));
        let mut connected = connection.clone();
        let first = tokio::select! {
            biased;
            answered = &mut sending => Some(answered),
            _ = connected.wait_for_connection_metadata() => None,
            () = sleep(timeouts.connect) => return Err(Fault::new(Phase::Connect, Cause::TimedOut)),
        };
        let deadline = Instant::now() + timeouts.request;
        let answered = match first {
            Some(answered) => answered,
            None => timeout_at(deadline, sending)
                .await
                .map_err(|_| Fault::new(progress.phase(), Cause::TimedOut))?,
        };
        answered
            .map(|response| reply_of(response, deadline))
            .map_err(|error| fault_of(&error, &connection, &progress))
    }

    fn client(&self, reach: Reach, with_tls: bool) -> &Client<Connector, Outgoing> {
        let client = match (reach, with_tls) {
            (Reach::Public, true) => &self.0.public,
            (Reach::Public, false) => &self.0.public_plain,
            (Reach::Private, true) => &self.0.private,
            (Reach::Private, false) => &self.0.private_plain,
        };
        client.get_or_init(|| {
            Client::builder(TokioExecutor::new())
                .pool_idle_timeout(KEPT)
                .pool_timer(TokioTimer::new())
                .pool_max_idle_per_host(KEPT_MAX)
                .http1_max_headers(HEADERS_MAX)
                .build(connector::to(reach, with_tls))
        })
    }
}

/// What went wrong before there was a reply. Without a connection nothing has left.
fn fault_of(
    error: &hyper_util::client::legacy::Error,
    connection: &CaptureConnection,
    progress: &Progress,
) -> Fault {
    let is_unconnected = error.is_connect() || connection.connection_metadata().is_none();
    let phase = if is_unconnected { Phase::Connect } else { progress.phase() };
    let (cause, detail) = cause_of(error);
    Fault { phase, cause, detail }
}

fn reply_of(response: Response<Incoming>, deadline: Instant) -> Reply {
    debug_assert!(response.version() <= Version::HTTP_11, "nothing else was offered");
    let (head, body) = response.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Reply { status: head.status.as_u16(), headers, body: until(deadline, pieces_of(body)) }
}

/// The data of a body; trailers are left out.
fn pieces_of(body: Incoming) -> Pieces {
    let next = |mut body: Incoming| async move {
        loop {
            let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await?;
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => return Some((Ok(data), body)),
                Ok(Err(_)) => {}
                Err(error) => {
                    let (cause, detail) = cause_of(&error);
                    return Some((Err(Fault { phase: Phase::Body, cause, detail }), body));
                }
            }
        }
    };
    stream::unfold(body, next).boxed()
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}
