//! Providers that answer a request with its result, so there is never a job to ask about.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet::engine::{Found, JobNews};
use motet::language::contract::{Call, CallForm, Contract, Work as Kind};
use motet::language::price::{Price, Tariff, Unit};
use motet::language::{Money, Timestamp, Type, Value};
use motet::operation::{Preparation, RemoteOperation, Submitted, WorkError};
use motet::{Builder, Motet, Outcome, Task, Work};

/// What such a provider does.
pub trait Direct: Send + Sync + 'static {
    fn place(&self, _now: Timestamp) -> Option<Arc<str>> {
        None
    }

    fn prepare(&self, _work: Work) -> Preparation {
        Preparation::Now(Ok(None))
    }

    fn answer(&self) -> BoxFuture<'static, Result<Outcome, WorkError>>;
}

struct AtOnce<P>(P);

impl<P: Direct> RemoteOperation for AtOnce<P> {
    fn place(&self, now: Timestamp) -> Option<Arc<str>> {
        self.0.place(now)
    }

    fn prepare(&self, work: Work) -> Preparation {
        self.0.prepare(work)
    }

    fn submit(&self, _: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        let answer = self.0.answer();
        Box::pin(async move { answer.await.map(Submitted::Done) })
    }

    fn reconcile(&self, _: Work) -> BoxFuture<'static, Result<Found, WorkError>> {
        Box::pin(async { Ok(Found::Unclear) })
    }

    fn poll(&self, _: Work, _: String) -> BoxFuture<'static, Result<JobNews, WorkError>> {
        unreachable!("it answers at once")
    }

    fn fetch(&self, _: Work, _: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        unreachable!("it answers at once")
    }

    fn cancel(&self, _: Work, _: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>> {
        unreachable!("it answers at once")
    }
}

/// The model `name` of a provider, at a price in dollars, or at one that nobody knows.
pub fn model(name: &str, price: Option<&str>, provider: impl Direct) -> Task {
    let mut contract =
        Contract::new(name, Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Direct));
    contract.price = price.map(|price| Price::of(Tariff::new(Unit::Image, 1, dollars(price))));
    Task::remote(contract, AtOnce(provider))
}

/// With `lab/picture` at a price, and `lab/secret` whose price nobody knows.
pub fn builder(lab: &(impl Direct + Clone), price: &str) -> Builder {
    let builder = Motet::builder().add_task(model("lab/picture", Some(price), lab.clone()));
    builder.add_task(model("lab/secret", None, lab.clone()))
}

/// What all of them give.
pub fn boat() -> Outcome {
    Outcome::of(Value::map([("value", Value::from("boat"))]))
}

pub fn dollars(text: &str) -> Money {
    text.parse().unwrap()
}
