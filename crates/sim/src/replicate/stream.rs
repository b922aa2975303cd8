//! Server-sent events of a prediction.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::prediction::{fragments, output};
use super::{Replicate, is_removed};
use crate::Sim;
use crate::dialect::{Dialect, Refusal};
use crate::http::{Answer, Body, Piece, event};
use crate::job::{Job, Phase};
use crate::models;
use crate::scenario::Provider;

/// How long a stream is held open without events.
const IDLE: Duration = Duration::from_secs(30);

pub(super) fn follow(sim: &Sim, now: Timestamp, id: &str) -> Answer {
    match sim.find(Provider::Replicate, None, id).filter(|job| !is_removed(job, now)) {
        Some(job) => Answer::new(200, "text/event-stream", bytes::Bytes::new())
            .saying(Body::Stream(events(sim, job, now))),
        None => Replicate::refuse(Refusal::NotFound),
    }
}

fn events(sim: &Sim, job: &Job, now: Timestamp) -> Vec<Piece> {
    let wait = |at: Timestamp| Duration::try_from(at.duration_since(now)).unwrap_or_default();
    let Some(ended) = job.ended() else {
        return vec![Piece { after: IDLE, bytes: Some(":408: 408 Request Timeout\n\n".into()) }];
    };
    let phase = job.phase(ended);
    let said = if phase == Phase::Succeeded { fragments_of(sim, job, ended) } else { Vec::new() };
    // The output is spread over the run time.
    let starts = wait(job.starts.unwrap_or(ended).min(ended));
    let each = (wait(ended).saturating_sub(starts)) / (said.len() as u32 + 1);
    let mut number = 0;
    let mut piece = |after, name: &str, data: &str| {
        number += 1;
        let id = format!("{}:{number}", ended.as_second());
        Piece { after, bytes: Some(event(Some(name), Some(&id), data)) }
    };
    let mut pieces = vec![piece(starts, "logs", "simulated run")];
    pieces.extend(said.iter().map(|fragment| piece(each, "output", fragment)));
    let (after, reason) = match phase {
        Phase::Succeeded => (each, json!({})),
        Phase::Failed => {
            let detail = json!({ "detail": "Prediction failed: the simulated model broke (E1000)" });
            pieces.push(piece(each, "error", &detail.to_string()));
            (Duration::ZERO, json!({ "reason": "error" }))
        }
        _ => (each, json!({ "reason": "canceled" })),
    };
    pieces.push(piece(after, "done", &reason.to_string()));
    pieces
}

fn fragments_of(sim: &Sim, job: &Job, ended: Timestamp) -> Vec<String> {
    let is_text =
        models::find(Provider::Replicate, &job.model).is_some_and(|model| model.shape == "fragments");
    if is_text {
        return fragments(job);
    }
    let output = output(sim, job, ended);
    let urls = output.as_array().cloned().unwrap_or_else(|| vec![output]);
    urls.iter().filter_map(|url| Some(url.as_str()?.to_owned())).collect()
}
