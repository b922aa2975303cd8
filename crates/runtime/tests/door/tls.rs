//! TLS: whom the door believes. The root certificates of a process are fixed before it begins, so who asks is this
//! test binary again.

use std::process::{Command, Stdio};
use std::sync::Arc;

use motet::door::Errand;
use motet::language::failure::Known;
use motet::providers::http::{Address, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// The child's task: the URL to ask.
const ASKED: &str = "MOTET_TEST_TLS_URL";

#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(ASKED) else { return };
    let door = crate::stage::door("[providers.vendor]\nprivate = true\n");
    let told = match door.send(Errand::new("vendor", Request::get(Address::Url(url)))).await {
        Ok(reply) => format!("{} {}", reply.status, String::from_utf8(reply.body).unwrap()),
        Err(fault) => format!("{:?} {:?}", fault.cause, fault.sent()),
    };
    println!("told: {told}");
}

/// A server whose certificate is for `localhost`, by a root of these tests. Gives its port.
async fn server() -> u16 {
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("tls/localhost.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/localhost.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who doesn't believe the certificate leaves.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let read = stream.read(&mut [0; 4096]).await.unwrap_or(0);
            if read > 0 {
                let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nsafe";
                stream.write_all(reply).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    });
    port
}

/// What somebody is told who asks `url` and believes `roots`.
async fn told(url: String, roots: &str) -> String {
    let roots = format!("{}/tests/door/tls/{roots}", env!("CARGO_MANIFEST_DIR"));
    let asking = tokio::task::spawn_blocking(move || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::child", "--nocapture"])
            .env(ASKED, url)
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let output = String::from_utf8(asking.await.unwrap().stdout).unwrap();
    output.split("told: ").nth(1).expect("the child has asked").lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_is_believed_by_its_certificate_its_name_and_nothing_else() {
    let port = server().await;
    assert_eq!(told(format!("https://localhost:{port}/"), "root.pem").await, "200 safe");
    let not_sent = format!("Tls {:?}", Known::No);
    assert_eq!(told(format!("https://127.0.0.1:{port}/"), "root.pem").await, not_sent, "another name");
    assert_eq!(told(format!("https://localhost:{port}/"), "localhost.pem").await, not_sent, "another root");
    assert_eq!(told(format!("https://localhost:{port}/"), "none.pem").await, not_sent, "no roots at all");
}
