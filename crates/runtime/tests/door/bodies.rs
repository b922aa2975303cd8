//! What requests carry, and what is read of replies.

use std::io::Write;
use std::sync::Arc;

use motet::Class;
use motet::door::{Cause, Fault, Stake};
use motet::language::Digest;
use motet::language::failure::{Known, Phase};
use motet::providers::http::{Address, Body, Limits, Piece, Request};
use motet::store::Store;
use motet::world::live::LiveWorld;

use crate::server::{Act, Server, reply};
use crate::stage::{at, builder, create, door_to, of, read};

/// At most so much is read in these tests.
const LIMITS: Limits = Limits { connect_ms: 60_000, request_ms: 60_000, reply_bytes_max: 1000 };

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What becomes of a request to a server that answers with this, into memory and into a file.
async fn both(server: &Server) -> [Result<Vec<u8>, Fault>; 2] {
    let door = door_to(&server.url(""));
    let request = read(&server.url("/")).limits(LIMITS);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let sent = door.send(of(request.clone())).await.map(|reply| reply.body);
    let downloaded = door.download(of(request), &file).await;
    assert_eq!(file.exists(), downloaded.is_ok(), "nothing is left of what failed");
    [sent, downloaded.map(|_| std::fs::read(&file).unwrap())]
}

#[tokio::test]
async fn artifacts_are_sent_as_they_are_and_in_base64() {
    let server = Server::answering("200 OK", "", "").await;
    let store = Store::in_memory().unwrap();
    // Longer than what is read at once, and no multiple of it.
    let bytes: Vec<u8> = (0..500_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let kept = store.put_bytes(&bytes).unwrap();
    let pieces = vec![
        Piece::Bytes(b"<".to_vec()),
        Piece::Artifact { digest: kept.digest, bytes: kept.bytes },
        Piece::Bytes(b"|".to_vec()),
        Piece::ArtifactBase64 { digest: kept.digest, bytes: kept.bytes },
        Piece::Bytes(b">".to_vec()),
    ];
    let body = Body::of("application/octet-stream", pieces);
    let length = body.length().to_string();
    let door = builder(Arc::new(LiveWorld::default()), store, &at(&server.url(""))).build().unwrap();
    door.send(of(create().body(body))).await.unwrap();
    let heard = &server.heard()[0];
    assert_eq!(heard.header("content-length"), Some(length.as_str()));
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
    assert!(heard.body == [b"<", &bytes[..], b"|", encoded.as_bytes(), b">"].concat());
}

#[tokio::test]
async fn a_request_whose_artifact_is_gone_is_not_begun() {
    let server = Server::answering("200 OK", "", "").await;
    let digest = Digest::of(b"gone");
    let body = Body::of("image/png", vec![Piece::Artifact { digest, bytes: 4 }]);
    let fault = door_to(&server.url("")).send(of(create().body(body))).await.unwrap_err();
    assert_eq!((fault.cause, fault.sent(), server.connections()), (Cause::Unread, Known::No, 0));
}

#[tokio::test]
async fn a_body_within_bounds_is_taken_plain_or_compressed() {
    let text = "a boat ".repeat(100);
    let plain = Server::answering("200 OK", "", text.clone()).await;
    let packed = Server::answering("200 OK", "Content-Encoding: gzip\r\n", gzip(text.as_bytes())).await;
    for server in [&plain, &packed] {
        for body in both(server).await {
            assert_eq!(body.unwrap(), text.as_bytes());
        }
    }
    let asked: Vec<_> =
        plain.heard().iter().map(|heard| heard.header("accept-encoding").unwrap().to_owned()).collect();
    assert_eq!(asked, ["gzip", "identity"]);
}

#[tokio::test]
async fn more_than_is_read_is_a_fault_however_it_comes() {
    let declared = b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n".to_vec();
    let declaring = Server::start(move |_, _| vec![Act::Say(declared.clone()), Act::Hang]).await;
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let endless = Server::start(move |_, _| {
        vec![Act::Say(chunked.clone()), Act::SayForEver(b"5\r\nboats\r\n".to_vec())]
    })
    .await;
    // A megabyte of nothing in a kilobyte, and a gigabyte of it in a few.
    let megabyte = gzip(&vec![0; 1 << 20]);
    assert!(megabyte.len() > 1000);
    let bomb = Server::answering("200 OK", "content-encoding: gzip\r\n", gzip(&vec![0; 64 << 10])).await;
    let empty = gzip(b"").repeat(100);
    let nothing_of_much = Server::answering("200 OK", "content-encoding: gzip\r\n", empty).await;
    for server in [declaring, endless, bomb, nothing_of_much] {
        for body in both(&server).await {
            let fault = body.unwrap_err();
            assert_eq!((fault.cause, fault.phase), (Cause::TooLarge, Phase::Body), "{fault}");
        }
    }
    let headers = format!("x: {}\r\n", "y".repeat(1000)).repeat(90);
    let headed = Server::answering("200 OK", &headers, "").await;
    assert_eq!(both(&headed).await[0].as_ref().unwrap_err().cause, Cause::TooLarge);
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_malformed() {
    let whole = gzip(b"a boat");
    let damaged = [&whole[..12], b"\xff\xff\xff", &whole[15..]].concat();
    let cases: [(&str, &[u8]); 4] = [
        ("content-encoding: gzip\r\n", b"a boat"),
        ("content-encoding: gzip\r\n", &whole[..whole.len() - 3]),
        ("content-encoding: gzip\r\n", &damaged),
        ("content-encoding: br\r\n", b"a boat"),
    ];
    for (headers, body) in cases {
        let server = Server::answering("200 OK", headers, body).await;
        for body in both(&server).await {
            assert_eq!(body.unwrap_err().cause, Cause::Malformed, "{headers}");
        }
    }
}

#[tokio::test]
async fn the_body_of_a_refusal_is_read_as_far_as_it_can_be() {
    let halved = b"HTTP/1.1 422 No\r\ncontent-length: 100\r\n\r\nthe prompt".to_vec();
    let halved = Server::start(move |_, _| vec![Act::Say(halved.clone()), Act::Reset]).await;
    let long = Server::answering("500 No", "", vec![b'x'; 3 << 20]).await;
    let odd = Server::answering("401 No", "content-encoding: br\r\n", "\u{1}").await;
    let door = door_to(&halved.url(""));
    let reply = door.send(of(read(&halved.url("/")))).await.unwrap();
    assert_eq!(reply.status, 422);
    assert!(b"the prompt".starts_with(&reply.body[..]));
    let reply = door_to(&long.url("")).send(of(read(&long.url("/")))).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (500, 1 << 20));
    let reply = door_to(&odd.url("")).send(of(read(&odd.url("/")))).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (401, 0));
}

