//! The HTTP face of the process that drives a store: webhooks of providers come in here. Nothing of a store can be
//! read through it.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /hooks/PROVIDER` | what became of the delivery ([`motet::hooks::Receipt`]) |
//! | `GET /healthz` | 200 while the store is driven |
//!
//! Whoever can reach it is taken for hostile. All that a client can make it hold is bounded: connections, the heads of
//! requests, bodies, those of all connections together, and the time that each of them may take.

mod body;
mod face;
mod room;

use std::io;
use std::net::SocketAddr;

use motet::Motet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A socket that is listened to, before anybody is answered.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens at `address`; at any free port if its port is 0. Connections wait until [`Listener::serve`].
    ///
    /// # Errors
    /// When somebody else listens there, or this user may not.
    pub async fn at(address: SocketAddr) -> io::Result<Listener> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL: `http://127.0.0.1:8477`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Answers for `motet` until `stop` is cancelled; then lets what is under way come to its end, for a moment.
    pub async fn serve(self, motet: Motet, stop: CancellationToken) {
        face::serve(self.socket, motet, stop).await;
    }
}
