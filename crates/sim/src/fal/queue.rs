//! The queue, and direct calls.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Fal, application, words};
use crate::Sim;
use crate::dialect::{Dialect, Done, Refusal, Visit};
use crate::http::{Answer, Body, Piece, event};
use crate::job::{Hook, Job, Outcome, Phase, Way};
use crate::models::Model;
use crate::scenario::Provider;
use crate::sim::Draft;
use crate::work;

/// The longest that a request may wait for its start, in seconds: a year.
const START_WITHIN_MAX: f64 = 31_536_000.0;

/// The time limit of a direct call, after which it is answered with an error.
const CALL_MAX: Duration = Duration::from_secs(600);

fn draft(sim: &Sim, visit: &mut Visit<'_>, model: &Model, way: Way) -> Result<Draft, Box<Answer>> {
    let Some(input) = visit.ask.json().filter(Value::is_object) else {
        let detail = json!([{ "loc": ["body"], "msg": "Input should be a valid dictionary", "type": "model_attributes_type" }]);
        return Err(Box::new(
            Answer::json(422, &json!({ "detail": detail })).with("x-fal-billable-units", 0),
        ));
    };
    visit.unknown = model.unknown(&input);
    let wrong = model.check(&input);
    let outcome =
        if wrong.is_empty() { Outcome::Succeeded } else { Outcome::Invalid(words::invalid(&wrong, &input)) };
    let hue = sim.chance().number("hue", sim.jobs_count()) as u8;
    let is_valid = outcome == Outcome::Succeeded;
    let mut work = work::work(model, if is_valid { &input } else { &Value::Null }, hue, &|url| sim.look(url));
    if !is_valid {
        (work.price, work.price_of_second) = (0, None);
    }
    let hook = visit
        .ask
        .query("fal_webhook")
        .map(|url| Hook { url: url.to_owned(), events: vec!["completed".to_owned()] });
    let start_within = visit.ask.header("x-fal-request-timeout").and_then(|text| text.parse().ok());
    Ok(Draft {
        provider: Provider::Fal,
        account: visit.account.clone(),
        model: model.id.clone(),
        kind: if way == Way::Job { "queue" } else { "run" },
        way,
        input,
        work,
        queue: if way == Way::Job { [50, 2000] } else { [0, 20] },
        latency: if is_valid { model.latency_ms } else { [20, 100] },
        hook: hook.filter(|_| way == Way::Job),
        given_up_after: start_within
            .filter(|seconds: &f64| *seconds > 0.0)
            .map(|seconds| Duration::from_secs_f64(seconds.min(START_WITHIN_MAX))),
        outcome,
    })
}

pub(super) fn submit(sim: &mut Sim, visit: &mut Visit<'_>, model: &Model) -> Done {
    let draft = match draft(sim, visit, model, Way::Job) {
        Ok(draft) => draft,
        Err(answer) => return (*answer).into(),
    };
    let number = sim.open(visit.now, draft);
    let job = sim.job(number);
    let mut body = addresses(sim, job);
    body["status"] = json!("IN_QUEUE");
    body["queue_position"] = json!(0);
    body["logs"] = Value::Null;
    body["metrics"] = json!({});
    if job.hook.is_some() {
        body["gateway_request_id"] = json!(job.id);
    }
    Done { answer: Answer::json(200, &body).with("x-fal-request-id", &job.id), job: Some(number) }
}

fn addresses(sim: &Sim, job: &Job) -> Value {
    let queue = sim.bases().get(Provider::Fal, "queue");
    let request = format!("{queue}/{}/requests/{}", application(&job.model), job.id);
    json!({
        "request_id": job.id,
        "response_url": request,
        "status_url": format!("{request}/status"),
        "cancel_url": format!("{request}/cancel"),
    })
}

/// The job with this id, if it belongs to the application.
fn find<'s>(sim: &'s Sim, visit: &Visit<'_>, app: &str, id: &str) -> Option<&'s Job> {
    sim.find(Provider::Fal, Some(&visit.account), id)
        .filter(|job| application(&job.model) == app && job.way == Way::Job)
}

fn no_such_request(id: &str) -> Answer {
    Answer::json(404, &json!({ "detail": format!("Request {id} not found") }))
}

pub(super) fn status(sim: &Sim, visit: &Visit<'_>, app: &str, id: &str) -> Answer {
    match find(sim, visit, app, id) {
        Some(job) => {
            let code = if job.phase(visit.now).is_final() { 200 } else { 202 };
            Answer::json(code, &status_object(sim, job, visit.now, wants_logs(visit)))
        }
        None => no_such_request(id),
    }
}

fn wants_logs(visit: &Visit<'_>) -> bool {
    visit.ask.query("logs").is_some_and(|logs| logs == "1" || logs == "true")
}

