//! What Replicate's refusals and failed predictions mean.

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

/// `{"detail", "status", "title"?, "invalid_fields"?}`: what Replicate itself says.
fn of_reply(asked: Asked, status: u16, body: &Json) -> Option<Refusal<'_>> {
    let detail = json::text(body, "detail")?;
    let title = json::text(body, "title").unwrap_or_default();
    let class = match status {
        422 if title.starts_with("Invalid version") => Class::Gone,
        status => by_status(asked, status),
    };
    let text = if title.is_empty() { detail.to_owned() } else { format!("{title}: {detail}") };
    Some(Refusal { class, code: first_fault(body), text })
}

/// The kind of the first thing that is wrong with the inputs.
fn first_fault(body: &Json) -> Option<&str> {
    json::text(body.get("invalid_fields")?.get(0)?, "type")
}

/// The platform's own codes, as they begin or end the text of a failed prediction.
const CODES: [(&str, Class); 10] = [
    ("E1000", Class::Unavailable),
    ("E1001", Class::TooLarge),
    ("E4875", Class::Invalid),
    ("E6716", Class::Unavailable),
    ("E8367", Class::Unavailable),
    ("E8765", Class::Unavailable),
    ("E9243", Class::Unavailable),
    ("E9825", Class::Unavailable),
    ("E005", Class::Content),
    ("PA", Class::Unavailable),
];

/// What models say of it in words.
const PHRASES: [(&str, Class); 10] = [
    ("nsfw", Class::Content),
    ("flagged as sensitive", Class::Content),
    ("content policy", Class::Content),
    ("content moderation", Class::Content),
    ("prohibited content", Class::Content),
    ("safety filter", Class::Content),
    ("out of memory", Class::TooLarge),
    ("input is too long", Class::TooLarge),
    ("prediction interrupted", Class::Unavailable),
    ("failed to download", Class::Invalid),
];

/// How much of an error's text is looked at, in characters.
const LOOKED_AT: usize = 2000;

/// The class of a failed prediction by its error, and the platform's code if it has one. What nothing is known of is
/// the model's own complaint about its inputs.
pub(super) fn of_job(error: &str) -> (Class, Option<&str>) {
    let mut words =
        error.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    // A code stands at the front, or in brackets at the end.
    let bracketed = error.trim_end_matches(['.', ' ']).strip_suffix(')');
    let last = bracketed.and_then(|rest| rest.rsplit(['(', ' ']).next());
    let codes = words.next().into_iter().chain(last);
    let known = codes.filter_map(|word| CODES.iter().find(|(code, _)| *code == word)).next();
    if let Some((code, class)) = known {
        return (*class, Some(code));
    }
    let text: String = error.chars().take(LOOKED_AT).collect::<String>().to_ascii_lowercase();
    let class = PHRASES.iter().find(|(phrase, _)| text.contains(phrase)).map(|(_, class)| *class);
    (class.unwrap_or(Class::Invalid), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_prediction_is_classed_by_its_code_and_then_by_its_words() {
        let table = [
            ("E1001: out of memory", Class::TooLarge, Some("E1001")),
            ("E6716 Timeout starting prediction", Class::Unavailable, Some("E6716")),
            ("The input or output was flagged as sensitive. (E005)", Class::Content, Some("E005")),
            ("Prediction interrupted; please retry (code: PA)", Class::Unavailable, Some("PA")),
            ("NSFW content detected. Try running it again.", Class::Content, None),
            ("CUDA out of memory. Tried to allocate 2 GiB", Class::TooLarge, None),
            ("width 7 is not divisible by 8", Class::Invalid, None),
            ("E10012 tokens is not E1001", Class::Invalid, None),
            ("the prompt said 429 rate limit 403", Class::Invalid, None),
            ("", Class::Invalid, None),
        ];
        for (error, class, code) in table {
            assert_eq!(of_job(error), (class, code), "{error}");
        }
    }
}
