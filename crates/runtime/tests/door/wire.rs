//! The wire of the real world: what leaves, what comes back, and what a fault says of it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use motet::language::failure::Phase;
use motet::world::World;
use motet::world::live::LiveWorld;
use motet::world::wire::{Body, Cause, Fault, Method, Reach, Reply, Request, Timeouts};

use crate::server::{Act, Server};

/// Long enough for everything that is to come about on this machine.
const LONG: Duration = Duration::from_secs(60);

/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(50);

fn get(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.parse().unwrap(),
        headers: Vec::new(),
        body: Body::empty(),
        reach: Reach::Private,
        timeouts: Timeouts { connect: LONG, request: LONG },
    }
}

fn post(url: &str, body: Body) -> Request {
    Request { method: Method::Post, body, ..get(url) }
}

async fn whole(mut reply: Reply) -> Result<Vec<u8>, Fault> {
    let mut whole = Vec::new();
    while let Some(piece) = reply.body.next().await {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole)
}

async fn fault(world: &LiveWorld, request: Request) -> (Phase, Cause) {
    let fault = match world.exchange(request).await {
        Ok(reply) => whole(reply).await.expect_err("something went wrong"),
        Err(fault) => fault,
    };
    (fault.phase, fault.cause)
}

#[tokio::test]
async fn a_connection_is_used_again_and_every_request_arrives_once() {
    let server = Server::answering("200 OK", "x-answer: 42\r\n", "well").await;
    let world = LiveWorld::default();
    for number in 0..5 {
        let reply =
            world.exchange(post(&server.url("/v1?a=b"), Body::bytes(format!("{number}")))).await.unwrap();
        assert_eq!(reply.status, 200);
        assert!(reply.headers.contains(&("x-answer".to_owned(), "42".to_owned())));
        assert_eq!(whole(reply).await.unwrap(), b"well");
    }
    let heard = server.heard();
    let bodies: Vec<_> = heard.iter().map(|heard| String::from_utf8(heard.body.clone()).unwrap()).collect();
    assert_eq!(bodies, ["0", "1", "2", "3", "4"]);
    assert_eq!((server.connections(), heard[0].line()), (1, "POST /v1?a=b"));
}

#[tokio::test]
async fn what_failed_before_there_was_a_connection_has_not_left() {
    let world = LiveWorld::default();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = fault(&world, get(&format!("http://{closed}/"))).await;
    assert_eq!(refused, (Phase::Connect, Cause::Refused));

    // A name that is too long, so that nobody is asked for it.
    let unresolved = fault(&world, get(&format!("http://{}.invalid/", "x".repeat(64)))).await;
    assert_eq!(unresolved, (Phase::Connect, Cause::Unresolved));

    let plain = Server::start(|_, _| vec![Act::Close]).await;
    let nobody_speaks_tls = fault(&world, get(&plain.tls_url())).await;
    assert_eq!((nobody_speaks_tls.0, plain.heard().len()), (Phase::Connect, 0));
}

#[tokio::test]
async fn a_server_that_takes_no_part_in_tls_is_a_connect_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut request = get(&format!("https://{}/", silent.local_addr().unwrap()));
    request.timeouts.connect = SHORT;
    assert_eq!(fault(&LiveWorld::default(), request).await, (Phase::Connect, Cause::TimedOut));
}

#[tokio::test]
async fn a_server_that_speaks_anything_but_tls_is_a_fault_of_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(fault(&LiveWorld::default(), get(&url)).await, (Phase::Connect, Cause::Tls));
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_out_of_the_reach_of_public_requests() {
    let server = Server::answering("200 OK", "", "secret").await;
    let url = format!("http://localhost:{}/", server.port());
    let world = LiveWorld::default();
    let reply = world.exchange(get(&url)).await.unwrap();
    assert_eq!(whole(reply).await.unwrap(), b"secret");
    // The connection that is kept now is not for those who may not go there.
    let public = Request { reach: Reach::Public, ..get(&url) };
    assert_eq!(fault(&world, public).await, (Phase::Connect, Cause::OutOfReach));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_silent_server_has_the_request_and_is_waited_for_no_longer_than_was_said() {
    let server = Server::start(|_, _| vec![Act::Hang]).await;
    let mut request = post(&server.url("/"), Body::bytes("{}"));
    request.timeouts.request = SHORT;
    assert_eq!(fault(&LiveWorld::default(), request).await, (Phase::Wait, Cause::TimedOut));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_to_an_end_is_waited_for_no_longer_than_was_said() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let server = Server::start(move |_, _| vec![Act::Say(begun.clone()), Act::Hang]).await;
    let mut request = get(&server.url("/"));
    request.timeouts.request = SHORT;
    assert_eq!(fault(&LiveWorld::default(), request).await, (Phase::Body, Cause::TimedOut));
}

#[tokio::test]
async fn a_connection_that_is_torn_says_how_far_the_exchange_had_come() {
    let torn = Server::start(|_, _| vec![Act::Reset]).await;
    let world = LiveWorld::default();
    let waited = fault(&world, post(&torn.url("/"), Body::bytes("{}"))).await;
    assert_eq!((waited, torn.heard().len()), ((Phase::Wait, Cause::Broken), 1), "and it was not sent again");

    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec();
    let halved = Server::start(move |_, _| vec![Act::Say(begun.clone()), Act::Close]).await;
    assert_eq!(fault(&world, get(&halved.url("/"))).await, (Phase::Body, Cause::Broken));

    let babbling = Server::start(|_, _| vec![Act::Say(b"<html>\r\n\r\n".to_vec()), Act::Close]).await;
    assert_eq!(fault(&world, get(&babbling.url("/"))).await, (Phase::Wait, Cause::Malformed));

    let many = "x: y\r\n".repeat(101);
    let headed = Server::answering("200 OK", &many, "").await;
    assert_eq!(fault(&world, get(&headed.url("/"))).await, (Phase::Wait, Cause::Malformed));
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_was_said_breaks_the_request_off() {
    let server = Server::answering("200 OK", "", "").await;
    let pieces = |pieces: &'static [&'static str]| {
        futures_util::stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))))
            .boxed()
    };
    let world = LiveWorld::default();
    for short_or_long in [&["four"][..], &["fourfour", "four"][..]] {
        let body = Body { length: 10, pieces: pieces(short_or_long) };
        assert_eq!(fault(&world, post(&server.url("/"), body)).await, (Phase::Send, Cause::Unread));
    }
    assert_eq!(server.heard().len(), 0);
    let body = Body { length: 10, pieces: pieces(&["four", "", "sixsix"]) };
    world.exchange(post(&server.url("/"), body)).await.unwrap();
    assert_eq!(server.heard()[0].body, b"foursixsix");
}

#[tokio::test]
async fn a_redirect_is_a_reply_as_any_other() {
    let server = Server::answering("302 Found", "location: http://127.0.0.1:1/\r\n", "").await;
    let reply = LiveWorld::default().exchange(get(&server.url("/"))).await.unwrap();
    assert_eq!((reply.status, server.heard().len()), (302, 1));
}
