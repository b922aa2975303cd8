//! How long a provider wants us to wait, in all the ways in which it is said.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use motet_pipeline::Timestamp;
use serde_json::Value as Json;

use crate::http::Reply;

/// More is no hint but a fault.
const SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// The texts in front of a number of seconds, in messages of providers.
const PHRASES: [&str; 4] = ["resets in ~", "resets in ", "available in ", "try again in "];

/// The first moment at which the provider wants to hear from us again: the latest of all that the reply tells. What
/// can't be understood (`-1`, a word) tells nothing.
pub(crate) fn retry_at(reply: &Reply, body: Option<&Json>) -> Option<Timestamp> {
    let header = |name| reply.header(name).map(str::trim);
    let in_body = |name| {
        body.and_then(|body| body.get(name)).and_then(|told| match told {
            Json::String(text) => seconds(text),
            number => number.as_f64(),
        })
    };
    let spans = [
        header("retry-after-ms").and_then(seconds).map(|milliseconds| milliseconds / 1000.0),
        header("retry-after").and_then(seconds),
        in_body("retry_after"),
        body.and_then(in_words),
    ];
    let after = |span: f64| {
        let is_hint = (0.0..=SECONDS_MAX).contains(&span);
        is_hint.then(|| Timestamp(reply.at.0.saturating_add((span * 1000.0).ceil() as i64)))
    };
    let moments = spans.into_iter().flatten().filter_map(after);
    moments.chain(header("retry-after").and_then(date)).max()
}

fn seconds(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_number)
}

/// "Your rate limit resets in ~30s."
fn in_words(body: &Json) -> Option<f64> {
    let told = body.get("detail")?.as_str()?.to_ascii_lowercase();
    let (at, phrase) = PHRASES.iter().find_map(|phrase| Some((told.find(phrase)?, phrase)))?;
    let rest = &told[at + phrase.len()..];
    let number = rest.split(|letter: char| !letter.is_ascii_digit() && letter != '.').next()?;
    let unit = rest[number.len()..].trim_start();
    let number = seconds(number.trim_end_matches('.'))?;
    match unit.chars().next() {
        Some('m') if !unit.starts_with("ms") => Some(number * 60.0),
        Some('s') => Some(number),
        _ => None,
    }
}

/// A date as HTTP has it (RFC 9110 §5.6.7), in its one form of today and the two of the past.
fn date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let moment = FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(moment.timestamp().as_millisecond()))
}

/// A moment as JSON APIs write it (RFC 3339).
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp(784_111_777_000);

    fn after(name: &str, value: &str, body: Json) -> Option<i64> {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let reply = Reply { status: 429, headers, at: NOW, ..Reply::default() };
        retry_at(&reply, Some(&body)).map(|at| at.0 - NOW.0)
    }

    #[test]
    fn a_wait_is_understood_in_every_spelling() {
        let headers = [
            ("retry-after", "2", Some(2000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after", " 600 ", Some(600_000)),
            ("retry-after", "604800", Some(604_800_000)),
            ("retry-after-ms", "1500", Some(1500)),
            ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT", Some(60_000)),
            ("retry-after", "Sun Nov  6 08:50:37 1994", Some(60_000)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "1e3", None),
            ("retry-after", "inf", None),
            ("retry-after", "", None),
            ("retry-after", "99999999999999999999999", None),
        ];
        for (name, value, expected) in headers {
            assert_eq!(after(name, value, Json::Null), expected, "{name}: {value}");
        }
        let bodies = [
            (json!({ "retry_after": 8 }), Some(8000)),
            (json!({ "retry_after": "8" }), Some(8000)),
            (json!({ "retry_after": -8 }), None),
            (json!({ "retry_after": [] }), None),
            (json!({ "detail": "Request was throttled. Your rate limit resets in ~30s." }), Some(30_000)),
            (json!({ "detail": "Request was throttled. Expected available in 1 second." }), Some(1000)),
            (json!({ "detail": "try again in 2 minutes" }), Some(120_000)),
            (json!({ "detail": "resets in ~x" }), None),
            (json!({ "detail": { "retry_after": 1 } }), None),
            (json!([8]), None),
        ];
        for (body, expected) in bodies {
            assert_eq!(after("x", "", body.clone()), expected, "{body}");
        }
    }

    #[test]
    fn of_several_hints_the_latest_holds() {
        let body = json!({ "retry_after": 5, "detail": "Your rate limit resets in ~30s." });
        assert_eq!(after("retry-after", "7", body), Some(30_000));
    }
}
