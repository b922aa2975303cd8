//! Failures: what a refusal, or no reply at all, means.

use motet_pipeline::failure::{Known, Phase, Scope};
use motet_pipeline::{Class, Failure};
use serde_json::Value as Json;

use crate::http::Reply;
use crate::json::{Unread, is_id};
use crate::said::said;
use crate::waiting;

/// What was asked, as far as it decides what a bad reply means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A call that may cost: what can't be known of it is `unknown`.
    Call,
    /// How a job is. It goes on whatever comes back.
    Job,
    /// Anything else that costs nothing.
    Other,
}

/// What it means that no whole reply came: the request was sent at most as far as `phase` says. `why` is told to
/// people.
///
/// ```
/// use motet_pipeline::Class;
/// use motet_pipeline::failure::{Known, Phase};
/// use motet_providers::failure::{Asked, unanswered};
/// let refused = unanswered(Asked::Call, Phase::Connect, "connection refused");
/// assert_eq!((refused.class, refused.sent), (Class::Unavailable, Known::No));
/// let lost = unanswered(Asked::Call, Phase::Wait, "no reply within 120s");
/// assert_eq!((lost.class, lost.billed), (Class::Unknown, Known::Maybe));
/// ```
pub fn unanswered(asked: Asked, phase: Phase, why: &str) -> Failure {
    let (class, sent) = match (asked, phase) {
        (_, Phase::Connect) => (Class::Unavailable, Known::No),
        (Asked::Call, _) => (Class::Unknown, Known::Maybe),
        (Asked::Job | Asked::Other, _) => (Class::Unavailable, Known::Maybe),
    };
    let billed = if class == Class::Unknown { Known::Maybe } else { Known::No };
    let scope = Some(Scope::Provider);
    Failure { sent, billed, scope, phase: Some(phase), ..Failure::new(class, said(why)) }
}

/// What it means that the bytes of an output can't be downloaded from where the provider said that they are. It is paid:
/// where there is no file any more ([`Failure::is_expired`]), the provider may know of another address.
pub fn download_refused(status: u16) -> Failure {
    let (class, told) = match status {
        408 | 425 | 429 | 500.. => (Class::Unavailable, "the output can't be downloaded for now"),
        400..500 => {
            (Class::Gone, "the output can't be downloaded: its address has expired, or never was one")
        }
        _ => (Class::BadOutput, "the output can't be downloaded"),
    };
    Failure {
        sent: Known::Yes,
        billed: Known::Yes,
        scope: Some(Scope::Request),
        phase: Some(Phase::Download),
        http_status: Some(status),
        ..Failure::new(class, format!("{told}: status {status}"))
    }
}

/// A refusal in the provider's own words.
pub(crate) struct Refusal<'a> {
    pub class: Class,
    pub code: Option<&'a str>,
    pub text: String,
}

/// The failure that a reply without success is. `refusal` is what the provider itself said, if it was the provider
/// that spoke: a proxy's page is not.
pub(crate) fn refused(
    provider: &str,
    asked: Asked,
    reply: &Reply,
    refusal: Option<Refusal<'_>>,
    body: Option<&Json>,
) -> Failure {
    let answered = format!("{provider} answered {}", reply.status);
    let (class, code, message) = match refusal {
        Some(Refusal { class, code, text }) if text.is_empty() => (class, code, answered),
        Some(Refusal { class, code, text }) => (class, code, format!("{answered}: {}", said(&text))),
        None => (unexplained(asked, reply.status), None, format!("{answered} with {}", what_came(reply))),
    };
    Failure {
        retry_at: waiting::retry_at(reply, body),
        sent: Known::Yes,
        billed: if class == Class::Unknown { Known::Maybe } else { Known::No },
        scope: Some(scope(class)),
        phase: Some(if asked == Asked::Job { Phase::Poll } else { Phase::Wait }),
        provider_code: code.map(said),
        http_status: Some(reply.status),
        request_id: request_id(reply),
        ..Failure::new(class, message)
    }
}

/// The body of a reply of success, a JSON object; `refused` says what any other reply means.
pub(crate) fn object(
    provider: &str,
    asked: Asked,
    reply: &Reply,
    refused: fn(Asked, &Reply) -> Failure,
) -> Result<Json, Failure> {
    if !reply.is_success() {
        return Err(refused(asked, reply));
    }
    match crate::json::read(&reply.body) {
        Ok(body) if body.is_object() => Ok(body),
        Ok(_) => Err(unusable(provider, asked, reply, "JSON that is no object")),
        Err(unread) => {
            let failure = unusable(provider, asked, reply, &unread.to_string());
            // Of a call it stays unknown what became of it: the reply that would say so is lost.
            let is_answer = asked != Asked::Call && matches!(unread, Unread::TooLarge(_));
            Err(if is_answer { Failure { class: Class::TooLarge, ..failure } } else { failure })
        }
    }
}

