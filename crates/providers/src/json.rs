//! Reading JSON that somebody else wrote, within bounds.

use serde_json::Value as Json;

/// The most values that a reply may hold: each takes far more memory than its two bytes of text.
const VALUES_MAX: usize = 4_000_000;

/// What `body` says as JSON, or why it is refused. How deep it may lie is bounded by the parser.
pub(crate) fn read(body: &[u8]) -> Result<Json, &'static str> {
    let parts = body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':')).count();
    if parts > VALUES_MAX {
        return Err("more JSON than is read");
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof if body.is_empty() => "nothing",
        serde_json::error::Category::Eof => "JSON that breaks off",
        _ if looks_like_html(body) => "a web page",
        _ => "text that is no JSON",
    })
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
        let deep = "[".repeat(1_000_000);
        let many = format!("[{}0]", "0,".repeat(VALUES_MAX));
        let table: [(&[u8], _); 7] = [
            (b"", "nothing"),
            (b"{\"a\":", "JSON that breaks off"),
            (b"\n <!DOCTYPE html><p>502</p>", "a web page"),
            (b"502 Bad Gateway", "text that is no JSON"),
            (b"\xff\xfe", "text that is no JSON"),
            (deep.as_bytes(), "text that is no JSON"),
            (many.as_bytes(), "more JSON than is read"),
        ];
        for (body, refused) in table {
            assert_eq!(read(body), Err(refused));
        }
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
