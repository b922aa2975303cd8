//! What fal's refusals and failed results mean.

use motet_pipeline::failure::Known;
use motet_pipeline::{Class, Failure};
use serde_json::Value as Json;

use super::{NAME, billable_units};
use crate::answer::News;
use crate::failure::{self, Asked, Refusal, by_status};
use crate::http::Reply;
use crate::json;
use crate::said::said;

/// The failure that a reply without success is.
pub(super) fn refused(asked: Asked, reply: &Reply) -> Failure {
    let body = json::read(&reply.body).ok();
    let refusal = body.as_ref().and_then(|body| of_reply(asked, reply, body));
    failure::refused(NAME, asked, reply, refusal, body.as_ref())
}

/// Of the result of a job: either how the job failed, or why the question did.
pub(super) fn result_of_failure(reply: &Reply) -> Result<News, Failure> {
    let body = json::read(&reply.body).unwrap_or_default();
    let code = code(reply, &body);
    let failure = refused(Asked::Job, reply);
    let is_in_progress = detail(&body).is_some_and(|told| told.contains("still in progress"));
    match (code, reply.status) {
        (None, 400) if is_in_progress => Ok(News::Running),
        (Some("client_cancelled"), _) => Ok(News::Cancelled { billed: billed(reply, Known::Maybe) }),
        // Of the question: the key, the pace, the place.
        (None, 300..400 | 401 | 403 | 404 | 408 | 429 | 500..) => Err(failure),
        // A gateway fails, and a key is told to wait, in the words of the platform: only what was counted is the result
        // of a job.
        (_, status) if (status >= 500 || failure.class.is_about_key()) && billable_units(reply).is_none() => {
            Err(failure)
        }
        _ => {
            let is_free = matches!(failure.class, Class::Invalid | Class::TooLarge) || reply.status >= 500;
            let usual = if is_free { Known::No } else { Known::Maybe };
            Ok(News::Failed(Failure { billed: billed(reply, usual), ..failure }))
        }
    }
}

/// How a job failed, as its status tells it: where the fault is fal's own. Any other end is told by the result.
pub(super) fn failure_of_status(reply: &Reply, status: &Json) -> Option<Failure> {
    let code = json::text(status, "error_type").filter(|code| json::is_id(code));
    let class =
        code.and_then(class_of).filter(|class| matches!(class, Class::Unavailable | Class::Timeout))?;
    let text = json::text(status, "error").unwrap_or_default();
    let message = match text {
        "" => format!("{NAME}: the job failed"),
        text => format!("{NAME}: the job failed: {}", said(text)),
    };
    let refusal = Refusal { class, code, text: String::new() };
    let failure = failure::refused(NAME, Asked::Job, reply, Some(refusal), None);
    Some(Failure { billed: Known::No, message, ..failure })
}

/// A result of success that lacks what the model should give.
pub(super) fn bad_result(failure: Failure, reply: &Reply) -> Failure {
    Failure {
        sent: Known::Yes,
        billed: billed(reply, Known::Yes),
        phase: Some(motet_pipeline::failure::Phase::Poll),
        scope: Some(failure::scope(failure.class)),
        request_id: failure::request_id(reply),
        ..failure
    }
}

fn billed(reply: &Reply, otherwise: Known) -> Known {
    match billable_units(reply) {
        Some(units) if units > 0.0 => Known::Yes,
        Some(_) => Known::No,
        None => otherwise,
    }
}

/// Both shapes: `{"detail": [{"loc", "msg", "type"}]}` of models, `{"detail", "error_type"}` of the platform.
fn of_reply<'a>(asked: Asked, reply: &'a Reply, body: &'a Json) -> Option<Refusal<'a>> {
    let told = detail(body)?;
    let code = code(reply, body);
    let lower = told.to_ascii_lowercase();
    let is_out_of_money = ["exhausted balance", "user is locked", "top up your balance"];
    let by_code = code.and_then(class_of).filter(|_| asked != Asked::Call || reply.status < 500);
    let class = match reply.status {
        402 | 403 if is_out_of_money.iter().any(|phrase| lower.contains(phrase)) => Class::Quota,
        status => by_code.unwrap_or_else(|| by_status(asked, status)),
    };
    let class = match (class, reply.header("x-fal-retryable")) {
        (Class::Unavailable, Some("false")) => Class::Invalid,
        (Class::Invalid, Some("true")) if asked == Asked::Job => Class::Unavailable,
        (class, _) => class,
    };
    Some(Refusal { class, code, text: told })
}

/// The words of a refusal.
fn detail(body: &Json) -> Option<String> {
    match body.get("detail")? {
        Json::String(text) => Some(text.clone()),
        Json::Array(faults) => {
            let first = faults.first()?;
            let place: Vec<_> = first.get("loc").and_then(Json::as_array).into_iter().flatten().collect();
            let parts = place.iter().filter_map(|part| part.as_str());
            // A fault of no field has a place without a name.
            let place: Vec<_> = parts.filter(|part| !["", "body"].contains(part)).collect();
            let text = json::text(first, "msg").unwrap_or_default();
            Some(if place.is_empty() { text.to_owned() } else { format!("{}: {text}", place.join(".")) })
        }
        _ => None,
    }
}

/// fal's name for what is wrong: of the first fault, else of the platform.
fn code<'a>(reply: &'a Reply, body: &'a Json) -> Option<&'a str> {
    let of_fault =
        body.get("detail").and_then(|faults| faults.get(0)).and_then(|first| json::text(first, "type"));
    let of_platform = || json::text(body, "error_type").or_else(|| reply.header("x-fal-error-type"));
    of_fault.or_else(of_platform).filter(|code| json::is_id(code))
}

/// The class of fal's own codes; all others are judged by the status.
fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        "content_policy_violation" => Class::Content,
        "no_media_generated" => Class::BadOutput,
        "image_too_large"
        | "file_too_large"
        | "video_duration_too_long"
        | "audio_duration_too_long"
        | "sequence_too_long" => Class::TooLarge,
        "internal_server_error"
        | "generation_timeout"
        | "downstream_service_error"
        | "downstream_service_unavailable"
        | "startup_timeout"
        | "runner_scheduling_failure"
        | "runner_connection_timeout"
        | "runner_disconnected"
        | "runner_connection_refused"
        | "runner_connection_error"
        | "runner_incomplete_response"
        | "runner_server_error"
        | "client_disconnected"
        | "internal_error" => Class::Unavailable,
        "request_timeout" => Class::Timeout,
        "concurrent_requests_limit" => Class::Throttled,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_names_the_field_if_there_is_one() {
        let told = |place: Json| detail(&json!({"detail": [{"loc": place, "msg": "no", "type": "missing"}]}));
        assert_eq!(told(json!(["body", "prompt"])).unwrap(), "prompt: no");
        assert_eq!(told(json!(["body", "loras", 0, "path"])).unwrap(), "loras.path: no");
        assert_eq!(told(json!(["body"])).unwrap(), "no");
        assert_eq!(told(json!([""])).unwrap(), "no");
        assert_eq!(told(json!("body")).unwrap(), "no");
        assert_eq!(detail(&json!({"detail": "gone"})).unwrap(), "gone");
        assert_eq!(detail(&json!({"detail": 7})), None);
    }
}
