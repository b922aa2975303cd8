//! Operations of others that panic where they only say how a call will be made: that ends their attempt alone.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use motet::engine::{Found, JobNews};
use motet::language::contract::{Call, CallForm, Contract, Work as Kind};
use motet::language::{Timestamp, Type, Value};
use motet::operation::{Preparation, Prepared, RemoteOperation, Submitted, WorkError};
use motet::world::virtual_time::run;
use motet::{Class, Error, Motet, Outcome, Task, Work};

use crate::stage::simulated_with;

/// Panics where it is told to.
#[derive(Clone, Copy, PartialEq)]
enum Rude {
    Nowhere,
    InPlace,
    InPrepare,
    Later,
    WhenDropped,
}

/// Is prepared at once, and panics when it is dropped.
struct Trap;

impl Future for Trap {
    type Output = Prepared;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Prepared> {
        Poll::Ready(Ok(None))
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        panic!("nobody is home");
    }
}

impl RemoteOperation for Rude {
    fn place(&self, _now: Timestamp) -> Option<Arc<str>> {
        assert!(*self != Rude::InPlace, "nobody is home");
        None
    }

    fn prepare(&self, _work: Work) -> Preparation {
        match self {
            Rude::InPrepare => panic!("nobody is home"),
            Rude::Later => Preparation::Later(Box::pin(async { panic!("nobody is home") })),
            Rude::WhenDropped => Preparation::Later(Box::pin(Trap)),
            _ => Preparation::Now(Ok(None)),
        }
    }

    fn submit(&self, _: Work) -> BoxFuture<'static, Result<Submitted, WorkError>> {
        Box::pin(async { Ok(Submitted::Done(Outcome::of(Value::map([("value", Value::from("boat"))])))) })
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

fn task(name: &str, rude: Rude) -> Task {
    let contract =
        Contract::new(name, Kind::Model).output("value", Type::Text).call(Call::paid(CallForm::Direct));
    Task::remote(contract, rude)
}

fn story(operation: &str) -> String {
    format!(
        r#"{{ "motet": 1, "name": "t", "steps": {{ "still": {{ "uses": "{operation}" }} }}, "outputs": {{ "value": "{{{{ steps.still.value }}}}" }} }}"#
    )
}

#[test]
fn an_operation_that_panics_where_a_call_is_prepared_fails_and_all_else_goes_on() {
    run(async {
        for rude in [Rude::InPlace, Rude::InPrepare, Rude::Later] {
            let tasks = Motet::builder().add_task(task("lab/rude", rude));
            let motet = simulated_with(tasks.add_task(task("lab/good", Rude::Nowhere))).await;
            let failed = motet.start(&motet.load_text(&story("lab/rude")).unwrap(), ()).await.unwrap();
            let Err(Error::RunFailed { failure, .. }) = failed.outputs().await else { panic!("it panics") };
            assert_eq!(failure.class, Class::Invalid);
            assert_eq!(failure.message, "lab/rude panicked: nobody is home");
            let good = motet.start(&motet.load_text(&story("lab/good")).unwrap(), ()).await.unwrap();
            assert_eq!(good.outputs().await.unwrap().get("value"), Some(&Value::from("boat")));
        }
    });
}

#[test]
fn what_a_preparation_drops_may_panic_once_it_has_answered() {
    run(async {
        let motet = simulated_with(Motet::builder().add_task(task("lab/rude", Rude::WhenDropped))).await;
        let run = motet.start(&motet.load_text(&story("lab/rude")).unwrap(), ()).await.unwrap();
        assert!(run.outputs().await.is_ok());
    });
}
