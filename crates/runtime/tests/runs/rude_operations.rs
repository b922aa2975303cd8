//! Operations of others that panic where they only say how a call will be made: that ends their attempt alone.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use motet::language::{Timestamp, Value};
use motet::operation::{Preparation, Prepared, WorkError};
use motet::world::virtual_time::run;
use motet::{Class, Error, Motet, Outcome, Work};

use crate::direct::{Direct, boat, model};
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

impl Direct for Rude {
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

    fn answer(&self) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        Box::pin(async { Ok(boat()) })
    }
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
            let tasks = Motet::builder().add_task(model("lab/rude", None, rude));
            let motet = simulated_with(tasks.add_task(model("lab/good", None, Rude::Nowhere))).await;
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
        let motet =
            simulated_with(Motet::builder().add_task(model("lab/rude", None, Rude::WhenDropped))).await;
        let run = motet.start(&motet.load_text(&story("lab/rude")).unwrap(), ()).await.unwrap();
        assert!(run.outputs().await.is_ok());
    });
}
