//! The HTTP face around the pure machine: sockets, the clock, a state folder and webhook delivery.

mod answer;
mod disk;

pub use disk::IN_USE;
mod hooks;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::{Bases, Options, Provider, Reply, Request, Scenario, Sim};
use disk::Disk;

/// Options of [`serve`].
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The port on loopback; 0 for any free port.
    pub port: u16,
    /// The seed of everything random.
    pub seed: u64,
    /// How many times faster than at the real provider jobs run.
    pub speed: f64,
    /// The scenario. Without it, the one saved in the folder, or none.
    pub scenario: Option<Scenario>,
    /// The folder for the state, so that a restarted simulator continues with it.
    pub dir: Option<PathBuf>,
    /// Whether each provider also gets its own port, without a prefix.
    pub separate_ports: bool,
}

impl Default for Serving {
    fn default() -> Serving {
        Serving { port: 0, seed: 0, speed: 1.0, scenario: None, dir: None, separate_ports: false }
    }
}

/// The addresses of a running simulator. As JSON they are the line that the command prints when it is ready.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Addresses {
    /// The common origin, also of `/_sim/…`.
    pub url: String,
    /// The base URLs of each provider by role.
    pub base_urls: Bases,
    /// The origins of providers with their own port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<Provider, String>,
}

/// A running simulator. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    addresses: Addresses,
    tasks: JoinSet<()>,
}

impl Server {
    /// Its addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Runs until the process ends.
    pub async fn wait(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The machine and its state folder.
struct Shared {
    inner: Mutex<Inner>,
    /// Notified when webhooks may be due.
    news: Notify,
}

struct Inner {
    sim: Sim,
    disk: Option<Disk>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `what` on the machine and saves the changes before its result is visible.
    fn change<T>(&self, what: impl FnOnce(&mut Sim, Timestamp) -> T) -> io::Result<T> {
        let mut inner = self.lock();
        let result = what(&mut inner.sim, Timestamp::now());
        let changes = inner.sim.changes();
        if let Some(disk) = &mut inner.disk {
            disk.append(&changes)?;
        }
        Ok(result)
    }

    fn handle(&self, request: &Request) -> io::Result<Reply> {
        let reply = self.change(|sim, now| sim.handle(now, request))?;
        self.news.notify_one();
        Ok(reply)
    }
}

/// Starts a simulator on loopback.
///
/// # Errors
///
/// If the port is in use, or the folder can't be used, for example because another simulator uses it.
pub async fn serve(serving: Serving) -> io::Result<Server> {
    let listener = listen(serving.port).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut listeners = vec![(None, listener)];
    let mut origins = BTreeMap::new();
    if serving.separate_ports {
        for provider in Provider::ALL {
            let listener = listen(0).await?;
            origins.insert(provider, format!("http://{}", listener.local_addr()?));
            listeners.push((Some(provider), listener));
        }
    }
    let bases = Bases::under(&url);
    let shared = Arc::new(open(&serving, bases.clone())?);
    let mut tasks = JoinSet::new();
    for (provider, listener) in listeners {
        tasks.spawn(accept(listener, provider, Arc::clone(&shared)));
    }
    tasks.spawn(hooks::send_all(shared));
    Ok(Server { addresses: Addresses { url, base_urls: bases, origins }, tasks })
}

async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await
}

fn open(serving: &Serving, bases: Bases) -> io::Result<Shared> {
    let options = Options {
        seed: serving.seed,
        speed: serving.speed,
        bases,
        scenario: Scenario::default(),
        keeps_changes: serving.dir.is_some(),
    };
    let mut sim = Sim::new(options);
    let mut disk = match &serving.dir {
        Some(dir) => Some(Disk::open(dir, &mut sim)?),
        None => None,
    };
    if let Some(scenario) = &serving.scenario {
        sim.set_scenario(scenario.clone());
    }
    if let Some(disk) = &mut disk {
        disk.append(&sim.changes())?;
    }
    Ok(Shared { inner: Mutex::new(Inner { sim, disk }), news: Notify::new() })
}

/// Accepts connections. All of them end when the task is dropped.
async fn accept(listener: TcpListener, provider: Option<Provider>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Usually too many open files, which passes.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer::answer(Arc::clone(&shared), provider, request));
            // An error means that the client or a fault closed the connection.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
