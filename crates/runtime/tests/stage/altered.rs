//! Virtual time, but for what a test wants otherwise.

use std::ops::Deref;

use futures_util::future::BoxFuture;
use motet::engine::RunId;
use motet::language::Timestamp;
use motet::process::{Finished, Process, ProcessError};
use motet::store::{Batch, Store};
use motet::world::virtual_time::VirtualWorld;
use motet::world::wire::{Fault, Reply, Request};
use motet::world::{Durable, World};
use tokio_util::sync::CancellationToken;

/// What is done otherwise than by `world`: whatever isn't written here is done by it.
pub trait Alteration: Send + Sync + 'static {
    fn world(&self) -> &VirtualWorld;

    fn now(&self) -> Timestamp {
        self.world().now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.world().sleep_until(at)
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        self.world().compute(work)
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        self.world().append(store, batch, alone, durable);
    }

    fn before_engine(&self, run: &RunId) {
        self.world().before_engine(run);
    }
}

/// The world with an alteration.
pub struct Altered<A>(pub A);

impl<A> Deref for Altered<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: Alteration> World for Altered<A> {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        self.0.sleep_until(at)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world().spawn(task);
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        self.0.compute(work)
    }

    fn draw(&self) -> u128 {
        self.world().draw()
    }

    fn append(&self, store: &Store, batch: Batch, alone: bool, durable: Durable) {
        self.0.append(store, batch, alone, durable);
    }

    fn before_engine(&self, run: &RunId) {
        self.0.before_engine(run);
    }

    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Reply, Fault>> {
        self.world().exchange(request)
    }

    fn run_process(
        &self,
        process: Process,
        stop: CancellationToken,
    ) -> BoxFuture<'static, Result<Finished, ProcessError>> {
        self.world().run_process(process, stop)
    }
}