/// The failure that a reply is which holds all that a call gave, is paid, and exceeds a limit; otherwise `failure`.
pub(crate) fn or_excess(failure: Failure, provider: &str, asked: Asked, reply: &Reply) -> Failure {
    match crate::json::read(&reply.body) {
        Err(unread @ Unread::TooLarge(_)) => Failure {
            class: Class::TooLarge,
            billed: Known::Yes,
            ..unusable(provider, asked, reply, &unread.to_string())
        },
        _ => failure,
    }
}

/// A reply of success that can't be used, because it is `what`.
pub(crate) fn unusable(provider: &str, asked: Asked, reply: &Reply, what: &str) -> Failure {
    // A call whose reply can't be read has lost its reply: the work may be under way.
    let (class, billed) = match asked {
        Asked::Call => (Class::Unknown, Known::Maybe),
        Asked::Job | Asked::Other => (Class::Unavailable, Known::No),
    };
    Failure {
        sent: Known::Yes,
        billed,
        scope: Some(Scope::Request),
        phase: Some(if asked == Asked::Job { Phase::Poll } else { Phase::Body }),
        http_status: Some(reply.status),
        request_id: request_id(reply),
        ..Failure::new(class, format!("{provider} answered {} with {what}", reply.status))
    }
}

/// The class by the status alone.
pub(crate) fn by_status(asked: Asked, status: u16) -> Class {
    match status {
        401 | 403 | 407 => Class::Auth,
        402 => Class::Quota,
        404 | 410 => Class::Gone,
        413 | 414 => Class::TooLarge,
        425 | 429 => Class::Throttled,
        451 => Class::Content,
        408 | 499 | 500.. if asked != Asked::Call => Class::Unavailable,
        400..408 | 409..499 => Class::Invalid,
        _ if asked == Asked::Call => Class::Unknown,
        _ => Class::BadOutput,
    }
}

/// The class of a status that the provider itself said nothing about. A throttling that isn't in its own shape may
/// come from something in between that has passed the request on.
fn unexplained(asked: Asked, status: u16) -> Class {
    match status {
        409 | 425 | 429 if asked == Asked::Call => Class::Unknown,
        _ => by_status(asked, status),
    }
}

fn what_came(reply: &Reply) -> String {
    match crate::json::read(&reply.body) {
        Ok(_) => "JSON in a form that isn't known".to_owned(),
        Err(unread) => unread.to_string(),
    }
}

/// What a failure of this class says something about, if nothing else is known.
pub(crate) fn scope(class: Class) -> Scope {
    match class {
        class if class.is_about_key() => Scope::Key,
        Class::Gone => Scope::Model,
        Class::Unavailable => Scope::Provider,
        _ => Scope::Request,
    }
}

/// The provider's name for the request, from whichever header has it.
pub(crate) fn request_id(reply: &Reply) -> Option<String> {
    let names = ["x-request-id", "x-fal-request-id", "request-id", "x-trace-id"];
    names.iter().find_map(|name| reply.header(name)).filter(|id| is_id(id)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class_and_a_paid_call_is_never_called_unavailable_by_its_status() {
        for status in 0..=u16::MAX {
            assert_ne!(by_status(Asked::Call, status), Class::Unavailable, "{status}");
            assert_ne!(unexplained(Asked::Call, status), Class::Throttled, "{status}");
            assert_ne!(by_status(Asked::Job, status), Class::Unknown, "{status}");
        }
        let table = [
            (302, Class::Unknown),
            (400, Class::Invalid),
            (401, Class::Auth),
            (404, Class::Gone),
            (408, Class::Unknown),
            (413, Class::TooLarge),
            (499, Class::Unknown),
            (500, Class::Unknown),
            (503, Class::Unknown),
        ];
        for (status, class) in table {
            assert_eq!(by_status(Asked::Call, status), class, "{status}");
        }
    }

    #[test]
    fn an_expired_output_is_told_from_one_that_can_be_had_later() {
        for status in [400, 401, 403, 404, 410] {
            assert!(download_refused(status).is_expired(), "{status}");
        }
        for status in [408, 425, 429, 500, 503] {
            assert_eq!(download_refused(status).class, Class::Unavailable, "{status}");
        }
        assert_eq!(download_refused(302).class, Class::BadOutput);
    }
}
