//! Exchanges that are written down and answer later; and that no key is in anything that is kept or shown.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;

use motet::door::{Cause, Door, Errand, Tape};
use motet::providers::http::{Address, Body, Header, Method, Reply, Request};
use motet::store::Store;
use motet::world::live::LiveWorld;

use crate::server::{Act, Server, reply};
use crate::stage::{KEY, SPARE, at, builder, create, of, read};

fn taped(tape: Tape, text: &str) -> Door {
    builder(Arc::new(LiveWorld::default()), Store::in_memory().unwrap(), text).tape(tape).build().unwrap()
}

/// A door without network and without keys.
fn replaying(folder: &Path) -> Door {
    Door::builder(Arc::new(LiveWorld::default()), Store::in_memory().unwrap())
        .providers([&crate::stage::vendor()])
        .environment(|_| None)
        .tape(Tape::Replay(folder.to_owned()))
        .build()
        .unwrap()
}

fn poll() -> Request {
    Request::get(Address::provider("vendor", "queue", "/jobs/j1"))
}

/// A call that carries its token and where it awaits a webhook.
fn call(token: &str, prompt: &str) -> Errand {
    let path = format!("/create?hook=https%3A%2F%2Fmine.example%2F{token}");
    let body = format!(r#"{{"prompt":"{prompt}","metadata":{{"mark":"run/{token}/1"}}}}"#);
    let request = Request::post(Address::provider("vendor", "api", path))
        .header(Header::secret("authorization", "Key ", "VENDOR_KEY"))
        .body(Body::bytes("application/json", body));
    of(request).marked([token.to_owned()])
}

async fn vendor() -> Server {
    Server::start(|heard, before| {
        vec![Act::Say(match heard.line() {
            "GET /jobs/j1" => reply("200 OK", "", format!(r#"{{"before":{before}}}"#).as_bytes()),
            "GET /film" => reply("200 OK", "content-type: video/mp4\r\n", b"\x00\xff film"),
            line if line.starts_with("PUT /up?sig=") => reply("200 OK", "", b""),
            _ => {
                let to = format!("http://{}/up?sig=a-signature&part=1", heard.header("host").unwrap());
                let told = format!(
                    r#"{{"id":"j1","seed":18446744073709551617,"up":{{"token":"short-lived-one","url":"{to}"}},"n":{before}}}"#
                );
                reply("201 Created", "set-cookie: s=1\r\nx-request-id: r1\r\n", told.as_bytes())
            }
        })]
    })
    .await
}

#[tokio::test]
async fn what_was_recorded_answers_without_network_and_keys_whatever_the_marks_are() {
    let server = vendor().await;
    let (tapes, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let recording = taped(Tape::Record(tapes.path().join("tapes")), &at(&server.url("")));
    let mut replies = Vec::new();
    for errand in [call("t1", "a boat"), call("t2", "a boat"), call("t3", "a tree"), of(poll()), of(poll())] {
        replies.push(recording.send(errand).await.unwrap());
    }
    let film = folder.path().join("film");
    let url = server.url("/film");
    recording.download(of(read(&url)), &film).await.unwrap();
    let put = |reply: &Reply| {
        let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let url = Address::Url(told["up"]["url"].as_str().unwrap().to_owned());
        of(Request::new(Method::Put, url).body(Body::bytes("image/png", *b"a boat")))
    };
    recording.send(put(&replies[0])).await.unwrap();
    let heard = server.heard().len();
    assert_eq!(server.heard()[heard - 1].line(), "PUT /up?sig=a-signature&part=1");

    let replay = replaying(&tapes.path().join("tapes"));
    let mut again = Vec::new();
    for errand in
        [call("t7", "a boat"), call("t8", "a tree"), call("t9", "a boat"), of(poll()), of(poll()), of(poll())]
    {
        again.push(replay.send(errand).await.unwrap());
    }
    assert_eq!(replay.send(put(&again[0])).await.unwrap().status, 200);
    let text = |reply: &Reply| String::from_utf8(reply.body.clone()).unwrap();
    let told = |recorded: usize| {
        text(&replies[recorded]).replace("short-lived-one", "LEFT-OUT").replace("a-signature", "LEFT-OUT")
    };
    assert_eq!(text(&again[0]), told(0));
    assert_eq!(text(&again[1]), told(2), "a request is told by what it carries");
    assert_eq!(text(&again[2]), told(1), "equal ones are answered in order");
    assert_eq!([3, 4, 5].map(|at| text(&again[at])), [told(3), told(4), told(4)], "the last news stays");
    assert_eq!((again[0].status, again[0].header("x-request-id")), (201, Some("r1")));
    assert_eq!(again[0].header("set-cookie"), None);

    let replayed = folder.path().join("replayed");
    replay.download(of(read(&url)), &replayed).await.unwrap();
    assert_eq!(std::fs::read(replayed).unwrap(), std::fs::read(film).unwrap());
    assert_eq!(server.heard().len(), heard, "nobody was asked again");
}

#[tokio::test]
async fn a_replay_refuses_what_is_not_there() {
    let server = vendor().await;
    let tapes = tempfile::tempdir().unwrap();
    let recording = taped(Tape::Record(tapes.path().to_owned()), &at(&server.url("")));
    recording.send(call("t1", "a boat")).await.unwrap();
    let replay = replaying(tapes.path());
    replay.send(call("t1", "a boat")).await.unwrap();
    let used_up = replay.send(call("t1", "a boat")).await.unwrap_err();
    let unknown = replay.send(call("t1", "another boat")).await.unwrap_err();
    assert_eq!((used_up.cause, unknown.cause), (Cause::NotRecorded, Cause::NotRecorded));
    let messages = format!("{used_up}\n{unknown}").replace(&tapes.path().display().to_string(), "[tapes]");
    insta::assert_snapshot!(messages);

    std::fs::write(tapes.path().join("0002-vendor-GET.json"), "{").unwrap();
    let broken = Door::builder(Arc::new(LiveWorld::default()), Store::in_memory().unwrap())
        .tape(Tape::Replay(tapes.path().to_owned()))
        .build();
    assert!(broken.err().unwrap().to_string().contains("0002-vendor-GET.json"));
}

#[tokio::test]
async fn a_cassette_is_a_file_that_people_can_read() {
    let server = vendor().await;
    let tapes = tempfile::tempdir().unwrap();
    let recording = taped(Tape::Record(tapes.path().to_owned()), &at(&server.url("")));
    let mut errand = call("t1", "data:image/png;base64,aGVsbG8gd29ybGQ=");
    errand.request.address = Address::provider("vendor", "api", "/create?sig=hush&hook=t1");
    recording.send(errand).await.unwrap();
    let text = std::fs::read_to_string(tapes.path().join("0001-vendor-POST.json")).unwrap();
    insta::assert_snapshot!(text.replace(&server.port().to_string(), "[port]"));
    // A second recording goes on in the same folder.
    let more = taped(Tape::Record(tapes.path().to_owned()), &at(&server.url("")));
    more.send(of(poll())).await.unwrap();
    assert!(tapes.path().join("0002-vendor-GET.json").is_file());
}

#[tokio::test]
async fn that_an_exchange_can_not_be_written_down_is_told_and_is_no_fault_of_it() {
    let server = vendor().await;
    let tapes = tempfile::tempdir().unwrap();
    let (tell, warnings) = channel();
    let recording =
        builder(Arc::new(LiveWorld::default()), Store::in_memory().unwrap(), &at(&server.url("")))
            .tape(Tape::Record(tapes.path().to_owned()))
            .on_warning(move |warning| tell.send(warning.to_string()).unwrap())
            .build()
            .unwrap();
    std::fs::write(tapes.path().join("0001-vendor-POST.json"), "").unwrap();
    let sent = recording.send(call("t1", "a boat")).await.unwrap();
    assert_eq!(sent.status, 201);
    assert!(warnings.try_recv().unwrap().contains("is not recorded in"));
}

/// Every form in which a key could be found.
fn forms(key: &str) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    let json = serde_json::json!(key).to_string();
    let inner = STANDARD_NO_PAD.encode(key);
    let url = url::form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>();
    vec![
        key.to_owned(),
        json[1..json.len() - 1].to_owned(),
        inner[..inner.len() - 1].to_owned(),
        STANDARD.encode(format!("user:{key}")),
        url,
        key[..12].to_owned(),
        key[key.len() - 12..].to_owned(),
    ]
}

#[tokio::test]
async fn planted_keys_are_in_nothing_that_is_kept_or_shown() {
    use base64::Engine;
    // A server that gives back all that it was told, in each of its forms.
    let echo = Server::start(|heard, _| {
        let key = heard.header("authorization").unwrap_or_default().trim_start_matches("Key ").to_owned();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("user:{key}"));
        let url: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
        let told = serde_json::json!({ "detail": format!("bad key {key}"), "basic": encoded, "url": url, "text": heard.head });
        let headers = format!("x-told: {encoded}\r\nlocation: /login?next={url}\r\n");
        vec![Act::Say(reply("401 Unauthorized", &headers, told.to_string().as_bytes()))]
    })
    .await;
    let tapes = tempfile::tempdir().unwrap();
    let text = format!(
        "{}keys = ['env:VENDOR_KEY', {{ name = 'spare', key = 'env:SPARE_KEY' }}]\n",
        at(&echo.url(""))
    );
    let door = taped(Tape::Record(tapes.path().to_owned()), &text);
    let mut kept = vec![format!("{:?} {:?}", crate::stage::settings(&text), create())];
    let spare =
        Request { headers: Vec::new(), ..create() }.header(Header::secret("authorization", "Key ", "spare"));
    for request in [create(), spare] {
        let reply = door.send(of(request)).await.unwrap();
        assert_eq!(reply.status, 401);
        kept.push(format!(
            "{reply:?} {:?} {}",
            reply.headers,
            String::from_utf8(reply.body.clone()).unwrap()
        ));
    }
    // Faults of all kinds, with keys wherever somebody may have put them.
    let url = url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect::<String>();
    for address in
        [format!("http://{url}@127.0.0.1:1/"), format!("http://127.0.0.1:1/?key={url}"), KEY.to_owned()]
    {
        let fault = door.send(of(read(&address))).await.unwrap_err();
        kept.push(format!("{fault:?} {fault} {:?}", fault.clone().into_failure(motet::door::Stake::Paid)));
    }
    kept.push(door.redact(&format!("the key {KEY} and {SPARE}")));
    for file in std::fs::read_dir(tapes.path()).unwrap() {
        kept.push(String::from_utf8(std::fs::read(file.unwrap().path()).unwrap()).unwrap());
    }
    assert_eq!(kept.len(), 9);
    assert!(echo.heard()[0].head.contains(KEY), "it was sent");
    for text in &kept {
        for form in [forms(KEY), forms(SPARE)].concat() {
            assert!(!text.contains(&form), "{form} is in {text}");
        }
    }
}