#[tokio::test]
async fn a_download_writes_over_nothing_and_through_no_link() {
    let server = Server::answering("200 OK", "", "media").await;
    let folder = tempfile::tempdir().unwrap();
    let (there, link) = (folder.path().join("there"), folder.path().join("link"));
    std::fs::write(&there, "mine").unwrap();
    std::os::unix::fs::symlink(folder.path().join("new"), &link).unwrap();
    let door = door_to(&server.url(""));
    for path in [&there, &link] {
        let fault = door.download(of(read(&server.url("/"))), path).await.unwrap_err();
        assert_eq!(fault.cause, Cause::Disk);
    }
    assert_eq!(
        (std::fs::read(&there).unwrap(), folder.path().join("new").exists()),
        (b"mine".to_vec(), false)
    );
    assert!(link.is_symlink());
}

#[tokio::test]
async fn a_download_that_breaks_off_leaves_nothing() {
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    let server = Server::start(move |_, _| vec![Act::Say(begun.clone()), Act::Reset]).await;
    let [sent, downloaded] = both(&server).await;
    assert_eq!((sent.unwrap_err().cause, downloaded.unwrap_err().cause), (Cause::Broken, Cause::Broken));
}

#[tokio::test]
async fn a_lost_reply_of_a_paid_request_is_unknown_and_one_that_never_left_is_unavailable() {
    let lost = Server::start(|_, _| vec![Act::Reset]).await;
    let fault = door_to(&lost.url("")).send(of(create())).await.unwrap_err();
    let failure = fault.into_failure(Stake::Paid);
    insta::assert_snapshot!(failure.message);
    assert_eq!((failure.class, failure.sent, failure.billed), (Class::Unknown, Known::Maybe, Known::Maybe));
    assert_eq!((failure.phase, lost.heard().len()), (Some(Phase::Wait), 1), "sent once");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = door_to(&format!("http://{closed}")).send(of(create())).await.unwrap_err();
    let message = fault.to_string();
    let failure = fault.into_failure(Stake::Paid);
    assert_eq!((failure.class, failure.sent, failure.billed), (Class::Unavailable, Known::No, Known::No));
    insta::assert_snapshot!(message);
}

#[tokio::test]
async fn a_slow_body_ends_at_the_timeout() {
    let begun = reply("200 OK", "", &[b'x'; 100])[..60].to_vec();
    let server = Server::start(move |_, _| vec![Act::Say(begun.clone()), Act::Hang]).await;
    let request = Request::get(Address::Url(server.url("/"))).limits(Limits { request_ms: 50, ..LIMITS });
    let fault = door_to(&server.url("")).send(of(request)).await.unwrap_err();
    assert_eq!((fault.cause, fault.phase), (Cause::TimedOut, Phase::Body));
    insta::assert_snapshot!(fault.to_string().replace(&server.port().to_string(), "[port]"));
    let failure = fault.into_failure(Stake::Output);
    assert_eq!(
        (failure.class, failure.billed),
        (Class::Timeout, Known::Yes),
        "what is downloaded was paid for"
    );
}
