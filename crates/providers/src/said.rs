//! The words of a provider, made fit to be kept and shown.

use motet_pipeline::visible;

/// How much of a provider's text is kept, in characters.
const CHARACTERS_MAX: usize = 256;

/// How much of it is looked at, in bytes.
const BYTES_MAX: usize = 8 << 10;

/// A run of letters and digits that is longer may be a key, and is cut to its first characters.
const RUN_MAX: usize = 31;
const SHOWN: usize = 4;

/// What a provider said, as it may be kept: at most 256 characters, nothing that a terminal obeys, without queries of
/// URLs, without data URIs, and without anything that looks like a key. The door takes out the keys that it knows as
/// well; this holds for those that it doesn't know.
pub(crate) fn said(text: &str) -> String {
    let end = (0..=text.len().min(BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut shown = String::new();
    let mut after = None;
    for word in text[..end].split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        if !shown.is_empty() {
            shown.push(' ');
        }
        if after.is_some_and(|scheme| may_be_a_key(scheme, bare)) {
            shown.push_str("[hidden]");
        } else {
            shown.push_str(&visible(&harmless(word)));
        }
        let last =
            bare.rsplit(|letter: char| !letter.is_alphanumeric()).next().filter(|_| word.ends_with(bare));
        after = SCHEMES.into_iter().find(|scheme| last.is_some_and(|last| last.eq_ignore_ascii_case(scheme)));
    }
    match shown.char_indices().nth(CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", &shown[..at]),
        None => shown,
    }
}

/// A word without what may be secret in it.
fn harmless(word: &str) -> String {
    if let Some(at) = word.find("data:").filter(|at| word[*at..].contains(";base64,")) {
        return format!("{}[data]", &word[..at]);
    }
    let word = match word.find("://") {
        Some(at) => without_query(word, at + 3),
        None => word.to_owned(),
    };
    let is_run = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '+' | '/' | '=');
    let mut shown = String::with_capacity(word.len());
    let mut rest = word.as_str();
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|letter| is_run(letter) != is_run(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        let is_path = run.contains('/') && run.split('/').all(|part| part.len() <= RUN_MAX);
        match is_run(first) && (is_key(run) || (run.len() > RUN_MAX && !is_path)) {
            true => shown.extend(run.chars().take(SHOWN).chain(['…'])),
            false => shown.push_str(run),
        }
        rest = after;
    }
    shown
}

/// A word with a URL in it, whose host begins at `host`, without the URL's user and query.
fn without_query(word: &str, host: usize) -> String {
    let (front, url) = word.split_at(host);
    let (place, cut) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], "?…"),
        None => (url, ""),
    };
    let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{front}{host}{path}{cut}")
}

/// The words that a key may follow.
const SCHEMES: [&str; 3] = ["bearer", "key", "token"];

/// Whether the word behind a scheme may be a key. `key` and `token` are words as well, with plain words behind them.
fn may_be_a_key(scheme: &str, word: &str) -> bool {
    scheme == "bearer" || word.len() > 12 || !word.chars().all(char::is_alphabetic)
}

/// Whether it begins as the keys of providers do.
fn is_key(run: &str) -> bool {
    const PREFIXES: [&str; 6] = ["r8_", "sk_", "whsec_", "wsec_", "hf_", "xi_"];
    run.len() > 8 && PREFIXES.iter().any(|prefix| run.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_queries_and_data_are_taken_out_of_what_a_provider_says() {
        let table = [
            ("prompt is required", "prompt is required"),
            ("Bad token: Bearer abc.def", "Bad token: Bearer [hidden]"),
            ("no user for Key 1234:5678 here", "no user for Key [hidden] here"),
            ("No user found for Key ID and Secret", "No user found for Key ID and Secret"),
            ("key r8_Ab12Cd34Ef56 is bad", "key [hidden] is bad"),
            ("you sent 'Authorization:Bearer hush'", "you sent 'Authorization:Bearer [hidden]"),
            ("(r8_Ab12Cd34Ef56)", "(r8_A…)"),
            ("see https://u:p@x.io/a/b?key=hush#frag, now", "see https://x.io/a/b?… now"),
            (
                "https://queue.fal.run/fal-ai/flux/requests/1f8e3a5e-2f0e-4b7a-9a4e-d2f1c4a0b6aa",
                "https://queue.fal.run/fal-ai/flux/requests/1f8e3a5e-2f0e-4b7a-9a4e-d2f1c4a0b6aa",
            ),
            ("got data:image/png;base64,AAAA", "got [data]"),
            ("0123456789abcdef0123456789abcdef", "0123…"),
            ("red\u{1b}[31m  \n two", "red\\u001b[31m two"),
        ];
        for (text, shown) in table {
            assert_eq!(said(text), shown);
        }
        assert_eq!(said(&"é ".repeat(20_000)).chars().count(), CHARACTERS_MAX + 1);
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_bounded_and_holds_no_key(text in any::<String>(), key in "(r8|sk|whsec)_[A-Za-z0-9]{20,40}") {
            let shown = said(&format!("{text} {key} {text}"));
            prop_assert!(shown.chars().count() <= CHARACTERS_MAX + 1);
            prop_assert!(!shown.contains(&key));
        }
    }
}
