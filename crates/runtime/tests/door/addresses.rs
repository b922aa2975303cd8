//! Where requests go, and what they take along.

use motet::Class;
use motet::door::{Cause, Errand, Stake};
use motet::language::failure::{Known, Phase};
use motet::providers::http::{Address, Header, Request};

use crate::server::{Act, Server, reply};
use crate::stage::{KEY, SPARE, at, builder, create, door, door_to, of, read};

fn with_key(request: Request) -> Request {
    request.header(Header::secret("authorization", "Key ", "VENDOR_KEY"))
}

#[tokio::test]
async fn a_request_goes_to_the_address_that_is_set_with_the_key_that_it_names() {
    let server = Server::answering("201 Created", "x-request-id: r1\r\n", r#"{"id":"j1"}"#).await;
    let reply = door_to(&server.url("/gate/")).send(of(create())).await.unwrap();
    assert_eq!((reply.status, reply.header("x-request-id")), (201, Some("r1")));
    assert_eq!(reply.body, br#"{"id":"j1"}"#);
    let heard = &server.heard()[0];
    assert_eq!(heard.line(), "POST /gate/create?wait=1");
    assert!(heard.head.contains(&format!("authorization: Key {KEY}\r\n")), "as bytes");
    assert_eq!(heard.header("content-type"), Some("application/json"));
    assert_eq!(heard.body, br#"{"prompt":"a boat"}"#);
    assert!(heard.header("user-agent").unwrap().starts_with("motet/"));
}

#[tokio::test]
async fn one_address_of_a_provider_can_be_set_and_the_others_stay() {
    let server = Server::answering("200 OK", "", "").await;
    let door = door(&format!("[providers.vendor.base_urls]\nqueue = '{}'", server.url("/q")));
    let asked = Request::get(Address::provider("vendor", "queue", "/jobs/1"));
    door.send(of(with_key(asked))).await.unwrap();
    assert_eq!(server.heard()[0].line(), "GET /q/jobs/1");
    // The provider's other hosts are no more given keys, but for the addresses that stay.
    let foreign = with_key(read("https://other.vendor.example/"));
    assert_eq!(door.send(of(foreign)).await.unwrap_err().cause, Cause::NotForHost);
}

#[tokio::test]
async fn a_path_does_not_lead_out_of_its_address() {
    let server = Server::answering("200 OK", "", "").await;
    let door = door_to(&server.url("/gate"));
    let job = |id: &str| of(Request::get(Address::provider("vendor", "api", format!("/jobs/{id}"))));
    for id in [
        "../../admin",
        "..",
        "%2e%2e/x",
        "a/./b",
        ".",
        "%2E",
        "a/..",
        "a\\..\\b",
        "x#y",
        "a b",
        "a\r\nhost: evil",
        "a\tb",
    ] {
        let fault = door.send(job(id)).await.unwrap_err();
        assert_eq!((fault.cause, fault.phase), (Cause::Address, Phase::Connect), "{id}");
    }
    let bare = of(Request::get(Address::provider("vendor", "api", "@evil.example/")));
    assert_eq!(door.send(bare).await.unwrap_err().cause, Cause::Address);
    assert_eq!(server.heard().len(), 0);
    for id in ["a..b", "a%2Fb", "a?next=../x", "ä"] {
        door.send(job(id)).await.unwrap();
    }
    assert_eq!(server.heard()[1].line(), "GET /gate/jobs/a%2Fb");
}

#[tokio::test]
async fn a_key_is_told_to_nobody_but_its_provider() {
    let server = Server::answering("200 OK", "", "").await;
    let stranger = Server::answering("200 OK", "", "").await;
    let door = door(&format!("{}private = true\n", at(&server.url(""))));
    let fault = door.send(of(with_key(read(&stranger.url("/poll"))))).await.unwrap_err();
    assert_eq!((fault.cause, stranger.heard().len()), (Cause::NotForHost, 0));
    insta::assert_snapshot!(fault.to_string().replace(&stranger.port().to_string(), "[port]"));
    // Without the key anybody may be asked.
    door.send(of(read(&stranger.url("/poll")))).await.unwrap();
    assert_eq!(stranger.heard()[0].header("authorization"), None);
    door.send(of(with_key(read(&server.url("/poll"))))).await.unwrap();

    let usual = crate::stage::door("");
    for url in [
        "http://api.vendor.example/",
        "https://api.vendor.example:444/",
        "https://vendor.example.evil/",
        "https://evilvendor.example/",
        "https://user@api.vendor.example/",
        "ftp://api.vendor.example/",
        "https://api.vendor.example\\@evil.example/",
    ] {
        let fault = usual.send(of(with_key(read(url)))).await.unwrap_err();
        assert!(matches!(fault.cause, Cause::NotForHost | Cause::Address), "{url}: {fault}");
    }
}

#[tokio::test]
async fn a_secret_is_told_only_to_the_hosts_that_it_is_set_for() {
    let server = Server::answering("200 OK", "", "").await;
    let text =
        "[providers.http]\nprivate = true\n[secrets.weather]\nkey = 'env:WEATHER'\nhosts = ['127.0.0.1']\n";
    let door = door(text);
    let asking = |url: &str| Errand::new("http", read(url).header(Header::secret("x-key", "", "weather")));
    door.send(asking(&server.url("/"))).await.unwrap();
    assert_eq!(server.heard()[0].header("x-key"), Some(SPARE));
    let foreign = format!("http://localhost:{}/", server.port());
    let fault = door.send(asking(&foreign)).await.unwrap_err();
    insta::assert_snapshot!(fault.to_string().replace(&server.port().to_string(), "[port]"));
    // And what isn't set is told to nobody.
    let unknown =
        Errand::new("http", read(&server.url("/")).header(Header::secret("x-key", "", "VENDOR_KEY")));
    assert_eq!(door.send(unknown).await.unwrap_err().cause, Cause::NoKey);
    assert_eq!(server.heard().len(), 1);

    // In the clear it goes nowhere but into private networks.
    let open = crate::stage::door("[secrets.weather]\nkey = 'env:WEATHER'\nhosts = ['weather.example']\n");
    assert_eq!(open.send(asking("http://weather.example/")).await.unwrap_err().cause, Cause::NotForHost);
}

#[tokio::test]
async fn an_address_that_a_reply_gave_leads_into_no_private_network() {
    let server = Server::answering("200 OK", "", "secret").await;
    let port = server.port();
    let door = door("");
    let literal = [
        "127.0.0.1",
        "0",
        "2130706433",
        "0x7f.1",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "localhost",
        "a.localhost",
        "LOCALHOST.",
        "127.0.0.1.",
    ];
    for host in literal {
        let fault = door.send(of(read(&format!("http://{host}:{port}/")))).await.unwrap_err();
        assert_eq!((fault.cause, fault.sent()), (Cause::OutOfReach, Known::No), "{host}");
        assert_eq!(fault.into_failure(Stake::Paid).class, Class::Invalid, "{host}");
    }
    assert_eq!(server.heard().len(), 0);

    // A name tells nothing; where it leads does.
    let named = crate::stage::door("[providers.vendor]\nbase_url = 'http://localhost:1'\n");
    let fault = named.send(of(read(&format!("http://localhost:{port}/")))).await.unwrap_err();
    insta::assert_snapshot!(fault.to_string().replace(&port.to_string(), "[port]"));
    let failure = fault.into_failure(Stake::Output);
    assert_eq!(failure.class, Class::BadOutput, "as an address of an output it is one that can't be used");

    let private = crate::stage::door("[providers.vendor]\nprivate = true\n");
    let reply = private.send(of(read(&format!("http://localhost:{port}/")))).await.unwrap();
    assert_eq!(reply.body, b"secret");
    let metadata = private.send(of(read("http://169.254.169.254/"))).await.unwrap_err();
    assert_eq!(metadata.cause, Cause::OutOfReach, "not even then");
}

#[tokio::test]
async fn the_address_that_is_set_may_be_private_and_its_neighbours_may_not() {
    let (server, neighbour) =
        (Server::answering("200 OK", "", "").await, Server::answering("200 OK", "", "").await);
    let door = door_to(&server.url("/gate"));
    door.send(of(read(&server.url("/media/1")))).await.unwrap();
    let fault = door.send(of(read(&neighbour.url("/")))).await.unwrap_err();
    assert_eq!((fault.cause, neighbour.heard().len()), (Cause::OutOfReach, 0));
    insta::assert_snapshot!(fault.to_string().replace(&neighbour.port().to_string(), "[port]"));
}

#[tokio::test]
async fn a_request_with_a_key_is_never_redirected() {
    let elsewhere = Server::answering("200 OK", "", "").await;
    let to = format!("location: {}\r\n", elsewhere.url("/"));
    let server = Server::answering("307 Temporary Redirect", &to, "").await;
    let folder = tempfile::tempdir().unwrap();
    let door = door(&format!("{}private = true\n", at(&server.url(""))));
    assert_eq!(door.send(of(create())).await.unwrap().status, 307);
    let downloaded =
        door.download(of(with_key(read(&server.url("/")))), &folder.path().join("f")).await.unwrap();
    assert_eq!((downloaded.status, elsewhere.heard().len()), (307, 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_download_follows_redirects_one_by_one_and_none_into_a_private_network() {
    let folder = tempfile::tempdir().unwrap();
    let (inner, file) = (Server::answering("200 OK", "", "media").await, folder.path().join("media"));
    let to = format!("location: {}\r\n", inner.url("/"));
    let server = Server::start(move |heard, _| {
        vec![Act::Say(match heard.line() {
            "GET /3" => reply("302 Found", "location: 2\r\n", b""),
            "GET /2" => reply("301 Moved", "location: /1\r\n", b""),
            "GET /1" => reply("200 OK", "", b"media"),
            "GET /away" => reply("302 Found", &to, b""),
            "GET /odd" => reply("302 Found", "location: file:///etc/passwd\r\n", b""),
            _ => reply("308 Permanent", "location: /round\r\n", b""),
        })]
    })
    .await;
    let door = door_to(&server.url(""));
    let followed = door.download(of(read(&server.url("/3"))), &file).await.unwrap();
    assert_eq!((followed.status, std::fs::read(&file).unwrap()), (200, b"media".to_vec()));

    let other = folder.path().join("other");
    let cause =
        async |path: &str| door.download(of(read(&server.url(path))), &other).await.unwrap_err().cause;
    assert_eq!(cause("/away").await, Cause::OutOfReach);
    assert_eq!(cause("/odd").await, Cause::Address);
    let before = server.heard().len();
    assert_eq!(cause("/round").await, Cause::Redirected);
    assert_eq!((server.heard().len() - before, inner.heard().len()), (6, 0));
    assert!(!other.exists());
}

#[tokio::test]
async fn outputs_are_downloaded_from_where_the_provider_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let door = door("");
    let cause =
        async |url: &str| door.download(of(read(url)), &folder.path().join("f")).await.unwrap_err().cause;
    assert_eq!(cause("https://evil.example/film.mp4").await, Cause::Address);
    // This host is listed; that it isn't there is another matter.
    let too_long = "x.".repeat(130);
    assert_eq!(cause(&format!("http://{too_long}media.example/film.mp4")).await, Cause::Unresolved);
}

#[tokio::test]
async fn each_of_several_keys_is_found_by_its_name_wherever_it_is() {
    let server = Server::answering("200 OK", "", "").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("second");
    std::fs::write(&file, format!("{SPARE}\n")).unwrap();
    let text = format!(
        "{}keys = ['env:VENDOR_KEY', {{ name = 'spare', key = 'file:{}' }}, 'env:GONE']\n",
        at(&server.url("")),
        file.display()
    );
    let door = door(&text);
    assert_eq!(door.credentials("vendor"), ["VENDOR_KEY", "spare", "GONE"]);
    for (name, sent) in [("VENDOR_KEY", KEY), ("spare", SPARE)] {
        let asked = read(&server.url("/")).header(Header::secret("x-key", "", name));
        door.send(of(asked)).await.unwrap();
        assert!(server.heard().last().unwrap().head.contains(&format!("x-key: {sent}\r\n")), "{name}");
    }
    // A key is read anew each time: it may have been changed.
    std::fs::write(&file, "changed").unwrap();
    door.send(of(read(&server.url("/")).header(Header::secret("x-key", "", "spare")))).await.unwrap();
    assert_eq!(server.heard().last().unwrap().header("x-key"), Some("changed"));

    let gone = read(&server.url("/")).header(Header::secret("x-key", "", "GONE"));
    let fault = door.send(of(gone)).await.unwrap_err();
    let (message, failure) = (fault.to_string(), fault.into_failure(Stake::Paid));
    assert_eq!((failure.class, failure.sent, server.heard().len()), (Class::Auth, Known::No, 3));
    insta::assert_snapshot!(message.replace(&server.port().to_string(), "[port]"));
    assert_eq!(crate::stage::door("").credentials("vendor"), ["VENDOR_KEY"]);
}

#[test]
fn settings_of_a_provider_that_there_is_not_are_refused_in_words() {
    let messages =
        ["[providers.vendro]", "[providers.vendor.base_urls]\nqeue = 'https://a.example'"].map(|text| {
            let world = std::sync::Arc::new(motet::world::live::LiveWorld::default());
            builder(world, motet::store::Store::in_memory().unwrap(), text).build().err().unwrap().to_string()
        });
    insta::assert_snapshot!(messages.join("\n"));
}
