//! A server that does what a test says, byte by byte, and remembers what it heard.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is done with a connection once a request has been heard.
pub enum Act {
    /// These bytes are sent; another request may follow.
    Say(Vec<u8>),
    /// These bytes are sent again and again, for as long as the other side takes them.
    SayForEver(Vec<u8>),
    /// Nothing is done, and the connection stays.
    Hang,
    /// The connection ends.
    Close,
    /// The connection is torn.
    Reset,
}

/// A request, as it came.
#[derive(Clone)]
pub struct Heard {
    /// Its first line and its headers.
    pub head: String,
    /// What followed.
    pub body: Vec<u8>,
}

impl Heard {
    /// The first line without the version: `POST /v1/predictions`.
    pub fn line(&self) -> &str {
        self.head.split(" HTTP/").next().unwrap_or_default()
    }

    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let is_named = |(found, _): &(&str, &str)| found.eq_ignore_ascii_case(name);
        self.head.lines().filter_map(|line| line.split_once(": ")).find(is_named).map(|(_, value)| value)
    }
}

/// A server on a free port of this machine; it ends with the test's runtime.
pub struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    /// Does with each request what `script` says, seeing it and how many came before it.
    pub async fn start(script: impl Fn(&Heard, usize) -> Vec<Act> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { address, heard: Arc::default(), connections: Arc::default() };
        let (heard, connections, script) =
            (server.heard.clone(), server.connections.clone(), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, heard.clone(), script.clone()));
            }
        });
        server
    }

    /// Answers each request with this.
    pub async fn answering(status: &str, headers: &str, body: impl Into<Vec<u8>>) -> Server {
        let reply = reply(status, headers, &body.into());
        Server::start(move |_, _| vec![Act::Say(reply.clone())]).await
    }

    /// `http://127.0.0.1:4711`, with `path` behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `https://127.0.0.1:4711`: it doesn't speak TLS.
    pub fn tls_url(&self) -> String {
        format!("https://{}/", self.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All requests so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// A whole reply.
pub fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut whole =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    whole.extend_from_slice(body);
    whole
}

type Script = dyn Fn(&Heard, usize) -> Vec<Act> + Send + Sync;

async fn serve(mut stream: TcpStream, heard: Arc<Mutex<Vec<Heard>>>, script: Arc<Script>) {
    let mut buffer = Vec::new();
    while let Some(request) = hear(&mut stream, &mut buffer).await {
        let before = {
            let mut heard = heard.lock().unwrap();
            heard.push(request.clone());
            heard.len() - 1
        };
        for act in script(&request, before) {
            match act {
                Act::Say(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Act::SayForEver(bytes) => while stream.write_all(&bytes).await.is_ok() {},
                Act::Hang => std::future::pending().await,
                Act::Close => return,
                Act::Reset => return stream.set_zero_linger().unwrap(),
            }
        }
    }
}

/// The next request on the connection, as far as its `content-length` says; what more came stays in `buffer`.
async fn hear(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Heard> {
    let end = loop {
        match buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end + 4,
            None => more(stream, buffer).await?,
        }
    };
    let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
    let mut heard = Heard { head, body: Vec::new() };
    let length = heard.header("content-length").map_or(0, |length| length.parse().unwrap());
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    heard.body = buffer.drain(..length).collect();
    Some(heard)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&piece[..read]);
    Some(())
}
