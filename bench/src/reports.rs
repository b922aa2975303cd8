//! A bare listener for webhooks: it takes whatever comes, and says that something came.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

/// What came, as it comes.
pub struct Reports {
    url: String,
    come: Mutex<mpsc::UnboundedReceiver<()>>,
}

impl Reports {
    /// Listens on loopback.
    pub async fn hear() -> Reports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has one"));
        let (tell, come) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take_all(stream, tell.clone()));
            }
        });
        Reports { url, come: Mutex::new(come) }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the next one.
    pub async fn next(&self) {
        self.come.lock().await.recv().await.expect("it listens as long as this is there");
    }
}

/// Answers each request of a connection.
async fn take_all(mut stream: TcpStream, tell: mpsc::UnboundedSender<()>) {
    let _ = stream.set_nodelay(true);
    let (mut read, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        match stream.read(&mut piece).await {
            Ok(length) if length > 0 => read.extend_from_slice(&piece[..length]),
            _ => return,
        }
        if !is_whole(&read) {
            continue;
        }
        read.clear();
        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
            return;
        }
        // Whoever waited may have gone.
        let _ = tell.send(());
    }
}

/// Whether a request is there to the end of its body.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    read.len() >= head.len() + 4 + length.unwrap_or(0)
}
