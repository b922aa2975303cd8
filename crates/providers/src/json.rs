//! Reading JSON that somebody else wrote, within bounds.

use std::borrow::Cow;
use std::fmt;

use motet_pipeline::value::{BadJson, read_reply};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;

/// The most values that a reply may hold: each takes far more memory than its two bytes of text.
const VALUES_MAX: usize = 4_000_000;

/// What came in the place of JSON that can be used, to be put behind "answered with".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// No JSON, or not the JSON that was expected.
    Other(&'static str),
    /// JSON that exceeds a limit, and which one.
    TooLarge(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Other(what) => f.write_str(what),
            Unread::TooLarge(excess) => write!(f, "JSON that {excess}"),
        }
    }
}

/// What `body` says as JSON, or why it isn't read. Of a whole number of more than 64 bits no digit is lost: it is text.
pub(crate) fn read(body: &[u8]) -> Result<Json, Unread> {
    let parts = body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':')).count();
    if parts > VALUES_MAX && serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        return Err(Unread::TooLarge(format!("has more than {VALUES_MAX} values")));
    }
    read_reply(body).map_err(|bad| match bad {
        BadJson::Excess { excess, .. } => Unread::TooLarge(excess),
        BadJson::NoJson(_) if body.is_empty() => Unread::Other("nothing"),
        BadJson::NoJson(error) if error.is_eof() => Unread::Other("JSON that breaks off"),
        BadJson::NoJson(_) if looks_like_html(body) => Unread::Other("a web page"),
        BadJson::NoJson(_) => Unread::Other("text that is no JSON"),
    })
}

/// The text under `name` in an object that is too large to be read as a whole.
pub(crate) fn text_of_large(body: &[u8], name: &str) -> Option<String> {
    struct Wanted<'n>(&'n str);
    impl<'de> Visitor<'de> for Wanted<'_> {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(name) = entries.next_key::<Cow<'de, str>>()? {
                match name == self.0 {
                    true => found = Some(entries.next_value()?),
                    false => _ = entries.next_value::<IgnoredAny>()?,
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_slice(body).deserialize_map(Wanted(name)).ok()?
}

fn looks_like_html(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// The text under `name`, where it is one and isn't empty.
pub(crate) fn text<'a>(object: &'a Json, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The text under `name`, if it has the form of an id: 1 to 200 letters, digits, `-`, `_` and `.`, not only dots. It
/// may then be a part of a path.
pub(crate) fn id<'a>(object: &'a Json, name: &str) -> Option<&'a str> {
    text(object, name).filter(|text| is_id(text))
}

/// See [`id`].
pub(crate) fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=200).contains(&text.len()) && text.bytes().all(fits) && text.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_deep_too_much_or_no_json_is_refused_in_words() {
        let open = "[".repeat(1_000_000);
        let deep = format!("{open}{}", "]".repeat(1_000_000));
        let many = format!("[{}0]", "0,".repeat(VALUES_MAX));
        let page = format!("<p>{}", ",".repeat(VALUES_MAX + 1));
        let table: [(&[u8], _, bool); 10] = [
            (b"", "nothing", false),
            (b"{\"a\":", "JSON that breaks off", false),
            (b"\n <!DOCTYPE html><p>502</p>", "a web page", false),
            (b"502 Bad Gateway", "text that is no JSON", false),
            (b"\xff\xfe", "text that is no JSON", false),
            (open.as_bytes(), "JSON that breaks off", false),
            (page.as_bytes(), "a web page", false),
            (b"[1e400]", "JSON that has a number that is too large", true),
            (deep.as_bytes(), "JSON that has lists and objects nested more than 64 deep", true),
            (many.as_bytes(), "JSON that has more than 4000000 values", true),
        ];
        for (body, told, is_json) in table {
            let unread = read(body).unwrap_err();
            assert_eq!(unread.to_string(), told);
            assert_eq!(matches!(unread, Unread::TooLarge(_)), is_json, "{told}");
        }
    }

    #[test]
    fn what_is_too_large_is_still_asked_for_a_word() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let large = format!(r#"{{"output":{deep},"status":"succeeded"}}"#);
        assert_eq!(text_of_large(large.as_bytes(), "status").as_deref(), Some("succeeded"));
        assert_eq!(text_of_large(large.as_bytes(), "id"), None);
        assert_eq!(text_of_large(deep.as_bytes(), "status"), None);
    }

    #[test]
    fn an_id_can_be_a_part_of_a_path() {
        let table = [("gm3qorzdhgbf", true), ("a.b-C_1", true), ("", false), ("..", false), ("a/b", false)];
        for (text, fits) in table {
            assert_eq!(is_id(text), fits, "{text}");
        }
        assert!(!is_id("a?b") && !is_id("a%2fb") && !is_id("é") && !is_id(&"a".repeat(201)));
    }
}
