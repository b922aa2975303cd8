//! The face: connections, and what each request is answered.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use motet::Motet;
use motet::hooks::{Delivery, Receipt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::body::{self, Unread};
use crate::room::{
    CONNECTION_TIME_MAX, CONNECTIONS_MAX, ENDING_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_MAX, HEADERS_MAX, Room,
};

/// What requests are answered with.
struct Face {
    motet: Motet,
    room: Room,
}

type Answer = Response<Full<Bytes>>;

/// Answers until `stop` is cancelled.
pub async fn serve(socket: TcpListener, motet: Motet, stop: CancellationToken) {
    let face = Arc::new(Face { motet, room: Room::default() });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = places.clone().acquire_owned() => place.expect("the semaphore is never closed"),
        };
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: they come back when connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (face, stop) = (face.clone(), stop.clone());
        connections.spawn(async move {
            attend(stream, face, stop).await;
            drop(place);
        });
    }
    drop(socket);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What takes longer is delivered again.
    let _ = tokio::time::timeout(ENDING_TIME_MAX, ended).await;
}

/// Answers the requests of one client.
async fn attend(stream: TcpStream, face: Arc<Face>, stop: CancellationToken) {
    // Without it an answer may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let face = face.clone();
        async move { Ok::<_, Infallible>(face.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that misbehaves or is gone is no concern of anybody else's.
        _ = &mut connection => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(CONNECTION_TIME_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(HEAD_TIME_MAX, connection).await;
}

impl Face {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if let Some(provider) = path.strip_prefix("/hooks/").filter(|name| is_name(name)) {
            return match *request.method() {
                Method::POST => self.take(provider.to_owned(), request).await,
                _ => only("POST"),
            };
        }
        match (path, request.method()) {
            ("/healthz", &Method::GET | &Method::HEAD) => self.health(),
            ("/healthz", _) => only("GET, HEAD"),
            _ => answer(StatusCode::NOT_FOUND, "not_found"),
        }
    }

    /// Takes a delivery.
    async fn take(&self, provider: String, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let mut room = self.room.part();
        let body = match body::read(body, &mut room).await {
            Ok(body) => body,
            Err(unread) => return refused(unread),
        };
        let header = |(name, value): (&hyper::header::HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let query = head.uri.query().unwrap_or_default().to_owned();
        let delivery = Delivery { query, headers: head.headers.iter().map(header).collect(), body };
        let receipt = self.motet.deliver(&provider, delivery).await;
        let status = StatusCode::from_u16(receipt.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let answer = answer(status, receipt.word());
        if receipt == Receipt::NotYet { later(answer) } else { answer }
    }

    fn health(&self) -> Answer {
        match self.motet.is_driving() {
            true => answer(StatusCode::OK, "ok"),
            false => answer(StatusCode::SERVICE_UNAVAILABLE, "not_driving"),
        }
    }
}

/// Whether a part of a path can be the name of a provider.
fn is_name(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// What a body that isn't read is answered. The connection ends with it: the rest is not read to its end.
fn refused(unread: Unread) -> Answer {
    let mut answer = match unread {
        Unread::TooLarge => answer(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        Unread::NoRoom => later(answer(StatusCode::SERVICE_UNAVAILABLE, "not_yet")),
        Unread::TooSlow => answer(StatusCode::REQUEST_TIMEOUT, "too_slow"),
        Unread::Broken => answer(StatusCode::BAD_REQUEST, "broken"),
    };
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn only(methods: &'static str) -> Answer {
    let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    answer
}

fn later(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// `{"status":"recorded"}`: `word` has letters and `_` alone.
fn answer(status: StatusCode, word: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{{\"status\":\"{word}\"}}\n"))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
