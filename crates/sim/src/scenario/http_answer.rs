//! What a server answers that a pipeline names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Fault;

/// The longest delay, in seconds.
const DELAY_MAX: f64 = 3600.0;

/// The methods that a client can use.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Headers that the connection sets.
const OF_THE_CONNECTION: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

/// What a server answers to some requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpAnswer {
    /// Only to requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only to this address, in which `*` stands for any text; without a `?` in it, the query doesn't matter.
    pub url: String,
    /// The status; 200 by default. Of `error_before` and `error_after` it is the status if it is 500 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The headers, beside the type of the body.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body: a text, or JSON. Without it there is none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// The delay, in seconds, that `--speed` divides.
    #[serde(default)]
    pub delay: f64,
    /// A fault, each time. It must be one of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl HttpAnswer {
    pub(super) fn wrong(&self) -> Option<String> {
        if let Some(method) = self.method.as_deref().filter(|method| !METHODS.contains(method)) {
            return Some(format!("there is no method `{method}`; supported: {}", METHODS.join(", ")));
        }
        if self.url.is_empty() {
            return Some("`url` must not be empty; `*` fits all".to_owned());
        }
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Some("`status` must be from 200 to 599".to_owned());
        }
        if !(0.0..=DELAY_MAX).contains(&self.delay) {
            return Some(format!("`delay` must be from 0 to {DELAY_MAX} seconds"));
        }
        if let Some(fault) = self.fault.filter(|fault| fault.affects_jobs()) {
            return Some(format!("`{}` affects a job, and a request starts none", fault.name()));
        }
        let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let is_free = |name: &str| !OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str());
        let mut headers = self.headers.iter();
        headers
            .find(|(name, value)| !is_name(name) || !is_free(name) || !is_plain(value))
            .map(|(name, _)| format!("the header `{}` can't be sent", name.escape_debug()))
    }

    /// Whether it answers such a request.
    pub(crate) fn fits(&self, method: &str, url: &str) -> bool {
        let url = if self.url.contains('?') { url } else { url.split('?').next().unwrap_or_default() };
        self.method.as_deref().is_none_or(|only| only == method) && is_like(&self.url, url)
    }
}

/// Whether `text` has the form of `pattern`, in which `*` stands for any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_the_query_counts_only_where_it_is_written() {
        let table = [
            ("https://a.example/now", "https://a.example/now", true),
            ("https://a.example/now", "https://a.example/now?x=1", true),
            ("https://a.example/now", "https://a.example/nowhere", false),
            ("https://a.example/*", "https://a.example/a/b", true),
            ("*", "https://a.example/", true),
            ("*://a.example/*/b", "http://a.example/a/b", true),
            ("*ab", "xabab", true),
            ("a*b*b", "ab", false),
            ("https://a.example/?x=*", "https://a.example/?x=1&y=2", true),
            ("https://a.example/?x=1", "https://a.example/?x=2", false),
        ];
        for (pattern, url, fits) in table {
            let answer = HttpAnswer {
                method: None,
                url: pattern.to_owned(),
                status: None,
                headers: BTreeMap::new(),
                body: Value::Null,
                delay: 0.0,
                fault: None,
            };
            assert_eq!(answer.fits("GET", url), fits, "{pattern} {url}");
        }
    }
}
