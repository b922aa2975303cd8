//! Stand-ins: operations that give the answers they were set up with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use motet_pipeline::{Class, Contract, Failure, MediaKind, Outcome, Span, Type, Value};

use crate::operation::{Operation, WorkError};
use crate::work::Work;

/// Does an operation in its place. Cheap to clone; all clones are the same.
///
/// It gives one answer a call, in the order in which they were said; the last one it gives from then
/// on.
#[derive(Clone)]
pub struct StandIn(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Answer>,
    takes: Duration,
    calls: Vec<Call>,
}

#[derive(Clone)]
enum Answer {
    Gives(Value),
    Fails(Failure),
    Makes(Arc<dyn Fn(&Value) -> Value + Send + Sync>),
}

/// One call of a stand-in.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The step or item.
    pub step: String,
    /// Which attempt of the step.
    pub attempt: u32,
    /// See [`Work::idempotency_key`].
    pub idempotency_key: String,
    /// The resolved inputs.
    pub inputs: Value,
}

impl StandIn {
    pub(super) fn new() -> StandIn {
        StandIn(Arc::default())
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn answer(self, answer: Answer) -> StandIn {
        self.script().answers.push_back(answer);
        self
    }

    /// Is out of order for the next `count` calls: the class `unavailable`, which a retry helps.
    pub fn fails(self, count: usize) -> StandIn {
        let fail =
            |stand_in: StandIn, _| stand_in.fails_with(Class::Unavailable, "the stand-in is out of order");
        (0..count).fold(self, fail)
    }

    /// Fails the next call in this way.
    pub fn fails_with(self, class: Class, message: &str) -> StandIn {
        self.fails_as(Failure::new(class, message))
    }

    /// Fails the next call in exactly this way, such as with a moment before which it must not be
    /// tried again.
    pub fn fails_as(self, failure: Failure) -> StandIn {
        self.answer(Answer::Fails(failure))
    }

    /// Gives `value` at the next call: a map of the outputs by name, or the value of the one output
    /// that it fits.
    pub fn then(self, value: impl Into<Value>) -> StandIn {
        self.answer(Answer::Gives(value.into()))
    }

    /// Gives `value` at every call from now on, whatever was said before.
    pub fn always(self, value: impl Into<Value>) -> StandIn {
        self.script().answers.clear();
        self.then(value)
    }

    /// Makes the next answer from the resolved inputs.
    pub fn answers<V: Into<Value>>(self, answer: impl Fn(&Value) -> V + Send + Sync + 'static) -> StandIn {
        self.answer(Answer::Makes(Arc::new(move |inputs| answer(inputs).into())))
    }

    /// Lets every call take this long.
    pub fn takes(self, time: Duration) -> StandIn {
        self.script().takes = time;
        self
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.script().calls.clone()
    }

    /// How many calls there were so far.
    pub fn count(&self) -> usize {
        self.script().calls.len()
    }

    /// Notes a call; its answer, and how long that takes.
    fn take(&self, work: &Work) -> (Answer, Duration) {
        let mut script = self.script();
        script.calls.push(Call {
            step: work.step().to_string(),
            attempt: work.attempt(),
            idempotency_key: work.idempotency_key(),
            inputs: work.inputs().clone(),
        });
        let answer = match script.answers.len() {
            0 => {
                let message = format!("the stand-in for {} was given no answer", work.contract().operation);
                Answer::Fails(Failure::new(Class::Invalid, message))
            }
            1 => script.answers[0].clone(),
            _ => script.answers.pop_front().expect("there are two or more"),
        };
        (answer, script.takes)
    }
}

impl Operation for StandIn {
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>> {
        let (answer, takes) = self.take(&work);
        Box::pin(async move {
            let world = work.hands.world.clone();
            let end = world.now().after(Span(u64::try_from(takes.as_millis()).unwrap_or(u64::MAX)));
            tokio::select! {
                biased;
                () = work.stop().cancelled() => return Err(Failure::unavailable("stopped").into()),
                () = world.sleep_until(end), if !takes.is_zero() => {}
                () = std::future::ready(()), if takes.is_zero() => {}
            }
            match answer {
                Answer::Gives(value) => Ok(Outcome::of(as_outputs(value, work.contract()))),
                Answer::Fails(failure) => Err(failure.into()),
                Answer::Makes(make) => Ok(Outcome::of(as_outputs(make(work.inputs()), work.contract()))),
            }
        })
    }
}

/// A map of outputs; a single value is the one output that it fits. Every media fits an output that is any file, so that
/// counts only where no other does.
fn as_outputs(value: Value, contract: &Contract) -> Value {
    if matches!(value, Value::Map(_)) {
        return value;
    }
    let is_any_file = |ty: &Type| matches!(ty, Type::Media(kinds) if kinds.contains(&MediaKind::File));
    let fitting = contract.outputs.iter().filter(|(_, ty)| ty.accepts(&value).is_ok());
    let (any, exact): (Vec<_>, Vec<_>) = fitting.partition(|(_, ty)| is_any_file(ty));
    match (exact.as_slice(), any.as_slice()) {
        ([(name, _)], _) | ([], [(name, _)]) => Value::map([((*name).clone(), value)]),
        _ => value,
    }
}
