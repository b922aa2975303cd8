//! The real world, but for its network.

use futures_util::future::BoxFuture;
use motet::language::Timestamp;
use motet::process::{Finished, Process, ProcessError};
use motet::store::{Batch, Store};
use motet::world::live::LiveWorld;
use motet::world::{Durable, OnHeld, World, wire};
use tokio_util::sync::CancellationToken;

/// What becomes of a request.
pub type Exchanged = BoxFuture<'static, Result<wire::Reply, wire::Fault>>;

/// Who answers requests.
pub trait Network: Send + Sync + 'static {
    /// Answers a request; `live` is the real network.
    fn exchange(&self, live: &LiveWorld, request: wire::Request) -> Exchanged;

    /// Notes a pause until `until` that begins `now`.
    fn note_pause(&self, _now: Timestamp, _until: Timestamp) {}
}

/// The real world with this network.
#[derive(Default)]
pub struct Networked<N> {
    live: LiveWorld,
    /// Who answers requests.
    pub network: N,
}

impl<N: Network> World for Networked<N> {
    fn now(&self) -> Timestamp {
        self.live.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.network.note_pause(self.now(), at);
        self.live.sleep_until(at)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.live.spawn(task);
    }

    fn spawn_work(&self, work: BoxFuture<'static, ()>, held: OnHeld) {
        self.live.spawn_work(work, held);
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        self.live.compute(work)
    }

    fn draw(&self) -> u128 {
        self.live.draw()
    }

    fn token(&self) -> u128 {
        self.live.token()
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        self.live.append(store, batch, alone, durable);
    }

    fn exchange(&self, request: wire::Request) -> Exchanged {
        self.network.exchange(&self.live, request)
    }

    fn run_process(
        &self,
        process: Process,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>> {
        self.live.run_process(process, stop)
    }
}