fn status_object(sim: &Sim, job: &Job, at: Timestamp, with_logs: bool) -> Value {
    let mut status = addresses(sim, job);
    let logs = json!([{ "message": "simulated run", "level": "INFO", "source": "USER", "timestamp": job.starts.unwrap_or(job.created) }]);
    status["logs"] = Value::Null;
    match job.phase(at) {
        Phase::Queued => {
            status["status"] = json!("IN_QUEUE");
            status["queue_position"] = json!(0);
        }
        Phase::Running => {
            status["status"] = json!("IN_PROGRESS");
            status["logs"] = if with_logs { logs } else { Value::Null };
        }
        _ => {
            status["status"] = json!("COMPLETED");
            status["logs"] = if with_logs { logs } else { Value::Null };
            status["metrics"] = json!({ "inference_time": job.ran(at) as f64 / 1000.0 });
            if let Some((code, body)) = words::failure(job, at) {
                status["error"] = json!(
                    body["detail"].as_str().map_or(format!("Invalid status code: {code}"), str::to_owned)
                );
                status["error_type"] = json!(words::kind(code, &body));
            }
        }
    }
    status
}

pub(super) fn status_stream(sim: &Sim, visit: &Visit<'_>, app: &str, id: &str) -> Answer {
    let Some(job) = find(sim, visit, app, id) else { return no_such_request(id) };
    let mut moments = vec![visit.now];
    moments.extend([job.starts, job.ended()].into_iter().flatten().filter(|at| *at > visit.now));
    let mut before = visit.now;
    let pieces = moments.into_iter().map(|at| {
        let after = Duration::try_from(at.duration_since(before)).unwrap_or_default();
        before = at;
        let status = status_object(sim, job, at, wants_logs(visit));
        Piece { after, bytes: Some(event(None, None, &status.to_string())) }
    });
    let body = Body::Stream(pieces.collect());
    Answer::new(200, "text/event-stream", bytes::Bytes::new()).saying(body)
}

pub(super) fn result(sim: &Sim, visit: &Visit<'_>, app: &str, id: &str) -> Answer {
    match find(sim, visit, app, id) {
        Some(job) if job.phase(visit.now).is_final() => words::outcome(sim, job, visit.now),
        Some(_) => Answer::json(400, &json!({ "detail": "Request is still in progress" })),
        None => no_such_request(id),
    }
}

pub(super) fn cancel(sim: &mut Sim, visit: &Visit<'_>, app: &str, id: &str) -> Answer {
    let Some(job) = find(sim, visit, app, id) else {
        return Answer::json(404, &json!({ "status": "NOT_FOUND" }));
    };
    if job.phase(visit.now).is_final() {
        return Answer::json(400, &json!({ "status": "ALREADY_COMPLETED" }));
    }
    let number = job.number;
    sim.cancel(number, visit.now);
    Answer::json(202, &json!({ "status": "CANCELLATION_REQUESTED" }))
}

/// A direct call: the reply is the result, or a stream that ends with it.
pub(super) fn run(sim: &mut Sim, visit: &mut Visit<'_>, model: &Model, streamed: bool) -> Done {
    if let Some(many) = sim.limits(Provider::Fal).concurrency {
        let (account, now) = (visit.account.clone(), visit.now);
        if sim.meters().busy(Provider::Fal, &account, many, now) >= many {
            return Fal::refuse(Refusal::Throttled(None)).into();
        }
    }
    let draft = match draft(sim, visit, model, Way::Call) {
        Ok(draft) => draft,
        Err(answer) => return (*answer).into(),
    };
    let number = sim.open(visit.now, draft);
    let job = sim.job(number);
    let end = visit.now + sim.scaled(CALL_MAX);
    let at = job.ended().unwrap_or(end);
    let wait = Duration::try_from(at.duration_since(visit.now)).unwrap_or_default();
    let answer = match job.ended() {
        None => words::platform(504, "request_timeout", "Request timed out").after(wait),
        Some(_) if streamed && words::failure(job, at).is_none() => stream(sim, job, wait),
        Some(_) => words::outcome(sim, job, at).after(wait),
    };
    Done { answer, job: Some(number) }
}

/// Two progress events, then the result.
fn stream(sim: &Sim, job: &Job, wait: Duration) -> Answer {
    let result = words::result(sim, job);
    let on_the_way = json!({ "images": [], "progress": 0.5 });
    let pieces = [&on_the_way, &on_the_way, &result]
        .map(|value| Piece { after: wait / 3, bytes: Some(event(None, None, &value.to_string())) });
    let answer =
        Answer::new(200, "text/event-stream", bytes::Bytes::new()).saying(Body::Stream(pieces.to_vec()));
    answer.with("x-fal-request-id", &job.id)
}
