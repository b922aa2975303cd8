//! Scrubbing: what a recording leaves out, beside the keys that were sent.

use std::borrow::Cow;
use std::collections::BTreeSet;

use motet_pipeline::Digest;
use serde_json::Value as Json;
use url::Url;

/// What is written in the place of what is left out.
pub(super) const LEFT_OUT: &str = "[left out]";

/// The longest text that is looked through for JSON.
const JSON_BYTES_MAX: usize = 32 << 20;

/// Whether a header's value, a field or a part of a query may be a secret by its name.
fn is_secret_name(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let ends = ["token", "secret", "password", "signature", "credential", "apikey", "accesskeyid", "cookie"];
    let whole = ["key", "sig", "policy", "authorization", "authorisation", "xi", "googleaccessid", "jwt"];
    ends.iter().any(|end| name.ends_with(end)) || whole.contains(&name.as_str()) || name.contains("authoriz")
}

/// The headers of a reply that can be told.
pub(super) fn headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let is_told = |(name, _): &&(String, String)| !is_secret_name(name) && !name.contains("authenticate");
    let mut told: Vec<(String, String)> = headers.iter().filter(is_told).cloned().collect();
    for (_, value) in told.iter_mut().filter(|(name, _)| matches!(name.as_str(), "location" | "link")) {
        *value = address(value).into_owned();
    }
    told
}

/// A URL or a path, without the values in its query that may be secret.
pub(super) fn address(text: &str) -> Cow<'_, str> {
    let Some((before, query)) = text.split_once('?') else { return text.into() };
    let (query, fragment) = query.split_once('#').map_or((query, None), |(query, rest)| (query, Some(rest)));
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret_name(name) => format!("{name}={LEFT_OUT}"),
        _ => pair.to_owned(),
    };
    let query: Vec<String> = query.split('&').map(pair).collect();
    let fragment = fragment.map(|rest| format!("#{rest}")).unwrap_or_default();
    format!("{before}?{}{fragment}", query.join("&")).into()
}

/// A body of JSON without the values of fields that may be secret, and without signatures in URLs. All else stays
/// letter by letter.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    if text.len() > JSON_BYTES_MAX {
        return text.into();
    }
    let Ok(document) = serde_json::from_str::<Json>(text) else { return text.into() };
    let mut found = BTreeSet::new();
    gather(&document, false, &mut found);
    let mut scrubbed = Cow::Borrowed(text);
    // The longest first: a shorter one may be a part of it.
    let mut found: Vec<(String, String)> = found.into_iter().collect();
    found.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    for (value, instead) in &found {
        for written in spellings(value) {
            if scrubbed.contains(&written) {
                scrubbed = scrubbed.replace(&written, &quoted(instead)).into();
            }
        }
    }
    scrubbed
}

/// The texts in `value` that are to be replaced, each with what is written instead.
fn gather(value: &Json, is_secret: bool, found: &mut BTreeSet<(String, String)>) {
    match value {
        Json::String(text) if text.is_empty() => {}
        Json::String(text) if is_secret || text.starts_with("whsec_") => {
            found.insert((text.clone(), LEFT_OUT.to_owned()));
        }
        Json::String(text) if Url::parse(text).is_ok_and(|url| url.query().is_some()) => {
            let scrubbed = address(text);
            if scrubbed != *text {
                found.insert((text.clone(), scrubbed.into_owned()));
            }
        }
        Json::Array(items) => items.iter().for_each(|item| gather(item, is_secret, found)),
        Json::Object(fields) => {
            fields.iter().for_each(|(name, value)| gather(value, is_secret || is_secret_name(name), found));
        }
        _ => {}
    }
}

/// How JSON may write a text, with its quotes.
fn spellings(text: &str) -> [String; 2] {
    let plain = quoted(text);
    [plain.replace('/', "\\/"), plain]
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

/// A text without the bytes of its data URIs: only their digest is left.
pub(super) fn data_uris(text: &str) -> Cow<'_, str> {
    const MARK: &str = ";base64,";
    if !text.contains(MARK) {
        return text.into();
    }
    let mut scrubbed = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARK) {
        let is_of_base64 = |letter: char| letter.is_ascii_alphanumeric() || "+/=-_\\".contains(letter);
        let end = after.find(|letter| !is_of_base64(letter)).unwrap_or(after.len());
        let name = Digest::of(&after.as_bytes()[..end]);
        scrubbed.push_str(&format!("{before}{MARK}[{end} letters, {name}]"));
        rest = &after[end..];
    }
    scrubbed.push_str(rest);
    scrubbed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_by_its_name_is_left_out_and_all_else_stays_letter_by_letter() {
        let text = r#"{ "id": "p1", "seed": 18446744073709551617, "token": "T/1", "key":"whsec_abc",
            "again": "T/1", "keys": [{"secret": ["one", {"deep": "two"}]}], "max_tokens": 5, "monkey": "x",
            "upload_url": "https:\/\/up.example\/f?X-Amz-Signature=abc&X-Amz-Credential=c&part=1" }"#;
        insta::assert_snapshot!(json(text));
        assert_eq!(json("no JSON, token=abc"), "no JSON, token=abc");
    }

    #[test]
    fn addresses_keep_what_tells_them_apart() {
        let table = [
            ("/v1/predictions?cursor=abc&token=hush", "/v1/predictions?cursor=abc&token=[left out]"),
            ("https://a.example/f?sig=hush&x=1#f", "https://a.example/f?sig=[left out]&x=1#f"),
            ("/plain", "/plain"),
        ];
        for (text, scrubbed) in table {
            assert_eq!(address(text), scrubbed);
        }
    }

    #[test]
    fn of_a_data_uri_only_the_digest_is_left() {
        let text = r#"{"image":"data:image/png;base64,aGVs\/bG8=","other":";base64,"}"#;
        let scrubbed = data_uris(text);
        assert!(!scrubbed.contains("aGVs") && scrubbed.contains("[10 letters, sha256:"), "{scrubbed}");
        assert!(scrubbed.ends_with("\"}") && scrubbed.contains("\",\"other\""), "{scrubbed}");
        assert_eq!(data_uris("plain"), "plain");
    }
}
