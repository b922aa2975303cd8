//! Paths and queries of requests.

use motet_pipeline::{Failure, Timestamp};
use std::fmt::Write;

use crate::json::is_id;

/// `text` as a part of a path or query: all but letters, digits and `-._~` as `%XX`.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => write!(encoded, "%{byte:02X}").expect("a string takes all that is written"),
        }
    }
    encoded
}

/// A path with a query of these pairs; without any, the path alone.
pub(crate) fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={}", encoded(&value)));
    let query: Vec<_> = pairs.collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// The parts of a model's name, `owner/name` or longer; each can stand in a path.
pub(crate) fn parts(id: &str, least: usize) -> Result<Vec<&str>, Failure> {
    let parts: Vec<_> = id.split('/').collect();
    let is_name = parts.len() >= least && parts.iter().all(|part| is_id(part));
    if is_name {
        Ok(parts)
    } else {
        Err(Failure::invalid("the model's name isn't one of this provider's names"))
    }
}

/// A point in time as JSON APIs read it, to the second, never later than it is.
pub(crate) fn rfc_3339(at: Timestamp) -> String {
    let written = at.to_string();
    format!("{}Z", written.split('.').next().unwrap_or(&written))
}

/// Whether a text is an absolute address of the web, at most 8 KiB long.
pub(crate) fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`');
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.len() <= 8 << 10
        && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_made_of_what_may_stand_in_them() {
        assert_eq!(with_query("/a", [("q", "a b&c=é/..".to_owned())]), "/a?q=a%20b%26c%3D%C3%A9%2F..");
        assert_eq!(with_query("/a", []), "/a");
        for bad in ["", "a", "a/", "/a", "a/../b", "a/b?c", "a/b c", "a/é"] {
            assert!(parts(bad, 2).is_err(), "{bad}");
        }
        assert_eq!(parts("fal-ai/veo3.1/fast", 2).unwrap(), ["fal-ai", "veo3.1", "fast"]);
        assert_eq!(rfc_3339(Timestamp(1_793_523_600_999)), "2026-11-01T09:00:00Z");
    }

    #[test]
    fn an_address_of_the_web_is_told_from_all_else() {
        let table = [
            ("https://replicate.delivery/pbxt/a/out.png?x=1", true),
            ("http://127.0.0.1:9/a", true),
            ("https://", false),
            ("https:///etc/passwd", false),
            ("file:///etc/passwd", false),
            ("https://a.b/\r\nx: y", false),
            ("https://a.b/ c", false),
            ("//a.b/c", false),
        ];
        for (text, is_one) in table {
            assert_eq!(is_web_address(text), is_one, "{text}");
        }
        assert!(!is_web_address(&format!("https://a.b/{}", "c".repeat(9000))));
    }
}
