//! What ElevenLabs' refusals mean.

use motet_pipeline::{Class, Failure};
use serde_json::Value as Json;

use super::NAME;
use crate::failure::{self, Asked, Refusal, by_status};
use crate::http::Reply;
use crate::json;

/// The failure that a reply without success is.
pub(super) fn refused(asked: Asked, reply: &Reply) -> Failure {
    let body = json::read(&reply.body).ok();
    let refusal = body.as_ref().and_then(|body| of_reply(asked, reply.status, body));
    failure::refused(NAME, asked, reply, refusal, body.as_ref())
}

/// All four shapes: `{"detail": {"type", "code", "status", "message"}}`, the same without `code`, FastAPI's list, and a
/// text.
fn of_reply(asked: Asked, status: u16, body: &Json) -> Option<Refusal<'_>> {
    let detail = body.get("detail")?;
    let (code, text) = match detail {
        Json::String(text) => (None, text.clone()),
        Json::Object(_) => (code(detail), json::text(detail, "message").unwrap_or_default().to_owned()),
        Json::Array(faults) => {
            (faults.first().and_then(|first| json::text(first, "type")), first_fault(faults)?)
        }
        _ => return None,
    };
    // Of a call that came to nothing on their side nobody can tell whether it was charged.
    let by_code = code.and_then(class_of).filter(|_| status < 500 || asked != Asked::Call);
    let class = by_code.unwrap_or_else(|| by_status(asked, status));
    Some(Refusal { class, code, text })
}

fn code(detail: &Json) -> Option<&str> {
    // The more exact of the two: an older error has its name under `status` alone.
    ["code", "status"].iter().find_map(|name| json::text(detail, name)).filter(|code| code.len() <= 100)
}

fn first_fault(faults: &[Json]) -> Option<String> {
    let first = faults.first()?;
    let place = first.get("loc").and_then(Json::as_array).into_iter().flatten();
    let place: Vec<_> = place.filter_map(Json::as_str).filter(|part| *part != "body").collect();
    Some(format!("{}: {}", place.join("."), json::text(first, "msg").unwrap_or_default()))
}

/// The class of ElevenLabs' own codes; all others are judged by the status.
fn class_of(code: &str) -> Option<Class> {
    Some(match code {
        "quota_exceeded" | "payment_required" | "insufficient_credits" => Class::Quota,
        "invalid_api_key" | "missing_permissions" | "detected_unusual_activity" | "only_for_creator+" => {
            Class::Auth
        }
        "max_character_limit_exceeded" | "text_too_long" | "file_too_large" => Class::TooLarge,
        "voice_not_found" | "model_not_found" | "history_item_not_found" => Class::Gone,
        "bad_prompt" | "bad_composition_plan" | "content_policy_violation" | "content_against_policy" => {
            Class::Content
        }
        "rate_limit_exceeded"
        | "concurrent_limit_exceeded"
        | "too_many_concurrent_requests"
        | "system_busy" => Class::Throttled,
        _ => return None,
    })
}
